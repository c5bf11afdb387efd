"""Values: equal, hashable, copied, pickled, matched, shown and replaced, alike for every parsed class."""

from __future__ import annotations

import copy
import gc
import json
import pickle
import sys
import time
from collections import ChainMap, OrderedDict
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import callredirect as cr
from callredirect.testing import Simulator
from kinds import DERIVED, EVENTS, TABLES, Many, One, full, sample, wrapped
from test_redirector import TENANT, bot_for, deliver

CALL_1 = "491f0b00-ffff-4bc9-a43e-b226498ec22a"
URL = f"/communications/calls/{CALL_1}"
PHONE = "+12345678901"
FIELDS = [(name, attribute) for name, table in TABLES.items() for attribute in table]

NOTES: dict[str, dict[str, Any]] = {
    "IncomingCall": {"changeType": "created", "resourceData": {"state": "incoming"}},
    "CallUpdated": {"changeType": "updated", "resourceData": {"state": "established"}},
    "CallEnded": {"changeType": "deleted", "resourceData": {"state": "terminated"}},
    "ParticipantsChanged": {
        "changeType": "updated",
        "resourceUrl": f"{URL}/participants",
        "resourceData": [{}],
    },
    "ContentSharingChanged": {"changeType": "created", "resourceUrl": f"{URL}/contentsharingsessions"},
    "OperationUpdated": {"changeType": "updated", "resourceUrl": f"{URL}/operations/1", "resourceData": {}},
    "OperationEnded": {"changeType": "deleted", "resourceUrl": f"{URL}/operations/1", "resourceData": {}},
    "OtherNotification": {"changeType": "updated", "resourceUrl": f"{URL}/lobby"},
}


def note(name: str, **more: object) -> Any:
    return getattr(cr, name).from_dict({"resourceUrl": URL, **NOTES[name], **more})


def made(name: str) -> Any:
    """An object of that class with all that it can have."""
    if name == "Notifications":
        return cr.parse([note(one).to_dict() for one in NOTES])
    return note(name, more={"x": 1.50}) if name in NOTES else getattr(cr, name).from_dict(full(name))


def replaced(value: Any, **changes: Any) -> Any:
    """`copy.replace` calls this, and only from Python 3.13 on."""
    result = value.__replace__(**changes)
    if sys.version_info >= (3, 13):
        assert copy.replace(value, **changes) == result
    assert type(result) is type(value)
    return result


def test_there_is_a_note_of_every_event() -> None:
    assert set(NOTES) == set(EVENTS)


# Equal, hashable, copied, pickled


@pytest.mark.parametrize("name", [*TABLES, *EVENTS, "Notifications"])
def test_values(name: str) -> None:
    value, twin = made(name), made(name)
    kind = type(value)
    copies = [pickle.loads(pickle.dumps(value, protocol)) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)]
    for other in (*copies, twin, copy.copy(value), copy.deepcopy(value), *copy.deepcopy([value])):
        assert type(other) is kind
        assert other == value and not other != value and hash(other) == hash(value)  # noqa: SIM202
        assert repr(other) == repr(value)
        assert {value: 1}[other] == 1
    for other in (None, 7, name, {}, value.__class__, object()):
        assert value != other
    if name != "Notifications":
        assert (
            value.to_dict() == twin.to_dict()
            and pickle.loads(pickle.dumps(value)).to_json() == value.to_json()
        )
        assert kind.from_dict(value.to_dict()) == value
        assert kind.from_dict({**value.to_dict(), "another": 1}) != value
    with pytest.raises(AttributeError):
        value.another = 1
    with pytest.raises(TypeError):
        kind()
    with pytest.raises(TypeError):
        sorted([value, twin])
    assert kind.__module__ == "callredirect" and kind.__qualname__ == kind.__name__ == name


@pytest.mark.parametrize("name", TABLES)
def test_classes_differ_whatever_they_hold(name: str) -> None:
    for other in TABLES:
        assert (getattr(cr, name).from_json("{}") == getattr(cr, other).from_json("{}")) == (name == other)


@pytest.mark.parametrize(("name", "attribute"), FIELDS)
def test_attributes_are_matched_by_keyword_and_never_set(name: str, attribute: str) -> None:
    value = made(name)
    match value:
        case cr.Call(state="terminated", ended=True):
            assert name == "Call"
        case cr.Operation(status="idle"):
            assert name == "Operation"
        case cr.Identity(kind="user", id="text"):
            assert name == "Identity"
        case _:
            assert name not in ("Call", "Operation", "Identity")
    with pytest.raises(AttributeError):
        setattr(value, attribute, 1)
    with pytest.raises(AttributeError):
        delattr(value, attribute)


def test_an_attribute_outlives_what_it_was_read_from() -> None:
    roster = cr.parse([note("ParticipantsChanged", resourceData=[full("Participant", 2)]).to_dict()])
    event: Any = roster[0]
    identity = event.participants[0].info.identity
    del roster, event
    gc.collect()
    assert identity.id == "text"


@pytest.mark.parametrize("name", [*TABLES, *EVENTS])
def test_from_dict_takes_any_mapping(name: str) -> None:
    value = made(name)
    for mapping in (
        MappingProxyType(value.to_dict()),
        OrderedDict(value.to_dict()),
        ChainMap(value.to_dict()),
    ):
        assert type(value).from_dict(mapping) == value
    not_mappings: list[Any] = [value.to_json(), [], None, 7, value.to_dict().items()]
    for wrong in not_mappings:
        with pytest.raises((cr.ParseError, TypeError)):
            type(value).from_dict(wrong)


# Secrets and phone numbers

SECRET = "s3cr3t"
DIGITS = PHONE[2:-2]


def read_state(name: str) -> str:
    data: Any = NOTES[name].get("resourceData")
    return data.get("state", "hold") if isinstance(data, dict) else "hold"


def with_secrets() -> dict[str, Any]:
    """Objects with something to hide in every place that is shown."""
    person = {"identity": {"phone": {"id": PHONE, "displayName": PHONE}}, "region": "amer"}
    meeting = {"token": SECRET, "passcode": SECRET, "joinMeetingId": "1", "organizer": person["identity"]}
    metadata = {
        "botData": {"user": SECRET},
        "deep": [{"botData": SECRET, "passcode": SECRET, "from": f"tel:{PHONE}"}],
    }
    operation = {
        "status": "completed", "recordingAccessToken": SECRET, "recordResourceAccessToken": SECRET,
        "participants": [person], "prompts": [{"token": SECRET}],
        "resultInfo": {"code": 200, "message": f"dialled {PHONE}"},
    }  # fmt: skip
    call = {
        "meetingInfo": meeting, "applicationMetadata": metadata, "subject": f"call {PHONE} back",
        "mediaConfig": {"blob": SECRET, "x": [PHONE]}, "source": person, "coOrganizers": [person["identity"]],
        "replacesContext": {PHONE: PHONE}, "operations": [operation], "terminationSender": person["identity"],
        "state": "incoming", "callRoutes": [{"original": person["identity"], "final": person["identity"]}],
    }  # fmt: skip
    roster = [{"info": person, "metadata": PHONE, "publishedStates": {"token": SECRET, "phone": PHONE}}]
    read: dict[str, Any] = {
        "MeetingInfo": cr.MeetingInfo.from_dict(meeting),
        "Operation": cr.Operation.from_dict(operation),
        "old Operation": cr.Operation.from_dict({"recordResourceAccessToken": SECRET}),
        "Call": cr.Call.from_dict(call),
        "Participant": cr.Participant.from_dict(roster[0]),
        "Notifications": cr.parse([note("IncomingCall", resourceData=call).to_dict()]),
    }
    for name in NOTES:
        data: object = roster if name == "ParticipantsChanged" else {**call, "state": read_state(name)}
        if "Operation" in name:
            data = {**operation, "status": "running" if name == "OperationUpdated" else "failed"}
        read[name] = note(name, resourceData=data, token=SECRET, botData=SECRET, problem=PHONE)
    return read


@pytest.mark.parametrize("name", with_secrets())
def test_no_repr_shows_a_secret_or_a_phone_number(name: str) -> None:
    value = with_secrets()[name]
    for shown in (repr(value), str(value), f"{value}", repr([value]), repr({"x": value})):
        assert SECRET not in shown and DIGITS not in shown, shown
        assert shown.isprintable()


def test_what_is_hidden_is_seen_to_be_there() -> None:
    shown = with_secrets()
    assert repr(shown["MeetingInfo"]).endswith("join_meeting_id='1', passcode='***', token='***')")
    assert repr(shown["old Operation"]) == "Operation(recording_access_token='***')"
    assert "application_metadata={'botData': '***', 'deep': [{'botData': '***'" in repr(shown["Call"])
    assert "media_config={'blob': '***', 'x': ['+*********01']}" in repr(shown["Call"])
    assert repr(cr.MeetingInfo.from_dict({"token": None, "passcode": None})) == "MeetingInfo()"
    # Whoever asks for one gets it.
    assert shown["MeetingInfo"].token == shown["MeetingInfo"].passcode == SECRET
    assert shown["Operation"].recording_access_token == SECRET
    assert shown["Call"].application_metadata["botData"] == {"user": SECRET}


async def test_a_tracked_call_shows_no_secret() -> None:
    secrets = with_secrets()["Call"].to_dict()
    with Simulator() as graph:
        tracked = await deliver(
            graph,
            bot_for(graph),
            {"changeType": "created", "resourceUrl": URL, "resourceData": {**secrets, "tenantId": TENANT}},
        )
    assert tracked.call and tracked.call.meeting_info and tracked.call.meeting_info.token == SECRET
    assert tracked.outcome
    for shown in (repr(tracked), str(tracked), repr(tracked.call), repr(tracked.outcome)):
        assert SECRET not in shown and DIGITS not in shown, shown


# Replaced


@pytest.mark.parametrize(("name", "attribute"), FIELDS)
def test_replace_each_attribute(name: str, attribute: str) -> None:
    wire, kind = TABLES[name][attribute]
    start = getattr(cr, name).from_dict(wrapped(name, {"before": 1, wire: "old", "after": None}))
    values: list[Any] = [sample(kind), None, "new", [], 2**70, True]
    for value in values:
        result = replaced(start, **{attribute: value})
        expected = {"before": 1, wire: value, "after": None}
        if value is None:
            del expected[wire]
        assert result.to_dict() == wrapped(name, expected)
        assert list(expected) == list(result.to_dict()["user"] if name == "Identity" else result.to_dict())
    # One that was not there comes last; one that is of our own classes goes in as it came.
    bare = getattr(cr, name).from_dict(wrapped(name, {"before": 1}))
    if isinstance(kind, One):
        value = made(kind)
        assert getattr(replaced(bare, **{attribute: value}), attribute) == value
    if isinstance(kind, Many):
        item = made(kind)
        for several in ([item, item], (item,), [item, item.to_dict()], [item.to_dict()]):
            result = getattr(replaced(bare, **{attribute: several}), attribute)
            assert result == (item,) * len(several)
    assert replaced(bare, **{attribute: "new"}).to_dict() == wrapped(name, {"before": 1, wire: "new"})
    assert replaced(replaced(bare, **{attribute: "new"}), **{attribute: None}) == bare


def test_replace_keeps_the_rest_as_it_came() -> None:
    text = (
        '{ "x" : 1.50, "state":"incoming" ,"n":123456789012345678901234567890, "\\u0061b": [1E2,  null],'
        '"targets":[{"identity":{"user":{"id":"u"}}}],"state":"hold","z":"\\ud83d"}'
    )
    call = cr.Call.from_json(text)
    result = replaced(call, state="terminated", call_chain_id="c", direction=None)
    assert result.to_json() == (
        '{"x":1.50,"state":"terminated","n":123456789012345678901234567890,"\\u0061b":[1E2,  null],'
        '"targets":[{"identity":{"user":{"id":"u"}}}],"z":"\\ud83d","callChainId":"c"}'
    )
    assert (result.state, result.ended, call.state) == ("terminated", True, "hold")
    assert replaced(call) == call
    info = cr.ParticipantInfo.from_json('{"region":"\\u0061mer",  "n":1.0}')
    assert replaced(call, source=info).source.to_json() == info.to_json()
    assert replaced(call, targets=(info,)).targets[0].to_json() == info.to_json()
    # Deeper inside, they go in as values.
    nested = replaced(call, media_config={"a": [{"b": info}]})
    assert nested.media_config == {"a": [{"b": {"region": "amer", "n": 1.0}}]}


def test_replace_the_id_of_a_call_whose_id_stood_in_the_url() -> None:
    call = note("CallUpdated").call
    assert call.id == CALL_1 and "id" not in call.to_dict()
    assert replaced(call, state="hold").id == CALL_1
    assert replaced(call, id="x").id == "x"
    assert replaced(call, id=None).id is None


def test_replace_keeps_the_deadline() -> None:
    now = time.monotonic()
    event: Any = cr.parse([note("IncomingCall").to_dict()], received_at=now - 14)[0]
    assert replaced(event.call, state="hold").deadline.remaining == 0
    assert replaced(event, call=event.call).call.deadline.remaining == 0


def test_replace_extra() -> None:
    call = cr.Call.from_json('{"x":1.50,"state":"hold","y":2,"@odata.type":"#t"}')
    result = replaced(call, extra={**call.extra, "z": [None], "y": None})
    assert result.to_json() == '{"x":1.50,"state":"hold","y":null,"@odata.type":"#t","z":[null]}'
    assert replaced(call, extra={}).to_json() == '{"state":"hold","@odata.type":"#t"}'
    assert replaced(call, extra={"x": 1}, state=None).to_json() == '{"x":1,"@odata.type":"#t"}'
    for taken in ("state", "@odata.type"):
        with pytest.raises(TypeError, match=f"{taken} has an attribute of Call"):
            replaced(call, extra={taken: 1})
    for wrong in (None, 7, "x", [("x", 1)]):
        with pytest.raises(TypeError):
            replaced(call, extra=wrong)
    with pytest.raises(TypeError):
        replaced(call, extra={1: 1})


@pytest.mark.parametrize(
    "changes", [{"subject": object()}, {"subject": [object()]}, {"extra": {"subject_line": object()}}]
)
def test_replace_with_what_json_has_no_form_for(changes: dict[str, Any]) -> None:
    name = "subject_line" if "extra" in changes else "subject"
    with pytest.raises(TypeError, match=f"^{name} takes what JSON can hold"):
        replaced(cr.Call.from_dict({}), **changes)


def test_replace_under_an_old_name() -> None:
    result = cr.ResultInfo.from_dict({"code": "200", "subCode": "1"})
    assert replaced(result, subcode=5).to_dict() == {"code": "200", "subCode": 5}
    assert replaced(result, subcode=None).to_dict() == {"code": "200"}
    both = cr.ResultInfo.from_dict({"subCode": 1, "subcode": 2})
    assert replaced(both, subcode=3).subcode == 3
    assert replaced(both, subcode=None).subcode is None
    event = cr.CallUpdated.from_dict({"changeType": "updated", "resource": "/app/calls/1"})
    assert replaced(event, resource_url="/app/calls/2").to_dict()["resource"] == "/app/calls/2"


def test_replace_the_type() -> None:
    operation = cr.Operation.from_dict({"id": "1"})
    for said in ("microsoft.graph.muteOperation", "#microsoft.graph.muteOperation"):
        result = replaced(operation, odata_type=said)
        assert result.to_dict() == {"id": "1", "@odata.type": "#microsoft.graph.muteOperation"}
        assert (result.odata_type, result.kind) == ("microsoft.graph.muteOperation", "mute")
    assert replaced(result, odata_type=None) == operation
    with pytest.raises(TypeError):
        replaced(operation, odata_type=7)


def test_replace_in_an_identity() -> None:
    identity = cr.Identity.from_json(
        '{"@odata.type":"#s","application":null,"user":{"id":"u","tenantId":"t","n":1.0},"x":1}'
    )
    assert replaced(identity, id="v", display_name="V", tenant_id=None).to_json() == (
        '{"@odata.type":"#s","application":null,"user":{"id":"v","n":1.0,"displayName":"V"},"x":1}'
    )
    assert replaced(identity, extra={"m": 1}).to_dict()["user"] == {"id": "u", "tenantId": "t", "m": 1}
    assert replaced(identity, odata_type="z").to_dict() == {**identity.to_dict(), "@odata.type": "#z"}
    phone = replaced(identity, kind="phone", id=PHONE)
    assert (phone.kind, phone.id, phone.tenant_id, phone.extra) == ("phone", PHONE, "t", {"n": 1.0})
    assert "user" not in phone.to_dict() and DIGITS not in repr(phone)
    assert replaced(identity, kind="application").kind == "application"
    assert replaced(identity, kind="hologram").kind == "hologram"
    assert replaced(identity, kind="user") == identity
    two = cr.Identity.from_dict({"user": {"id": "u"}, "phone": {"id": "p"}})
    assert replaced(two, id="v").to_dict() == {"user": {"id": "v"}, "phone": {"id": "p"}}
    assert replaced(two, kind="hologram").to_dict() == {"hologram": {"id": "u"}}
    empty = cr.Identity.from_json("{}")
    assert replaced(empty) == empty and replaced(empty, odata_type="x").odata_type == "x"
    assert replaced(empty, kind="user", id="u").to_dict() == {"user": {"id": "u"}}
    with pytest.raises(TypeError, match="needs kind"):
        replaced(empty, id="u")
    for wrong in (None, 7):
        with pytest.raises(TypeError):
            replaced(identity, kind=wrong)


@pytest.mark.parametrize("name", EVENTS)
def test_replace_in_an_event(name: str) -> None:
    event = note(name, more=1.50)
    assert replaced(event, resource_url=event.resource_url + "/").resource_url == event.resource_url + "/"
    assert replaced(event).to_json() == event.to_json()
    assert '"more":1.5' in replaced(event, change_type=event.change_type).to_json()
    (about,) = EVENTS[name]
    if about == "problem":
        with pytest.raises(
            TypeError, match="OtherNotification can replace change_type, resource_url, odata_type; not"
        ):
            replaced(event, problem=None)
    else:
        value = getattr(event, about)
        if value:
            assert getattr(replaced(event, **{about: value}), about) == value
        assert event.to_dict()["changeType"] == event.change_type


def test_what_replaced_would_be_of_another_class_is_refused() -> None:
    incoming = note("IncomingCall")
    with pytest.raises(cr.ParseError, match="no longer IncomingCall but CallEnded"):
        replaced(incoming, change_type="deleted")
    with pytest.raises(cr.ParseError, match="no longer CallUpdated but OtherNotification"):
        replaced(note("CallUpdated"), resource_url=None)


@pytest.mark.parametrize("name", [*TABLES, *EVENTS])
def test_replace_what_is_no_attribute(name: str) -> None:
    value = made(name)
    derived = DERIVED.get(name, set()) - ({"kind"} if name == "Identity" else set())
    names = ", ".join([*TABLES.get(name, ())])
    for wrong in ("stat", "to_dict", "", "@odata.type", *derived):
        with pytest.raises(TypeError, match=f"^{name} can replace {names}.*; not {wrong}$"):
            replaced(value, **{wrong: 1})
    with pytest.raises(TypeError):
        value.__replace__(1)


def test_replace_with_what_is_no_json() -> None:
    call = cr.Call.from_json("{}")
    loop: list[Any] = [cr.Call.from_json("{}")]
    loop.append(loop)
    deep: list[Any] = []
    for _ in range(5000):
        deep = [deep]
    for wrong in (float("nan"), loop, deep, json.loads("[" * 600 + "]" * 600)):
        with pytest.raises(cr.ParseError):
            replaced(call, media_config=wrong)
    for nothing in (object(), {1, 2}, b"x", [object()], {"x": object()}, call.to_dict):
        with pytest.raises(TypeError):
            replaced(call, media_config=nothing)


@given(st.data())
def test_any_replacement_reads_back(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from([name for name in TABLES if name != "Identity"]))
    junk = st.recursive(
        st.integers() | st.text(st.characters(exclude_categories=["Cs"])) | st.booleans(), st.lists
    )
    members = data.draw(
        st.dictionaries(st.sampled_from([*(w for w, _ in TABLES[name].values()), "x", "y"]), junk)
    )
    changes = data.draw(st.dictionaries(st.sampled_from(sorted(TABLES[name])), junk | st.none()))
    expected = {**members, **{TABLES[name][attribute][0]: value for attribute, value in changes.items()}}
    gone = {TABLES[name][attribute][0] for attribute, value in changes.items() if value is None}
    expected = {wire: value for wire, value in expected.items() if wire not in gone}
    assert replaced(getattr(cr, name).from_dict(members), **changes).to_dict() == expected
