"""The whole flow from Python: what a host is answered, what Graph is sent, what is remembered of a call."""

from __future__ import annotations

import asyncio
import base64
import contextvars
import json
import logging
import re
import sys
import threading
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.datastructures import Headers

import callredirect as cr
from callredirect import _redirector
from callredirect.testing import Simulator
from conftest import FIXTURES
from servers import RawServer

APP = "24701998-1a73-4d42-8085-bf46ed0ae039"
TENANT = "632899f8-2ea1-4604-8413-27bd2892079f"
CALLBACK = f"https://bot.contoso.com/api/calls/{APP}"
ALICE = "98da8a1a-1b87-452c-a713-65d3f10b1253"
TO_ALICE = cr.Redirect([cr.Target.user(ALICE)], timeout=30)
EXAMPLES = {
    1: (
        "forward_to_bot",
        cr.Redirect(
            [cr.Target.application("22bfd41f-550e-477d-8789-f6f7bd2a5e8b", display_name="test bot 2")],
            callback_uri=CALLBACK,
        ),
    ),
    2: (
        "ring_two_users",
        cr.Redirect(
            [
                cr.Target.user(ALICE, display_name="test user"),
                cr.Target.user("bf5aae9a-d11d-47a8-93b1-782504c9c3f3", display_name="test user 2"),
            ],
            routing_policies=["disableForwarding"],
            callback_uri=CALLBACK,
        ),
    ),
    3: ("forward_to_phone", cr.Redirect([cr.Target.phone("+12345678901")], callback_uri=CALLBACK)),
}


@pytest.fixture
def graph() -> Iterator[Simulator]:
    with Simulator() as simulator:
        yield simulator


def bot_for(graph: Simulator, answer: object = TO_ALICE, **options: Any) -> cr.Redirector:
    """A bot that decides `answer`: a value, or a handler."""
    options.setdefault("verifier", cr.Verifier(APP, jwks=graph.jwks))
    options.setdefault("credential", graph.access_token())
    bot = cr.Redirector(app_id=APP, base_url=graph.base_url, **options)
    handler: Any = answer if callable(answer) else lambda _: answer
    bot.on_incoming(handler)
    return bot


def note(change: str, state: str, call_id: str, **more: Any) -> dict[str, Any]:
    call = {"@odata.type": "#microsoft.graph.call", "id": call_id, "state": state, "direction": "incoming"}
    return {
        "changeType": change,
        "resourceUrl": f"/communications/calls/{call_id}",
        "resourceData": call | {"tenantId": TENANT} | more,
    }


def body(*notes: dict[str, Any]) -> bytes:
    return json.dumps({"value": notes}).encode()


def created(call_id: str) -> dict[str, Any]:
    return note("created", "incoming", call_id)


def deleted(call_id: str, **more: Any) -> dict[str, Any]:
    return note("deleted", "terminated", call_id, **more)


def headers(graph: Simulator, **more: str) -> dict[str, str]:
    return {
        "Authorization": f"Bearer {graph.notification_token()}",
        "Content-Type": "application/json",
    } | more


async def deliver(
    graph: Simulator, bot: cr.Redirector, *notes: dict[str, Any], age: float = 0
) -> cr.TrackedCall:
    """Hands the notifications over, waits for everything that comes of them; the one call of the bot."""
    reply = await bot.handle(body(*notes), headers(graph), received_at=time.monotonic() - age)
    assert (reply.status, reply.headers, reply.body) == (202, {}, b"")
    await bot.close()
    (tracked,) = bot.calls
    return tracked


def names(tracked: cr.TrackedCall) -> list[str]:
    return [name for name, _ in tracked.steps]


@asynccontextmanager
async def hosted(bot: cr.Redirector) -> AsyncGenerator[str]:
    """The smallest host: an HTTP server of one's own around `handle`."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        except asyncio.IncompleteReadError:
            return writer.close()  # somebody looked whether anybody listens
        fields = [(name, value.strip()) for name, _, value in (line.partition(":") for line in head[1:])]
        length = next(int(value) for name, value in fields if name.lower() == "content-length")
        reply = await bot.handle(await reader.readexactly(length), fields)
        writer.write(
            f"HTTP/1.1 {reply.status} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode("latin-1")
        )
        await writer.drain()
        return writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    await bot.close()


# --- the flow, end to end


@pytest.mark.parametrize("number", EXAMPLES)
@pytest.mark.parametrize("asynchronous", [True, False], ids=["async", "sync"])
async def test_the_documented_calls_end_to_end(graph: Simulator, number: int, asynchronous: bool) -> None:
    name, redirect = EXAMPLES[number]
    seen: list[cr.Call] = []
    ended: list[cr.TrackedCall] = []

    async def route(call: cr.Call) -> cr.Redirect:
        return route_sync(call)

    def route_sync(call: cr.Call) -> cr.Redirect:
        seen.append(call)
        return redirect

    bot = bot_for(graph, route if asynchronous else route_sync)
    bot.on_ended(ended.append)
    async with hosted(bot) as url:
        rung = await graph.ring_example_async(number, url)

    (call,), (tracked,) = seen, ended
    assert (rung.reply_status, rung.ended_status) == (202, 202)
    specified = json.loads((FIXTURES / "redirect" / f"{name}.json").read_text())
    assert json.dumps(rung.redirect) == json.dumps(specified)
    assert call.id == tracked.call_id == rung.call_id
    assert tracked.call == call
    assert isinstance(tracked.outcome, cr.Accepted)
    assert tracked.outcome.client_request_id == rung.client_request_id
    assert (tracked.failure, tracked.left_alone, tracked.ended) == (None, False, True)
    assert tracked.result_info is None
    who = tracked.answered_by.identity if tracked.answered_by else None
    assert (who and who.kind) == ("encrypted" if number == 3 else None)
    expected = [
        "received", "verified", "parsed", "claimed", "decided", "validated", "sent", "replied", "settled", "ended",
    ]  # fmt: skip
    assert names(tracked) == expected
    times = [at for _, at in tracked.steps]
    assert times == sorted(times)
    lines = [line.split(" ms  ")[-1] for line in str(tracked).splitlines()]
    assert lines == [
        f"call {rung.call_id}", "notification received", "verified", "parsed", "claimed", "decided", "validated",
        "redirect sent", "202 from Graph", "call terminated", "outcome: accepted",
    ]  # fmt: skip
    assert str(tracked) == tracked.timeline()
    assert repr(tracked) == f"<TrackedCall {rung.call_id} accepted, ended>"


async def test_the_reply_does_not_wait_for_the_handler(graph: Simulator) -> None:
    decided = asyncio.Event()

    async def route(_: cr.Call) -> cr.Redirect:
        await decided.wait()
        return TO_ALICE

    bot = bot_for(graph, route)
    call_id = graph.place_call()
    assert (await bot.handle(body(created(call_id)), headers(graph))).status == 202
    (tracked,) = bot.calls
    assert (tracked.outcome, tracked.failure, tracked.left_alone) == (None, None, False)
    assert "under way" in repr(tracked)
    decided.set()
    await bot.close()
    assert isinstance(tracked.outcome, cr.Accepted)


async def test_a_redirect_that_waits_for_nothing_leaves_before_the_reply(graph: Simulator) -> None:
    async def route(_: cr.Call) -> cr.Redirect:
        return TO_ALICE

    bot = bot_for(graph, route)
    assert (await bot.handle(body(created(graph.place_call())), headers(graph))).status == 202
    (tracked,) = bot.calls
    assert (tracked.stage, tracked.outcome) == ("sent", None)
    await bot.close()
    assert isinstance(tracked.outcome, cr.Accepted)


async def test_a_token_that_is_kept_is_not_waited_for(graph: Simulator) -> None:
    async def route(_: cr.Call) -> cr.Redirect:
        return TO_ALICE

    credential = cr.ClientSecret(graph.app_id, graph.client_secret, TENANT, authority=graph.base_url)
    bot = bot_for(graph, route, credential=credential)
    for leaves in (False, True):
        call_id = graph.place_call()
        assert (await bot.handle(body(created(call_id)), headers(graph))).status == 202
        (tracked,) = (tracked for tracked in bot.calls if tracked.call_id == call_id)
        assert (tracked.stage == "sent") == leaves
        await bot.settled()
    assert all(isinstance(tracked.outcome, cr.Accepted) for tracked in bot.calls)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="tasks are eager from Python 3.12 on")
async def test_eager_tasks(graph: Simulator) -> None:
    asyncio.get_running_loop().set_task_factory(vars(asyncio)["eager_task_factory"])

    async def leave(_: cr.Call) -> None:
        pass

    bot = bot_for(graph, leave)
    call_id = graph.place_call()
    await bot.handle(body(created(call_id)), headers(graph))
    await bot.handle(body(deleted(call_id)), headers(graph))
    assert (await bot.ended(call_id, timeout=5)).left_alone
    assert bot._redirecting == {}


async def test_a_handler_that_blocks_the_loop_delays_one_reply(graph: Simulator) -> None:
    asked: list[str | None] = []

    async def blocks(call: cr.Call) -> None:
        asked.append(call.id)
        time.sleep(0.15)  # noqa: ASYNC251 - as it must not

    bot = bot_for(graph, blocks)
    await bot.handle(body(created("first")), headers(graph))
    assert asked == ["first"]
    await bot.handle(body(created("second")), headers(graph))
    assert asked == ["first"]
    await bot.close()
    assert asked == ["first", "second"]
    assert [tracked.left_alone for tracked in bot.calls] == [True, True]


async def test_a_handler_has_a_task_and_a_context_of_its_own(graph: Simulator) -> None:
    who = contextvars.ContextVar("who", default="the host")
    tasks: list[asyncio.Task[Any] | None] = []

    async def route(_: cr.Call) -> cr.Redirect:
        who.set("the handler")
        tasks.append(asyncio.current_task())
        # Too late for itself, and nobody else is meant.
        asyncio.get_running_loop().call_soon(tasks[0].cancel)  # type: ignore[union-attr]
        return TO_ALICE

    bot = bot_for(graph, route)
    tracked = await deliver(graph, bot, created(graph.place_call()))
    assert tasks != [asyncio.current_task()] and who.get() == "the host"
    assert isinstance(tracked.outcome, cr.Accepted)


async def test_a_request_that_is_cut_off_cuts_off_no_redirect(graph: Simulator) -> None:
    async def route(_: cr.Call) -> cr.Redirect:
        handling.cancel()
        return TO_ALICE

    bot = bot_for(graph, route)
    handling = asyncio.create_task(bot.handle(body(created(graph.place_call())), headers(graph)))
    with pytest.raises(asyncio.CancelledError):
        await handling
    await bot.close()
    (tracked,) = bot.calls
    assert isinstance(tracked.outcome, cr.Accepted)


async def test_a_blocking_handler_blocks_nobody(graph: Simulator) -> None:
    release = threading.Event()

    def route(_: cr.Call) -> cr.Redirect:
        release.wait(10)
        return TO_ALICE

    bot = bot_for(graph, route)
    await bot.handle(body(created("first")), headers(graph))
    reply = await bot.handle(body(created("second")), headers(graph))
    release.set()
    await bot.close()
    assert reply.status == 202 and len(graph.redirects) == 2


async def test_every_kind_of_function_is_a_handler(graph: Simulator) -> None:
    class Routes:
        async def method(self, _: cr.Call) -> cr.Redirect:
            return TO_ALICE

        async def __call__(self, _: cr.Call) -> cr.Redirect:
            return TO_ALICE

    returns_awaitable: Any = lambda call: Routes().method(call)  # noqa: E731
    for handler in (Routes().method, Routes(), returns_awaitable):
        bot = bot_for(graph, handler)
        tracked = await deliver(graph, bot, created(graph.place_call()))
        assert isinstance(tracked.outcome, cr.Accepted), tracked
    bot = cr.Redirector(app_id=APP, credential="x")
    assert bot.on_incoming(returns_awaitable) is returns_awaitable
    assert bot.on_ended(print) is print


# --- what handlers do wrong


async def async_raise(_: cr.Call) -> cr.Redirect:
    raise LookupError("+12345678901")


def sync_raise(_: cr.Call) -> cr.Redirect:
    raise ValueError


async def cancels_itself(_: cr.Call) -> cr.Redirect:
    raise asyncio.CancelledError


async def times_out(_: cr.Call) -> cr.Redirect:
    raise asyncio.TimeoutError


TWENTY_SIX = cr.Redirect([cr.Target.user(f"{i:08}-1b87-452c-a713-65d3f10b1253") for i in range(26)])


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (async_raise, "LookupError was raised"),
        (sync_raise, "ValueError was raised"),
        (times_out, "TimeoutError was raised"),
        (cancels_itself, "the on_incoming handler was cancelled"),
        ("Alice", "the on_incoming handler returned str, not a Redirect or None"),
        ([TO_ALICE], "the on_incoming handler returned list, not a Redirect or None"),
        (cr.Target.user(ALICE), "the on_incoming handler returned Target, not a Redirect or None"),
        (False, "the on_incoming handler returned bool, not a Redirect or None"),
        (cr.Redirect([]), "ValidationError: $.targets: "),
        (TWENTY_SIX, "ValidationError: $.targets: "),
        (
            cr.Redirect([cr.Target.user(ALICE)], callback_uri="http://bot.contoso.com"),
            "ValidationError: $.callbackUri: ",
        ),
        (cr.Redirect([cr.Target.user(ALICE)], mask_caller=True), "ValidationError: $.maskCaller: "),
    ],
)
async def test_a_wrong_answer_is_recorded_and_nothing_sent(
    graph: Simulator, caplog: pytest.LogCaptureFixture, answer: object, failure: str
) -> None:
    bot = bot_for(graph, answer)
    tracked = await deliver(graph, bot, created(graph.place_call()))
    assert tracked.failure is not None and tracked.failure.startswith(failure), tracked.failure
    assert (tracked.outcome, tracked.left_alone, graph.redirects) == (None, False, [])
    assert "sent" not in names(tracked) and names(tracked)[-1] == "settled"
    (error,) = [record for record in caplog.records if "the bot's code" not in record.getMessage()]
    assert (error.name, error.levelname) == ("callredirect", "ERROR")
    assert error.getMessage() == f"call {tracked.call_id}: {tracked.failure}"


async def test_none_leaves_the_call_alone(graph: Simulator) -> None:
    tracked = await deliver(graph, bot_for(graph, None), created(graph.place_call()))
    assert (tracked.left_alone, tracked.failure, tracked.outcome) == (True, None, None)
    assert names(tracked)[-2:] == ["decided", "settled"]
    assert graph.redirects == []


async def test_no_handler_is_a_recorded_failure(graph: Simulator) -> None:
    bot = cr.Redirector(
        app_id=APP, credential="x", verifier=cr.Verifier(APP, jwks=graph.jwks), base_url=graph.base_url
    )
    tracked = await deliver(graph, bot, created("x"))
    assert tracked.failure == "no on_incoming handler is registered"


async def test_a_handler_has_until_the_deadline(graph: Simulator) -> None:
    cancelled: list[cr.Call] = []

    async def hangs(call: cr.Call) -> cr.Redirect:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            cancelled.append(call)
            raise
        return TO_ALICE

    tracked = await deliver(graph, bot_for(graph, hangs), created("x"), age=12.95)
    assert tracked.failure == "the on_incoming handler gave no answer before the deadline"
    assert len(cancelled) == 1 and graph.redirects == []


async def test_a_handler_that_will_not_stop_is_left_behind(
    graph: Simulator, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    stop = asyncio.Event()

    async def stubborn(_: cr.Call) -> cr.Redirect:
        while not stop.is_set():
            with suppress(asyncio.CancelledError):
                await stop.wait()
        return TO_ALICE

    assert 13 < _redirector._DRAIN_SECONDS <= 15  # longer than any redirect, and what `close` promises
    monkeypatch.setattr(_redirector, "_DRAIN_SECONDS", 0.2)
    bot = bot_for(graph, stubborn)
    try:
        await bot.handle(body(created("x")), headers(graph), received_at=time.monotonic() - 12.95)
        (tracked,) = bot.calls
        while tracked.failure is None:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        await bot.close()
    finally:
        stop.set()  # or the loop could not be closed
    assert tracked.failure == "the on_incoming handler gave no answer before the deadline"
    assert "closed with 1 handler(s) still running" in caplog.text
    await bot.close()
    assert graph.redirects == []


async def test_a_request_that_took_too_long_to_arrive_is_not_sent(graph: Simulator) -> None:
    tracked = await deliver(graph, bot_for(graph), created("x"), age=20)
    assert tracked.failure == "it arrived too late to be redirected"
    assert graph.redirects == []


async def test_credentials_that_fail(graph: Simulator) -> None:
    def broken() -> str:
        raise PermissionError("secret")

    nothing: Any = lambda: None  # noqa: E731
    for credential, failure in (
        (broken, "PermissionError was raised"),
        (nothing, "CredentialError: the credential gave NoneType, not a token"),
        (lambda: "", "CredentialError: "),
    ):
        tracked = await deliver(graph, bot_for(graph, credential=credential), created("x"))
        assert tracked.failure is not None and tracked.failure.startswith(failure)
    assert graph.redirects == []
    tracked = await deliver(graph, bot_for(graph, credential="unknown"), created("x"))
    assert isinstance(tracked.outcome, cr.Rejected) and tracked.outcome.status == 401


async def test_a_call_unknown_to_graph_is_gone(graph: Simulator, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "callredirect")
    tracked = await deliver(graph, bot_for(graph), created("x"))
    assert isinstance(tracked.outcome, cr.CallGone)
    assert "404 from Graph" in str(tracked) and "outcome: call gone: 404 8522" in str(tracked)
    (record,) = caplog.records
    assert record.levelname == "INFO" and tracked.outcome.client_request_id in record.getMessage()


async def test_a_stopped_loop_leaves_a_record(graph: Simulator) -> None:
    async def hangs(_: cr.Call) -> cr.Redirect:
        await asyncio.sleep(3600)
        return TO_ALICE

    bot = bot_for(graph, hangs)

    async def stopped() -> None:
        await bot.handle(body(created("x")), headers(graph))
        await asyncio.sleep(0.01)

    await asyncio.to_thread(asyncio.run, stopped())
    (tracked,) = bot.calls
    assert tracked.failure == "interrupted by CancelledError"


@pytest.mark.parametrize("how", ["cancelled", "left to be collected"])
async def test_stopped_while_it_was_sent_is_unknown(graph: Simulator, how: str) -> None:
    with RawServer(open_gate=False) as server:
        bot = cr.Redirector(
            app_id=APP,
            base_url=server.url,
            credential=graph.access_token(),
            verifier=cr.Verifier(APP, jwks=graph.jwks),
        )
        bot.on_incoming(lambda _: TO_ALICE)

        async def stopped() -> None:
            await bot.handle(body(created("x")), headers(graph))
            await asyncio.to_thread(server.wait_for, 1)
            if how == "left to be collected":
                (redirecting,) = bot._redirecting.values()
                coroutine: Any = redirecting.get_coro()
                coroutine.close()  # as when the loop is no more

        await asyncio.to_thread(asyncio.run, stopped())
        (tracked,) = bot.calls
        assert isinstance(tracked.outcome, cr.Unknown) and not tracked.outcome.likely_delivered
        assert tracked.outcome.reason == "interrupted while the redirect was being sent"
        assert (tracked.stage, tracked.failure) == ("unknown", None)


async def test_a_handler_that_was_given_less_time_is_not_said_to_have_had_it_all(graph: Simulator) -> None:
    async def hangs(_: cr.Call) -> cr.Redirect:
        await asyncio.sleep(3600)
        return TO_ALICE

    tracked = await deliver(graph, bot_for(graph, hangs, handler_timeout=0.9), created("x"), age=12)
    assert tracked.failure == "the on_incoming handler gave no answer in its time"


# --- the end of a call


async def test_the_end_is_told_once_and_after_the_outcome(graph: Simulator) -> None:
    told: list[tuple[bool, cr.Outcome | None]] = []
    answer = asyncio.Event()

    async def route(_: cr.Call) -> cr.Redirect:
        await answer.wait()
        return TO_ALICE

    bot = bot_for(graph, route)
    bot.on_ended(lambda tracked: told.append((tracked.ended, tracked.outcome)))
    call_id = graph.place_call()
    info = {"code": 200, "subcode": 5010, "message": "all right"}
    await bot.handle(body(created(call_id)), headers(graph))
    for _ in range(3):
        await bot.handle(body(deleted(call_id, resultInfo=info)), headers(graph))
    await asyncio.sleep(0.05)
    assert told == []
    answer.set()
    await bot.close()
    ((ended, outcome),) = told
    (tracked,) = bot.calls
    # It ended before the handler had decided.
    assert ended and outcome is None and graph.redirects == []
    assert tracked.failure == "the call ended before it could be redirected"
    assert tracked.result_info is not None and tracked.result_info.subcode == 5010


async def test_an_end_without_a_beginning_is_told(graph: Simulator) -> None:
    told: list[cr.TrackedCall] = []
    bot = bot_for(graph)
    bot.on_ended(told.append)
    tracked = await deliver(graph, bot, deleted("x"))
    assert [call.call_id for call in told] == ["x"]
    assert (tracked.call, tracked.ended, names(tracked)) == (None, True, ["received", "ended"])


async def test_a_raising_ended_handler_is_logged(graph: Simulator, caplog: pytest.LogCaptureFixture) -> None:
    async def ended(_: cr.TrackedCall) -> None:
        raise LookupError

    bot = bot_for(graph)
    bot.on_ended(ended)
    tracked = await deliver(graph, bot, created(graph.place_call()), note("updated", "established", "y"))
    assert isinstance(tracked.outcome, cr.Accepted)
    other = bot_for(graph)
    other.on_ended(ended)
    await deliver(graph, other, deleted("x"))
    assert "call x: the on_ended handler raised" in caplog.text


# --- duplicates


async def test_duplicates_redirect_once(graph: Simulator) -> None:
    call_id = graph.place_call()
    bot = bot_for(graph)
    written = [call_id, call_id.upper(), call_id.replace("-", ""), call_id]
    await asyncio.gather(
        *(bot.handle(body(created(one), created(call_id)), headers(graph)) for one in written * 5)
    )
    await bot.close()
    assert [redirect.status for redirect in graph.redirects] == [202]
    assert len(bot.calls) == 1


async def test_a_call_that_ended_is_not_redirected_late(graph: Simulator) -> None:
    bot = bot_for(graph)
    await bot.handle(body(deleted("x")), headers(graph))
    tracked = await deliver(graph, bot, created("x"), deleted("x"))
    assert (tracked.call, tracked.failure, graph.redirects) == (None, None, [])


# --- who may ring


async def test_forged_tokens_never_reach_the_handler(graph: Simulator) -> None:
    asked: list[cr.Call] = []
    bot = bot_for(graph, asked.append)
    with Simulator(own_key=True) as stranger:
        forged = stranger.notification_token()
    now = time.time()
    good = graph.notification_token()
    for wrong in [
        [],
        [("Authorization", f"Bearer {forged}")],
        [("Authorization", f"Bearer {graph.access_token()}")],
        [("Authorization", f"Bearer {graph.notification_token('another')}")],
        [("Authorization", f"Bearer {graph.notification_token(claims={'exp': now - 301})}")],
        [("Authorization", f"Bearer {graph.notification_token(claims={'iss': 'https://evil.example'})}")],
        [("Authorization", good)],
        [("Authorization", f"Bearer {good}")] * 2,
        [("Authorization", f"Bearer {good}"), ("authorization", "Bearer x")],
        [("Authorization", f"Bearer {good}\udcff")],
        [("Authorization", "\udcff")],
        [("Authorization", "Bearer " + "A" * 100_000)],
        [("X-Authorization", f"Bearer {good}")],
    ]:
        reply = await bot.handle(body(created("x")), wrong)
        assert (reply.status, reply.headers, reply.body) == (401, {"WWW-Authenticate": "Bearer"}, b"")
    foreign = {"Authorization": f"Bearer {graph.notification_token(tenant_id='another')}"}
    assert (await bot.handle(body(created("x")), foreign)).status == 403
    await bot.close()
    assert (asked, bot.calls, graph.redirects) == ([], (), [])


@pytest.mark.parametrize("caller", [{"phone": {"id": "+14255550100"}}, {"user": {"tenantId": "another"}}])
async def test_a_call_that_names_no_tenant_is_of_its_tokens(graph: Simulator, caller: dict[str, Any]) -> None:
    asked: list[str] = []

    class Credential:
        def get_token(self, *_: str, tenant_id: str) -> Any:
            asked.append(tenant_id)
            return SimpleNamespace(token=graph.access_token(), expires_on=time.time() + 3600)

    incoming = created(graph.place_call())
    incoming["resourceData"] = {"state": "incoming", "source": {"identity": caller}}
    tracked = await deliver(graph, bot_for(graph, credential=Credential()), incoming)
    assert isinstance(tracked.outcome, cr.Accepted)
    assert set(asked) == {TENANT} == {graph.tenant_id}


async def test_headers_in_every_shape(graph: Simulator) -> None:
    bot = bot_for(graph, None)
    good = headers(graph)
    raw = [(name.lower().encode(), value.encode()) for name, value in good.items()]
    lists: Any = [list(pair) for pair in raw]
    shapes: list[Any] = [
        good,
        {name.lower(): value for name, value in good.items()},
        {name.upper(): value for name, value in good.items()},
        list(good.items()),
        iter(good.items()),
        raw,
        lists,
        Headers(good),
        Headers(raw=raw),
        good | {"X-Odd": None, "\udcff": "\udcff"},
        [*raw, (b"\xff\x00", b"\xff")],
        {**good, "Content-Type": None},
        {"authorization": good["Authorization"].encode()},
        {"authorization": bytearray(good["Authorization"].encode())},
    ]
    for shape in shapes:
        assert (await bot.handle(body(), shape)).status == 202, shape
    doubled = Headers(raw=[raw[0], raw[0]])
    assert (await bot.handle(body(), doubled)).status == 401
    absent: Any = {"Authorization": None}
    assert (await bot.handle(body(), absent)).status == 401


@pytest.mark.parametrize(
    "wrong",
    [None, 7, "Authorization: x", b"Authorization: x", [7], ["ab"], [("a",)], [("a", "b", "c")], {1: "x"},
     {"Authorization": 7}, {"Authorization": ["Bearer x"]}, object()],
    ids=repr,
)  # fmt: skip
async def test_headers_that_are_the_hosts_mistake(graph: Simulator, wrong: Any) -> None:
    if wrong == ["ab"]:  # two one-character items: a pair like any other
        assert (await bot_for(graph).handle(b"", wrong)).status == 401
        return
    with pytest.raises(TypeError, match=r"headers must be|expected bytes or str"):
        await bot_for(graph).handle(b"", wrong)


# --- bodies


def deep(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(levels):
        value = {"value": value}
    return value


@pytest.mark.parametrize(
    ("status", "sent"),
    [
        (202, body()),
        (202, body().decode()),
        (202, json.loads(body())),
        (202, []),
        (202, bytearray(body())),
        (202, memoryview(body())),
        (202, b"\n [] "),
        (204, b'{"id": "1", "callState": "incoming"}'),
        (204, {"id": "1", "callState": "incoming"}),
        (400, b""),
        (400, ""),
        (400, {}),
        (400, b"{"),
        (400, b"\xff"),
        (400, "\ud800"),
        (400, {"value": "\ud800"}),
        (400, {"value": [float("nan")]}),
        (400, b'{"value":' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
        (400, deep(100_000)),
        (413, b" " * 300_000),
        (413, " " * 300_000),
        (413, {"value": ["x" * 300_000]}),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, int) else str(value),
)
async def test_bodies(graph: Simulator, status: int, sent: Any) -> None:
    bot = bot_for(graph)
    assert (await bot.handle(sent, headers(graph))).status == status
    # Nobody is told anything about a body before it is known who sent it.
    assert (await bot.handle(sent, {})).status == 401


@pytest.mark.parametrize("wrong", [None, 7, 1.5, object(), {1, 2}, {"value": object()}], ids=repr)
async def test_bodies_that_are_the_hosts_mistake(graph: Simulator, wrong: Any) -> None:
    for sent in (headers(graph), {}):
        with pytest.raises(TypeError):
            await bot_for(graph).handle(wrong, sent)


async def test_other_content_types(graph: Simulator) -> None:
    bot = bot_for(graph, None)
    for content_type in ("text/plain", "application/x-www-form-urlencoded", "", "\udcff"):
        reply = await bot.handle(body(created("x")), headers(graph, **{"Content-Type": content_type}))
        assert reply.status == 415
    assert bot.calls == ()


async def test_received_at_may_be_nonsense(graph: Simulator) -> None:
    bot = bot_for(graph, None)
    for received_at in (float("nan"), float("inf"), float("-inf"), time.time(), -1e300):
        assert (await bot.handle(body(), headers(graph), received_at=received_at)).status == 202
    wrong: Any = "now"
    with pytest.raises(TypeError):
        await bot.handle(body(), headers(graph), received_at=wrong)


async def test_every_body_of_the_corpus(graph: Simulator, corpora: Path) -> None:
    rows = json.loads((corpora / "notification_bodies" / "bodies.json").read_text())
    assert len(rows) >= 173
    fits: dict[str, Callable[[int, int], bool]] = {
        "redirectable": lambda status, calls: (status, calls) == (202, 1),
        "ignore": lambda status, calls: (status, calls) == (202, 0),
        "legacy": lambda status, calls: (status, calls) == (204, 0),
        "reject": lambda status, calls: status in (400, 413) and calls == 0,
        "either": lambda status, _: status in (202, 204, 400, 403, 413),
    }
    wrong = []
    for row in rows:
        bot = bot_for(graph)
        before = len(graph.redirects)
        reply = await bot.handle(base64.b64decode(row["body_b64"]), headers(graph))
        await bot.close()
        if not fits[row["expect"]](reply.status, len(graph.redirects) - before):
            wrong.append((row["id"], row["expect"], row["why"], reply.status))
    assert wrong == []
    path = re.compile(r"/v1\.0/communications/calls/[A-Za-z0-9_-]{1,128}/redirect")
    asked = graph.requests
    assert asked
    assert [entry for entry in asked if entry[0] != "POST" or not path.fullmatch(entry[1])] == []


# --- Microsoft's keys


def fetches(graph: Simulator) -> int:
    return [path for _, path, _ in graph.requests].count("/keys")


def online(graph: Simulator) -> cr.Redirector:
    return bot_for(graph, None, verifier=cr.Verifier(APP, metadata_url=graph.metadata_url))


async def together(n: int, handle: Callable[[int], Awaitable[cr.Reply]]) -> list[int]:
    return [reply.status for reply in await asyncio.gather(*map(handle, range(n)))]


async def test_a_cold_start_fetches_keys_once(graph: Simulator) -> None:
    bot, sent = online(graph), headers(graph)
    statuses = await together(50, lambda i: bot.handle(body(created(f"call-{i}")), iter(sent.items())))
    assert set(statuses) == {202} and len(bot.calls) == 50
    assert fetches(graph) == 1


async def test_no_keys_is_503_until_there_are_some() -> None:
    with Simulator() as graph:
        port = int(graph.base_url.rsplit(":", 1)[1])
        bot, sent = online(graph), headers(graph)
    assert set(await together(5, lambda _: bot.handle(body(), sent))) == {503}
    assert (await bot.handle(body(), {})).status == 401
    with Simulator(port=port) as graph:
        until = time.monotonic() + 10
        while (status := (await bot.handle(body(), sent)).status) == 503:
            assert time.monotonic() < until
            await asyncio.sleep(0.05)
        assert (status, fetches(graph)) == (202, 1)


async def test_a_rotated_key_is_fetched_once(graph: Simulator, caplog: pytest.LogCaptureFixture) -> None:
    with Simulator(own_key=True) as rotated:
        verifier = cr.Verifier(APP, metadata_url=rotated.metadata_url)
        verifier.set_jwks(graph.jwks)
        bot = bot_for(graph, None, verifier=verifier)
        old, new = headers(graph), headers(rotated)
        assert (await bot.handle(body(), old)).status == 202
        assert fetches(rotated) == 0
        assert set(await together(20, lambda _: bot.handle(body(), new))) == {202}
        # The old key is not published any more; an unknown one is not asked for again so soon.
        assert set(await together(20, lambda _: bot.handle(body(), old))) == {401}
        assert fetches(rotated) == 1


@asynccontextmanager
async def silent_server() -> AsyncGenerator[tuple[str, asyncio.Event, asyncio.Event]]:
    """Its URL; when it has been asked; and what makes it hang up."""
    asked, done = asyncio.Event(), asyncio.Event()

    async def silent(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await done.wait()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", asked, done
    done.set()
    server.close()
    await server.wait_closed()


async def test_an_invented_key_delays_nobody(graph: Simulator) -> None:
    async with silent_server() as (url, asked, done):
        verifier = cr.Verifier(APP, metadata_url=url)
        verifier.set_jwks(graph.jwks)
        bot = bot_for(graph, None, verifier=verifier)
        with Simulator(own_key=True) as stranger:
            invented = headers(stranger)
        waiting = [asyncio.create_task(bot.handle(body(), invented)) for _ in range(3)]
        await asyncio.wait_for(asked.wait(), 4)
        assert (await asyncio.wait_for(bot.handle(body(), headers(graph)), 4)).status == 202
        # A client that hangs up takes nobody else's answer with it.
        waiting[0].cancel()
        await asyncio.sleep(0.05)
        assert [task.done() for task in waiting] == [True, False, False]
        done.set()
        assert [reply.status for reply in await asyncio.gather(*waiting[1:])] == [401, 401]


async def test_two_loops_may_wait_for_keys(graph: Simulator) -> None:
    async with silent_server() as (url, asked, done):
        bot, sent = bot_for(graph, None, verifier=cr.Verifier(APP, metadata_url=url)), headers(graph)
        elsewhere = asyncio.create_task(asyncio.to_thread(lambda: asyncio.run(bot.handle(body(), sent))))
        await asyncio.wait_for(asked.wait(), 4)
        here = asyncio.create_task(bot.handle(body(), sent))
        await asyncio.sleep(0.05)
        done.set()
        assert [reply.status for reply in await asyncio.gather(here, elsewhere)] == [503, 503]


async def test_a_bot_outlives_the_loop_that_fetched_its_keys(graph: Simulator) -> None:
    bot, sent = online(graph), headers(graph)

    async def hung_up() -> None:
        asyncio.get_running_loop().call_soon(asyncio.current_task().cancel)  # type: ignore[union-attr]
        await bot.handle(body(), sent)

    def run() -> None:
        with pytest.raises(asyncio.CancelledError):
            asyncio.run(hung_up())

    await asyncio.to_thread(run)
    assert (await bot.handle(body(), sent)).status == 202
    assert await asyncio.to_thread(lambda: asyncio.run(bot.handle(body(), sent)).status) == 202


# --- the end of the bot


async def test_close_drains_and_refuses(graph: Simulator) -> None:
    async def route(_: cr.Call) -> cr.Redirect:
        await asyncio.sleep(0.1)
        return TO_ALICE

    bot = bot_for(graph, route)
    call_id = graph.place_call()
    await bot.handle(body(created(call_id)), headers(graph))
    await bot.close()
    (tracked,) = bot.calls
    assert isinstance(tracked.outcome, cr.Accepted)
    assert (await bot.handle(body(created("y")), headers(graph))).status == 503
    assert (await bot.handle(b"", {})).status == 503
    await bot.close()
    assert len(bot.calls) == 1


@pytest.mark.parametrize("closes", [True, False])
async def test_two_loops_may_wait_for_a_redirect(graph: Simulator, closes: bool) -> None:
    """A bot that is closed, or told of the end, in another loop than the one its redirect runs in."""
    asked, decided, told = threading.Event(), threading.Event(), list[tuple[str, bool]]()

    def route(_: cr.Call) -> cr.Redirect:
        asked.set()
        decided.wait(10)
        return TO_ALICE

    bot = bot_for(graph, route)
    bot.on_ended(lambda call: told.append((call.stage, call.ended)))
    call_id, signed = graph.place_call(), headers(graph)
    await bot.handle(body(created(call_id)), signed)
    await asyncio.to_thread(asked.wait, 10)

    async def elsewhere() -> str:
        # Complains where a loop is spoken to from another's thread.
        asyncio.get_running_loop().set_debug(True)
        if not closes:
            await bot.handle(body(deleted(call_id)), signed)
        asyncio.get_running_loop().call_later(0.1, decided.set)
        await (bot.close() if closes else bot.settled())
        return bot.calls[0].stage

    asyncio.get_running_loop().set_debug(True)
    began = time.monotonic()
    stage = "accepted" if closes else "failed"  # it ended before anything was sent
    assert await asyncio.to_thread(asyncio.run, elsewhere()) == stage
    assert time.monotonic() - began < 10  # not the longest that anybody waits
    await bot.close()
    assert told == ([] if closes else [(stage, True)])
    assert bot._timers == {}


async def test_a_bot_is_closed_whose_loop_is_no_more(graph: Simulator) -> None:
    async def hangs(_: cr.Call) -> None:
        await asyncio.Event().wait()

    bot = bot_for(graph, hangs)
    loop = asyncio.new_event_loop()
    await asyncio.to_thread(loop.run_until_complete, bot.handle(body(created("x")), headers(graph)))
    loop.close()
    began = time.monotonic()
    await bot.close()
    assert time.monotonic() - began < 10


async def test_nothing_is_told_after_the_end(graph: Simulator) -> None:
    bot = bot_for(graph)
    await bot.handle(body(created(graph.place_call())), headers(graph))
    await bot.settled()
    (timer,) = bot._timers.values()
    await bot.close()
    assert timer[1].cancelled()


async def test_a_handler_may_close_the_bot(graph: Simulator) -> None:
    bot = bot_for(graph)

    async def ended(_: cr.TrackedCall) -> None:
        await bot.close()

    bot.on_ended(ended)
    await bot.handle(body(deleted("x")), headers(graph))
    await asyncio.sleep(0)
    await asyncio.wait_for(bot.close(), 5)


async def test_what_is_wrong_with_a_bot_is_said_when_it_is_made(graph: Simulator) -> None:
    make: Any = cr.Redirector
    with pytest.raises(ValueError, match="verifier is for app id 'a', the bot is 'b'"):
        make(app_id="b", credential="x", verifier=cr.Verifier("a"))
    with pytest.raises(TypeError, match="a credential is"):
        make(app_id="b", credential=None)
    with pytest.raises(ValueError, match="store must be"):
        make(app_id="b", credential="x", store="disk")
    bot = make(app_id="b", credential="x")
    assert repr(bot) == "<Redirector b <AsyncClient https://graph.microsoft.com v1.0>>"
    for register in (bot.on_incoming, bot.on_ended):
        with pytest.raises(TypeError, match="a handler is a function, not NoneType"):
            register(None)
    with pytest.raises(ValueError, match="http"):
        make(app_id="b", credential="x", base_url="http://graph.example")
    with pytest.raises(ValueError, match="beta"):
        make(app_id="b", credential="x", api_version="v2")


# --- secrets


async def test_no_secret_is_shown_anywhere(graph: Simulator, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    token, phone, caller, name = graph.access_token(), "+19995550123", "+18885550199", "Zaphod Beeblebrox"
    person = {"identity": {"phone": {"id": caller, "displayName": name}}}
    notification = note("created", "incoming", graph.place_call(), source=person, targets=[person])
    target = cr.Target.phone(phone, display_name=name)
    answers: list[object] = [
        cr.Redirect([target]),
        cr.Redirect([target, target], timeout=1),
        cr.Redirect([cr.Target.phone(phone + "x", display_name=name)]),
        [target],
        None,
        sync_raise,
    ]
    shown: list[object] = []
    sent = headers(graph)
    for answer in answers:
        for credential in (token, "wrong-" + token, lambda: token + "\n"):
            bot = bot_for(graph, answer, credential=credential)
            bot.on_ended(shown.append)
            await bot.handle(body(notification), sent)
            await bot.handle(body(note("deleted", "terminated", "z", answeredBy=person)), sent)
            await bot.handle(body(notification)[:-9], sent)
            await bot.handle(body(notification) + phone.encode() + name.encode(), sent)
            await bot.handle(body(notification), {"Authorization": sent["Authorization"][:-4]})
            await bot.close()
            for call in bot.calls:
                shown += [call, call.call, call.failure, call.answered_by, bot]
                shown += [repr(call.outcome)] if call.outcome else []
    text = caplog.text + "".join(f"{item!r} {item}" for item in shown)
    assert "outcome: accepted" in text and "ValidationError" in text
    for secret in (
        token,
        sent["Authorization"][7:],
        sent["Authorization"][-40:-4],
        phone[:8],
        caller[:8],
        name,
    ):
        assert secret not in text


# What a token does not say


def rung(call_id: str, *identities: dict[str, Any]) -> dict[str, Any]:
    return note("created", "incoming", call_id, targets=[{"identity": identity} for identity in identities])


@pytest.mark.parametrize(
    ("identities", "status"),
    [
        ([], 202),
        ([{"application": {"id": APP}}], 202),
        ([{"application": {"id": APP.upper()}}], 202),
        ([{"application": {"id": "11111111-1111-4111-8111-111111111111"}}], 403),
        (
            [{"application": {"id": "11111111-1111-4111-8111-111111111111"}}, {"application": {"id": APP}}],
            202,
        ),
        ([{"application": {"id": APP.replace("-", "")}}], 202),
        ([{"application": {}}], 202),
        ([{"applicationInstance": {"id": "7629bdce-046c-4903-86b4-a8f718277e1a"}}], 202),
    ],
)
async def test_a_call_that_rings_another_application_is_not_moved(
    graph: Simulator, identities: list[dict[str, Any]], status: int
) -> None:
    bot = bot_for(graph)
    reply = await bot.handle(body(rung(graph.place_call(), *identities)), headers(graph))
    await bot.close()
    assert reply.status == status
    assert len(graph.redirects) == (status == 202)


async def test_genuine_notifications_about_other_things_are_accepted(graph: Simulator) -> None:
    bot = bot_for(graph)
    for url in ("/communications/onlineMeetings/1", "/communications/callRecords/1"):
        item = {"changeType": "created", "resourceUrl": url, "resourceData": {"id": "1"}}
        assert (await bot.handle(body(item), headers(graph))).status == 202
    assert bot.calls == ()


async def test_the_scenario_id_ties_the_logs_of_both_sides_together(graph: Simulator) -> None:
    bot = bot_for(graph)
    scenario = "0c1f6d2e-6a1d-4c43-9a3e-3f9a6b1f8a11"
    await bot.handle(body(created(graph.place_call())), headers(graph, **{"scenario-id": scenario}))
    await bot.close()
    (redirect,) = graph.redirects
    assert redirect.headers["scenario-id"] == scenario


async def test_handlers_that_hang_keep_no_other_from_starting(graph: Simulator) -> None:
    stop = threading.Event()
    quick = graph.place_call()

    def route(call: cr.Call) -> cr.Redirect:
        if call.id != quick:
            stop.wait(30)
        return TO_ALICE

    bot = bot_for(graph, route, credential=lambda: graph.access_token())
    try:
        hanging = [created(f"hanging-{number}") for number in range(20)]
        assert (await bot.handle(body(*hanging), headers(graph))).status == 202
        assert (await bot.handle(body(created(quick)), headers(graph))).status == 202
        tracked = bot.calls[-1]
        while tracked.outcome is None and tracked.failure is None:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        assert isinstance(tracked.outcome, cr.Accepted)
    finally:
        stop.set()
    await bot.close()


async def test_a_synchronous_handler_may_raise_anything(graph: Simulator) -> None:
    def route(_: cr.Call) -> cr.Redirect:
        return next(iter(()))

    bot = bot_for(graph, route)
    bot.on_ended(lambda _: next(iter(())))
    call_id = graph.place_call()
    began = time.monotonic()
    await bot.handle(body(created(call_id)), headers(graph))
    await bot.handle(body(deleted(call_id)), headers(graph))
    await bot.close()
    (tracked,) = bot.calls
    assert tracked.failure == "RuntimeError was raised"
    assert time.monotonic() - began < 10  # not the deadline, nor the longest that close() waits


async def test_cancelled_before_anything_was_sent_says_so(graph: Simulator) -> None:
    asked = asyncio.Event()

    async def credential() -> str:
        asked.set()
        await asyncio.sleep(30)
        return "x"

    bot = bot_for(graph, credential=credential)
    await bot.handle(body(created(graph.place_call())), headers(graph))
    await asked.wait()
    for task in list(bot._tasks):
        task.cancel()
    await bot.close()
    (tracked,) = bot.calls
    assert tracked.failure == "interrupted by CancelledError"
    assert graph.redirects == []


async def test_cancelled_while_it_was_being_sent_the_outcome_is_recorded(
    graph: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "callredirect")
    with RawServer(open_gate=False) as server:
        bot = cr.Redirector(
            app_id=APP, credential="x", verifier=cr.Verifier(APP, jwks=graph.jwks), base_url=server.url
        )
        bot.on_incoming(lambda _: TO_ALICE)
        await bot.handle(body(created("one")), headers(graph))
        await asyncio.to_thread(server.wait_for, 1)
        for task in list(bot._tasks):
            task.cancel()
        await bot.close()
        (tracked,) = bot.calls
        assert isinstance(tracked.outcome, cr.Unknown) and tracked.failure is None
        server.gate.set()
        end = time.monotonic() + 10
        while not isinstance(tracked.outcome, cr.Accepted):
            assert time.monotonic() < end
            await asyncio.sleep(0.005)
    assert isinstance(tracked.outcome, cr.Accepted)
    assert tracked.failure is None
    assert names(tracked).count("settled") == 1
    logged = [record.getMessage() for record in caplog.records if "one" in record.getMessage()]
    assert len(logged) == 2 and "it may have arrived" in logged[0] and "call one: accepted: 202" in logged[1]


def test_a_bot_that_could_never_verify_is_refused(graph: Simulator) -> None:
    for wrong in ("", "http://login.example.com/keys", "not a url", "https://user:pw@login.example.com/"):
        with pytest.raises(ValueError, match="metadata_url: "):
            cr.Verifier(APP, metadata_url=wrong)
    with pytest.raises(ValueError, match="app_id is empty"):
        cr.Verifier("")
    with pytest.raises(ValueError, match="no keys"):
        bot_for(graph, verifier=cr.Verifier(APP, jwks={"keys": []}))
