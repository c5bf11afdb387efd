"""``callredirect ring``: ring a bot on this machine, and watch what it does."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, Any

import callredirect as cr
from callredirect.testing import Scenario

from . import _script, _simulator
from ._arguments import Arguments, Number, http_url
from ._bot import listening
from ._events import document
from ._failure import ENVIRONMENT, FINDING, OK, Failure
from ._story import Story
from ._terminal import Terminal, count, note

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from callredirect.testing import Simulator

_FEW = 5
"""So many calls are told step by step."""
_SLICE = 0.05

EXAMPLES = """
examples:
  callredirect ring http://127.0.0.1:8000 -- uvicorn fastapi_bot:app
      starts a simulator and the bot with its environment, rings, stops both
  callredirect ring http://127.0.0.1:8000 --simulator http://127.0.0.1:8015
      rings through a simulator that is running: callredirect simulate
  callredirect ring http://127.0.0.1:8000 --port 8015
      starts a simulator where the bot was told that Graph is
  callredirect ring http://127.0.0.1:8000 --simulator http://127.0.0.1:8015
      --from phone=+14255550100 --callee '*=busy' --fault throttled,nth=1
"""


def arguments() -> Arguments:
    """The parser of its arguments."""
    parser = Arguments(
        "ring",
        "Rings a bot on this machine and tells what happens when, from its notification\n"
        "on. The bot has to know the simulator: through the environment that `simulate`\n"
        "prints, or by being started here, behind --.",
        EXAMPLES,
        "callredirect ring [options] URL [-- COMMAND ...]",
    )
    parser.add_argument(
        "url", type=http_url, metavar="URL", help=f"the bot's webhook; without a path, {_simulator.PATH}"
    )
    parser.takes_command = True
    _simulator.add_scenario(parser, "--scenario")
    parser.add_argument("--simulator", type=http_url, metavar="URL", help="a simulator that is running")
    seconds = Number(0, 3600, unit="seconds")
    parser.add_argument(
        "--patience", type=seconds, default=None, metavar="SECONDS",
        help="how long to wait for the bot to listen (default: 5; 30 for one that is started here)",
    )  # fmt: skip
    _script.add_arguments(parser)
    _simulator.add_arguments(parser)
    parser.add_json("print one line of JSON for each call, and errors as JSON, too")
    return parser


def run(options: argparse.Namespace) -> int:
    """Rings. Returns ``OK`` if every call was redirected, or hung up by its caller."""
    out = Terminal(sys.stdout)
    url = _simulator.bot_url(options.url)
    script = _script.call(options)
    if options.scenario and script:
        raise Failure("--scenario and options both say what to ring", "leave one of them out")
    if options.simulator:
        if options.command:
            raise Failure(
                "--simulator and a command exclude each other",
                "start the bot with that simulator's environment",
            )
        _simulator.is_running_already(options)
        from ._remote import ring

        stories = ring(options, url, script, _Teller(out, as_json=options.json))
    else:
        scenario = _simulator.load(options.scenario) if options.scenario else _scenario(options, script)
        stories = _ring_here(options, url, scenario, _Teller(out, as_json=options.json))
    bad = sum(not story.good for story in stories)
    if len(stories) > 1 and not options.json:
        out.say(out.paint(_summary(stories), "bold", "red" if bad else "green"))
    return FINDING if bad else OK


def _summary(stories: Sequence[Story]) -> str:
    redirected = sum(story.redirected_after is not None for story in stories)
    hung_up = sum(story.redirected_after is None and story.good for story in stories)
    parts = [f"{redirected} of {count(len(stories), 'call')} redirected"]
    return ", ".join(parts + [f"{hung_up} hung up before"] * bool(hung_up))


class _Teller:
    """Prints stories: few of them step by step, many in a line each, and those that went wrong in full."""

    def __init__(self, out: Terminal, *, as_json: bool) -> None:
        self._out = out
        self._json = as_json
        self._live: str | None = None
        self.expected = 1

    def happened(self, story: Story) -> None:
        """Something did; a call that is alone is told as it goes on."""
        if self._json or self.expected > 1:
            return
        if self._live is None:
            self._live = story.call_id
            story.show_title(self._out)
        story.show_steps(self._out)
        self._out.stream.flush()

    def ended(self, story: Story) -> None:
        """Nothing more happens to it."""
        out = self._out
        if self._json:
            return out.say_json(story.document())
        if self.expected > _FEW and story.good:
            return story.show_row(out)
        if self._live is None:
            story.show_title(out)
        story.show_steps(out)
        story.show_verdict(out)
        if self.expected > 1:
            out.say()
        out.stream.flush()
        return None


def _scenario(options: argparse.Namespace, script: dict[str, Any]) -> Scenario:
    try:
        return Scenario([script], speed=options.speed, seed=options.seed)  # type: ignore[list-item]
    except cr.ParseError as error:
        raise _simulator.bad_scenario(error) from None


def _ring_here(options: argparse.Namespace, url: str, scenario: Scenario, teller: _Teller) -> Sequence[Story]:
    teller.expected = len(scenario)
    with listening(options, url) as graph:
        stories = _play(graph, url, scenario, teller)
    if not options.command and any(_is_stranger(story) for story in stories):
        note(f"This simulator is a new one. The bot has to know it: {graph.base_url} and the environment of")
        note("callredirect simulate; after another simulator, it takes the new keys within 30 seconds.")
    return stories


def _is_stranger(story: Story) -> bool:
    return any(step["what"] == "bot_replied" and step["status"] in (401, 403) for step in story.steps)


def _play(graph: Simulator, url: str, scenario: Scenario, teller: _Teller) -> list[Story]:
    stories: dict[str, Story] = {}
    results: list[Any] = []

    def play() -> None:
        try:
            results.extend(graph.play(url, scenario))
        except (OSError, ValueError, RuntimeError) as error:
            results.append(error)

    playing = threading.Thread(target=play, daemon=True)
    playing.start()
    seen = 0
    while True:
        over = not playing.is_alive()
        for event in graph.events(start=seen, timeout=0 if over else _SLICE):
            seen = event.number + 1
            story = stories.setdefault(event.call_id, Story(event.call_id))
            story.add(document(event))
            teller.happened(story)
        if over:
            break
    for result in results:
        if isinstance(result, Exception):
            raise Failure(str(result), "is it a bot that listens there?", ENVIRONMENT)
        story = stories.setdefault(result.call_id, Story(result.call_id))
        story.name, story.problem = result.name, result.problem
        teller.ended(story)
    return list(stories.values())
