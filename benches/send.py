"""Send redirects to a loopback server in another process, against aiohttp."""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import orjson

import callredirect as cr

try:
    import uvloop
except ImportError:
    uvloop = None

ROUNDS = 8
TOKEN = "x" * 1200
USER = "550fae72-d251-43ec-868c-373732c2704f"
Send = Callable[[str], Awaitable[None]]


@asynccontextmanager
async def callredirect(base: str) -> AsyncIterator[Send]:
    redirect = cr.Redirect([cr.Target.user(USER)])
    async with cr.AsyncClient(TOKEN, base_url=base) as client:

        async def send(call_id: str) -> None:
            outcome = await client.redirect(call_id, redirect)
            assert isinstance(outcome, cr.Accepted), outcome

        yield send


@asynccontextmanager
async def by_aiohttp(base: str) -> AsyncIterator[Send]:
    body = {
        "targets": [
            {
                "@odata.type": "#microsoft.graph.invitationParticipantInfo",
                "identity": {
                    "@odata.type": "#microsoft.graph.identitySet",
                    "user": {"@odata.type": "#microsoft.graph.identity", "id": USER},
                },
            }
        ]
    }
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    async with aiohttp.ClientSession(headers=headers) as session:

        async def send(call_id: str) -> None:
            url = f"{base}/v1.0/communications/calls/{call_id}/redirect"
            async with session.post(url, data=orjson.dumps(body)) as answer:
                assert answer.status == 202, answer.status
                await answer.read()

        yield send


SUBJECTS = {"aiohttp": by_aiohttp, "callredirect": callredirect}


async def measure(send: Send, count: int, width: int) -> tuple[float, float, list[float]]:
    """Requests a second, CPU microseconds of this process a request, and every latency in microseconds."""
    ids = iter([str(uuid.uuid4()) for _ in range(count)])
    latencies: list[float] = []

    async def worker() -> None:
        for call_id in ids:
            before = time.perf_counter()
            await send(call_id)
            latencies.append((time.perf_counter() - before) * 1e6)

    wall, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(worker() for _ in range(width)))
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return count / wall, cpu / count * 1e6, latencies


async def compare(base: str, title: str, count: int, width: int) -> None:
    rates: dict[str, list[float]] = {name: [] for name in SUBJECTS}
    costs: dict[str, list[float]] = {name: [] for name in SUBJECTS}
    middles: dict[str, list[float]] = {name: [] for name in SUBJECTS}
    tails: dict[str, list[float]] = {name: [] for name in SUBJECTS}
    for turn in range(ROUNDS + 1):
        for name, subject in SUBJECTS.items():
            async with subject(base) as send:
                await measure(send, width * 4, width)  # the connections are open, the caches warm
                rate, cost, latencies = await measure(send, count, width)
            if turn:
                cuts = statistics.quantiles(latencies, n=100)
                rates[name].append(rate)
                costs[name].append(cost)
                middles[name].append(cuts[49])
                tails[name].append(cuts[98])

    print(
        f"{title}, median of {ROUNDS} rounds\n  {'':12}  {'requests/s':>10}  {'CPU us':>8}  {'p50 us':>8}  {'p99 us':>8}"
    )
    medians = {
        name: [statistics.median(column[name]) for column in (rates, costs, middles, tails)]
        for name in SUBJECTS
    }
    for name, (rate, cost, middle, tail) in medians.items():
        print(f"  {name:12}  {rate:10,.0f}  {cost:8,.1f}  {middle:8,.0f}  {tail:8,.0f}")
    ratios = [ours / theirs for ours, theirs in zip(medians["callredirect"], medians["aiohttp"], strict=True)]
    print(f"  {'x aiohttp':12}  {ratios[0]:10.2f}  {ratios[1]:8.2f}  {ratios[2]:8.2f}  {ratios[3]:8.2f}\n")


async def both(base: str, loop: str) -> None:
    await compare(base, f"send, {loop}, concurrency 64", count=4096, width=64)
    await compare(base, f"send, {loop}, sequential", count=1024, width=1)


def main() -> None:
    server = Path(__file__).with_name("_server.py")
    command = [sys.executable, str(server)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        base = f"http://127.0.0.1:{int(process.stdout.readline())}"
        try:
            asyncio.run(both(base, "asyncio"))
            if uvloop is not None:
                uvloop.run(both(base, "uvloop"))
        finally:
            process.communicate()


if __name__ == "__main__":
    main()
