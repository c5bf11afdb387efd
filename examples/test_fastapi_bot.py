"""Rings ``fastapi_bot.py`` as Teams would, with things that go wrong. Run it with ``pytest``."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

import callredirect as cr
from callredirect.testing import IncomingCall, Redirects, Simulator

BOT_2 = cr.Target.application("22bfd41f-550e-477d-8789-f6f7bd2a5e8b", display_name="test bot 2")


@pytest.fixture
def bot_url(call_simulator: Simulator) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    settings = {
        "BOT_APP_ID": call_simulator.app_id,
        "BOT_TENANT": call_simulator.tenant_id,
        "BOT_SECRET": call_simulator.client_secret,
        "BOT_METADATA_URL": call_simulator.metadata_url,
        "GRAPH_URL": call_simulator.base_url,
        "LOGIN_URL": call_simulator.base_url,
    }
    command = [sys.executable, "-m", "uvicorn", "fastapi_bot:app", "--port", str(port)]
    bot = subprocess.Popen(command, env=os.environ | settings)
    url = f"http://127.0.0.1:{port}/api/calls"
    try:
        call_simulator.wait_until_listening(url, timeout=30)
        yield url
    finally:
        bot.terminate()
        bot.wait()


def test_bot_2_is_busy(bot_url: str, incoming_call: IncomingCall, redirects: Redirects) -> None:
    call = incoming_call(bot_url, callees={"*": "busy"}, faults=["duplicate"])
    assert call.ending == "busy"
    (redirect,) = redirects
    assert redirect.targets == (BOT_2,)
