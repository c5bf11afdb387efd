"""One small request, by the standard library: for a simulator's own address and for what the doctor looks at."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

_MOST_BYTES = 16 * 1024 * 1024


class Unreachable(Exception):
    """No answer came; the text says why."""


def is_loopback(host: str) -> bool:
    """Whether an address of this machine is meant, by its name or number."""
    import ipaddress

    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def fetch(
    url: str,
    method: str = "GET",
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
    timeout: float = 10.0,
) -> tuple[int, dict[str, str], bytes]:
    """Status, headers (names in lower case) and body of an answer. Redirections are not followed.

    Goes through the proxies of the environment as the client does: never to this machine.

    Raises:
        Unreachable: No answer came.
    """
    import http.client
    import urllib.error
    import urllib.request

    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, req: Any, fp: Any, code: Any, msg: Any, headers: Any, newurl: Any) -> None:
            return None

    here = is_loopback(urlsplit(url).hostname or "")
    opener = urllib.request.build_opener(Stay(), urllib.request.ProxyHandler({} if here else None))
    request = urllib.request.Request(
        url, body, {"Accept": "application/json", **(headers or {})}, method=method
    )
    try:
        with opener.open(request, timeout=timeout) as answer:
            return answer.status, _lower(answer.headers), answer.read(_MOST_BYTES)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, _lower(error.headers), error.read(_MOST_BYTES)
    except urllib.error.URLError as error:
        raise Unreachable(_why(error.reason, timeout)) from None
    except (OSError, http.client.HTTPException) as error:
        raise Unreachable(_why(error, timeout)) from None


def request(url: str, method: str, body: Any = None, *, timeout: float = 10.0) -> tuple[int, Any]:
    """Status and JSON of an answer; ``None`` in place of an answer that is no JSON.

    Raises:
        Unreachable: None came.
    """
    data = None if body is None else json.dumps(body).encode()
    headers = {} if body is None else {"Content-Type": "application/json"}
    status, _, answer = fetch(url, method, data, headers, timeout)
    try:
        return status, json.loads(answer)
    except ValueError:
        return status, None


def _lower(headers: Any) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _why(error: object, timeout: float) -> str:
    import socket
    import ssl

    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted here: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"no TLS came about: {error.reason or error}"
    if isinstance(error, socket.gaierror):
        return "its name cannot be resolved"
    if isinstance(error, TimeoutError):
        return f"no answer within {timeout:.0f} s"
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return text[0].lower() + text[1:]
