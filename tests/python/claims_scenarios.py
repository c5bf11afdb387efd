"""What happens to a fleet: duplicates in any order, workers that die at every point, stores that fail.

Short in the tests, long under ``make reliability-claims``. Each returns what was counted, and asserts nothing.
"""

from __future__ import annotations

import random
import resource
import signal
import sqlite3
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

from claims_worker import POINTS
from fleet import Fleet, Worker, created, deleted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
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


SENT = ("marked", "sending", "sent")
"""Points at which the redirect may have left."""


def crashes(store: str, *, kills: int, seed: int, age: float = 0.0) -> dict[str, dict[str, int]]:
    """Workers kill themselves at each point; each call is delivered once more, to one who lives. With `age`, too late."""
    chance = random.Random(seed)
    table: dict[str, Counter[str]] = {point: Counter() for point in POINTS}
    with Fleet(store, at_once=1000) as fleet:
        (survivor,) = fleet.start(1)
        for number in range(kills):
            calls = {f"{point}-{seed}-{number}": point for point in POINTS}
            while calls:
                calls = _kill(fleet, survivor, calls, table, age, chance)
    return {point: dict(row) for point, row in table.items()}


def _kill(
    fleet: Fleet,
    survivor: Worker,
    calls: dict[str, str],
    table: dict[str, Counter[str]],
    age: float,
    chance: random.Random,
) -> dict[str, str]:
    """Kills a worker over each of the calls; returns others in place of those that proved nothing."""
    workers = dict(zip(calls, fleet.start(len(calls)), strict=True))
    for call, worker in workers.items():
        # After the reply the claim is on its way: it may have been made or not.
        dies = {} if calls[call] == "sending" else {"die": calls[call], "after": chance.random() * 0.004}
        worker.tell(created(call, age=age, **dies))
    for call, worker in workers.items():
        if calls[call] == "sending":
            until(lambda call=call: fleet.graph.counted()[call], worker)  # type: ignore[misc]
            worker.process.send_signal(signal.SIGKILL)
        worker.process.wait(60)
        fleet.graph.let(call)
        survivor.tell(created(call, age=age))
    state: dict[str, dict[str, str]] = {}

    def settled(call: str, point: str) -> bool:
        listed, told = call in state["unfinished"], state["stages"].get(call)
        if point in SENT:
            return listed
        return bool(fleet.graph.counted()[call] or told in TOLD or (age and listed))

    def all_settled() -> bool:
        survivor.tell({"unfinished": True})
        state.update(survivor.hear(""))
        return all(settled(call, point) for call, point in calls.items())

    until(all_settled, survivor, seconds=LEASE + 8, fails=False)
    time.sleep(0.1)  # a second redirect would come now
    counted = fleet.graph.counted()
    again = {}
    for call, point in calls.items():
        # A worker whose store gave no answer in time goes on without it, as promised: that proves nothing here.
        if any("is no help" in line for line in workers[call].errors):
            again[f"{call}-again"] = point
            continue
        row, listed = table[point], state["unfinished"].get(call)
        row["kills"] += 1
        row["doubled"] += counted[call] > 1
        row["redirected"] += counted[call] == 1
        row["listed"] += listed is not None
        row["unknown"] += listed == "sent"
        # One who lives and had no time left says so; that is no silence.
        silent = counted[call] == 0 and listed is None and state["stages"].get(call) not in TOLD
        row["lost silently"] += silent
    for worker in workers.values():
        fleet.end(worker)
    return again


TOLD = ("failed", "expired")


def until(met: Callable[[], object], worker: Worker, *, seconds: float = 20, fails: bool = True) -> None:
    """Waits; a worker that should have done something says why it did not."""
    end = time.monotonic() + seconds
    while not met():
        if time.monotonic() > end:
            assert not fails, worker.errors
            return
        time.sleep(0.05)


def trouble(
    url: str,
    cause: Callable[[Worker], AbstractContextManager[object]],
    *,
    calls: int,
    seconds: float,
    twice: bool = False,
) -> dict[str, float]:
    """The store is in trouble while calls come in, and out of it again. `twice`: each comes to a new worker, too."""
    with Fleet(url, at_once=50) as fleet:
        (worker,) = fleet.start(1)
        worker.tell(created("before"))
        until(lambda: fleet.graph.counted()["before"], worker)
        with cause(worker):
            others = fleet.start(1) if twice else []
            for number in range(calls):
                worker.tell(created(f"during-{number}"))
                for other in others:
                    other.tell(created(f"during-{number}"))
                time.sleep(seconds / calls)
            until(lambda: len(fleet.graph.counted()) > calls, worker, fails=False)
        # After three faults in a row the store is left alone for a second.
        time.sleep(1.5)
        (other,) = others or fleet.start(1)
        for one in (worker, other):
            one.tell(created("after"))
        until(lambda: fleet.graph.counted()["after"], worker, fails=False)
        report = worker.report()
        other.report()
        counted = fleet.graph.counted()
    return {
        "calls": calls,
        "redirected": sum(counted[f"during-{number}"] > 0 for number in range(calls)),
        "doubled": sum(count > 1 for count in counted.values()),
        "slowest claim ms": round(max(report["late"]) * 1000),
        "degraded": report["degraded"],
        "warnings": sum("the claim store is no help" in line for line in worker.errors),
        "after it": counted["after"],
    }


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Somebody holds the database, such as a backup that does not end."""
    with closing(sqlite3.connect(file, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        yield
        holder.execute("ROLLBACK")


@contextmanager
def full(worker: Worker) -> Iterator[None]:
    """No file of the worker's can grow, as on a full disk."""
    before = resource.prlimit(worker.process.pid, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
    yield
    resource.prlimit(worker.process.pid, resource.RLIMIT_FSIZE, before)


@contextmanager
def away(folder: Path) -> Iterator[None]:
    """The folder is not there, as when a volume is unmounted; then it is again."""
    folder.rename(folder.with_suffix(".away"))
    yield
    folder.with_suffix(".away").rename(folder)


@contextmanager
def deleted_file(file: Path) -> Iterator[None]:
    """Somebody tidied up."""
    for name in file.parent.glob(f"{file.name}*"):
        name.unlink()
    yield


TROUBLES: dict[str, Callable[[Path], Callable[[Worker], AbstractContextManager[None]]]] = {
    "is locked": lambda file: lambda _: locked(file),
    "cannot grow": lambda _: full,
    "is not there": lambda file: lambda _: away(file.parent),
    "was deleted": lambda file: lambda _: deleted_file(file),
}
"""What can happen to a file of claims."""


def sqlite_url(folder: Path) -> str:
    return f"sqlite:///{folder}/calls.db"
