"""A signed notification is posted to a bot, until its redirect reaches a fake Graph; against the same bot made by hand.

The bot has a process of its own; the caller and Graph share this one, so that one clock tells both ends.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from callredirect.testing import Simulator

ROUNDS, CALLS, WIDTH = 7, 600, 32
BOTS = ("by-hand", "callredirect", "plain-routes")
GOAL = 0.5
FIXTURE = Path(__file__).parents[1] / "tests/fixtures/notification/ex2-incoming.json"
TICKS = os.sysconf("SC_CLK_TCK")


class Graph(asyncio.Protocol):
    """Answers 202; tells who waits for a call that its redirect is here. A HEAD keeps the connection warm, no more."""

    waiting: dict[bytes, asyncio.Future[float]] = {}  # noqa: RUF012 - one for all connections

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport, self.held = transport, b""

    def data_received(self, data: bytes) -> None:
        self.held += data
        while (end := self.held.find(b"\r\n\r\n")) >= 0:
            head = self.held[:end].lower()
            length = head.partition(b"content-length:")[2].split(b"\r\n", 1)[0]
            if len(self.held) < (end := end + 4 + int(length or 0)):
                return
            if head.startswith(b"post "):
                call_id = head.split(b"/calls/", 1)[1].split(b"/", 1)[0]
                self.waiting.pop(call_id).set_result(time.perf_counter())
            self.held = self.held[end:]
            self.transport.write(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")


class Caller:
    """One connection to the bot's webhook."""

    def __init__(self, head: bytes, body: bytes) -> None:
        self.head, self.body = head, body

    async def connect(self, port: int) -> Caller:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", port)
        return self

    async def ring(self) -> float:
        """Microseconds until the redirect is at Graph."""
        call_id = str(uuid.uuid4()).encode()
        arrived = Graph.waiting[call_id] = asyncio.get_running_loop().create_future()
        began = time.perf_counter()
        self.writer.write(self.head + self.body.replace(b"CALL-ID-CALL-ID-CALL-ID-CALL-ID-CALL", call_id))
        answer = await self.reader.readuntil(b"\r\n\r\n")
        assert b" 202 " in answer, answer
        return (await arrived - began) * 1e6


@contextmanager
def running(bot: str, graph: Simulator, url: str) -> Iterator[tuple[int, int]]:
    issuer = {
        "BOT_SECRET": graph.client_secret,
        "BOT_AUTHORITY": graph.base_url,
        "BOT_TENANT": graph.tenant_id,
    }
    env = os.environ | issuer | {"BOT_APP_ID": graph.app_id, "BOT_JWKS": graph.jwks, "GRAPH_URL": url}
    command = [sys.executable, str(Path(__file__).with_name("_bots.py")), bot]
    with subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline()), process.pid
        finally:
            process.communicate()


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def request(graph: Simulator) -> tuple[bytes, bytes]:
    call = json.loads(FIXTURE.read_text())["value"][0]["resourceData"]
    body = FIXTURE.read_text().replace(call["id"], "CALL-ID-CALL-ID-CALL-ID-CALL-ID-CALL").encode()
    token = graph.notification_token(tenant_id=call["tenantId"])
    head = (
        f"POST /api/calls HTTP/1.1\r\nHost: bot\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode(), body


async def one_at_a_time(bots: list[Caller]) -> list[tuple[float, float]]:
    """Latency of a call, p50 and p99. The bots take turns, so that whatever else this machine does meets them all."""
    latencies: list[list[float]] = [[] for _ in bots]
    for _ in range(CALLS):
        for caller, latency in zip(bots, latencies, strict=True):
            latency.append(await caller.ring())
            await asyncio.sleep(0.001)  # the answer to the redirect is this bot's affair, not the next one's
    cuts = [statistics.quantiles(latency, n=100) for latency in latencies]
    return [(cut[49], cut[98]) for cut in cuts]


async def at_once(callers: list[Caller], pid: int) -> tuple[float, float]:
    """CPU of the bot for a call in microseconds, and calls a second."""

    for caller in callers:
        await caller.ring()

    async def ring_on(caller: Caller) -> None:
        for _ in range(CALLS // 8):
            await caller.ring()

    cpu, wall = cpu_seconds(pid), time.perf_counter()
    await asyncio.gather(*map(ring_on, callers))
    cpu, wall = cpu_seconds(pid) - cpu, time.perf_counter() - wall
    count = CALLS // 8 * len(callers)
    return cpu / count * 1e6, count / wall


async def compare() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Graph, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    figures: dict[str, list[tuple[float, ...]]] = {bot: [] for bot in BOTS}
    with Simulator() as graph, ExitStack() as stack:
        processes = [stack.enter_context(running(bot, graph, url)) for bot in BOTS]
        head, body = request(graph)
        for turn in range(ROUNDS + 1):
            # Connected anew, because the server closes what is idle for five seconds.
            latencies = await one_at_a_time([await Caller(head, body).connect(port) for port, _ in processes])
            for bot, (port, pid), latency in zip(BOTS, processes, latencies, strict=True):
                callers = [await Caller(head, body).connect(port) for _ in range(WIDTH)]
                figure = (*latency, *await at_once(callers, pid))
                for caller in callers:
                    caller.writer.close()
                if turn:  # the first round warms up
                    figures[bot].append(figure)
    print(
        f"whole flow behind FastAPI and uvicorn, medians of {ROUNDS} rounds, {WIDTH} callers at once for the last two"
    )
    print(f"  {'':12}  {'p50 us':>8}  {'p99 us':>8}  {'CPU us a call':>13}  {'calls/s':>8}")
    medians = {
        bot: [statistics.median(column) for column in zip(*rows, strict=True)]
        for bot, rows in figures.items()
    }
    hand = medians["by-hand"]
    for bot, row in medians.items():
        middle, tail, cpu, rate = row
        print(f"  {bot:12}  {middle:8,.0f}  {tail:8,.0f}  {cpu:13,.0f}  {rate:8,.0f}")
    for bot in BOTS[1:]:
        middle, tail, cpu, rate = (ours / theirs for ours, theirs in zip(medians[bot], hand, strict=True))
        print(
            f"  {bot}: {middle:.2f} x by hand (p50), {tail:.2f} x (p99), {cpu:.2f} x (CPU), {rate:.2f} x (calls/s)"
        )
        for name, ratio in (("p50", middle), ("CPU", cpu)):
            print(f"    the goal for {name} is {GOAL}: {'met' if ratio <= GOAL else 'MISSED'}")


if __name__ == "__main__":
    asyncio.run(compare())
