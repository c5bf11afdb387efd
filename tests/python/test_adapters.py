"""Every adapter, behind a real server, through one and the same suite."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiohttp import web
from django.core.exceptions import ImproperlyConfigured
from django.test import Client
from fastapi import Depends, FastAPI, HTTPException

import callredirect as cr
import hosts
from callredirect import _threads
from callredirect.adapters import aiohttp, asgi, django, fastapi, flask, litestar, quart, starlette
from callredirect.testing import Simulator
from hosts import PATH, SERVERS

APP = "24701998-1a73-4d42-8085-bf46ed0ae039"
ADAPTERS = Path(asgi.__file__).parent
ALICE = cr.Redirect([cr.Target.user("98da8a1a-1b87-452c-a713-65d3f10b1253")])

HOST_READS_ALL = {"django", "django_async", "azure_functions"}
"""Hosts that have the whole body before anybody of ours is asked."""

ROUTED_BY_THE_HOST = {"azure_functions"}
"""Hosts that let no other method come near."""


class Host:
    """A bot behind a server, and who may come to it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.graph = Simulator()
        verifier = cr.Verifier(APP, metadata_url=self.graph.metadata_url)
        token = self.graph.access_token()
        self.bot = cr.Redirector(
            app_id=APP, credential=token, verifier=verifier, base_url=self.graph.base_url
        )
        self.delay = 0.0
        self.answer = ALICE
        self.bot.on_incoming(self.route)
        self.server = SERVERS[name](self.bot)

    async def route(self, _: cr.Call) -> cr.Redirect:
        await asyncio.sleep(self.delay)
        return self.answer

    def start(self) -> None:
        self.server.start()
        self.port = self.server.port
        self.url = f"http://127.0.0.1:{self.port}{PATH}"

    def stop(self) -> None:
        self.server.stop()

    def ask(
        self, method: str = "POST", path: str = PATH, body: bytes = b"", **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        headers.setdefault("Authorization", f"Bearer {self.graph.notification_token()}")
        headers.setdefault("Content-Type", "application/json")
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)) as client:
            client.request(method, path, body, {k: v for k, v in headers.items() if v})
            response = client.getresponse()
            return (
                response.status,
                {name.lower(): value for name, value in response.getheaders()},
                response.read(),
            )

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=10)

    def head(self, length: int, *more: str) -> bytes:
        token = self.graph.notification_token()
        lines = (
            f"POST {PATH} HTTP/1.1", "Host: x", f"Authorization: Bearer {token}", *more,
            "Content-Type: application/json", f"Content-Length: {length}", "", "",
        )  # fmt: skip
        return "\r\n".join(lines).encode()

    def say(self, request: bytes) -> int:
        """The status of the answer to these bytes."""
        with self.connect() as client:
            client.sendall(request)
            answer = http.client.HTTPResponse(client)
            answer.begin()
            return answer.status


@pytest.fixture(params=SERVERS)
def host(request: pytest.FixtureRequest) -> Iterator[Host]:
    host = Host(request.param)
    try:
        host.start()
        yield host
    finally:
        host.stop()
        host.graph.close()


def test_a_call_is_redirected(host: Host) -> None:
    rung = host.graph.ring(host.url)
    assert (rung.reply_status, rung.reply_body, rung.ended_status) == (202, b"", 202)
    assert rung.redirect == ALICE.to_dict()
    host.stop()
    (tracked,) = host.bot.calls
    assert isinstance(tracked.outcome, cr.Accepted) and tracked.ended


def test_statuses(host: Host) -> None:
    assert host.ask(body=b'{"value": []}')[0] == 202
    status, headers, body = host.ask(body=b"[]", Authorization="")
    assert (status, headers["www-authenticate"], body) == (401, "Bearer", b"")
    forged = host.graph.notification_token()[:-8] + "AAAAAAAA"
    status, headers, body = host.ask(body=b"[]", Authorization=f"Bearer {forged}")
    assert (status, headers["www-authenticate"], body) == (401, "Bearer", b"")
    assert host.ask(body=b"{")[0] == 400
    assert host.ask()[0] == 400
    assert host.ask(body=b"a=b", **{"Content-Type": "application/x-www-form-urlencoded"})[0] == 415
    assert host.ask(body=b"[]", **{"Content-Type": "text/plain"})[0] == 415
    status, headers, body = host.ask(body=b'{"callState": "incoming"}')
    assert (status, body) == (204, b"")
    if host.name != "django_async":  # Django's own middleware gives one to all that it answers
        assert "content-length" not in headers
    foreign = host.graph.notification_token(tenant_id="another")
    rung = host.graph.ring(host.url, token=foreign)
    assert (rung.reply_status, rung.redirect) == (403, None)
    assert host.bot.calls == ()


def test_two_authorization_headers_are_none(host: Host) -> None:
    again = f"Authorization: Bearer {host.graph.notification_token()}"
    assert host.say(host.head(2) + b"[]") == 202
    assert host.say(host.head(2, again) + b"[]") in (400, 401)
    assert host.say(host.head(2, "Authorization: Bearer x") + b"[]") in (400, 401)


@pytest.mark.parametrize("name", [name for name in SERVERS if name != "asgi"])
def test_the_end_of_a_call_is_told_at_the_callback_of_its_redirect(name: str) -> None:
    """The specification's own callbacks are the webhook's address with an id appended."""
    host = Host(name)
    host.start()
    try:
        for callback, status in (
            (f"https://bot.contoso.com{PATH}/{APP}", 202),
            (f"https://bot.contoso.com{PATH}/a/b", 202),
            ("https://bot.contoso.com/x", 404),
        ):
            host.answer = cr.Redirect([cr.Target.phone("+12345678901")], callback_uri=callback)
            assert host.graph.ring(host.url).ended_status == status
    finally:
        host.stop()
        host.graph.close()


def test_methods(host: Host) -> None:
    if host.name in ROUTED_BY_THE_HOST:
        pytest.skip("the host's own router turns them away")
    # Litestar answers OPTIONS for every route, and says what there is.
    for method in ("GET", "PUT", "DELETE") + (("OPTIONS",) if host.name != "litestar" else ()):
        status, headers, _ = host.ask(method)
        assert (status, "POST" in headers["allow"]) == (405, True), method
    assert host.ask("HEAD")[0] == 405


def test_other_paths_belong_to_the_application(host: Host) -> None:
    assert host.ask(path="/elsewhere", body=b"[]")[0] == (202 if host.name == "asgi" else 404)


def test_a_large_body_is_not_read_to_its_end(host: Host) -> None:
    size = 10 * 1024 * 1024
    if host.name in HOST_READS_ALL - {"django"}:
        assert host.ask(body=b" " * size)[0] == 413
        return
    with host.connect() as client:
        # The rest of the ten megabytes is never sent: who waited for it would not answer.
        with contextlib.suppress(ConnectionError):  # it may have been turned away half way
            client.sendall(host.head(size) + b" " * 400_000)
        answer = client.recv(4096)
    assert answer[:13] in (b"HTTP/1.1 413 ", b"HTTP/1.0 413 "), answer


def test_a_body_of_the_longest_size_is_read(host: Host) -> None:
    whole = json.dumps({"value": []}).encode().ljust(host.bot.max_bytes)
    assert host.ask(body=whole)[0] == 202
    assert host.ask(body=whole + b" ")[0] == 413


def test_a_slow_client_is_answered_and_delays_nobody(host: Host) -> None:
    if host.name == "azure_functions":
        pytest.skip("the host's own business: it has the body before it asks")
    body = b'{"value": []}'
    with host.connect() as slow:
        slow.sendall(host.head(len(body))[:-2])
        assert host.ask(body=body)[0] == 202
        slow.sendall(b"\r\n")
        for byte in body:
            slow.sendall(bytes([byte]))
            time.sleep(0.005)
        answer = http.client.HTTPResponse(slow)
        answer.begin()
        assert answer.status == 202


def test_a_client_that_hangs_up_leaves_no_trace(host: Host, caplog: pytest.LogCaptureFixture) -> None:
    if host.name == "azure_functions":
        pytest.skip("the host's own business: it has the body before it asks")
    caplog.set_level("INFO", "callredirect")
    with host.connect() as client:
        client.sendall(host.head(1000) + b'{"value"')
    if host.name != "flask":  # its development server takes half a head for a whole one
        with host.connect() as client:
            client.sendall(host.head(10)[:-30])
    assert host.ask(body=b"[]")[0] == 202
    host.stop()
    # Half a body is nobody's request: not even one that was refused.
    ours = [record.getMessage() for record in caplog.records if record.name == "callredirect"]
    assert ours == []
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []
    assert host.bot.calls == ()


def test_shutdown_waits_for_the_redirect_under_way(host: Host) -> None:
    host.delay = 0.5
    call_id = host.graph.place_call()
    note = {
        "changeType": "created",
        "resourceUrl": f"/communications/calls/{call_id}",
        "resourceData": {"id": call_id, "state": "incoming"},
    }
    assert host.ask(body=json.dumps([note]).encode())[0] == 202
    (tracked,) = host.bot.calls
    if host.name == "azure_functions":
        assert tracked.outcome is not None  # before the reply: nothing runs on after it
    else:
        assert tracked.outcome is None
    host.stop()
    assert isinstance(tracked.outcome, cr.Accepted), tracked
    assert [redirect.status for redirect in host.graph.redirects] == [202]


async def test_websockets_are_turned_away() -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    await asgi.app(cr.Redirector(app_id=APP, credential="x"))({"type": "websocket"}, receive, send)
    assert sent == [{"type": "websocket.close"}]


def test_the_webhook_may_be_elsewhere() -> None:
    bot = cr.Redirector(app_id=APP, credential="x")
    app = FastAPI()
    app.include_router(fastapi.router(bot, "/teams"), prefix="/bots")
    assert app.url_path_for("calls") == "/bots/teams"
    assert [route.path for route in starlette.routes(bot, "/")] == ["/", "/{below:path}"]
    for make in (fastapi.router, starlette.routes, flask.blueprint, quart.blueprint, litestar.plugin):
        with pytest.raises(ValueError, match="starts with /, not 'teams'"):
            make(bot, "teams")
    with pytest.raises(ValueError, match="starts with /, not 'teams'"):
        aiohttp.setup(web.Application(), bot, "teams")


async def test_a_dependency_of_the_application_is_asked_first() -> None:
    def closed() -> None:
        raise HTTPException(418)

    bot = cr.Redirector(app_id=APP, credential="x")
    app = FastAPI()
    app.include_router(fastapi.router(bot), dependencies=[Depends(closed)])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://bot") as client:
        assert (await client.post(PATH)).status_code == 418


def test_the_deadline_counts_from_when_the_host_called(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[float | None] = []
    handle = host.bot.handle

    async def listening(body: Any, headers: Any, *, received_at: float | None = None) -> cr.Reply:
        told.append(received_at)
        return await handle(body, headers, received_at=received_at)

    monkeypatch.setattr(host.bot, "handle", listening)
    began = time.monotonic()
    assert host.ask(body=b"[]")[0] == 202
    assert [began <= (at or 0) <= time.monotonic() for at in told] == [True]


def test_an_async_view_under_wsgi_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    bot = cr.Redirector(app_id=APP, credential="x")
    hosts.django_urls(django.async_view(bot))
    with pytest.raises(ImproperlyConfigured, match="needs ASGI"):
        Client().post(PATH)


# --- what an adapter is


def test_each_is_short_and_imported_only_by_who_names_it() -> None:
    files = sorted(path for path in ADAPTERS.glob("*.py") if not path.name.startswith("_"))
    assert {path.stem for path in files} == set(SERVERS) - {"django_async"}
    for path in files:
        assert len(path.read_text().splitlines()) < 50, path
    assert "import" not in (ADAPTERS / "__init__.py").read_text().split('"""')[2]


FRAMEWORKS = {
    "aiohttp", "azure", "django", "fastapi", "flask", "litestar", "quart", "starlette", "uvicorn", "werkzeug",
}  # fmt: skip


@pytest.mark.parametrize("adapter", ["", *sorted(set(SERVERS) - {"django_async"})])
def test_no_framework_comes_uninvited(adapter: str) -> None:
    name = f"callredirect.adapters.{adapter}".rstrip(".")
    code = f"import {name}, sys; print(*{FRAMEWORKS} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    built_on = {"fastapi": {"starlette"}, "flask": {"werkzeug"}, "quart": {"flask", "werkzeug"}}
    invited = {adapter.split("_")[0]} & FRAMEWORKS
    assert set(done.stdout.split()) == invited | built_on.get(adapter, set()) | (
        {"werkzeug"} if adapter == "azure_functions" else set()
    )


def test_a_process_that_ends_does_without_new_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in Python 3.12, where the tests of whole hosts need it."""
    monkeypatch.setattr(_threads, "_spare", None)
    _threads.keep_spare()

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert _threads.start(threading.current_thread).result(10).name == "callredirect-spare"
    _threads.drop_spare()
    with pytest.raises(RuntimeError, match="new thread"):
        _threads.start(threading.current_thread)
