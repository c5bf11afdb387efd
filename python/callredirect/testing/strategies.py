"""Strategies for hypothesis: notifications as Teams sends them, or nearly so, and redirects that Graph takes.

What goes over the wire is drawn as JSON, ready for a request or for ``incoming_call``; the rest in the package's types.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

from callredirect import Call, Redirect, Target

try:
    from hypothesis import strategies as st
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "callredirect.testing.strategies needs hypothesis: pip install hypothesis", name=error.name
    ) from error

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hypothesis.strategies import DrawFn, SearchStrategy

    from callredirect.testing._scripts import Party

__all__ = ["calls", "identities", "notifications", "redirects", "targets"]

Json = dict[str, Any]
Kind = Literal["user", "application", "phone"]

UPDATES = ("establishing", "established", "hold", "transferring", "redirecting", "terminating")
OPERATIONS = ("playPromptOperation", "recordOperation", "muteParticipantOperation", "commsOperation")

# Members whose value is one of a fixed set, which Teams writes in other cases at times, and extends.
ENUMS = ("changeType", "state", "direction", "status", "endpointType")

UNKNOWN = 8
"""The place of a member that nobody knows."""

# Not st.uuids(): those do not shrink, and a failure is easier to read with ids that end in 1.
_ids = st.integers(0, 2**128 - 1).map(lambda number: str(UUID(int=number)))
_names = st.text(max_size=20)
_unknown_names = st.text("xyz-@.", min_size=1, max_size=4)
# What becomes of the members of an object, by their places in it. Most places are beyond its end.
_fates = st.dictionaries(st.integers(0, UNKNOWN), st.sampled_from(("other", "null", "gone")), max_size=3)
_phones = st.from_regex(r"\+[1-9][0-9]{6,14}", fullmatch=True)

_named = st.fixed_dictionaries({"id": _ids}, optional={"displayName": _names, "tenantId": _ids})
_opaque = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=20, max_size=44)
_identities: SearchStrategy[Party] = st.one_of(
    *(
        st.fixed_dictionaries({kind: _named})
        for kind in ("user", "application", "applicationInstance", "guest")
    ),
    st.fixed_dictionaries({"phone": st.fixed_dictionaries({"id": _phones})}),
    st.fixed_dictionaries({"encrypted": st.fixed_dictionaries({"id": _opaque})}),
)
_parties = st.fixed_dictionaries(
    {"identity": _identities}, optional={"region": st.just("amer"), "endpointType": st.just("default")}
)


def _target(make: Callable[..., Target], ids: SearchStrategy[str]) -> SearchStrategy[Target]:
    return st.tuples(ids, st.none() | _names, st.none() | _ids).map(
        lambda drawn: make(drawn[0], display_name=drawn[1], tenant_id=drawn[2])
    )


_targets: Mapping[Kind, SearchStrategy[Target]] = {
    "user": _target(Target.user, _ids),
    "application": _target(Target.application, _ids),
    "phone": _target(Target.phone, _phones),
}


def identities() -> SearchStrategy[Party]:
    """Identity sets with one identity, of every kind that rings a bot: for ``source=`` and ``targets=`` of a call."""
    return _identities


def calls(*, messy: bool = False) -> SearchStrategy[Call]:
    """Calls that ring a bot. Messy ones are as those of `notifications`."""
    return _messed(_call("incoming"), messy).map(Call.from_dict)


def notifications(*, messy: bool = False) -> SearchStrategy[Json]:
    """Bodies of a webhook, as ``json.loads`` gives them: for ``callredirect.parse``, or with ``json.dumps`` for a bot.

    They tell of calls that come, change and end, of participants and of operations. Messy ones are what Teams is known
    to send as well: partial, with nulls, numbers as text, enumerations in PascalCase or with members that nobody
    knows, and unknown members anywhere. All of them can be parsed.
    """
    items = st.one_of(
        _item("created", "", _call("incoming")),
        _item("deleted", "", _call("terminated", resultInfo=_results())),
        _item("updated", "", _call(*UPDATES)),
        _item("updated", "/participants", st.lists(_participant(), max_size=3)),
        _item("deleted", "/operations/0", _operation()),
    )
    return st.fixed_dictionaries(
        {"value": st.lists(_messed(items, messy), min_size=1, max_size=3)},
        optional={"@odata.type": st.just("#microsoft.graph.commsNotifications")},
    )


def targets(*, kinds: tuple[Kind, ...] = ("user", "application", "phone")) -> SearchStrategy[Target]:
    """Targets that Graph takes."""
    return st.one_of(*(_targets[kind] for kind in kinds))


def redirects(*, api_version: Literal["v1.0", "beta"] = "beta") -> SearchStrategy[Redirect]:
    """Redirects that break no rule of this version, not even one that is only warned of."""
    several = st.lists(
        targets(kinds=("user", "application")),
        min_size=1,
        max_size=25,
        unique_by=lambda target: (target.kind, target.id),
    )
    path = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", max_size=12)
    mask = st.none() | st.booleans()
    options: dict[str, SearchStrategy[Any]] = {
        "timeout": st.none() | st.integers(15, 90),
        "callback_uri": st.none() | path.map("https://bot.contoso.com/".__add__),
    }
    if api_version == "beta":
        options |= {"mask_callee": mask, "mask_caller": mask}
    # No documentation says whether a telephone may ring beside others.
    return st.builds(Redirect, several | targets(kinds=("phone",)).map(lambda target: [target]), **options)


def _call(*states: str, **more: SearchStrategy[Any]) -> SearchStrategy[Json]:
    return st.fixed_dictionaries(
        {
            "@odata.type": st.just("#microsoft.graph.call"),
            "id": _ids,
            "state": st.sampled_from(states),
            "direction": st.just("incoming"),
            "source": _parties,
            "targets": st.lists(_parties, min_size=1, max_size=2),
            "tenantId": _ids,
            **more,
        },
        optional={
            "callbackUri": st.just("https://bot.contoso.com/api/calls"),
            "callChainId": _ids,
            "myParticipantId": _ids,
            "subject": _names,
        },
    )


def _participant() -> SearchStrategy[Json]:
    return st.fixed_dictionaries(
        {
            "@odata.type": st.just("#microsoft.graph.participant"),
            "id": _ids,
            "info": st.fixed_dictionaries({"identity": _identities}),
            "isMuted": st.booleans(),
            "isInLobby": st.booleans(),
        }
    )


def _operation() -> SearchStrategy[Json]:
    return st.fixed_dictionaries(
        {
            "@odata.type": st.sampled_from(OPERATIONS).map("#microsoft.graph.".__add__),
            "id": _ids,
            "status": st.sampled_from(("completed", "failed")),
            "clientContext": _names,
            "resultInfo": _results(),
        }
    )


def _results() -> SearchStrategy[Json]:
    return st.fixed_dictionaries(
        {"code": st.sampled_from((200, 408, 480, 500)), "subcode": st.integers(0, 600_000)},
        optional={"message": _names},
    )


def _item(change: str, below: str, data: SearchStrategy[Any]) -> SearchStrategy[Json]:
    def item(drawn: tuple[str, Any]) -> Json:
        call_id, resource_data = drawn
        if not below:  # a call's own notification names its id twice
            call_id = resource_data["id"]
        return {
            "@odata.type": "#microsoft.graph.commsNotification",
            "changeType": change,
            "resourceUrl": f"/communications/calls/{call_id}{below}",
            "resourceData": resource_data,
        }

    return st.tuples(_ids, data).map(item)


def _messed(strategy: SearchStrategy[Json], messy: bool) -> SearchStrategy[Json]:
    return _made_messy(strategy) if messy else strategy


@st.composite
def _made_messy(draw: DrawFn, strategy: SearchStrategy[Json]) -> Json:
    messed: Json = _mess(draw, draw(strategy))
    return messed


def _mess(draw: DrawFn, value: Any) -> Any:
    """Does as Teams does here and there, and shrinks to leaving things as they are."""
    if isinstance(value, list):
        return [_mess(draw, entry) for entry in value]
    if not isinstance(value, dict):
        return value
    fates = draw(_fates)
    messed: Json = {}
    for place, (name, entry) in enumerate(value.items()):
        match fates.get(place):
            case None:
                messed[name] = _mess(draw, entry)
            case "other":
                messed[name] = draw(_otherwise(name, entry))
            case "null":
                messed[name] = None
            case _:
                pass
    if UNKNOWN in fates:
        messed[draw(_unknown_names)] = draw(_anything)
    return messed


def _otherwise(name: str, entry: Any) -> SearchStrategy[Any]:
    """The same said in another way, or something of another kind where there is none."""
    if name in ENUMS:
        return st.sampled_from((entry[:1].upper() + entry[1:], "somethingNew"))
    if isinstance(entry, int):
        return st.just(str(entry))
    return _anything


_anything: SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | _names,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_names, inner, max_size=2),
    max_leaves=4,
)
