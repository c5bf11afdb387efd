"""Any ASGI server: ``uvicorn bot:app`` with ``app = callredirect.adapters.asgi.app(bot)``."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

from callredirect import Redirector

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]


def app(bot: Redirector) -> App:
    """An application that answers POST on whatever path it is mounted at, and drains the bot at shutdown."""

    async def serve(scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(bot, receive, send)
        elif scope["type"] == "http":
            received_at = time.monotonic()
            if scope["method"] != "POST":
                return await _answer(send, 405, [(b"allow", b"POST")])
            body = b""
            while len(body) <= bot.max_bytes:
                message = await receive()
                if message["type"] == "http.disconnect":
                    return None
                body += message.get("body", b"")
                if not message.get("more_body", False):
                    break
            reply = await bot.handle(body, scope["headers"], received_at=received_at)
            headers = [(name.lower().encode(), value.encode()) for name, value in reply.headers.items()]
            await _answer(send, reply.status, headers)
        return None

    return serve


async def _answer(send: Send, status: int, headers: list[tuple[bytes, bytes]]) -> None:
    # A 204 must not have a length; everything else says that it is empty.
    length = [] if status == 204 else [(b"content-length", b"0")]
    await send({"type": "http.response.start", "status": status, "headers": headers + length})
    await send({"type": "http.response.body", "body": b""})


async def _lifespan(bot: Redirector, receive: Receive, send: Send) -> None:
    while (message := await receive())["type"] != "lifespan.shutdown":
        await send({"type": message["type"] + ".complete"})
    await bot.close()
    await send({"type": "lifespan.shutdown.complete"})
