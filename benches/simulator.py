"""How much the simulator bears: redirects a second, whole calls a second, and memory over 100,000 calls."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
import uuid

import callredirect as cr
from _rounds import resident
from callredirect.testing import Scenario, Simulator

ROUNDS = 5
REDIRECTS = 20_000
CALLS = int(os.environ.get("SIMULATOR_CALLS", "100000"))
STEP = 10_000
ALICE = "98da8a1a-1b87-452c-a713-65d3f10b1253"


def child(*words: str) -> subprocess.Popen[str]:
    command = [sys.executable, __file__, *words]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def serve() -> None:
    """In a process of its own: a Graph with calls to be redirected; as many again for each line read."""
    with Simulator() as graph:
        while True:
            ids = [graph.place_call() for _ in range(REDIRECTS)]
            print(json.dumps([graph.base_url, graph.access_token(), ids]), flush=True)
            before = time.process_time()
            if not sys.stdin.readline():
                return
            print(time.process_time() - before, flush=True)


async def redirects() -> None:
    redirect = cr.Redirect([cr.Target.user(ALICE)])
    rates, costs = [], []
    with child("serve") as graph:
        assert graph.stdin is not None and graph.stdout is not None
        for _ in range(ROUNDS + 1):
            base_url, token, ids = json.loads(graph.stdout.readline())
            waiting = iter(ids)
            async with cr.AsyncClient(token, base_url=base_url) as client:

                async def worker(client: cr.AsyncClient = client, ids: object = waiting) -> None:
                    for call_id in ids:  # type: ignore[attr-defined]
                        outcome = await client.redirect(call_id, redirect)
                        assert isinstance(outcome, cr.Accepted), outcome

                start = time.perf_counter()
                await asyncio.gather(*(worker() for _ in range(64)))
                rates.append(REDIRECTS / (time.perf_counter() - start))
            print("more", file=graph.stdin, flush=True)
            costs.append(float(graph.stdout.readline()) / REDIRECTS * 1e6)
        graph.stdin.close()
        graph.kill()
    rates = sorted(rates[1:])  # the first warms up
    print(f"redirects/s accepted by a simulator in a process of its own, client beside it, {ROUNDS} rounds")
    print(f"  median {rates[len(rates) // 2]:,.0f}   lowest {rates[0]:,.0f}   goal 20,000")
    print(f"  CPU microseconds a redirect in the simulator: lowest {min(costs):.1f}, of 50 at 20,000/s\n")


def bot(settings: str) -> None:
    """In a process of its own: a whole bot, which verifies every token, behind the smallest of servers."""
    given = json.loads(settings)
    redirector = cr.Redirector(
        app_id=given["app_id"],
        credential=given["token"],
        verifier=cr.Verifier(given["app_id"], jwks=given["jwks"]),
        base_url=given["base_url"],
    )
    redirector.on_incoming(to_alice)

    async def serve_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                headers = dict(line.split(": ", 1) for line in head[1:] if line)
                lower = {name.lower(): value for name, value in headers.items()}
                body = await reader.readexactly(int(lower.get("content-length", "0")))
                reply = await redirector.handle(body, lower)
                writer.write(f"HTTP/1.1 {reply.status} X\r\ncontent-length: 0\r\n\r\n".encode())
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def main() -> None:
        server = await asyncio.start_server(serve_one, "127.0.0.1", 0)
        print(server.sockets[0].getsockname()[1], flush=True)
        async with server:
            await server.serve_forever()

    asyncio.run(main())


async def to_alice(_call: cr.Call) -> cr.Redirect:
    return cr.Redirect([cr.Target.user(ALICE)])


def rings() -> None:
    with Simulator(app_id=str(uuid.uuid4())) as graph:
        given = {
            "app_id": graph.app_id,
            "token": graph.access_token(lifetime=1e5),
            "jwks": graph.jwks,
            "base_url": graph.base_url,
        }
        with child("bot", json.dumps(given)) as process:
            assert process.stdout is not None
            url = f"http://127.0.0.1:{int(process.stdout.readline())}/calls"
            scenario = Scenario([{"count": STEP}], faults=[])
            memory, rates = [], []
            for _ in range(CALLS // STEP + 1):
                start = time.perf_counter()
                calls = graph.play(url, scenario)
                rates.append(STEP / (time.perf_counter() - start))
                assert all(call.ending == "answered" and call.ended_status == 202 for call in calls)
                del calls
                memory.append(resident() / 1e6)
            process.kill()
    rates = sorted(rates)
    print("whole calls/s: rung with a signed token, verified, redirected, ended; bot in a process of its own")
    print(f"  median {rates[len(rates) // 2]:,.0f}   lowest {rates[0]:,.0f}   goal 500\n")
    print(f"resident MB of the simulator's process after each {STEP:,} of {CALLS + STEP:,} calls")
    print("  " + " ".join(f"{figure:.0f}" for figure in memory) + "\n")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve"]:
            serve()
        case ["bot", settings]:
            bot(settings)
        case _:
            asyncio.run(redirects())
            rings()
