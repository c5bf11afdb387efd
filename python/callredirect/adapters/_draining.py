"""For applications that know nothing of ASGI's lifespan."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from callredirect import Redirector

from . import asgi


def draining(application: Callable[..., Awaitable[Any]], bot: Redirector) -> Callable[..., Awaitable[Any]]:
    """An application that itself is never told of the shutdown, as Django's is: then the bot is drained."""
    lifespan = asgi.app(bot)

    async def drained(scope: asgi.Message, receive: asgi.Receive, send: asgi.Send) -> None:
        await (lifespan if scope["type"] == "lifespan" else application)(scope, receive, send)

    return drained
