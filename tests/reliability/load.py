"""Load on one uvicorn with one worker: a steady stream, a burst, and a flood of bad tokens. ``make reliability-load``.

Real HTTP, a connection and an RS256 token for each call, and a Graph that takes 50 ms. The numbers are the
environment's: LOAD_CALLS, LOAD_RATE, LOAD_BURST, LOAD_BAD (bad tokens a second), LOAD_SECONDS (of them).
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "python"))

from table import Table

from applications import Application
from callredirect.testing import Simulator
from conftest import ROOT
from deliveries import Delivery, deliver_all, flood, prepare

if TYPE_CHECKING:
    from collections.abc import Iterator

CALLS = int(os.environ.get("LOAD_CALLS", "10000"))
RATE = float(os.environ.get("LOAD_RATE", "200"))
BURST = int(os.environ.get("LOAD_BURST", "1000"))
BAD = float(os.environ.get("LOAD_BAD", "2000"))
SECONDS = float(os.environ.get("LOAD_SECONDS", "20"))
VALID_RATE = 50.0
"""Genuine calls a second beside the bad tokens."""

ROUND_TRIP = 0.05
COMMAND = "uvicorn workers_bot:app --port 8080 --log-level warning --no-access-log"


class Found(NamedTuple):
    """What became of some calls."""

    answers: Counter[int]
    replies: list[float]
    redirects: list[float]
    lost: int
    doubled: int

    @property
    def whole(self) -> bool:
        return set(self.answers) == {202} and not self.lost and not self.doubled

    def __str__(self) -> str:
        return f"{dict(self.answers)}, lost {self.lost}, doubled {self.doubled}"


@contextmanager
def bot() -> Iterator[tuple[Simulator, Application]]:
    faults = [{"name": "slow", "seconds": ROUND_TRIP}]
    with tempfile.TemporaryDirectory() as name, Simulator(faults=faults, second_redirect="accepted") as graph:
        variables = {
            "BOT_SECRET": graph.client_secret,
            "BOT_TENANT": graph.tenant_id,
            "CLAIMS": "memory",
            "LOGIN_URL": graph.base_url,
            "PYTHONPATH": str(ROOT / "examples"),
        }
        with Application(graph, Path(name), COMMAND, **variables) as application:
            # The first call fetches keys and a token; what is measured is a bot that runs.
            asyncio.run(deliver_all(graph, [(0.0, prepare(graph, 1)[0])], application.port))
            wait_for(graph, 1)
            yield graph, application
            print(application.stop(), end="")


def wait_for(graph: Simulator, redirects: int, seconds: float = 20) -> None:
    until = time.monotonic() + seconds
    while len(graph.redirects) < redirects and time.monotonic() < until:
        time.sleep(0.05)


def became(graph: Simulator, deliveries: list[Delivery]) -> Found:
    ours = {delivery.call_id for delivery in deliveries}
    received = [redirect for redirect in graph.redirects if redirect.call_id in ours]
    counted = Counter(redirect.call_id for redirect in received)
    return Found(
        Counter(delivery.status for delivery in deliveries),
        sorted(delivery.seconds for delivery in deliveries),
        sorted(redirect.after or 0.0 for redirect in received),
        len(ours - set(counted)),
        sum(count > 1 for count in counted.values()),
    )


def percentile(ordered: list[float], percent: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))] if ordered else float("inf")


def memory(application: Application, name: str) -> float:
    """``VmRSS``, or the highest so far, ``VmHWM``, in MB."""
    (line,) = (
        line
        for line in Path(f"/proc/{application.process.pid}/status").read_text().splitlines()
        if line.startswith(name)
    )
    return int(line.split()[1]) / 1024


def timed(table: Table, what: str, times: list[float], limit_99: float, limit_all: float) -> None:
    middle, most, worst = (percentile(times, percent) for percent in (50, 99, 100))
    figures = f"p50 {middle * 1000:.1f}, p99 {most * 1000:.1f}, worst {worst * 1000:.0f} ms"
    limits = (f"p99 <= {limit_99 * 1000:.0f} ms", limit_99), (f"all <= {limit_all:.0f} s", limit_all)
    promised = ", ".join(text for text, limit in limits if limit < float("inf"))
    table.row(what, figures, promised, met=most <= limit_99 and worst <= limit_all)


def stream(table: Table) -> None:
    with bot() as (graph, application):
        deliveries = prepare(graph, CALLS)
        due = [(number / RATE, delivery) for number, delivery in enumerate(deliveries)]
        asyncio.run(deliver_all(graph, due, application.port))
        wait_for(graph, min(CALLS + 1, 10_000))
        time.sleep(0.2)  # a second redirect would come now
        found = became(graph, deliveries)
    table.row(f"{CALLS} calls at {RATE:.0f}/s", str(found), "all 202, 0 lost, 0 doubled", met=found.whole)
    timed(table, "  answered after", found.replies, 0.05, float("inf"))
    timed(table, "  redirect at Graph after", found.redirects, float("inf"), 1.0)


def burst(table: Table) -> None:
    with bot() as (graph, application):
        deliveries = prepare(graph, BURST)
        before = memory(application, "VmRSS")
        due = [(number / BURST, delivery) for number, delivery in enumerate(deliveries)]
        asyncio.run(deliver_all(graph, due, application.port))
        wait_for(graph, BURST + 1)
        grown = memory(application, "VmHWM") - before
        found = became(graph, deliveries)
    table.row(f"{BURST} calls in 1 s", str(found), "all 202, 0 lost, 0 doubled", met=found.whole)
    timed(table, "  answered after", found.replies, float("inf"), 5.0)
    timed(table, "  redirect at Graph after", found.redirects, float("inf"), 5.0)
    table.row("  memory", f"+{grown:.0f} MB on {before:.0f}", "<= +64 MB", met=grown <= 64)


def forged(graph: Simulator, count: int) -> list[bytes]:
    """Tokens that are right but for their signature: those cost the most."""
    with Simulator(own_key=True) as other:
        requests = [delivery.request for delivery in prepare(graph, count)]
        strangers = [delivery.request for delivery in prepare(other, count)]
    forgeries = []
    for ours, theirs in zip(requests, strangers, strict=True):
        token, signature = (request.split(b"Bearer ")[1].split(b"\r\n")[0] for request in (ours, theirs))
        forgery = token.rpartition(b".")[0] + b"." + signature.rpartition(b".")[2]
        forgeries.append(ours.replace(token, forgery).replace(b"Connection: close\r\n", b""))
    return forgeries


def bad_tokens(table: Table) -> None:
    async def both(graph: Simulator, deliveries: list[Delivery], port: int) -> tuple[Counter[int], float]:
        requests = forged(graph, 200)
        due = [(number / VALID_RATE, delivery) for number, delivery in enumerate(deliveries)]
        began = time.perf_counter()
        flooding = asyncio.ensure_future(flood(requests, port, BAD, SECONDS))
        await deliver_all(graph, due, port)
        refused = await flooding
        return refused, time.perf_counter() - began

    with bot() as (graph, application):
        deliveries = prepare(graph, int(VALID_RATE * SECONDS))
        refused, took = asyncio.run(both(graph, deliveries, application.port))
        wait_for(graph, len(deliveries) + 1)
        found = became(graph, deliveries)
    rate = sum(refused.values()) / took
    table.row(
        f"{BAD:.0f} forged tokens a second",
        f"{dict(refused)}, {rate:.0f}/s",
        "401 only",
        met=set(refused) == {401},
    )
    table.row(
        f"  and {len(deliveries)} genuine calls", str(found), "all 202, 0 lost, 0 doubled", met=found.whole
    )
    timed(table, "  answered after", found.replies, 1.0, float("inf"))
    timed(table, "  redirect at Graph after", found.redirects, 1.0, float("inf"))


def main() -> int:
    table = Table("one uvicorn, Graph takes 50 ms")
    stream(table)
    burst(table)
    bad_tokens(table)
    return table.end()


if __name__ == "__main__":
    sys.exit(main())
