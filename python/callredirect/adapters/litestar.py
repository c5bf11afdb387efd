"""Litestar: ``Litestar(plugins=[callredirect.adapters.litestar.plugin(bot)])``."""

import time
from typing import Any

from litestar import Request, Response, post
from litestar.config.app import AppConfig
from litestar.exceptions import InternalServerException
from litestar.plugins import InitPlugin

from callredirect import Redirector

from ._body import read_chunks
from ._path import checked


class plugin(InitPlugin):  # noqa: N801 - called like the other adapters' functions
    """Adds the calling webhook at ``path`` and below, and drains the bot at shutdown.

    Below, because a redirect's ``callback_uri`` is often the webhook's address with something appended. Raises
    ``ValueError`` for a path that does not start with ``/``.
    """

    def __init__(self, bot: Redirector, path: str = "/api/calls") -> None:
        self._bot = bot
        self._path = path
        self._below = checked(path) + "/{below:path}"

    def on_app_init(self, app_config: AppConfig) -> AppConfig:
        """Called by Litestar."""
        bot = self._bot

        @post([self._path, self._below], status_code=202, include_in_schema=False)
        async def calls(request: Request[Any, Any, Any]) -> Response[bytes]:
            received_at = time.monotonic()
            try:
                body = await read_chunks(request.stream(), bot.max_bytes)
            except InternalServerException:
                return Response(b"", status_code=400)  # the client has gone: nobody reads it
            reply = await bot.handle(body, request.headers, received_at=received_at)
            return Response(reply.body, status_code=reply.status, headers=reply.headers)

        app_config.route_handlers.append(calls)
        app_config.on_shutdown.append(bot.close)
        return app_config
