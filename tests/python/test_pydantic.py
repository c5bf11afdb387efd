"""Pydantic and FastAPI read and write the classes, and the package needs neither."""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
from types import MappingProxyType
from typing import Annotated, Any

import pytest
from fastapi import Body, FastAPI
from httpx import ASGITransport, AsyncClient, Response
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError

import callredirect as cr
from kinds import EVENTS, TABLES, full
from test_values import CALL_1, NOTES, URL, made, note

REDIRECT = cr.Redirect([cr.Target.user("98da8a1a-1b87-452c-a713-65d3f10b1253")], timeout=30)
CLASSES = [*TABLES, *EVENTS, "Notifications", "Redirect"]


def value_of(name: str) -> Any:
    return REDIRECT if name == "Redirect" else made(name)


def wire(value: Any) -> dict[str, Any]:
    """What goes out."""
    if isinstance(value, cr.Notifications):
        return {"value": [item.to_dict() for item in value]}
    found: dict[str, Any] = value.to_dict()
    return found


def adapter(cls: Any) -> TypeAdapter[Any]:
    return TypeAdapter(cls)


class Job(BaseModel):
    call: cr.Call
    event: cr.IncomingCall | cr.CallEnded | None = None
    notes: cr.Notifications | None = None
    people: list[cr.Participant] = []
    redirect: cr.Redirect | None = None


JOB = Job(call=made("Call"), event=note("CallEnded"), notes=made("Notifications"), people=[made("Participant")],
          redirect=REDIRECT)  # fmt: skip


@pytest.mark.parametrize("name", CLASSES)
def test_every_class_in_every_form(name: str) -> None:
    value = value_of(name)
    its = adapter(type(value))
    text = json.dumps(wire(value))
    assert its.validate_python(value) is value
    assert its.validate_python(value, strict=True) is value
    for form in (wire(value), MappingProxyType(wire(value)), text, text.encode(), bytearray(text.encode())):
        assert its.validate_python(form) == value
        with pytest.raises(ValidationError, match="instance of"):
            its.validate_python(form, strict=True)
    assert its.validate_json(text) == its.validate_json(text, strict=True) == value
    assert its.dump_python(value) == its.dump_python(value, mode="json") == wire(value)
    assert json.loads(its.dump_json(value)) == wire(value)
    assert its.validate_json(its.dump_json(value)) == value


@pytest.mark.parametrize("name", CLASSES)
def test_json_schema(name: str) -> None:
    its = adapter(type(value_of(name)))
    for schema in (its.json_schema(), its.json_schema(mode="serialization")):
        assert (schema["type"], schema["title"], schema["additionalProperties"]) == ("object", name, True)
        assert schema["description"] and "\n" not in schema["description"]
        assert (name == "Notifications") == (schema.get("required") == ["value"])


def test_a_model_with_fields_of_ours() -> None:
    for dumped in (JOB.model_dump(), JOB.model_dump(mode="json"), json.loads(JOB.model_dump_json())):
        assert dumped["call"] == full("Call") and dumped["people"] == [full("Participant")]
        assert dumped["redirect"] == REDIRECT.to_dict()
        assert Job.model_validate(dumped) == JOB
    assert Job.model_validate_json(JOB.model_dump_json()) == JOB
    again = Job.model_validate(JOB.model_dump())
    assert type(again.event) is cr.CallEnded
    assert Job.model_validate({"call": {}, "event": note("IncomingCall").to_dict()}).event == note(
        "IncomingCall"
    )
    assert JOB.model_copy(deep=True) == JOB
    assert json.loads(Job(call=cr.Call.from_dict({"x": 2**80})).model_dump_json())["call"] == {"x": 2**80}


def test_the_schema_of_a_model() -> None:
    schema = Job.model_json_schema()
    assert schema["required"] == ["call"]
    assert schema["properties"]["call"]["title"] == "Call"
    assert [one.get("title") for one in schema["properties"]["event"]["anyOf"]] == [
        "IncomingCall",
        "CallEnded",
        None,
    ]


@pytest.mark.parametrize(
    ("value", "message", "path"),
    [
        ("{", "the text ends in the middle of a value", "$"),
        ('{"x": [1,]}', "trailing comma", "$.x[1]"),
        (b"\xff", "not UTF-8", "$"),
        ("7", "expected a JSON object", "$"),
        ({"x": float("nan")}, "NaN|expected|value", "$.x"),
        ({"x": object()}, "not JSON serializable", None),
        (7, "expected bytes or str, not int", None),
        (None, "expected bytes or str, not NoneType", None),
        ([], "expected bytes or str, not list", None),
    ],
)
def test_what_is_none_is_a_validation_error(value: object, message: str, path: str | None) -> None:
    with pytest.raises(ValidationError, match=message) as caught:
        adapter(cr.Call).validate_python(value)
    (error,) = caught.value.errors()
    assert error["type"] == "callredirect"
    assert error.get("ctx", {}).get("path") == path
    with pytest.raises(ValidationError) as caught:
        Job.model_validate({"call": value})
    assert caught.value.errors()[0]["loc"] == ("call",)


def test_an_error_says_what_parse_says() -> None:
    with pytest.raises(cr.ParseError) as ours:
        cr.parse({"x": 1})
    with pytest.raises(ValidationError) as theirs:
        adapter(cr.Notifications).validate_python({"x": 1})
    (error,) = theirs.value.errors()
    assert error["msg"] == str(ours.value)
    context = error.get("ctx", {})
    assert (context["reason"], context["line"]) == (ours.value.reason, 0)
    with pytest.raises(ValidationError, match="expected IncomingCall, found CallEnded"):
        adapter(cr.IncomingCall).validate_python(note("CallEnded").to_dict())
    with pytest.raises(ValidationError):
        adapter(cr.Call).validate_python(cr.Participant.from_json("{}"))


def test_what_was_never_validated_is_warned_of() -> None:
    job = Job.model_construct(call={"state": "x"})
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            assert job.model_dump()["call"] == {"state": "x"}
        except PydanticSerializationError as error:
            assert "Expected Call" in str(error)  # noqa: PT017
            return
    assert any("Expected Call" in str(one.message) or "Call" in str(one.message) for one in caught)


def test_unions_go_out_as_what_they_are() -> None:
    for cls in (cr.Call | str, str | cr.Call, cr.Participant | cr.Call | None):
        its = adapter(cls)
        call = made("Call")
        assert its.dump_python(call) == call.to_dict() and json.loads(its.dump_json(call)) == call.to_dict()
    assert adapter(cr.Call | str).dump_python("x") == "x"


# FastAPI

app = FastAPI()


@app.post("/notes")
def notes(body: Annotated[cr.Notifications, Body()]) -> list[str | None]:
    return [type(event).__name__ for event in body]


@app.post("/first", response_model=cr.Call)
def first(body: Annotated[cr.Notifications, Body(embed=True)]) -> Any:
    event: Any = body[0]
    return event.call


@app.post("/plain")
def plain(call: Annotated[cr.Call, Body()]) -> cr.Call:
    return call.__replace__(state="terminated")


@app.post("/job")
def job(job: Job) -> Job:
    return job


async def ask(method: str, path: str, **content: Any) -> Response:
    async with AsyncClient(transport=ASGITransport(app), base_url="http://bot") as client:
        return await client.request(method, path, **content)


ALL_NOTES = {"value": [note(name).to_dict() for name in NOTES]}


async def test_a_route_takes_notifications() -> None:
    answer = await ask("POST", "/notes", json=ALL_NOTES)
    assert (answer.status_code, answer.json()) == (200, list(NOTES))
    answer = await ask("POST", "/notes", json=[])
    assert (answer.status_code, answer.json()) == (200, [])
    answer = await ask("POST", "/first", json={"body": ALL_NOTES})
    assert (answer.status_code, answer.json()) == (200, {"state": "incoming"})
    answer = await ask("POST", "/plain", json={"state": "hold", "future": [1]})
    assert (answer.status_code, answer.json()) == (200, {"state": "terminated", "future": [1]})
    answer = await ask(
        "POST", "/job", content=JOB.model_dump_json(), headers={"content-type": "application/json"}
    )
    assert answer.status_code == 200 and Job.model_validate(answer.json()) == JOB


@pytest.mark.parametrize("body", [{"x": 1}, {"value": 7}, 7, "x", None, {"callState": "incoming"}])
async def test_a_route_refuses_what_is_none(body: object) -> None:
    answer = await ask("POST", "/notes", json=body)
    assert answer.status_code == 422
    (error,) = answer.json()["detail"]
    assert error["loc"] == ["body"] and error["type"] in ("callredirect", "missing")


async def test_the_api_is_described() -> None:
    described = (await ask("GET", "/openapi.json")).json()
    schema = described["paths"]["/notes"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert schema["properties"]["value"]["type"] == "array"
    answer = described["paths"]["/plain"]["post"]["responses"]["200"]["content"]["application/json"]["schema"]
    assert answer["type"] == "object"


def test_pydantic_is_imported_by_nobody_else() -> None:
    code = (
        "import callredirect as cr, sys; cr.parse('[]'); cr.Call.from_json('{}');"
        "hasattr(cr.Call, '__get_pydantic_core_schema__') or sys.exit('no');"
        "sys.exit([name for name in sys.modules if 'pydantic' in name] or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_ids_survive_the_round_trip_in_a_notification_only() -> None:
    event = note("CallUpdated")
    assert event.call.id == CALL_1 and URL in adapter(cr.CallUpdated).dump_json(event).decode()
    # A call by itself is its object: the id that stood in the URL is not in it.
    assert adapter(cr.Call).dump_python(event.call) == {"state": "established"}
