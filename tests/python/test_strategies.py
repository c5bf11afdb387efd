"""What the strategies draw is what they say, and it survives every way through the package."""

from __future__ import annotations

import copy
import json
import pickle
import subprocess
import sys
from collections.abc import Callable
from typing import Any, Literal

import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample

import callredirect as cr
from callredirect.testing import Simulator
from callredirect.testing import strategies as calls

VERSIONS: list[Literal["v1.0", "beta"]] = ["v1.0", "beta"]
quick = settings(max_examples=60)


@given(body=calls.notifications(), as_text=st.booleans())
@quick
def test_notifications_are_typed_and_come_back_whole(body: dict[str, Any], as_text: bool) -> None:
    batch = cr.parse(json.dumps(body) if as_text else body)
    assert [note.to_dict() for note in batch] == body["value"]
    typed = (cr.IncomingCall, cr.CallUpdated, cr.CallEnded, cr.ParticipantsChanged, cr.OperationEnded)
    for note in batch:
        assert isinstance(note, typed)
        assert pickle.loads(pickle.dumps(note)) == copy.deepcopy(note) == note
        assert type(note).from_json(note.to_json()) == note


@given(body=calls.notifications(messy=True))
@quick
def test_messy_notifications_lose_nothing(body: dict[str, Any]) -> None:
    batch = cr.parse(json.dumps(body))
    assert [note.to_dict() for note in batch] == body["value"]
    assert cr.parse(body) == batch
    for note in batch:
        repr(note)
        assert pickle.loads(pickle.dumps(note)) == note


MESS: dict[str, Callable[[dict[str, Any]], bool]] = {
    "partial": lambda item: (
        isinstance(item.get("resourceData"), dict) and not item["resourceData"].keys() & {"source", "id"}
    ),
    "a null": lambda item: None in item.values(),
    "PascalCase": lambda item: item.get("changeType") in ("Created", "Updated", "Deleted"),
    "an unknown member of an enumeration": lambda item: item.get("changeType") == "somethingNew",
    "a number as text": lambda item: '"subcode": "' in json.dumps(item),
    "an unknown member": lambda item: (
        not set(item) <= {"@odata.type", "changeType", "resourceUrl", "resourceData"}
    ),
}


@pytest.mark.parametrize("mess", MESS)
def test_there_is_every_mess_and_none_of_it_in_clean_ones(mess: str) -> None:
    hunt = settings(max_examples=3000, phases=[Phase.generate], database=None)

    def messy(body: dict[str, Any]) -> bool:
        return any(MESS[mess](item) for item in body["value"] if isinstance(item, dict))

    find(calls.notifications(messy=True), messy, settings=hunt)
    with pytest.raises(NoSuchExample):
        find(calls.notifications(), messy, settings=settings(hunt, max_examples=200))


@given(call=calls.calls())
@quick
def test_calls_ring(call: cr.Call) -> None:
    assert call.state == "incoming" and call.id and call.targets
    assert call.source is not None and call.source.identity is not None and call.source.identity.id
    assert cr.Call.from_json(call.to_json()) == cr.Call.from_dict(call.to_dict()) == call


@given(call=calls.calls(messy=True))
@quick
def test_messy_calls_can_be_read(call: cr.Call) -> None:
    assert cr.Call.from_dict(call.to_dict()) == call
    for name in dir(call):
        if not name.startswith("_"):
            getattr(call, name)


@pytest.mark.parametrize("version", VERSIONS)
@given(data=st.data())
@quick
def test_redirects_break_no_rule(version: Literal["v1.0", "beta"], data: st.DataObject) -> None:
    redirect = data.draw(calls.redirects(api_version=version))
    assert redirect.violations(version) == []
    assert cr.Redirect.from_json(redirect.to_json(api_version=version)) == redirect
    assert cr.Redirect.from_dict(redirect.to_dict()) == pickle.loads(pickle.dumps(redirect)) == redirect


@given(target=calls.targets(kinds=("phone",)))
@quick
def test_targets_are_of_the_kinds_asked_for(target: cr.Target) -> None:
    assert target.kind == "phone" and target.id.startswith("+")


@pytest.fixture(scope="module")
def graph() -> Any:
    with Simulator() as simulator:
        yield simulator


@pytest.mark.parametrize("version", VERSIONS)
@given(data=st.data())
@settings(quick, max_examples=20)
def test_graph_takes_them(graph: Simulator, version: Literal["v1.0", "beta"], data: st.DataObject) -> None:
    redirect = data.draw(calls.redirects(api_version=version))
    client = cr.Client(graph.access_token(), base_url=graph.base_url, api_version=version)
    assert isinstance(client.redirect(graph.place_call(), redirect), cr.Accepted)
    assert cr.Redirect.from_json(graph.redirects[-1].body) == redirect


def test_they_shrink_to_what_matters() -> None:
    shrink = settings(max_examples=2000, database=None, derandomize=True)
    redirect = find(calls.redirects(), lambda redirect: len(redirect.targets) > 1, settings=shrink)
    ids = [f"00000000-0000-0000-0000-{number:012}" for number in (0, 1)]
    assert redirect == cr.Redirect([cr.Target.user(user) for user in ids])

    def has_text(body: dict[str, Any]) -> bool:
        return '"code": "' in json.dumps(body)

    body = find(calls.notifications(messy=True), has_text, settings=shrink)
    spoiled = [name for item in body["value"] for name, value in item.items() if value is None]
    assert (spoiled, len(json.dumps(body)) < 1500) == ([], True)


def test_without_hypothesis_it_says_so() -> None:
    code = (
        "import sys\nsys.modules['hypothesis'] = None\nimport callredirect.testing\n"
        "try:\n    import callredirect.testing.strategies\nexcept ImportError as error:\n    print(error.name, error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stderr, done.stdout) == (
        "",
        "hypothesis callredirect.testing.strategies needs hypothesis: pip install hypothesis\n",
    )
