"""Quart: ``app.register_blueprint(callredirect.adapters.quart.blueprint(bot))``."""

from __future__ import annotations

import time

from quart import Blueprint, Response, request

from callredirect import Redirector

from ._body import read_chunks
from ._path import checked


def blueprint(bot: Redirector, path: str = "/api/calls") -> Blueprint:
    """A blueprint with the calling webhook at ``path`` and below, which drains the bot at shutdown.

    Below, because a redirect's ``callback_uri`` is often the webhook's address with something appended. Raises
    ``ValueError`` for a path that does not start with ``/``.
    """
    below = checked(path) + "/<path:below>"
    routes = Blueprint("callredirect", __name__)

    async def calls(below: str = "") -> Response:  # noqa: ARG001 - the name of the rest of the path
        received_at = time.monotonic()
        body = await read_chunks(request.body, bot.max_bytes)
        reply = await bot.handle(body, request.headers, received_at=received_at)
        response = Response(reply.body, reply.status, reply.headers)
        if reply.status == 204:
            del response.headers["content-length"]  # a 204 must not have one
        return response

    for rule in (path, below):
        routes.add_url_rule(
            rule, "calls", calls, methods=["POST"], strict_slashes=False, provide_automatic_options=False
        )
    routes.after_app_serving(bot.close)
    return routes
