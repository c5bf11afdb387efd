"""aiohttp: ``callredirect.adapters.aiohttp.setup(app, bot)``."""

from __future__ import annotations

import time

from aiohttp import web

from callredirect import Redirector

from ._body import read_chunks
from ._path import checked


def setup(app: web.Application, bot: Redirector, path: str = "/api/calls") -> None:
    """Adds the calling webhook at ``path`` and below, and drains the bot at shutdown.

    Below, because a redirect's ``callback_uri`` is often the webhook's address with something appended: add routes of
    your own down there first. Raises ``ValueError`` for a path that does not start with ``/``.
    """
    below = checked(path) + "/{below:.*}"

    async def calls(request: web.Request) -> web.Response:
        received_at = time.monotonic()
        try:
            # Not `request.read()`, whose limit of the application's is for other bodies than these.
            body = await read_chunks(request.content.iter_any(), bot.max_bytes)
        except (web.RequestPayloadError, ConnectionError):
            return web.Response(status=400)  # nobody reads it
        reply = await bot.handle(body, request.raw_headers, received_at=received_at)
        return web.Response(status=reply.status, headers=reply.headers)

    async def drain(_: web.Application) -> None:
        await bot.close()

    app.router.add_post(path, calls)
    app.router.add_post(below, calls)
    # Not `on_cleanup`: what the handlers need may be gone by then.
    app.on_shutdown.append(drain)
