"""What happens to a call: one object for programs, in the words of the simulator's own address, and one line for people."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from callredirect.testing import (
    BotReplied,
    CallFailed,
    CallFinished,
    CallRang,
    NotificationSent,
    RedirectReceived,
    SimulatorEvent,
)

from ._terminal import masked, plain

if TYPE_CHECKING:
    from ._terminal import Terminal

LIMIT = 15.0
"""Seconds that Graph waits for a redirect."""
_BAR = 30

_ENDINGS = {
    "answered": "answered",
    "no_answer": "nobody picked up",
    "busy": "busy",
    "unreachable": "not reached",
    "hung_up": "the caller hung up",
    "expired": "no redirect came in time",
    "refused": "the bot refused the call",
}


def document(event: SimulatorEvent) -> dict[str, Any]:
    """An event as JSON has it. ``at`` counts from the start of the simulator."""
    facts: dict[str, Any]
    if isinstance(event, NotificationSent):
        what = "notification_sent"
        facts = {"change_type": event.change_type, "state": event.state, "faults": list(event.faults)}
    elif isinstance(event, BotReplied):
        what = "bot_replied"
        facts = {"change_type": event.change_type, "status": event.status, "problem": event.problem}
    elif isinstance(event, RedirectReceived):
        what, facts = "redirect_received", _redirect(event)
    elif isinstance(event, CallFinished):
        who = event.answered_by
        party = who and {"kind": who.kind, "id": masked_id(who.id), "display_name": who.display_name}
        what, facts = (
            "call_finished",
            {"ending": event.ending, "answered_by": party, "problem": event.problem},
        )
    elif isinstance(event, CallFailed):
        what, facts = "call_failed", {"problem": event.problem}
    elif isinstance(event, CallRang):
        what, facts = "rang", {"name": event.name, "url": event.url, "window": event.window}
    else:
        what, facts = type(event).__name__, {}
    return {"call_id": event.call_id, "at": round(event.at, 6), "what": what, **facts}


def _redirect(event: RedirectReceived) -> dict[str, Any]:
    redirect = event.redirect
    violations = [
        {"code": fault.code, "path": fault.path, "message": fault.message, "severity": fault.severity}
        for fault in redirect.violations
    ]
    return {
        "status": redirect.status,
        "accepted": redirect.accepted,
        "code": redirect.code,
        "message": redirect.message,
        "api_version": redirect.api_version,
        "fault": redirect.fault,
        "targets": _targets(redirect.body),
        "violations": violations,
    }


def _targets(body: bytes) -> list[dict[str, Any]]:
    """Who is to ring, out of a redirect that may be anything."""
    try:
        return [_party(target["identity"]) for target in json.loads(body)["targets"]]
    except (ValueError, LookupError, TypeError, AttributeError, StopIteration, RecursionError):
        return []


def _party(identity: dict[str, Any]) -> dict[str, Any]:
    kind, who = next((kind, who) for kind, who in identity.items() if isinstance(who, dict))
    return {"kind": kind, "id": masked_id(str(who.get("id"))), "display_name": who.get("displayName")}


def masked_id(text: str) -> str:
    """An id, with digits starred out if it is a telephone number."""
    return masked(f'"{text}"')[1:-1]


def who(party: dict[str, Any]) -> str:
    """A party in words."""
    name = f' "{party["display_name"]}"' if party.get("display_name") else ""
    return plain(f"{party['kind']} {masked_id(str(party['id']))}{name}")


def line(out: Terminal, step: dict[str, Any]) -> str:
    """What happened, in words."""
    what = step["what"]
    if what == "rang":
        return "the telephone rings"
    if what == "notification_sent":
        return f"notification: {step['change_type']}, {step['state']}{_faults(out, step['faults'])}"
    if what == "bot_replied":
        if step["status"] is None:
            return out.paint(f"no answer from the bot: {plain(step['problem'] or 'it said nothing')}", "red")
        good = 200 <= step["status"] < 300
        return out.paint(f"bot answered {step['status']}", *(() if good else ("red",)))
    if what == "redirect_received":
        return _redirect_line(out, step)
    if what == "call_finished":
        by = f" by {who(step['answered_by'])}" if step["answered_by"] else ""
        return out.paint(f"ended: {_ENDINGS.get(step['ending'], step['ending'])}{by}", "bold")
    problem = step.get("problem")
    return out.paint(plain(problem or what), *(("red",) if problem else ()))


def _redirect_line(out: Terminal, step: dict[str, Any]) -> str:
    parties = step["targets"]
    more = f" and {len(parties) - 1} more" if len(parties) > 1 else ""
    to = who(parties[0]) + more if parties else "nobody that can be read"
    faults = _faults(out, [step["fault"]] if step["fault"] else [])
    if step["accepted"]:
        return out.paint(f"redirect to {to}: accepted", "green") + faults
    answer = (
        "left unanswered"
        if step["status"] is None
        else f"refused, {step['status']} {step['code'] or ''}".strip()
    )
    return out.paint(f"redirect to {to}: {answer}", "red") + faults


def _faults(out: Terminal, names: list[str]) -> str:
    return out.paint(f"  [{', '.join(names)}]", "magenta") if names else ""


def bar(out: Terminal, seconds: float, limit: float = LIMIT) -> str:
    """How much of Graph's patience was used."""
    share = min(seconds / limit, 1.0)
    used = max(1, round(share * _BAR))
    colour = "green" if share < 0.5 else "yellow" if share < 0.85 else "red"
    return out.paint("█" * used, colour) + out.paint("░" * (_BAR - used), "dim")
