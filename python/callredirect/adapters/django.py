"""Django: ``urlpatterns = [re_path("^api/calls(/|$)", callredirect.adapters.django.view(bot))]``."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from callredirect import Redirector, Reply

from . import _blocking
from ._body import read_stream
from ._draining import draining as draining


def view(bot: Redirector) -> Callable[..., HttpResponse]:
    """A view for WSGI. The redirect runs on in a thread; the end of the process waits for those under way."""

    def calls(request: HttpRequest, *_: str) -> HttpResponse:
        received_at = time.monotonic()
        try:
            body = read_stream(request, bot.max_bytes)  # not `request.body`, which reads all of it
        except UnreadablePostError:
            return HttpResponse(status=400)  # nobody reads it
        return _response(_blocking.handle(bot, body, request.headers, received_at))

    return csrf_exempt(require_POST(calls))


def async_view(bot: Redirector) -> Callable[..., Awaitable[HttpResponse]]:
    """A view for ASGI, where the redirect runs on in the server's loop: see ``draining``."""

    async def calls(request: HttpRequest, *_: str) -> HttpResponse:
        received_at = time.monotonic()
        if not hasattr(request, "scope"):
            raise ImproperlyConfigured("async_view needs ASGI: WSGI's loop ends with the request; use view")
        body = read_stream(request, bot.max_bytes)
        return _response(await bot.handle(body, request.headers, received_at=received_at))

    return csrf_exempt(require_POST(calls))


def _response(reply: Reply) -> HttpResponse:
    return HttpResponse(reply.body, status=reply.status, headers=reply.headers)
