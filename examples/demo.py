"""Rings ``fastapi_bot.py`` once for each of the specification's examples: real HTTP, on loopback, end to end.

Starts the simulated Graph in this process and the bot under uvicorn in another; stops both.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

from callredirect.testing import Simulator

EXAMPLES = {
    1: "forward to another bot",
    2: "ring two users at once, with routingPolicies",
    3: "forward to a phone number",
}


def main() -> int:
    with Simulator() as graph:
        port = free_port()
        bot = start_bot(graph, port)
        try:
            wait_until_listening(bot, port)
            calls = []
            for number, title in EXAMPLES.items():
                print(f"--- example {number}: {title}", flush=True)
                rung = graph.ring_example(number, f"http://127.0.0.1:{port}/api/calls")
                calls.append(rung)
                time.sleep(0.2)  # the bot prints the call's timeline once it has seen its end
        finally:
            bot.terminate()
            bot.wait(timeout=15)
    redirected = sum(rung.redirect is not None and rung.ended_status == 202 for rung in calls)
    print(f"{redirected} of {len(EXAMPLES)} calls redirected")
    return 0 if redirected == len(EXAMPLES) else 1


def start_bot(graph: Simulator, port: int) -> subprocess.Popen[bytes]:
    environment = os.environ | {
        "BOT_APP_ID": graph.app_id,
        "BOT_METADATA_URL": graph.metadata_url,
        "BOT_SECRET": graph.client_secret,
        "BOT_TENANT": graph.tenant_id,
        "GRAPH_URL": graph.base_url,
        "LOGIN_URL": graph.base_url,
        "PYTHONUNBUFFERED": "1",
    }
    command = [
        sys.executable,
        "-m",
        "uvicorn",
        "fastapi_bot:app",
        "--port",
        str(port),
        "--log-level",
        "warning",
    ]
    return subprocess.Popen(command, cwd=Path(__file__).parent, env=environment)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until_listening(bot: subprocess.Popen[bytes], port: int, seconds: float = 30) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if bot.poll() is not None:
            sys.exit(f"the bot did not start: exit code {bot.returncode}")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    sys.exit(f"the bot did not listen on port {port} within {seconds:.0f} s")


if __name__ == "__main__":
    sys.exit(main())
