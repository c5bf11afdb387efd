"""What a test is told when it broke a rule: what happened, what it may have been about, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callredirect._native import Redirect

if TYPE_CHECKING:
    from collections.abc import Sequence

    from callredirect._native import ReceivedRedirect, RungCall
    from callredirect.testing._redirects import Redirects


def ringing(count: int) -> str | None:
    """Calls that the test did not wait for."""
    if not count:
        return None
    return _paragraph(
        f"{_counted(count, 'call is', 'calls are')} still ringing at the end of the test",
        [],
        "Wait for what you rang: await the coroutine, or join the thread.",
    )


def not_redirected(rung: Sequence[RungCall], received: Sequence[ReceivedRedirect]) -> str | None:
    """Calls that the bot did not redirect."""
    lost = [f"{_name(call)}: {call.problem}" for call in rung if call.problem is not None]
    if not lost:
        return None
    return _paragraph(
        f"{_counted(len(lost), 'call was', 'calls were')} rung and not redirected",
        lost,
        _listed("Graph got these redirects", [_answered(redirect) for redirect in received])
        if received
        else "Graph got no redirect at all.",
        _cure(
            "incoming_call(..., redirected=False) if the bot is to leave the call alone, redirected=None if it may",
            "assert_all_calls_redirected",
        ),
    )


def left_alone(rung: Sequence[RungCall]) -> str | None:
    """Calls that the bot redirected, though the test said that it does not."""
    sent = [
        f"{_name(call)}: {Redirect.from_dict(call.redirect)}" for call in rung if call.redirect is not None
    ]
    if not sent:
        return None
    return _paragraph(
        f"{_counted(len(sent), 'call was', 'calls were')} redirected that should be left alone",
        sent,
        "The test rang with redirected=False; leave that out if the bot is right.",
    )


def unexpected(received: Sequence[ReceivedRedirect], rung: Sequence[str]) -> str | None:
    """Redirects that Graph refused, or that are not the first of their call."""
    first: dict[str, ReceivedRedirect] = {}
    wrong: list[str] = []
    for redirect in received:
        call = redirect.call_id.replace("-", "").lower()  # Graph takes an id in any of its forms
        before = first.get(call)
        if redirect.accepted:
            first.setdefault(call, redirect)
        # What went wrong on purpose is no fault of the bot's.
        if redirect.fault is None and (before is not None or not redirect.accepted):
            wrong.append(f"{_answered(redirect)}{_why(redirect, before)}")
    if not wrong:
        return None
    return _paragraph(
        f"{_counted(len(wrong), 'redirect was', 'redirects were')} not to be expected",
        wrong,
        *([_listed("these calls were rung", rung)] if rung else []),
        _cure(None, "assert_all_redirects_expected"),
    )


def unlooked(redirects: Redirects) -> str | None:
    """Redirects that the test asked for and did not look at."""
    places = redirects.unlooked()
    if places == []:
        return None
    sent = redirects.peek()
    places = list(range(len(sent))) if places is None else places
    return _paragraph(
        f"the test asked for redirects and did not look at {len(places)} of {len(sent)}"
        if sent
        else "the test asked for redirects and did not look whether there are any",
        [f"redirects[{place}]: {sent[place]}" for place in places],
        "Compare them, as in assert redirects == [...], or do without the fixture; or "
        "@pytest.mark.callredirect(assert_all_redirects_checked=False).",
    )


def _why(redirect: ReceivedRedirect, before: ReceivedRedirect | None) -> str:
    if before is not None:
        return f"; the call had been redirected{_after(before)}"
    if redirect.after is None:
        return "; no call of this id was ringing then: it is over, or another one"
    return ""


def _answered(redirect: ReceivedRedirect) -> str:
    answer = " ".join(str(part) for part in (redirect.status, redirect.code) if part is not None)
    answer = answer or "left unanswered"
    if redirect.fault is not None:
        answer += f" on purpose ({redirect.fault})"
    message = f": {redirect.message}" if redirect.message else ""
    return f"call {redirect.call_id}{_after(redirect)}: {answer}{message}"


def _after(redirect: ReceivedRedirect) -> str:
    return "" if redirect.after is None else f" after {redirect.after:.3f} s"


def _name(call: RungCall) -> str:
    return f"call {call.call_id}" + (f" ({call.name})" if call.name else "")


def _counted(count: int, one: str, several: str) -> str:
    return f"{count} {one if count == 1 else several}"


def _listed(title: str, lines: Sequence[str]) -> str:
    return "\n".join([f"{title}:", *(f"  - {line}" for line in lines)])


def _cure(instead: str | None, rule: str) -> str:
    off = f"@pytest.mark.callredirect({rule}=False)"
    return f"If that is right: {instead}; or {off}." if instead else f"If that is right: {off}."


def _paragraph(title: str, items: Sequence[str], *more: str) -> str:
    heading = f"callredirect: {title}"
    lines = [_listed(heading, items) if items else f"{heading}.", *more]
    return "\n".join(line[:1].upper() + line[1:] if place else line for place, line in enumerate(lines))
