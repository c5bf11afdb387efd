"""Any ASGI server: ``uvicorn bot:calls`` with ``calls = callredirect.adapters.asgi.app(bot)``."""

import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from callredirect import Redirector

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class app:  # noqa: N801 - an object, because Starlette takes a function for something else
    """An application that answers POST on whatever path it is at, and drains the bot at shutdown."""

    def __init__(self, bot: Redirector) -> None:
        self._bot = bot

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:  # noqa: D102
        received_at = time.monotonic()
        if scope["type"] == "lifespan":
            while (await receive())["type"] != "lifespan.shutdown":
                await send({"type": "lifespan.startup.complete"})
            await self._bot.close()
            await send({"type": "lifespan.shutdown.complete"})
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close"})
        elif scope["method"] != "POST":
            await _answer(send, 405, {"allow": "POST"})
        else:
            body = bytearray()
            message: Message = {"more_body": True}
            while message.get("more_body") and len(body) <= self._bot.max_bytes:
                message = await receive()
                body += message.get("body", b"")
            if message["type"] != "http.disconnect":
                reply = await self._bot.handle(bytes(body), scope["headers"], received_at=received_at)
                await _answer(send, reply.status, reply.headers)


async def _answer(send: Send, status: int, headers: dict[str, str]) -> None:
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    raw += [] if status == 204 else [(b"content-length", b"0")]  # a 204 must not have one
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": b""})
