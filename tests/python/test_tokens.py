"""Where tokens come from: our own credentials and the real azure-identity, against the simulator's issuer."""

from __future__ import annotations

import asyncio
import base64
import copy
import json
import logging
import os
import pickle
import subprocess
import sys
import threading
import time
import traceback
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
import trio
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import (
    CertificateCredential,
    ClientSecretCredential,
    ManagedIdentityCredential,
)
from azure.identity import aio as azure_aio
from cryptography import x509
from cryptography.hazmat.primitives import hashes

import callredirect as cr
from callredirect.testing import Simulator
from issuer import TlsFront, certificate
from servers import ACCEPTED, RawServer, refused_url, response

OTHER = "72f988bf-86f1-41af-91ab-2d7cd011db47"
TO_USER = cr.Redirect([cr.Target.user("98da8a1a-1b87-452c-a713-65d3f10b1253")])
CALL = "491f0b00-ffff-4bc9-a43e-b226498ec22a"
CANARY = "canary-secret"


@pytest.fixture
def graph() -> Iterator[Simulator]:
    with Simulator() as simulator:
        yield simulator


@pytest.fixture(scope="module")
def pem() -> bytes:
    return certificate("bot")


def own(graph: Simulator, **changes: Any) -> cr.ClientSecret:
    secret = changes.pop("secret", graph.client_secret)
    authority = changes.pop("authority", graph.base_url)
    return cr.ClientSecret(graph.app_id, secret, graph.tenant_id, authority=authority)


def call_of(graph: Simulator, tenant_id: str) -> cr.Call:
    """A call that Graph knows, as its notification would have it."""
    call_id = graph.place_call(tenant_id=tenant_id)
    (note,) = cr.parse(
        {
            "value": [
                {
                    "changeType": "created",
                    "resourceUrl": f"/communications/calls/{call_id}",
                    "resourceData": {
                        "@odata.type": "#microsoft.graph.call",
                        "id": call_id,
                        "state": "incoming",
                        "tenantId": tenant_id,
                    },
                }
            ]
        }
    )
    assert isinstance(note, cr.IncomingCall)
    return note.call


def token_requests(graph: Simulator) -> int:
    return sum(path.endswith("/token") for _, path, _ in graph.requests)


Send = Callable[..., cr.Outcome]


def by_client(call: Any, credential: Any, url: str, **options: Any) -> cr.Outcome:
    return cr.Client(credential, base_url=url).redirect(call, TO_USER, **options)


def by_async_client(call: Any, credential: Any, url: str, **options: Any) -> cr.Outcome:
    return asyncio.run(cr.AsyncClient(credential, base_url=url).redirect(call, TO_USER, **options))


def under_trio(call: Any, credential: Any, url: str, **options: Any) -> cr.Outcome:
    async def main() -> cr.Outcome:
        return await cr.AsyncClient(credential, base_url=url).redirect(call, TO_USER, **options)

    return trio.run(main)


@pytest.fixture(params=[by_client, by_async_client, under_trio])
def send(request: pytest.FixtureRequest) -> Send:
    return request.param  # type: ignore[no-any-return]


# The simulator's issuer


def post(url: str, form: dict[str, str]) -> dict[str, Any]:
    request = urllib.request.Request(url, urllib.parse.urlencode(form).encode())
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            body: dict[str, Any] = json.load(answer)
    except urllib.error.HTTPError as refusal:
        with refusal:
            body = json.load(refusal)
    return body


def test_the_issuer_checks_an_assertion_for_real(graph: Simulator, pem: bytes) -> None:
    graph.register_certificate(pem.decode())
    url = f"{graph.base_url}/{graph.tenant_id}/oauth2/v2.0/token"
    now = int(time.time())
    good = {"aud": url, "iss": graph.app_id, "sub": graph.app_id, "jti": "x", "nbf": now, "exp": now + 60}
    sha256 = x509.load_pem_x509_certificate(pem).fingerprint(hashes.SHA256())
    sha1 = x509.load_pem_x509_certificate(pem).fingerprint(hashes.SHA1())
    ps256 = {"x5t#S256": base64.urlsafe_b64encode(sha256).decode()}
    rs256 = {"x5t": base64.urlsafe_b64encode(sha1).decode()}

    def codes(key: bytes, algorithm: str, headers: dict[str, str], **changes: Any) -> Any:
        assertion = jwt.encode(good | changes, key, algorithm, headers)
        form = {"grant_type": "client_credentials", "client_id": graph.app_id, "client_assertion": assertion}
        return post(url, form | {"scope": "https://graph.microsoft.com/.default"}).get("error_codes")

    assert codes(pem, "PS256", ps256) is None
    assert codes(pem, "RS256", rs256) is None
    assert codes(certificate(), "PS256", ps256) == [700027]
    assert codes(pem, "PS512", ps256) == [700027]
    assert codes(pem, "PS256", {}) == [700027]
    assert codes(pem, "PS256", ps256, exp=now - 600) == [700024]
    assert codes(pem, "PS256", ps256, nbf=now + 600) == [700024]
    assert codes(pem, "PS256", ps256, aud="https://login.microsoftonline.com/x/oauth2/v2.0/token") == [700023]
    assert codes(pem, "PS256", ps256, sub="another") == [700023]


def test_the_issuer_refuses_what_entra_refuses(graph: Simulator) -> None:
    url = f"{graph.base_url}/{graph.tenant_id}/oauth2/v2.0/token"
    good = {
        "grant_type": "client_credentials",
        "client_id": graph.app_id,
        "client_secret": graph.client_secret,
        "scope": "https://graph.microsoft.com/.default",
    }
    answer = post(url, good)
    assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 3600)
    for change, code in [
        ({"grant_type": "password"}, 70003),
        ({"client_id": OTHER}, 700016),
        ({"scope": "User.Read"}, 1002012),
        ({"client_secret": "wrong"}, 7000215),
    ]:
        assert post(url, good | change)["error_codes"] == [code]
    del good["client_secret"]
    assert post(url, good)["error_codes"] == [7000218]
    assert post(url.replace(graph.tenant_id, "unknown.example"), good)["error_codes"] == [90002]
    with pytest.raises(ValueError, match="no certificate"):
        graph.register_certificate("x")


def test_tokens_live_as_long_as_they_are_told_to(send: Send) -> None:
    with Simulator(token_lifetime=0.0) as graph:
        outcome = send(graph.place_call(), own(graph), graph.base_url)
        assert isinstance(outcome, cr.Rejected)
        assert (outcome.status, len(outcome.attempts)) == (401, 2)


# Our own


def test_a_client_secret_redirects_calls_of_every_tenant(send: Send, graph: Simulator) -> None:
    credential = own(graph)
    for tenant in (graph.tenant_id, OTHER, graph.tenant_id, OTHER.upper()):
        outcome = send(call_of(graph, tenant), credential, graph.base_url)
        assert isinstance(outcome, cr.Accepted), (tenant, outcome)
    asked = [path for _, path, _ in graph.requests if path.endswith("/token")]
    assert asked == [f"/{tenant}/oauth2/v2.0/token" for tenant in (graph.tenant_id, OTHER)]
    assert isinstance(send(graph.place_call(), credential, graph.base_url), cr.Accepted)


def test_a_certificate(send: Send, graph: Simulator, pem: bytes, tmp_path: Path) -> None:
    file = tmp_path / "bot.pem"
    file.write_bytes(pem)
    graph.register_certificate(pem.decode())
    for given in (pem, pem.decode(), str(file), file):
        credential = cr.ClientCertificate(graph.app_id, given, graph.tenant_id, authority=graph.base_url)
        assert isinstance(send(graph.place_call(), credential, graph.base_url), cr.Accepted)
    unknown = cr.ClientCertificate(
        graph.app_id, certificate(), graph.tenant_id, authority=graph.base_url, send_chain=True
    )
    with pytest.raises(cr.CredentialError, match="upload the certificate") as caught:
        send(graph.place_call(), unknown, graph.base_url)
    assert caught.value.code == "AADSTS700027"


def test_managed_identities(send: Send, graph: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    credential = cr.ManagedIdentity(endpoint=f"{graph.base_url}/metadata/identity/oauth2/token")
    assert isinstance(send(graph.place_call(), credential, graph.base_url), cr.Accepted)
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{graph.base_url}/msi/token")
    monkeypatch.setenv("IDENTITY_HEADER", graph.identity_header)
    credential = cr.ManagedIdentity(graph.app_id)
    assert isinstance(send(graph.place_call(), credential, graph.base_url), cr.Accepted)
    monkeypatch.setenv("IDENTITY_SERVER_THUMBPRINT", "x")
    with pytest.raises(ValueError, match="use ManagedIdentityCredential of azure-identity"):
        cr.ManagedIdentity()


def test_hundreds_of_calls_fetch_one_token(graph: Simulator) -> None:
    credential = own(graph)

    async def main() -> list[cr.Outcome]:
        clients = [cr.AsyncClient(credential, base_url=graph.base_url) for _ in range(2)]
        calls = [graph.place_call() for _ in range(200)]
        return await asyncio.gather(
            *(clients[index % 2].redirect(call, TO_USER) for index, call in enumerate(calls))
        )

    assert all(isinstance(outcome, cr.Accepted) for outcome in asyncio.run(main()))
    assert token_requests(graph) == 1


def test_what_the_issuer_refuses_is_an_error_with_a_cure(send: Send, graph: Simulator) -> None:
    with pytest.raises(cr.CredentialError, match="give the secret's Value, not its Secret ID") as caught:
        send(graph.place_call(), own(graph, secret=CANARY), graph.base_url)
    error = caught.value
    assert (error.code, error.status, error.error) == ("AADSTS7000215", 401, "invalid_client")
    assert error.trace_id is not None
    assert str(error) == error.message
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.code) == (str(error), error.code)


def test_an_issuer_that_is_down_costs_the_call_and_says_so(send: Send, graph: Simulator) -> None:
    held, url = refused_url()
    with held:
        outcome = send(graph.place_call(), own(graph, authority=url), graph.base_url, deadline=0.3)
    assert isinstance(outcome, cr.Expired)
    assert not outcome.sent
    assert "no token before the deadline" in outcome.reason and "could not connect" in outcome.reason
    assert outcome.attempts == ()


def test_a_token_that_graph_refuses_is_replaced_once(send: Send) -> None:
    # An issuer and a Graph that forgets all tokens: the same address, other simulators.
    with Simulator(own_key=True) as issuer, Simulator(own_key=True) as graph:
        credential = own(issuer)
        outcome = send(graph.place_call(), credential, graph.base_url)
        assert isinstance(outcome, cr.Rejected)
        assert (outcome.status, len(outcome.attempts), token_requests(issuer)) == (401, 2, 2)


def test_an_expired_token_is_replaced_within_the_call(send: Send) -> None:
    with Simulator() as graph:
        tokens = [graph.access_token(lifetime=0), graph.access_token()]
        asked: list[Any] = []

        class Credential:
            def get_token(self, *scopes: str, **options: Any) -> Any:
                asked.append(options)
                return Token(tokens[len(asked) - 1], time.time() + 3600)

        outcome = send(call_of(graph, graph.tenant_id), Credential(), graph.base_url)
        assert isinstance(outcome, cr.Accepted)
        assert [attempt.status for attempt in outcome.attempts] == [401, 202]
        assert asked == [{"tenant_id": graph.tenant_id}] * 2
        functions = iter([tokens[0], tokens[1]])
        outcome = send(graph.place_call(), lambda: next(functions), graph.base_url)
        assert isinstance(outcome, cr.Accepted)


@pytest.mark.parametrize("kind", ["same", "raises"])
def test_without_a_better_token_the_refusal_is_the_outcome(send: Send, graph: Simulator, kind: str) -> None:
    asked = 0

    class Credential:
        def get_token(self, *scopes: str, **options: Any) -> Any:
            nonlocal asked
            asked += 1
            if asked > 1 and kind == "raises":
                raise ValueError("no more")
            return Token("forged", time.time() + 3600)

    outcome = send(graph.place_call(), Credential(), graph.base_url)
    assert isinstance(outcome, cr.Rejected)
    assert (outcome.status, len(outcome.attempts), asked) == (401, 1, 2)


FORK = """
import os, sys, time, warnings
import callredirect as cr
warnings.simplefilter("ignore", DeprecationWarning)  # of any fork with threads, since Python 3.12
url, app, secret, tenant, token, *calls = sys.argv[1:]

class Token:
    token, expires_on = token, time.time() + 3600

class Credential:
    def get_token(self, *scopes, **options):
        return Token

kinds = [cr.ClientSecret(app, secret, tenant, authority=url), Credential()]
to = cr.Redirect([cr.Target.user("98da8a1a-1b87-452c-a713-65d3f10b1253")])
clients = [cr.Client(kind, base_url=url) for kind in kinds]
def send():
    return all(isinstance(client.redirect(calls.pop(), to, deadline=5), cr.Accepted) for client in clients)
assert send()
child = os.fork()
if child == 0:
    calls = calls[:2]
    os._exit(7 if send() else 1)
calls = calls[2:]
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), send())
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_credentials_survive_a_fork(graph: Simulator) -> None:
    calls = [graph.place_call() for _ in range(6)]
    known = [graph.base_url, graph.app_id, graph.client_secret, graph.tenant_id, graph.access_token()]
    command = [sys.executable, "-c", FORK, *known, *calls]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("7 True\n", "")


FORK_UNDER_LOAD = """
import os, signal, sys, threading, time, warnings
import callredirect as cr
from callredirect import _tokens
warnings.simplefilter("ignore", DeprecationWarning)  # of any fork with threads, since Python 3.12
sys.setswitchinterval(1e-6)
url, app, secret, tenant, forks = *sys.argv[1:5], int(sys.argv[5])

class Credential:
    def get_token(self, *scopes, **options):
        return type("Token", (), {"token": "token", "expires_on": time.time()})  # to be asked for each time

clients = [cr.Client(own, base_url=url) for own in (cr.ClientSecret(app, secret, tenant, authority=url), Credential())]
def fetch(client):
    while True:
        try:
            client.warm_up(timeout=5)
        except (cr.CredentialError, OSError):
            pass
for client in clients * 3:
    threading.Thread(target=fetch, args=(client,), daemon=True).start()
codes = []
for turn in range(forks):
    time.sleep(0.002)
    held = turn % 2 and _tokens._lock.acquire()
    child = os.fork()
    if child == 0:
        signal.alarm(20)  # ends a child that hangs
        for client in clients:
            client.warm_up(timeout=15)
        os._exit(7)
    if held:
        _tokens._lock.release()
    codes.append(child)
codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in codes]
print(set(codes), flush=True)
os._exit(0)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_fork_while_others_fetch_tokens_leaves_no_child_hanging() -> None:
    with Simulator(token_lifetime=0.0) as graph:
        known = [graph.base_url, graph.app_id, graph.client_secret, graph.tenant_id, "40"]
        command = [sys.executable, "-c", FORK_UNDER_LOAD, *known]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.stdout, done.stderr) == ("{7}\n", "")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("", CANARY, OTHER), "client_id is the app's"),
        (("app", "", OTHER), "the client secret is empty"),
        (("app", CANARY + "\udc80", OTHER), "the client secret is not text"),
        (("app", CANARY, "common"), "a tenant is named by its id"),
        (("app", CANARY, "a/b"), "a tenant is named by its id"),
    ],
)
def test_what_cannot_be_right_is_said_at_once(arguments: tuple[str, str, str], words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        cr.ClientSecret(*arguments)
    assert "canary" not in "".join(traceback.format_exception_only(caught.type, caught.value))


def test_certificates_that_cannot_be_used(pem: bytes, tmp_path: Path) -> None:
    key, _, _ = pem.partition(b"-----BEGIN CERTIFICATE")
    lines = key.decode().splitlines()[1:]
    for given, kind, words in [
        (key, ValueError, "no certificate"),
        (pem.replace(b"PRIVATE KEY", b"ENCRYPTED PRIVATE KEY"), ValueError, "decrypt it first"),
        (b"\x30\x82\xff", ValueError, "PKCS#12 and DER"),
        (tmp_path / "missing.pem", OSError, "missing.pem"),
        ("\n".join(lines), OSError, "a path, or PEM text"),
        (lines[0], OSError, "a path, or PEM text"),
        (5, TypeError, "the path of a PEM file"),
    ]:
        with pytest.raises(kind, match=words) as caught:
            cr.ClientCertificate("app", given, OTHER)  # type: ignore[arg-type]
        assert lines[0] not in str(caught.value)


def test_credentials_show_ids_and_are_not_pickled(pem: bytes) -> None:
    secret = cr.ClientSecret("app", CANARY, OTHER)
    assert repr(secret) == f"ClientSecret(client_id='app', tenant_id='{OTHER}')"
    assert (secret.client_id, secret.tenant_id) == ("app", OTHER)
    by_certificate = cr.ClientCertificate("app", pem, OTHER)
    assert by_certificate.thumbprint in repr(by_certificate)
    machine = cr.ManagedIdentity("id", endpoint="http://127.0.0.1:9/token")
    assert repr(machine) == "ManagedIdentity(client_id='id')"
    for credential in (secret, by_certificate, machine):
        for take in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(TypeError, match="make it in each process"):
                take(credential)


# In Python


async def until(condition: Callable[[], bool]) -> None:
    """Looks again and again: what is waited for may happen in another thread or loop."""
    while not condition():  # noqa: ASYNC110
        await asyncio.sleep(0.001)


class Token:
    """What azure-core's AccessToken is."""

    def __init__(self, token: str, expires_on: float) -> None:
        self.token = token
        self.expires_on = expires_on


class Counting:
    """A credential that counts, waits for its gate, and may be told to fail."""

    def __init__(self, graph: Simulator, lifetime: float = 3600) -> None:
        self._graph = graph
        self._lifetime = lifetime
        self.asked: list[str | None] = []
        self.gate = threading.Event()
        self.gate.set()
        self.error: Exception | None = None

    def get_token(self, *scopes: str, tenant_id: str | None = None) -> Token:
        self.asked.append(tenant_id)
        assert self.gate.wait(10)
        if self.error is not None:
            raise self.error
        return Token(self._graph.access_token(tenant_id), time.time() + self._lifetime)


class CountingAsync(Counting):
    async def get_token(self, *scopes: str, tenant_id: str | None = None) -> Token:  # type: ignore[override]
        self.asked.append(tenant_id)
        await until(self.gate.is_set)
        if self.error is not None:
            raise self.error
        return Token(self._graph.access_token(tenant_id), time.time() + self._lifetime)


def test_tokens_of_python_are_kept_by_tenant(graph: Simulator) -> None:
    credential = Counting(graph)
    client = cr.Client(credential, base_url=graph.base_url)
    for tenant in (graph.tenant_id, OTHER, OTHER, graph.tenant_id):
        assert isinstance(client.redirect(call_of(graph, tenant), TO_USER), cr.Accepted)
    assert credential.asked == [graph.tenant_id, OTHER]


@pytest.mark.parametrize("kind", [Counting, CountingAsync])
def test_many_calls_at_once_ask_once(graph: Simulator, kind: type[Counting]) -> None:
    credential = kind(graph)
    credential.gate.clear()

    async def main() -> list[cr.Outcome]:
        client = cr.AsyncClient(credential, base_url=graph.base_url)
        calls = [asyncio.create_task(client.redirect(graph.place_call(), TO_USER)) for _ in range(100)]
        await until(lambda: bool(credential.asked))
        calls.pop(0).cancel()  # the one that asked: the others do not lose by it
        await asyncio.sleep(0)
        credential.gate.set()
        return await asyncio.gather(*calls)

    assert all(isinstance(outcome, cr.Accepted) for outcome in asyncio.run(main()))
    assert len(credential.asked) == 1


def test_threads_ask_once(graph: Simulator) -> None:
    credential = Counting(graph)
    credential.gate.clear()
    client = cr.Client(credential, base_url=graph.base_url)
    outcomes: list[cr.Outcome] = []
    calls = [graph.place_call() for _ in range(20)]
    threads = [
        threading.Thread(target=lambda call=call: outcomes.append(client.redirect(call, TO_USER)))
        for call in calls
    ]
    for thread in threads:
        thread.start()
    credential.gate.set()
    for thread in threads:
        thread.join(10)
    assert len(outcomes) == 20 and all(isinstance(outcome, cr.Accepted) for outcome in outcomes)
    assert len(credential.asked) == 1


def test_an_old_token_serves_while_its_refresh_fails(send: Send, graph: Simulator) -> None:
    # Half of this life is over at once: each call refreshes beside, none waits or fails.
    credential = Counting(graph, lifetime=3600)
    tokens = cr.Client(credential, base_url=graph.base_url)._tokens
    assert tokens is not None
    first = tokens.get(None, 5)
    assert first is not None
    kept = tokens._kept[None]

    class Half:
        """The age of a token past half its life."""

        advice = "refresh"
        alive = True
        put_off_times = 0

        def put_off(self) -> None:
            Half.put_off_times += 1
            self.advice = "use"

    tokens._kept[None] = (kept[0], Half())  # type: ignore[assignment]
    credential.error = ValueError("down")
    assert tokens.get(None, 5) == first
    while not Half.put_off_times:
        time.sleep(0.001)
    assert tokens.get(None, 5) == first
    assert len(credential.asked) == 2


class Stuck:
    """A credential that comes back when the test is over."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.came_back = False

    def get_token(self, *scopes: str, tenant_id: str | None = None) -> Token:
        assert self.gate.wait(10)
        self.came_back = True
        return Token("late", time.time() + 3600)


@pytest.fixture
def stuck() -> Iterator[Stuck]:
    credential = Stuck()
    yield credential
    credential.gate.set()


@pytest.mark.parametrize("kind", ["get_token", "function"])
def test_a_credential_that_hangs_holds_nobody_beyond_the_deadline(
    send: Send, graph: Simulator, stuck: Stuck, kind: str
) -> None:
    credential: Any = stuck if kind == "get_token" else lambda: stuck.get_token().token
    outcome = send(graph.place_call(), credential, graph.base_url, deadline=0.2)
    assert isinstance(outcome, cr.Expired) and not outcome.sent
    client = cr.Client(stuck, base_url=graph.base_url)
    with pytest.raises(cr.CredentialError, match="no token before the deadline"):
        client.warm_up(timeout=0.1)
    with pytest.raises(cr.CredentialError, match="no token before the deadline"):
        asyncio.run(cr.AsyncClient(stuck, base_url=graph.base_url).warm_up(timeout=0.1))
    assert not stuck.came_back
    assert graph.redirects == []


def test_a_credential_that_hangs_does_not_keep_the_process() -> None:
    code = """
import threading, callredirect as cr
class Stuck:
    def get_token(self, *scopes, tenant_id=None):
        threading.Event().wait()
client = cr.Client(Stuck(), base_url="http://127.0.0.1:9")
to = cr.Redirect([cr.Target.user("98da8a1a-1b87-452c-a713-65d3f10b1253")])
print(type(client.redirect("call", to, deadline=0.1)).__name__)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stdout, done.stderr, done.returncode) == ("Expired\n", "", 0)


def test_what_a_credential_raises_in_its_thread_reaches_the_caller(graph: Simulator) -> None:
    class Exits:
        def get_token(self, *scopes: str, tenant_id: str | None = None) -> Token:
            raise SystemExit(3)

    for credential in (Exits(), lambda: sys.exit(3)):
        with pytest.raises(SystemExit):
            cr.Client(credential, base_url=graph.base_url).redirect(CALL, TO_USER)


@pytest.mark.parametrize("door", ["get", "get_async"])
def test_an_old_token_serves_while_its_refresh_hangs(graph: Simulator, door: str) -> None:
    credential = Counting(graph)
    tokens = cr.Client(credential, base_url=graph.base_url)._tokens
    assert tokens is not None

    class Ending:
        """The age of a token that may end before it arrives."""

        advice = "wait"
        alive = True

        def put_off(self) -> None:
            pass

    def ask(seconds: float) -> str | None:
        return tokens.get(None, seconds) if door == "get" else asyncio.run(tokens.get_async(None, seconds))

    first = ask(5)
    assert first is not None
    tokens._kept[None] = (first, Ending())  # type: ignore[assignment]
    credential.gate.clear()
    assert ask(1) == first
    assert len(credential.asked) == 2
    # One that has ended is of no use to anybody.
    Ending.alive = False
    assert ask(0.1) is None
    credential.gate.set()


def test_all_who_wait_get_the_error_of_the_one_who_asked(graph: Simulator) -> None:
    credential = CountingAsync(graph)
    credential.gate.clear()
    credential.error = ValueError("no token today")

    async def main() -> list[Any]:
        client = cr.AsyncClient(credential, base_url=graph.base_url)
        calls = [asyncio.create_task(client.redirect(CALL, TO_USER)) for _ in range(10)]
        await until(lambda: bool(credential.asked))
        credential.gate.set()
        results = await asyncio.gather(*calls, return_exceptions=True)
        # No error is kept.
        credential.error = None
        assert isinstance(await client.redirect(graph.place_call(), TO_USER), cr.Accepted)
        return results

    assert all(
        result is credential.error or str(result) == "no token today" for result in asyncio.run(main())
    )
    assert len(credential.asked) == 2


def test_a_loop_that_ends_while_it_asks_does_not_leave_others_waiting(graph: Simulator) -> None:
    credential = CountingAsync(graph)
    credential.gate.clear()
    client = cr.AsyncClient(credential, base_url=graph.base_url)

    async def gives_up() -> None:
        asking = asyncio.create_task(client.redirect(graph.place_call(), TO_USER))
        await until(lambda: bool(credential.asked))
        asking.cancel()

    asyncio.run(gives_up())
    credential.gate.set()
    assert isinstance(asyncio.run(client.redirect(graph.place_call(), TO_USER)), cr.Accepted)
    assert len(credential.asked) == 2


# Warm


def test_a_warm_client_has_token_and_connection(graph: Simulator) -> None:
    def warm(credential: Any) -> None:
        client = cr.Client(credential, base_url=graph.base_url)
        client.warm_up()
        before = len(graph.requests)
        assert isinstance(client.redirect(graph.place_call(), TO_USER), cr.Accepted)
        assert len(graph.requests) == before + 1

    async def warm_async(credential: Any) -> None:
        client = cr.AsyncClient(credential, base_url=graph.base_url)
        await client.warm_up(graph.tenant_id)
        before = len(graph.requests)
        assert isinstance(await client.redirect(call_of(graph, graph.tenant_id), TO_USER), cr.Accepted)
        assert len(graph.requests) == before + 1

    makers: list[Callable[[Simulator], Any]] = [own, Counting, Simulator.access_token]
    for make in makers:
        warm(make(graph))
        asyncio.run(warm_async(make(graph)))


def test_what_warming_up_raises(graph: Simulator) -> None:
    held, url = refused_url()
    cases: list[tuple[Any, str, type[Exception], str]] = []
    with held:
        cases += [
            (own(graph, secret="wrong"), graph.base_url, cr.CredentialError, "AADSTS7000215"),
            (own(graph, authority=url), graph.base_url, cr.CredentialError, "could not connect"),
            (own(graph), url, ConnectionError, "Graph cannot be reached"),
            ("token", url, ConnectionError, "Graph cannot be reached"),
        ]
        for credential, base_url, kind, words in cases:
            with pytest.raises(kind, match=words):
                cr.Client(credential, base_url=base_url).warm_up(timeout=0.3)
            with pytest.raises(kind, match=words):
                asyncio.run(cr.AsyncClient(credential, base_url=base_url).warm_up(timeout=0.3))


# azure-identity itself


@pytest.fixture
def front(graph: Simulator, tmp_path: Path) -> Iterator[TlsFront]:
    with TlsFront(tmp_path, graph.base_url) as front:
        yield front


def azure_options(front: TlsFront) -> dict[str, Any]:
    return {
        "authority": front.url,
        "disable_instance_discovery": True,
        "connection_verify": str(front.pem),
        "additionally_allowed_tenants": ["*"],
        "retry_total": 0,
    }


def redirects_of_two_tenants(graph: Simulator, credential: Any) -> None:
    client = cr.Client(credential, base_url=graph.base_url)
    for tenant in (graph.tenant_id, OTHER, graph.tenant_id, OTHER):
        outcome = client.redirect(call_of(graph, tenant), TO_USER)
        assert isinstance(outcome, cr.Accepted), outcome
    assert token_requests(graph) == 2


async def redirects_of_two_tenants_async(graph: Simulator, credential: Any) -> None:
    client = cr.AsyncClient(credential, base_url=graph.base_url)
    async with credential:
        for tenant in (graph.tenant_id, OTHER, graph.tenant_id, OTHER):
            outcome = await client.redirect(call_of(graph, tenant), TO_USER)
            assert isinstance(outcome, cr.Accepted), outcome
    assert token_requests(graph) == 2


def test_azure_client_secret(graph: Simulator, front: TlsFront) -> None:
    credential = ClientSecretCredential(
        graph.tenant_id, graph.app_id, graph.client_secret, **azure_options(front)
    )
    with credential:
        redirects_of_two_tenants(graph, credential)


def test_azure_client_secret_async(graph: Simulator, front: TlsFront) -> None:
    credential = azure_aio.ClientSecretCredential(
        graph.tenant_id, graph.app_id, graph.client_secret, **azure_options(front)
    )
    asyncio.run(redirects_of_two_tenants_async(graph, credential))


def test_azure_client_certificate(graph: Simulator, front: TlsFront, pem: bytes) -> None:
    graph.register_certificate(pem.decode())
    with CertificateCredential(
        graph.tenant_id, graph.app_id, certificate_data=pem, **azure_options(front)
    ) as credential:
        redirects_of_two_tenants(graph, credential)


def test_azure_client_certificate_async(graph: Simulator, front: TlsFront, pem: bytes) -> None:
    graph.register_certificate(pem.decode())
    credential = azure_aio.CertificateCredential(
        graph.tenant_id, graph.app_id, certificate_data=pem, **azure_options(front)
    )
    asyncio.run(redirects_of_two_tenants_async(graph, credential))


@pytest.mark.parametrize("app_service", [True, False])
def test_azure_managed_identity(graph: Simulator, monkeypatch: pytest.MonkeyPatch, app_service: bool) -> None:
    if app_service:
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{graph.base_url}/msi/token")
        monkeypatch.setenv("IDENTITY_HEADER", graph.identity_header)
    else:
        monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", graph.base_url)
    with ManagedIdentityCredential() as credential:
        client = cr.Client(credential, base_url=graph.base_url)
        for _ in range(2):
            assert isinstance(client.redirect(call_of(graph, graph.tenant_id), TO_USER), cr.Accepted)

    async def main() -> None:
        async with azure_aio.ManagedIdentityCredential() as credential:
            client = cr.AsyncClient(credential, base_url=graph.base_url)
            assert isinstance(await client.redirect(call_of(graph, graph.tenant_id), TO_USER), cr.Accepted)

    asyncio.run(main())


def test_what_azure_raises_comes_unchanged(graph: Simulator, front: TlsFront) -> None:
    credential = ClientSecretCredential(graph.tenant_id, graph.app_id, CANARY, **azure_options(front))
    client = cr.Client(credential, base_url=graph.base_url)
    with credential, pytest.raises(ClientAuthenticationError, match="AADSTS7000215"):
        client.redirect(graph.place_call(), TO_USER)


# Secrets


def test_no_secret_is_ever_shown(
    send: Send, graph: Simulator, pem: bytes, caplog: pytest.LogCaptureFixture, capfd: Any
) -> None:
    token = "canary.access.token"
    grant = f'{{"access_token": "{token}", "expires_in": 3600, "token_type": "Bearer"}}'.encode()
    echo = f'{{"error": "{CANARY}", "error_description": "AADSTS7: {CANARY}"}}'.encode()
    repeat = f'{{"error": {{"code": "{token}", "message": "not {token}"}}}}'.encode()
    key = pem.decode().splitlines()[1]
    shown: list[str] = []

    def show(credential: Any, base_url: str, deadline: float = 5.0) -> None:
        try:
            outcome = send(CALL, credential, base_url, deadline=deadline)
            shown.extend([repr(outcome), str(outcome), str(outcome.attempts)])
        except Exception as error:
            shown.extend([repr(error), str(error), *traceback.format_exception(error)])
            shown.append(repr(vars(error)))

    held, closed = refused_url()
    with (
        caplog.at_level(logging.DEBUG),
        held,
        RawServer(response("200 OK", grant)) as gives,
        RawServer(response("401 Unauthorized", echo)) as refuses,
        RawServer(response("200 OK", echo)) as confused,
        RawServer(response("401 Unauthorized", repeat)) as repeats,
        RawServer(None) as breaks,
        RawServer(ACCEPTED) as accepts,
    ):
        for authority in (gives.url, refuses.url, confused.url, breaks.url, closed):
            for credential in (
                own(graph, secret=CANARY, authority=authority),
                cr.ClientCertificate("app", pem, OTHER, authority=authority),
            ):
                if authority == gives.url:
                    show(credential, graph.base_url)
                    show(credential, accepts.url)
                    show(credential, repeats.url)
                show(credential, closed, 0.3)
                shown.append(repr(credential))
                shown.append(repr(cr.Client(credential)))
        assert any(CANARY.encode() in request for request in refuses.requests)
        assert any(token.encode() in request for request in accepts.requests)
    shown.extend([caplog.text, *capfd.readouterr()])
    for secret in (CANARY, token, key, graph.client_secret):
        assert secret not in "\n".join(shown)
