"""``callredirect simulate``: a Graph of your own, until Ctrl-C."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING

from . import _script, _simulator
from ._arguments import Arguments, http_url
from ._events import document, line
from ._failure import OK, Failure
from ._terminal import Terminal, report

if TYPE_CHECKING:
    import argparse

    from callredirect.testing import Simulator

EXAMPLES = """
examples:
  callredirect simulate
  callredirect simulate --speed 100 --fault throttled,probability=0.2
  callredirect simulate --scenario calls.toml --bot http://127.0.0.1:8000

Where BOT_APP_ID, BOT_TENANT or BOT_SECRET are set, the simulator takes them: a
bot that was configured once fits the next simulator, too.
"""


def arguments() -> Arguments:
    """The parser of its arguments."""
    parser = Arguments(
        "simulate",
        "Runs a Graph of your own on this machine until Ctrl-C: token endpoint, signing\n"
        "keys, redirects by Graph's rules, and a live page that shows each call.",
        EXAMPLES,
    )
    _simulator.add_scenario(parser, "--scenario")
    parser.add_argument("--bot", type=http_url, metavar="URL", help="the bot that the scenario rings")
    _simulator.add_arguments(parser)
    _script.add_faults(parser)
    parser.add_argument("--faults", action="store_true", dest="list_faults", help="list the faults and end")
    parser.add_argument("-q", "--quiet", action="store_true", help="say nothing of the calls")
    parser.add_json("print the settings as one line of JSON, then one for each thing that happens")
    return parser


def run(options: argparse.Namespace) -> int:
    """Runs until Ctrl-C."""
    out = Terminal(sys.stdout)
    if options.list_faults:
        _list_faults(out, as_json=options.json)
        return OK
    if bool(options.scenario) != bool(options.bot):
        raise Failure("--scenario and --bot go together", "name the file of the calls and the bot they ring")
    scenario = _simulator.load(options.scenario) if options.scenario else None
    with _simulator.start(options, options.faults) as graph:
        if options.json:
            settings = {"page_url": graph.page_url, "environment": _simulator.environment(graph)}
            out.say_json(settings)
        else:
            _greet(out, graph)
        if scenario is not None:

            def play() -> None:
                try:
                    graph.play(_simulator.bot_url(options.bot), scenario)
                except (OSError, ValueError, RuntimeError) as error:
                    report(Failure(str(error)), as_json=options.json)

            threading.Thread(target=play, daemon=True).start()
        _watch(out, graph, options)
    return OK


def _list_faults(out: Terminal, *, as_json: bool) -> None:
    from callredirect.testing import Simulator

    faults = Simulator.faults()
    if as_json:
        return out.say_json(faults)
    width = max(map(len, faults))
    for name, meaning in faults.items():
        out.say_wrapped(meaning, " " * (width + 2), f"{name:<{width}}  ")
    return None


def _greet(out: Terminal, graph: Simulator) -> None:
    page = out.paint(graph.page_url, "bold", "blue")
    out.say(f"Graph is at {graph.base_url} until Ctrl-C. Live page: {page}")
    out.say()
    out.say(out.paint("# for the bot, in its shell", "dim"))
    for text in _simulator.exports(graph):
        out.say(text)
    out.say()
    out.say(out.paint("# to ring the bot, in another", "dim"))
    out.say(f"callredirect ring http://127.0.0.1:8000 --simulator {graph.base_url}")
    out.say()
    out.stream.flush()


def _watch(out: Terminal, graph: Simulator, options: argparse.Namespace) -> None:
    began: dict[str, float] = {}
    for event in graph.events(start=0):
        facts = document(event)
        first = began.setdefault(event.call_id, event.at)
        if options.json:
            out.say_json(facts)
        elif not options.quiet:
            after = f"{1000 * (event.at - first):>9.1f} ms"
            call = out.paint(event.call_id[:8], "cyan")
            out.say(f"{call} {out.paint(after, 'dim')}  {line(out, facts)}")
            out.stream.flush()
        if len(began) > 10_000:
            began.pop(next(iter(began)))
