"""The redirect request from Python: values, JSON, rules."""

from __future__ import annotations

import copy
import json
import os
import pickle
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import callredirect as cr

if TYPE_CHECKING:
    from collections.abc import Callable

ALICE = "98da8a1a-1b87-452c-a713-65d3f10b1253"
BOB = "bf5aae9a-d11d-47a8-93b1-782504c9c3f3"
CALLBACK = "https://bot.contoso.com/api/calls/24701998-1a73-4d42-8085-bf46ed0ae039"
ROOT = Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "tests" / "fixtures" / "redirect"

EXAMPLES = {
    "forward_to_bot": cr.Redirect(
        [cr.Target.application("22bfd41f-550e-477d-8789-f6f7bd2a5e8b", display_name="test bot 2")],
        callback_uri=CALLBACK,
    ),
    "ring_two_users": cr.Redirect(
        [cr.Target.user(ALICE, display_name="test user"), cr.Target.user(BOB, display_name="test user 2")],
        routing_policies=["disableForwarding"],
        callback_uri=CALLBACK,
    ),
    "forward_to_phone": cr.Redirect([cr.Target.phone("+12345678901")], callback_uri=CALLBACK),
}


def codes(redirect: cr.Redirect, **options: Any) -> list[str]:
    return [violation.code for violation in redirect.violations(**options)]


@pytest.mark.parametrize("name", EXAMPLES)
def test_documented_examples_key_for_key(name: str) -> None:
    text = (FIXTURES / f"{name}.json").read_text()
    redirect = EXAMPLES[name]
    assert redirect.to_json() == json.dumps(json.loads(text), separators=(",", ":"))
    assert list(redirect.to_dict()) == list(json.loads(text))
    assert cr.Redirect.from_json(text) == cr.Redirect.from_json(text.encode()) == redirect
    assert cr.Redirect.from_dict(json.loads(text)) == redirect
    redirect.validate()


def test_every_example_is_a_fixture() -> None:
    assert {path.stem for path in FIXTURES.glob("*.json")} == set(EXAMPLES)


@pytest.mark.parametrize(
    "value",
    [
        *EXAMPLES.values(),
        cr.Redirect(
            (target for target in [cr.Target.voicemail(ALICE, tenant_id=BOB)]),
            timeout=-1,
            callback_uri="\0",
            mask_callee=True,
            mask_caller=False,
            routing_policies=[],
            target_disposition="",
            extra={"a": [1, None, {"b": 0.5}], "c": 2**63},
        ),
        cr.Target.identity("guest", "x", tenant_id="t", email=None),
        cr.Target(
            "", "", endpoint_type="e", participant_extra={"hidden": True}, identity_set_extra={"x": None}
        ),
        cr.Limits(max_targets=3),
        cr.Violation("c", "$", "m", {"a": 1}, "warning"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_values_behave_like_frozen_dataclasses(value: object) -> None:
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        assert pickle.loads(pickle.dumps(value, protocol)) == value
    twins = [copy.copy(value), copy.deepcopy(value), value.__replace__()]  # type: ignore[attr-defined]
    assert all(twin == value and hash(twin) == hash(value) and repr(twin) == repr(value) for twin in twins)
    assert type(value).__module__ == "callredirect"
    assert value != "x"
    assert all(hasattr(value, name) for name in type(value).__match_args__)  # type: ignore[attr-defined]
    with pytest.raises(AttributeError):
        value.new = 1  # type: ignore[attr-defined]
    with pytest.raises(TypeError):
        value.__replace__(nothing=1)  # type: ignore[attr-defined]


def test_match_and_replace() -> None:
    match EXAMPLES["forward_to_phone"]:
        case cr.Redirect(targets=(cr.Target("phone", number),), timeout=None):
            assert number == "+12345678901"
        case _:
            pytest.fail("no match")
    changed = EXAMPLES["forward_to_phone"].__replace__(timeout=30)
    assert (changed.timeout, changed.callback_uri) == (30, CALLBACK)
    assert cr.Target.user(ALICE).__replace__(display_name="Alice") == cr.Target.user(
        ALICE, display_name="Alice"
    )


def test_nothing_shows_a_phone_number_or_a_key() -> None:
    redirect = cr.Redirect(
        [
            cr.Target.phone("+1 234 567 8901"),
            cr.Target.phone("+12345678901"),
            cr.Target.phone("+12345678901"),
        ],
        callback_uri="https://me:pw@bot.contoso.com/api?code=key",
    )
    with pytest.raises(cr.ValidationError) as caught:
        redirect.validate()
    shown = [repr(redirect), str(redirect), repr(redirect.targets), str(caught.value), repr(caught.value)]
    shown += [f"{violation!r} {violation}" for violation in caught.value.violations]
    for secret in ("234567", "234 567", "pw@", "code=key"):
        assert not any(secret in text for text in shown)
    assert caught.value.violations[0].value == "+1 234 567 8901"


def test_validate_raises_for_errors_only_and_lists_everything() -> None:
    warned = cr.Redirect([cr.Target.voicemail("alice")], routing_policies=["x"])
    assert codes(warned) == [
        "target_id_not_guid", "voicemail_unreliable", "routing_policies_undocumented", "routing_policy_unknown",
    ]  # fmt: skip
    assert {violation.severity for violation in warned.violations()} == {"warning"}
    warned.validate()

    broken = cr.Redirect([], timeout=91, callback_uri="http://x", routing_policies=["none"])
    with pytest.raises(ValueError, match="3 faults") as caught:
        broken.validate()
    assert isinstance(caught.value, cr.ValidationError)
    assert list(caught.value.violations) == broken.violations()
    first = caught.value.violations[0]
    assert (first.code, first.path, first.value, first.severity) == (
        "targets_missing",
        "$.targets",
        [],
        "error",
    )
    again = pickle.loads(pickle.dumps(caught.value))
    assert (again.violations, str(again)) == (caught.value.violations, str(caught.value))


def test_limits() -> None:
    redirect = cr.Redirect([cr.Target.user(ALICE), cr.Target.user(BOB)], timeout=99)
    assert codes(redirect) == ["timeout_out_of_range"]
    assert codes(redirect, limits=cr.Limits(max_targets=1, max_timeout=99)) == ["targets_too_many"]


def test_versions() -> None:
    masked = cr.Redirect([cr.Target.user(ALICE)], mask_caller=True)
    assert codes(masked) == codes(masked, api_version="beta") == []
    assert codes(masked, api_version="v1.0") == ["field_not_in_version"]
    assert "maskCaller" in masked.to_json() and "maskCaller" in masked.to_dict("beta")
    for refuse in (masked.to_json, masked.to_dict, masked.validate):
        with pytest.raises(cr.ValidationError) as caught:
            refuse(api_version="v1.0")
        assert [violation.path for violation in caught.value.violations] == ["$.maskCaller"]
    for version in ("v1", "", "V1.0", "v2.0"):
        with pytest.raises(ValueError, match=r"'v1\.0' or 'beta'"):
            masked.violations(version)


@pytest.mark.parametrize(
    ("text", "path", "line"),
    [
        ("", "$", 1),
        ("{\n 'a': 1}", "$", 2),
        (b"\xff", "$", 1),
        (bytearray(b'{"timeout": "30"}'), "$.timeout", 1),
        (memoryview(b'{"targets": [\n{}]}'), "$.targets[0]", 2),
        ('{"timeout": 1, "timeout": 1}', "$.timeout", 1),
        ("\ud800", "$", 0),
        ("[" * 100_000, "$" + "[0]" * 20 + "...", 1),
    ],
)
def test_what_cannot_be_read(text: object, path: str, line: int) -> None:
    with pytest.raises(cr.ParseError) as caught:
        cr.Redirect.from_json(text)  # type: ignore[arg-type]
    error = caught.value
    assert isinstance(error, ValueError)
    assert (error.path, error.line) == (path, line)
    again = pickle.loads(pickle.dumps(error))
    assert (again.reason, again.column, str(again)) == (error.reason, error.column, str(error))


def test_dicts_that_cannot_be_read() -> None:
    with pytest.raises(cr.ParseError) as caught:
        cr.Redirect.from_dict({"timeout": 1.5})
    assert (caught.value.path, caught.value.line) == ("$.timeout", 0)
    deep: dict[str, object] = {}
    for _ in range(10_000):
        deep = {"x": deep}
    for value in ({"x": float("nan")}, {"x": "\ud800"}, deep):
        with pytest.raises(cr.ParseError):
            cr.Redirect.from_dict(value)
    with pytest.raises(TypeError):
        cr.Redirect.from_dict({"x": object()})


def test_wrong_types_are_said_at_once() -> None:
    redirect: Any = cr.Redirect  # what follows is wrong on purpose
    target: Any = cr.Target
    wrong: list[Callable[[], object]] = [
        lambda: redirect(target.user(ALICE)),
        lambda: redirect([ALICE]),
        lambda: redirect([], timeout="30"),
        lambda: redirect([], mask_caller=1),
        lambda: redirect([], routing_policies="none"),
        lambda: target.user(None),
        lambda: redirect.from_json(7),
        lambda: redirect.from_json([123, 125]),
    ]
    for make in wrong:
        with pytest.raises(TypeError):
            make()
    for targets in (target.user(ALICE), [ALICE], ALICE, None, 7):
        with pytest.raises(
            TypeError, match=r"such as \[Target\.user\(id\)\]; not (Target|str|NoneType|int)$"
        ):
            redirect(targets)
    with pytest.raises(ZeroDivisionError):
        redirect(1 / 0 for _ in range(1))
    with pytest.raises(ValueError, match="64 bits"):
        redirect([], timeout=10**30)


def test_naughty_strings_in_every_field() -> None:
    corpora = Path(os.environ.get("CALLREDIRECT_CORPORA", ROOT / ".." / "shared" / "corpora"))
    files = sorted((corpora / "blns").glob("*.json"))
    if not files:
        pytest.skip(f"no naughty strings in {corpora}; set CALLREDIRECT_CORPORA")
    for text in json.loads(files[0].read_text()):
        target = cr.Target(
            text, text, display_name=text, tenant_id=text, endpoint_type=text, extra={text: text}
        )
        redirect = cr.Redirect(
            [target, cr.Target.phone(text)],
            callback_uri=text, routing_policies=[text], target_disposition=text, extra={text: text},
        )  # fmt: skip
        assert pickle.loads(pickle.dumps(redirect)) == redirect
        found = redirect.violations()
        assert any(violation.severity == "error" for violation in found)
        assert all(line.isprintable() for v in found for line in (v.path, v.message)), text
        assert json.loads(redirect.to_json())["callbackUri"] == text
