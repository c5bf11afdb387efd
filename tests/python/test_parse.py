"""What does it say? A webhook body from Python: events, attributes, values, and bodies that are none."""

from __future__ import annotations

import base64
import copy
import json
import math
import pickle
import time
from collections import OrderedDict
from collections.abc import Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import callredirect as cr
from conftest import CORPORA, FIXTURES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

NOTIFICATIONS = FIXTURES / "notification"
CALL_1 = "491f0b00-ffff-4bc9-a43e-b226498ec22a"
CALL_2 = "481f0b00-ffff-4ca1-8c67-a5f1e31e8e82"
TENANT = "632899f8-2ea1-4604-8413-27bd2892079f"
URL = f"/communications/calls/{CALL_1}"
EXAMPLES = {path.stem: path.read_text(encoding="utf-8") for path in sorted(NOTIFICATIONS.glob("*.json"))}


def note(data: object = None, change: str = "updated", path: str = "", **more: object) -> dict[str, Any]:
    """One notification as `json.loads` gives it."""
    return {"changeType": change, "resourceUrl": URL + path, "resourceData": data, **more}


def one(body: object, **options: Any) -> Any:
    """The only notification of a body."""
    parse: Any = cr.parse
    (only,) = parse(body, **options)
    return only


def read(body: Any, **options: Any) -> cr.Notifications | cr.ParseError:
    """What comes of a body, if it is not another exception. An error is one short line and survives pickling."""
    parse: Any = cr.parse
    try:
        batch: cr.Notifications = parse(body, **options)
    except cr.ParseError as error:
        fault = error
    else:
        return batch
    assert len(str(fault)) <= 200 and str(fault).isprintable(), str(fault)
    again = pickle.loads(pickle.dumps(fault))
    assert (again.args, str(again)) == (fault.args, str(fault))
    return fault


# The specification


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_specification(name: str) -> None:
    text = EXAMPLES[name]
    if name.startswith("ex2"):
        assert cr.parse(text) == cr.parse(text, lenient=True)
    else:
        with pytest.raises(cr.ParseError) as caught:
            cr.parse(text)
        error = caught.value
        place = (error.line, error.column, error.path)
        assert place == (24, 9, "$.value[0].resourceData.source")
        assert error.reason == "trailing comma before `}`"
        assert str(error) == f"{error.reason} at {error.path} (line 24, column 9)"

    event: Any = one(text, lenient=True)
    ended = name.endswith("terminated")
    call: Any = event.call
    assert isinstance(event, cr.CallEnded if ended else cr.IncomingCall)
    assert (call.state, call.direction, call.ended) == (
        "terminated" if ended else "incoming",
        "incoming",
        ended,
    )
    assert call.id == event.call_id == (CALL_2 if name.startswith("ex2") else CALL_1)
    # Example 2 names the call of the others in its URL: both ids stay to be seen.
    assert event.url_call_id == (CALL_2 if name == "ex2-incoming" else CALL_1)
    assert call.tenant_id == TENANT
    assert (call.source.identity.kind, call.source.region) == ("user", "amer")
    assert [target.identity.kind for target in call.targets] == [
        "applicationInstance" if name.startswith("ex3") else "application"
    ]
    answered = call.answered_by and (call.answered_by.identity.kind, call.answered_by.identity.id)
    expected = ("encrypted", "1xt4uextl99sdzwdxuvdxrvgrv8gehcq7jdgf9yhzeto")
    assert answered == (expected if name == "ex3-terminated" else None)


def test_there_are_six_examples() -> None:
    assert len(EXAMPLES) == 6


def test_an_error_is_caught_as_what_a_person_would_catch() -> None:
    assert issubclass(cr.ParseError, ValueError) and issubclass(cr.ParseError, cr.CallRedirectError)


# Events


def name_of(event: cr.Notification) -> tuple[Any, ...]:
    match event:
        case cr.IncomingCall(cr.Call(id=id, state="incoming")):
            return "incoming", id
        case cr.CallEnded(call):
            return "ended", call.id, call.state
        case cr.CallUpdated(call):
            return "updated", call.id, call.state
        case cr.ParticipantsChanged(participants):
            return "people", [person.id for person in participants]
        case cr.OperationEnded(cr.Operation(id=id, status=status)):
            return "operation", id, status
        case cr.OperationEnded(operation):
            return "operation", operation
        case cr.OtherNotification(raw, problem):
            return "other", raw, problem
        case _:
            return ("none",)


@pytest.mark.parametrize(
    ("item", "name"),
    [
        (note({"state": "incoming"}, "created"), ("incoming", CALL_1)),
        (note({"state": "Incoming", "id": CALL_2}, "Created"), ("incoming", CALL_2)),
        (note({"state": "incoming"}), ("updated", CALL_1, "incoming")),
        (note({"state": "Established"}), ("updated", CALL_1, "established")),
        (note({"state": "soon"}), ("updated", CALL_1, "soon")),
        (note({"state": 7}), ("updated", CALL_1, None)),
        (note(), ("updated", CALL_1, None)),
        (note({"state": "terminated"}), ("ended", CALL_1, "terminated")),
        (note(change="deleted"), ("ended", CALL_1, None)),
        (note([{"id": "1"}, 7, {"id": "2"}], path="/participants"), ("people", ["1", "2"])),
        (note({"id": "1"}, path="/participants"), ("people", ["1"])),
        (note(path="/participants"), ("people", [])),
        (
            note({"id": "1", "status": "Completed"}, "deleted", "/operations/1"),
            ("operation", "1", "completed"),
        ),
        (note(change="deleted", path="/operations/1"), ("operation", None)),
        (7, ("other", "7", "the notification is not an object at $")),
        ({}, ("other", "{}", "missing, or not a string at $.changeType")),
    ],
)
def test_events_are_matched_by_position(item: object, name: tuple[Any, ...]) -> None:
    assert name_of(one([item])) == name


def test_what_is_no_problem_has_none() -> None:
    match one([note(path="/lobby")]):
        case cr.OtherNotification(problem=None) as event:
            assert (event.change_type, event.resource_url) == ("updated", f"{URL}/lobby")
        case other:
            pytest.fail(repr(other))


def test_every_event_is_a_notification_and_says_what_it_matches() -> None:
    events: list[Any] = [
        cr.IncomingCall,
        cr.CallUpdated,
        cr.CallEnded,
        cr.ParticipantsChanged,
        cr.OperationEnded,
    ]
    for event in (*events, cr.OtherNotification):
        assert cr.Notification in event.__mro__
        assert all(hasattr(event, name) for name in event.__match_args__)
        with pytest.raises(TypeError):
            event()


def test_one_bad_item_does_not_lose_the_rest() -> None:
    good = note({"state": "incoming"}, "created")
    batch = cr.parse({"value": [None, good, 7, note({"id": "../x"}), good]})
    assert [type(event).__name__ for event in batch] == [
        "OtherNotification", "IncomingCall", "OtherNotification", "OtherNotification", "IncomingCall",
    ]  # fmt: skip
    assert batch[1].to_dict() == good


# Attributes, compared with what plain Python finds

KINDS = [
    "user", "phone", "applicationInstance", "application", "guest", "encrypted", "azureCommunicationServicesUser",
    "onPremises", "assertedIdentity", "device", "conversation",
]  # fmt: skip
HIDDEN = {"@odata.type"}


def text_at(value: Any, name: str) -> str | None:
    found = value.get(name)
    return found if isinstance(found, str) else None


def dict_at(value: Any, name: str) -> dict[str, Any] | None:
    found = value.get(name)
    return found if isinstance(found, dict) else None


def rest(value: dict[str, Any], *known: str) -> dict[str, Any]:
    return {name: member for name, member in value.items() if name not in HIDDEN.union(known)}


def number(value: object) -> int | None:
    try:
        return int(value) if isinstance(value, (str, int)) else None
    except ValueError:
        return None


def filled_in(identity_set: dict[str, Any]) -> tuple[str | None, dict[str, Any]]:
    names = KINDS + list(identity_set)
    found = next((name for name in names if isinstance(identity_set.get(name), dict)), None)
    return found, identity_set[found] if found else {}


def check_identity(identity: cr.Identity | None, value: dict[str, Any] | None) -> None:
    assert (identity is None) == (value is None)
    if identity is None or value is None:
        return
    kind, inner = filled_in(value)
    assert (identity.kind, identity.id) == (kind, text_at(inner, "id"))
    assert identity.display_name == text_at(inner, "displayName")
    assert identity.tenant_id == text_at(inner, "tenantId")
    assert identity.extra == rest(inner, "id", "displayName", "tenantId")
    assert identity.to_dict() == value


def check_info(info: cr.ParticipantInfo | None, value: dict[str, Any] | None) -> None:
    assert (info is None) == (value is None)
    if info is None or value is None:
        return
    check_identity(info.identity, dict_at(value, "identity"))
    names = {
        "region": "region", "endpoint_type": "endpointType", "language_id": "languageId",
        "country_code": "countryCode", "participant_id": "participantId",
    }  # fmt: skip
    for ours, theirs in names.items():
        assert getattr(info, ours) == text_at(value, theirs)
    assert info.extra == rest(value, "identity", "id", "replacesCallId", *names.values())
    assert info.to_dict() == value


def check_result(result: cr.ResultInfo | None, value: dict[str, Any] | None) -> None:
    assert (result is None) == (value is None)
    if result is None or value is None:
        return
    assert result.code == number(value.get("code"))
    assert result.subcode == number(value.get("subcode", value.get("subCode")))
    assert result.message == text_at(value, "message")
    assert result.to_dict() == value


def check_call(call: cr.Call, value: dict[str, Any], url_id: str | None) -> None:
    assert call.id == (text_at(value, "id") or url_id)
    state = text_at(value, "state")
    assert (call.state or "").lower() == (state or "").lower()
    assert call.ended == (call.state == "terminated")
    assert (call.direction or "").lower() == (text_at(value, "direction") or "").lower()
    check_info(call.source, dict_at(value, "source"))
    targets = [target for target in value.get("targets") or [] if isinstance(target, dict)]
    assert type(call.targets) is tuple
    assert len(call.targets) == len(targets)
    for target, expected in zip(call.targets, targets, strict=True):
        check_info(target, expected)
    _, caller = filled_in((dict_at(value, "source") or {}).get("identity") or {})
    assert call.tenant_id == (text_at(value, "tenantId") or text_at(caller, "tenantId"))
    names = {
        "callback_uri": "callbackUri", "call_chain_id": "callChainId", "my_participant_id": "myParticipantId",
        "termination_reason": "terminationReason", "subject": "subject",
    }  # fmt: skip
    for ours, theirs in names.items():
        assert getattr(call, ours) == text_at(value, theirs)
    check_info(call.answered_by, dict_at(value, "answeredBy"))
    check_result(call.result_info, dict_at(value, "resultInfo"))
    assert call.extra == rest(
        value, "id", "state", "direction", "source", "targets", "tenantId", "answeredBy", "resultInfo",
        "callRoutes", "incomingContext", "requestedModalities", "activeModalities", "toneInfo", "mediaConfig",
        "chatInfo", "meetingInfo", "callOptions", *names.values(),
    )  # fmt: skip
    assert call.to_dict() == value


def check_participant(person: cr.Participant, value: dict[str, Any]) -> None:
    assert person.id == text_at(value, "id")
    check_info(person.info, dict_at(value, "info"))
    check_identity(person.identity, dict_at(dict_at(value, "info") or {}, "identity"))
    assert (person.is_muted, person.is_in_lobby) == (value.get("isMuted"), value.get("isInLobby"))
    assert person.extra == rest(
        value, "id", "info", "isMuted", "isInLobby", "mediaStreams", "metadata", "recordingInfo"
    )
    assert person.to_dict() == value


def check_operation(operation: cr.Operation, value: dict[str, Any]) -> None:
    assert operation.id == text_at(value, "id")
    assert (operation.status or "").lower() == (text_at(value, "status") or "").lower()
    assert operation.client_context == text_at(value, "clientContext")
    check_result(operation.result_info, dict_at(value, "resultInfo"))
    assert operation.extra == rest(
        value, "id", "status", "clientContext", "resultInfo", "participants", "recordingLocation",
        "recordingAccessToken", "prompts",
    )  # fmt: skip
    assert operation.to_dict() == value


def check_event(event: cr.Notification, value: dict[str, Any]) -> None:
    assert event.to_dict() == json.loads(event.to_json()) == json.loads(event.raw) == value
    assert (event.change_type or "").lower() == value["changeType"].lower()
    assert event.resource_url == value.get("resourceUrl", value.get("resource"))
    data = value.get("resourceData")
    match event:
        case cr.IncomingCall(call) | cr.CallUpdated(call) | cr.CallEnded(call):
            check_call(call, (data[0] if isinstance(data, list) else data) or {}, event.url_call_id)
            assert call.id == event.call_id
        case cr.ParticipantsChanged(people):
            everybody: list[Any] = data if isinstance(data, list) else [data]
            for person, expected in zip(people, everybody, strict=True):
                check_participant(person, expected)
        case cr.OperationEnded(operation):
            assert operation is not None
            check_operation(operation, data if isinstance(data, dict) else {})
        case cr.ContentSharingChanged(sessions):
            assert [session.to_dict() for session in sessions] == (data or [])
        case _:
            pytest.fail(repr(event))


def payloads(kind: str = "", *, strict: bool = True) -> Iterator[tuple[str, str]]:
    folder = CORPORA / "graph_payloads"
    if not folder.is_dir():
        pytest.skip(f"no corpora at {CORPORA}")
    for line in (folder / "index.tsv").read_text(encoding="utf-8").splitlines()[1:]:
        name, its_kind, is_strict = line.split("\t")[:3]
        if its_kind.startswith(kind) and (is_strict == "yes") == strict:
            yield name, (folder / name).read_bytes().decode()


def test_every_attribute_of_every_documented_notification() -> None:
    seen: dict[str, int] = {}
    for _, text in payloads("notification."):
        body = json.loads(text)
        items = body.get("value", [body])
        for event, item in zip(cr.parse(text), items, strict=True):
            check_event(event, item)
            seen[type(event).__name__] = seen.get(type(event).__name__, 0) + 1
    assert len(seen) == 6 and sum(seen.values()) >= 47, seen


def test_every_attribute_where_there_is_nothing_or_nonsense() -> None:
    for junk in (None, 7, "x", [], [7], True, {}, {"identity": 1}, {"identity": {"user": None}}):
        names = ["id", "state", "source", "targets", "tenantId", "callbackUri", "answeredBy", "resultInfo"]
        value = {**dict.fromkeys(names, junk), "info": junk, "status": junk, "isMuted": None, "future": junk}
        call = cr.Call.from_dict(value)
        check_info(call.source, junk if isinstance(junk, dict) else None)
        check_result(call.result_info, junk if isinstance(junk, dict) else None)
        assert call.targets == ()
        assert call.extra["future"] == junk
        check_participant(cr.Participant.from_dict(value), value)
        check_operation(cr.Operation.from_dict(value), value)
    check_call(cr.Call.from_json("{}"), {}, None)
    check_participant(cr.Participant.from_json("{}"), {})
    check_operation(cr.Operation.from_json("{}"), {})
    check_info(cr.ParticipantInfo.from_json("{}"), {})
    check_identity(cr.Identity.from_json("{}"), {})
    check_result(cr.ResultInfo.from_json("{}"), {})


@pytest.mark.parametrize(
    ("value", "code", "subcode"),
    [
        ({"code": 200, "subcode": 5001}, 200, 5001),
        ({"code": "200", "subCode": "5001"}, 200, 5001),
        ({"code": "0", "subCode": "transferring"}, 0, "transferring"),
        ({"code": 1.5, "subcode": None}, "1.5", None),
        ({"code": True, "subcode": [7]}, None, None),
        ({"code": 2**63, "subcode": -(2**63)}, 2**63, -(2**63)),
    ],
)
def test_result_codes_in_every_spelling(value: dict[str, Any], code: object, subcode: object) -> None:
    result = cr.ResultInfo.from_dict(value)
    assert (result.code, result.subcode) == (code, subcode)


@pytest.mark.parametrize("kind", KINDS)
def test_kinds_of_identity(kind: str) -> None:
    value = {
        "@odata.type": "x",
        "hologram": {"id": "h"},
        kind: {"id": "i", "displayName": "n", "tenantId": "t"},
    }
    check_identity(cr.Identity.from_dict(value), value)
    later = {name: {"id": "later"} for name in KINDS[KINDS.index(kind) + 1 :]}
    assert cr.Identity.from_dict({**later, kind: {}}).kind == kind


def test_the_tenant_is_the_calls_own_or_else_the_callers() -> None:
    source = {"identity": {"user": {"id": "u", "tenantId": "caller's"}}}
    for value in ({"source": source}, {"source": source, "tenantId": "own"}, {"tenantId": None}):
        check_call(cr.Call.from_dict(value), value, None)


# Nothing is lost


def test_documented_texts_come_back_as_they_were() -> None:
    count = 0
    for name, text in payloads():
        value = json.loads(text)
        if isinstance(value, dict):
            call = cr.Call.from_json(text)  # any object will do
            assert call.to_json() == text.strip(), name
            assert call.to_dict() == value and list(call.to_dict()) == list(value), name
            count += 1
    assert count >= 95


def test_documentation_with_slips_reads_leniently_what_it_means() -> None:
    slips = list(payloads("notification.", strict=False))
    assert len(slips) >= 5
    for name, text in slips:
        with pytest.raises(cr.ParseError):
            cr.parse(text)
        assert cr.parse(text, lenient=True), name


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip
GUESSES = st.fixed_dictionaries(
    {},
    optional={
        "changeType": st.sampled_from(["created", "updated", "deleted", "Created", "", "other"]) | JSON,
        "resourceUrl": st.sampled_from([URL, f"{URL}/participants", f"{URL}/operations/1", "/x"]) | JSON,
        "resource": st.just(f"/app/calls/{CALL_2}") | JSON,
        "resourceData": JSON
        | st.fixed_dictionaries(
            {},
            optional={
                "id": st.sampled_from([CALL_1, CALL_2, ""]) | JSON,
                "state": st.sampled_from(["incoming", "Terminated"]) | JSON,
                "source": JSON, "targets": st.lists(JSON, max_size=3), "resultInfo": JSON, "tenantId": JSON,
            },
        ),
    },
)  # fmt: skip


@given(st.lists(GUESSES | JSON, max_size=4), st.booleans(), st.sampled_from([None, 1, "\t"]))
def test_generated_notifications_survive(
    items: list[Any], ascii_only: bool, indent: int | str | None
) -> None:
    text = json.dumps({"value": items}, ensure_ascii=ascii_only, indent=indent)
    batch = cr.parse(text, max_bytes=10**9)
    assert len(batch) == len(items)
    for event, item in zip(batch, items, strict=True):
        assert event.to_json() == event.raw
        assert event.raw in text
        assert json.loads(event.to_json()) == event.to_dict() == item
        for name in type(event).__match_args__:  # type: ignore[attr-defined]
            repr(getattr(event, name))
        assert pickle.loads(pickle.dumps(event)) == event
    again = cr.parse(json.loads(text), max_bytes=10**9)
    assert [event.to_dict() for event in again] == [event.to_dict() for event in batch]


@given(JSON)
def test_equal_is_equal_as_json_and_hashes_alike(value: Any) -> None:
    def turned(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: turned(member) for name, member in reversed(value.items())}
        return [turned(item) for item in value] if isinstance(value, list) else value

    left = cr.Call.from_json(json.dumps({"x": value, "y": 1}, ensure_ascii=True))
    right = cr.Call.from_json(json.dumps(turned({"x": value, "y": 1}), ensure_ascii=False, indent=1))
    assert left == right and hash(left) == hash(right)
    assert left != cr.Call.from_dict({"x": [value], "y": 1})


def test_numbers() -> None:
    text = '{"a":9223372036854775808,"b":-0,"c":1e400,"d":0.1,"e":12345678901234567890123,"f":-0.0}'
    read = cr.Call.from_json(text).to_dict()
    assert repr(read) == repr(json.loads(text))
    # More digits than Python makes an int of: json.loads would raise.
    read = cr.Call.from_json('{"a":' + "9" * 10_000 + ',"b":-' + "9" * 10_000 + "}").extra
    assert read == {"a": math.inf, "b": -math.inf}


def test_members_that_come_twice_read_as_json_reads_them() -> None:
    text = '{"id":"a","x":1,"x":[],"id":"b"}'
    call = cr.Call.from_json(text)
    assert call.to_json() == text
    assert call.to_dict() == json.loads(text) and list(call.to_dict()) == ["id", "x"]
    assert call.id == "b"
    plain = cr.Call.from_json('{"id":"b","x":[]}')
    assert call == plain and hash(call) == hash(plain)


def test_half_an_emoji_loses_no_call() -> None:
    event = one('[{"changeType":"x","resourceUrl":"' + URL + '","resourceData":{"subject":"\\ud83d"}}]')
    assert event.call.subject == "\N{REPLACEMENT CHARACTER}"
    assert "\\ud83d" in event.to_json()


# Bodies of every kind


def test_bodies_of_every_type() -> None:
    value = {
        "value": [note({"state": "incoming", "subject": "\N{BLACK TELEPHONE}\N{GRINNING FACE}"}, "created")]
    }
    text = json.dumps(value, ensure_ascii=False)
    body = text.encode()
    expected = cr.parse(body)

    class Text(str):
        __slots__ = ()

    class Bytes(bytes):
        __slots__ = ()

    bodies: list[Any] = [
        text, bytearray(body), memoryview(body), memoryview(b"x" + body)[1:], Text(text), Bytes(body), value,
        value["value"], value["value"][0], OrderedDict(value), MappingProxyType(value),
    ]  # fmt: skip
    bodies.append(memoryview(body[::-1])[::-1])
    for one_of_them in bodies:
        assert cr.parse(one_of_them) == expected, type(one_of_them)


@pytest.mark.parametrize("body", [None, 7, 1.5, object(), {1, 2}, ("a",), iter([]), str, open])
def test_what_is_no_body_is_a_type_error(body: Any) -> None:
    with pytest.raises(TypeError, match="expected bytes or str, not "):
        cr.parse(body)


def test_python_values_that_are_no_json() -> None:
    loop: dict[str, Any] = {}
    loop["value"] = [loop]
    deep: list[Any] = []
    for _ in range(10_000):
        deep = [deep]
    wrong: list[Any] = [
        loop,
        deep,
        {"value": [math.nan]},
        {"value": 7},
        {"x": 1},
        {"value": [{"a": [[0]] * 9}]},
    ]
    for value in wrong:
        with pytest.raises(cr.ParseError) as caught:
            cr.parse(value, max_depth=4)
        # A text that the caller never saw has no lines to tell of.
        assert (caught.value.line, caught.value.column) == (0, 0)
    with pytest.raises(TypeError):
        cr.parse({"value": [object()]})


def test_from_json_gives_what_it_is_asked_for() -> None:
    text = json.dumps(note({"state": "incoming"}, "created"))
    assert isinstance(cr.IncomingCall.from_json(text), cr.IncomingCall)
    assert isinstance(cr.Notification.from_json(text.encode()), cr.IncomingCall)
    assert cr.Notification.from_dict(json.loads(text)) == cr.IncomingCall.from_json(text)
    with pytest.raises(cr.ParseError, match="expected CallEnded, found IncomingCall"):
        cr.CallEnded.from_json(text)
    for wrong in ("", "7", "[]", "{", b"\xff", "\ud800", "[" * 100_000):
        for kind in (cr.Call, cr.Notification, cr.Identity):
            with pytest.raises(cr.ParseError):
                kind.from_json(wrong)
    with pytest.raises(cr.ParseError) as caught:
        cr.Call.from_dict({"x": math.nan})
    assert caught.value.line == 0
    call: Any = cr.Call
    for nothing in (int, 7, None):
        with pytest.raises(TypeError):
            call.from_json(nothing)


# Strangers


def rows() -> list[dict[str, Any]]:
    path = CORPORA / "notification_bodies" / "bodies.json"
    if not path.is_file():
        pytest.skip(f"no corpora at {CORPORA}")
    found: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return found


def as_expected(expect: str, result: cr.Notifications | cr.ParseError) -> bool:
    if isinstance(result, cr.ParseError):
        legacy = "before Graph" in result.reason
        return expect == "either" or (expect == "reject" and not legacy) or (expect == "legacy" and legacy)
    incoming = [event for event in result if isinstance(event, cr.IncomingCall)]
    if expect == "redirectable":
        return any(event.call_id for event in incoming)
    if expect == "reject":
        return all(isinstance(event, cr.OtherNotification) and event.problem for event in result)
    return expect == "either" or (expect == "ignore" and not incoming)


def test_hostile_bodies_end_as_their_rows_say() -> None:
    wrong = []
    for row in rows():
        result = read(base64.b64decode(row["body_b64"]))
        if not as_expected(row["expect"], result):
            wrong.append((row["id"], row["expect"], result))
        if isinstance(result, cr.Notifications):
            shown = repr(result) + "".join(map(repr, result))
            assert shown.isprintable(), row["id"]
            for event in result:
                assert event == pickle.loads(pickle.dumps(event)), row["id"]
                event.to_dict()
    assert wrong == []


def suite() -> list[Path]:
    return sorted((CORPORA / "JSONTestSuite" / "test_parsing").glob("*.json"))


def test_json_test_suite() -> None:
    files = suite()
    if not files:
        pytest.skip(f"no corpora at {CORPORA}")
    accepted = refused = 0
    for file in files:
        body = file.read_bytes()
        # Inside a notification, whatever it is; alone, most of them are no bodies.
        result = read(b'[{"changeType":"x","x":' + body + b"}]")
        if isinstance(result, cr.ParseError):
            assert not file.name.startswith("y_"), file.name
            refused += 1
        else:
            assert not file.name.startswith("n_"), file.name
            result[0].to_dict()
            accepted += 1
        for whole in (body, body.decode("utf-8", "surrogateescape")):
            read(whole)
            read(whole, lenient=True)
    assert accepted >= 95 and refused >= 188


SECRET = "s3cr3t-body-text"


@pytest.mark.parametrize(
    "body",
    [
        SECRET, f'"{SECRET}', f'"{SECRET}"', f'["{SECRET}" x]', f'{{"value":"{SECRET}"}}', f"[1{SECRET}]",
        f'{{"callState":"{SECRET}"}}', f'{{"x":"{SECRET}"}}', f"[tru{SECRET}]", f'["\\u{SECRET}"]',
        f'["{SECRET}\n"]', "[" * 70, '{"a":' * 70, f'[{{"{"n" * 9000}":x}}]', '{"\N{RIGHT-TO-LEFT OVERRIDE}\u2028":x}',
        "[" + '{"' + "long name " * 20 + '":[' * 30, '{"\\n\\u0000":x}', "9" * 300_000, "\ufeff[]", "[1,]", "[]]",
    ],
)  # fmt: skip
def test_errors_are_one_short_line_without_the_body(body: str) -> None:
    bodies: list[Any] = [body, body.encode()]
    for one_of_them in bodies:
        error = read(one_of_them)
        assert isinstance(error, cr.ParseError)
        assert SECRET not in str(error) and SECRET not in str(read(one_of_them, lenient=True))


# Bounds


def test_max_bytes() -> None:
    assert len(cr.parse("[      ]", max_bytes=8)) == 0
    with pytest.raises(cr.ParseError, match="body of 9 bytes, the limit is 8"):
        cr.parse("[       ]", max_bytes=8)
    with pytest.raises(cr.ParseError, match="limit is 0"):
        cr.parse("1", max_bytes=0)
    # Bytes, not characters.
    with pytest.raises(cr.ParseError, match="body of 6 bytes"):
        cr.parse('["\N{EURO SIGN}]', max_bytes=5)
    assert len(cr.parse("[" + " " * 262_142 + "]")) == 0
    with pytest.raises(cr.ParseError, match="the limit is 262144"):
        cr.parse("[" + " " * 262_143 + "]")


def test_max_depth() -> None:
    def nested(depth: int) -> str:
        return "[" * depth + "]" * depth

    assert len(cr.parse(nested(64))) == 1
    with pytest.raises(cr.ParseError, match="nested deeper than allowed"):
        cr.parse(nested(65))
    assert len(cr.parse(nested(512), max_depth=512)) == 1
    with pytest.raises(cr.ParseError):
        cr.parse("[]", max_depth=0)
    deepest = cr.parse(nested(512), max_depth=512)
    event: Any = deepest[0]
    assert json.dumps(event.to_dict()) == nested(511)
    assert pickle.loads(pickle.dumps(deepest)) == copy.deepcopy(deepest)


@pytest.mark.parametrize("option", ["max_bytes", "max_depth"])
def test_silly_bounds(option: str) -> None:
    def parse(value: Any) -> object:
        options: dict[str, Any] = {option: value}
        return cr.parse("[]", **options)

    for value in (-1, -(2**63)):
        with pytest.raises(ValueError, match=f"{option} must be from 0 to "):
            parse(value)
    for value in (2**63, 10**30, -(10**30)):
        with pytest.raises(OverflowError):
            parse(value)
    for nothing in (1.0, "8", None, (), math.inf):
        with pytest.raises(TypeError):
            parse(nothing)
    if option == "max_bytes":
        assert len(cr.parse("[]", max_bytes=2**63 - 1)) == 0
    else:
        with pytest.raises(ValueError, match="max_depth must be from 0 to 512, not 513"):
            parse(513)


# Values

PHONE = "+12345678901"
CALL: dict[str, Any] = {
    "state": "incoming",
    "source": {"identity": {"phone": {"id": PHONE, "displayName": PHONE}}, "region": "amer"},
    "targets": [{"identity": {"assertedIdentity": {"id": PHONE, "displayName": "+1 (234) 567-8901"}}}],
    "resultInfo": {"code": 200, "subcode": 0, "message": "x" * 1000},
    "answeredBy": {"identity": {"user": {"id": "u", "displayName": PHONE}}},
}
ROSTER = [{"id": "1", "info": {"identity": {"phone": {"id": PHONE}}}, "isMuted": False}]


def value_makers() -> dict[str, Callable[[], Any]]:
    def call() -> Any:
        return one([note(CALL, "created")]).call

    return {
        "IncomingCall": lambda: one([note(CALL, "created")]),
        "CallUpdated": lambda: one([note({**CALL, "state": "hold"})]),
        "CallEnded": lambda: one([note(CALL, "deleted")]),
        "ParticipantsChanged": lambda: one([note(ROSTER, path="/participants")]),
        "OperationEnded": lambda: one([note({"status": "failed"}, "deleted", "/operations/1")]),
        "OtherNotification": lambda: one([{"problem": PHONE}]),
        "no object": lambda: one([[1, 2]]),
        "Notifications": lambda: cr.parse([note(CALL, "created"), 7]),
        "no Notifications": lambda: cr.parse("[]"),
        "Call": call,
        "empty Call": lambda: one([note(change="deleted")]).call,
        "ParticipantInfo": lambda: call().source,
        "Identity": lambda: call().source.identity,
        "ResultInfo": lambda: call().result_info,
        "Participant": lambda: one([note(ROSTER, path="/participants")]).participants[0],
        "Operation": lambda: one([note({"status": "failed"}, "deleted", "/operations/1")]).operation,
    }


@pytest.mark.parametrize("name", value_makers())
def test_values(name: str) -> None:
    make = value_makers()[name]
    value, twin = make(), make()
    kind: Any = type(value)
    copies = [pickle.loads(pickle.dumps(value, protocol)) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)]
    for other in [*copies, twin, copy.copy(value), copy.deepcopy(value)]:
        assert type(other) is kind
        assert other == value and hash(other) == hash(value) and repr(other) == repr(value)
        for attribute in ("id", "call_id", "raw", "call", "participants", "operation", "problem", "extra"):
            assert getattr(other, attribute, None) == getattr(value, attribute, None)
    assert copy.copy(value) is value and copy.deepcopy(value) is value
    assert value not in (None, 7, name, object()) and value != {}
    assert kind.__module__ == "callredirect" and getattr(cr, kind.__name__) is kind
    with pytest.raises(AttributeError):
        value.new = 1
    with pytest.raises(AttributeError):
        value.id = "x"


def test_different_is_different() -> None:
    values = [make() for make in value_makers().values()]
    for at, left in enumerate(values):
        assert [left == right for right in values] == [at == index for index in range(len(values))]
    assert cr.parse([1, 2]) != cr.parse([1, 3])
    # The id is all that these two calls have, and it stands in their notifications' URLs.
    one_call, other_call = (
        one([{"changeType": "deleted", "resourceUrl": f"/communications/calls/{call_id}"}]).call
        for call_id in (CALL_1, CALL_2)
    )
    assert one_call.to_dict() == other_call.to_dict() == {}
    assert (one_call.id, other_call.id) == (CALL_1, CALL_2)
    assert one_call != other_call
    assert pickle.loads(pickle.dumps(other_call)).id == CALL_2


def test_a_calls_own_id_makes_it_the_same_call_in_any_notification() -> None:
    urls = (URL, URL.upper(), f"/communications/calls/{CALL_2}")
    calls = {one([{**note({"id": CALL_1}), "resourceUrl": url}]).call for url in urls}
    assert len(calls) == 1


@pytest.mark.parametrize("name", value_makers())
def test_repr_is_one_line_without_phone_numbers(name: str) -> None:
    value = value_makers()[name]()
    shown = repr(value) + str(value)
    assert "2345678" not in shown and "234" not in shown, shown
    assert shown.isprintable() and len(shown) < 1600


def test_repr() -> None:
    call = one([note(CALL, "created")]).call
    assert repr(call).startswith(
        f"Call(id='{CALL_1}', state='incoming', source=ParticipantInfo(identity=Identity(kind='phone', "
        "id='+*********01', display_name='+*********01'), region='amer'), targets=(ParticipantInfo(identity="
        "Identity(kind='assertedIdentity', id='+*********01', display_name='+**************01')),), answered_by="
    )
    assert repr(cr.parse([1, 2])) == "<Notifications: 2>"
    crowd = cr.Call.from_dict({"targets": [{}] * 5000})
    assert (
        repr(crowd)
        == "Call(targets=(ParticipantInfo(), ParticipantInfo(), ParticipantInfo(), ParticipantInfo(), ...))"
    )
    assert repr(cr.Call.from_dict({"id": "'\n\u2028\x1b[31m" + "x" * 999})).isprintable()


# Time


def is_left(call: Any, expected: float, since: float) -> bool:
    """Whether so much time is left to redirect the call, less what the test itself took."""
    remaining: float = call.deadline.remaining
    took = time.monotonic() - since
    return max(expected - took, 0) - 0.05 <= remaining <= expected + 0.05


@pytest.mark.parametrize(
    ("age", "left"),
    [
        (0, 13), (5, 8), (14, 0), (10**9, 0), (math.inf, 0),
        # Nothing arrives in the future.
        (-100, 13), (-math.inf, 13), (math.nan, 13),
    ],
)  # fmt: skip
def test_the_deadline_counts_from_the_arrival_and_pickling_keeps_the_age(age: float, left: float) -> None:
    since = time.monotonic()
    batch = cr.parse([note(CALL, "created")], received_at=since - age)
    event: Any = batch[0]
    for same in (event, pickle.loads(pickle.dumps(event)), pickle.loads(pickle.dumps(batch))[0]):
        assert is_left(same.call, left, since)
        assert is_left(pickle.loads(pickle.dumps(same.call)), left, since)
    ended: Any = cr.parse([note(change="deleted")], received_at=since - age)[0]
    assert is_left(ended.call, left, since)


def test_without_an_arrival_it_is_now() -> None:
    since = time.monotonic()
    assert is_left(one([note(CALL, "created")]).call, 13, since)
    parse: Any = cr.parse
    with pytest.raises(TypeError):
        parse("[]", received_at="now")


# A Sequence


def test_notifications_are_a_sequence() -> None:
    batch = cr.parse([note(CALL, "created"), 7, note(change="deleted")])
    everything: Any = batch
    assert isinstance(everything, Sequence)
    assert len(batch) == 3 and bool(batch) and not cr.parse("[]")
    everything = list(batch)
    assert [batch[at] for at in range(3)] == everything == [*batch]
    assert [batch[at] for at in range(-3, 0)] == everything
    assert [type(event).__name__ for event in batch] == ["IncomingCall", "OtherNotification", "CallEnded"]
    for at in (
        slice(None),
        slice(1, 2),
        slice(None, None, -1),
        slice(-2, None),
        slice(9, None),
        slice(0, 3, 2),
    ):
        assert batch[at] == tuple(everything[at])
    assert list(reversed(batch)) == everything[::-1]
    assert all(event in batch for event in everything) and one([8]) not in batch
    assert [batch.index(event) for event in batch] == [0, 1, 2]
    assert batch.index(everything[2], 1) == 2 and batch.count(everything[1]) == 1
    for wrong in (3, -4, 10**30, -(10**30)):
        with pytest.raises(IndexError):
            batch[wrong]
    not_indices: list[Any] = ["0", 1.0, None]
    for wrong in not_indices:
        with pytest.raises(TypeError):
            batch[wrong]
    with pytest.raises(ValueError, match="not in"):
        batch.index(None)
    match batch:
        case [cr.IncomingCall(), *_, cr.CallEnded(call)]:
            assert call.id == CALL_1
        case _:
            pytest.fail("no match")
    first, *others = batch
    assert [first, *others] == everything
