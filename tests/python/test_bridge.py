"""The bridge between the network threads and Python: loops, threads, cancelling, Ctrl-C, fork and exit."""

from __future__ import annotations

import asyncio
import gc
import os
import select
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
import urllib.request
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import callredirect as cr
from callredirect import _native
from callredirect._bridge import LoopMailbox, _mailboxes, loop_mailbox
from callredirect.testing import Simulator
from exits import KINDS, endings
from servers import RawServer, response

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterator

TOKEN = "eyJ-a-canary.of.a-token"
CALL = "491f0b00-ffff-4bc9-a43e-b226498ec22a"
TO_USER = cr.Redirect([cr.Target.user("98da8a1a-1b87-452c-a713-65d3f10b1253")])

_fail = vars(_native)["_fail"]
"""Panics on purpose. Only the development build has it: a release wheel fails here."""

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals and fork")


@pytest.fixture
def graph() -> Iterator[Simulator]:
    with Simulator() as simulator:
        yield simulator


def descriptors() -> int:
    return len(os.listdir("/dev/fd"))


async def all_claimed() -> None:
    """Waits until nothing is remembered of requests whose answers nobody waits for."""
    for _ in range(500):
        if not loop_mailbox()._waiting:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(loop_mailbox()._waiting)


# One loop


async def test_a_task_of_it(graph: Simulator) -> None:
    async with cr.AsyncClient(graph.access_token(), base_url=graph.base_url) as client:
        task = asyncio.create_task(client.redirect(graph.place_call(), TO_USER))
        assert isinstance(await task, cr.Accepted)


async def test_many_at_once(graph: Simulator) -> None:
    calls = [graph.place_call() for _ in range(200)]
    async with cr.AsyncClient(graph.access_token(), base_url=graph.base_url) as client:
        outcomes = await asyncio.gather(*(client.redirect(call, TO_USER) for call in calls))
    assert {type(outcome) for outcome in outcomes} == {cr.Accepted}
    assert len({outcome.client_request_id for outcome in outcomes}) == 200
    # Each outcome went to the one who waited for it.
    sent = {received.client_request_id: received.call_id for received in graph.redirects}
    assert [sent[outcome.client_request_id] for outcome in outcomes] == calls


async def test_a_coroutine_never_awaited_sends_nothing(graph: Simulator) -> None:
    async with cr.AsyncClient(TOKEN, base_url=graph.base_url) as client:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            client.redirect(CALL, TO_USER)  # type: ignore[unused-coroutine]
            gc.collect()
        assert any("never awaited" in str(warning.message) for warning in caught)
        await asyncio.sleep(0.05)
    assert graph.requests == []


@pytest.mark.parametrize("way", ["cancel", "wait_for"])
async def test_who_stops_waiting_stops_at_once_and_the_request_goes_on(way: str) -> None:
    with RawServer(open_gate=False) as server:
        async with cr.AsyncClient(TOKEN, base_url=server.url) as client:
            if way == "cancel":
                task = asyncio.create_task(client.redirect(CALL, TO_USER))
                await asyncio.sleep(0)  # it has been handed over, and perhaps no more than that
                started = time.monotonic()
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
            else:
                started = time.monotonic()
                with pytest.raises(asyncio.TimeoutError):
                    await asyncio.wait_for(client.redirect(CALL, TO_USER), 0.05)
            assert time.monotonic() - started < 5  # the answer itself would take until the deadline, 13 s
            await asyncio.to_thread(server.wait_for, 1)
            server.gate.set()
            # Its answer finds nobody, and does no harm to the next.
            assert isinstance(await client.redirect(CALL, TO_USER), cr.Accepted)
            await all_claimed()
        assert len(server.requests) == 2


async def test_whoever_waits_for_what_panicked_is_told(graph: Simulator) -> None:
    box = loop_mailbox()
    with pytest.raises(RuntimeError, match="lost inside callredirect"):
        await asyncio.wait_for(box.wait(_fail(box.mailbox)), 10)
    with pytest.raises(RuntimeError, match="lost inside callredirect"):
        await asyncio.to_thread(_fail)
    async with cr.AsyncClient(graph.access_token(), base_url=graph.base_url) as client:
        assert isinstance(await client.redirect(graph.place_call(), TO_USER), cr.Accepted)


async def test_what_fails_costs_nobody_else_an_answer(graph: Simulator) -> None:
    box = loop_mailbox()
    async with cr.AsyncClient(graph.access_token(), base_url=graph.base_url) as client:
        waiting: list[Awaitable[Any]] = []
        for _ in range(20):
            waiting += [box.wait(_fail(box.mailbox)), client.redirect(graph.place_call(), TO_USER)]
        together = asyncio.gather(*waiting, return_exceptions=True)
        await asyncio.sleep(0)  # they have all been handed over
        while len(graph.redirects) < 20:
            # The loop stands still, so that one drain has most of them.
            time.sleep(0.001)  # noqa: ASYNC251
        done = await asyncio.wait_for(together, 10)
    assert [type(result) for result in done] == [RuntimeError, cr.Accepted] * 20


@pytest.mark.parametrize("status", ["202 Accepted", "401 No", "404 No"])
async def test_what_became_of_a_cancelled_redirect_is_told(
    status: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "callredirect.send")
    with RawServer(response(status), open_gate=False) as server:
        async with cr.AsyncClient(TOKEN, base_url=server.url) as client:
            task = asyncio.create_task(client.redirect(CALL, TO_USER))
            await asyncio.to_thread(server.wait_for, 1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert caplog.records == []
            server.gate.set()
            await all_claimed()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
    (record,) = caplog.records
    assert record.__dict__["status"] == int(status[:3]) and record.__dict__["call_id"] == CALL
    assert loop_mailbox()._late == {}


async def test_cancelled_at_the_very_moment_of_the_answer(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "callredirect.send")
    with RawServer() as server:
        async with cr.AsyncClient(TOKEN, base_url=server.url) as client:
            box = loop_mailbox()
            assert isinstance(box, LoopMailbox)
            asyncio.get_running_loop().remove_reader(box.mailbox.fileno())
            task = asyncio.create_task(client.redirect(CALL, TO_USER))
            await asyncio.sleep(0)
            await asyncio.to_thread(select.select, [box.mailbox.fileno()], [], [], 10)
            box._drain()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
    assert [record.__dict__["outcome"] for record in caplog.records] == ["accepted"]


async def test_an_answer_nobody_waits_for_costs_the_others_nothing(graph: Simulator) -> None:
    async with cr.AsyncClient(graph.access_token(), base_url=graph.base_url) as client:
        box = loop_mailbox()
        for _ in range(10):
            request = client._sender.prepare(graph.place_call(), TO_USER, None)
            client._sender.submit(request, graph.access_token(), box.mailbox)
            outcome = await asyncio.wait_for(client.redirect(graph.place_call(), TO_USER), 5)
            assert isinstance(outcome, cr.Accepted)
    assert len(graph.redirects) == 20


async def test_cancelled_while_the_credential_is_asked(graph: Simulator) -> None:
    ended = asyncio.Event()

    async def credential() -> str:
        try:
            await asyncio.sleep(10)
        finally:
            ended.set()
        return TOKEN

    async with cr.AsyncClient(credential, base_url=graph.base_url) as client:
        task = asyncio.create_task(client.redirect(CALL, TO_USER))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.wait_for(ended.wait(), 1)
    assert graph.requests == []


async def test_a_thousand_cancelled_leave_nothing_behind() -> None:
    with RawServer() as server:
        async with cr.AsyncClient(TOKEN, base_url=server.url) as client:
            for _ in range(20):
                tasks = [asyncio.create_task(client.redirect(CALL, TO_USER)) for _ in range(50)]
                await asyncio.sleep(0)
                for task in tasks:
                    task.cancel()
                results = await asyncio.gather(*tasks, return_exceptions=True)
                assert all(isinstance(result, asyncio.CancelledError) for result in results)
            assert isinstance(await client.redirect(CALL, TO_USER), cr.Accepted)
        await all_claimed()


async def test_the_context_of_the_caller_reaches_the_credential(graph: Simulator) -> None:
    from contextvars import ContextVar

    tenant: ContextVar[str] = ContextVar("tenant")
    seen: list[str] = []

    def credential() -> str:
        seen.append(tenant.get())
        return graph.access_token()

    async def asynchronous() -> str:
        return credential()

    async def redirect(name: str, client: cr.AsyncClient) -> None:
        tenant.set(name)
        assert isinstance(await client.redirect(graph.place_call(), TO_USER), cr.Accepted)

    for given in (credential, asynchronous):
        async with cr.AsyncClient(given, base_url=graph.base_url) as client:
            await asyncio.gather(redirect("a", client), redirect("b", client))
    assert sorted(seen) == ["a", "a", "b", "b"]


# Many loops and threads


@posix_only
def test_loops_one_after_another_leave_nothing_behind(graph: Simulator) -> None:
    token = graph.access_token()
    client = cr.AsyncClient(token, base_url=graph.base_url)

    async def one(client: cr.AsyncClient) -> None:
        assert isinstance(await client.redirect(graph.place_call(), TO_USER), cr.Accepted)

    async def with_its_own() -> None:
        async with cr.AsyncClient(token, base_url=graph.base_url) as client:
            await one(client)

    def run(count: int) -> None:
        for _ in range(count):
            asyncio.run(one(client))
            asyncio.run(with_its_own())
        gc.collect()

    run(5)
    before = settled_descriptors()
    run(100)
    assert settled_descriptors() <= before + 4
    assert len(_mailboxes) <= 1


def settled_descriptors() -> int:
    """Sockets close on the network thread, and the simulator sees it a moment later."""
    fewest = descriptors()
    for _ in range(50):
        time.sleep(0.01)
        fewest = min(fewest, descriptors())
    return fewest


@posix_only
def test_uvloop(graph: Simulator) -> None:
    """The loop that servers run on in production; it has selectors of its own."""
    import uvloop

    client = cr.AsyncClient(graph.access_token(), base_url=graph.base_url)

    async def main() -> list[cr.Outcome]:
        assert type(asyncio.get_running_loop()).__module__.startswith("uvloop")
        return await asyncio.gather(*(client.redirect(graph.place_call(), TO_USER) for _ in range(50)))

    for _ in range(20):
        assert {type(outcome) for outcome in uvloop.run(main())} == {cr.Accepted}
    gc.collect()
    before = settled_descriptors()
    for _ in range(20):
        uvloop.run(main())
    gc.collect()
    assert settled_descriptors() <= before + 4


@posix_only
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")
def test_loops_closed_hard_with_work_in_flight() -> None:
    with RawServer(open_gate=False) as server:
        client = cr.AsyncClient(TOKEN, base_url=server.url)

        def close_hard() -> None:
            loop = asyncio.new_event_loop()
            task = loop.create_task(client.redirect(CALL, TO_USER, deadline=5))
            loop.run_until_complete(asyncio.sleep(0))
            loop.run_until_complete(asyncio.sleep(0))
            task._log_destroy_pending = False  # type: ignore[attr-defined]
            loop.close()

        for _ in range(30):
            close_hard()
        gc.collect()
        assert len(_mailboxes) <= 2
        server.wait_for(30)
        server.gate.set()
        time.sleep(0.2)  # the answers come to loops that are gone
    with RawServer() as server:
        client = cr.AsyncClient(TOKEN, base_url=server.url)
        assert isinstance(asyncio.run(client.redirect(CALL, TO_USER)), cr.Accepted)
    gc.collect()
    assert [loop for loop in _mailboxes if loop.is_closed()] == []


def test_several_loops_in_threads_share_a_client(graph: Simulator) -> None:
    client = cr.AsyncClient(graph.access_token(), base_url=graph.base_url)
    kinds: list[type] = []

    async def main() -> None:
        calls = [graph.place_call() for _ in range(20)]
        outcomes = await asyncio.gather(*(client.redirect(call, TO_USER) for call in calls))
        kinds.extend(map(type, outcomes))

    threads = [threading.Thread(target=lambda: asyncio.run(main())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert kinds == [cr.Accepted] * 160


def test_the_blocking_client_in_many_threads(graph: Simulator) -> None:
    kinds: list[type] = []
    with cr.Client(graph.access_token(), base_url=graph.base_url) as client:

        def work() -> None:
            kinds.extend(type(client.redirect(graph.place_call(), TO_USER)) for _ in range(10))

        threads = [threading.Thread(target=work) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
    assert kinds == [cr.Accepted] * 160


async def test_the_blocking_client_under_a_running_loop(graph: Simulator) -> None:
    with cr.Client(graph.access_token(), base_url=graph.base_url) as client:
        assert isinstance(client.redirect(graph.place_call(), TO_USER), cr.Accepted)
        outcome = await asyncio.to_thread(client.redirect, graph.place_call(), TO_USER)
        assert isinstance(outcome, cr.Accepted)


def test_the_blocking_client_releases_the_interpreter() -> None:
    ticks = 0
    with RawServer(open_gate=False) as server, cr.Client(TOKEN, base_url=server.url) as client:
        thread = threading.Thread(target=lambda: client.redirect(CALL, TO_USER))
        thread.start()
        server.wait_for(1)  # in this thread, while the other waits in Rust
        for _ in range(10):
            ticks += 1
            time.sleep(0.001)
        assert thread.is_alive()
        server.gate.set()
        thread.join(5)
    assert ticks == 10 and not thread.is_alive()


# Other kinds of loop


def test_without_a_loop_it_says_what_it_needs() -> None:
    coroutine = cr.AsyncClient(TOKEN).redirect(CALL, TO_USER)
    with pytest.raises(
        RuntimeError, match="needs a running event loop, of asyncio or trio; Client needs none"
    ):
        coroutine.send(None)


def test_trio(graph: Simulator) -> None:
    import trio

    client = cr.AsyncClient(graph.access_token(), base_url=graph.base_url)
    calls = [graph.place_call() for _ in range(100)]
    outcomes: dict[str, cr.Outcome] = {}

    async def one(call: str) -> None:
        outcomes[call] = await client.redirect(call, TO_USER)

    async def main(calls: list[str]) -> None:
        async with trio.open_nursery() as nursery:
            for call in calls:
                nursery.start_soon(one, call)

    trio.run(main, calls[:50])
    trio.run(main, calls[50:])  # another run has a mailbox of its own
    assert {type(outcome) for outcome in outcomes.values()} == {cr.Accepted}
    sent = {received.client_request_id: received.call_id for received in graph.redirects}
    assert [sent[outcomes[call].client_request_id] for call in calls] == calls


def test_cancelled_under_trio_the_request_goes_on() -> None:
    import trio

    async def main(client: cr.AsyncClient, server: RawServer) -> None:
        with trio.move_on_after(0.01) as scope:
            await client.redirect(CALL, TO_USER)
        assert scope.cancelled_caught
        await trio.to_thread.run_sync(server.wait_for, 1)
        server.gate.set()
        # Its answer finds nobody, and does no harm to the next.
        assert isinstance(await client.redirect(CALL, TO_USER), cr.Accepted)

    with RawServer(open_gate=False) as server:
        trio.run(main, cr.AsyncClient(TOKEN, base_url=server.url), server)
        assert len(server.requests) == 2


def test_what_became_of_a_redirect_cancelled_under_trio_is_told(caplog: pytest.LogCaptureFixture) -> None:
    import trio

    caplog.set_level("INFO", "callredirect.send")

    async def main() -> None:
        with RawServer(open_gate=False) as server:
            async with cr.AsyncClient(TOKEN, base_url=server.url) as client:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(client.redirect, CALL, TO_USER)
                    await trio.to_thread.run_sync(server.wait_for, 1)
                    nursery.cancel_scope.cancel()
                assert caplog.records == []
                server.gate.set()
                for _ in range(2000):
                    if caplog.records:
                        break
                    await trio.sleep(0.005)

    trio.run(main)
    assert [record.__dict__["outcome"] for record in caplog.records] == ["accepted"]


@pytest.mark.parametrize("kind", ["synchronous", "asynchronous", "slow"])
def test_credentials_under_trio(graph: Simulator, kind: str) -> None:
    import trio

    threads: list[int] = []

    def synchronous() -> str:
        threads.append(threading.get_ident())
        return graph.access_token()

    async def asynchronous() -> str:
        await trio.lowlevel.checkpoint()
        return synchronous()

    async def slow() -> str:
        await trio.sleep_forever()
        raise AssertionError

    async def main() -> cr.Outcome:
        given: dict[str, Any] = {
            "synchronous": synchronous,
            "asynchronous": asynchronous,
            "slow": slow,
        }
        client = cr.AsyncClient(given[kind], base_url=graph.base_url)
        return await client.redirect(graph.place_call(), TO_USER, deadline=0.2 if kind == "slow" else None)

    outcome = trio.run(main)
    if kind == "slow":
        assert isinstance(outcome, cr.Expired) and not outcome.sent
        return
    assert isinstance(outcome, cr.Accepted)
    # What may block must not hold up the loop.
    assert (threads[0] == threading.get_ident()) is (kind == "asynchronous")


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_anyio(graph: Simulator, backend: str) -> None:
    import anyio

    async def main() -> None:
        async with cr.AsyncClient(graph.access_token, base_url=graph.base_url) as client:
            with anyio.fail_after(10):
                assert isinstance(await client.redirect(graph.place_call(), TO_USER), cr.Accepted)

    anyio.run(main, backend=backend)


def test_a_redirector_under_trio_claims_nothing_and_says_so(graph: Simulator) -> None:
    import trio

    app = "24701998-1a73-4d42-8085-bf46ed0ae039"
    bot = cr.Redirector(app_id=app, credential=TOKEN, verifier=cr.Verifier(app, jwks=graph.jwks))
    headers = {"Authorization": f"Bearer {graph.notification_token()}", "Content-Type": "application/json"}
    resource = {"id": CALL, "state": "incoming"}
    note = {"changeType": "created", "resourceUrl": "/communications/calls/x", "resourceData": resource}
    with pytest.raises(RuntimeError, match="Redirector needs a running event loop of asyncio"):
        trio.run(bot.handle, {"value": [note]}, headers)
    assert bot.calls == ()


# Processes of their own


def python(code: str, *arguments: str, timeout: float = 20) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-X", "faulthandler", "-c", textwrap.dedent(code), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)


PREAMBLE = """
import asyncio, os, signal, sys, threading, time, warnings
import callredirect as cr
url, token = sys.argv[1:3]
TO_USER = cr.Redirect([cr.Target.user("98da8a1a-1b87-452c-a713-65d3f10b1253")])
CALL = "491f0b00-ffff-4bc9-a43e-b226498ec22a"
"""


def script(body: str) -> str:
    return PREAMBLE + textwrap.dedent(body)


def ended_well(done: subprocess.CompletedProcess[str], said: str) -> None:
    assert (done.returncode, done.stderr, done.stdout.strip()) == (0, "", said)


@posix_only
@pytest.mark.parametrize("kind", KINDS)
def test_processes_end_as_they_should(kind: str) -> None:
    """``make reliability-exits`` runs each 300 times."""
    assert [ending.fault for ending in endings(kind, 10) if ending.fault] == []


@pytest.mark.parametrize(
    "ending",
    [
        "async def main(): await asyncio.wait_for(asyncio.gather(*redirects()), 0.2)\nasyncio.run(main())",
        "loop = asyncio.new_event_loop(); tasks = [loop.create_task(r) for r in redirects()]\n"
        "loop.run_until_complete(asyncio.sleep(0.2))\nfor t in tasks: t.cancel()\n"
        "loop.run_until_complete(asyncio.sleep(0)); loop.close()",
        "for _ in range(10): threading.Thread(target=lambda: blocking.redirect(CALL, TO_USER), daemon=True).start()\n"
        "time.sleep(0.2)",
    ],
    ids=["timeout", "loop closed", "daemon threads"],
)
def test_exit_with_requests_in_flight(ending: str) -> None:
    code = PREAMBLE + textwrap.dedent("""
        client, blocking = cr.AsyncClient(token, base_url=url), cr.Client(token, base_url=url)
        def redirects():
            return [client.redirect(CALL, TO_USER) for _ in range(20)]
        try:
            {}
        except asyncio.TimeoutError:
            pass
        print("bye")
    """).replace("{}", ending.replace("\n", "\n    "))
    with RawServer(open_gate=False) as server:
        for _ in range(4):
            started = time.monotonic()
            ended_well(python(code, server.url, TOKEN), "bye")
            assert time.monotonic() - started < 5
        assert len(server.requests) >= 4


@posix_only
def test_ctrl_c_in_a_blocking_redirect() -> None:
    # A shell that runs tests in the background has them ignore the signal.
    code = script("""
        signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            cr.Client(token, base_url=url).redirect(CALL, TO_USER)
        except KeyboardInterrupt:
            print("interrupted")
    """)
    with RawServer(open_gate=False) as server:
        command = [sys.executable, "-c", code, server.url, TOKEN]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            server.wait_for(1)
            child.send_signal(signal.SIGINT)
            assert child.communicate(timeout=5)[0] == "interrupted\n"
        assert child.returncode == 0
        assert len(server.requests) == 1


@posix_only
@pytest.mark.parametrize("door", ["Client", "AsyncClient", "AsyncClient with one loop"])
def test_fork_after_use(graph: Simulator, door: str) -> None:
    """Parent and child both go on with the client they have, the child with connections of its own."""
    code = script("""
        ids = sys.argv[3].split()
        if sys.argv[4] == "Client":
            client = cr.Client(token, base_url=url)
            send = lambda: client.redirect(ids.pop(), TO_USER)
        else:
            client = cr.AsyncClient(token, base_url=url)
            loop = asyncio.new_event_loop()
            run = loop.run_until_complete if "one loop" in sys.argv[4] else asyncio.run
            send = lambda: run(client.redirect(ids.pop(), TO_USER, deadline=5))
        assert isinstance(send(), cr.Accepted)
        warnings.simplefilter("ignore", DeprecationWarning)  # of any fork with threads, since Python 3.12
        child = os.fork()
        if child == 0:
            ids[:] = ids[:4]
        else:
            ids[:] = ids[4:]
        for _ in range(4):
            outcome = send()
            assert isinstance(outcome, cr.Accepted), outcome
        if child == 0:
            sys.exit(7)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if "one loop" in sys.argv[4]:
            loop.close()
        print(code, type(send()).__name__ if ids else "Accepted")
    """)
    ids = [graph.place_call() for _ in range(9)]
    for _ in range(3):
        done = python(code, graph.base_url, graph.access_token(), " ".join(ids), door)
        ended_well(done, "7 Accepted")
        ids = [graph.place_call() for _ in range(9)]


@posix_only
def test_twenty_forks_of_one_process(graph: Simulator) -> None:
    code = script("""
        warnings.simplefilter("ignore", DeprecationWarning)
        ids = sys.argv[3].split()
        client, loop = cr.AsyncClient(token, base_url=url), asyncio.new_event_loop()
        send = lambda: loop.run_until_complete(client.redirect(ids.pop(), TO_USER, deadline=5))
        codes = []
        for _ in range(20):
            assert isinstance(send(), cr.Accepted)
            child = os.fork()
            if child == 0:
                accepted = isinstance(send(), cr.Accepted)
                loop.close()
                sys.exit(7 if accepted else 1)
            codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
            ids.pop()
        loop.close()
        print(codes.count(7))
    """)
    ids = " ".join(graph.place_call() for _ in range(40))
    ended_well(python(code, graph.base_url, graph.access_token(), ids), "20")


GUNICORN = """
import os
import callredirect as cr
TO_USER = cr.Redirect([cr.Target.user("98da8a1a-1b87-452c-a713-65d3f10b1253")])
client = cr.Client("token", base_url=os.environ["GRAPH_URL"])
assert isinstance(client.redirect("in-the-master", TO_USER), cr.Accepted)

def app(environ, start_response):
    outcome = client.redirect("in-a-worker", TO_USER, deadline=5)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{type(outcome).__name__} {os.getppid()}".encode()]
"""


@posix_only
def test_gunicorn_that_loads_the_bot_before_it_forks(tmp_path: Path) -> None:
    (tmp_path / "bot.py").write_text(GUNICORN)
    with RawServer() as graph, socket.create_server(("127.0.0.1", 0)) as listening:
        command = [sys.executable, "-m", "gunicorn", "--preload", "--workers", "2", "--log-level", "warning"]
        command += ["--bind", f"fd://{listening.fileno()}", "bot:app"]
        with subprocess.Popen(
            command,
            cwd=tmp_path,
            env=os.environ | {"GRAPH_URL": graph.url},
            pass_fds=[listening.fileno()],
            stderr=subprocess.PIPE,
            text=True,
        ) as server:
            url = f"http://127.0.0.1:{listening.getsockname()[1]}/"
            try:
                said = {urllib.request.urlopen(url, timeout=20).read().decode() for _ in range(20)}
            finally:
                server.terminate()
            errors = server.communicate(timeout=20)[1]
    assert said == {f"Accepted {server.pid}"}
    assert (server.returncode, errors) == (0, "")
    assert len(graph.requests) == 21


def interpreters() -> list[str]:
    """The CPythons of this machine that the extension fits, as far as they are easy to find."""
    pyenv = Path("~/.pyenv/versions").expanduser().glob("3.1[0-3].*/bin/python")
    return sorted({sys.executable, *map(str, pyenv)})


SECOND_INTERPRETER = """
import importlib, sys
interpreters = importlib.import_module("_interpreters" if sys.version_info >= (3, 13) else "_xxsubinterpreters")
import callredirect
other = interpreters.create()
interpreters.run_string(other, '''
try:
    import callredirect
except ImportError as error:
    print("refused:", error, flush=True)
''')
interpreters.destroy(other)
print("still:", callredirect.parse('{"value": []}'))
"""


@pytest.mark.parametrize("interpreter", interpreters())
def test_a_second_interpreter_is_refused_in_words(interpreter: str) -> None:
    environment = os.environ | {"PYTHONPATH": str(Path(cr.__file__).parents[1])}
    command = [interpreter, "-X", "faulthandler", "-c", SECOND_INTERPRETER]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, env=environment, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    refused, still = sorted(done.stdout.splitlines())
    assert still == "still: <Notifications: 0>"
    assert refused.startswith("refused: ") and "interpreter" in refused


@posix_only
def test_fork_with_requests_in_flight() -> None:
    code = script("""
        client = cr.Client(token, base_url=url)
        for _ in range(8):
            threading.Thread(target=lambda: client.redirect(CALL, TO_USER), daemon=True).start()
        time.sleep(0.2)
        children = []
        for _ in range(5):
            child = os.fork()
            if child == 0:
                assert client.redirect(CALL, TO_USER, deadline=1.5).sent
                sys.exit(0)
            children.append(child)
        codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
        print(codes)
    """)
    with RawServer(open_gate=False) as server:
        done = python("import warnings; warnings.simplefilter('ignore')\n" + code, server.url, TOKEN)
        ended_well(done, "[0, 0, 0, 0, 0]")
        assert len(server.requests) == 13


@posix_only
def test_the_bell_never_kills_a_process_that_dies_of_sigpipe() -> None:
    code = script("""
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        client = cr.AsyncClient(token, base_url=url)
        async def main():
            asyncio.get_running_loop().create_task(client.redirect(CALL, TO_USER, deadline=0.3))
            await asyncio.sleep(0.1)
        for _ in range(3):
            asyncio.run(main())
        time.sleep(0.6)
        print("alive")
    """)
    with RawServer(open_gate=False) as server:
        ended_well(python(code, server.url, TOKEN), "alive")


@pytest.mark.skipif(sys.platform != "linux", reason="threads are counted in /proc")
def test_there_is_one_thread_and_only_once_something_is_sent(graph: Simulator) -> None:
    code = script("""
        def threads():
            return sorted(open(f"/proc/self/task/{task}/comm").read().strip() for task in os.listdir("/proc/self/task"))
        before = threads()
        client = cr.AsyncClient(token, base_url=url)
        async def main():
            await asyncio.gather(*(client.redirect(CALL, TO_USER) for _ in range(100)))
        assert threads() == before, threads()
        asyncio.run(main())
        print(set(threads()) - set(before), threading.active_count())
    """)
    ended_well(python(code, graph.base_url, graph.access_token()), "{'callredirect'} 1")
