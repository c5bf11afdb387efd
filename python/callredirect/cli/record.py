"""``callredirect record``: stand before a bot and record its notifications."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING

import callredirect as cr

from ._arguments import PORT, Arguments, Number, file_name, http_url
from ._failure import ENVIRONMENT, INTERRUPTED, Failure
from ._files import cannot_open
from ._terminal import Terminal, count, note, plain

if TYPE_CHECKING:
    import argparse

    from ._proxy import Exchange

EXAMPLES = """
examples:
  callredirect record --to http://127.0.0.1:8000 --port 9000 calls.jsonl
      whoever rang port 8000 rings port 9000 instead; a tunnel, for instance

Bodies, headers and answers pass unchanged. What is written has telephone
numbers and names replaced, unless --no-redact says otherwise; tokens are never
written.
"""


def arguments() -> Arguments:
    """The parser of its arguments."""
    parser = Arguments(
        "record",
        "Stands before a bot, hands every request on, and appends what is posted to a\n"
        "recording until Ctrl-C. `callredirect replay` plays it, read_recording reads it.",
        EXAMPLES,
    )
    parser.add_argument(
        "file", type=file_name, metavar="FILE", help="recording to append to, calls.jsonl for instance"
    )
    parser.add_argument("--to", required=True, type=http_url, metavar="URL", help="the bot")
    parser.add_argument(
        "--port",
        type=PORT,
        default=9000,
        metavar="PORT",
        help="where to listen (default: 9000; 0: a free one)",
    )
    parser.add_argument(
        "--host", default="127.0.0.1", metavar="ADDRESS", help="address to listen at (default: 127.0.0.1)"
    )
    parser.add_argument("--no-redact", action="store_true", help="write numbers and names as they are")
    size = Number(1, 2**50, whole=True, unit="bytes")
    parser.add_argument(
        "--max-bytes",
        type=size,
        default=64 * 1024 * 1024,
        metavar="N",
        help="begin a new file beyond this size (default: 64 MiB)",
    )
    parser.add_argument(
        "--keep",
        type=Number(0, 1000, whole=True),
        default=4,
        metavar="N",
        help="old files to keep then (default: 4)",
    )
    parser.add_argument(
        "--max-body", type=Number(1, 2**30, whole=True, unit="bytes"), default=1024 * 1024, metavar="N",
        help="longest body that is taken, in bytes (default: 1 MiB)",
    )  # fmt: skip
    seconds = Number(0.1, 3600, unit="seconds")
    parser.add_argument(
        "--timeout",
        type=seconds,
        default=30.0,
        metavar="SECONDS",
        help="how long the bot may take (default: 30)",
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="say nothing of the requests")
    parser.add_json("print one line of JSON for each request, and errors as JSON, too")
    return parser


def run(options: argparse.Namespace) -> int:
    """Records until Ctrl-C."""
    from datetime import datetime, timezone

    from ._proxy import Proxy

    out = Terminal(sys.stdout)
    printing = threading.Lock()
    recorder = _recorder(options)

    def seen(exchange: Exchange) -> None:
        # Notifications are posted; what else asks, health checks for instance, is no part of a recording.
        if exchange.method == "POST":
            recorder.record(
                exchange.body,
                exchange.headers,
                received_at=datetime.fromtimestamp(exchange.received_at, timezone.utc),
                method=exchange.method,
                path=exchange.path.partition("?")[0],
                status=exchange.status,
            )
        with printing:
            _show(out, exchange, options)

    try:
        proxy = Proxy((options.host, options.port), options.to, options.max_body, options.timeout, seen)
    except OSError as error:
        recorder.close()
        where = f"{options.host}:{options.port}"
        hint = "--port 0 takes a free one"
        raise Failure(f"cannot listen at {where}: {error.strerror}", hint, ENVIRONMENT) from None
    with proxy:
        try:
            if options.json:
                out.say_json({"url": proxy.url, "to": options.to, "file": options.file})
            else:
                out.say(f"Recording {proxy.url} → {options.to} into {plain(options.file)}; Ctrl-C ends it.")
            out.stream.flush()
            proxy.serve_forever()
        finally:
            recorder.close()
            if not options.json:
                note(f"{count(recorder.written, 'request')} recorded")
            if recorder.dropped:
                note(
                    f"{count(recorder.dropped, 'request')} NOT recorded: {options.file} could not be written"
                )
    return INTERRUPTED


def _recorder(options: argparse.Namespace) -> cr.Recorder:
    try:
        recorder = cr.Recorder(
            options.file, max_bytes=options.max_bytes, keep=options.keep, redact=not options.no_redact
        )
        if options.no_redact:
            note(f"{options.file} will hold telephone numbers, names and other personal data as they come")
        return recorder
    except OSError as error:
        raise cannot_open(options.file, error) from None


def _show(out: Terminal, exchange: Exchange, options: argparse.Namespace) -> None:
    path = exchange.path.partition("?")[0]
    if options.json:
        request = {
            "method": exchange.method,
            "path": path,
            "bytes": len(exchange.body),
            "status": exchange.status,
            "problem": exchange.problem,
            "elapsed": round(exchange.elapsed, 6),
            "call_ids": _call_ids(exchange.body),
        }
        return out.say_json(request)
    if options.quiet:
        return None
    good = exchange.status is not None and exchange.status < 400
    answer = str(exchange.status) if exchange.status else f"no answer: {plain(exchange.problem)}"
    calls = " ".join(plain(call)[:8] for call in _call_ids(exchange.body))
    line = f"{exchange.method} {plain(path)}  {out.paint(answer, 'green' if good else 'red')}"
    out.say(f"{line}  {1000 * exchange.elapsed:.0f} ms  {out.paint(calls, 'cyan')}".rstrip())
    out.stream.flush()
    return None


def _call_ids(body: bytes) -> list[str]:
    try:
        return list(dict.fromkeys(note.call_id for note in cr.parse(body) if note.call_id))
    except cr.ParseError:
        return []
