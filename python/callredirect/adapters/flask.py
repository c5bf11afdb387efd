"""Flask: ``app.register_blueprint(callredirect.adapters.flask.blueprint(bot))``."""

from __future__ import annotations

import time

from flask import Blueprint, Response, request

from callredirect import Redirector

from . import _blocking
from ._body import read_stream
from ._path import checked


def blueprint(bot: Redirector, path: str = "/api/calls") -> Blueprint:
    """A blueprint with the calling webhook at ``path`` and below.

    Below, because a redirect's ``callback_uri`` is often the webhook's address with something appended. The redirect
    runs on in a thread after the reply; the end of the process waits for those under way. Raises ``ValueError`` for a
    path that does not start with ``/``.
    """
    below = checked(path) + "/<path:below>"
    routes = Blueprint("callredirect", __name__)

    def calls(below: str = "") -> Response:  # noqa: ARG001 - the name of the rest of the path
        received_at = time.monotonic()
        body = read_stream(request.stream, bot.max_bytes)
        reply = _blocking.handle(bot, body, request.headers, received_at)
        return Response(reply.body, reply.status, reply.headers)

    for rule in (path, below):
        routes.add_url_rule(
            rule, "calls", calls, methods=["POST"], strict_slashes=False, provide_automatic_options=False
        )
    return routes
