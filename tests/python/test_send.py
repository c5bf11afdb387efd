"""Sending from Python, through both doors: what every answer becomes, and what keeps a request from leaving."""

from __future__ import annotations

import asyncio
import base64
import copy
import functools
import inspect
import json
import logging
import math
import os
import pickle
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID

import pytest

import callredirect as cr
from callredirect.testing import Simulator
from servers import ACCEPTED, PATIENCE, LossyProxy, RawServer, ScriptedServer, refused_url, response

if TYPE_CHECKING:
    from collections.abc import Iterator

TOKEN = "eyJ-a-canary.of.a-token"
CALL = "491f0b00-ffff-4bc9-a43e-b226498ec22a"
USER = "98da8a1a-1b87-452c-a713-65d3f10b1253"
TO_USER = cr.Redirect([cr.Target.user(USER)])


class Send(Protocol):
    """One redirect through one of the doors."""

    def __call__(
        self, call: Any, redirect: Any = ..., *, credential: Any = ..., deadline: Any = ..., **options: Any
    ) -> cr.Outcome: ...


def by_client(
    call: Any, redirect: Any = TO_USER, *, credential: Any = TOKEN, deadline: Any = None, **options: Any
) -> cr.Outcome:
    with cr.Client(credential, **options) as client:
        return client.redirect(call, redirect, deadline=deadline)


def by_async_client(
    call: Any, redirect: Any = TO_USER, *, credential: Any = TOKEN, deadline: Any = None, **options: Any
) -> cr.Outcome:
    async def main() -> cr.Outcome:
        async with cr.AsyncClient(credential, **options) as client:
            return await client.redirect(call, redirect, deadline=deadline)

    return asyncio.run(main())


@pytest.fixture(params=[by_client, by_async_client], ids=["Client", "AsyncClient"])
def send(request: pytest.FixtureRequest) -> Send:
    door: Send = request.param
    return door


@pytest.fixture
def graph() -> Iterator[Simulator]:
    with Simulator() as simulator:
        yield simulator


def incoming(**changes: Any) -> cr.Call:
    """The call of a notification that has just come in."""
    data = {"@odata.type": "#microsoft.graph.call", "id": CALL, "state": "incoming", **changes}
    url = f"/app/calls/{CALL}"
    note = {"changeType": "created", "resourceUrl": url, "resourceData": data}
    (item,) = cr.parse({"value": [note]})
    assert isinstance(item, (cr.IncomingCall, cr.CallUpdated))
    return item.call


# What an answer becomes


def test_accepted(send: Send, graph: Simulator) -> None:
    call_id = graph.place_call()
    outcome = send(call_id, credential=graph.access_token(), base_url=graph.base_url)
    assert isinstance(outcome, cr.Accepted)
    assert outcome.status == 202
    (received,) = graph.redirects
    assert received.call_id == call_id
    assert json.loads(received.body) == TO_USER.to_dict()
    assert received.client_request_id == outcome.client_request_id == str(UUID(outcome.client_request_id))
    (attempt,) = outcome.attempts
    assert (attempt.sent, attempt.status, attempt.error) == (True, 202, None)
    assert attempt.request_id
    assert attempt.started >= 0
    assert attempt.started + attempt.duration <= outcome.elapsed + 0.001
    assert outcome.elapsed < 5


def test_the_call_of_a_notification(send: Send, graph: Simulator) -> None:
    graph.place_call(call_id=CALL)
    call = incoming(tenantId=graph.tenant_id)
    outcome = send(call, credential=graph.access_token(), base_url=graph.base_url)
    assert isinstance(outcome, cr.Accepted), outcome
    assert graph.redirects[0].call_id == CALL


def test_rejected(send: Send, graph: Simulator) -> None:
    call_id = graph.place_call()
    cases = [
        (graph.access_token("another-tenant"), 403, "7505"),
        (graph.access_token(roles=[]), 403, "7504"),
        (graph.access_token(lifetime=0), 401, "InvalidAuthenticationToken"),
        ("forged", 401, "InvalidAuthenticationToken"),
    ]
    for token, status, code in cases:
        outcome = send(call_id, credential=token, base_url=graph.base_url)
        assert isinstance(outcome, cr.Rejected), outcome
        assert (outcome.status, outcome.code) == (status, code)
        assert outcome.message and outcome.request_id and outcome.retry_after is None
        assert outcome.request_id == outcome.attempts[0].request_id
    assert [status for _, _, status in graph.requests] == [status for _, status, _ in cases]


def test_a_refusal_says_what_to_do(send: Send, graph: Simulator) -> None:
    graph.place_call(call_id=CALL)
    call = incoming(tenantId=graph.tenant_id)
    claims = base64.urlsafe_b64encode(json.dumps({"tid": "another-tenant"}).encode()).decode().rstrip("=")
    body = b'{"error": {"code": "7505", "message": "Request authorization tenant mismatch."}}'
    with RawServer(response("403 Forbidden", body)) as server:
        outcome = send(call, credential=f"e30.{claims}.x", base_url=server.url)
    assert isinstance(outcome, cr.Rejected)
    assert (outcome.token_tenant, outcome.call_tenant) == ("another-tenant", graph.tenant_id)
    assert outcome.explanation and outcome.cure
    assert f"the token is of tenant another-tenant, the call of {graph.tenant_id}" in outcome.explanation
    assert "the call's tenant" in outcome.cure
    line = str(outcome)
    assert line.startswith("rejected: Graph answered 403: 7505 (")
    assert outcome.explanation in line and outcome.cure in line and "\n" not in line
    assert pickle.loads(pickle.dumps(outcome)).cure == outcome.cure
    assert cr.Rejected(418, "8523").explanation is cr.Rejected(418, "8523").cure is None


def test_graphs_words_are_in_the_message_only() -> None:
    outcome = cr.Rejected(400, "BadRequest", "No route to\n+12345678901")
    assert outcome.message == "No route to\n+12345678901"
    assert "No route" not in repr(outcome) + str(outcome) and "2345678901" not in repr(outcome) + str(outcome)
    assert "message='<24 characters>'" in repr(outcome) and "BadRequest" in str(outcome)


def test_a_call_that_is_gone(send: Send, graph: Simulator) -> None:
    token = graph.access_token()
    outcome = send("never-rang", credential=token, base_url=graph.base_url)
    assert isinstance(outcome, cr.CallGone)
    assert (outcome.status, outcome.code) == (404, "8522")
    call_id = graph.place_call()
    outcomes = [send(call_id, credential=token, base_url=graph.base_url) for _ in range(2)]
    assert [type(outcome) for outcome in outcomes] == [cr.Accepted, cr.CallGone]


@pytest.mark.parametrize(
    ("value", "wait"),
    [("20", 20.0), ("2.128", 2.128), ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0), ("x", None)],
)
def test_throttled(send: Send, value: str, wait: float | None) -> None:
    body = b'{"error": {"code": "TooManyRequests", "innerError": {"requestId": "of-the-body"}}}'
    with RawServer(response("429 Slow", body, f"Retry-After: {value}\r\n")) as server:
        # A quarter of a second is what an attempt needs: no other one fits.
        outcome = send(CALL, base_url=server.url, deadline=0.25)
    assert isinstance(outcome, cr.Rejected)
    assert (outcome.status, outcome.code, outcome.retry_after) == (429, "TooManyRequests", wait)
    assert outcome.request_id == "of-the-body"
    assert pickle.loads(pickle.dumps(outcome)) == outcome
    assert len(server.requests) == 1


def test_throttled_for_a_moment(send: Send) -> None:
    with ScriptedServer([response("503 Slow", b"", "Retry-After: 0.1\r\n"), ACCEPTED]) as server:
        outcome = send(CALL, base_url=server.url)
    assert isinstance(outcome, cr.Accepted)
    first, second = outcome.attempts
    assert (first.status, second.status) == (503, 202)
    assert second.started >= first.started + first.duration + 0.1
    assert [request.split(b"\r\n\r\n")[1] for request in server.requests] == [TO_USER.to_json().encode()] * 2
    assert server.connections == 2, "a new connection after a 503"


# After a request that may have arrived

RINGS = response("200 OK", b'{"id": "x", "state": "incoming"}')
REDIRECTING = response("200 OK", b'{"id": "x", "state": "redirecting"}')
GONE = response("404 Not Found", b'{"error": {"code": "8522", "message": "Call not found."}}')


@pytest.mark.parametrize("first", [None, response("502 Bad Gateway"), b"nonsense\r\n\r\n"])
def test_asked_about_and_sent_again(send: Send, first: bytes | None) -> None:
    with ScriptedServer([first, RINGS, ACCEPTED]) as server:
        outcome = send(CALL, base_url=server.url)
    assert isinstance(outcome, cr.Accepted)
    assert [request.split(b" ")[0] for request in server.requests] == [b"POST", b"GET", b"POST"]
    assert [attempt.probe for attempt in outcome.attempts] == [False, True, False]
    post, _, again = (request.split(b"\r\n\r\n") for request in server.requests)
    assert post[1] == again[1]


@pytest.mark.parametrize("answers", [[GONE], [REDIRECTING], [RINGS, GONE], [RINGS, response("409 No")]])
def test_likely_delivered(send: Send, answers: list[bytes | None]) -> None:
    with ScriptedServer([None, *answers]) as server:
        outcome = send(CALL, base_url=server.url)
    assert isinstance(outcome, cr.Unknown)
    assert outcome.likely_delivered
    assert outcome.reason.startswith("an earlier attempt may have arrived")
    assert str(outcome) == f"unknown, it probably arrived: {outcome.reason}"
    assert len(server.requests) == 1 + len(answers)


def test_stop_asks_nothing_and_sends_nothing_again(send: Send) -> None:
    with ScriptedServer([None, RINGS, ACCEPTED]) as server:
        outcome = send(CALL, base_url=server.url, on_ambiguous="stop")
    assert isinstance(outcome, cr.Unknown)
    assert not outcome.likely_delivered
    assert len(server.requests) == len(outcome.attempts) == 1


@pytest.mark.parametrize("wrong", ["resend", "", "STOP"])
def test_on_ambiguous_is_one_of_two(send: Send, wrong: Any) -> None:
    with pytest.raises(ValueError, match=r'"probe_then_resend" or "stop", not') as caught:
        send(CALL, on_ambiguous=wrong)
    assert repr(wrong).replace("'", '"') in str(caught.value)


def test_the_simulator_is_asked_too(send: Send, graph: Simulator) -> None:
    """Graph acts and the answer is lost on the way: a proxy drops the first one."""
    call_id = graph.place_call()
    with LossyProxy(graph.base_url) as proxy:
        outcome = send(call_id, credential=graph.access_token(), base_url=proxy.url)
    assert isinstance(outcome, cr.Unknown)
    assert outcome.likely_delivered and "redirecting" in outcome.reason
    assert len(graph.redirects) == 1
    assert [(method, status) for method, _, status in graph.requests] == [("POST", 202), ("GET", 200)]


@pytest.mark.parametrize("answer", [None, b"HTTP/1.1 20", b"nonsense\r\n\r\n", response("502 Bad Gateway")])
def test_unknown_and_never_sent_again(send: Send, answer: bytes | None) -> None:
    # `None` closes after reading; half a status line is closed after, too, once nothing more is asked.
    with RawServer(answer) as server:
        outcome = send(CALL, base_url=server.url, deadline=1)
        assert len(server.requests) == server.connections == 1
    if answer == b"HTTP/1.1 20":
        assert isinstance(outcome, cr.Expired)
        assert outcome.sent
    else:
        assert isinstance(outcome, cr.Unknown)
        assert not outcome.likely_delivered
    assert outcome.reason and outcome.attempts[0].sent


def test_expired_after_sending(send: Send) -> None:
    with RawServer(open_gate=False) as server:
        outcome = send(CALL, base_url=server.url, deadline=0.5)
        assert isinstance(outcome, cr.Expired)
        assert outcome.sent and outcome.reason == "no answer before the deadline"
        assert len(server.requests) == 1


def test_expired_before_sending(send: Send) -> None:
    held, url = refused_url()
    with held:
        outcome = send(CALL, base_url=url, deadline=1)
    assert isinstance(outcome, cr.Expired)
    assert not outcome.sent and "could not connect" in outcome.reason
    assert len(outcome.attempts) >= 2
    assert all(not attempt.sent and attempt.error for attempt in outcome.attempts)
    assert outcome.elapsed <= 1


def test_refused_until_the_server_comes_up(send: Send) -> None:
    held, url = refused_url()

    def come_up() -> None:
        time.sleep(0.1)
        held.listen()
        connection, _ = held.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(ACCEPTED)

    with held:
        thread = threading.Thread(target=come_up)
        thread.start()
        outcome = send(CALL, base_url=url, deadline=5)
        thread.join()
    assert isinstance(outcome, cr.Accepted)
    assert [attempt.sent for attempt in outcome.attempts] == [False] * (len(outcome.attempts) - 1) + [True]


def test_match_as_in_the_readme(send: Send, graph: Simulator) -> None:
    def said(outcome: cr.Outcome) -> str:
        match outcome:
            case cr.Accepted():
                return "ringing"
            case cr.Rejected(status=status, code=code, message=message):
                return f"Graph said no: {status} {code} {message}"
            case cr.CallGone():
                return "gone"
            case cr.Expired(sent=sent):
                return "may have arrived" if sent else "nothing was sent"
            case cr.Unknown():
                return "nobody knows"
            case _:
                raise AssertionError(outcome)

    call_id = graph.place_call()
    options = {"credential": graph.access_token(), "base_url": graph.base_url}
    assert said(send(call_id, **options)) == "ringing"
    assert said(send(call_id, **options)) == "gone"
    other = graph.access_token("another-tenant")
    no = send(graph.place_call(), credential=other, base_url=graph.base_url)
    assert said(no) == "Graph said no: 403 7505 Request authorization tenant mismatch."
    assert said(send(call_id, deadline=0, **options)) == "nothing was sent"
    assert said(cr.Expired(True)) == "may have arrived"
    assert said(cr.Unknown()) == "nobody knows"
    match cr.Rejected(403, "7505", "No."):
        case cr.Rejected(403, "7505", message):
            assert message == "No."
        case _:
            raise AssertionError


# The outcomes as values

ATTEMPT = cr.Attempt(
    probe=True, started=0.5, duration=0.25, sent=True, status=403, error=None, request_id="r"
)
COMMON: dict[str, Any] = {"attempts": (ATTEMPT,), "elapsed": 1.5, "client_request_id": "c"}
OUTCOMES: list[cr.Outcome] = [
    cr.Accepted(**COMMON),
    cr.Accepted(200),
    cr.Rejected(
        403,
        "7505",
        "No.",
        request_id="r",
        retry_after=2.128,
        token_tenant="t",
        call_tenant="c",
        **COMMON,
    ),
    cr.Rejected(),
    cr.CallGone(404, "8522", "Gone.", **COMMON),
    cr.CallGone(410),
    cr.Expired(True, reason="slow", **COMMON),
    cr.Expired(),
    cr.Unknown(True, reason="lost", **COMMON),
    cr.Unknown(),
]


@pytest.mark.parametrize("value", [*OUTCOMES, ATTEMPT, cr.Attempt()], ids=repr)
def test_a_value_can_be_copied_pickled_and_printed(value: Any) -> None:
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        assert pickle.loads(pickle.dumps(value, protocol)) == value
    for again in (copy.copy(value), copy.deepcopy(value), value.__replace__()):
        assert again == value and type(again) is type(value) and hash(again) == hash(value)
    names = {name: getattr(cr, name) for name in cr.__all__}
    again = eval(repr(value), names)
    if getattr(value, "message", None) is not None:  # Graph's words are not repeated
        again = again.__replace__(message=value.message)
    assert again == value
    assert value != "something else" and value is not None
    with pytest.raises(AttributeError):
        value.status = 1


def test_no_two_outcomes_are_equal() -> None:
    for i, one in enumerate(OUTCOMES):
        for k, other in enumerate(OUTCOMES):
            assert (one == other) is (i == k), (one, other)
    assert len(set(OUTCOMES)) == len(OUTCOMES)
    rejected: Any = cr.Rejected(410)
    assert rejected != cr.CallGone(410)


def test_every_field_can_be_replaced_and_counts() -> None:
    refusal: dict[str, Any] = {
        "code": "x",
        "message": "m",
        "request_id": "q",
        "retry_after": 1.0,
        "token_tenant": "t",
        "call_tenant": "c",
    }
    fields: dict[type, dict[str, Any]] = {
        cr.Accepted: {"status": 201},
        cr.Rejected: {"status": 409, **refusal},
        cr.CallGone: {"status": 410, **refusal},
        cr.Expired: {"sent": True, "reason": "x"},
        cr.Unknown: {"likely_delivered": True, "reason": "x"},
        cr.Attempt: {
            "probe": True,
            "started": 1.0,
            "duration": 2.0,
            "sent": False,
            "status": 500,
            "error": "e",
            "request_id": "q",
        },
    }
    common = {"attempts": (ATTEMPT,), "elapsed": 2.0, "client_request_id": "d"}
    for kind, own in fields.items():
        plain = kind()
        for name, value in {**own, **({} if kind is cr.Attempt else common)}.items():
            changed = plain.__replace__(**{name: value})
            assert getattr(changed, name) == value
            assert changed != plain
            assert f"{name}=" in repr(changed)
        with pytest.raises(TypeError):
            plain.__replace__(nonsense=1)


def test_a_time_that_is_none() -> None:
    for wrong in (-1.0, math.nan, math.inf):
        with pytest.raises(ValueError, match="seconds"):
            cr.Accepted(elapsed=wrong)
        with pytest.raises(ValueError, match="seconds"):
            cr.Attempt(duration=wrong)
        with pytest.raises(ValueError, match="seconds"):
            cr.Rejected(429, retry_after=wrong)
    base: Any = cr.Outcome
    with pytest.raises(TypeError):
        base()


def test_all_are_outcomes() -> None:
    kinds = {type(outcome) for outcome in OUTCOMES}
    assert {kind.__name__ for kind in kinds} == {"Accepted", "Rejected", "CallGone", "Expired", "Unknown"}
    assert all(isinstance(outcome, cr.Outcome) for outcome in OUTCOMES)


# Deadlines


def test_deadlines(send: Send, graph: Simulator) -> None:
    for deadline in (cr.Deadline.after(5), 5, 5.0, None):
        call_id = graph.place_call()
        outcome = send(call_id, credential=graph.access_token(), base_url=graph.base_url, deadline=deadline)
        assert isinstance(outcome, cr.Accepted)
    call = incoming()
    assert 12 < call.deadline.remaining <= 13
    outcome = send(call, credential=graph.access_token(), base_url=graph.base_url, deadline=call.deadline)
    assert isinstance(outcome, cr.CallGone)


def test_deadlines_that_are_none(send: Send, graph: Simulator) -> None:
    for wrong in (-1, -0.001, math.nan, math.inf, -math.inf):
        with pytest.raises(ValueError, match="seconds from 0 up"):
            send(CALL, base_url=graph.base_url, deadline=wrong)
    for no_deadline in ("5", b"5", object(), [5]):
        with pytest.raises(TypeError, match="a deadline is"):
            send(CALL, base_url=graph.base_url, deadline=no_deadline)
    assert graph.requests == []


def test_a_deadline_that_has_passed_sends_nothing_and_asks_for_no_token(send: Send, graph: Simulator) -> None:
    def credential() -> str:
        raise AssertionError("asked")

    for token in (credential, "token"):
        for deadline in (0, cr.Deadline.after(0)):
            outcome = send(CALL, credential=token, base_url=graph.base_url, deadline=deadline)
            assert isinstance(outcome, cr.Expired)
            assert not outcome.sent and outcome.attempts == () and outcome.client_request_id
            assert outcome.reason == "the deadline had passed before anything could be sent"
    assert graph.requests == []


STOPPED = """
import os, signal, sys
import callredirect as cr

def credential():
    os.kill(os.getpid(), signal.SIGSTOP)  # the machine sleeps between the token and the request
    return "token"

redirect = cr.Redirect([cr.Target.user("98da8a1a-1b87-452c-a713-65d3f10b1253")])
outcome = cr.Client(credential, base_url=sys.argv[1]).redirect("a-call", redirect, deadline=0.5)
print(type(outcome).__name__, outcome.sent, len(outcome.attempts))
"""


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="no SIGSTOP here")
def test_a_process_that_was_stopped_for_longer_than_it_had_sends_nothing() -> None:
    with RawServer() as server:
        command = [sys.executable, "-c", STOPPED, server.url]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            try:
                _, status = os.waitpid(child.pid, os.WUNTRACED)
                assert os.WIFSTOPPED(status)
                time.sleep(0.6)  # its deadline passes, of which it cannot know
            finally:
                os.kill(child.pid, signal.SIGCONT)
            said, _ = child.communicate(timeout=PATIENCE)
        assert said.split() == ["Expired", "False", "0"]
        assert server.connections == 0


def test_a_deadline_object() -> None:
    soon, later = cr.Deadline.after(1), cr.Deadline.after(2)
    assert soon < later and soon != later and len({soon, soon, later}) == 2
    assert 0.5 < soon.remaining <= 1 and not soon.passed
    assert cr.Deadline.after(0).passed and cr.Deadline.after(0).remaining == 0
    assert re.fullmatch(r"Deadline\(remaining=[12]\.\d{3}\)", repr(later))
    assert not cr.Deadline.after(1e9).passed


# Credentials


class AccessToken:
    """As of azure-core."""

    def __init__(self, token: Any) -> None:
        self.token = token
        self.expires_on = 0


class Asked:
    """azure-core's shape; keeps what it was asked for."""

    def __init__(self, token: str) -> None:
        self.token = token
        self.asked: list[tuple[tuple[str, ...], dict[str, Any]]] = []

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        self.asked.append((scopes, options))
        return AccessToken(self.token)


class AskedAsync(Asked):
    async def get_token(self, *scopes: str, **options: Any) -> AccessToken:  # type: ignore[override]
        await asyncio.sleep(0)
        return super().get_token(*scopes, **options)


SCOPE = "https://graph.microsoft.com/.default"


@pytest.mark.parametrize(
    ("door", "kind"), [(by_client, Asked), (by_async_client, Asked), (by_async_client, AskedAsync)]
)
def test_get_token_is_asked_for_the_tenant_of_the_call(
    door: Send, kind: type[Asked], graph: Simulator
) -> None:
    credential = kind(graph.access_token())
    for call in (graph.place_call(), incoming(), incoming(tenantId="a-tenant")):
        outcome = door(call, credential=credential, base_url=graph.base_url)
        assert isinstance(outcome, (cr.Accepted, cr.CallGone)), outcome
    assert credential.asked == [((SCOPE,), {}), ((SCOPE,), {}), ((SCOPE,), {"tenant_id": "a-tenant"})]
    door(CALL, credential=credential, base_url=graph.base_url, cloud=cr.Cloud.US_GOV)
    assert credential.asked[-1] == (("https://graph.microsoft.us/.default",), {})


class CallableObject:
    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self) -> str:
        return self._token


class AsyncCallableObject(CallableObject):
    async def __call__(self) -> str:  # type: ignore[override]
        return self._token


def test_functions_that_return_a_token(graph: Simulator) -> None:
    token = graph.access_token()

    async def asynchronous(value: str = token) -> str:
        await asyncio.sleep(0)
        return value

    def returns_awaitable() -> Any:
        return asynchronous()

    synchronous: list[Any] = [
        token,
        lambda: token,
        functools.partial(str, token),
        CallableObject(token),
        lambda: AccessToken(token),
        Asked(token),
    ]
    only_async: list[Any] = [
        asynchronous,
        functools.partial(asynchronous, token),
        AsyncCallableObject(token),
        returns_awaitable,
        AskedAsync(token),
    ]
    for credential in synchronous:
        outcome = by_client(graph.place_call(), credential=credential, base_url=graph.base_url)
        assert isinstance(outcome, cr.Accepted), credential
    for credential in synchronous + only_async:
        outcome = by_async_client(graph.place_call(), credential=credential, base_url=graph.base_url)
        assert isinstance(outcome, cr.Accepted), credential
    count = len(graph.requests)
    for credential in only_async:
        with pytest.raises(cr.CredentialError, match="asynchronous credential needs AsyncClient"):
            by_client(graph.place_call(), credential=credential, base_url=graph.base_url)
    assert len(graph.requests) == count


class OutOfTokensError(Exception):
    pass


@pytest.mark.parametrize(
    "kind", [OutOfTokensError, TimeoutError, asyncio.TimeoutError, ValueError, StopAsyncIteration]
)
def test_what_a_credential_raises_comes_unchanged(
    send: Send, graph: Simulator, kind: type[Exception]
) -> None:
    error = kind("out of tokens")

    def raises() -> str:
        raise error

    with pytest.raises(kind) as caught:
        send(CALL, credential=raises, base_url=graph.base_url)
    assert caught.value is error

    async def raises_later() -> str:
        await asyncio.sleep(0)
        raise error

    with pytest.raises(kind) as caught:
        by_async_client(CALL, credential=raises_later, base_url=graph.base_url)
    assert caught.value is error
    assert graph.requests == []


@pytest.mark.parametrize(
    "bad", ["", " ", "a b", TOKEN + "\n", "\r\nX: y", "caf\xe9", TOKEN + "\udc80", "a\0"]
)
def test_tokens_that_cannot_be_sent(send: Send, graph: Simulator, bad: str) -> None:
    for credential in (bad, lambda: bad, lambda: AccessToken(bad)):
        with pytest.raises(cr.CredentialError) as caught:
            send(CALL, credential=credential, base_url=graph.base_url)
        assert not bad.strip() or bad.strip() not in repr(vars(caught.value)) + repr(caught.value)
        assert caught.value.__cause__ is None and caught.value.__context__ is None
    assert graph.requests == []


@pytest.mark.parametrize("bad", [None, b"bytes", 5, AccessToken(None), {"token": "x"}])
def test_what_is_no_token(send: Send, graph: Simulator, bad: Any) -> None:
    with pytest.raises(cr.CredentialError, match="not a token"):
        send(CALL, credential=lambda: bad, base_url=graph.base_url)
    assert graph.requests == []


@pytest.mark.parametrize("bad", [None, 5, b"bytes", object()])
def test_what_is_no_credential(send: Send, bad: Any) -> None:
    with pytest.raises(TypeError, match="a credential is a token"):
        send(CALL, credential=bad)


def test_a_credential_that_hangs(graph: Simulator) -> None:
    stubborn = 0

    async def hangs() -> str:
        await asyncio.sleep(60)
        return TOKEN

    async def will_not_be_cancelled() -> str:
        nonlocal stubborn
        try:
            await asyncio.sleep(5)
        except asyncio.CancelledError:
            stubborn += 1
        await asyncio.sleep(4)
        return TOKEN

    async def main() -> None:
        async with cr.AsyncClient(hangs, base_url=graph.base_url) as client:
            outcome = await asyncio.wait_for(client.redirect(CALL, TO_USER, deadline=0.1), 5)
        assert isinstance(outcome, cr.Expired)
        assert not outcome.sent and outcome.reason == "the credential gave no token before the deadline"
        async with cr.AsyncClient(will_not_be_cancelled, base_url=graph.base_url) as client:
            started = time.monotonic()
            outcome = await client.redirect(CALL, TO_USER, deadline=0.1)
            assert time.monotonic() - started < 3
        assert isinstance(outcome, cr.Expired)
        assert not outcome.sent
        await asyncio.sleep(0)
        assert stubborn == 1

    asyncio.run(main())
    assert graph.requests == []


def test_a_slow_synchronous_credential_does_not_block_the_loop(graph: Simulator) -> None:
    release = threading.Event()

    def slow() -> str:
        assert release.wait(5)
        return TOKEN

    async def main() -> None:
        async with cr.AsyncClient(slow, base_url=graph.base_url) as client:
            outcome = await client.redirect(CALL, TO_USER, deadline=0.1)
            assert isinstance(outcome, cr.Expired)
            assert not outcome.sent
            release.set()

    asyncio.run(main())
    assert graph.requests == []


# What keeps a request from leaving


def test_a_redirect_that_breaks_rules(send: Send, graph: Simulator) -> None:
    def credential() -> str:
        raise AssertionError("a token was spent")

    broken = cr.Redirect([cr.Target.phone("12345678901"), cr.Target.user("")], timeout=1)
    with pytest.raises(cr.ValidationError) as caught:
        send(CALL, broken, credential=credential, base_url=graph.base_url)
    assert len(caught.value.violations) >= 3
    masked = cr.Redirect([cr.Target.user(USER)], mask_callee=True)
    with pytest.raises(cr.ValidationError):
        send(CALL, masked, credential=credential, base_url=graph.base_url)
    assert graph.requests == []


@pytest.mark.parametrize(
    "call_id",
    [
        "",
        ".",
        "..",
        "a/b",
        "../../users",
        "a b",
        "a\r\nHost: evil",
        "a?b",
        "a#b",
        "%2e",
        "caf\xe9",
        "\udc80",
        "a" * 129,
    ],
)
def test_call_ids_that_are_none(send: Send, graph: Simulator, call_id: str) -> None:
    with pytest.raises(ValueError, match="not a call id"):
        send(call_id, base_url=graph.base_url)
    assert graph.requests == []


def test_what_is_no_call(send: Send, graph: Simulator) -> None:
    for wrong in (None, 5, b"id", object(), TO_USER):
        with pytest.raises(TypeError, match="expected a Call or a call id"):
            send(wrong, base_url=graph.base_url)
    for wrong in (None, {}, "redirect"):
        with pytest.raises(TypeError):
            send(CALL, wrong, base_url=graph.base_url)
    assert graph.requests == []


def test_a_closed_client(graph: Simulator) -> None:
    client = cr.Client(graph.access_token(), base_url=graph.base_url)
    assert isinstance(client.redirect(graph.place_call(), TO_USER), cr.Accepted)
    client.close()
    client.close()
    with pytest.raises(RuntimeError, match="closed"):
        client.redirect(CALL, TO_USER)

    async def main() -> None:
        client = cr.AsyncClient(graph.access_token(), base_url=graph.base_url)
        await client.close()
        await client.close()
        with pytest.raises(RuntimeError, match="closed"):
            await client.redirect(CALL, TO_USER)

    asyncio.run(main())
    assert len(graph.requests) == 1


async def test_closing_does_not_cut_off_what_is_under_way() -> None:
    with RawServer(open_gate=False) as server:
        client = cr.AsyncClient(TOKEN, base_url=server.url)
        sending = asyncio.create_task(client.redirect(CALL, TO_USER))
        await asyncio.to_thread(server.wait_for, 1)
        await client.close()
        server.gate.set()
        assert isinstance(await sending, cr.Accepted)


def test_where_a_client_may_send(send: Send) -> None:
    for url in ("http://graph.microsoft.com", "http://10.0.0.1", "http://localhost.evil.example"):
        with pytest.raises(ValueError, match="loopback"):
            send(CALL, base_url=url)
    for url in (
        "",
        "graph.microsoft.com",
        "ftp://graph.microsoft.com",
        "https://user:canary@graph.microsoft.com",
        "https://graph.microsoft.com/v1.0",
        "https://graph.microsoft.com/beta/",
    ):
        with pytest.raises(ValueError, match="base_url") as caught:
            send(CALL, base_url=url)
        assert "canary" not in str(caught.value)


def test_versions_and_clouds(send: Send, graph: Simulator) -> None:
    for wrong in ("v2.0", "V1.0", "", "1.0"):
        with pytest.raises(ValueError, match=r"v1\.0.*beta"):
            send(CALL, api_version=wrong)
    for wrong_cloud in ("GLOBAL", "global", None, 0):
        with pytest.raises(ValueError, match=r"Cloud\.GLOBAL") as caught:
            send(CALL, cloud=wrong_cloud)
        for name in ("GLOBAL", "US_GOV", "US_GOV_DOD", "CHINA"):
            assert isinstance(getattr(cr.Cloud, name), cr.Cloud) and name in str(caught.value)
    masked = cr.Redirect([cr.Target.user(USER)], mask_callee=True)
    outcome = send(
        graph.place_call(),
        masked,
        credential=graph.access_token(),
        base_url=graph.base_url,
        api_version="beta",
    )
    assert isinstance(outcome, cr.Accepted)
    assert graph.redirects[0].api_version == "beta"


@pytest.mark.skipif(sys.platform != "linux", reason="a setting of Linux")
def test_a_network_that_swallows_everything_is_noticed() -> None:
    """Five seconds after what was sent is not acknowledged the kernel gives a connection up."""
    with RawServer() as server, cr.Client(TOKEN, base_url=server.url) as client:
        client.warm_up()
        found = []
        for descriptor in os.listdir("/proc/self/fd"):
            try:
                connection = socket.socket(fileno=os.dup(int(descriptor)))
            except OSError:
                continue  # no socket, or the listing's own
            with connection, suppress(OSError):
                if connection.getpeername() == server.server.server_address:
                    found.append(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT))
        assert found == [5000]


def test_proxies_of_the_environment_are_not_for_loopback(
    send: Send, graph: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    with RawServer(response("502 Proxied")) as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        outcome = send(graph.place_call(), credential=graph.access_token(), base_url=graph.base_url)
        assert isinstance(outcome, cr.Accepted)
        assert proxy.connections == 0


# Secrets


def test_no_token_is_ever_shown(send: Send, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    shown: list[str] = []
    bodies = [b'{"error": {"code": "7505", "message": "no"}}', b"<html>"]
    answers = [ACCEPTED, *(response("403 No", body) for body in bodies), None, b"nonsense\r\n\r\n"]
    for credential in (TOKEN, lambda: TOKEN, Asked(TOKEN)):
        for answer in answers:
            with RawServer(answer) as server:
                outcome = send(CALL, credential=credential, base_url=server.url, deadline=1)
                assert TOKEN.encode() in server.requests[0]
            shown += [repr(outcome), str(outcome), repr(outcome.attempts), repr(pickle.dumps(outcome))]
        for wrong in ("no call/", None):
            with pytest.raises((ValueError, TypeError)) as caught:
                send(wrong, credential=credential, base_url="http://127.0.0.1:9")
            shown += [repr(caught.value), str(caught.value)]
        for client in (cr.Client(credential), cr.AsyncClient(credential)):
            shown += [repr(client), str(client)]
    assert repr(cr.Client(TOKEN)) == "<Client https://graph.microsoft.com v1.0>"
    assert TOKEN not in "\n".join(shown)
    assert TOKEN not in caplog.text


def test_redirect_is_a_coroutine_function() -> None:
    assert inspect.iscoroutinefunction(cr.AsyncClient.redirect)
    assert inspect.iscoroutinefunction(cr.AsyncClient(TOKEN).redirect)
    assert not inspect.iscoroutinefunction(cr.Client.redirect)
    assert set(inspect.signature(cr.Client.redirect).parameters) == set(
        inspect.signature(cr.AsyncClient.redirect).parameters
    )
