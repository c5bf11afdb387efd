"""Messages through the Bot Framework SDK, calls beside them, in one aiohttp application."""

import os

from aiohttp import web
from botbuilder.core import ActivityHandler, TurnContext
from botbuilder.integration.aiohttp import (
    CloudAdapter,
    ConfigurationBotFrameworkAuthentication,
    aiohttp_error_middleware,
)

from bot import bot
from callredirect.adapters import aiohttp as calls


class Config:
    APP_ID = os.environ.get("MicrosoftAppId", "")  # empty: nobody's token is checked, for trying out
    APP_PASSWORD = os.environ.get("MicrosoftAppPassword", "")
    APP_TYPE = os.environ.get("MicrosoftAppType", "MultiTenant")
    APP_TENANTID = os.environ.get("MicrosoftAppTenantId", "")


class Messages(ActivityHandler):
    async def on_message_activity(self, turn_context: TurnContext) -> None:
        print("message:", turn_context.activity.text, flush=True)


adapter = CloudAdapter(ConfigurationBotFrameworkAuthentication(Config()))
agent = Messages()


async def messages(request: web.Request) -> web.StreamResponse:
    response = await adapter.process(request, agent)
    return response or web.Response()


app = web.Application(middlewares=[aiohttp_error_middleware])
app.router.add_post("/api/messages", messages)
calls.setup(app, bot)

if __name__ == "__main__":
    web.run_app(app, host="127.0.0.1", port=int(os.environ.get("PORT", "3978")))
