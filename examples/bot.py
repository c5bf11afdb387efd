"""The bot of the other examples: it sends every call to one person."""

import os

import callredirect as cr

APP_ID = os.environ["BOT_APP_ID"]

bot = cr.Redirector(
    app_id=APP_ID,
    credential=lambda: os.environ["GRAPH_TOKEN"],  # or a credential of azure-identity
    verifier=cr.Verifier(APP_ID, metadata_url=os.environ.get("BOT_METADATA_URL")),
    base_url=os.environ.get("GRAPH_URL"),  # unset: Microsoft Graph
)


@bot.on_incoming
def route(_: cr.Call) -> cr.Redirect:
    return cr.Redirect([cr.Target.user("98da8a1a-1b87-452c-a713-65d3f10b1253")])
