"""What may it say? Every attribute of every parsed class, against a table written from the documentation alone."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import callredirect as cr
from conftest import CORPORA
from kinds import (
    CODE,
    DERIVED,
    EVENTS,
    FLAG,
    INT,
    OLD,
    SHARED,
    TABLES,
    TEXT,
    TEXTS,
    Enum,
    Enums,
    Many,
    One,
    full,
    sample,
    wrapped,
)  # fmt: skip

FIELDS = [(name, attribute) for name, table in TABLES.items() for attribute in table]


def public(value: object) -> set[str]:
    return {name for name in dir(value) if not name.startswith("_")}


def class_of(name: str) -> Any:
    return getattr(cr, name)


def read(name: str, members: dict[str, Any]) -> Any:
    value = wrapped(name, members)
    made = class_of(name).from_dict(value)
    assert made.to_dict() == value
    return made


def nothing(kind: object) -> Any:
    return () if isinstance(kind, (Many, Enums)) or kind == TEXTS else None


def check(made: Any, members: dict[str, Any]) -> None:
    """Every attribute holds what its documented member says, at any depth."""
    name = type(made).__name__
    for attribute, (wire, kind) in TABLES[name].items():
        value: Any = getattr(made, attribute)
        given: Any = members.get(wire)
        if wire not in members:
            assert value == nothing(kind), attribute
        elif isinstance(kind, One):
            assert type(value).__name__ == kind and value.to_dict() == given, attribute
            check(value, given["user"] if kind == "Identity" else given)
        elif isinstance(kind, Many):
            assert type(value) is tuple and [item.to_dict() for item in value] == given, attribute
            for item, its in zip(value, given, strict=True):
                assert type(item).__name__ == kind
                check(item, its["user"] if kind == "Identity" else its)
        elif isinstance(kind, Enums) or kind == TEXTS:
            assert type(value) is tuple and list(value) == given, attribute
        else:
            assert (type(value), value) == (type(given), given), attribute


# The table is whole


@pytest.mark.parametrize("name", TABLES)
def test_completion_offers_the_documented_attributes_and_nothing_else(name: str) -> None:
    expected = set(TABLES[name]) | DERIVED.get(name, set()) | SHARED
    assert public(class_of(name)) == public(read(name, {})) == expected


@pytest.mark.parametrize("name", EVENTS)
def test_completion_of_events(name: str) -> None:
    about = {"change_type", "resource_url", "call_id", "url_call_id", "raw"}
    assert public(class_of(name)) == EVENTS[name] | about | (SHARED - {"extra"})


def test_there_is_a_table_for_every_parsed_class() -> None:
    base = cr.Call.__mro__[1]
    parsed = {name for name, value in vars(cr).items() if isinstance(value, type) and issubclass(value, base)}
    assert parsed == set(TABLES) | set(EVENTS) | {"Notification"}


def test_the_stub_documents_every_attribute_and_help_shows_it() -> None:
    stub = Path(cr.__file__).with_name("_native.pyi").read_text(encoding="utf-8")
    classes = {node.name: node for node in ast.parse(stub).body if isinstance(node, ast.ClassDef)}
    for name, attribute in FIELDS + [(name, one) for name, some in DERIVED.items() for one in some]:
        found = [
            node
            for node in classes[name].body
            if isinstance(node, ast.FunctionDef) and node.name == attribute
        ]
        assert len(found) == 1, (name, attribute)
        said = ast.get_docstring(found[0])
        assert said and getattr(class_of(name), attribute).__doc__.strip() == said, (name, attribute)
    state: Any = cr.Call.state
    assert "Where the call stands" in state.__doc__


# Everything there


@pytest.mark.parametrize("name", TABLES)
def test_every_documented_member(name: str) -> None:
    value = full(name, 2)
    made = class_of(name).from_dict(value)
    check(made, value["user"] if name == "Identity" else value)
    assert made.to_dict() == value and made.extra == {}
    again = class_of(name).from_json(made.to_json())
    assert again == made and hash(again) == hash(made)


@pytest.mark.parametrize(("name", "attribute"), FIELDS)
def test_one_member_alone_is_one_attribute_alone(name: str, attribute: str) -> None:
    wire, kind = TABLES[name][attribute]
    made = read(name, {wire: sample(kind)})
    for other, (_, its) in TABLES[name].items():
        if other != attribute:
            assert getattr(made, other) == nothing(its), other
    assert getattr(made, attribute) != nothing(kind)
    assert made.extra == {}


# Nothing there, and nonsense


@pytest.mark.parametrize("name", TABLES)
def test_nothing_there(name: str) -> None:
    for members in ({}, {wire: None for wire, _ in TABLES[name].values()}):
        made = read(name, members)
        for attribute, (_, kind) in TABLES[name].items():
            assert getattr(made, attribute) == nothing(kind), attribute
        for attribute in DERIVED.get(name, set()) - {"deadline"}:
            derived = getattr(made, attribute)
            assert derived in (None, False) or (name, attribute) == ("Identity", "kind"), attribute
        assert made.odata_type is None and not made.extra
        repr(made)


JUNK: list[Any] = [None, 7, -(2**70), 1.5, "x", True, [], {}, [[]], [None, 7], {"id": []}, {"a": {"b": 1}}]


def strange(kind: Any, junk: object) -> Any:
    """What an attribute of that kind makes of a value that is none: for those with an opinion of their own."""
    listed: list[Any] = junk if isinstance(junk, list) else []
    if isinstance(kind, One):
        return junk if isinstance(junk, dict) else None
    if isinstance(kind, Many):
        return tuple(item for item in listed if isinstance(item, dict))
    if isinstance(kind, Enums) or kind == TEXTS:
        return tuple(item for item in listed if isinstance(item, str))
    if kind == TEXT or isinstance(kind, Enum):
        return junk if isinstance(junk, str) else None
    if kind == INT:
        return junk if type(junk) is int and abs(junk) < 2**63 else None
    if kind == FLAG:
        return junk if isinstance(junk, bool) else None
    if kind == CODE:
        fits = type(junk) in (int, str)
        return junk if fits else str(junk) if isinstance(junk, float) else None
    return junk


@pytest.mark.parametrize(("name", "attribute"), FIELDS)
def test_a_member_of_the_wrong_type(name: str, attribute: str) -> None:
    wire, kind = TABLES[name][attribute]
    for junk in [*JUNK, ["x", 7, {"id": "i"}]]:
        made = read(name, {wire: junk, "other": 1})
        value: Any = getattr(made, attribute)
        if isinstance(kind, One) and value is not None:
            value = value.to_dict()
        elif isinstance(kind, Many) and value is not None:
            value = tuple(item.to_dict() for item in value)
        assert value == strange(kind, junk), junk
        assert made.extra == {"other": 1}
        repr(made)


# Spelling


def enums() -> list[tuple[str, str]]:
    return [(name, one) for name, one in FIELDS if isinstance(TABLES[name][one][1], (Enum, Enums))]


@pytest.mark.parametrize(("name", "attribute"), enums())
def test_known_values_in_any_case_and_unknown_ones_as_they_came(name: str, attribute: str) -> None:
    wire, kind = TABLES[name][attribute]

    def seen(text: str) -> Any:
        if isinstance(kind, Enums):
            (value,) = getattr(read(name, {wire: [text]}), attribute)
            return value
        return getattr(read(name, {wire: text}), attribute)

    for known in kind:
        for text in (known, known.upper(), known.lower(), known[0].upper() + known[1:]):
            assert seen(text) == known
            # One string object of each: comparing them is comparing pointers.
            assert seen(text) is seen(known)
    for unknown in ("unknownFutureValue", "TeleportED", "", " " + kind[0], "+12345678901"):
        assert seen(unknown) == unknown


@pytest.mark.parametrize(("name", "attribute"), [f for f in FIELDS if TABLES[f[0]][f[1]][1] in (INT, CODE)])
def test_numbers_as_strings(name: str, attribute: str) -> None:
    wire, kind = TABLES[name][attribute]
    for text, number in (("0", 0), ("5001", 5001), ("-1", -1), (str(2**63 - 1), 2**63 - 1), ("007", 7)):
        assert getattr(read(name, {wire: text}), attribute) == number
    for text in ("", "transferring", "1.5", "1e3", " 1", "0x10", str(2**63)):
        assert getattr(read(name, {wire: text}), attribute) == (text if kind == CODE else None)


@pytest.mark.parametrize(("name", "attribute"), [f for f in FIELDS if TABLES[f[0]][f[1]][1] == FLAG])
def test_booleans_as_strings(name: str, attribute: str) -> None:
    wire = TABLES[name][attribute][0]
    for text, flag in (("true", True), ("True", True), ("FALSE", False), ("false", False)):
        assert getattr(read(name, {wire: text}), attribute) is flag
    for wrong in ("", "yes", "1", "true ", 0, 1):
        assert getattr(read(name, {wire: wrong}), attribute) is None


@pytest.mark.parametrize("name", TABLES)
def test_old_names(name: str) -> None:
    for attribute, (wire, kind) in TABLES[name].items():
        if wire in OLD:
            old = OLD[wire]
            made = read(name, {old: sample(kind)})
            assert getattr(made, attribute) == sample(kind) and made.extra == {}
            for other in set(TABLES[name]) - {attribute}:
                assert getattr(made, other) in (None, ()), other
            # The present name goes first, even where it says nothing.
            assert getattr(read(name, {old: "old", wire: "new"}), attribute) == "new"
            assert getattr(read(name, {old: "old", wire: None}), attribute) is None


@pytest.mark.parametrize("name", TABLES)
def test_unknown_members_are_extra(name: str) -> None:
    strangers = {
        "future": {"a": [1, 2.5, None]},
        "State": "x",
        "IDs": [],
        "": 0,
        "@odata.id": "x",
        "n": 2**80,
    }
    made = read(name, {**strangers, "@odata.type": "t", "id": "1"} if "id" in TABLES[name] else strangers)
    assert made.extra == strangers
    assert made.extra is not made.extra


def test_odata_type_with_and_without_a_hash() -> None:
    for name in TABLES:
        for said in ("#microsoft.graph.call", "microsoft.graph.call"):
            made = class_of(name).from_dict({"@odata.type": said})
            assert made.odata_type == "microsoft.graph.call"
            assert made.to_dict() == {"@odata.type": said}
        nones: list[Any] = [None, 7, [], {}]
        for none in nones:
            assert class_of(name).from_dict({"@odata.type": none}).odata_type is None
    batch = cr.parse([{"@odata.type": "#x.y", "changeType": "updated", "resourceUrl": "/app/calls/1"}])
    assert batch[0].odata_type == "x.y"


OPERATIONS = [
    "playPrompt", "record", "mute", "unmute", "inviteParticipants", "cancelMediaProcessing", "subscribeToTone",
    "updateRecordingStatus", "startHoldMusic", "stopHoldMusic", "addLargeGalleryView", "sendDtmfTones", "comms",
    "muteParticipants", "teleport",
]  # fmt: skip


@pytest.mark.parametrize("kind", OPERATIONS)
def test_kinds_of_operation(kind: str) -> None:
    for said in (f"#microsoft.graph.{kind}Operation", f"microsoft.graph.{kind}Operation"):
        assert cr.Operation.from_dict({"@odata.type": said}).kind == kind
    assert cr.Operation.from_dict({"@odata.type": 7}).kind is None


@given(st.sampled_from(sorted(TABLES)), st.data())
def test_any_mixture_reads_without_an_exception(name: str, data: st.DataObject) -> None:
    wires = [wire for wire, _ in TABLES[name].values()]
    members = data.draw(st.dictionaries(st.sampled_from([*wires, *OLD.values(), "x"]), st.sampled_from(JUNK)))
    made = read(name, members)
    for attribute in public(made):
        getattr(made, attribute)
    repr(made)
    assert class_of(name).from_json(made.to_json()) == made


# How it ended

REASONS = [
    (200, 0), (200, 4097), (200, 4521), (200, 5000), (200, 5001), (200, 5003), (200, 5002), (200, 5007), (200, 5010),
    (200, 5012), (200, 5013), (200, 5014), (200, 5020), (200, 5030), (200, 5300), (200, 5855), (200, 7000), (200, 7015),
    (200, 8515), (200, 10550), (200, 18503), (200, 540000), (200, 560000), (0, 5002), (0, 7015), (400, 2203),
    (400, 8508), (400, 8541), (403, 10151), (408, 1106), (408, 8537), (408, 8544), (408, 10057), (408, 13025),
    (410, 301005), (412, 9999), (412, 10073), (480, 10037), (480, 10076), (480, 10134), (480, 10199), (500, 1005),
    (500, 3003), (500, 7000), (500, 7106), (500, 7700), (500, 560500),
]  # fmt: skip
"""Every code that the documentation or its readers have met."""


@pytest.mark.parametrize(("code", "subcode"), REASONS)
def test_every_known_code_has_a_reason(code: int, subcode: int) -> None:
    alone = cr.ResultInfo.from_dict({"code": code}).reason
    said = cr.ResultInfo.from_dict({"code": code, "subcode": subcode}).reason
    # Words of its own, not those of any other with the same code.
    assert said and (said != alone or code in (408, 410, 480)) and said.isprintable()
    for value in (
        {"code": str(code), "subCode": str(subcode)},
        {"subcode": str(subcode), "code": code, "x": 1},
    ):
        assert cr.ResultInfo.from_dict(value).reason == said


def test_the_words_fit_their_codes() -> None:
    for code, subcode, words in (
        (200, 7015, "transfer completed"), (480, 10037, "no device"), (480, 10199, "private calls"),
        (408, 8537, "keepAlive"), (200, 5855, "lobby"), (412, 9999, "phone"), (200, 5013, "nobody joined"),
        (200, 560000, "phone"), (500, 1005, "media"), (0, 7015, "transfer completed"), (0, 5002, "others left"),
    ):  # fmt: skip
        assert words in (cr.ResultInfo.from_dict({"code": code, "subcode": subcode}).reason or "")


@pytest.mark.parametrize(
    "value",
    [
        {}, {"code": None}, {"subcode": 5001}, {"subCode": 7015}, {"code": 0}, {"code": 0, "subcode": 1}, {"code": 7},
        {"code": "x"}, {"code": 2**70}, {"code": -200}, {"code": 600, "subcode": 0}, {"code": 499}, {"code": [200]},
    ],
)  # fmt: skip
def test_unknown_codes_stay_numbers_without_a_reason(value: dict[str, Any]) -> None:
    result = cr.ResultInfo.from_dict(value)
    assert result.reason is None
    assert result.to_dict() == value
    if isinstance(value.get("code"), int):
        assert result.code == value["code"]


def test_an_unknown_subcode_leaves_the_meaning_of_the_code() -> None:
    for code, words in (
        (200, "ended normally"),
        (408, "nobody"),
        (410, "media"),
        (480, "reached"),
        (500, "failed"),
    ):
        subcodes: list[Any] = [1, None, "transferring", 2**70, []]
        for subcode in subcodes:
            result = cr.ResultInfo.from_dict({"code": code, "subcode": subcode})
            assert words in (result.reason or "")
            assert result.subcode == (None if subcode == [] else subcode)


def test_an_operation_alone_in_a_list_is_read_like_a_call_is() -> None:
    data = {"id": "1", "status": "completed"}
    for sent, found in (
        (data, data),
        ([data], data),
        ([7, data], data),
        ([data, data], None),
        ([], None),
        (7, None),
    ):
        item = {
            "changeType": "deleted",
            "resourceUrl": "/communications/calls/1/operations/1",
            "resourceData": sent,
        }
        event = cr.OperationEnded.from_dict(item)
        assert (event.operation and event.operation.to_dict()) == found


# Real documents


def walk(value: Any, seen: set[str]) -> None:
    """Reads every attribute of an object, and of every object in it."""
    if isinstance(value, tuple):
        for item in value:
            walk(item, seen)
    elif type(value).__name__ in TABLES or type(value).__name__ in EVENTS:
        seen.add(type(value).__name__)
        assert json.loads(value.to_json()) == value.to_dict()
        assert repr(value).isprintable()
        for attribute in public(value) - SHARED:
            walk(getattr(value, attribute), seen)


def test_every_documented_payload_is_walked() -> None:
    folder = CORPORA / "graph_payloads"
    if not folder.is_dir():
        pytest.skip(f"no corpora at {CORPORA}")
    classes: dict[str, Any] = {
        "resource.call": cr.Call,
        "resource.participant": cr.Participant,
        "response.operation": cr.Operation,
    }
    counts: dict[str, int] = {}
    seen: set[str] = set()
    for line in (folder / "index.tsv").read_text(encoding="utf-8").splitlines()[1:]:
        name, kind, strict = line.split("\t")[:3]
        text = (folder / name).read_bytes().decode()
        if kind.startswith("notification."):
            batch = cr.parse(text, lenient=strict != "yes")
            walk(tuple(batch), seen)
            assert not any(isinstance(event, cr.OtherNotification) for event in batch), name
        elif kind in classes and strict == "yes":
            value = json.loads(text)
            for item in value.get("value", [value]):
                made = classes[kind].from_dict(item)
                walk(made, seen)
                # What no attribute reads, in documents of all years.
                assert set(made.extra) <= {"@odata.context", "createdDateTime", "lastActionDateTime"}, (
                    name,
                    set(made.extra),
                )
        else:
            continue
        counts[kind.split(".")[0]] = counts.get(kind.split(".")[0], 0) + 1
    assert counts == {"notification": 52, "resource": 3, "response": 13}, counts
    assert {
        "Call",
        "Participant",
        "Operation",
        "ParticipantInfo",
        "Identity",
        "ResultInfo",
        "MediaStream",
    } <= seen
