"""Messages through the Microsoft 365 Agents SDK, calls beside them, in one FastAPI application.

Run it with ``uvicorn agents_sdk_fastapi:app``. Configured as ``agents_sdk.py``.
"""

import os

from fastapi import FastAPI, Request, Response
from microsoft_agents.activity import load_configuration_from_env
from microsoft_agents.authentication.msal import MsalConnectionManager
from microsoft_agents.hosting.core import (
    AgentApplication,
    ApplicationOptions,
    MemoryStorage,
    TurnContext,
    TurnState,
)
from microsoft_agents.hosting.fastapi import CloudAdapter, jwt_authorization_decorator, start_agent_process

from bot import bot
from callredirect.adapters.fastapi import router

configuration = load_configuration_from_env(os.environ)
connections = MsalConnectionManager(**configuration)
adapter = CloudAdapter(connection_manager=connections)
agent = AgentApplication[TurnState](
    ApplicationOptions(storage=MemoryStorage()), connection_manager=connections, **configuration
)


@agent.activity("message")
async def on_message(context: TurnContext, _: TurnState) -> None:
    print("message:", context.activity.text, flush=True)


app = FastAPI()
app.state.agent_configuration = connections.get_default_connection_configuration()


@app.post("/api/messages")
@jwt_authorization_decorator  # not the middleware: it would judge calls like messages, and turn them away
async def messages(request: Request) -> Response:
    response: Response | None = await start_agent_process(request, agent, adapter)
    return response or Response(status_code=202)


app.include_router(router(bot))
