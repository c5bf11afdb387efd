"""The pytest plugin, in pytest runs of its own; and what README and docs/testing.md show of it."""

from __future__ import annotations

import inspect
import re
import sys
from typing import Any

import pytest

import callredirect as cr
from callredirect.testing import Simulator, _diff
from conftest import ROOT
from pytest_callredirect import _marker

pytest_plugins = ["pytester"]

README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGE = (ROOT / "docs" / "testing.md").read_text(encoding="utf-8")
EXAMPLES = ROOT / "examples"

BOT = """
import callredirect as cr

ALICE = cr.Target.user("98da8a1a-1b87-452c-a713-65d3f10b1253")

def make_bot(**settings):
    bot = cr.Redirector(**settings)

    @bot.on_incoming
    def route(call):
        stranger = call.source.identity.kind == "guest"
        return None if stranger else cr.Redirect([ALICE], timeout=30)

    return bot
"""

IMPORTS = """
import contextlib
import threading
import httpx
import pytest
import callredirect as cr
from my_bot import ALICE

STRANGER = {"guest": "somebody"}
"""


def block(text: str, words: str) -> str:
    """The one Python block of a page that has these words."""
    found = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    (one,) = [block for block in found if words in block]
    return str(one)


@pytest.fixture
def run(pytester: pytest.Pytester) -> Any:
    """Runs pytest on a module, beside a bot on a thread."""
    pytester.makepyfile(my_bot=BOT)
    pytester.makeconftest(block(PAGE, "flask.blueprint"))
    pytester.makeini(
        "[pytest]\nfilterwarnings = error\nasyncio_default_fixture_loop_scope = function\naddopts = --strict-markers"
    )

    def run(code: str, *arguments: str) -> pytest.RunResult:
        pytester.makepyfile(test_it=IMPORTS + code)
        return pytester.runpytest_subprocess("-p", "no:cacheprovider", *arguments, timeout=120)

    return run


def said(result: pytest.RunResult, test: str) -> str:
    """What pytest wrote under the heading of a test."""
    text = result.stdout.str()
    found = re.search(
        rf"^_+ (?:ERROR at \w+ of )?{test} _+\n(.*?)(?=^_+ |^=+ )", text, re.MULTILINE | re.DOTALL
    )
    assert found is not None, text
    return found[1]


# What is written down


def test_the_test_of_the_readme(pytester: pytest.Pytester) -> None:
    code = block(README, "def test_bot_2_is_busy")
    example = (EXAMPLES / "test_fastapi_bot.py").read_text(encoding="utf-8")
    assert len(code.splitlines()) < 15
    assert code.partition("\n\n\n")[2] in example
    pytester.makepyfile(fastapi_bot=(EXAMPLES / "fastapi_bot.py").read_text(encoding="utf-8"))
    pytester.makeconftest(example[: example.index("def test_")])
    pytester.makepyfile(test_it=code)
    pytester.runpytest_subprocess("-p", "no:cacheprovider", timeout=120).assert_outcomes(passed=1)
    pytester.makepyfile(test_it=code.replace('"busy"}', '"no_answer"}'))
    pytester.runpytest_subprocess("-p", "no:cacheprovider", timeout=120).assert_outcomes(failed=1)


def test_the_tests_of_the_page(run: Any, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_loop=block(PAGE, "async def test_it_redirects"), test_property=block(PAGE, "@given")
    )
    # The profile that knows of busy machines.
    options = ("-o", "asyncio_mode=auto", "--hypothesis-profile=ci")
    run(block(PAGE, "def test_alice"), *options).assert_outcomes(passed=3)


def test_the_page_without_pytest(pytester: pytest.Pytester) -> None:
    names: dict[str, Any] = {}
    made = block(PAGE, "flask.blueprint")
    pytester.makepyfile(
        my_bot=BOT.replace("Target.user(", 'Target.application(display_name="test bot 2", id=')
    )
    pytester.syspathinsert()
    exec(compile(made, "docs/testing.md", "exec"), names)
    bots: list[Any] = []

    def start_bot(graph: Simulator) -> Any:
        bots.append(names["bot_url"].__wrapped__(graph))
        return next(bots[0])

    try:
        exec(compile(block(PAGE, "with Simulator"), "docs/testing.md", "exec"), {"start_bot": start_bot})
    finally:
        sys.modules.pop("my_bot", None)
        assert next(bots[0], None) is None


def test_the_marker_of_the_page(run: Any) -> None:
    code = block(PAGE, "pytestmark")
    result = run(code + "\n\ndef test_left_alone(bot_url, incoming_call):\n"
                 "    assert incoming_call(bot_url, source=STRANGER, wait=0.1).ending == 'expired'\n")  # fmt: skip
    result.assert_outcomes(passed=1)


def test_the_page_names_every_fixture_and_every_strategy() -> None:
    import pytest_callredirect
    from callredirect.testing import strategies

    fixtures = [
        name
        for name, value in vars(pytest_callredirect).items()
        if not name.startswith("_") and type(value).__name__ == "FixtureFunctionDefinition"
    ]
    assert len(fixtures) == 4
    assert [name for name in fixtures if f"| `{name}` |" not in PAGE] == []
    assert [name for name in strategies.__all__ if f"`{name}(" not in PAGE] == []
    assert [rule for rule in _marker.RULES if rule not in PAGE] == []


# The rules

RULES = """
def redirect_twice(graph, call_id):
    client = cr.Client(graph.access_token(), base_url=graph.base_url)
    return [client.redirect(call_id, cr.Redirect([ALICE])) for _ in range(2)]

def test_fine(bot_url, incoming_call, redirects):
    for _ in range(2):
        incoming_call(bot_url)
    assert len(redirects) == 2 and redirects[0] == redirects[-1]

def test_fine_after_all(bot_url, incoming_call, redirects):
    call = incoming_call(bot_url, faults=[{"name": "throttled", "nth": 1, "seconds": 0.01}])
    assert call.ending == "answered" and list(redirects) == [cr.Redirect([ALICE], timeout=30)]
    assert [received.status for received in redirects.received] == [429, 202]

def test_fine_hung_up(bot_url, incoming_call):
    assert incoming_call(bot_url, source=STRANGER, hang_up=1).ending == "hung_up"

def test_fine_left_alone(bot_url, incoming_call):
    incoming_call(bot_url, source=STRANGER, wait=0.1, redirected=False)

@pytest.mark.parametrize("who", [{"source": STRANGER, "wait": 0.1}, {}])
def test_fine_either(bot_url, incoming_call, who):
    incoming_call(bot_url, redirected=None, **who)

def test_fine_without_a_call(redirects):
    assert not redirects

def test_not_redirected(bot_url, incoming_call):
    incoming_call(bot_url)
    incoming_call(bot_url, source=STRANGER, wait=0.1, name="a stranger")

def test_never_over_it(bot_url, call_simulator):
    call_simulator.ring(bot_url, faults=["not_registered"], wait=3)

def test_redirected(bot_url, incoming_call):
    incoming_call(bot_url, redirected=False)

def test_second(call_simulator):
    redirect_twice(call_simulator, call_simulator.place_call())

@pytest.mark.callredirect(second_redirect="accepted")
def test_second_accepted(call_simulator):
    redirect_twice(call_simulator, call_simulator.place_call())

def test_another_call(call_simulator):
    redirect_twice(call_simulator, "nobodys")

def test_invalid(call_simulator):
    httpx.post(
        f"{call_simulator.base_url}/v1.0/communications/calls/{call_simulator.place_call()}/redirect",
        headers={"Authorization": f"Bearer {call_simulator.access_token()}"},
        json={"targets": [{"identity": {"phone": {"id": "+1234567890123456"}}}], "timeout": 5},
    )

def test_never_looked(bot_url, incoming_call, redirects):
    incoming_call(bot_url)

def test_half_looked(bot_url, incoming_call, redirects):
    incoming_call(bot_url)
    incoming_call(bot_url)
    assert redirects[0].timeout == 30

def test_looked_too_early(bot_url, incoming_call, redirects):
    assert redirects == []
    incoming_call(bot_url)

def test_never_any(redirects):
    pass

def test_still_ringing(bot_url, call_simulator):
    def ring():  # it ends with the bot or with the simulator, whichever is stopped first
        with contextlib.suppress(RuntimeError, ConnectionError):
            call_simulator.ring(bot_url, source=STRANGER)

    happening = call_simulator.events()
    threading.Thread(target=ring).start()
    next(happening)

def test_own_failure(bot_url, incoming_call, redirects):
    incoming_call(bot_url, source=STRANGER, wait=0.1)
    assert 1 == 2

@pytest.mark.xfail(strict=True)
def test_expected_to_fail(redirects):
    pass

@pytest.fixture
def late(call_simulator):
    yield
    redirect_twice(call_simulator, "too-late")

def test_late(late):
    pass

@pytest.mark.callredirect(assert_all_redirects_expected=False)
class TestRelaxed:
    def test_second(self, call_simulator):
        redirect_twice(call_simulator, call_simulator.place_call())

    @pytest.mark.callredirect(assert_all_redirects_expected=True)
    def test_strict_again(self, call_simulator):
        redirect_twice(call_simulator, call_simulator.place_call())
"""


def test_the_rules(run: Any) -> None:
    result = run(RULES, "-ra")
    failed = set(re.findall(r"^FAILED test_it.py::(\S+)", result.stdout.str(), re.MULTILINE))
    assert failed == {
        "test_not_redirected", "test_never_over_it", "test_redirected", "test_second", "test_second_accepted",
        "test_another_call", "test_invalid", "test_never_looked", "test_half_looked", "test_looked_too_early",
        "test_never_any", "test_still_ringing", "test_own_failure", "TestRelaxed::test_strict_again",
    }  # fmt: skip
    result.assert_outcomes(passed=9, failed=len(failed), errors=1, xfailed=1)
    contents = {
        "test_not_redirected": [
            "1 call was rung and not redirected",
            "(a stranger): the bot replied 202 to POST /api/calls and sent no redirect",
            "Graph got these redirects:\n  - call ",
            "redirected=False",
            "callredirect(assert_all_calls_redirected=False)",
        ],
        "test_never_over_it": ["7503", "on purpose (not_registered)"],
        "test_redirected": ["1 call was redirected that should be left alone", "id='98da8a1a-"],
        "test_second": ["1 redirect was not", "404 8522", "the call had been redirected after 0."],
        "test_second_accepted": ["1 redirect was not", "202; the call had been redirected after 0."],
        "test_another_call": ["2 redirects were not", "no call of this id was ringing"],
        "test_invalid": ["400 ", "$.timeout", "phone.id"],
        "test_never_looked": [
            "did not look at 1 of 1",
            "redirects[0]: Redirect(",
            "assert redirects == [...]",
        ],
        "test_half_looked": ["did not look at 1 of 2", "redirects[1]: "],
        "test_looked_too_early": ["did not look at 1 of 1"],
        "test_never_any": ["did not look whether there are any"],
        "test_still_ringing": ["1 call is still ringing", "await the coroutine, or join the thread"],
        "test_late": ["2 redirects were not", "call too-late"],
    }
    for test, words in contents.items():
        text = said(result, test)
        assert [word for word in words if word not in text] == [], text
        assert "Traceback" not in text and "pytest_callredirect" not in text
    assert "was rung and not redirected" not in said(result, "test_own_failure")
    assert "+1234567890123456" not in said(result, "test_invalid")


def test_a_marker_that_cannot_be(run: Any) -> None:
    result = run("""
@pytest.mark.callredirect(assert_all_redirect_expected=False)
def test_typing_slip(): pass

@pytest.mark.callredirect(patience=3)
def test_no_option(): pass

@pytest.mark.callredirect(False)
def test_positional(): pass

@pytest.mark.callredirect(assert_all_calls_redirected="no")
def test_no_truth(): pass

@pytest.mark.callredirect(faults=["thrtled"])
def test_fault(call_simulator): pass

@pytest.mark.callredirect(speed="fast")
def test_speed(call_simulator): pass
""")
    result.assert_outcomes(errors=6)
    contents = {
        "test_typing_slip": "no option 'assert_all_redirect_expected'; did you mean 'assert_all_redirects_expected'?",
        "test_no_option": "there is no option 'patience'; there are assert_all_calls_redirected, ",
        "test_positional": "takes keywords only, such as assert_all_calls_redirected=False, and was given False",
        "test_no_truth": "assert_all_calls_redirected is True or False, not 'no'",
        "test_fault": "no such fault as `thrtled`: did you mean `throttled`?",
        "test_speed": "must be real number, not str, in Simulator(speed='fast')",
    }
    for test, words in contents.items():
        text = said(result, test)
        assert text.startswith("@pytest.mark.callredirect: ") and words in text
        assert len(text.splitlines()) == 1, text


def test_the_marker_has_the_keywords_of_the_simulator() -> None:
    keywords = set(inspect.signature(Simulator).parameters) - {"port"}
    assert set(_marker.SIMULATOR) == keywords


def test_a_mistake_is_shown_at_the_line_of_the_test(run: Any) -> None:
    result = run("""
def test_typing_slip(bot_url, incoming_call):
    incoming_call(bot_url, callees={"*": "bussy"})
""")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*did you mean `busy`?*"])
    result.stdout.no_fnmatch_line("*_watch.py*")


# What differs


def test_the_diff_has_every_field() -> None:
    fields = set(inspect.signature(cr.Redirect).parameters)
    assert {*_diff.FIELDS, "targets"} == fields
    assert set(_diff.TARGET_FIELDS) == set(inspect.signature(cr.Target).parameters)


USER, OTHER = cr.Target.user("a"), cr.Target.user("b")


@pytest.mark.parametrize(
    ("left", "right", "lines"),
    [
        (cr.Redirect([USER]), cr.Redirect([USER], timeout=20), ["timeout: left None, right 20"]),
        (cr.Redirect([USER]), cr.Redirect([OTHER]), ["targets[0].id: left 'a', right 'b'"]),
        (cr.Redirect([USER, OTHER]), cr.Redirect([OTHER, USER]), ["targets: the same in another order"]),
        (
            cr.Redirect([USER, OTHER]),
            cr.Redirect([USER]),
            ["targets: left has Target(kind='user', id='b'), right not"],
        ),
        (
            cr.Redirect([cr.Target.phone("+12345678901")]),
            cr.Redirect([cr.Target.phone("+12345678801")]),
            ["targets[0].id: left '+********901', right '+********801'"],
        ),
        (
            cr.Redirect([cr.Target.phone("+12345678901")]),
            cr.Redirect([cr.Target.phone("+4930123456")]),
            ["targets[0].id: left '+*********01', right '+********56'"],
        ),
        (
            cr.Redirect([USER], callback_uri="https://x/y?code=1"),
            cr.Redirect([USER], callback_uri="https://x/y?code=2"),
            ["callback_uri: left 'https://x/y?***' with one query, right 'https://x/y?***' with another"],
        ),
        (
            cr.Redirect([USER], callback_uri="https://x/y?code=1"),
            cr.Redirect([USER]),
            ["callback_uri: left 'https://x/y?***', right None"],
        ),
    ],
)
def test_two_redirects(left: cr.Redirect, right: cr.Redirect, lines: list[str]) -> None:
    explained = _diff.explain(left, right)
    assert explained is not None
    assert explained == [f"{left!r} == {right!r}", *lines]


def test_other_things_are_not_explained() -> None:
    assert _diff.explain([cr.Redirect([USER])], [1]) is None
    assert _diff.explain(cr.Redirect([USER]), 1) is None


def test_what_was_sent_against_what_was_expected(run: Any) -> None:
    result = run(
        """
BOB = cr.Target.user("b0b")

def test_fields(bot_url, incoming_call, redirects):
    incoming_call(bot_url)
    assert [cr.Redirect([BOB]), cr.Redirect([ALICE])] == redirects

def test_too_many(bot_url, incoming_call, redirects):
    incoming_call(bot_url)
    assert redirects == []

def test_refused(bot_url, incoming_call, redirects):
    incoming_call(bot_url, faults=["not_registered"], redirected=None, wait=3)
    assert redirects == [cr.Redirect([ALICE], timeout=30)]

def test_no_redirect(bot_url, incoming_call, redirects):
    incoming_call(bot_url)
    assert redirects == ["alice"]

def test_element(bot_url, incoming_call, redirects):
    incoming_call(bot_url)
    assert redirects[0] == cr.Redirect([ALICE])
""",
        "-vv",
    )
    result.assert_outcomes(failed=5)
    contents = {
        "test_fields": [
            "redirects[0].targets[0].id: sent '98da8a1a-1b87-452c-a713-65d3f10b1253', expected 'b0b'",
            "redirects[0].timeout: sent 30, expected None",
            "expected and not sent: Redirect(",
        ],
        "test_too_many": ["sent and not expected: Redirect("],
        "test_refused": ["expected and not sent: Redirect(", "Graph refused: <ReceivedRedirect ", "7503"],
        "test_no_redirect": ["redirects[0]: a str is expected, which is no Redirect"],
        "test_element": ["timeout: left 30, right None"],
    }
    for test, words in contents.items():
        text = said(result, test)
        assert [word for word in words if word not in text] == [], text


# Beside others


def test_nothing_is_imported_or_started_before_it_is_asked_for(run: Any, pytester: pytest.Pytester) -> None:
    pytester.makeconftest("")
    pytester.makepyfile(my_bot="ALICE = None")
    pytester.makepyfile(
        test_it="""
import sys, threading

def test_unasked():
    assert [name for name in sys.modules if name.startswith("callredirect")] == []
    assert "hypothesis.strategies" not in sys.modules
    assert threading.active_count() == 1

def test_asked(call_simulator):
    assert "callredirect._native" in sys.modules
"""
    )
    pytester.runpytest_subprocess("-p", "no:cacheprovider", "--strict-markers").assert_outcomes(passed=2)


ASYNC = """
import sys

@pytest.mark.asyncio
async def test_asyncio(bot_url, incoming_call, redirects):
    call = await incoming_call.ring_async(bot_url, callees={"*": "busy"})
    assert call.ending == "busy" and redirects == [cr.Redirect([ALICE], timeout=30)]

@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
async def test_anyio(bot_url, incoming_call, redirects, anyio_backend):
    call = await incoming_call.ring_async(bot_url, callees={"*": "busy"})
    assert call.ending == "busy" and redirects == [cr.Redirect([ALICE], timeout=30)]
    assert ("trio" in sys.modules and sys.modules["trio"].lowlevel.in_trio_run()) == (anyio_backend == "trio")

@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
async def test_blocking(bot_url, incoming_call, anyio_backend):
    with pytest.raises(RuntimeError, match="say await incoming_call.ring_async"):
        incoming_call(bot_url)

@pytest.mark.asyncio
async def test_lost(bot_url, incoming_call):
    await incoming_call.ring_async(bot_url, source=STRANGER, wait=0.1)

@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
async def test_lost_too(bot_url, incoming_call, anyio_backend):
    await incoming_call.ring_async(bot_url, source=STRANGER, wait=0.1)

def test_blocking_is_fine_elsewhere(bot_url, incoming_call):
    incoming_call(bot_url)
"""


def test_asynchronous_tests(run: Any) -> None:
    run(ASYNC, "-o", "asyncio_mode=strict").assert_outcomes(passed=6, failed=3)


def test_several_processes(run: Any) -> None:
    code = """
@pytest.mark.parametrize("number", range(6))
def test_it(bot_url, incoming_call, redirects, number):
    incoming_call(bot_url, callees={"*": "busy"}, faults=["duplicate"])
    assert redirects == [cr.Redirect([ALICE], timeout=30)]

def test_lost(bot_url, incoming_call):
    incoming_call(bot_url, source=STRANGER, wait=0.1)
"""
    result = run(code, "-n", "2")
    result.assert_outcomes(passed=6, failed=1)
    assert "1 call was rung and not redirected" in said(result, "test_lost")


def test_those_who_catch_the_requests_of_python(run: Any, pytester: pytest.Pytester) -> None:
    asks = BOT.replace('stranger = call', 'assert httpx.get("https://directory.contoso.com/").json() == "alice"\n        stranger = call')  # fmt: skip
    pytester.makepyfile(my_bot="import httpx\n" + asks)
    run("""
import respx

def test_pytest_httpx(bot_url, incoming_call, redirects, httpx_mock):
    httpx_mock.add_response(json="alice")
    incoming_call(bot_url)
    assert redirects == [cr.Redirect([ALICE], timeout=30)]

def test_respx(bot_url, incoming_call, redirects, respx_mock):
    route = respx_mock.get("https://directory.contoso.com/").respond(json="alice")
    incoming_call(bot_url)
    assert redirects == [cr.Redirect([ALICE], timeout=30)] and route.called
""").assert_outcomes(passed=2)


def test_signed_tokens(run: Any) -> None:
    run("""
from callredirect.testing import SignedToken, Simulator

def test_it(call_simulator: Simulator, signed_token: SignedToken):
    verifier = cr.Verifier(call_simulator.app_id, jwks=call_simulator.jwks)
    verifier.verify(f"Bearer {signed_token()}")
    for wrong in (signed_token("another app"), signed_token(claims={"exp": 1})):
        with pytest.raises(cr.VerificationError):
            verifier.verify(f"Bearer {wrong}")
""").assert_outcomes(passed=1)
