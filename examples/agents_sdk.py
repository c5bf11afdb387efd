"""Messages through the Microsoft 365 Agents SDK, calls beside them, in one aiohttp application.

Configured by the SDK's own variables, such as ``CONNECTIONS__SERVICE_CONNECTION__SETTINGS__CLIENTID``.
"""

import os

from aiohttp import web
from microsoft_agents.activity import load_configuration_from_env
from microsoft_agents.authentication.msal import MsalConnectionManager
from microsoft_agents.hosting.aiohttp import CloudAdapter, jwt_authorization_decorator, start_agent_process
from microsoft_agents.hosting.core import (
    AgentApplication,
    ApplicationOptions,
    MemoryStorage,
    TurnContext,
    TurnState,
)

from bot import bot
from callredirect.adapters import aiohttp as calls

configuration = load_configuration_from_env(os.environ)
connections = MsalConnectionManager(**configuration)
adapter = CloudAdapter(connection_manager=connections)
agent = AgentApplication[TurnState](
    ApplicationOptions(storage=MemoryStorage()), connection_manager=connections, **configuration
)


@agent.activity("message")
async def on_message(context: TurnContext, _: TurnState) -> None:
    print("message:", context.activity.text, flush=True)


@jwt_authorization_decorator  # not the middleware: it would judge calls like messages, and turn them away
async def messages(request: web.Request) -> web.StreamResponse:
    response = await start_agent_process(request, agent, adapter)
    return response or web.Response(status=202)


app = web.Application()
app["agent_configuration"] = connections.get_default_connection_configuration()
app.router.add_post("/api/messages", messages)
calls.setup(app, bot)

if __name__ == "__main__":
    web.run_app(app, host="127.0.0.1", port=int(os.environ.get("PORT", "3978")))
