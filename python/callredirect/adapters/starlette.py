"""Starlette: ``Starlette(routes=routes(bot), lifespan=lifespan(bot))``."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from starlette.applications import Starlette
from starlette.routing import Route

from callredirect import Redirector

from . import asgi
from ._path import checked


def routes(bot: Redirector, path: str = "/api/calls") -> list[Route]:
    """The calling webhook at ``path`` and below: a ``callback_uri`` is often its address with something appended.

    Put routes of your own down there before these. Raises ``ValueError`` for a path that does not start with ``/``.
    """
    path = checked(path)
    calls = asgi.app(bot)
    return [Route(path or "/", calls), Route(path + "/{below:path}", calls)]


def lifespan(bot: Redirector) -> Callable[[Starlette], AbstractAsyncContextManager[None]]:
    """Drains the bot at shutdown. An application with a lifespan of its own says ``await bot.close()`` at its end."""

    @asynccontextmanager
    async def draining(_: Starlette) -> AsyncGenerator[None]:
        yield
        await bot.close()

    return draining
