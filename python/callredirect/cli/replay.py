"""``callredirect replay``: play a recording into a bot."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import callredirect as cr
from callredirect.testing import replay

from . import _simulator
from ._arguments import Arguments, Number, file_name, http_url
from ._bot import listening
from ._failure import ENVIRONMENT, FINDING, OK, Failure
from ._files import cannot_open
from ._terminal import Progress, Terminal, count, plain

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from callredirect.testing import Replayed

_SHOWN = 20
EXAMPLES = """
examples:
  callredirect replay calls.jsonl http://127.0.0.1:8000 -- uvicorn bot:app
      starts a simulator that signs, and the bot with its environment
  callredirect replay calls.jsonl http://127.0.0.1:8000 --port 8015 --speed 10
      the bot was told that Graph is at port 8015
  callredirect replay calls.jsonl http://127.0.0.1:8000
      --simulator http://127.0.0.1:8015
      a simulator that is running signs
  callredirect replay calls.jsonl http://127.0.0.1:8000 --unsigned
"""


def arguments() -> Arguments:
    """The parser of its arguments."""
    parser = Arguments(
        "replay",
        "Plays a recording into a bot and compares its answers with those recorded. A\n"
        "recording holds no tokens: a simulator signs what was genuine, one of this\ncommand's or one that is running.",
        EXAMPLES,
        "callredirect replay [options] FILE URL [-- COMMAND ...]",
    )
    parser.takes_command = True
    parser.add_argument("file", type=file_name, metavar="FILE", help="a recording, calls.jsonl for instance")
    parser.add_argument(
        "url", type=http_url, metavar="URL", help=f"the bot's webhook; without a path, {_simulator.PATH}"
    )
    parser.add_argument("--fast", action="store_true", help="as fast as the bot takes it")
    parser.add_argument(
        "--concurrency",
        type=Number(1, 1000, whole=True),
        default=16,
        metavar="N",
        help="requests under way at a time (default: 16)",
    )
    parser.add_argument("--simulator", type=http_url, metavar="URL", help="a simulator that is running signs")
    parser.add_argument("--unsigned", action="store_true", help="no simulator, and no tokens")
    parser.add_argument(
        "--patience",
        type=Number(0, 3600, unit="seconds"),
        metavar="SECONDS",
        help="how long to wait for the bot to listen",
    )
    _simulator.add_arguments(parser, speed="times faster than recorded (default: 1)", rings=False)
    parser.add_json("print one line of JSON for each request and one for all, and errors as JSON, too")
    return parser


def run(options: argparse.Namespace) -> int:
    """Replays. Returns ``OK`` if every request with a recorded answer got the same."""
    if options.fast and options.speed is not None:
        raise Failure("--fast and --speed exclude each other", "leave one of them out")
    signers = {"--simulator": options.simulator, "--unsigned": options.unsigned, "a command": options.command}
    given = [name for name, value in signers.items() if value]
    if len(given) > 1 and options.simulator:
        hint = "the bot runs already, with that simulator's environment: leave one of them out"
        raise Failure(f"{given[0]} and {given[1]} exclude each other", hint)
    requests = _read(options.file)
    url = _simulator.bot_url(options.url)
    speed = None if options.fast else options.speed or 1.0
    options.speed = None  # of the people in a simulator: nobody rings here
    patience = _simulator.patience(options)
    if options.simulator:
        _simulator.is_running_already(options)
        from callredirect.testing._replay import Signing

        from ._remote import Remote

        sign = Signing(Remote(options.simulator))
        results = replay(
            requests, url, speed=speed, authorization=sign, concurrency=options.concurrency, patience=patience
        )
        return _follow(options, len(requests), results)
    if options.unsigned:
        results = replay(requests, url, speed=speed, concurrency=options.concurrency, patience=patience)
        return _follow(options, len(requests), results)
    with listening(options, url) as graph:
        results = replay(requests, url, speed=speed, simulator=graph, concurrency=options.concurrency)
        return _follow(options, len(requests), results)


def _read(path: str) -> list[cr.RecordedRequest]:
    try:
        requests = cr.read_recording(path)
    except ValueError as error:
        raise Failure(
            f"{path}: {error}", "callredirect record and Redirector(record=...) write recordings"
        ) from None
    except OSError as error:
        raise cannot_open(path, error) from None
    if not requests:
        raise Failure(f"there is no request in {path}", "was anything rung while it was recorded?")
    return requests


def _follow(options: argparse.Namespace, total: int, results: Iterator[Replayed]) -> int:
    out = Terminal(sys.stdout)
    tally = {"as_recorded": 0, "otherwise": 0, "not_compared": 0}
    others: list[Replayed] = []
    try:
        with Progress(total) as progress:
            for result in results:
                same = result.as_recorded
                tally["not_compared" if same is None else "as_recorded" if same else "otherwise"] += 1
                progress.step()
                if options.json:
                    out.say_json(_document(result))
                elif same is False:
                    others.append(result)
    except ConnectionError as error:
        raise Failure(str(error), "start the bot first, or give its command behind --", ENVIRONMENT) from None
    except ValueError as error:
        raise Failure(str(error), "name the bot's webhook, http on this machine or https") from None
    if options.json:
        out.say_json({"requests": total, **tally})
    else:
        _show(out, total, tally, others)
    return FINDING if tally["otherwise"] else OK


def _document(result: Replayed) -> dict[str, Any]:
    return {
        "index": result.index,
        "call_ids": list(result.request.verdict.call_ids),
        "recorded": result.request.verdict.status,
        "status": result.status,
        "error": result.error,
        "as_recorded": result.as_recorded,
        "elapsed": round(result.elapsed, 6),
    }


def _show(out: Terminal, total: int, tally: dict[str, int], others: list[Replayed]) -> None:
    for result in others[:_SHOWN]:
        calls = " ".join(plain(call) for call in result.request.verdict.call_ids)
        now = f"answered {result.status}" if result.status else plain(result.error or "no answer")
        out.say(
            f"{out.paint('✗', 'red')} request {result.index + 1}: {now}, recorded {result.request.verdict.status}  {calls}".rstrip()
        )
    if len(others) > _SHOWN:
        out.say(f"  and {len(others) - _SHOWN} more")
    compared = total - tally["not_compared"]
    text = f"{tally['as_recorded']} of {count(compared, 'request')} answered as recorded"
    if tally["not_compared"]:
        text += f"; {tally['not_compared']} had no recorded answer"
    out.say(out.paint(text, "bold", "red" if tally["otherwise"] else "green"))
    if any(result.status in (401, 403) for result in others):
        out.say_wrapped(
            "401 says that the bot does not know this simulator: ring through the one it knows, with --simulator; give it the environment that callredirect simulate prints, with --port; or start it behind --. After another simulator on that port it takes the new keys within 30 seconds.",
            "  ",
        )
