"""What can be wrong around a bot, one check each. A check gives what it found and never raises."""

from __future__ import annotations

import base64
import json
import socket
import threading
import time
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

import callredirect as cr

from ._capture import token_of
from ._failure import Failure
from ._http import Unreachable, fetch, is_loopback

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ._credentials import Identity

_PATIENCE = 10.0
_SKEW_WARNING, _SKEW_FAILURE = 30.0, 300.0
_NEEDED = "Calls.Initiate.All"
_GRAPH_APP = "00000003-0000-0000-c000-000000000000"
_FRAMEWORKS = (
    "fastapi",
    "starlette",
    "aiohttp",
    "flask",
    "quart",
    "django",
    "litestar",
    "azure-functions",
    "azure-identity",
)


class Finding(NamedTuple):
    """What a check found."""

    check: str
    status: str
    """``ok``, ``warn``, ``failed`` or ``skipped``."""
    message: str
    hint: str | None = None


def versions() -> Finding:
    """What is installed."""
    import platform
    from importlib.metadata import PackageNotFoundError, version

    found = []
    for name in _FRAMEWORKS:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    beside = f"; {', '.join(found)}" if found else ""
    python = f"{platform.python_implementation()} {platform.python_version()}"
    message = f"callredirect {version('callredirect')}, {python} on {platform.system()} {platform.machine()}{beside}"
    return Finding("versions", "ok", message)


class Host:
    """One address that the bot needs, and the time it told."""

    def __init__(self, check: str, url: str) -> None:
        self.check = check
        self.url = url
        self.skew: float | None = None
        self.reached = False

    def look(self) -> Finding:
        """Resolves the name and asks for anything; whatever is answered is good."""
        parts = urlsplit(self.url)
        host = parts.hostname or ""
        where = f"{parts.scheme}://{parts.netloc}"
        if not _behind_proxy(parts.scheme, host):
            addresses = resolve(host, parts.port or (443 if parts.scheme == "https" else 80))
            if isinstance(addresses, str):
                hint = "check the resolver of this machine, its network, and the name"
                return Finding(self.check, "failed", f"{host}: {addresses}", hint)
        began, wall = time.monotonic(), time.time()
        try:
            status, headers, _ = fetch(self.url, timeout=_PATIENCE)
        except Unreachable as error:
            return Finding(self.check, "failed", f"{where}: {error}", _network_hint(str(error), parts.scheme))
        took = time.monotonic() - began
        self.reached = True
        self.skew = _skew(headers.get("date"), wall + took / 2)
        secure = "TLS, " if parts.scheme == "https" else ""
        return Finding(self.check, "ok", f"{where}: {secure}{1000 * took:.0f} ms, answers {status}")


def clock(hosts: list[Host]) -> Finding:
    """This machine's clock, beside what the hosts say; tokens carry times."""
    skews = [host.skew for host in hosts if host.skew is not None]
    if not skews:
        return Finding("clock", "skipped", "no host told the time")
    skew = min(skews, key=abs)
    ahead = "ahead of" if skew > 0 else "behind"
    message = f"{abs(skew):.0f} s {ahead} the hosts" if abs(skew) >= 2 else "right"
    if abs(skew) < _SKEW_WARNING:
        return Finding("clock", "ok", message)
    status = "failed" if abs(skew) >= _SKEW_FAILURE else "warn"
    hint = "set it by NTP (timedatectl set-ntp true): tokens more than 300 s off are refused"
    return Finding("clock", status, message, hint)


def tenant(who: Identity, login: Host) -> Finding:
    """Whether the issuer knows the tenant."""
    if not who.tenant_id:
        return Finding("tenant", "skipped", "none is named", "set BOT_TENANT or give --tenant")
    if not login.reached:
        return Finding("tenant", "skipped", "the issuer was not reached")
    url = f"{who.login_url.rstrip('/')}/{who.tenant_id}/v2.0/.well-known/openid-configuration"
    try:
        status, _, body = fetch(url, timeout=_PATIENCE)
        issuer = json.loads(body).get("issuer") if status == 200 else None
    except (Unreachable, ValueError, AttributeError) as error:
        return Finding("tenant", "failed", f"the issuer says nothing of it: {error}", "try again later")
    if issuer is None:
        hint = "take the Directory (tenant) ID of the app registration's overview"
        return Finding(
            "tenant", "failed", f"{login.url} has no tenant {who.tenant_id} (it answers {status})", hint
        )
    return Finding("tenant", "ok", f"{who.tenant_id} is known")


def token(who: Identity) -> Iterator[Finding]:
    """The token, and what it allows."""
    if who.kind is None:
        hint = "set BOT_APP_ID, BOT_TENANT and BOT_SECRET, or GRAPH_TOKEN"
        yield Finding("token", "skipped", "there is no credential", hint)
        return
    try:
        text = token_of(who.credential(), who.cloud)
    except Failure as failure:
        yield Finding("token", "failed", failure.message, failure.hint)
        return
    except cr.CredentialError as error:
        yield Finding(
            "token", "failed", str(error), None if error.code else "see whether its address is reached, above"
        )
        return
    if text is None:
        yield Finding("token", "failed", "none came within 13 s", "see whether its address is reached, above")
        return
    claims = _claims(text)
    if claims is None:
        yield Finding("token", "warn", f"by {who.kind}; it cannot be read, so what it allows is not known")
        return
    yield _token(who, claims)
    yield _permission(claims)


def _token(who: Identity, claims: dict[str, Any]) -> Finding:
    left = claims["exp"] - time.time() if isinstance(claims.get("exp"), (int, float)) else None
    audience = str(claims.get("aud")).rstrip("/")
    faults = []
    if left is not None and left <= 0:
        faults.append((f"it expired {-left:.0f} s ago", "fetch a new one"))
    if audience not in (who.cloud.graph_root, _GRAPH_APP):
        faults.append((f"it is for {audience}", f"ask for the scope {who.cloud.scope}"))
    if who.app_id and str(claims.get("appid", who.app_id)).lower() != who.app_id.lower():
        faults.append((f"it is of app {claims['appid']}, not of {who.app_id}", "use one app id everywhere"))
    if (
        who.tenant_id
        and "." not in who.tenant_id
        and str(claims.get("tid", who.tenant_id)).lower() != who.tenant_id.lower()
    ):
        faults.append(
            (f"it is of tenant {claims['tid']}, not of {who.tenant_id}", "ask the tenant of the call")
        )
    if faults:
        return Finding(
            "token", "failed", "; ".join(fault for fault, _ in faults), "; ".join(cure for _, cure in faults)
        )
    lasts = f", for {left / 60:.0f} minutes" if left is not None else ""
    return Finding("token", "ok", f"by {who.kind}{lasts}, of app {claims.get('appid', '?')}")


def _permission(claims: dict[str, Any]) -> Finding:
    roles = [role for role in claims.get("roles") or () if isinstance(role, str)]
    if claims.get("scp"):
        hint = "fetch it with the client credentials of the bot's app, not on behalf of a user"
        return Finding(
            "permission", "failed", "the token is a user's, and only an application may redirect calls", hint
        )
    calls = [role for role in roles if role.startswith("Calls.")]
    if _NEEDED in roles:
        return Finding("permission", "ok", ", ".join(calls))
    hint = (
        f"add the application permission {_NEEDED} to the app registration and have an administrator "
        "consent to it, then fetch a new token"
    )
    has = f"the token has {', '.join(calls)}" if calls else "the token has no permission for calls"
    return Finding("permission", "failed", f"{_NEEDED} is missing: {has}", hint)


def keys(app_id: str | None, metadata_url: str | None) -> Finding:
    """The keys that notifications are signed with, fetched as a bot does it."""
    try:
        verifier = cr.Verifier(app_id or "any", metadata_url=metadata_url)
        verifier.fetch_keys()
    except ValueError as error:
        return Finding("keys", "failed", str(error), "see BOT_METADATA_URL or --metadata-url")
    except OSError as error:
        return Finding(
            "keys",
            "failed",
            str(error),
            "without keys no notification is taken; see whether the address is right",
        )
    if not verifier.key_ids:
        return Finding(
            "keys",
            "failed",
            f"{verifier.metadata_url} leads to no usable key",
            "see whether the address is right",
        )
    number = len(verifier.key_ids)
    return Finding(
        "keys",
        "ok",
        f"{number} usable key{'s' if number > 1 else ''} at {urlsplit(verifier.metadata_url or '').netloc}",
    )


def callback(url: str | None) -> Iterator[Finding]:
    """The bot's address: whether Microsoft can reach it, and what it says to a stranger."""
    if not url:
        yield Finding(
            "callback",
            "skipped",
            "no address is named",
            "give --callback https://...: that of the bot's calling webhook",
        )
        return
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme != "https":
        hint = "put it behind TLS: Microsoft calls https only (for a machine of your own, a tunnel does)"
        yield Finding("callback", "failed", f"{parts.scheme}://{parts.netloc} is not https", hint)
        return
    addresses = resolve(host, parts.port or 443)
    if isinstance(addresses, str):
        yield Finding("callback", "failed", f"{host}: {addresses}", "register the name in public DNS")
        return
    private = [address for address in addresses if not _is_public(address)]
    if private:
        hint = "Microsoft calls from the internet: use a public name, or a tunnel"
        yield Finding("callback", "failed", f"{host} is {private[0]}, which is not public", hint)
        return
    try:
        status, _, _ = fetch(url, "POST", b"{}", {"Content-Type": "application/json"}, _PATIENCE)
    except Unreachable as error:
        yield Finding(
            "callback", "failed", f"https://{parts.netloc}: {error}", _network_hint(str(error), "https")
        )
        return
    yield _stranger(parts.path, status)


def _stranger(path: str, status: int) -> Finding:
    said = f"a notification without token is answered {status}"
    if status in (401, 403):
        return Finding("callback", "ok", f"public, and {said}")
    if status in (404, 405):
        return Finding("callback", "failed", said, f"is {path or '/'} the path of the calling webhook?")
    if status >= 500:
        return Finding("callback", "failed", said, "see the bot's log")
    if 200 <= status < 300:
        return Finding(
            "callback",
            "warn",
            f"{said}: whoever reaches it can make the bot redirect calls",
            "verify the token",
        )
    return Finding("callback", "warn", said, "401 is what a bot that verifies answers")


def resolve(host: str, port: int) -> list[str] | str:
    """The addresses of a name, or why there are none."""
    found: list[list[str] | str] = []

    def look() -> None:
        try:
            infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            found.append(list(dict.fromkeys(str(info[4][0]) for info in infos)))
        except (OSError, UnicodeError) as error:
            found.append(f"its name cannot be resolved ({getattr(error, 'strerror', None) or error})")

    looking = threading.Thread(target=look, daemon=True)
    looking.start()
    looking.join(_PATIENCE)
    return found[0] if found else f"its name cannot be resolved (no answer within {_PATIENCE:.0f} s)"


def _is_public(address: str) -> bool:
    import ipaddress

    return ipaddress.ip_address(address.partition("%")[0]).is_global


def _behind_proxy(scheme: str, host: str) -> bool:
    from urllib.request import getproxies, proxy_bypass

    return scheme in getproxies() and not is_loopback(host) and not proxy_bypass(host)


def _network_hint(why: str, scheme: str) -> str:
    if "certificate" in why:
        return "is something in between that opens TLS? its certificate must be trusted on this machine"
    if scheme == "http":
        return "is it running, and is the port right?"
    return "let this machine out to port 443 of it; HTTPS_PROXY names a proxy"


def _skew(date: str | None, now: float) -> float | None:
    from email.utils import parsedate_to_datetime

    try:
        return None if date is None else now - parsedate_to_datetime(date).timestamp() - 0.5
    except ValueError:
        return None


def _claims(text: str) -> dict[str, Any] | None:
    """What a token says of itself. Not verified: it is not taken from anybody, only looked at."""
    try:
        payload = text.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (ValueError, IndexError):
        return None
    return claims if isinstance(claims, dict) else None


def every(who: Identity, metadata_url: str | None, callback_url: str | None) -> Iterator[Finding]:
    """All checks, in an order in which the first that fails explains those after it."""
    yield versions()
    metadata = metadata_url or cr.Verifier("any").metadata_url or ""
    graph = Host("graph", who.graph_url)
    login = Host("login", who.login_url)
    issuer = Host("metadata", metadata)
    yield graph.look()
    yield login.look()
    yield issuer.look()
    yield clock([graph, login, issuer])
    yield tenant(who, login)
    yield from token(who)
    yield keys(who.app_id, metadata_url)
    yield from callback(callback_url)
