"""Scenarios, faults and events from Python, against a real bot and a client that redirects."""

from __future__ import annotations

import asyncio
import json
import re
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import pytest
from aiohttp import web

import callredirect as cr
from callredirect.testing import (
    BotReplied,
    CallFailed,
    CallFinished,
    CallRang,
    NotificationSent,
    RedirectReceived,
    RungCall,
    Scenario,
    Simulator,
)
from callredirect.testing._scripts import (
    Callee,
    CallScript,
    Ending,
    FaultName,
    FaultRule,
    RingOptions,
    Step,
    Timeline,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

ALICE = "98da8a1a-1b87-452c-a713-65d3f10b1253"
BOB = "bf5aae9a-d11d-47a8-93b1-782504c9c3f3"


@pytest.fixture
def graph() -> Iterator[Simulator]:
    with Simulator(speed=1000) as simulator:
        yield simulator


class Host:
    """A whole bot under aiohttp that rings Alice and Bob."""

    def __init__(self, graph: Simulator) -> None:
        self.graph = graph
        self.bot = cr.Redirector(**graph.bot_settings())
        self.ended: list[cr.TrackedCall] = []
        self.bot.on_incoming(lambda call: cr.Redirect([cr.Target.user(ALICE), cr.Target.user(BOB)]))
        self.bot.on_ended(self.ended.append)
        self.url = ""

    async def answer(self, request: web.Request) -> web.Response:
        reply = await self.bot.handle(await request.read(), dict(request.headers))
        return web.Response(status=reply.status, headers=dict(reply.headers))


@pytest.fixture
async def host(graph: Simulator) -> AsyncIterator[Host]:
    host = Host(graph)
    app = web.Application()
    app.router.add_post("/calls", host.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host.url = f"http://127.0.0.1:{runner.addresses[0][1]}/calls"
    yield host
    await host.bot.close()
    await runner.cleanup()


async def test_a_bot_needs_nothing_but_its_settings(host: Host) -> None:
    rung = await host.graph.ring_async(host.url, callees={ALICE: "busy", BOB: 3})
    assert (rung.ending, rung.problem, rung.reply_status) == ("answered", None, 202)
    assert rung.answered_by == cr.Target.user(BOB)
    assert repr(rung) == f"<RungCall {rung.call_id}: answered, reply_status=202, ended_status=202>"
    (tracked,) = host.ended
    assert isinstance(tracked.outcome, cr.Accepted)


async def test_every_keyword(host: Host) -> None:
    options: RingOptions = {
        "name": "mine",
        "call_id": "mine",
        "source": {"phone": "+14255550100"},
        "targets": [{"applicationInstance": {"id": "7629bdce-046c-4903-86b4-a8f718277e1a"}}],
        "tenant_id": "632899f8-2ea1-4604-8413-27bd2892079f",
        "callback_uri": "https://bot.contoso.com/calls",
        "wait": 14,
        "callees": {"*": "no_answer"},
        "hang_up": 12_000,
        "timeline": "redirecting",
        "faults": ["duplicate", {"name": "lose_deleted", "nth": 3}],
        "token": None,
        "patience": 1,
    }
    assert set(options) | {"body"} == set(RingOptions.__annotations__)
    rung = await host.graph.ring_async(host.url, **options)
    assert (rung.name, rung.call_id, rung.ending, rung.ended_status) == ("mine", "mine", "no_answer", None)


async def test_a_scenario_is_played(host: Host, tmp_path: Path) -> None:
    calls: list[CallScript] = [
        {"name": "nobody", "callees": {"*": "unreachable"}},
        {"name": "many", "count": 4, "example": 1},
        {"name": "refused", "faults": [{"name": "wrong_tenant", "nth": 1}], "wait": 1},
    ]
    scenario = Scenario(calls, speed=500, seed=1, faults=[{"name": "duplicate", "probability": 0.5}])
    assert len(scenario) == 6
    file = tmp_path / "calls.toml"
    file.write_text(
        """
        speed = 500
        seed = 1
        faults = [{ name = "duplicate", probability = 0.5 }]
        [[calls]]
        name = "nobody"
        callees = { "*" = "unreachable" }
        [[calls]]
        name = "many"
        count = 4
        example = 1
        [[calls]]
        name = "refused"
        faults = [{ name = "wrong_tenant", nth = 1 }]
        wait = 1
        """,
        encoding="utf-8",
    )
    assert scenario == Scenario.load(file) == Scenario.from_toml(file.read_text(encoding="utf-8"))
    rung = await host.graph.play_async(host.url, scenario)
    endings = [(call.name, call.ending) for call in rung]
    assert endings == [("nobody", "unreachable"), *[("many", "answered")] * 4, ("refused", "expired")]
    assert rung[-1].problem is not None
    assert (
        "Graph refused its redirect with 403 7505: Request authorization tenant mismatch." in rung[-1].problem
    )
    assert rung[-1].problem in repr(rung[-1])


async def test_events_tell_the_story(host: Host) -> None:
    events = host.graph.events()
    faults: list[FaultRule] = [{"name": "slow", "nth": 1, "seconds": 0.02}]
    rung = await host.graph.ring_async(host.url, faults=faults)
    story = []
    for event in host.graph.events(start=0, timeout=0):
        assert event.call_id == rung.call_id
        match event:
            case CallRang(name=None, url=url):
                assert url == host.url
                assert event.source["identity"]["user"]["id"] == "8d1e6ab6-26c5-4e22-a1bc-06ea7343958e"
                assert [target["identity"]["application"]["id"] for target in event.targets] == [
                    host.graph.app_id
                ]
                assert event.window == 15.0
                story.append("rang")
            case NotificationSent(change_type=change, state=state, faults=()):
                assert json.loads(event.body)["value"][0]["changeType"] == change
                story.append(f"{state} to {event.url.rsplit('/', 1)[1]}")
            case BotReplied(change_type=change, status=status):
                story.append(f"{status} to {change}")
            case RedirectReceived(redirect):
                assert redirect.accepted
                assert redirect.fault == "slow"
                story.append(f"redirect {redirect.status} {redirect.code}")
            case CallFinished(ending, answered_by):
                assert answered_by == cr.Target.user(ALICE)
                assert event.problem is None
                story.append(ending)
            case other:
                raise AssertionError(other)
    # The bot replies and redirects at once; which comes first is nobody's promise.
    assert sorted(story) == sorted(
        [
            "rang",
            "incoming to calls",
            "202 to created",
            "redirect 202 None",
            "answered",
            "terminated to calls",
            "202 to deleted",
        ]
    )
    numbers = [event.number for event in host.graph.events(start=0, timeout=0)]
    assert numbers == list(range(len(story)))
    assert next(events).number == 0


def test_a_call_to_nobody_fails_and_says_why() -> None:
    with Simulator() as graph:
        with pytest.raises(ConnectionError, match="nothing listens"):
            graph.ring("http://127.0.0.1:9/calls", patience=0)
        (event,) = graph.events(start=0, timeout=0)
    match event:
        case CallFailed(problem):
            assert problem.startswith("nothing listens at 127.0.0.1:9 ")
        case other:
            raise AssertionError(other)


def test_a_simulator_for_strangers_is_warned_of() -> None:
    with pytest.warns(RuntimeWarning, match=r"listens at 0\.0\.0\.0, beyond this machine"):
        graph = Simulator(host="0.0.0.0")
    with graph:
        assert graph.page_url.startswith("http://127.0.0.1:")
        assert graph.page_url == graph.base_url + "/"
    with Simulator(host="localhost") as graph:
        assert graph.base_url.startswith("http://127.0.0.1:")
    with pytest.raises(ValueError, match=r"host is an IP address of this machine.*bot\.contoso\.com"):
        Simulator(host="bot.contoso.com")


def test_events_end_with_the_simulator() -> None:
    graph = Simulator()
    seen: list[Any] = []
    reader = threading.Thread(target=lambda: seen.extend(graph.events(start=0)))
    reader.start()
    call_id = graph.place_call()
    client = cr.Client(graph.access_token("another"), base_url=graph.base_url)
    assert isinstance(client.redirect(call_id, cr.Redirect([cr.Target.user(ALICE)])), cr.Rejected)
    graph.close()
    reader.join(10)
    assert not reader.is_alive()
    (received,) = seen
    assert (received.redirect.code, received.redirect.violations) == ("7505", ())
    assert repr(received) == f"<0 RedirectReceived: 403, call {call_id}>"
    assert next(iter(graph.events(start=0, timeout=0))).at >= 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"callees": {"a": "bussy"}}, "no such word as `bussy`: did you mean `busy`? at $.callees.a"),
        ({"source": {"usr": "a"}}, "no such kind of identity as `usr`: did you mean `user`? at $.source.usr"),
        ({"faults": ["dup"]}, "no such fault as `dup`: known are duplicate, reorder"),
        (
            {"faults": [{"name": "hang", "seconds": 3}]},
            "hang takes no time; leave it out at $.faults[0].seconds",
        ),
        (
            {"timeline": "older"},
            "no such word as `older`: known are specification, redirecting at $.timeline",
        ),
        ({"hang_up": -1}, "-1 is not a number of seconds, 0 or more at $.hang_up"),
        ({"call_id": 7}, "7 is not a text at $.call_id"),
    ],
)
def test_what_cannot_be_is_said_with_its_place(
    graph: Simulator, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(cr.ParseError, match=re.escape(message)):
        graph.ring("http://127.0.0.1:9", **options)


def test_a_file_with_a_slip(tmp_path: Path) -> None:
    file = tmp_path / "calls.toml"
    file.write_text("[[calls]]\ncalees = {}\n", encoding="utf-8")
    with pytest.raises(cr.ParseError) as caught:
        Scenario.load(file)
    assert (caught.value.path, caught.value.line, caught.value.column) == ("$.calls[0].calees", 2, 1)
    assert str(caught.value) == (
        f"{file}: no such key as `calees`: did you mean `callees`? at $.calls[0].calees (line 2, column 1)"
    )
    with pytest.raises(FileNotFoundError):
        Scenario.load(tmp_path / "none.toml")
    with pytest.raises(cr.ParseError, match="there is no call"):
        Scenario([])


def test_the_scenario_of_the_readme() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    (text,) = re.findall(r"^```toml\n(.*?)^```$", readme, re.DOTALL | re.MULTILINE)
    assert len(Scenario.from_toml(text, "README.md")) == 21


def test_what_a_simulator_may_be() -> None:
    impossible: list[tuple[dict[str, Any], str]] = [
        ({"speed": 0}, "speed is from"),
        ({"speed": float("nan")}, "speed is from"),
        ({"second_redirect": "never"}, "one of not_found, accepted, conflict"),
        ({"faults": ["x"]}, "no such fault as `x`"),
    ]
    for options, words in impossible:
        with pytest.raises(ValueError, match=words):
            Simulator(**options)
    with Simulator(cloud=cr.Cloud.US_GOV, second_redirect="accepted") as graph:
        call_id = graph.place_call()
        token = graph.access_token()
        redirect = cr.Redirect([cr.Target.user(ALICE)])
        for _ in range(2):
            assert isinstance(
                cr.Client(token, base_url=graph.base_url).redirect(call_id, redirect), cr.Accepted
            )
        beta = cr.Client(token, base_url=graph.base_url, api_version="beta").redirect(call_id, redirect)
        assert isinstance(beta, cr.Rejected)
        assert (beta.status, beta.code) == (404, "ResourceNotFound")


async def test_keys_rotate_under_a_running_bot(graph: Simulator) -> None:
    with Simulator(own_key=True, speed=1000) as own:
        before = json.loads(own.jwks)["keys"]
        own.rotate_keys()
        after = json.loads(own.jwks)["keys"]
        assert after[:-1] == before
        assert len(after) == 2


def test_the_types_know_every_word() -> None:
    assert set(get_args(FaultName)) == set(Simulator.faults())
    assert all(meaning.endswith(".") for meaning in Simulator.faults().values())

    def known(key: str, value: str) -> list[str]:
        with pytest.raises(cr.ParseError) as caught:
            Scenario.from_toml(f"[[calls]]\n{key} = {value}")
        return caught.value.reason.split("known are ")[1].split(", ")

    assert known("timeline", "'xyzzy'") == list(get_args(Timeline))
    assert known("callees", "{ a = 'xyzzy' }") == list(get_args(get_args(Callee)[1]))
    assert set(known("xyzzy", "1")) == set(CallScript.__annotations__)
    documented = set(re.findall(r'``"(\w+)"``', RungCall.ending.__doc__ or ""))
    assert documented == set(get_args(Ending))
    assert set(re.findall(r"`(\w+)`", RungCall.steps.__doc__ or "")) == set(get_args(Step))


async def test_ringing_waits_for_the_bot_to_listen(graph: Simulator, unused_tcp_port: int) -> None:
    url = f"http://127.0.0.1:{unused_tcp_port}/"
    with pytest.raises(ConnectionError, match=r"nothing listens at 127\.0\.0\.1:\d+ \(tried for 0\.\d s"):
        graph.wait_until_listening(url, 0.05)
    ringing = asyncio.ensure_future(graph.ring_async(url, patience=10, wait=1))
    await asyncio.sleep(0)
    app = web.Application()
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", unused_tcp_port).start()
    rung = await ringing
    assert (rung.ending, rung.reply_status) == ("refused", 404)
    assert rung.problem == "the bot replied 404 to POST /: is this the path of its webhook?"
    graph.wait_until_listening(url, 0)
    await runner.cleanup()
