"""What happens to a fleet: duplicates in any order, workers that die at every point, stores that fail.

Short in the tests, long under ``make reliability-claims``. Each returns what was counted, and asserts nothing.
"""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from claims_worker import POINTS
from fleet import Fleet, Worker, created, deleted

if TYPE_CHECKING:
    from pathlib import Path

LEASE = 2.0


def duplicates(store: str, *, ids: int, processes: int, seed: int, at_once: int = 8) -> dict[str, int]:
    """Each call is delivered 1 to 5 times to workers by chance, in any order; for one in 20 the end comes first."""
    chance = random.Random(seed)
    calls = [f"call-{seed}-{number}" for number in range(ids)]
    over = set(chance.sample(calls, ids // 20))
    deliveries = [call for call in calls for _ in range(chance.randint(1, 5))]
    chance.shuffle(deliveries)
    with Fleet(store, at_once=at_once) as fleet:
        workers = fleet.start(processes)
        for call in over:
            chance.choice(workers).tell(deleted(call))
        # The ends are written down: what comes after them must find them.
        _settle(fleet, workers)
        # A worker may be slow to read: nobody waits for it to hand out the others' calls.
        shares: list[list[dict[str, Any]]] = [[] for _ in workers]
        for call in deliveries:
            shares[chance.randrange(processes)].append(created(call))
        with ThreadPoolExecutor(processes) as pool:
            list(pool.map(lambda pair: pair[0].tell(*pair[1]), zip(workers, shares, strict=True)))
            reports = list(pool.map(Worker.report, workers))
        counted = fleet.graph.counted()
    return {
        "calls": ids,
        "deliveries": len(deliveries),
        "redirected": len(counted),
        "doubled": sum(count > 1 for count in counted.values()),
        "lost": len(set(calls) - over - set(counted)),
        "after the end": len(over & set(counted)),
        "degraded": sum(report["degraded"] for report in reports),
    }


def _settle(fleet: Fleet, workers: list[Worker]) -> None:
    """Until every worker has done what it was told so far."""
    for worker in workers:
        worker.tell({"unfinished": True})
    for worker in workers:
        worker.hear("unfinished")
    time.sleep(0.5)


def crashes(store: str, *, kills: int, seed: int, age: float = 0.0) -> dict[str, dict[str, int]]:
    """Workers kill themselves at each point; each call is delivered once more, to one who lives. With `age`, too late."""
    table: dict[str, Counter[str]] = {point: Counter() for point in POINTS}
    with Fleet(store, at_once=1000, held=True) as fleet:
        (survivor,) = fleet.start(1)
        calls: dict[str, str] = {}
        for number in range(kills):
            for point in POINTS:
                call = f"{point}-{seed}-{number}"
                calls[call] = point
                (worker,) = fleet.start(1)
                fleet.graph.gate.clear() if point == "sending" else fleet.graph.gate.set()
                worker.tell(created(call, age=age, **({} if point == "sending" else {"die": point})))
                if point == "sending":
                    until = time.monotonic() + 10
                    while not fleet.graph.counted()[call]:
                        assert time.monotonic() < until, worker.errors
                        time.sleep(0.002)
                    worker.process.send_signal(signal.SIGKILL)
                worker.process.wait(20)
                fleet.graph.gate.set()
                survivor.tell(created(call, age=age))
        time.sleep(LEASE + 1)
        (restarted,) = fleet.start(1)
        restarted.tell({"unfinished": True})
        left: dict[str, str] = restarted.hear("unfinished")
        told = survivor.report()["stages"]
        counted = fleet.graph.counted()
        for call, point in calls.items():
            row = table[point]
            row["kills"] += 1
            row["doubled"] += counted[call] > 1
            row["redirected"] += counted[call] == 1
            row["listed"] += call in left
            row["unknown"] += left.get(call) == "sent"
            # One who lives and had no time left says so; that is no silence.
            told_so = told.get(call) in ("failed", "expired")
            row["lost silently"] += counted[call] == 0 and call not in left and not told_so
    return {point: dict(row) for point, row in table.items()}


def outage(url: str, server: Any, *, calls: int, seconds: float) -> dict[str, float]:
    """The store hangs while calls come in, and comes back."""
    with Fleet(url, at_once=50) as fleet:
        (worker,) = fleet.start(1)
        worker.tell(created("before"))
        until = time.monotonic() + 10
        while not fleet.graph.counted()["before"]:
            assert time.monotonic() < until, worker.errors
            time.sleep(0.005)
        with server.stopped():
            pause = seconds / calls
            for number in range(calls):
                worker.tell(created(f"during-{number}"))
                time.sleep(pause)
        time.sleep(1.5)
        worker.tell(created("after"))
        report = worker.report()
        counted = fleet.graph.counted()
        warnings = sum("the claim store is no help" in line for line in worker.errors)
    return {
        "calls": calls,
        "redirected": sum(counted[f"during-{number}"] == 1 for number in range(calls)),
        "doubled": sum(count > 1 for count in counted.values()),
        "slowest claim ms": round(max(report["late"]) * 1000),
        "degraded": report["degraded"],
        "warnings": warnings,
        "after it": counted["after"],
    }


def sqlite_url(folder: Path) -> str:
    return f"sqlite:///{folder}/calls.db"
