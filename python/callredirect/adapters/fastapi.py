"""FastAPI: ``app.include_router(callredirect.adapters.fastapi.router(bot))``."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI, Request, Response
from starlette.requests import ClientDisconnect

from callredirect import Redirector


def router(bot: Redirector, path: str = "/api/calls") -> APIRouter:
    """A router with the calling webhook at ``path`` and below, which drains the bot at shutdown.

    Below, because a redirect's ``callback_uri`` is often the webhook's address with something appended: include the
    router after routes of your own down there. Raises ``ValueError`` for a path that does not start with ``/``.
    """
    if not path.startswith("/"):
        raise ValueError(f"the path of the webhook starts with /, not {path!r}")

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        yield
        await bot.close()

    routes = APIRouter(lifespan=lifespan)

    @routes.post(path, status_code=202, summary="Calling webhook of Microsoft Teams")
    @routes.post(path.rstrip("/") + "/{_:path}", include_in_schema=False)
    async def calls(request: Request) -> Response:
        received_at = time.monotonic()
        body = b""
        try:
            async for chunk in request.stream():
                body += chunk
                if len(body) > bot.max_bytes:
                    break
        except ClientDisconnect:
            return Response(status_code=400)  # nobody reads it
        reply = await bot.handle(body, request.headers, received_at=received_at)
        return Response(reply.body, status_code=reply.status, headers=reply.headers)

    return routes
