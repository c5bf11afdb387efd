"""Calls to ring as options of the command line, in the words of a scenario's file."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from ._arguments import SECONDS, Number, OneOf, Words

if TYPE_CHECKING:
    from ._arguments import Arguments

_KINDS = ("user", "phone", "application", "applicationInstance", "guest", "encrypted")


def add_arguments(parser: Arguments) -> None:
    """Adds what a call can be told."""
    group = parser.add_argument_group("the call, instead of a file")
    add = group.add_argument
    add(
        "--example",
        type=Number(1, 3, whole=True),
        metavar="N",
        help="call 1, 2 or 3 of Microsoft's documentation",
    )
    add(
        "--from", dest="source", type=party, metavar="WHO", help="who rings: user=ID, phone=+14255550100, ..."
    )
    add(
        "--to",
        dest="targets",
        action="append",
        type=party,
        metavar="WHO",
        help="who is rung, if not the bot's app",
    )
    add("--tenant", dest="tenant_id", metavar="ID", help="tenant of the call")
    add(
        "--callee", dest="callees", action="append", type=callee, metavar="ID=WHAT",
        help="what a target does: picks up after so many seconds, or busy, no_answer, unreachable; *: all others",
    )  # fmt: skip
    add("--hang-up", type=SECONDS, metavar="SECONDS", help="the caller hangs up after so long")
    add(
        "--wait",
        type=Number(0, 15, unit="seconds"),
        metavar="SECONDS",
        help="how long Graph waits (default: 15)",
    )
    add(
        "--timeline",
        type=OneOf("specification", "redirecting"),
        metavar="NAME",
        help="specification or redirecting",
    )
    add_faults(group)
    add("--count", type=Number(1, 1_000_000, whole=True), metavar="N", help="so many such calls at once")


def add_faults(group: Any) -> None:
    """Adds the option of faults."""
    group.add_argument(
        "--fault", dest="faults", action="append", type=FaultRule(), metavar="NAME",
        help="what goes wrong, such as throttled or delay,seconds=2,nth=1; "
        "callredirect simulate --faults lists them",
    )  # fmt: skip


def call(options: argparse.Namespace) -> dict[str, Any]:
    """The call as a table of a scenario."""
    names = (
        "example", "source", "targets", "tenant_id", "hang_up", "wait", "timeline", "faults", "count",
    )  # fmt: skip
    script = {name: getattr(options, name) for name in names if getattr(options, name) is not None}
    if options.callees:
        script["callees"] = dict(options.callees)
    return script


def party(text: str) -> dict[str, str]:
    """``user=ID``."""
    kind, equals, identity = text.partition("=")
    if not equals and text.startswith("+"):
        return {"phone": text}
    if not (equals and kind and identity):
        raise argparse.ArgumentTypeError(f"{text!r} names nobody; write user=ID or phone=+14255550100")
    OneOf(*_KINDS)(kind)
    return {kind: identity}


def callee(text: str) -> tuple[str, float | str]:
    """``ID=busy``."""
    who, equals, what = text.rpartition("=")
    if not equals or not who:
        raise argparse.ArgumentTypeError(f"{text!r} says not who does what; write ID=busy or *=2.5")
    try:
        return who, float(what)
    except ValueError:
        return who, OneOf("busy", "no_answer", "unreachable")(what)


class FaultRule(Words):
    """``delay,seconds=2,nth=1``."""

    @property
    def words(self) -> tuple[str, ...]:
        """Every fault."""
        from callredirect.testing import Simulator

        return tuple(Simulator.faults())

    def __call__(self, text: str) -> Any:
        """The fault alone, or a table with when it strikes. Whether there is one of that name is the simulator's to say."""
        name, *details = text.split(",")
        rule: dict[str, Any] = {"name": name}
        for detail in details:
            key, _, value = detail.partition("=")
            OneOf("seconds", "nth", "probability")(key)
            try:
                rule[key] = int(value) if key == "nth" else float(value)
            except ValueError:
                raise argparse.ArgumentTypeError(f"{key} needs a number, not {value!r}") from None
        return rule if details else name
