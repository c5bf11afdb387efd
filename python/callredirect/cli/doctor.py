"""``callredirect doctor``: what may keep a bot from redirecting, and what to do."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from . import _checks, _credentials
from ._arguments import Arguments, http_url
from ._failure import FINDING, OK
from ._terminal import Terminal, count, plain

if TYPE_CHECKING:
    import argparse

_MARKS = {"ok": ("✓", "green"), "warn": ("!", "yellow"), "failed": ("✗", "red"), "skipped": ("-", "dim")}
_WIDTH = 12
EXAMPLES = f"""
examples:
  callredirect doctor
  callredirect doctor --callback https://bot.contoso.com/api/calls

Nothing is redirected, and no token is sent anywhere. The callback gets one
notification without a token, which a bot answers with 401.
{_credentials.ENVIRONMENT}  BOT_METADATA_URL                     where the keys of notifications are
"""


def arguments() -> Arguments:
    """The parser of its arguments."""
    parser = Arguments(
        "doctor", "Looks at what a bot needs: addresses, clock, token, permission, keys, callback.", EXAMPLES
    )
    parser.add_argument(
        "--callback", type=http_url, metavar="URL", help="the bot's calling webhook, as Teams knows it"
    )
    parser.add_argument(
        "--metadata-url", type=http_url, metavar="URL", help="where the keys of notifications are"
    )
    _credentials.add_arguments(parser)
    parser.add_json()
    return parser


def run(options: argparse.Namespace) -> int:
    """Checks. Returns ``FINDING`` if something failed."""
    out = Terminal(sys.stdout)
    who = _credentials.identity(options)
    metadata = options.metadata_url or _credentials.address("BOT_METADATA_URL")
    found = []
    for finding in _checks.every(who, metadata, options.callback):
        found.append(finding)
        if not options.json:
            _show(out, finding)
    failed = sum(finding.status == "failed" for finding in found)
    warned = sum(finding.status == "warn" for finding in found)
    if options.json:
        out.say_json({"ok": not failed, "checks": [finding._asdict() for finding in found]})
    else:
        out.say()
        verdict = (
            f"{count(failed, 'check')} failed" if failed else "nothing is wrong that can be seen from here"
        )
        warnings = f", {count(warned, 'warning')}" if warned else ""
        out.say(out.paint(verdict + warnings, "bold", "red" if failed else "yellow" if warned else "green"))
    return FINDING if failed else OK


def _show(out: Terminal, finding: _checks.Finding) -> None:
    mark, colour = _MARKS[finding.status]
    indent = " " * (_WIDTH + 2)
    first = f"{out.paint(mark, colour)} {finding.check:<{_WIDTH}}"
    out.say_wrapped(plain(finding.message), indent, first)
    if finding.hint:
        out.say_wrapped(plain(finding.hint), indent, indent[:-2] + out.paint("→ ", "cyan"))
    out.stream.flush()
