"""FastAPI: ``app.include_router(callredirect.adapters.fastapi.router(bot))``."""

from __future__ import annotations

import time

from fastapi import APIRouter, Request, Response
from starlette.requests import ClientDisconnect

from callredirect import Redirector

from ._body import read_chunks
from ._path import checked
from .starlette import lifespan


def router(bot: Redirector, path: str = "/api/calls") -> APIRouter:
    """A router with the calling webhook at ``path`` and below, which drains the bot at shutdown.

    Below, because a redirect's ``callback_uri`` is often the webhook's address with something appended: include the
    router after routes of your own down there. An application whose webhook needs none of FastAPI's dependencies may take
    ``FastAPI(routes=routes(bot), lifespan=lifespan(bot))`` of ``adapters.starlette`` instead, which cost less.
    Raises ``ValueError`` for a path that does not start with ``/``.
    """
    below = checked(path) + "/{_:path}"

    routes = APIRouter(lifespan=lifespan(bot))

    @routes.post(path, status_code=202, summary="Calling webhook of Microsoft Teams")
    @routes.post(below, include_in_schema=False)
    async def calls(request: Request) -> Response:
        received_at = time.monotonic()
        try:
            body = await read_chunks(request.stream(), bot.max_bytes)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody reads it
        reply = await bot.handle(body, request.headers.raw, received_at=received_at)
        return Response(reply.body, status_code=reply.status, headers=reply.headers)

    return routes
