"""The bot of many workers under real gunicorn: every call is delivered twice, mostly to two processes."""

from __future__ import annotations

import asyncio
import random
import re
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from applications import Application
from callredirect.testing import Simulator
from conftest import ROOT
from deliveries import deliver_all, prepare

if TYPE_CHECKING:
    from pathlib import Path

EXAMPLES = ROOT / "examples"
BOT = (EXAMPLES / "workers_bot.py").read_text(encoding="utf-8")

APART = 0.02
"""Seconds between the two deliveries of a call, at most."""

NAMED = """
import os
from workers_bot import app as bot

async def app(scope, receive, send):
    async def signed(message):
        if message["type"] == "http.response.start":
            message["headers"].append((b"x-worker", str(os.getpid()).encode()))
        await send(message)
    await bot(scope, receive, signed)
"""
"""The bot, whose answers say which process they are from."""


def command() -> str:
    """How the bot says it is run."""
    (said,) = re.findall(r"``(gunicorn .*?)``", BOT)
    return f"{said} --bind 127.0.0.1:8080"


def deliver_twice(folder: Path, store: str, *, calls: int, rate: float, seed: int) -> dict[str, object]:
    """What was counted at the other end; asserts nothing."""
    chance = random.Random(seed)
    (folder / "app.py").write_text(NAMED)
    with Simulator(second_redirect="accepted") as graph:
        variables = {
            "BOT_SECRET": graph.client_secret,
            "BOT_TENANT": graph.tenant_id,
            "CLAIMS": store,
            "LOGIN_URL": graph.base_url,
            "PYTHONPATH": f"{folder}:{EXAMPLES}",
        }
        started = command().replace("workers_bot:", "app:")
        first = prepare(graph, calls)
        second = [replace(delivery) for delivery in first]
        due = [(number / rate, delivery) for number, delivery in enumerate(first)]
        due += [(at + chance.random() * APART, again) for (at, _), again in zip(due, second, strict=True)]
        due.sort(key=lambda pair: pair[0])
        with Application(graph, folder, started, **variables) as application:
            asyncio.run(deliver_all(graph, due, application.port))
            said = application.stop()
        redirected = Counter(redirect.call_id for redirect in graph.redirects if redirect.accepted)
        refused = len(graph.redirects) - sum(redirected.values())
    answers = Counter(delivery.status for delivery in first + second)
    return {
        "calls": calls,
        "answers": dict(answers),
        "workers": len({delivery.worker for delivery in first + second}),
        "to two workers": sum(one.worker != two.worker for one, two in zip(first, second, strict=True)),
        "redirected": len(redirected),
        "lost": len({delivery.call_id for delivery in first} - set(redirected)),
        "doubled": sum(count > 1 for count in redirected.values()),
        "refused": refused,
        "complaints": [line for line in said.splitlines() if "[INFO]" not in line],
    }
