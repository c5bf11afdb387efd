"""Keys in real time: rotations, an outage, a cold start, a flood. ``make reliability-keys``, about 6 minutes.

Twenty rotations, and an outage of a day, are in ``tests/verify/keys.rs``, in time that is moved by hand; ROTATIONS=20
has them in real time.
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import os
import sys
import time
from itertools import pairwise
from typing import Any

from table import Table

import callredirect as cr
from callredirect.testing import Simulator

ROTATIONS = int(os.environ.get("ROTATIONS", "5"))
KEY_SECONDS = 31.0  # a key id that is unknown is fetched for once in 30 seconds
RATE = 100
FLOOD_RATE, FLOOD_SECONDS = 1000, 30.0
DOWN_SECONDS = float(os.environ.get("DOWN_SECONDS", "65"))


class Publisher:
    """Metadata and keys over HTTP, or nothing while it is down."""

    def __init__(self) -> None:
        self.jwks: str | None = None
        self.fetched: list[float] = []
        self.url = ""

    async def start(self) -> None:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        metadata = head.startswith(b"GET /metadata ")
        if metadata:
            self.fetched.append(time.monotonic())
        body = json.dumps({"jwks_uri": f"{self.url}/keys"}) if metadata else self.jwks or ""
        status = "200 OK" if self.jwks else "503 Service Unavailable"
        writer.write(
            f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}".encode()
        )
        await writer.drain()
        writer.close()

    def closest(self, since: int = 0) -> float:
        return min((b - a for a, b in pairwise(self.fetched[since:])), default=float("inf"))


def key_of_its_own(app_id: str) -> tuple[str, str]:
    """A key set, and the header of a token that its key signed."""
    with Simulator(own_key=True) as graph:
        token = graph.notification_token(app_id, claims={"exp": int(time.time()) + 7200, "nbf": 0})
        return graph.jwks, f"Bearer {token}"


async def post(bot: cr.Redirector, authorization: str) -> int:
    return (await bot.handle(b"[]", {"Authorization": authorization})).status


async def send(bot: cr.Redirector, authorizations: Any, rate: int, seconds: float) -> dict[int, int]:
    """So many notifications a second, each in a task of its own; how often each status came."""
    statuses: dict[int, int] = {}

    async def one(authorization: str) -> None:
        status = await post(bot, authorization)
        statuses[status] = statuses.get(status, 0) + 1

    tasks = set()
    begun = time.monotonic()
    for number in range(int(rate * seconds)):
        task = asyncio.create_task(one(next(authorizations)))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        await asyncio.sleep(max(0.0, begun + (number + 1) / rate - time.monotonic()))
    await asyncio.gather(*tasks)
    return statuses


def forever(value: str) -> Any:
    while True:
        yield value


def invented(token: str) -> Any:
    rest = token.split(".", 1)[1]
    number = 0
    while True:
        header = json.dumps({"alg": "RS256", "typ": "JWT", "kid": f"invented-{number}"}).encode()
        yield f"Bearer {base64.urlsafe_b64encode(header).rstrip(b'=').decode()}.{rest}"
        number += 1


async def run() -> int:
    rows: list[tuple[str, str, str, bool]] = []
    with Simulator() as graph:
        app_id = graph.app_id
    keys = [key_of_its_own(app_id) for _ in range(ROTATIONS + 2)]
    publisher = Publisher()
    await publisher.start()
    verifier = cr.Verifier(app_id, metadata_url=f"{publisher.url}/metadata")
    bot = cr.Redirector(app_id=app_id, credential="x", verifier=verifier)

    # Cold start: nobody is accused, and once the keys can be had it takes no second.
    cold = await send(bot, forever(keys[0][1]), 10, 3.0)
    publisher.jwks, since = keys[0][0], time.monotonic()
    while await post(bot, keys[0][1]) != 202:  # noqa: ASYNC110 - its readiness is what is asked about
        await asyncio.sleep(0.01)
    ready = time.monotonic() - since
    rows.append(("cold start without keys", f"{cold}", "503 only", set(cold) == {503}))
    rows.append(("ready after the keys can be had", f"{ready:.2f} s", "<= 1 s", ready <= 1))
    await asyncio.sleep(KEY_SECONDS - 1)

    first = len(publisher.fetched)
    total: dict[int, int] = {}
    for jwks, token in keys[: ROTATIONS + 1]:
        publisher.jwks = jwks
        for status, count in (await send(bot, forever(token), RATE, KEY_SECONDS)).items():
            total[status] = total.get(status, 0) + count
    fetches = len(publisher.fetched) - first
    closest = publisher.closest(first)
    rows.append(
        (f"{ROTATIONS} rotations, {RATE} tokens/s: answers", f"{total}", "202 only", set(total) == {202})
    )
    rows.append(("fetches", f"{fetches}", f"{ROTATIONS}", fetches == ROTATIONS))
    rows.append(("closest two fetches", f"{closest:.1f} s", ">= 30 s", closest >= 30))

    # Down: the present key serves, a new one is asked for in vain.
    first = len(publisher.fetched)
    publisher.jwks = None
    served, refused = await asyncio.gather(
        send(bot, forever(keys[ROTATIONS][1]), RATE, DOWN_SECONDS),
        send(bot, forever(keys[-1][1]), 1, DOWN_SECONDS),
    )
    closest = publisher.closest(first)
    rows.append((f"keys down {DOWN_SECONDS:.0f} s: answers", f"{served}", "202 only", set(served) == {202}))
    rows.append(("a key that is not published yet", f"{refused}", "401 only", set(refused) == {401}))
    rows.append(("closest two fetches", f"{closest:.1f} s", ">= 30 s", closest >= 30))

    publisher.jwks = keys[ROTATIONS][0]
    await asyncio.sleep(KEY_SECONDS)
    first = len(publisher.fetched)
    flooded, served = await asyncio.gather(
        send(bot, invented(keys[0][1]), FLOOD_RATE, FLOOD_SECONDS),
        send(bot, forever(keys[ROTATIONS][1]), RATE, FLOOD_SECONDS),
    )
    fetches = len(publisher.fetched) - first
    rows.append(
        (f"{FLOOD_RATE} invented key ids/s: answers", f"{flooded}", "401 only", set(flooded) == {401})
    )
    rows.append(("genuine tokens meanwhile", f"{served}", "202 only", set(served) == {202}))
    rows.append(("fetches", f"{fetches}", "<= 2", 1 <= fetches <= 2))
    await bot.close()

    table = Table("keys in real time")
    for name, figure, limit, met in rows:
        table.row(name, figure, limit, met=met)
    return table.end()


if __name__ == "__main__":
    logging.disable()
    sys.exit(asyncio.run(run()))
