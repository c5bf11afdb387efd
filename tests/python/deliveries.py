"""Notifications signed beforehand and posted over real connections, so that ringing costs next to nothing.

As Microsoft does, each comes over a connection of its own.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from conftest import FIXTURES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from callredirect.testing import Simulator

EXAMPLE = "491f0b00-ffff-4bc9-a43e-b226498ec22a"
"""The id of the call in the notification of the documentation, which is for the simulator's own bot and tenant."""

LIFE = 3600
PATIENCE = 30.0


@dataclass
class Delivery:
    """One notification of a call, and how it was answered."""

    call_id: str
    request: bytes = field(repr=False)
    status: int = 0
    """0: not at all."""
    seconds: float = 0.0
    """From the first attempt to connect to the answer."""
    worker: str = ""
    """Which process answered, if it says so."""


def prepare(graph: Simulator, count: int) -> list[Delivery]:
    """So many calls, each with a token of its own."""
    text = (FIXTURES / "notification" / "ex1-incoming.json").read_text(encoding="utf-8")
    text = text.replace('"region": "amer",', '"region": "amer"')  # as it is on the wire
    prepared = []
    for _ in range(count):
        call_id = str(uuid.uuid4())
        body = text.replace(EXAMPLE, call_id).encode()
        token = graph.notification_token(claims={"exp": int(time.time()) + LIFE})
        head = (
            "POST /api/calls HTTP/1.1\r\nHost: bot.contoso.com\r\nContent-Type: application/json; charset=utf-8\r\n"
            f"Authorization: Bearer {token}\r\nScenario-Id: {uuid.uuid4()}\r\n"
            f"X-Microsoft-Skype-Message-ID: {uuid.uuid4()}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        prepared.append(Delivery(call_id, head.encode() + body))
    return prepared


class _Exchange(asyncio.Protocol):
    def __init__(self, delivery: Delivery, began: float) -> None:
        self._delivery = delivery
        self._answer = b""
        self._began = began
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        transport.write(self._delivery.request)

    def data_received(self, data: bytes) -> None:
        self._answer += data
        if b"\r\n\r\n" in self._answer and not self._delivery.status:
            self._delivery.seconds = time.perf_counter() - self._began
            status, *headers = self._answer.split(b"\r\n\r\n")[0].decode().split("\r\n")
            self._delivery.status = int(status.split(" ")[1])
            named = dict(line.lower().split(": ", 1) for line in headers)
            self._delivery.worker = named.get("x-worker", "")

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.over.done():
            self.over.set_result(None)


async def deliver(delivery: Delivery, port: int) -> None:
    """Posts one; whatever goes wrong is seen by its status."""
    began = time.perf_counter()
    loop = asyncio.get_running_loop()
    try:
        _, exchange = await loop.create_connection(lambda: _Exchange(delivery, began), "127.0.0.1", port)
        await asyncio.wait_for(exchange.over, PATIENCE)
    except (OSError, asyncio.TimeoutError):
        pass


async def deliver_all(graph: Simulator, due: Iterable[tuple[float, Delivery]], port: int) -> None:
    """Posts each when it is due, in seconds from now; a call rings from its first delivery on."""
    began = time.perf_counter()
    known: set[str] = set()
    posting = set()
    for at, delivery in due:
        await asyncio.sleep(max(0.0, began + at - time.perf_counter()))
        if delivery.call_id not in known:
            known.add(delivery.call_id)
            graph.place_call(call_id=delivery.call_id)
        posting.add(asyncio.ensure_future(deliver(delivery, port)))
    await asyncio.gather(*posting)


async def flood(
    requests: list[bytes], port: int, rate: float, seconds: float, connections: int = 8
) -> Counter[int]:
    """Posts these again and again, so many a second, over a few connections that are kept; how often each status came."""
    answers: Counter[int] = Counter()
    began = time.perf_counter()
    numbers = iter(range(int(rate * seconds)))

    async def one() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for number in numbers:
            await asyncio.sleep(max(0.0, began + number / rate - time.perf_counter()))
            writer.write(requests[number % len(requests)])
            head = await reader.readuntil(b"\r\n\r\n")
            answers[int(head.split(b" ", 2)[1])] += 1
        writer.close()
        await writer.wait_closed()

    await asyncio.wait_for(asyncio.gather(*(one() for _ in range(connections))), seconds + PATIENCE)
    return answers
