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
from collections.abc import AsyncGenerator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.routing import Route

import callredirect as cr
from callredirect.adapters import asgi, fastapi
from callredirect.testing import Simulator

APP = "24701998-1a73-4d42-8085-bf46ed0ae039"
PATH = "/api/calls"
ADAPTERS = Path(asgi.__file__).parent
ALICE = cr.Redirect([cr.Target.user("98da8a1a-1b87-452c-a713-65d3f10b1253")])


def with_fastapi(bot: cr.Redirector) -> Any:
    app = FastAPI()
    app.include_router(fastapi.router(bot))
    return app


def with_starlette(bot: cr.Redirector) -> Any:
    @contextlib.asynccontextmanager
    async def lifespan(_: Any) -> AsyncGenerator[None]:
        yield
        await bot.close()  # only the outermost application is told of the shutdown

    return Starlette(routes=[Route(PATH + "{below:path}", asgi.app(bot))], lifespan=lifespan)


HOSTS: dict[str, Callable[[cr.Redirector], Any]] = {
    "asgi": asgi.app,
    "fastapi": with_fastapi,
    "starlette": with_starlette,
}


class Host:
    """A bot under uvicorn, in a thread of its own."""

    def __init__(self, host: str) -> None:
        self.graph = Simulator()
        verifier = cr.Verifier(APP, metadata_url=self.graph.metadata_url)
        token = self.graph.access_token()
        self.bot = cr.Redirector(
            app_id=APP, credential=token, verifier=verifier, base_url=self.graph.base_url
        )
        self.delay = 0.0
        self.answer = ALICE
        self.bot.on_incoming(self.route)
        config = uvicorn.Config(HOSTS[host](self.bot), port=0, log_level="warning", lifespan="on")
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run)

    async def route(self, _: cr.Call) -> cr.Redirect:
        await asyncio.sleep(self.delay)
        return self.answer

    def start(self) -> None:
        self.thread.start()
        until = time.monotonic() + 30
        while not self.server.started:
            assert self.thread.is_alive() and time.monotonic() < until
            time.sleep(0.01)
        self.port: int = self.server.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}{PATH}"

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join(20)
        assert not self.thread.is_alive()

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

    def head(self, length: int) -> bytes:
        token = self.graph.notification_token()
        return (
            f"POST {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
        ).encode()


@pytest.fixture(params=HOSTS)
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
    (tracked,) = host.bot.calls
    assert isinstance(tracked.outcome, cr.Accepted) and tracked.ended


def test_statuses(host: Host) -> None:
    assert host.ask(body=b'{"value": []}')[0] == 202
    status, headers, body = host.ask(body=b"[]", Authorization="")
    assert (status, headers["www-authenticate"], body) == (401, "Bearer", b"")
    assert host.ask(body=b"{")[0] == 400
    assert host.ask()[0] == 400
    assert host.ask(body=b"a=b", **{"Content-Type": "application/x-www-form-urlencoded"})[0] == 415
    status, headers, body = host.ask(body=b'{"callState": "incoming"}')
    assert (status, body) == (204, b"")
    assert "content-length" not in headers
    foreign = host.graph.notification_token(tenant_id="another")
    rung = host.graph.ring(host.url, token=foreign)
    assert (rung.reply_status, rung.redirect) == (403, None)
    assert host.bot.calls == ()


@pytest.mark.parametrize("name", ["fastapi", "starlette"])
def test_the_end_of_a_call_is_told_at_the_callback_of_its_redirect(name: str) -> None:
    """The specification's own callbacks are the webhook's address with an id appended."""
    host = Host(name)
    host.start()
    try:
        for callback, status in (
            (f"https://bot.contoso.com{PATH}/{APP}", 202),
            ("https://bot.contoso.com/x", 404),
        ):
            host.answer = cr.Redirect([cr.Target.phone("+12345678901")], callback_uri=callback)
            assert host.graph.ring(host.url).ended_status == status
    finally:
        host.stop()


def test_methods_and_paths(host: Host) -> None:
    for method in ("GET", "PUT", "DELETE", "OPTIONS"):
        status, headers, _ = host.ask(method)
        assert (status, headers["allow"]) == (405, "POST")
    assert host.ask("HEAD")[0] == 405


def test_other_paths_belong_to_the_application(request: pytest.FixtureRequest, host: Host) -> None:
    alone = "[asgi]" in request.node.name
    assert host.ask(path="/elsewhere", body=b"[]")[0] == (202 if alone else 404)


def test_a_large_body_is_not_read_to_its_end(host: Host) -> None:
    size = 10 * 1024 * 1024
    with host.connect() as client:
        # The rest of the ten megabytes is never sent: who waited for it would not answer.
        with contextlib.suppress(ConnectionError):  # it may have been turned away half way
            client.sendall(host.head(size) + b" " * 400_000)
        answer = client.recv(4096)
    assert answer.startswith(b"HTTP/1.1 413 "), answer


def test_a_body_of_the_longest_size_is_read(host: Host) -> None:
    whole = json.dumps({"value": []}).encode().ljust(host.bot.max_bytes)
    assert host.ask(body=whole)[0] == 202
    assert host.ask(body=whole + b" ")[0] == 413


def test_a_slow_client_is_answered_and_delays_nobody(host: Host) -> None:
    body = b'{"value": []}'
    with host.connect() as slow:
        slow.sendall(host.head(len(body))[:-2])
        assert host.ask(body=body)[0] == 202
        slow.sendall(b"\r\n")
        for byte in body:
            slow.sendall(bytes([byte]))
            time.sleep(0.005)
        assert slow.recv(4096).startswith(b"HTTP/1.1 202 ")


def test_a_client_that_hangs_up_leaves_no_trace(host: Host, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "callredirect")
    with host.connect() as client:
        client.sendall(host.head(1000) + b'{"value"')
    with host.connect() as client:
        client.sendall(host.head(10)[:-30])
    assert host.ask(body=b"[]")[0] == 202
    host.stop()
    # Half a body is nobody's request: not even one that was refused.
    assert [record.getMessage() for record in caplog.records] == []
    assert host.bot.calls == ()


def test_shutdown_waits_for_the_redirect_under_way(host: Host) -> None:
    host.delay = 0.5
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", host.port, timeout=10)) as client:
        call_id = host.graph.place_call()
        call = {"id": call_id, "state": "incoming"}
        note = {
            "changeType": "created",
            "resourceUrl": f"/communications/calls/{call_id}",
            "resourceData": call,
        }
        client.request(
            "POST", PATH, json.dumps([note]), {"Authorization": f"Bearer {host.graph.notification_token()}"}
        )
        assert client.getresponse().status == 202
    (tracked,) = host.bot.calls
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


# --- what an adapter is


def test_each_is_short_and_imported_only_by_who_names_it() -> None:
    files = sorted(path for path in ADAPTERS.glob("*.py") if path.name != "__init__.py")
    assert [path.stem for path in files] == ["asgi", "fastapi"]
    for path in files:
        assert len(path.read_text().splitlines()) < 50, path
    assert "import" not in (ADAPTERS / "__init__.py").read_text().split('"""')[2]


@pytest.mark.parametrize(
    ("adapter", "needs"), [("", set[str]()), ("asgi", set[str]()), ("fastapi", {"fastapi"})]
)
def test_no_framework_comes_uninvited(adapter: str, needs: set[str]) -> None:
    frameworks = {"fastapi", "starlette", "aiohttp", "flask", "django", "uvicorn"}
    name = f"callredirect.adapters.{adapter}".rstrip(".")
    code = f"import {name}, sys; print(*{frameworks} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert set(done.stdout.split()) - {"starlette"} == needs
