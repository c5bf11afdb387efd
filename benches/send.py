"""Send redirects to a loopback server in another process, against aiohttp, requests and pyreqwest.

In the clear and over TLS, where each client speaks the best it can: HTTP/2, as with Graph, or HTTP/1.1 (aiohttp and
requests have no other). Client and server share the machine, so requests a second say as much of the server; CPU counts
this process alone.
"""

from __future__ import annotations

import asyncio
import gc
import os
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pyreqwest.client
import requests

import callredirect as cr
from _rounds import resident

try:
    import uvloop
except ImportError:
    uvloop = None

ROUNDS = 8
TOKEN = "x" * 1200
USER = "550fae72-d251-43ec-868c-373732c2704f"
HEADERS = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
BODY = {
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
REDIRECT = cr.Redirect([cr.Target.user(USER)])
SOAK = 100_000
Send = Callable[[str], Awaitable[None]]
Columns = tuple[list[float], list[float], list[float], list[float]]


def path(call_id: str) -> str:
    return f"/v1.0/communications/calls/{call_id}/redirect"


@asynccontextmanager
async def callredirect(base: str) -> AsyncIterator[Send]:
    async with cr.AsyncClient(TOKEN, base_url=base) as client:

        async def send(call_id: str) -> None:
            outcome = await client.redirect(call_id, REDIRECT)
            assert isinstance(outcome, cr.Accepted), outcome

        yield send


@asynccontextmanager
async def by_aiohttp(base: str) -> AsyncIterator[Send]:
    connector = aiohttp.TCPConnector(ssl=ssl.create_default_context())
    async with aiohttp.ClientSession(headers=HEADERS, connector=connector) as session:

        async def send(call_id: str) -> None:
            async with session.post(base + path(call_id), data=orjson.dumps(BODY)) as answer:
                assert answer.status == 202, answer.status
                await answer.read()

        yield send


@asynccontextmanager
async def by_pyreqwest(base: str) -> AsyncIterator[Send]:
    async with pyreqwest.client.ClientBuilder().default_headers(HEADERS).build() as client:

        async def send(call_id: str) -> None:
            answer = await client.post(base + path(call_id)).body_json(BODY).build().send()
            assert answer.status == 202, answer.status
            await answer.bytes()

        yield send


@contextmanager
def blocking_callredirect(base: str) -> Iterator[Callable[[str], None]]:
    with cr.Client(TOKEN, base_url=base) as client:

        def send(call_id: str) -> None:
            outcome = client.redirect(call_id, REDIRECT)
            assert isinstance(outcome, cr.Accepted), outcome

        yield send


@contextmanager
def by_requests(base: str) -> Iterator[Callable[[str], None]]:
    with requests.Session() as session:
        session.headers.update(HEADERS)

        def send(call_id: str) -> None:
            answer = session.post(base + path(call_id), data=orjson.dumps(BODY))
            assert answer.status_code == 202, answer.status_code

        yield send


@contextmanager
def blocking_pyreqwest(base: str) -> Iterator[Callable[[str], None]]:
    with pyreqwest.client.SyncClientBuilder().default_headers(HEADERS).build() as client:

        def send(call_id: str) -> None:
            answer = client.post(base + path(call_id)).body_json(BODY).build().send()
            assert answer.status == 202, answer.status
            answer.bytes()

        yield send


ASYNC: dict[str, Any] = {"aiohttp": by_aiohttp, "pyreqwest": by_pyreqwest, "callredirect": callredirect}
BLOCKING: dict[str, Any] = {
    "requests": by_requests,
    "pyreqwest": blocking_pyreqwest,
    "callredirect": blocking_callredirect,
}


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


def measure_blocking(send: Callable[[str], None], count: int) -> tuple[float, float, list[float]]:
    latencies: list[float] = []
    wall, cpu = time.perf_counter(), time.process_time()
    for call_id in [str(uuid.uuid4()) for _ in range(count)]:
        before = time.perf_counter()
        send(call_id)
        latencies.append((time.perf_counter() - before) * 1e6)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return count / wall, cpu / count * 1e6, latencies


def note(columns: Columns, rate: float, cost: float, latencies: list[float]) -> None:
    cuts = statistics.quantiles(latencies, n=100)
    for column, figure in zip(columns, (rate, cost, cuts[49], cuts[98]), strict=True):
        column.append(figure)


def table(title: str, figures: dict[str, Columns]) -> None:
    """Medians over the rounds, and the ratios of each round's figures to those of its peer: they share their weather."""
    print(
        f"{title}, {ROUNDS} rounds\n  {'':16}  {'requests/s':>10}  {'CPU us':>8}  {'p50 us':>8}  {'p99 us':>8}"
    )
    for name, columns in figures.items():
        rate, cost, middle, tail = (statistics.median(column) for column in columns)
        print(f"  {name:16}  {rate:10,.0f}  {cost:8,.1f}  {middle:8,.0f}  {tail:8,.0f}")
    ours = figures["callredirect"]
    for name, columns in figures.items():
        if name != "callredirect":
            pairs = (zip(mine, theirs, strict=True) for mine, theirs in zip(ours, columns, strict=True))
            ratios = [statistics.median(mine / theirs for mine, theirs in pair) for pair in pairs]
            print(
                f"  {'x ' + name:16}  {ratios[0]:10.2f}  {ratios[1]:8.2f}  {ratios[2]:8.2f}  {ratios[3]:8.2f}"
            )
    print(flush=True)


async def compare(base: str, title: str, count: int, width: int) -> None:
    figures: dict[str, Columns] = {name: ([], [], [], []) for name in ASYNC}
    for turn in range(ROUNDS + 1):
        for name, subject in ASYNC.items():
            async with subject(base) as send:
                await measure(send, width * 4, width)  # the connections are open, the caches warm
                gc.collect()
                taken = await measure(send, count, width)
            if turn:
                note(figures[name], *taken)
    table(title, figures)


async def compare_on(base: str, wire: str, loop: str) -> None:
    await compare(base, f"send, {wire}, {loop}, concurrency 64", count=4096, width=64)
    await compare(base, f"send, {wire}, {loop}, sequential", count=1024, width=1)


def compare_blocking(base: str, wire: str) -> None:
    figures: dict[str, Columns] = {name: ([], [], [], []) for name in BLOCKING}
    for turn in range(ROUNDS + 1):
        for name, subject in BLOCKING.items():
            with subject(base) as send:
                measure_blocking(send, 16)
                taken = measure_blocking(send, 1024)
            if turn:
                note(figures[name], *taken)
    table(f"send, {wire}, blocking", figures)


async def soak(base: str) -> None:
    """Memory after each tenth of many redirects; the first tenth fills the pools."""
    sizes = []
    async with callredirect(base) as send:
        for _ in range(10):
            await measure(send, SOAK // 10, 64)
            gc.collect()
            sizes.append(resident() / 2**20)
    slope = statistics.linear_regression(range(9), sizes[1:]).slope
    print(f"memory over {SOAK:,} redirects: {' '.join(f'{size:.1f}' for size in sizes)} MB")
    print(f"  slope after the first tenth: {slope * 10:+.2f} MB per {SOAK:,}\n")


@contextmanager
def server() -> Iterator[dict[str, str]]:
    """Addresses of `server.rs`, whose certificate all clients of this process trust, by what is spoken there."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["SSL_CERT_FILE"] = str(Path(folder, "certificate.pem"))
        command = [os.environ.get("CARGO", "cargo"), "bench", "--quiet", "--bench", "server"]
        command += ["--", os.environ["SSL_CERT_FILE"]]
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        with subprocess.Popen(command, cwd=Path(__file__).parent, **pipes) as process:
            assert process.stdout is not None
            clear, tls, http2 = (f"127.0.0.1:{port}" for port in process.stdout.readline().split())
            try:
                yield {
                    "HTTP/1.1 in the clear": f"http://{clear}",
                    "HTTP/1.1 over TLS": f"https://{tls}",
                    "HTTP/2 over TLS": f"https://{http2}",
                }
            finally:
                process.communicate()


def main() -> None:
    with server() as wires:
        if sys.platform == "linux":
            asyncio.run(soak(wires["HTTP/1.1 in the clear"]))
        for wire, base in wires.items():
            asyncio.run(compare_on(base, wire, "asyncio"))
            if uvloop is not None:
                uvloop.run(compare_on(base, wire, "uvloop"))
            if base.startswith("http:"):  # requests takes no certificate that is its own authority
                compare_blocking(base, wire)


if __name__ == "__main__":
    main()
