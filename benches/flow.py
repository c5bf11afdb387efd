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
from contextlib import contextmanager
from pathlib import Path

from callredirect.testing import Simulator

ROUNDS, CALLS, WIDTH = 7, 600, 32
BOTS = ("by-hand", "callredirect")
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
    env = os.environ | {"BOT_APP_ID": graph.app_id, "BOT_JWKS": graph.jwks, "GRAPH_URL": url}
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


async def measure(port: int, pid: int, graph: Simulator) -> list[float]:
    """Latency of one call at a time, p50 and p99; CPU of the bot for a call, calls a second, of many at once."""
    call = json.loads(FIXTURE.read_text())
    text = json.dumps(call).replace(
        call["value"][0]["resourceData"]["id"], "CALL-ID-CALL-ID-CALL-ID-CALL-ID-CALL"
    )
    token, body = (
        graph.notification_token(tenant_id=call["value"][0]["resourceData"]["tenantId"]),
        text.encode(),
    )
    head = (
        f"POST /api/calls HTTP/1.1\r\nHost: bot\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode()
    callers = [await Caller(head, body).connect(port) for _ in range(WIDTH)]
    for caller in callers:
        await caller.ring()
    cuts = statistics.quantiles([await callers[0].ring() for _ in range(CALLS)], n=100)

    async def ring_on(caller: Caller) -> None:
        for _ in range(CALLS // 8):
            await caller.ring()

    cpu, wall = cpu_seconds(pid), time.perf_counter()
    await asyncio.gather(*map(ring_on, callers))
    cpu, wall = cpu_seconds(pid) - cpu, time.perf_counter() - wall
    count = CALLS // 8 * WIDTH
    for caller in callers:
        caller.writer.close()
    return [cuts[49], cuts[98], cpu / count * 1e6, count / wall]


async def compare() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Graph, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    with Simulator() as graph:
        figures: dict[str, list[list[float]]] = {bot: [] for bot in BOTS}
        with running(BOTS[0], graph, url) as first, running(BOTS[1], graph, url) as second:
            for turn in range(ROUNDS + 1):
                for bot, (port, pid) in zip(BOTS, (first, second), strict=True):
                    figure = await measure(port, pid, graph)
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
    for bot, (middle, tail, cpu, rate) in medians.items():
        print(f"  {bot:12}  {middle:8,.0f}  {tail:8,.0f}  {cpu:13,.0f}  {rate:8,.0f}")
    ratios = [ours / theirs for ours, theirs in zip(medians["callredirect"], medians["by-hand"], strict=True)]
    print(f"  {'x by hand':12}  {ratios[0]:8.2f}  {ratios[1]:8.2f}  {ratios[2]:13.2f}  {ratios[3]:8.2f}")
    for name, ratio in (("p50", ratios[0]), ("CPU", ratios[2])):
        print(f"  {ratio:.2f} x by hand ({name}), the goal is {GOAL}: {'met' if ratio <= GOAL else 'MISSED'}")


if __name__ == "__main__":
    asyncio.run(compare())
