"""``callredirect send``: redirect a call that is ringing now."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any

import callredirect as cr

from . import _credentials
from ._arguments import Arguments, Number, OneOf, file_name, http_url
from ._failure import ENVIRONMENT, FINDING, OK, Failure
from ._files import not_json, read_text
from ._terminal import Terminal, masked, plain

if TYPE_CHECKING:
    import argparse

_KINDS = {
    "user": "a person, by object id",
    "application": "another bot, by application id",
    "application-instance": "a resource account, by object id",
    "phone": "a telephone number, +14255550100",
    "voicemail": "the voicemail of a user, by object id",
}
EXAMPLES = f"""
examples:
  callredirect send 491f0b00-ffff-4bc9-a43e-b226498ec22a redirect.json
  callredirect send 491f0b00-ffff-4bc9-a43e-b226498ec22a --phone +14255550100
  callredirect send 491f0b00-ffff-4bc9-a43e-b226498ec22a --dry-run \\
      --user 98da8a1a-1b87-452c-a713-65d3f10b1253
{_credentials.ENVIRONMENT}"""


def arguments() -> Arguments:
    """The parser of its arguments."""
    parser = Arguments(
        "send", "Redirects a call that is ringing now, and says what became of it.", EXAMPLES,
        "callredirect send [options] CALL_ID [FILE | --user ID ...]",
    )  # fmt: skip
    parser.add_argument("call_id", metavar="CALL_ID", help="id of the call, out of its notification")
    parser.add_argument(
        "file", nargs="?", type=file_name, metavar="FILE", help="JSON of the redirect; -: standard input"
    )
    group = parser.add_argument_group("redirect, instead of a file; several targets ring at once")
    for kind, help_text in _KINDS.items():
        group.add_argument(
            f"--{kind}", dest="targets", action="append", type=_target(kind), metavar="ID", help=help_text
        )
    whole = Number(1, 1_000_000, whole=True, unit="seconds")
    group.add_argument("--timeout", type=whole, metavar="SECONDS", help="how long to ring, 15 to 90")
    group.add_argument("--callback-uri", type=http_url, metavar="URL", help="where later notifications go")
    group = parser.add_argument_group("sending")
    versions = OneOf("v1.0", "beta")
    group.add_argument(
        "--api-version", type=versions, default="v1.0", metavar="VERSION", help="v1.0 (default) or beta"
    )
    seconds = Number(0.1, 600, unit="seconds")
    group.add_argument(
        "--deadline", type=seconds, default=13.0, metavar="SECONDS", help="when to give up (default: 13)"
    )
    group.add_argument("--dry-run", action="store_true", help="print the request instead of sending it")
    _credentials.add_arguments(parser)
    parser.add_json()
    return parser


def run(options: argparse.Namespace) -> int:
    """Sends. Returns ``OK`` if Graph accepted."""
    redirect = _redirect(options)
    who = _credentials.identity(options)
    out = Terminal(sys.stdout)
    if options.dry_run:
        _dry_run(out, options, redirect, who)
        return OK
    credential = who.credential()
    try:
        with cr.Client(
            credential, api_version=options.api_version, cloud=who.cloud, base_url=who.graph_url
        ) as client:
            outcome = client.redirect(options.call_id, redirect, deadline=options.deadline)
    except cr.ValidationError as error:
        raise _invalid(error) from None
    except cr.CredentialError as error:
        raise Failure(
            f"nothing was sent: {error}", "callredirect doctor looks into it", ENVIRONMENT
        ) from None
    except ValueError as error:
        raise Failure(f"nothing was sent: {error}") from None
    if options.json:
        out.say_json(_document(outcome))
    else:
        _show(out, outcome)
    if isinstance(outcome, cr.Accepted):
        return OK
    never_left = isinstance(outcome, cr.Expired) and not outcome.sent
    return ENVIRONMENT if never_left else FINDING


def _target(kind: str) -> Any:
    make = getattr(cr.Target, kind.replace("-", "_"))

    def target(text: str) -> cr.Target:
        made: cr.Target = make(text)
        return made

    return target


def _redirect(options: argparse.Namespace) -> cr.Redirect:
    given = options.targets or options.timeout or options.callback_uri
    if options.file and given:
        raise Failure("a file and options both say where the call goes", "leave one of them out")
    if options.file:
        try:
            return cr.Redirect.from_json(read_text(options.file))
        except cr.ParseError as error:
            failure = not_json(options.file, error)
            hint = f"callredirect validate {options.file} shows the place"
            raise Failure(failure.message, hint) from None
    if not options.targets:
        raise Failure(
            "nothing says where the call goes", "name a file, or give --user, --phone or another target"
        )
    return cr.Redirect(options.targets, timeout=options.timeout, callback_uri=options.callback_uri)


def _invalid(error: cr.ValidationError) -> Failure:
    faults = "; ".join(
        f"{fault.path}: {fault.message}" for fault in error.violations if fault.severity == "error"
    )
    return Failure(f"nothing was sent, Graph would refuse it: {faults}")


def _dry_run(
    out: Terminal, options: argparse.Namespace, redirect: cr.Redirect, who: _credentials.Identity
) -> None:
    from ._capture import dry_run

    try:
        request = dry_run(options.call_id, redirect, options.api_version, who.graph_url)
    except cr.ValidationError as error:
        raise _invalid(error) from None
    except ValueError as error:
        raise Failure(f"nothing would be sent: {error}") from None
    if options.json:
        out.say_json(request)
        return
    out.say(f"{out.paint(request['method'], 'bold')} {request['url']}")
    for name, value in request["headers"].items():
        out.say(f"{out.paint(name, 'cyan')}: {value}")
    out.say()
    out.say(request["body"])


def _document(outcome: cr.Outcome) -> dict[str, Any]:
    names = (
        "status", "code", "message", "explanation", "cure", "request_id", "retry_after", "sent", "reason",
        "likely_delivered",
    )  # fmt: skip
    known = {name: getattr(outcome, name) for name in names if hasattr(outcome, name)}
    fields = ("probe", "started", "duration", "sent", "status", "error", "request_id")
    return {
        "outcome": re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(outcome).__name__).lower(),
        **known,
        "elapsed": outcome.elapsed,
        "client_request_id": outcome.client_request_id,
        "attempts": [{name: getattr(attempt, name) for name in fields} for attempt in outcome.attempts],
    }


def _show(out: Terminal, outcome: cr.Outcome) -> None:
    good = isinstance(outcome, cr.Accepted)
    mark = out.paint("✓ " if good else "✗ ", "green" if good else "red", "bold")
    out.say_wrapped(plain(masked(str(outcome))), "  ", mark)
    for number, attempt in enumerate(outcome.attempts, 1):
        what = "the question whether it still rings" if attempt.probe else f"attempt {number}"
        came = attempt.error or f"{attempt.status} from Graph"
        out.say(out.paint(f"  {1000 * attempt.started:>7.0f} ms  {what}: {plain(came)}", "dim"))
    out.say(out.paint(f"  client-request-id  {outcome.client_request_id}", "dim"))
    request_id = getattr(outcome, "request_id", None)
    if request_id:
        out.say(out.paint(f"  request-id         {plain(request_id)}", "dim"))
