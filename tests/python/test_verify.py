"""Did Microsoft send it? The verdicts, and that nothing but VerificationError comes out."""

from __future__ import annotations

import asyncio
import copy
import json
import logging
import os
import pickle
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import uvicorn

import callredirect as cr
from callredirect.adapters.asgi import app
from callredirect.testing import Simulator
from servers import refused_url

APP = "24701998-1a73-4d42-8085-bf46ed0ae039"
# From RFC 7520, section 3.3: a published key, for tests that need one but nobody's signature.
JWK = {
    "kty": "RSA", "kid": "bilbo.baggins@hobbiton.example", "use": "sig", "e": "AQAB",
    "n": "n4EPtAOCc9AlkeQHPzHStgAbgs7bTZLwUBZdR8_KuKPEHLd4rHVTeT-O-XV2jRojdNhxJWTDvNd7nqQ0VEiZQHz_AJmSCpMaJMRBSFKrKb2wqV"
         "wGU_NsYOYL-QtiWN2lbzcEe6XC0dApr5ydQLrHqkHHig3RBordaZ6Aj-oBHqFEHYpPe7Tpe-OfVfHd1E6cS6M1FZcD1NNLYD5lFHpPI9bTwJlsde"
         "3uhGqC0ZCuEHg8lhzwOHrtIQbS0FVbb9k3-tVTU4fg_3L_vniUFAKwuCLqKnS2BYwdq_mzSnbLY7h_qixoR7jig3__kRhuaxwUkRz5iaiQkqgc5g"
         "HdrNP5zw",
}  # fmt: skip


def corpus() -> Path:
    root = Path(__file__).resolve().parents[2]
    folder = (
        Path(os.environ.get("CALLREDIRECT_CORPORA", root / ".." / "shared" / "corpora")) / "jwt_attacks_open"
    )
    if not folder.is_dir():
        pytest.skip(f"no folder {folder}; set CALLREDIRECT_CORPORA")
    return folder


def test_the_corpus_of_attacks() -> None:
    folder = corpus()
    policy = json.loads((folder / "policy.json").read_text())
    verifier = cr.Verifier(
        policy["audience"],
        tenants=policy["tenants"],
        issuers=policy["issuers"],
        jwks=(folder / "jwks.json").read_text(),
    )
    wrong, refreshed = [], []
    for row in json.loads((folder / "vectors.json").read_text()):
        header = f"Bearer {row['token']}"
        try:
            verdict, reason = isinstance(verifier.verify(header, policy["now"]), cr.Claims), None
        except cr.VerificationError as error:
            verdict, reason = False, error.reason
        if row.get("needs_refresh"):
            refreshed.append((header, row["expect"]))
            right = reason == "unknown_key"
        else:
            right = row["expect"] in ("either", "accept" if verdict else "reject")
        if not right:
            wrong.append(row["id"])
    assert wrong == []
    verifier.set_jwks(json.loads((folder / "jwks_after_rotation.json").read_text()))
    assert refreshed
    for header, expect in refreshed:
        assert expect == "accept"
        assert verifier.verify(header, now=policy["now"]).audience == policy["audience"]


@pytest.mark.parametrize(
    "header",
    [
        None, 7, 1.5, b"Bearer x.y.z", b"\xff", "", "Bearer", "Bearer ", "Bearer x", "Bearer ...", "Basic eDp5",
        "\ud800", "Bearer \ud800.x.y", "Bearer \u00e9.x.y", "Bearer " + "A" * 10_000_000, ["Bearer x.y.z"],
        {"Authorization": "Bearer x.y.z"}, object(), type, True,
    ],
    ids=lambda header: type(header).__name__,
)  # fmt: skip
def test_whatever_comes_the_error_is_one(header: object) -> None:
    for verifier in (cr.Verifier(APP), cr.Verifier(APP, jwks={"keys": [JWK]})):
        started = time.perf_counter()
        with pytest.raises(cr.VerificationError) as caught:
            verifier.verify(header)
        assert time.perf_counter() - started < 0.05
        assert isinstance(caught.value, cr.CallRedirectError)
        assert caught.value.reason in {"missing", "malformed"}
        again = pickle.loads(pickle.dumps(caught.value))
        assert (again.reason, str(again)) == (caught.value.reason, str(caught.value))
        assert str(again).endswith(f" [{again.reason}]") and len(str(again)) > 40
    assert str(cr.VerificationError("missing")) == "missing"


def test_keys() -> None:
    verifier = cr.Verifier(APP, ["t"], ["https://issuer.example"], "https://keys.example")
    assert (verifier.app_id, verifier.tenants, verifier.issuers) == (APP, ["t"], ["https://issuer.example"])
    assert (verifier.metadata_url, verifier.key_ids) == ("https://keys.example", [])
    for jwks in ({"keys": [JWK]}, json.dumps({"keys": [JWK]}), json.dumps({"keys": [JWK]}).encode()):
        verifier.set_jwks(jwks)
        assert verifier.key_ids == [JWK["kid"]]
    no_key_sets: list[Any] = ["", "{}", "[]", '{"keys": 1}', b"\xff", {"keys": {}}]
    for jwks in no_key_sets:
        with pytest.raises(cr.ParseError):
            verifier.set_jwks(jwks)
    assert verifier.key_ids == [JWK["kid"]]
    verifier.set_jwks({"keys": [{**JWK, "use": "enc"}, {"kty": "FUTURE"}, None]})
    assert verifier.key_ids == []
    with pytest.raises(cr.ParseError):
        cr.Verifier(APP, jwks="no key set")
    with pytest.raises(TypeError):
        cr.Verifier(APP, tenants="a string, not a list of them")
    defaults = cr.Verifier(APP)
    assert defaults.issuers == ["https://api.botframework.com", "https://graph.microsoft.com"]
    assert defaults.tenants is None
    assert defaults.metadata_url == "https://api.aps.skype.com/v1/.well-known/OpenIdConfiguration"
    assert cr.Verifier(APP, jwks={"keys": []}).metadata_url is None


def test_claims_are_a_value() -> None:
    claims = cr.Claims("t", "i", "a", expires_at=1.0, app_id="x")
    assert pickle.loads(pickle.dumps(claims)) == copy.deepcopy(claims) == claims.__replace__() == claims
    assert hash(copy.copy(claims)) == hash(claims)
    assert claims != claims.__replace__(expires_at=2.0)
    assert repr(claims) == "Claims(tenant_id='t', issuer='i', audience='a', expires_at=1.0, app_id='x')"
    match claims:
        case cr.Claims(tenant_id, issuer=issuer):
            assert (tenant_id, issuer) == ("t", "i")


# --- keys by themselves, for a verifier used alone


@pytest.fixture(scope="module")
def graph() -> Iterator[Simulator]:
    with Simulator() as simulator:
        yield simulator


def bearer(graph: Simulator) -> str:
    return f"Bearer {graph.notification_token()}"


def test_fetch_keys_for_a_verifier_used_alone(graph: Simulator) -> None:
    verifier = cr.Verifier(graph.app_id, metadata_url=graph.metadata_url)
    with pytest.raises(cr.VerificationError) as caught:
        verifier.verify(bearer(graph))
    assert caught.value.reason == "no_keys" and "call fetch_keys()" in str(caught.value)
    verifier.fetch_keys()
    assert verifier.verify(bearer(graph)).audience == graph.app_id
    with pytest.raises(OSError, match="keys could not be fetched: the verifier has no metadata URL"):
        cr.Verifier(graph.app_id, jwks=graph.jwks).fetch_keys()
    with refused_url()[0] as held:
        down = cr.Verifier(graph.app_id, metadata_url=f"http://127.0.0.1:{held.getsockname()[1]}/")
        with pytest.raises(OSError, match=r"127\.0\.0\.1: could not connect"):
            down.fetch_keys()
        down.set_jwks(graph.jwks)
        assert down.verify(bearer(graph)).audience == graph.app_id


@contextmanager
def metadata_server(
    body: bytes = b"", gate: threading.Event | None = None
) -> Iterator[tuple[str, list[str]]]:
    """Its URL, and what it was asked; answers when the gate is open."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            if gate is not None:
                gate.wait(10)
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/metadata", asked
    server.shutdown()
    server.server_close()


def test_keys_of_a_host_that_was_named(graph: Simulator) -> None:
    port = graph.base_url.rsplit(":", 1)[1]
    elsewhere = json.dumps({"jwks_uri": f"http://localhost:{port}/keys"}).encode()
    with metadata_server(elsewhere) as (url, _):
        with pytest.raises(OSError, match="another host"):
            cr.Verifier(graph.app_id, metadata_url=url).fetch_keys()
        verifier = cr.Verifier(graph.app_id, metadata_url=url, key_hosts=["localhost"])
        verifier.fetch_keys()
        assert verifier.verify(bearer(graph)).audience == graph.app_id


def test_issuers_are_exact_but_for_the_slash_that_was_configured(graph: Simulator) -> None:
    with_slash = f"Bearer {graph.notification_token(claims={'iss': 'https://api.botframework.com/'})}"
    strict = cr.Verifier(graph.app_id, jwks=graph.jwks)
    with pytest.raises(cr.VerificationError, match="issuer"):
        strict.verify(with_slash)
    tolerant = cr.Verifier(graph.app_id, issuers=["https://api.botframework.com/"], jwks=graph.jwks)
    assert tolerant.verify(with_slash).issuer == "https://api.botframework.com/"
    assert tolerant.verify(bearer(graph)).issuer == "https://api.botframework.com"


# --- in the flow


def ring(target: dict[str, Any], **more: Any) -> bytes:
    call = {
        "@odata.type": "#microsoft.graph.call", "id": str(uuid.uuid4()), "state": "incoming", "direction": "incoming",
        "targets": [{"identity": target}],
    }  # fmt: skip
    item = {
        "changeType": "created",
        "resourceUrl": f"/communications/calls/{call['id']}",
        "resourceData": call | more,
    }
    return json.dumps({"value": [item]}).encode()


def bot_for(graph: Simulator, **options: Any) -> cr.Redirector:
    options.setdefault("verifier", cr.Verifier(graph.app_id, jwks=graph.jwks))
    bot = cr.Redirector(app_id=graph.app_id, credential="x", base_url=graph.base_url, **options)
    bot.on_incoming(lambda _: None)
    return bot


def headers(graph: Simulator, **more: str) -> dict[str, str]:
    return {"Authorization": bearer(graph), "Content-Type": "application/json"} | more


async def test_keys_are_refreshed_behind_the_reply(
    graph: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    """Keys that were handed over serve at once; newer ones are fetched, and nobody waits for them."""
    gate = threading.Event()
    with metadata_server(json.dumps({"jwks_uri": "x"}).encode(), gate) as (url, asked):
        verifier = cr.Verifier(graph.app_id, jwks=graph.jwks, metadata_url=url)
        bot, call = bot_for(graph, verifier=verifier), ring({"application": {"id": graph.app_id}})
        for _ in range(5):
            assert (await asyncio.wait_for(bot.handle(call, headers(graph)), 4)).status == 202
        gate.set()
        with caplog.at_level(logging.WARNING, "callredirect"):
            await bot.close()  # waits for the fetch, too
        assert "jwks_uri" in caplog.text
        assert asked == ["/metadata"]
    assert (await bot.handle(call, headers(graph))).status == 503  # closed
    bot = bot_for(
        graph, verifier=cr.Verifier(graph.app_id, jwks={"keys": [JWK]}, metadata_url=graph.metadata_url)
    )
    assert (await bot.handle(call, headers(graph))).status == 202


async def test_application_instances(graph: Simulator) -> None:
    ours, other = str(uuid.uuid4()), str(uuid.uuid4())
    bot = bot_for(graph, application_instances=[ours.upper()])
    any_bot = bot_for(graph)
    for kind, rung, status in [
        ("applicationInstance", ours, 202),
        ("application", graph.app_id, 202),
        ("applicationInstance", other, 403),
        ("user", ours, 403),
    ]:
        assert (await bot.handle(ring({kind: {"id": rung}}), headers(graph))).status == status, kind
        assert (await any_bot.handle(ring({kind: {"id": rung}}), headers(graph))).status == 202


async def test_calls_of_another_region(graph: Simulator) -> None:
    bot = bot_for(graph, region_urls={"emea": "https://emea.example.com/api/calls"})
    body = ring({"application": {"id": graph.app_id}})
    moved = await bot.handle(body, headers(graph, **{"X-Microsoft-Skype-Caller-Region": "EMEA"}))
    assert (moved.status, moved.headers) == (302, {"Location": "https://emea.example.com/api/calls"})
    here = await bot.handle(body, headers(graph, **{"X-Microsoft-Skype-Caller-Region": "amer"}))
    assert (here.status, here.headers) == (202, {})
    with pytest.raises(ValueError, match='address of region "emea": http is for loopback'):
        bot_for(graph, region_urls={"emea": "http://emea.example.com/"})


async def test_a_verifier_that_accepts_anyone_says_so(
    graph: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    anyone = cr.Verifier.dangerously_accepting_anyone(graph.app_id)
    assert anyone.accepts_anyone and not cr.Verifier(APP).accepts_anyone
    assert repr(anyone) == f'Verifier.dangerously_accepting_anyone("{graph.app_id}")'
    assert anyone.verify(None).tenant_id == ""
    with pytest.raises(ValueError, match="app_id is empty"):
        cr.Verifier.dangerously_accepting_anyone("")
    with pytest.raises(ValueError, match="white space"):
        cr.Verifier(f"{APP}\n")
    with caplog.at_level(logging.INFO, "callredirect"):
        bot_for(graph)
        assert caplog.records == []
        bot = bot_for(graph, verifier=anyone)
        (record,) = caplog.records
        assert record.levelname == "WARNING" and "ANYONE" in record.getMessage()
    assert (await bot.handle(ring({"application": {"id": graph.app_id}}, tenantId="any"), {})).status == 202
    assert (await bot.handle(ring({"application": {"id": "another"}}), {})).status == 403


# --- what a stranger can learn: whole answers of a real server


@pytest.fixture(scope="module")
def host(graph: Simulator) -> Iterator[tuple[str, int]]:
    bot = bot_for(graph, verifier=cr.Verifier(graph.app_id, tenants=[graph.tenant_id], jwks=graph.jwks))
    config = uvicorn.Config(app(bot), port=0, log_level="critical", date_header=False, lifespan="off")
    server = uvicorn.Server(config)
    sock = config.bind_socket()
    sock.listen(64)
    # In a thread of its own it must not take the signals.
    thread = threading.Thread(target=lambda: asyncio.run(server._serve([sock])), daemon=True)
    thread.start()
    yield sock.getsockname()
    server.should_exit = True
    thread.join(10)


def post(host: tuple[str, int], body: bytes, *lines: str) -> bytes:
    head = [
        "POST /api/calls HTTP/1.1",
        "Host: x",
        f"Content-Length: {len(body)}",
        "Connection: close",
        *lines,
    ]
    with socket.create_connection(host, timeout=10) as connection:
        connection.sendall("\r\n".join(head).encode() + b"\r\n\r\n" + body)
        answer = b""
        while some := connection.recv(65536):
            answer += some
        return answer


def test_every_reject_of_a_kind_is_the_same_bytes(graph: Simulator, host: tuple[str, int]) -> None:
    folder = corpus()
    tokens = [row["token"] for row in json.loads((folder / "vectors.json").read_text())]
    # Signed by a key that this bot does not know: all 240 are rejects. A server refuses what is no header by itself.
    tokens = [token for token in tokens if token.isascii() and token.isprintable() and len(token) < 50_000]
    answers: dict[bytes, set[bytes]] = {}
    good = bearer(graph)
    call = ring({"application": {"id": graph.app_id}}, tenantId=graph.tenant_id)
    requests = [(call, [f"Authorization: Bearer {token}"]) for token in tokens]
    expired = graph.notification_token(claims={"exp": 1})
    wrong: tuple[dict[str, Any], ...] = ({"exp": 1}, {"nbf": 1e12}, {"aud": "x"}, {"iss": "x"}, {"appid": 7})
    signed = [graph.notification_token(claims=claims) for claims in wrong]
    requests += [(call, [f"Authorization: Bearer {token}"]) for token in signed]
    requests += [
        (call, []), (b"", []), (call, [f"Authorization: {good}", f"Authorization: {good}"]), (b"{", ["Authorization: x"]),
        (b" " * (256 * 1024 + 2), [f"Authorization: Bearer {expired}"]), (b"<x/>", ["Authorization: Basic eDp5", "Content-Type: text/xml"]),
    ]  # fmt: skip
    tenant = graph.notification_token(claims={"tid": "another"})
    requests += [(call, [f"Authorization: Bearer {tenant}"]), (b"", [f"Authorization: Bearer {tenant}"])]
    requests += [(ring({"application": {"id": "x"}}, tenantId=graph.tenant_id), [f"Authorization: {good}"])]
    requests += [(body, [f"Authorization: {good}"]) for body in (b"", b"{", b"[1]", b"\xff", b'{"value": 1}')]
    requests += [(b" " * (256 * 1024 + n), [f"Authorization: {good}"]) for n in (1, 2)]
    requests += [(call, [f"Authorization: {good}", f"Content-Type: {kind}"]) for kind in ("text/plain", "x")]
    for body, lines in requests:
        answer = post(host, body, *lines)
        answers.setdefault(answer.split(b" ", 2)[1], set()).add(answer)
    assert {status: len(different) for status, different in answers.items()} == dict.fromkeys(
        [b"401", b"403", b"400", b"413", b"415"], 1
    )
    (unauthorized,) = answers[b"401"]
    assert unauthorized.lower().count(b"www-authenticate: bearer\r\n") == 1
    assert len(tokens) > 180
    # Nothing but the status, and what frames the answer.
    for (answer,) in answers.values():
        head, _, rest = answer.partition(b"\r\n\r\n")
        names = {line.split(b":")[0].lower() for line in head.split(b"\r\n")[1:]}
        assert rest == b"" and names <= {b"server", b"content-length", b"connection", b"www-authenticate"}
