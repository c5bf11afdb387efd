"""Claims beyond one process, from Python: stores, what is done when they fail, and how calls end."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import signal
import socket
import sqlite3
import ssl
import subprocess
import sys
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

import callredirect as cr
from callredirect import _claims, _redirector
from callredirect._workers import siblings
from callredirect.testing import Simulator
from redis_server import RedisServer
from servers import RawServer, response
from test_redirector import (
    APP,
    TO_ALICE,
    body,
    bot_for,
    created,
    deleted,
    deliver,
    graph,  # noqa: F401 # pyright: ignore[reportUnusedImport] - a fixture
    headers,
    names,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from callredirect.stores import ClaimStore, Final


class DictStore:
    """A store of one's own, as small as it can be."""

    def __init__(self) -> None:
        self.kept: dict[str, cr.ClaimRecord] = {}
        self.lease_until: dict[str, float] = {}
        self.takeover_until: dict[str, float] = {}

    def claim(self, key: str, worker: str, *, lease: float, budget: float) -> cr.ClaimRecord:
        now, old = time.monotonic(), self.kept.get(key)
        if old is None:
            self.takeover_until[key] = now + budget - 3
        elif (
            old.ended
            or old.stage != "claimed"
            or self.lease_until[key] >= now
            or self.takeover_until[key] < now
        ):
            return old
        self.lease_until[key] = now + lease
        return self.keep(key, worker, fence=old.fence + 1 if old else 1, stage="claimed")

    def extend(self, key: str, worker: str, *, fence: int, lease: float, sent: bool) -> cr.ClaimRecord:
        old = self.kept[key]
        if (old.worker, old.fence) == (worker, fence) and not old.ended:
            self.lease_until[key] = time.monotonic() + lease
            return self.keep(
                key, worker, fence=fence, stage="sent" if sent else old.stage, attempts=int(sent)
            )
        return old

    def finish(self, key: str, worker: str, *, stage: Final, attempts: int) -> cr.ClaimRecord:
        old = self.kept.get(key) or cr.ClaimRecord(key)
        if stage == "ended":
            return self.keep(
                key, old.worker, fence=old.fence, stage=old.stage, attempts=old.attempts, ended=True
            )
        return self.keep(key, worker, fence=old.fence, stage=stage, attempts=attempts, ended=old.ended)

    def get(self, key: str) -> cr.ClaimRecord | None:
        return self.kept.get(key)

    def keep(self, key: str, worker: str, **more: Any) -> cr.ClaimRecord:
        self.kept[key] = cr.ClaimRecord(key, worker=worker, **more)
        return self.kept[key]


class AsyncStore:
    """The same, asynchronous."""

    def __init__(self) -> None:
        self.store = DictStore()

    async def claim(self, key: str, worker: str, *, lease: float, budget: float) -> cr.ClaimRecord:
        await asyncio.sleep(0)
        return self.store.claim(key, worker, lease=lease, budget=budget)

    async def extend(self, key: str, worker: str, *, fence: int, lease: float, sent: bool) -> cr.ClaimRecord:
        return self.store.extend(key, worker, fence=fence, lease=lease, sent=sent)

    async def finish(self, key: str, worker: str, *, stage: Final, attempts: int) -> cr.ClaimRecord:
        return self.store.finish(key, worker, stage=stage, attempts=attempts)

    async def get(self, key: str) -> cr.ClaimRecord | None:
        return self.store.get(key)


@pytest.fixture(params=["sqlite", "redis", "own", "own async"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str | ClaimStore]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/calls.db"
    elif request.param == "redis":
        with RedisServer(tmp_path) as server:
            yield server.url
    else:
        yield DictStore() if request.param == "own" else AsyncStore()


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path) as server:
        yield server


@pytest.mark.parametrize("comes", [True, False])
async def test_nothing_is_written_as_sent_before_there_is_a_token(graph: Simulator, comes: bool) -> None:  # noqa: F811
    grant = {"access_token": graph.access_token(), "expires_in": 3600, "token_type": "Bearer"}
    answer = response("200 OK", json.dumps(grant).encode()) if comes else response("400 No", b"{}")
    kept = DictStore()
    with RawServer(answer, open_gate=False) as issuer:
        credential = cr.ClientSecret("app", "secret", graph.tenant_id, authority=issuer.url)
        bot = bot_for(graph, store=kept, credential=credential)
        call_id = graph.place_call()
        await bot.handle(body(created(call_id)), headers(graph))
        await asyncio.to_thread(issuer.wait_for, 1)
        # Whoever takes over from a worker that dies here knows that nothing has left.
        assert [record.stage for record in kept.kept.values()] == ["claimed"]
        issuer.gate.set()
        await bot.close()
    (record,) = kept.kept.values()
    assert (record.stage, record.attempts) == (("accepted", 1) if comes else ("failed", 0))
    assert len(graph.redirects) == int(comes)


def store_warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    said = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    return [message for message in said if "claim store" in message]


# --- one redirect per call


async def test_two_workers_redirect_a_call_once(graph: Simulator, store: str | ClaimStore) -> None:  # noqa: F811
    bots = [bot_for(graph, store=store) for _ in range(2)]
    calls = [graph.place_call() for _ in range(10)]
    notes = [created(call) for call in calls]
    await asyncio.gather(*(bot.handle(body(note), headers(graph)) for note in notes * 2 for bot in bots))
    await asyncio.gather(*(bot.close() for bot in bots))
    assert sorted(redirect.call_id for redirect in graph.redirects) == sorted(calls)
    for call_id in calls:
        both = [call for bot in bots for call in bot.calls if call.call_id == call_id]
        (mine,) = [call for call in both if not call.elsewhere]
        (other,) = [call for call in both if call.elsewhere]
        assert isinstance(mine.outcome, cr.Accepted) and mine.stage == "accepted" and mine.settled
        assert names(mine)[:4] == ["received", "verified", "parsed", "claimed"]
        assert (other.outcome, other.failure, other.stage) == (None, None, "seen")
        assert "another worker's" in repr(other)
    assert [bot.claims_degraded for bot in bots] == [0, 0]


async def test_what_one_worker_has_no_token_for_another_redirects(graph: Simulator, tmp_path: Path) -> None:  # noqa: F811
    store = f"sqlite:///{tmp_path}/calls.db"

    async def no_token() -> str:
        raise RuntimeError("cut off")

    cut_off, well = bot_for(graph, store=store, credential=no_token), bot_for(graph, store=store)
    call_id = graph.place_call()
    for bot in (cut_off, well):
        await bot.handle(body(created(call_id)), headers(graph))
        await bot.settled()
    (failed,), (redirected,) = cut_off.calls, well.calls
    assert (failed.stage, redirected.stage) == ("failed", "accepted")
    assert [redirect.call_id for redirect in graph.redirects] == [call_id]
    await cut_off.close()
    await well.close()


@pytest.mark.parametrize("own", [DictStore, AsyncStore])
async def test_a_dead_worker_is_replaced_with_a_store_of_ones_own(
    graph: Simulator,  # noqa: F811
    own: Callable[[], Any],
) -> None:
    store = own()
    call_id = graph.place_call()
    key = call_id.replace("-", "")
    (store if isinstance(store, DictStore) else store.store).claim(key, "dead", lease=0.5, budget=13)
    bot = bot_for(graph, store=store)
    await bot.handle(body(created(call_id)), headers(graph))
    await bot.settled()
    (tracked,) = bot.calls
    assert tracked.stage == "accepted" and [redirect.call_id for redirect in graph.redirects] == [call_id]
    record = await bot._claims.get(tracked)
    assert record is not None and (record.stage, record.fence) == ("accepted", 2)
    await bot.close()


async def test_a_closing_bot_stands_by_for_nobody(graph: Simulator) -> None:  # noqa: F811
    asked: list[str] = []

    class Counted(DictStore):
        def claim(self, key: str, worker: str, *, lease: float, budget: float) -> cr.ClaimRecord:
            asked.append(worker)
            return super().claim(key, worker, lease=lease, budget=budget)

    store = Counted()
    store.claim("x", "other", lease=60, budget=73)
    bot = bot_for(graph, store=store)
    await bot.handle(body(created("x")), headers(graph))
    await bot.close()
    (tracked,) = bot.calls
    assert tracked.elsewhere and len(asked) <= 3


class LateStore(AsyncStore):
    """Makes the first claim, and says so too late."""

    async def claim(self, key: str, worker: str, *, lease: float, budget: float) -> cr.ClaimRecord:
        first = key not in self.store.kept
        record = self.store.claim(key, worker, lease=lease, budget=budget)
        if first:
            await asyncio.sleep(5)
        return record


async def test_a_claim_whose_answer_was_lost_is_held_all_the_same(graph: Simulator) -> None:  # noqa: F811
    store = LateStore()
    with RawServer(open_gate=False) as server:
        bot = cr.Redirector(
            app_id=APP,
            base_url=server.url,
            credential=graph.access_token(),
            verifier=cr.Verifier(APP, jwks=graph.jwks),
            store=store,
        )
        bot.on_incoming(lambda _: TO_ALICE)
        await bot.handle(body(created("x")), headers(graph))
        until = time.monotonic() + 10
        while (record := store.store.get("x")) is None or record.stage != "sent":
            assert time.monotonic() < until
            await asyncio.sleep(0.02)
        server.gate.set()
        await bot.close()
    assert store.store.kept["x"].stage == "accepted"


async def test_a_call_that_ended_at_one_worker_is_over_at_all(
    graph: Simulator,  # noqa: F811
    store: str | ClaimStore,
) -> None:
    told: list[str] = []
    bots = [bot_for(graph, store=store) for _ in range(2)]
    for bot in bots:
        bot.on_ended(lambda call: told.append(call.call_id))
    await bots[0].handle(body(deleted("x")), headers(graph))
    await bots[0].close()
    tracked = await deliver(graph, bots[1], created("x"), deleted("x"))
    assert (graph.redirects, told, tracked.outcome) == ([], ["x"], None)
    late = bot_for(graph, store=store)
    assert (
        await deliver(graph, late, created("x"))
    ).failure == "the call ended before it could be redirected"


async def test_two_workers_told_of_an_end_at_once_tell_it_once(
    graph: Simulator,  # noqa: F811
    store: str | ClaimStore,
) -> None:
    bots, told = [bot_for(graph, store=store) for _ in range(3)], []
    for bot in bots:
        bot.on_ended(lambda call: told.append(call.call_id))
    for call_id in ("one", "two", "three"):
        await asyncio.gather(*(bot.handle(body(deleted(call_id)), headers(graph)) for bot in bots))
    await asyncio.gather(*(bot.close() for bot in bots))
    assert sorted(told) == ["one", "three", "two"]


async def test_whoever_is_told_of_the_end_knows_how_it_went(
    graph: Simulator,  # noqa: F811
    store: str | ClaimStore,
) -> None:
    one, other = bot_for(graph, store=store), bot_for(graph, store=store)
    told: list[cr.TrackedCall] = []
    other.on_ended(told.append)
    call_id = graph.place_call()
    await deliver(graph, one, created(call_id))
    await deliver(graph, other, deleted(call_id))
    assert [(call.stage, call.outcome, call.ended) for call in told] == [("accepted", None, True)]


async def test_ids_are_one_call_however_they_are_written(graph: Simulator, tmp_path: Path) -> None:  # noqa: F811
    url = f"sqlite:///{tmp_path}/calls.db"
    call_id = graph.place_call()
    await deliver(graph, bot_for(graph, store=url), created(call_id))
    again = await deliver(graph, bot_for(graph, store=url), created(call_id.upper().replace("-", "")))
    assert again.elsewhere and len(graph.redirects) == 1
    with sqlite3.connect(f"{tmp_path}/calls.db") as file:
        rows = file.execute("SELECT key, call_id, fence, stage, attempts, ended FROM claims").fetchall()
    file.close()
    assert rows == [(call_id.replace("-", ""), call_id, 1, "accepted", 1, 0)]


async def test_no_store_keeps_what_a_notification_says(
    graph: Simulator,  # noqa: F811
    tmp_path: Path,
    redis: RedisServer,
) -> None:
    person = {"identity": {"phone": {"id": "+12345678901", "displayName": "Zaphod"}}}
    for url in (f"sqlite:///{tmp_path}/calls.db", redis.url):
        note = created(graph.place_call())
        note["resourceData"]["source"] = person
        to_phone = cr.Redirect([cr.Target.phone("+19995550123")])
        assert isinstance(
            (await deliver(graph, bot_for(graph, to_phone, store=url), note)).outcome, cr.Accepted
        )
    redis.command("SAVE")
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir())  # noqa: ASYNC240
    assert b"accepted" in kept
    for word in (b"2345678901", b"Zaphod", b"9995550123"):
        assert word not in kept


# --- the reply waits for nobody


async def test_the_reply_does_not_wait_for_the_store(graph: Simulator) -> None:  # noqa: F811
    asked = asyncio.Event()
    answers = asyncio.Event()

    class Slow(AsyncStore):
        async def claim(self, *args: Any, **named: Any) -> cr.ClaimRecord:
            asked.set()
            await answers.wait()
            return await super().claim(*args, **named)

    bot = bot_for(graph, store=Slow())
    reply = await bot.handle(body(created(graph.place_call())), headers(graph))
    (tracked,) = bot.calls
    assert (reply.status, tracked.stage) == (202, "seen")
    await asked.wait()
    answers.set()
    await bot.close()
    assert isinstance(tracked.outcome, cr.Accepted)


# --- stores that fail


@pytest.mark.parametrize("how", ["hangs", "is gone", "has another type", "has another's value"])
async def test_a_redis_that_fails_loses_no_call(
    graph: Simulator,  # noqa: F811
    redis: RedisServer,
    caplog: pytest.LogCaptureFixture,
    how: str,
) -> None:
    bot = bot_for(graph, store=redis.url)
    calls = [graph.place_call() for _ in range(5)]
    for call_id in calls:
        key = f"callredirect:claim:{call_id.replace('-', '')}"
        if how == "has another type":
            redis.command("LPUSH", key, "x")
        elif how == "has another's value":
            redis.command("SET", key, "{}")
    if how == "is gone":
        redis.kill()
    with redis.stopped() if how == "hangs" else redis:
        for call_id in calls:
            await bot.handle(body(created(call_id)), headers(graph))
        await bot.close()
    assert sorted(redirect.call_id for redirect in graph.redirects) == sorted(calls)
    assert {type(call.outcome) for call in bot.calls} == {cr.Accepted}
    assert bot.claims_degraded == 5
    (warning,) = store_warnings(caplog)
    assert str(redis.port) not in warning


async def test_fail_closed_redirects_nothing_unclaimed(
    graph: Simulator,  # noqa: F811
    redis: RedisServer,
    caplog: pytest.LogCaptureFixture,
) -> None:
    redis.kill()
    bot = bot_for(graph, store=redis.url, store_down="fail_closed")
    tracked = await deliver(graph, bot, created(graph.place_call()))
    assert tracked.failure is not None
    assert tracked.failure.startswith("not claimed, so not redirected: the claims in Redis: ")
    assert (graph.redirects, bot.claims_degraded, tracked.stage) == ([], 0, "failed")
    assert len(store_warnings(caplog)) == 1


async def test_a_store_that_comes_back_is_used_again(
    graph: Simulator,  # noqa: F811
    redis: RedisServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bot = bot_for(graph, store=redis.url)
    redis.kill()
    await bot.handle(body(created(graph.place_call())), headers(graph))
    redis.start()
    call_id = ""
    for _ in range(500):
        before = bot.claims_degraded
        call_id = graph.place_call()
        await bot.handle(body(created(call_id)), headers(graph))
        while not bot.calls[-1].settled:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
        if bot.claims_degraded == before:
            break
        await asyncio.sleep(0.02)
    assert redis.command("EXISTS", f"callredirect:claim:{call_id.replace('-', '')}") == b":1\r\n"
    await bot.close()


async def test_warnings_come_once_a_minute(
    graph: Simulator,  # noqa: F811
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Broken(DictStore):
        def claim(self, *args: Any, **named: Any) -> cr.ClaimRecord:
            raise PermissionError("postgres://user:hunter2@host")

    bot = bot_for(graph, store=Broken())
    for _ in range(3):
        await bot.handle(body(created(graph.place_call())), headers(graph))
    await asyncio.sleep(0)
    while not all(call.settled for call in bot.calls):  # noqa: ASYNC110
        await asyncio.sleep(0.005)
    (warning,) = store_warnings(caplog)
    assert re.search(
        r"the claim store's claim raised PermissionError; \d call\(s\) went on without it", warning
    )
    monkeypatch.setattr(_redirector, "_WARNING_SECONDS", 0)
    await bot.handle(body(created(graph.place_call())), headers(graph))
    await bot.close()
    assert len(store_warnings(caplog)) > 1
    assert "hunter2" not in caplog.text and len(graph.redirects) == 4


def hangs(*_: Any, **__: Any) -> Any:
    return asyncio.sleep(3600)


def raises(*_: Any, **__: Any) -> Any:
    raise LookupError("hunter2")


def cancels(*_: Any, **__: Any) -> Any:
    raise asyncio.CancelledError


@pytest.mark.parametrize("method", ["claim", "extend", "finish", "get"])
@pytest.mark.parametrize(
    "misbehaves", [hangs, raises, cancels, lambda *_, **__: None, lambda *_, **__: "yes"]
)
async def test_a_store_of_ones_own_may_do_anything(
    graph: Simulator,  # noqa: F811
    method: str,
    misbehaves: Callable[..., Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    store: Any = DictStore()
    setattr(store, method, misbehaves)
    bot = bot_for(graph, store=store)
    told: list[str] = []
    bot.on_ended(lambda call: told.append(call.call_id))
    call_id = graph.place_call()
    await bot.handle(body(created(call_id)), headers(graph))
    while not bot.calls[0].settled:  # noqa: ASYNC110
        await asyncio.sleep(0.005)
    await bot.handle(body(deleted(call_id)), headers(graph))
    await bot.close()
    (tracked,) = bot.calls
    assert isinstance(tracked.outcome, cr.Accepted) and told == [call_id]
    assert "hunter2" not in caplog.text
    closed = bot_for(graph, store=store, store_down="fail_closed")
    lost = await deliver(graph, closed, created(graph.place_call()))
    assert (lost.outcome is None) == (method in ("claim", "extend"))


async def test_a_store_that_lacks_something_is_refused(graph: Simulator) -> None:  # noqa: F811
    with pytest.raises(
        TypeError, match=r"a store is an address.*object lacks \['claim', 'extend', 'finish', 'get'\]"
    ):
        bot_for(graph, store=object())
    with pytest.raises(ValueError, match="store_down must be 'degrade' or 'fail_closed'"):
        bot_for(graph, store_down="open")
    with pytest.raises(ValueError, match="is not there: make it"):
        bot_for(graph, store="sqlite:////no/such/folder/calls.db")
    with pytest.raises(ValueError, match="not an address of Redis") as refused:
        bot_for(graph, store="redis://:hunter2@host:port")
    assert "hunter2" not in str(refused.value)


# --- workers that lose their claim


async def test_who_lost_the_claim_while_deciding_does_not_send(graph: Simulator) -> None:  # noqa: F811
    store = DictStore()

    async def route(call: cr.Call) -> cr.Redirect:
        (key,) = store.kept
        store.keep(key, "another", fence=2, stage="claimed")
        return TO_ALICE

    bot = bot_for(graph, route, store=store)
    tracked = await deliver(graph, bot, created(graph.place_call()))
    assert tracked.elsewhere and graph.redirects == []
    (record,) = store.kept.values()
    assert (record.worker, record.stage) == ("another", "claimed")


async def test_a_handler_that_takes_its_time_keeps_its_claim(
    graph: Simulator,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_claims, "LEASE", 0.2)
    store = DictStore()
    extended: list[bool] = []
    extend = store.extend

    def counted(*args: Any, **named: Any) -> cr.ClaimRecord:
        extended.append(named["sent"])
        return extend(*args, **named)

    store.extend = counted  # type: ignore[method-assign]
    waited = asyncio.Event()

    async def route(_: cr.Call) -> cr.Redirect:
        while len(extended) < 3:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        waited.set()
        return TO_ALICE

    tracked = await deliver(graph, bot_for(graph, route, store=store), created(graph.place_call()))
    assert isinstance(tracked.outcome, cr.Accepted)
    assert extended[:3] == [False] * 3 and True in extended


# --- how calls end


async def test_ended_waits_for_the_end(graph: Simulator) -> None:  # noqa: F811
    bot = bot_for(graph)
    with pytest.raises(LookupError, match="no call 'x' was ever notified to this process"):
        await bot.ended("x")
    call_id = graph.place_call()
    await bot.handle(body(created(call_id)), headers(graph))
    waiting = asyncio.create_task(bot.ended(call_id.upper(), timeout=30))
    with pytest.raises(TimeoutError, match=f"call {call_id} was not over within 0.05 s"):
        await bot.ended(call_id, timeout=0.05)
    await bot.handle(body(deleted(call_id)), headers(graph))
    tracked = await waiting
    assert tracked.ended and tracked.settled and isinstance(tracked.outcome, cr.Accepted)
    assert (await bot.ended(call_id)).call_id == call_id
    await bot.close()
    assert bot._waiters == {} and bot._timers == {}


async def test_nobody_waits_for_ends_when_the_bot_is_closed(graph: Simulator) -> None:  # noqa: F811
    bot = bot_for(graph)
    call_id = graph.place_call()
    await bot.handle(body(created(call_id)), headers(graph))
    waiting = asyncio.create_task(bot.ended(call_id))
    while not bot._waiters:  # noqa: ASYNC110
        await asyncio.sleep(0.005)
    await bot.close()
    for late in (waiting, bot.ended(call_id)):
        with pytest.raises(TimeoutError, match=f"call {call_id} was not over when the bot was closed"):
            await asyncio.wait_for(late, 10)
    assert bot._waiters == {}


async def test_no_call_is_over_before_its_redirect_is(graph: Simulator) -> None:  # noqa: F811
    decide = asyncio.Event()
    told: list[bool] = []

    async def route(_: cr.Call) -> cr.Redirect:
        await decide.wait()
        return TO_ALICE

    bot = bot_for(graph, route, end_timeout=0.01)
    bot.on_ended(lambda call: told.append(call.settled))
    call_id = graph.place_call()
    await bot.handle(body(created(call_id)), headers(graph))
    waiting = asyncio.create_task(bot.ended(call_id))
    await asyncio.sleep(0.1)  # the end is given up for lost while the handler thinks
    assert not waiting.done() and told == []
    decide.set()
    assert (await asyncio.wait_for(waiting, 10)).settled
    await bot.close()
    assert told == [True]


async def test_two_loops_may_wait_for_an_end(graph: Simulator) -> None:  # noqa: F811
    bot = bot_for(graph)
    call_id = graph.place_call()
    await bot.handle(body(created(call_id)), headers(graph))
    elsewhere = asyncio.create_task(asyncio.to_thread(lambda: asyncio.run(bot.ended(call_id, timeout=30))))
    while not bot._waiters:  # noqa: ASYNC110
        await asyncio.sleep(0.005)
    await bot.handle(body(deleted(call_id)), headers(graph))
    assert (await elsewhere).ended
    await bot.close()


async def test_a_call_whose_end_is_never_told_is_over_some_day(graph: Simulator) -> None:  # noqa: F811
    told: list[tuple[bool, bool]] = []
    bot = bot_for(graph, end_timeout=0.05)
    bot.on_ended(lambda call: told.append((call.ended, call.timed_out)))
    call_id = graph.place_call()
    await bot.handle(body(created(call_id)), headers(graph))
    tracked = await bot.ended(call_id, timeout=30)
    assert (tracked.ended, tracked.timed_out, names(tracked)[-1]) == (False, True, "timed out")
    assert "its end was never told" in str(tracked)
    # A late word is noted, but nobody is told twice.
    await bot.handle(body(deleted(call_id)), headers(graph))
    await bot.close()
    assert tracked.ended and told == [(False, True)]


async def test_an_end_told_to_another_worker_is_no_time_out(graph: Simulator, tmp_path: Path) -> None:  # noqa: F811
    url = f"sqlite:///{tmp_path}/calls.db"
    told: list[str] = []
    bot, other = bot_for(graph, store=url, end_timeout=0.3), bot_for(graph, store=url)
    bot.on_ended(lambda _: told.append("bot"))
    other.on_ended(lambda _: told.append("other"))
    call_id = graph.place_call()
    await bot.handle(body(created(call_id)), headers(graph))
    await other.handle(body(deleted(call_id)), headers(graph))
    tracked = await bot.ended(call_id, timeout=30)
    await asyncio.gather(bot.close(), other.close())
    assert told == ["other"]
    assert (tracked.ended, tracked.timed_out) == (True, False)


async def test_the_end_settles_what_was_unknown(graph: Simulator) -> None:  # noqa: F811
    with RawServer(None) as broken:
        for info, likely in (({"code": 200}, True), ({"code": 408, "subcode": 8544}, False)):
            bot = cr.Redirector(
                app_id=APP,
                credential=graph.access_token(),
                verifier=cr.Verifier(APP, jwks=graph.jwks),
                base_url=broken.url,
                on_ambiguous="stop",
            )
            bot.on_incoming(lambda _: TO_ALICE)
            call_id = graph.place_call()
            await bot.handle(body(created(call_id)), headers(graph))
            while not bot.calls[0].settled:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
            await bot.handle(body(deleted(call_id, resultInfo=info)), headers(graph))
            await bot.close()
            (tracked,) = bot.calls
            assert isinstance(tracked.outcome, cr.Unknown), tracked
            assert (tracked.outcome.likely_delivered, tracked.stage) == (likely, "unknown")


async def test_an_end_told_to_another_worker_settles_what_was_unknown(
    graph: Simulator,  # noqa: F811
    tmp_path: Path,
) -> None:
    url = f"sqlite:///{tmp_path}/calls.db"
    with RawServer(None) as broken:
        for info, likely in (({"code": 200}, True), ({"code": 408, "subcode": 8544}, False)):
            bot = cr.Redirector(
                app_id=APP,
                credential=graph.access_token(),
                verifier=cr.Verifier(APP, jwks=graph.jwks),
                base_url=broken.url,
                on_ambiguous="stop",
                store=url,
            )
            bot.on_incoming(lambda _: TO_ALICE)
            other = bot_for(graph, store=url)
            call_id = graph.place_call()
            await bot.handle(body(created(call_id)), headers(graph))
            while bot._redirecting:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
            with pytest.raises(TimeoutError):
                await bot.ended(call_id, timeout=0)
            await other.handle(body(deleted(call_id, resultInfo=info)), headers(graph))
            await other.close()
            tracked = await bot.ended(call_id, timeout=0)
            assert isinstance(tracked.outcome, cr.Unknown), tracked
            assert (tracked.outcome.likely_delivered, tracked.stage) == (likely, "unknown")
            await bot.close()
            assert bot._timers == {}


# --- when the bot's own code fails


async def late(_: cr.Call) -> cr.Redirect:
    await asyncio.sleep(3600)
    return TO_ALICE


def broken(_: cr.Call) -> cr.Redirect:
    raise LookupError


BOB = "bf5aae9a-d11d-47a8-93b1-782504c9c3f3"
TO_BOB = cr.Redirect([cr.Target.user(BOB)])


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (broken, "LookupError was raised"),
        (late, "the on_incoming handler gave no answer in its time"),
        ("Alice", "the on_incoming handler returned str, not a Redirect or None"),
        (cr.Redirect([]), "ValidationError: $.targets: "),
    ],
)
async def test_the_default_is_used_when_the_handler_fails(
    graph: Simulator,  # noqa: F811
    caplog: pytest.LogCaptureFixture,
    answer: object,
    failure: str,
) -> None:
    bot = bot_for(graph, answer, default=TO_BOB, handler_timeout=0.05)
    tracked = await deliver(graph, bot, created(graph.place_call()))
    assert isinstance(tracked.outcome, cr.Accepted) and tracked.stage == "accepted"
    assert tracked.failure is not None and tracked.failure.startswith(failure)
    assert tracked.failure.endswith("; the default redirect was used")
    (redirect,) = graph.redirects
    assert BOB.encode() in redirect.body
    assert any(record.levelname == "ERROR" for record in caplog.records)


async def test_the_default_is_not_used_when_the_handler_decides(graph: Simulator) -> None:  # noqa: F811
    alone = await deliver(graph, bot_for(graph, None, default=TO_BOB), created(graph.place_call()))
    assert alone.left_alone and graph.redirects == []
    own = await deliver(graph, bot_for(graph, TO_ALICE, default=TO_BOB), created(graph.place_call()))
    (redirect,) = graph.redirects
    assert own.failure is None and BOB.encode() not in redirect.body


async def test_a_default_keeps_time_for_itself(graph: Simulator) -> None:  # noqa: F811
    bot = bot_for(graph, late, default=TO_BOB)
    tracked = await deliver(graph, bot, created(graph.place_call(wait=15)), age=9.95)
    assert isinstance(tracked.outcome, cr.Accepted)


def test_a_default_that_breaks_rules_is_refused_at_once(graph: Simulator) -> None:  # noqa: F811
    with pytest.raises(cr.ValidationError):
        bot_for(graph, default=cr.Redirect([]))
    with pytest.raises(cr.ValidationError):
        bot_for(graph, default=cr.Redirect([cr.Target.user(BOB)], mask_caller=True))
    bot_for(graph, default=cr.Redirect([cr.Target.user(BOB)], mask_caller=True), api_version="beta")


# --- what a worker that died left behind


async def test_what_was_left_behind_is_listed_and_logged(
    graph: Simulator,  # noqa: F811
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_redirector, "LEASE", 0)
    monkeypatch.setattr(_redirector, "_MOST_LOGGED", 2)
    url = f"sqlite:///{tmp_path}/calls.db"
    await deliver(graph, bot_for(graph, store=url), created(graph.place_call()))
    with sqlite3.connect(f"{tmp_path}/calls.db") as file:
        row = "INSERT INTO claims VALUES (?, ?, 'gone', 1, ?, 1, 0, ?, ?, NULL, 9e15)"
        for number, (name, stage, ended) in enumerate(
            [("lost", "claimed", 0), ("maybe", "sent", 0), ("over", "sent", 1), ("third", "sent", 0)]
        ):
            file.execute(row, (name, name, stage, number, ended))
    file.close()
    bot = bot_for(graph, store=url)
    left = await bot.unfinished()
    assert [(record.call_id, record.stage) for record in left] == [
        ("lost", "claimed"), ("maybe", "sent"), ("third", "sent")
    ]  # fmt: skip
    assert repr(left[0]) == "<ClaimRecord lost claimed>"
    await bot.handle(body(), headers(graph))
    assert bot._beginning is not None
    await bot._beginning
    assert "call lost was left behind by a worker that is gone: it was not redirected" in caplog.text
    assert "call maybe was left behind by a worker that is gone: it may have been redirected" in caplog.text
    assert "call third" not in caplog.text and "1 more calls were left behind" in caplog.text
    await bot.close()
    assert await bot_for(graph).unfinished() == ()


async def test_a_store_that_cannot_say_raises(graph: Simulator, redis: RedisServer) -> None:  # noqa: F811
    redis.kill()
    with pytest.raises(OSError, match="the claims in Redis: "):
        await bot_for(graph, store=redis.url).unfinished()


def test_records_are_values() -> None:
    record = cr.ClaimRecord("x", worker="a", fence=1, stage="sent", attempts=1, ended=True)
    assert record == cr.ClaimRecord("x", worker="a", fence=1, stage="sent", attempts=1, ended=True)
    assert len({record, cr.ClaimRecord("x")}) == 2
    assert repr(record) == "<ClaimRecord x sent, ended>"
    with pytest.raises(ValueError, match="a stage is one of seen, claimed, sent, unknown,"):
        cr.ClaimRecord("x", stage="ringing")


# --- processes


FORKING = """
import asyncio, ctypes, gc, json, os, pathlib, sys, threading, time, warnings
warnings.simplefilter("ignore")
import callredirect as cr
settings = json.loads(sys.stdin.read())
bot = cr.Redirector(app_id=settings["app"], credential=settings["token"], base_url=settings["url"],
                    verifier=cr.Verifier(settings["app"], jwks=settings["jwks"]), store=settings["store"])
"""


def run_forking(
    graph: Simulator,  # noqa: F811
    code: str,
    calls: list[str],
    *,
    store: str = "memory",
    timeout: float = 60,
    **more: Any,
) -> None:
    """Runs `code` in a process that has made a bot and may be forked; it has `settings`, with a body for each call."""
    settings = {
        "app": APP, "token": graph.access_token(), "url": graph.base_url, "jwks": graph.jwks, "store": store,
        "headers": headers(graph), "bodies": [body(created(call)).decode() for call in calls], **more,
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", FORKING + code],
        input=json.dumps(settings), capture_output=True, text=True, timeout=timeout, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_forked_workers_share_claims(graph: Simulator, tmp_path: Path) -> None:  # noqa: F811
    """The bot is made, and its store used, before the fork, as by a server that loads the application first."""
    code = """
@bot.on_incoming
def route(call):
    return cr.Redirect([cr.Target.user("98da8a1a-1b87-452c-a713-65d3f10b1253")])
async def work():
    assert await bot.unfinished() == ()
    for body in settings["bodies"]:
        assert (await bot.handle(body, settings["headers"])).status == 202
    await bot.close()
async def look():
    assert await bot.unfinished() == ()
asyncio.run(look())
children = []
for _ in range(3):
    pid = os.fork()
    if pid == 0:
        asyncio.run(work())
        os._exit(0)
    children.append(pid)
sys.exit(sum(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) != 0 for pid in children))
"""
    calls = [graph.place_call() for _ in range(10)]
    run_forking(graph, code, calls, store=f"sqlite:///{tmp_path}/calls.db")
    assert sorted(redirect.call_id for redirect in graph.redirects) == sorted(calls)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize(("told", "forks", "busy"), [(True, 20, 60), (False, 1, 0)], ids=["told", "untold"])
def test_a_fork_in_the_middle_of_claims(
    graph: Simulator,  # noqa: F811
    tmp_path: Path,
    told: bool,
    forks: int,
    busy: int,
) -> None:
    """The parent is at the file when it forks: a child that came of it in a transaction would be locked out for ever.

    One that Python is not told of is on its own there, but it has a mailbox of its own, too.
    """
    code = """
@bot.on_incoming
async def route(call):
    return None if call.id.startswith("busy") else cr.Redirect([cr.Target.user("98da8a1a-1b87-452c-a713-65d3f10b1253")])
async def begin(bodies):
    for body in bodies:
        assert (await bot.handle(body, settings["headers"])).status == 202
async def work(bodies):
    await begin(bodies)
    await bot.settled()
    assert bot.claims_degraded == 0
# In a child that Python does not know for one, its lock must be held by whoever forked.
fork = os.fork if settings["told"] else ctypes.PyDLL(None).fork
loop = asyncio.new_event_loop()
first, *others = settings["bodies"]
loop.run_until_complete(work([first]))
failed = 0
for n, body in enumerate(others):
    busy = [settings["busy"].replace("BUSY", f"busy{n:02}{m:02}") for m in range(settings["many"])]
    loop.run_until_complete(begin(busy))
    pid = fork()
    if pid == 0:
        try:
            loop.run_until_complete(work([body]))
        except BaseException as error:
            print(repr(error), file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)
    loop.run_until_complete(work([]))
    failed += os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) != 0
loop.run_until_complete(work(settings["bodies"]))
sys.exit(failed)
"""
    calls = [graph.place_call() for _ in range(1 + forks)]
    file = f"{tmp_path}/calls.db"
    busies = body(created("BUSY")).decode()
    run_forking(graph, code, calls, store=f"sqlite:///{file}", told=told, many=busy, busy=busies)
    assert sorted(redirect.call_id for redirect in graph.redirects) == sorted(calls)
    with sqlite3.connect(file) as claims:
        found = dict(claims.execute("SELECT stage, count(*) FROM claims GROUP BY stage").fetchall())
        assert claims.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    claims.close()
    assert found == {"accepted": 1 + forks} | ({"left alone": forks * busy} if busy else {})


def test_a_forked_worker_waits_for_nothing_of_its_parent(graph: Simulator) -> None:  # noqa: F811
    code = """
from callredirect import _redirector
_redirector._DRAIN_SECONDS = 1000
decide = threading.Event()
@bot.on_incoming
def route(call):
    if call.id == "parents":
        decide.wait()
async def work(body):
    assert (await bot.handle(body, settings["headers"])).status == 202
loop = asyncio.new_event_loop()
threading.Thread(target=loop.run_forever, daemon=True).start()
parents, childs = settings["bodies"]
asyncio.run_coroutine_threadsafe(work(parents), loop).result()
async def child():
    await work(childs)
    await bot.close()
    assert [call.left_alone for call in bot.calls] == [False, True]
pid = os.fork()
if pid == 0:
    asyncio.run(child())
    os._exit(0)
code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
decide.set()
asyncio.run_coroutine_threadsafe(bot.close(), loop).result()
sys.exit(code or not all(call.left_alone for call in bot.calls))
"""
    run_forking(graph, code, ["parents", "childs"], timeout=30)


def test_claims_of_a_forked_worker_outlive_its_parents_connection(graph: Simulator, tmp_path: Path) -> None:  # noqa: F811
    """Whoever closes a file of SQLite last deletes its log. The locks of a worker that was forked off are not seen."""
    code = """
bot.on_incoming(lambda call: None)
async def work(body):
    assert (await bot.handle(body, settings["headers"])).status == 202
    await bot.settled()
before, while_open, after = settings["bodies"]
asyncio.run(work(before))
told, telling = os.pipe()
heard, closing = os.pipe()
pid = os.fork()
if pid == 0:
    asyncio.run(work(while_open))
    os.write(telling, b"1")
    os.read(heard, 1)
    asyncio.run(work(after))
    os._exit(0)
os.read(told, 1)
log = pathlib.Path(settings["file"] + "-wal")
bot = None
gc.collect()
until = time.monotonic() + 10
while log.exists() and time.monotonic() < until:
    time.sleep(0.01)
os.write(closing, b"1")
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""
    file = f"{tmp_path}/calls.db"
    run_forking(graph, code, ["before", "while", "after"], store=f"sqlite:///{file}", file=file)
    with sqlite3.connect(file) as claims:
        found = dict(claims.execute("SELECT key, stage FROM claims").fetchall())
    claims.close()
    assert found == dict.fromkeys(("before", "while", "after"), "left alone")


def test_several_workers_are_found_where_they_can_be() -> None:
    def found(argv: list[str], environ: dict[str, str] | None = None, modules: Any = None) -> str | None:
        return siblings(argv, environ or {}, modules or {})

    uwsgi: Any = type("uwsgi", (), {"numproc": 4})
    cases: list[tuple[str | None, tuple[Any, ...]]] = [
        ("WEB_CONCURRENCY=4", (["x"], {"WEB_CONCURRENCY": "4"})),
        (None, (["x"], {"WEB_CONCURRENCY": "1"})),
        (None, (["x"], {"WEB_CONCURRENCY": "many"})),
        ("gunicorn --workers 4", (["/usr/bin/gunicorn", "-w", "4", "app:app"],)),
        ("gunicorn --workers 2", (["/usr/bin/gunicorn", "-w2", "app:app"],)),
        ("uvicorn --workers 2", (["uvicorn", "app:app", "--workers=2"],)),
        ("uvicorn --workers 2", (["/x/uvicorn/__main__.py", "app:app", "--workers", "2"],)),
        (None, (["uvicorn", "app:app", "--workers", "1"],)),
        (None, (["uvicorn", "app:app", "--workers"],)),
        (None, (["mine.py", "-w", "4"],)),
        ("GUNICORN_CMD_ARGS has --workers 3", (["gunicorn"], {"GUNICORN_CMD_ARGS": "--workers=3"})),
        ("uWSGI runs 4 processes", (["uwsgi"], {}, {"uwsgi": uwsgi})),
        (None, ([],)),
    ]
    for expected, arguments in cases:
        assert found(*arguments) == expected, arguments
    assert siblings() is None


async def test_several_workers_on_memory_are_said_loudly(
    graph: Simulator,  # noqa: F811
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WEB_CONCURRENCY", "4")
    shared = bot_for(graph, None, store=f"sqlite:///{tmp_path}/calls.db")
    await shared.handle(body(), headers(graph))
    await shared.close()
    assert caplog.text == ""
    bot = bot_for(graph, None)
    for _ in range(2):
        await bot.handle(body(), headers(graph))
    (warning,) = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert "there seem to be several (WEB_CONCURRENCY=4)" in warning.getMessage()


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_sigterm_lets_redirects_finish(graph: Simulator, tmp_path: Path) -> None:  # noqa: F811
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (tmp_path / "bot.py").write_text(
        f"""
import asyncio, pathlib
import callredirect as cr
from callredirect.adapters.asgi import app
bot = cr.Redirector(app_id={APP!r}, credential={graph.access_token()!r}, base_url={graph.base_url!r},
                    verifier=cr.Verifier({APP!r}, jwks={graph.jwks!r}), store="sqlite:///{tmp_path}/calls.db")
@bot.on_incoming
async def route(call):
    pathlib.Path({str(tmp_path)!r}, "deciding").touch()
    while not pathlib.Path({str(tmp_path)!r}, "decide").exists():
        await asyncio.sleep(0.01)
    return cr.Redirect([cr.Target.user({BOB!r})])
calls = app(bot)
"""
    )
    command = [sys.executable, "-m", "uvicorn", "bot:calls", "--port", str(port), "--log-level", "warning"]
    server = subprocess.Popen(command, cwd=tmp_path)
    try:
        until = time.monotonic() + 30
        while not answers(port):
            assert server.poll() is None and time.monotonic() < until
            time.sleep(0.02)
        call_id = graph.place_call()
        with socket.create_connection(("127.0.0.1", port), timeout=10) as line:
            sent = body(created(call_id))
            fields = "".join(f"{name}: {value}\r\n" for name, value in headers(graph).items())
            line.sendall(
                f"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{fields}Content-Length: {len(sent)}\r\n\r\n".encode()
                + sent
            )
            assert b" 202 " in line.recv(1000)
        while not (tmp_path / "deciding").exists():
            assert time.monotonic() < until
            time.sleep(0.01)
        server.send_signal(signal.SIGTERM)
        while answers(port):
            assert time.monotonic() < until
            time.sleep(0.01)
        assert server.poll() is None and graph.redirects == []
        (tmp_path / "decide").touch()
        server.wait(20)
    finally:
        server.kill()
        server.wait()
    assert [redirect.call_id for redirect in graph.redirects] == [call_id]
    with sqlite3.connect(tmp_path / "calls.db") as file:
        assert file.execute("SELECT stage FROM claims").fetchall() == [("accepted",)]
    file.close()


# --- encrypted


def write_certificates(folder: Path) -> None:
    """An authority of the test's own, and a certificate of it for localhost."""

    def name(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    now = datetime.now(timezone.utc)
    keys = {
        who: rsa.generate_private_key(public_exponent=65537, key_size=2048) for who in ("authority", "server")
    }
    for who, key in keys.items():
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name(who))
            .issuer_name(name("authority"))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=who == "authority", path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
            # Python 3.13 asks for these.
            .add_extension(
                x509.KeyUsage(
                    digital_signature=True,
                    content_commitment=False,
                    key_encipherment=False,
                    data_encipherment=False,
                    key_agreement=False,
                    key_cert_sign=who == "authority",
                    crl_sign=False,
                    encipher_only=False,
                    decipher_only=False,
                ),
                critical=True,
            )
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(keys["authority"].public_key()),
                critical=False,
            )
            .sign(keys["authority"], hashes.SHA256())
        )
        (folder / f"{who}.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        secret = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        (folder / f"{who}.key").write_bytes(secret)


def test_rediss_is_encrypted_and_checked(graph: Simulator, tmp_path: Path) -> None:  # noqa: F811
    write_certificates(tmp_path)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = (
        "--tls-port", str(port), "--tls-cert-file", "server.pem", "--tls-key-file", "server.key",
        "--tls-ca-cert-file", "authority.pem", "--tls-auth-clients", "no",
    )  # fmt: skip
    code = """
import asyncio, callredirect as cr, sys
bot = cr.Redirector(app_id="a", credential="x", store=sys.argv[1])
try:
    print(asyncio.run(bot.unfinished()))
except OSError as error:
    print(error)
"""
    with RedisServer(tmp_path, *options):
        context = ssl.create_default_context(cafile=str(tmp_path / "authority.pem"))
        with context.wrap_socket(socket.create_connection(("127.0.0.1", port)), server_hostname="localhost"):
            pass
        said: dict[str, str] = {}
        for trusted in ("authority.pem", "nothing"):
            environment = os.environ | {"SSL_CERT_FILE": str(tmp_path / trusted)}
            environment.pop("SSL_CERT_DIR", None)
            done = subprocess.run(
                [sys.executable, "-c", code, f"rediss://localhost:{port}/0"],
                capture_output=True, text=True, timeout=60, check=False, env=environment,
            )  # fmt: skip
            assert done.returncode == 0, done.stderr
            said[trusted] = done.stdout.strip()
    assert said["authority.pem"] == "()"
    assert said["nothing"].startswith("the claims in Redis: ")
