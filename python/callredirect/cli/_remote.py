"""Ringing and signing through a simulator that runs in another process, by its HTTP address."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from ._failure import ENVIRONMENT, USAGE, Failure
from ._http import Unreachable, request
from ._story import Story
from ._terminal import count

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from .ring import _Teller

_SLICE = 0.05
_MOST_AT_ONCE = 1000
_TIMEOUT = 20.0
_SIGNED_FOR = 60.0
"""A token is good for five times as long."""


def ring(options: argparse.Namespace, url: str, script: dict[str, Any], teller: _Teller) -> Sequence[Story]:
    """Places the calls and follows each to its end."""
    whole = _load(options.scenario) if options.scenario else {"calls": [script]}
    shared = {name: whole.get(name) for name in ("speed", "seed")}
    shared |= {
        name: getattr(options, name) for name in ("speed", "seed") if getattr(options, name) is not None
    }
    stories: list[Story] = []
    for call in whole["calls"]:
        faults = [*call.get("faults", ()), *whole.get("faults", ())]
        known = {name: value for name, value in shared.items() if value is not None}
        body = {"url": url, **call, **known, **({"faults": faults} if faults else {})}
        if options.patience is not None:
            body["patience"] = options.patience
        longest = _TIMEOUT + (options.patience or 0)
        placed = _ask(options.simulator, "POST", "/simulator/calls", body, longest)["calls"]
        stories += [Story(one["call_id"], call.get("name")) for one in placed]
    teller.expected = len(stories)
    waiting = list(stories)
    while waiting:
        for story in list(waiting):
            if _follow(options.simulator, story):
                waiting.remove(story)
                teller.ended(story)
            elif story.steps:
                teller.happened(story)
        time.sleep(_SLICE)
    return stories


def _follow(simulator: str, story: Story) -> bool:
    """Brings a story up to date. Returns whether it is over."""
    told = _ask(simulator, "GET", f"/simulator/calls/{story.call_id}")
    for step in told["steps"][story.seen :]:
        story.add(step)
    story.problem = told["problem"]
    over: bool = told["over"]
    return over


class Remote:
    """What a replay needs of a simulator, over HTTP. It signs once a minute for each tenant.

    Raises:
        Failure: No simulator is there. It is said before the first request is posted.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._tokens: dict[str | None, tuple[float, str]] = {}
        self.notification_token(None, None)

    def notification_token(self, _: None, tenant_id: str | None, /) -> str:
        """Signs."""
        until, token = self._tokens.get(tenant_id, (0.0, ""))
        if until < time.monotonic():
            token = self._say({"tenant_id": tenant_id})
            self._tokens[tenant_id] = (time.monotonic() + _SIGNED_FOR, token)
        return token

    def place_call(self, *, call_id: str, tenant_id: str | None) -> object:
        """Makes a call known to Graph, if it is not already."""
        return self._say({"tenant_id": tenant_id, "call_id": call_id})

    def _say(self, body: dict[str, Any]) -> str:
        token: str = _ask(self._url, "POST", "/simulator/token", body)["token"]
        return token


def _ask(simulator: str, method: str, path: str, body: Any = None, timeout: float = _TIMEOUT) -> Any:
    try:
        status, answer = request(simulator.rstrip("/") + path, method, body, timeout=timeout)
    except Unreachable as error:
        hint = f"start one: callredirect simulate --port {_port(simulator)}"
        raise Failure(f"no simulator is at {simulator}: {error}", hint, ENVIRONMENT) from None
    refusal: Any = answer.get("error") if isinstance(answer, dict) else None
    if status in (200, 202) and refusal is None:
        return answer
    if not isinstance(refusal, dict) or "message" not in refusal:
        raise Failure(
            f"{simulator} is no simulator: it answered {status} to {method} {path}",
            "is the port right?",
            ENVIRONMENT,
        )
    place = f" at {refusal['key']}" if refusal.get("key") not in (None, "$.url") else ""
    code = ENVIRONMENT if refusal.get("key") == "$.url" or status >= 500 else USAGE
    raise Failure(f"{refusal['message']}{place}", _hint(refusal), code)


def _hint(error: dict[str, Any]) -> str | None:
    return (
        f"did you mean {error['nearest']}?"
        if error.get("nearest") and error["nearest"] not in error["message"]
        else None
    )


def _port(simulator: str) -> int:
    from urllib.parse import urlsplit

    return urlsplit(simulator).port or 80


def _load(path: str) -> dict[str, Any]:
    from ._simulator import load

    scenario = load(path)  # says what is wrong in it, at its line
    if len(scenario) > _MOST_AT_ONCE:
        raise Failure(
            f"{path} has {count(len(scenario), 'call')}",
            "so many are played by: callredirect simulate --scenario",
        )
    import importlib

    try:
        tomllib: Any = importlib.import_module("tomllib")
    except ImportError:
        hint = "leave --simulator out, or use options"
        raise Failure("--scenario with --simulator needs Python 3.11", hint) from None
    with open(path, "rb") as file:
        read: dict[str, Any] = tomllib.load(file)
        return read
