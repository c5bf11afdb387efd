"""Bots behind the real servers of their frameworks, each in a thread of its own, on a free port."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import threading
import types
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Coroutine
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import aiohttp.web
import azure.functions as func
import django
import fastapi
import flask
import hypercorn
import hypercorn.asyncio
import litestar
import quart
import starlette.applications
import uvicorn
import waitress.server
import werkzeug.serving
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.urls import re_path

import callredirect as cr
from callredirect.adapters import _blocking, asgi, azure_functions
from callredirect.adapters import aiohttp as with_aiohttp
from callredirect.adapters import django as with_django
from callredirect.adapters import fastapi as with_fastapi
from callredirect.adapters import flask as with_flask
from callredirect.adapters import litestar as with_litestar
from callredirect.adapters import quart as with_quart
from callredirect.adapters import starlette as with_starlette

PATH = "/api/calls"


def free_socket() -> socket.socket:
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen(128)
    return listening


class Server(ABC):
    """Serves one bot until it is stopped, then waits for its redirects."""

    port: int

    def __init__(self, bot: cr.Redirector) -> None:
        self.bot = bot
        self.ready = threading.Event()
        self.failure: BaseException | None = None
        self.thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self.thread.start()
        assert self.ready.wait(30)
        if self.failure is not None:
            raise self.failure

    def _run(self) -> None:
        try:
            self.run()
        except BaseException as error:
            self.failure = error
        finally:
            self.ready.set()

    def stop(self) -> None:
        if self.thread.is_alive():
            self.ask_to_stop()
            self.thread.join(30)
        assert not self.thread.is_alive()
        if self.failure is not None:
            raise self.failure

    @abstractmethod
    def run(self) -> None: ...

    @abstractmethod
    def ask_to_stop(self) -> None: ...


class LoopServer(Server):
    """A server that is a coroutine, which ends when the event is set."""

    def run(self) -> None:
        asyncio.run(self._main())

    async def _main(self) -> None:
        self.stopping = asyncio.Event()
        self.loop = asyncio.get_running_loop()
        await self.serve()

    def ask_to_stop(self) -> None:
        self.loop.call_soon_threadsafe(self.stopping.set)

    @abstractmethod
    def serve(self) -> Coroutine[Any, Any, None]: ...


class Uvicorn(LoopServer):
    def __init__(self, bot: cr.Redirector, app: Any) -> None:
        super().__init__(bot)
        self.server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", lifespan="on"))

    async def serve(self) -> None:
        serving = asyncio.ensure_future(self.server.serve())
        while not self.server.started and not serving.done():  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(0.005)
        if not serving.done():
            self.port = self.server.servers[0].sockets[0].getsockname()[1]
            self.ready.set()
            await self.stopping.wait()
            self.server.should_exit = True
        await serving


class Hypercorn(LoopServer):
    def __init__(self, bot: cr.Redirector, app: Any) -> None:
        super().__init__(bot)
        self.app = app

    async def serve(self) -> None:
        listening = free_socket()
        self.port = listening.getsockname()[1]
        config = hypercorn.Config()
        config.bind = [f"fd://{listening.detach()}"]
        config.errorlog = None
        self.ready.set()  # it listens: who comes early waits
        await hypercorn.asyncio.serve(self.app, config, shutdown_trigger=self._wait)

    async def _wait(self) -> None:
        await self.stopping.wait()


class Aiohttp(LoopServer):
    async def serve(self) -> None:
        app = aiohttp.web.Application()
        with_aiohttp.setup(app, self.bot)
        runner = aiohttp.web.AppRunner(app, shutdown_timeout=5)
        await runner.setup()
        await aiohttp.web.TCPSite(runner, "127.0.0.1", 0).start()
        self.port = runner.addresses[0][1]
        self.ready.set()
        await self.stopping.wait()
        await runner.cleanup()


class Werkzeug(Server):
    def run(self) -> None:
        app = flask.Flask(__name__)
        app.register_blueprint(with_flask.blueprint(self.bot))

        class Quiet(werkzeug.serving.WSGIRequestHandler):
            def log(self, type: str, message: str, *args: object) -> None:
                pass

        with contextlib.closing(free_socket()) as listening:
            self.port = listening.getsockname()[1]
            self.server = werkzeug.serving.make_server(
                "127.0.0.1", self.port, app, threaded=True, request_handler=Quiet, fd=listening.fileno()
            )
            self.ready.set()
            self.server.serve_forever(0.01)
            self.server.server_close()
        _blocking.close(self.bot)

    def ask_to_stop(self) -> None:
        self.server.shutdown()


def django_urls(view: Callable[..., Any]) -> None:
    """From now on Django has this view. There is one Django to a process."""
    if not settings.configured:
        middleware = [
            "django.middleware.common.CommonMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
        ]
        settings.configure(ALLOWED_HOSTS=["*"], SECRET_KEY="x", USE_TZ=True, MIDDLEWARE=middleware)
        django.setup()
    urls = types.ModuleType("urls")
    vars(urls)["urlpatterns"] = [re_path("^api/calls(/|$)", view)]
    settings.ROOT_URLCONF = urls


class Waitress(Server):
    def run(self) -> None:
        django_urls(with_django.view(self.bot))
        self.server: Any = waitress.server.create_server(
            get_wsgi_application(), host="127.0.0.1", port=0, max_request_body_size=1_000_000, threads=8
        )
        self.port = int(self.server.effective_port)
        self.stopping = False
        self.ready.set()
        while not self.stopping:
            self.server.asyncore.loop(timeout=0.01, map=self.server._map, count=1)
        self.server.task_dispatcher.shutdown()
        self.server.asyncore.close_all(self.server._map)
        _blocking.close(self.bot)

    def ask_to_stop(self) -> None:
        self.stopping = True


class FrozenWorker(Server):
    """A Functions host's part: routes, reads, and lets the worker's loop run during an invocation only."""

    def __init__(self, bot: cr.Redirector, app: func.FunctionApp | None = None) -> None:
        super().__init__(bot)
        if app is None:
            app = func.FunctionApp()
            app.register_functions(azure_functions.blueprint(bot))
        (self.function,) = app.get_functions()

    def run(self) -> None:
        trigger: Any = self.function.get_trigger()
        assert trigger.route == PATH.removeprefix("/api/") + "/{*below}"
        invoke: Callable[[func.HttpRequest], Awaitable[func.HttpResponse]] = self.function.get_user_function()
        with contextlib.closing(asyncio.new_event_loop()) as loop:

            class Handler(BaseHTTPRequestHandler):
                def do_POST(self) -> None:
                    if not self.path.startswith(PATH):
                        return self.reply(404)
                    body = self.rfile.read(int(self.headers["Content-Length"]))
                    names = {name.lower() for name in self.headers}
                    headers = {name: ",".join(self.headers.get_all(name) or ()) for name in names}
                    request = func.HttpRequest("POST", self.path, headers=headers, body=body)
                    response = loop.run_until_complete(invoke(request))
                    assert response.get_body() == b""
                    return self.reply(response.status_code, dict(response.headers))

                def reply(self, status: int, headers: dict[str, str] | None = None) -> None:
                    self.send_response(status)
                    for name, value in (headers or {}).items():
                        self.send_header(name, value)
                    self.end_headers()

                def log_message(self, format: str, *args: object) -> None:
                    pass

            self.server = HTTPServer(("127.0.0.1", 0), Handler)
            self.port = self.server.server_port
            self.ready.set()
            self.server.serve_forever(0.01)
            self.server.server_close()

    def ask_to_stop(self) -> None:
        self.server.shutdown()


def asgi_alone(bot: cr.Redirector) -> Server:
    return Uvicorn(bot, asgi.app(bot))


def fastapi_app(bot: cr.Redirector) -> Server:
    app = fastapi.FastAPI()
    app.include_router(with_fastapi.router(bot))
    return Uvicorn(bot, app)


def starlette_app(bot: cr.Redirector) -> Server:
    app = starlette.applications.Starlette(
        routes=with_starlette.routes(bot), lifespan=with_starlette.lifespan(bot)
    )
    return Uvicorn(bot, app)


def litestar_app(bot: cr.Redirector) -> Server:
    async def log(error: Exception, _: object) -> None:
        # What Litestar does when it is told to log.
        if getattr(error, "status_code", 500) == 500:
            logging.getLogger("litestar").error("%r", error)

    return Uvicorn(bot, litestar.Litestar(plugins=[with_litestar.plugin(bot)], after_exception=[log]))


def quart_app(bot: cr.Redirector) -> Server:
    app = quart.Quart(__name__)
    app.register_blueprint(with_quart.blueprint(bot))
    return Hypercorn(bot, app)


def django_async(bot: cr.Redirector) -> Server:
    django_urls(with_django.async_view(bot))
    return Uvicorn(bot, with_django.draining(get_asgi_application(), bot))


SERVERS: dict[str, Callable[[cr.Redirector], Server]] = {
    "asgi": asgi_alone,
    "fastapi": fastapi_app,
    "starlette": starlette_app,
    "litestar": litestar_app,
    "quart": quart_app,
    "aiohttp": Aiohttp,
    "flask": Werkzeug,
    "django": Waitress,
    "django_async": django_async,
    "azure_functions": FrozenWorker,
}
