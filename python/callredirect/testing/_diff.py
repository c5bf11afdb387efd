"""Two redirects that should be equal, field by field. Telephone numbers stay masked but for one digit that differs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from callredirect._native import Redirect, Target
from callredirect.testing._redirects import Redirects

FIELDS = (
    "timeout",
    "callback_uri",
    "mask_callee",
    "mask_caller",
    "routing_policies",
    "target_disposition",
    "extra",
)
TARGET_FIELDS = (
    "kind",
    "id",
    "display_name",
    "tenant_id",
    "endpoint_type",
    "extra",
    "participant_extra",
    "identity_set_extra",
)


def explain(left: object, right: object) -> list[str] | None:
    """Lines for pytest to show; `None` for anything but redirects."""
    match left, right:
        case Redirect(), Redirect():
            return [f"{left!r} == {right!r}", *_redirect("", ("left", left), ("right", right))]
        case Redirects(), Sequence():
            return [f"{left!r} == {right!r}", *_lists(left.peek(), list(right)), *_refused(left)]
        case Sequence(), Redirects():
            return [f"{left!r} == {right!r}", *_lists(right.peek(), list(left)), *_refused(right)]
        case _:
            return None


def _lists(sent: list[Redirect], expected: list[Any]) -> list[str]:
    if len(sent) == len(expected) and all(redirect in expected for redirect in sent):
        return ["the same redirects in another order"]
    lines: list[str] = []
    for place, (one, other) in enumerate(zip(sent, expected, strict=False)):
        if isinstance(other, Redirect):
            lines += _redirect(f"redirects[{place}].", ("sent", one), ("expected", other))
        else:
            lines.append(f"redirects[{place}]: a {type(other).__name__} is expected, which is no Redirect")
    common = min(len(sent), len(expected))
    lines += [f"sent and not expected: {redirect!r}" for redirect in sent[common:]]
    lines += [f"expected and not sent: {redirect!r}" for redirect in expected[common:]]
    return lines


def _refused(redirects: Redirects) -> list[str]:
    refused = [received for received in redirects.received if not received.accepted]
    return [f"Graph refused: {received!r} {received.message or ''}".rstrip() for received in refused]


def _redirect(path: str, one: tuple[str, Redirect], other: tuple[str, Redirect]) -> list[str]:
    (name, left), (other_name, right) = one, other
    lines = _targets(path, (name, left.targets), (other_name, right.targets))
    for field in FIELDS:
        values = getattr(left, field), getattr(right, field)
        if values[0] != values[1]:
            shown = _uris(*values) if field == "callback_uri" else _shown(*values)
            lines.append(f"{path}{field}: {name} {shown[0]}, {other_name} {shown[1]}")
    return lines


def _targets(
    path: str, one: tuple[str, tuple[Target, ...]], other: tuple[str, tuple[Target, ...]]
) -> list[str]:
    (name, left), (other_name, right) = one, other
    if left != right and len(left) == len(right) and set(left) == set(right):
        return [f"{path}targets: the same in another order"]
    lines: list[str] = []
    for place, (mine, theirs) in enumerate(zip(left, right, strict=False)):
        for field in TARGET_FIELDS:
            values = getattr(mine, field), getattr(theirs, field)
            if values[0] != values[1]:
                shown = _shown(*values)
                lines.append(f"{path}targets[{place}].{field}: {name} {shown[0]}, {other_name} {shown[1]}")
    common = min(len(left), len(right))
    lines += [f"{path}targets: {name} has {target!r}, {other_name} not" for target in left[common:]]
    lines += [f"{path}targets: {other_name} has {target!r}, {name} not" for target in right[common:]]
    return lines


def _shown(left: Any, right: Any) -> tuple[str, str]:
    shown = [_masked(left), _masked(right)]
    if shown[0] == shown[1] and isinstance(left, str) and isinstance(right, str):
        # One more digit tells them apart.
        place = next(
            place for place, (one, other) in enumerate(zip(left, right, strict=True)) if one != other
        )
        shown = [
            mask[:place] + value[place] + mask[place + 1 :]
            for mask, value in zip(shown, (left, right), strict=True)
        ]
    return repr(shown[0]), repr(shown[1])


def _masked(value: Any) -> Any:
    if not isinstance(value, str) or not value.startswith("+"):
        return value
    return "+" + "*" * (len(value) - 3) + value[-2:] if len(value) > 3 else value


def _uris(left: str | None, right: str | None) -> tuple[str, str]:
    shown = _without_keys(left), _without_keys(right)
    if shown[0] == shown[1]:
        return shown[0] + " with one query", shown[1] + " with another"
    return shown


def _without_keys(uri: str | None) -> str:
    if uri is None:
        return "None"
    shown = repr(Redirect([], callback_uri=uri))
    return shown.partition("callback_uri=")[2].removesuffix(")")
