"""Claims under duplicates, crashes and a failing store, at length. ``make reliability-claims``.

Fails on a miss. The numbers are the environment's: CLAIMS_IDS, CLAIMS_KILLS, CLAIMS_OUTAGE (seconds), CLAIMS_SEED.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "python"))

from table import Table

import claims_scenarios as scenarios
from redis_server import RedisServer

IDS = int(os.environ.get("CLAIMS_IDS", "10000"))
KILLS = int(os.environ.get("CLAIMS_KILLS", "50"))
OUTAGE = float(os.environ.get("CLAIMS_OUTAGE", "30"))
SEED = int(os.environ.get("CLAIMS_SEED") or time.time())

CLAIM_MS = 350
"""300 of the promise, and what the machine adds."""


def figures(found: dict[str, int] | dict[str, float]) -> str:
    return ", ".join(f"{name} {count:g}" for name, count in found.items())


def duplicates(table: Table, store: str, url: str) -> None:
    found = scenarios.duplicates(url, ids=IDS, processes=8, seed=SEED)
    good = not (found["doubled"] or found["lost"] or found["after the end"])
    table.row(f"{store}: duplicates over 8 processes", figures(found), met=good)


def crashes(table: Table, store: str, url: str, age: float) -> None:
    for point, found in scenarios.crashes(url, kills=KILLS, seed=SEED + int(age), age=age).items():
        good = found["doubled"] == 0 and found["lost silently"] == 0
        if point in scenarios.SENT:
            good = good and found["unknown"] == found["kills"]
        elif age == 0:
            good = good and found["redirected"] == found["kills"]
        late = ", too late" if age else ""
        table.row(f"{store}: kill -9 when {point}{late}", figures(found), met=good)


def troubles(table: Table, folder: Path, server: RedisServer) -> None:
    found = scenarios.trouble(server.url, lambda _: server.stopped(), calls=int(OUTAGE * 5), seconds=OUTAGE)
    table.row(f"redis: hangs for {OUTAGE:.0f} s", figures(found), met=is_endured(found))
    for what, cause in scenarios.TROUBLES.items():
        (here := folder / what.replace(" ", "-")).mkdir()
        # Who has a deleted file, and who makes a new one, must not both redirect a call.
        harmless = what == "was deleted"
        found = scenarios.trouble(
            scenarios.sqlite_url(here), cause(here / "calls.db"), calls=100, seconds=10, twice=harmless
        )
        good = found["degraded"] == 0 if harmless else is_endured(found)
        good = good and found["redirected"] == found["calls"] and found["doubled"] == 0
        table.row(f"sqlite: the file {what}", figures(found), met=good)


def is_endured(found: dict[str, float]) -> bool:
    return (
        found["redirected"] == found["calls"]
        and found["doubled"] == 0
        and found["warnings"] == 1 + int(OUTAGE // 60)
        and found["slowest claim ms"] <= CLAIM_MS
        and found["after it"] == 1
    )


def main() -> int:
    table = Table(f"claims, CLAIMS_SEED={SEED}")
    with tempfile.TemporaryDirectory() as name, RedisServer(Path(name)) as server:
        stores = {"sqlite": scenarios.sqlite_url(Path(name)), "redis": server.url}
        for store, url in stores.items():
            duplicates(table, store, url)
        for store, url in stores.items():
            crashes(table, store, url, 0)
            crashes(table, store, url, 10.5)
        troubles(table, Path(name), server)
    return table.end()


if __name__ == "__main__":
    sys.exit(main())
