"""One bot in several processes. Run it with ``gunicorn -w 4 -k uvicorn_worker.UvicornWorker workers_bot:app``."""

import os

import callredirect as cr
from callredirect.adapters import asgi

APP_ID = os.environ["BOT_APP_ID"]
LOGIN = os.environ.get("LOGIN_URL")  # unset: Microsoft Entra

bot = cr.Redirector(
    app_id=APP_ID,
    credential=cr.ClientSecret(APP_ID, os.environ["BOT_SECRET"], os.environ["BOT_TENANT"], authority=LOGIN),
    verifier=cr.Verifier(APP_ID, metadata_url=os.environ.get("BOT_METADATA_URL")),
    base_url=os.environ.get("GRAPH_URL"),  # unset: Microsoft Graph
    store=os.environ["CLAIMS"],  # such as redis://127.0.0.1:6379/0 or sqlite:///calls.db
)


@bot.on_incoming
async def route(_: cr.Call) -> cr.Redirect:
    return cr.Redirect([cr.Target.user("98da8a1a-1b87-452c-a713-65d3f10b1253")])


app = asgi.app(bot)
