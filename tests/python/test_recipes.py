"""Calls beside messages, with the real SDKs: each example is started, written to, and rung."""

from __future__ import annotations

import http.client
import importlib.util
import json
from contextlib import closing

import pytest

from applications import Application
from callredirect.testing import Simulator
from conftest import ROOT

EXAMPLES = ROOT / "examples"

ANONYMOUS = {"CONNECTIONS__SERVICE_CONNECTION__SETTINGS__ANONYMOUS_ALLOWED": "True"}
GUARDED = {"CONNECTIONS__SERVICE_CONNECTION__SETTINGS__CLIENTID": "x"}
UVICORN = "uvicorn {}:app --port 8080"

RECIPES = {
    "bot_framework": ("botbuilder", "python {}.py", {}, {"MicrosoftAppId": "x", "MicrosoftAppPassword": "y"}),
    "agents_sdk": ("microsoft_agents", "python {}.py", ANONYMOUS, GUARDED),
    "agents_sdk_fastapi": ("microsoft_agents", UVICORN, ANONYMOUS, GUARDED),
    "teams_sdk": (
        "microsoft_teams",
        UVICORN,
        {"DANGEROUSLY_ALLOW_UNAUTHENTICATED_REQUESTS": "true"},
        {"CLIENT_ID": "x", "CLIENT_SECRET": "y", "TENANT_ID": "z"},
    ),
}
"""The SDK, how the example is started, and the variables that let everybody write to it, or nobody."""

MESSAGE = {
    "type": "message",
    "id": "1",
    "text": "hello",
    "channelId": "msteams",
    "serviceUrl": "https://smba.trafficmanager.net/teams",
    "from": {"id": "alice"},
    "recipient": {"id": "bot"},
    "conversation": {"id": "c"},
}


def send(application: Application, path: str, body: bytes, **headers: str) -> int:
    with closing(http.client.HTTPConnection("127.0.0.1", application.port, timeout=20)) as client:
        client.request("POST", path, body, {"Content-Type": "application/json", **headers})
        return client.getresponse().status


@pytest.mark.parametrize("name", RECIPES)
def test_messages_and_calls(name: str) -> None:
    sdk, command, anonymous, guarded = RECIPES[name]
    if importlib.util.find_spec(sdk) is None:
        pytest.skip(f"{sdk} is not to be had for this Python")
    message = json.dumps(MESSAGE).encode()
    for variables, written in ((anonymous, True), (guarded, False)):
        with (
            Simulator() as graph,
            Application(graph, EXAMPLES, command.format(name), **variables) as application,
        ):
            assert (send(application, "/api/messages", message) in (200, 201, 202)) is written
            # A message is no call, a stranger's call is none, and neither is garbage.
            assert send(application, "/api/calls", message) == 401
            for body in (b"", b"{"):
                token = f"Bearer {graph.notification_token()}"
                assert send(application, "/api/calls", body, Authorization=token) == 400
            rung = graph.ring(application.url)
            said = application.stop()
        assert (rung.reply_status, rung.ended_status) == (202, 202), said
        assert rung.redirect is not None, said
        assert ("message: hello" in said) is written, said


def test_each_example_is_one_of_the_page() -> None:
    page = (ROOT / "docs" / "hosts.md").read_text(encoding="utf-8")
    for name in RECIPES:
        assert f"(../examples/{name}.py)" in page
