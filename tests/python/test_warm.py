"""A quiet bot stays warm: its connection and its tokens are there for the next call, however long that takes."""

from __future__ import annotations

import asyncio
import gc
import logging
import random
import subprocess
import sys
import textwrap
import time
import weakref
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import pytest

import callredirect as cr
from callredirect import _warm
from callredirect.testing import Simulator
from servers import PATIENCE, RawServer, refused_url
from test_redirector import APP, TO_ALICE, body, headers, note

TOKEN = "eyJ-a-canary.of.a-token"
OURS, THEIRS = "632899f8-2ea1-4604-8413-27bd2892079f", "3f2f7a5e-2d3a-4b7e-9d55-0f6a2c1b8d77"


class Given(NamedTuple):
    token: str
    expires_on: float


class Counted:
    """A credential whose tokens live for so many seconds."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.asked: list[str | None] = []

    def get_token(self, *_: str, tenant_id: str | None = None) -> Given:
        self.asked.append(tenant_id)
        return Given(f"{TOKEN}{len(self.asked)}", time.time() + self.seconds)


@pytest.fixture(scope="module")
def keys() -> Iterator[Simulator]:
    with Simulator() as simulator:
        yield simulator


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_warm, "INTERVAL", (0.01, 0.02))


@asynccontextmanager
async def bot_at(keys: Simulator, url: str, credential: Any = TOKEN) -> AsyncGenerator[cr.Redirector]:
    bot = cr.Redirector(
        app_id=APP, credential=credential, verifier=cr.Verifier(APP, jwks=keys.jwks), base_url=url
    )

    @bot.on_incoming
    async def route(_: cr.Call) -> cr.Redirect:
        return TO_ALICE

    yield bot
    await bot.close()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def call(keys: Simulator, bot: cr.Redirector, call_id: str, tenant: str = OURS) -> cr.Outcome | None:
    created = note("created", "incoming", call_id, tenantId=tenant)
    signed = headers(keys) | {"Authorization": f"Bearer {keys.notification_token(None, tenant)}"}
    assert (await bot.handle(body(created), signed)).status == 202
    await bot.settled()
    return bot.calls[-1].outcome


async def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end
        await asyncio.sleep(0.002)


def looks(server: RawServer) -> list[bytes]:
    return [request for request in server.requests if request.startswith(b"HEAD /v1.0 ")]


def rests(bot: cr.Redirector) -> bool:
    """A call that comes in the middle of a look needs a second connection."""
    assert bot._warmth is not None and bot._warmth._looking is not None
    return bot._warmth._looking.done()


async def test_the_next_call_finds_the_connection_open(keys: Simulator) -> None:
    with RawServer() as server:
        async with bot_at(keys, server.url) as bot:
            for call_id in ("one", "two"):
                assert isinstance(await call(keys, bot, call_id), cr.Accepted)
                seen = len(looks(server))
                await until(lambda seen=seen: len(looks(server)) >= seen + 4 and rests(bot))  # type: ignore[misc]
        assert server.connections == 1
        assert not any(TOKEN.encode() in request for request in looks(server))
        posts = [request for request in server.requests if request.startswith(b"POST")]
        assert len(posts) == 2 and len(looks(server)) + 2 == len(server.requests)


async def test_it_begins_with_a_warm_start(keys: Simulator) -> None:
    with RawServer() as server:
        async with bot_at(keys, server.url) as bot:
            await bot.warm_up()
            await until(lambda: len(looks(server)) >= 4)
        assert server.connections == 1


async def test_nobody_is_kept_warm_for_strangers(keys: Simulator) -> None:
    with RawServer() as server:
        async with bot_at(keys, server.url) as bot:
            created = body(note("created", "incoming", "one"))
            forged = {"Authorization": "Bearer x.y.z", "Content-Type": "application/json"}
            assert (await bot.handle(created, forged)).status == 401
            assert bot._warmth is None
        assert server.connections == 0


async def test_tokens_are_renewed_between_the_calls(keys: Simulator) -> None:
    credential = Counted(2)  # due for another after a second
    with RawServer() as server:
        async with bot_at(keys, server.url, credential) as bot:
            await call(keys, bot, "one", OURS)
            await call(keys, bot, "two", THEIRS)
            assert credential.asked == [OURS, THEIRS]
            await until(lambda: len(credential.asked) >= 4)
            assert set(credential.asked[2:4]) == {OURS, THEIRS}
            assert len(bot.calls) == 2


async def test_a_function_is_asked_for_each_call_and_no_more(keys: Simulator) -> None:
    asked: list[None] = []

    def credential() -> str:
        asked.append(None)
        return TOKEN

    with RawServer() as server:
        async with bot_at(keys, server.url, credential) as bot:
            await call(keys, bot, "one")
            await until(lambda: len(looks(server)) >= 3)
        assert len(asked) == 1


async def test_sixteen_tenants_and_each_has_its_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_warm, "INTERVAL", (60, 60))  # nobody looks but this test
    client = cr.AsyncClient(TOKEN, base_url="http://127.0.0.1:9")
    warmth = _warm.Warmth(client)
    for tenant in [*map(str, range(17)), "3"]:
        warmth.used(tenant)
    assert set(warmth._tenants) == {*map(str, range(1, 17))}
    warmth.used("new")
    assert "1" not in warmth._tenants and "3" in warmth._tenants
    turns = []
    for _ in range(16):
        before = dict(warmth._tenants)
        await warmth.look()  # nobody listens there: that is no reason to give a tenant up
        turns += [tenant for tenant, look in warmth._tenants.items() if before[tenant] != look]
    assert sorted(map(str, turns)) == sorted(map(str, warmth._tenants))
    await warmth.close()


async def test_what_fails_is_said_to_nobody(keys: Simulator, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    held, url = refused_url()
    with held:
        async with bot_at(keys, url, Counted(3600)) as bot:
            bot._keep_warm(OURS)
            await until(lambda: len(caplog.records) >= 3)
    assert {record.getMessage() for record in caplog.records} == {"not kept warm: ConnectionError"}
    assert {record.levelname for record in caplog.records} == {"DEBUG"}


async def test_a_credential_that_fails_is_left_in_peace_until_the_next_call(
    keys: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    asked: list[str | None] = []

    class Fails:
        def get_token(self, *_: str, tenant_id: str | None = None) -> Given:
            asked.append(tenant_id)
            raise LookupError(TOKEN)

    with RawServer() as server:
        async with bot_at(keys, server.url, Fails()) as bot:
            for tenant in (OURS, THEIRS):
                bot._keep_warm(tenant)
            await until(lambda: bot._warmth is not None and bot._warmth._tenants == {})
            assert asked == [OURS, THEIRS]
            assert bot._warmth is not None and bot._warmth._timer is None
            bot._keep_warm(OURS)
            await until(lambda: len(asked) == 3)
    assert TOKEN not in caplog.text and "not kept warm: LookupError" in caplog.text


async def test_closing_waits_for_no_look(keys: Simulator) -> None:
    with RawServer(open_gate=False) as server:
        async with bot_at(keys, server.url) as bot:
            bot._keep_warm(OURS)
            await until(lambda: len(server.requests) == 1)
            began = time.monotonic()
            await bot.close()
            assert time.monotonic() - began < 2  # the look itself would take three
            assert asyncio.all_tasks() == {asyncio.current_task()}
            bot._keep_warm(OURS)
            assert bot._warmth is not None and bot._warmth._timer is None


async def test_a_dropped_bot_is_looked_after_by_nobody(keys: Simulator) -> None:
    with RawServer() as server:
        async with bot_at(keys, server.url) as bot:
            bot._keep_warm(OURS)
            warmth = bot._warmth
            assert warmth is not None
            gone, bot._warmth = weakref.ref(warmth), None
            del warmth
            gc.collect()
            assert gone() is None


def test_a_bot_stays_warm_on_the_loop_of_its_next_call(keys: Simulator) -> None:
    with RawServer() as server:
        bot = cr.Redirector(
            app_id=APP, credential=TOKEN, verifier=cr.Verifier(APP, jwks=keys.jwks), base_url=server.url
        )
        bot.on_incoming(lambda _: TO_ALICE)

        async def once(call_id: str) -> None:
            before = len(looks(server))
            await call(keys, bot, call_id)
            await until(lambda: len(looks(server)) >= before + 2)

        asyncio.run(once("one"))
        asyncio.run(once("two"))
        asyncio.run(bot.close())


def test_no_process_is_kept_from_ending() -> None:
    code = """
        import asyncio, callredirect as cr
        from callredirect import _warm
        _warm.INTERVAL = (0.001, 0.002)
        bot = cr.Redirector(app_id="24701998-1a73-4d42-8085-bf46ed0ae039", credential="x", base_url="http://127.0.0.1:9")
        async def main():
            bot._keep_warm(None)
            await asyncio.sleep(0.05)
        asyncio.run(main())
        print("done")
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=20, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")


async def test_random_numbers_stay_as_they_were_seeded() -> None:
    random.seed(7)
    before = random.getstate()
    with Simulator() as graph:
        bot = cr.Redirector(**graph.bot_settings())
        await bot.warm_up()
        await bot.close()
    assert random.getstate() == before
