"""``callredirect parse``: what is in a notification."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Any

import callredirect as cr

from ._arguments import Arguments, file_name
from ._failure import FINDING, OK
from ._files import not_json, offset, read_text, shown
from ._places import Place, show_source
from ._terminal import Terminal, count, plain, report
from ._terminal import note as say_beside
from ._tree import branches, identity_line

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from ._failure import Failure

EXAMPLES = """
examples:
  callredirect parse notification.json
  callredirect parse --table bodies/*.json
  pbpaste | callredirect parse --lenient      # out of the documentation
  callredirect parse --json body.json | jq .call_id
  callredirect parse --table calls.jsonl       # a recording
"""


def arguments() -> Arguments:
    """The parser of its arguments."""
    parser = Arguments("parse", "Shows the notifications in bodies that a bot was sent.", EXAMPLES)
    parser.add_argument(
        "files", nargs="*", default=["-"], type=file_name, metavar="FILE",
        help="body of a request, or a recording; - or none: standard input",
    )  # fmt: skip
    parser.add_argument(
        "--lenient", action="store_true", help="take trailing commas and comments, as documentation has them"
    )
    parser.add_argument("--table", action="store_true", help="one line for each notification")
    parser.add_argument("--unmask", action="store_true", help="show telephone numbers and tokens")
    parser.add_json("print one line of JSON for each notification, and errors as JSON, too")
    return parser


def run(options: argparse.Namespace) -> int:
    """Shows each file. One that cannot be read does not keep the others from being shown."""
    out = Terminal(sys.stdout)
    bad = False
    rows: list[tuple[str, ...]] = []
    for path in options.files:
        text = read_text(path, FINDING)
        try:
            notes = _notes(text, lenient=options.lenient)
        except cr.ParseError as error:
            bad = True
            _unreadable(path, text, error, as_json=options.json, lenient=options.lenient)
            continue
        bad |= any(_problem(note) for note in notes)
        if options.json:
            for index, note in enumerate(notes):
                out.say_json(_document(shown(path), index, note, unmask=options.unmask))
        elif options.table:
            rows += [_cells(note, unmask=options.unmask) for note in notes]
        else:
            _show(out, shown(path), notes, options)
    if options.table and not options.json:
        out.say_table(("EVENT", "STATE", "CALL", "FROM", "TO"), rows)
    return FINDING if bad else OK


def _notes(text: str, *, lenient: bool) -> Sequence[cr.Notification]:
    """What is in one body, or in all those of a recording."""
    try:
        return cr.parse(text, lenient=lenient)
    except cr.ParseError:
        requests = _recorded(text)
        if not requests:
            raise
    notes: list[cr.Notification] = []
    odd = 0
    for request in requests:
        try:
            notes += request.parse()
        except cr.ParseError:  # what a stranger posted does not hide the rest
            odd += 1
    if odd:
        say_beside(f"{count(odd, 'request')} of the recording with no notification")
    return notes


def _recorded(text: str) -> list[cr.RecordedRequest]:
    """The requests, if it is a recording. A line that is none, as a crash leaves one, is left out."""
    requests = []
    for line in text.splitlines():
        with contextlib.suppress(cr.ParseError):
            requests.append(cr.RecordedRequest.from_json(line))
    return requests


def _unreadable(path: str, text: str, error: cr.ParseError, *, as_json: bool, lenient: bool) -> None:
    failure: Failure = not_json(path, error)
    if not lenient and _parses_leniently(text):
        failure.hint = "it is JSON as documentation has it: add --lenient"
    report(failure, as_json=as_json)
    if error.line and not as_json:
        at = offset(text, error)
        show_source(Terminal(sys.stderr), text, Place(at, at + 1), "red", "bold")


def _parses_leniently(text: str) -> bool:
    try:
        cr.parse(text, lenient=True)
    except cr.ParseError:
        return False
    return True


def _problem(note: cr.Notification) -> str | None:
    return note.problem if isinstance(note, cr.OtherNotification) else None


def _document(name: str, index: int, note: cr.Notification, *, unmask: bool) -> dict[str, Any]:
    whole = note.to_dict()
    return {
        "file": name,
        "index": index,
        "event": type(note).__name__,
        "change_type": note.change_type,
        "call_id": note.call_id,
        "resource_url": note.resource_url,
        "problem": _problem(note),
        "notification": whole if unmask else hidden(whole),
    }


def hidden(value: Any) -> Any:
    """A notification as Python values, with telephone numbers and what opens a recording or a meeting starred out."""
    from ._terminal import masked

    if isinstance(value, dict):
        secret = ("recordingAccessToken", "passcode", "joinWebUrl", "joinUrl")
        return {name: "***" if name in secret and item else hidden(item) for name, item in value.items()}
    if isinstance(value, list):
        return [hidden(item) for item in value]
    return masked(f'"{value}"')[1:-1] if isinstance(value, str) else value


def _show(out: Terminal, name: str, notes: Sequence[cr.Notification], options: argparse.Namespace) -> None:
    if len(options.files) > 1:
        out.say(out.paint(f"{plain(name)}:", "bold"))
    for note in notes:
        problem = _problem(note)
        title = out.paint(type(note).__name__, "bold", "red" if problem else "green")
        out.say(
            f"{title}  {out.paint(' '.join(map(plain, filter(None, (note.change_type, note.resource_url)))), 'dim')}"
        )
        if problem:
            out.say_wrapped(plain(problem), "└─ ")
        else:
            branches(out, note, unmask=options.unmask)
        out.say()
    if not notes:
        out.say("no notification is in it")


def _cells(note: cr.Notification, *, unmask: bool) -> tuple[str, ...]:
    call = getattr(note, "call", None)
    source = identity_line(call.source.identity, unmask=unmask) if call and call.source else ""
    first = identity_line(call.targets[0].identity, unmask=unmask) if call and call.targets else ""
    more = f" +{len(call.targets) - 1}" if call and len(call.targets) > 1 else ""
    state = (call.state if call else note.change_type) or ""
    event = type(note).__name__
    return event, plain(state), plain(note.call_id or ""), source, first + more
