"""``callredirect validate``: every fault of a redirect, at its line."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import callredirect as cr

from ._arguments import Arguments, Number, OneOf, file_name
from ._failure import FINDING, OK
from ._files import offset, read_text, shown
from ._places import Place, Places, position, show_source
from ._terminal import Terminal, count, plain

if TYPE_CHECKING:
    import argparse

EXAMPLES = """
examples:
  callredirect validate redirect.json
  callredirect validate --api-version v1.0 redirects/*.json
  jq .redirect call.json | callredirect validate
"""


def arguments() -> Arguments:
    """The parser of its arguments."""
    parser = Arguments(
        "validate", "Finds every fault of redirects as Graph would get them, at its line.", EXAMPLES
    )
    parser.add_argument(
        "files", nargs="*", default=["-"], type=file_name, metavar="FILE",
        help="JSON of a redirect; - or none: standard input",
    )  # fmt: skip
    versions = OneOf("v1.0", "beta")
    parser.add_argument(
        "--api-version", type=versions, default="beta", metavar="VERSION", help="v1.0 or beta (default: beta)"
    )
    whole = Number(1, 1_000_000, whole=True)
    parser.add_argument(
        "--max-targets", type=whole, default=25, metavar="N", help="Graph's limit (default: 25)"
    )
    parser.add_argument("--strict", action="store_true", help="warnings count as faults for the exit code")
    parser.add_argument("-q", "--quiet", action="store_true", help="say nothing of files without faults")
    parser.add_json("print one line of JSON for each file, and errors as JSON, too")
    return parser


def run(options: argparse.Namespace) -> int:
    """Checks each file. Returns ``FINDING`` if one of them has an error."""
    out = Terminal(sys.stdout)
    limits = cr.Limits(max_targets=options.max_targets)
    bad = False
    for path in options.files:
        text = read_text(path, FINDING)
        found = _faults(text, options.api_version, limits)
        bad |= any(fault["severity"] == "error" or options.strict for fault in found)
        if options.json:
            for fault in found:
                fault.pop("place")
            valid = not any(fault["severity"] == "error" for fault in found)
            file = {
                "file": shown(path),
                "api_version": options.api_version,
                "valid": valid,
                "violations": found,
            }
            out.say_json(file)
        elif found:
            _show(out, shown(path), text, found)
        elif not options.quiet:
            out.say(
                f"{out.paint('✓', 'green')} {plain(shown(path))}: nothing to complain of ({options.api_version})"
            )
    return FINDING if bad else OK


def _faults(text: str, api_version: str, limits: cr.Limits) -> list[dict[str, Any]]:
    """Everything wrong with the text, each with its place."""
    try:
        redirect = cr.Redirect.from_json(text)
    except cr.ParseError as error:
        at = offset(text, error) if error.line else 0
        fault = {
            "code": "unreadable",
            "path": error.path,
            "message": error.reason,
            "severity": "error",
            "line": error.line or 1,
            "column": error.column or 1,
            "place": Place(at, at + 1),
        }
        return [fault]
    violations = redirect.violations(api_version=api_version, limits=limits)
    places = Places(text)
    faults = []
    for violation in violations:
        place = places.find(violation.path)
        line, column = position(text, place.start)
        faults.append({
            "code": violation.code,
            "path": violation.path,
            "message": violation.message,
            "severity": violation.severity,
            "line": line,
            "column": column,
            "place": place,
        })  # fmt: skip
    return sorted(faults, key=lambda fault: fault["place"].start)


def _show(out: Terminal, name: str, text: str, faults: list[dict[str, Any]]) -> None:
    for fault in faults:
        colour = "red" if fault["severity"] == "error" else "yellow"
        place = out.paint(f"{plain(name)}:{fault['line']}:{fault['column']}", "bold")
        out.say(
            f"{place} {out.paint(fault['severity'], colour, 'bold')} {out.paint(plain(fault['path']), 'cyan')}"
        )
        show_source(out, text, fault["place"], colour, "bold")
        out.say_wrapped(f"{plain(fault['message'])} [{fault['code']}]", " " * 7)
        out.say()
    errors = sum(fault["severity"] == "error" for fault in faults)
    parts = [count(errors, "error")] if errors else []
    parts += [count(len(faults) - errors, "warning")] if errors < len(faults) else []
    out.say(f"{plain(name)}: {', '.join(parts)}")
