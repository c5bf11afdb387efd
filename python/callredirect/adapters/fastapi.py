"""FastAPI: ``app.include_router(callredirect.adapters.fastapi.router(bot))``."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI, Request, Response
from starlette.requests import ClientDisconnect

from callredirect import Redirector

from ._body import read_chunks
from ._path import checked


def router(bot: Redirector, path: str = "/api/calls") -> APIRouter:
    """A router with the calling webhook at ``path`` and below, which drains the bot at shutdown.

    Below, because a redirect's ``callback_uri`` is often the webhook's address with something appended: include the
    router after routes of your own down there. Raises ``ValueError`` for a path that does not start with ``/``.
    """
    below = checked(path) + "/{_:path}"

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        yield
        await bot.close()

    routes = APIRouter(lifespan=lifespan)

    @routes.post(path, status_code=202, summary="Calling webhook of Microsoft Teams")
    @routes.post(below, include_in_schema=False)
    async def calls(request: Request) -> Response:
        received_at = time.monotonic()
        try:
            body = await read_chunks(request.stream(), bot.max_bytes)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody reads it
        reply = await bot.handle(body, request.headers, received_at=received_at)
        return Response(reply.body, status_code=reply.status, headers=reply.headers)

    return routes
