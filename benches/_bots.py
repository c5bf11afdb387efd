"""The same bot thrice, behind FastAPI and uvicorn: `python _bots.py by-hand|callredirect|plain-routes` prints its port.

Redirects every call to one user. The first is what one writes with PyJWT, orjson and aiohttp, without the rules that
callredirect adds: strict types, deadlines, retries, outcomes. The third is the second with the routes of the adapter for
Starlette, which go past FastAPI's dependencies.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
from typing import Any

import uvicorn
from fastapi import FastAPI, Request, Response

APP_ID, GRAPH, JWKS = os.environ["BOT_APP_ID"], os.environ["GRAPH_URL"], json.loads(os.environ["BOT_JWKS"])
TOKEN = "x" * 1200
USER = "550fae72-d251-43ec-868c-373732c2704f"


def bot() -> Any:
    import callredirect as cr

    # What a bot in use has; the bot by hand is given its token.
    secret, tenant, authority = (os.environ[name] for name in ("BOT_SECRET", "BOT_TENANT", "BOT_AUTHORITY"))
    credential = cr.ClientSecret(APP_ID, secret, tenant, authority=authority)
    bot = cr.Redirector(
        app_id=APP_ID, credential=credential, verifier=cr.Verifier(APP_ID, jwks=JWKS), base_url=GRAPH
    )
    there = cr.Redirect([cr.Target.user(USER)])

    @bot.on_incoming
    async def route(_: cr.Call) -> cr.Redirect:
        return there

    return bot


def callredirect() -> FastAPI:
    from callredirect.adapters.fastapi import router

    app = FastAPI()
    app.include_router(router(bot()))
    return app


def plain_routes() -> FastAPI:
    from callredirect.adapters.starlette import lifespan, routes

    calls = bot()
    return FastAPI(routes=routes(calls), lifespan=lifespan(calls))


def by_hand() -> FastAPI:
    import aiohttp
    import jwt
    import orjson

    keys = {key["kid"]: jwt.PyJWK(key).key for key in JWKS["keys"]}
    issuers = ["https://api.botframework.com", "https://graph.microsoft.com"]
    seen: set[str] = set()
    tasks: set[asyncio.Task[None]] = set()
    session: aiohttp.ClientSession | None = None

    async def redirect(call_id: str) -> None:
        nonlocal session
        if session is None:
            session = aiohttp.ClientSession(headers={"Authorization": f"Bearer {TOKEN}"})
        identity = {
            "@odata.type": "#microsoft.graph.identitySet",
            "user": {"@odata.type": "#microsoft.graph.identity", "id": USER},
        }
        target = {"@odata.type": "#microsoft.graph.invitationParticipantInfo", "identity": identity}
        async with session.post(
            f"{GRAPH}/v1.0/communications/calls/{call_id}/redirect",
            data=orjson.dumps({"targets": [target]}),
            headers={"Content-Type": "application/json"},
        ) as answer:
            await answer.read()

    app = FastAPI()

    @app.post("/api/calls")
    async def calls(request: Request) -> Response:
        token = request.headers["authorization"].removeprefix("Bearer ")
        try:
            key = keys[jwt.get_unverified_header(token)["kid"]]
            claims: dict[str, Any] = jwt.decode(
                token, key, algorithms=["RS256"], audience=APP_ID, issuer=issuers, leeway=300
            )
        except (jwt.InvalidTokenError, KeyError):
            return Response(status_code=401)
        for note in orjson.loads(await request.body())["value"]:
            call = note["resourceData"]
            if note["changeType"].lower() != "created" or call.get("state") != "incoming":
                continue
            if call.get("tenantId", claims["tid"]) != claims["tid"]:
                return Response(status_code=403)
            if call["id"] not in seen:
                seen.add(call["id"])
                task = asyncio.create_task(redirect(call["id"]))
                tasks.add(task)
                task.add_done_callback(tasks.discard)
        return Response(status_code=202)

    return app


class Server(uvicorn.Server):
    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        print(self.servers[0].sockets[0].getsockname()[1], flush=True)


def main() -> None:
    app = {"by-hand": by_hand, "callredirect": callredirect, "plain-routes": plain_routes}[sys.argv[1]]()
    server = Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error"))

    def until_left() -> None:
        # Whoever started us holds our standard input: when it goes, so do we.
        sys.stdin.read()
        server.should_exit = True

    threading.Thread(target=until_left, daemon=True).start()
    server.run()


if __name__ == "__main__":
    main()
