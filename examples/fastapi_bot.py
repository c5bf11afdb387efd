"""A bot that answers a company's phone. Run it with ``uvicorn fastapi_bot:app``."""

import os

from fastapi import FastAPI

import callredirect as cr
from callredirect.adapters.fastapi import router

APP_ID = os.environ["BOT_APP_ID"]
LOGIN = os.environ.get("LOGIN_URL")  # unset: Microsoft Entra
CALLBACK = f"https://bot.contoso.com/api/calls/{APP_ID}"

bot = cr.Redirector(
    app_id=APP_ID,
    credential=cr.ClientSecret(APP_ID, os.environ["BOT_SECRET"], os.environ["BOT_TENANT"], authority=LOGIN),
    verifier=cr.Verifier(APP_ID, metadata_url=os.environ.get("BOT_METADATA_URL")),
    base_url=os.environ.get("GRAPH_URL"),  # unset: Microsoft Graph
)


@bot.on_incoming
async def route(call: cr.Call) -> cr.Redirect:
    called = call.targets[0].identity if call.targets else None
    caller = call.source.identity if call.source else None
    if called and called.kind == "applicationInstance":  # our phone number was dialled
        return cr.Redirect([cr.Target.phone("+12345678901")], callback_uri=CALLBACK)
    if caller and caller.id == "ec040873-8235-45fd-a403-c7259a5a548e":  # the boss: ring two at once
        one = cr.Target.user("98da8a1a-1b87-452c-a713-65d3f10b1253", display_name="test user")
        two = cr.Target.user("bf5aae9a-d11d-47a8-93b1-782504c9c3f3", display_name="test user 2")
        return cr.Redirect([one, two], routing_policies=["disableForwarding"], callback_uri=CALLBACK)
    bot_2 = cr.Target.application("22bfd41f-550e-477d-8789-f6f7bd2a5e8b", display_name="test bot 2")
    return cr.Redirect([bot_2], callback_uri=CALLBACK)


bot.on_ended(print)  # every step of the call with its time

app = FastAPI()
app.include_router(router(bot))
