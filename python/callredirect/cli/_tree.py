"""A notification as a tree of the package's own names: what is shown as ``source`` is ``call.source``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import callredirect as cr
from callredirect._native import JsonObject

from ._terminal import masked, plain

if TYPE_CHECKING:
    from ._terminal import Terminal

_FIRST = ("id", "state", "status", "kind", "direction", "source", "targets", "tenant_id", "subject")
_DERIVED = {"deadline", "ended", "odata_type", "raw", "reason", "info", "change_type", "resource_url"}
"""What other lines say, or nobody sent."""
_SECRET = {"recording_access_token", "passcode", "join_web_url", "token"}


def branches(out: Terminal, item: Any, *, unmask: bool, indent: str = "") -> None:
    """Prints what an object has, one branch for each attribute that is filled in."""
    fields = _fields(item)
    width = max((len(name) for name, _ in fields), default=0)
    for number, (name, value) in enumerate(fields, 1):
        last = number == len(fields)
        line = _line(value, name, unmask=unmask)
        lead = indent + ("└─ " if last else "├─ ")
        below = indent + ("   " if last else "│  ")
        label = out.paint(f"{plain(name):<{width}}" if line else plain(name), "cyan")
        out.say(f"{out.paint(lead, 'dim')}{label}{f'  {line}' if line else ''}".rstrip())
        if _deeper(value):
            branches(out, value, unmask=unmask, indent=below)


def identity_line(identity: cr.Identity | None, *, unmask: bool) -> str:
    """Who, in one line."""
    if identity is None:
        return ""
    name = identity.display_name
    number = identity.id if unmask or not identity.id else masked(f'"{identity.id}"')[1:-1]
    if identity.kind == "phone" and not unmask:
        name = None  # of somebody who is masked
    return plain(" ".join(filter(None, (identity.kind, number, name and f'"{name}"'))))


def _fields(item: Any) -> list[tuple[str, Any]]:
    if isinstance(item, dict):
        return [(name, value) for name, value in item.items() if not name.startswith("@")]
    if isinstance(item, (tuple, list)):
        return [(f"[{index}]", value) for index, value in enumerate(item)]
    if isinstance(item, cr.Identity):
        return [("tenant_id", item.tenant_id)] * bool(item.tenant_id) + _extra(item)
    if isinstance(item, cr.Notification):
        inside = getattr(item, "call", None) or getattr(item, "operation", None)
        if inside is not None:
            return _fields(inside)
        people = getattr(item, "participants", None)
        return _fields(people) if people else _fields(item.to_dict())
    names = [name for name in dir(item) if not name.startswith("_") and name not in _DERIVED]
    names = [name for name in names if not callable(getattr(type(item), name))]
    names.sort(key=lambda name: (_FIRST.index(name) if name in _FIRST else len(_FIRST), name))
    found = [(name, getattr(item, name)) for name in names if name not in ("extra", "identity")]
    who = _fields(item.identity) if getattr(item, "identity", None) else []
    if isinstance(item, cr.Participant) and item.info:
        who = _fields(item.info)
    return [(name, value) for name, value in who + found if value not in (None, (), {}, "")] + _extra(item)


def _extra(item: Any) -> list[tuple[str, Any]]:
    return [("extra", item.extra)] if item.extra else []


def _line(value: Any, name: str, *, unmask: bool) -> str:
    """What stands behind the name itself."""
    if isinstance(value, cr.Identity):
        return identity_line(value, unmask=unmask)
    if isinstance(value, (cr.ParticipantInfo, cr.Participant)):
        return identity_line(value.identity, unmask=unmask)
    if isinstance(value, cr.ResultInfo) and value.reason:
        return plain(value.reason)
    if isinstance(value, (JsonObject, dict)):
        return ""
    if isinstance(value, (tuple, list)):
        simple = not any(map(_deeper, value))
        return ", ".join(_line(item, name, unmask=unmask) for item in value) if simple else ""
    if not unmask and name in _SECRET:
        return "***"
    if isinstance(value, bool):
        return str(value)
    text = value if isinstance(value, str) else str(value)
    return plain(text if unmask else masked(f'"{text}"')[1:-1])


def _deeper(value: Any) -> bool:
    """Whether it has branches of its own."""
    if isinstance(value, (tuple, list)):
        return any(map(_deeper, value))
    return isinstance(value, (JsonObject, dict)) and bool(_fields(value))
