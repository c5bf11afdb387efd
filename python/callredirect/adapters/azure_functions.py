"""Azure Functions, model v2: ``app.register_functions(callredirect.adapters.azure_functions.blueprint(bot))``.

A worker may be frozen or taken away as soon as it has answered. So the reply waits for the redirect, here alone.
"""

from __future__ import annotations

import time

import azure.functions as func

from callredirect import Redirector


def blueprint(bot: Redirector, route: str = "calls") -> func.Blueprint:
    """A blueprint with the calling webhook at ``route`` and below, behind the host's prefix ``/api``.

    Below, because a redirect's ``callback_uri`` is often the webhook's address with something appended. The host lets
    everybody in, for Microsoft sends no key of the Functions host: the bot verifies each request itself.
    """
    functions = func.Blueprint()  # type: ignore[no-untyped-call]

    @functions.function_name("callredirect")
    @functions.route(
        route.strip("/") + "/{*below}", methods=[func.HttpMethod.POST], auth_level=func.AuthLevel.ANONYMOUS
    )
    async def calls(req: func.HttpRequest) -> func.HttpResponse:
        received_at = time.monotonic()
        reply = await bot.handle(req.get_body(), req.headers, received_at=received_at)
        await bot.settled()
        return func.HttpResponse(reply.body, status_code=reply.status, headers=reply.headers)

    return functions
