"""Messages through the Teams SDK, calls beside them, in one FastAPI application.

Run it with ``uvicorn teams_sdk:app``. Configured by the SDK's own variables, such as ``CLIENT_ID``.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from microsoft_teams.api import MessageActivity
from microsoft_teams.apps import ActivityContext, App, FastAPIAdapter

from bot import bot
from callredirect.adapters.fastapi import router


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
    await teams.initialize()  # and not `start()`, which would start a server of its own
    yield


app = FastAPI(lifespan=lifespan)
app.include_router(router(bot))  # not `register_route`: that reads the body as JSON before it is verified
teams = App(http_server_adapter=FastAPIAdapter(app))


@teams.on_message
async def on_message(context: ActivityContext[MessageActivity]) -> None:
    print("message:", context.activity.text, flush=True)
