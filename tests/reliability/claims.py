"""Claims under duplicates, crashes and a failing store, at length; one table. ``make reliability-claims``.

Fails on a miss. The numbers are the environment's: CLAIMS_IDS, CLAIMS_KILLS, CLAIMS_OUTAGE (seconds), CLAIMS_SEED.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "python"))

import claims_scenarios as scenarios
from redis_server import RedisServer

IDS = int(os.environ.get("CLAIMS_IDS", "10000"))
KILLS = int(os.environ.get("CLAIMS_KILLS", "50"))
OUTAGE = float(os.environ.get("CLAIMS_OUTAGE", "30"))
SEED = int(os.environ.get("CLAIMS_SEED") or time.time())

missed: list[str] = []


def row(what: str, store: str, figures: str, *, good: bool) -> None:
    print(f"{what:<34} {store:<7} {figures}{'' if good else '   MISSED'}", flush=True)
    if not good:
        missed.append(f"{what} with {store}")


def duplicates(store: str, url: str) -> None:
    began = time.monotonic()
    found = scenarios.duplicates(url, ids=IDS, processes=8, seed=SEED)
    good = not (found["doubled"] or found["lost"] or found["after the end"])
    figures = ", ".join(f"{name} {count}" for name, count in found.items())
    row("duplicates over 8 processes", store, f"{figures}, {time.monotonic() - began:.0f} s", good=good)


def crashes(store: str, url: str, age: float) -> None:
    for point, found in scenarios.crashes(url, kills=KILLS, seed=SEED + int(age), age=age).items():
        good = found["doubled"] == 0 and found["lost silently"] == 0
        if age == 0 and point in ("replied", "claimed", "decided"):
            good = good and found["redirected"] == found["kills"]
        if point in ("marked", "sending", "sent"):
            good = good and found["unknown"] == found["kills"]
        late = " too late to take over" if age else ""
        figures = ", ".join(f"{name} {count}" for name, count in found.items())
        row(f"kill -9 when {point}{late}"[:44], store, figures, good=good)


def outage(server: RedisServer) -> None:
    found = scenarios.outage(server.url, server, calls=int(OUTAGE * 5), seconds=OUTAGE)
    good = (
        found["redirected"] == found["calls"]
        and found["doubled"] == 0
        and found["warnings"] == 1 + int(OUTAGE // 60)
        and found["slowest claim ms"] <= 350  # 300 of the promise, and what the machine adds
        and found["after it"] == 1
    )
    figures = ", ".join(f"{name} {count}" for name, count in found.items())
    row(f"the store hangs for {OUTAGE:.0f} s", "redis", figures, good=good)


def main() -> int:
    print(f"seed {SEED}")
    with tempfile.TemporaryDirectory() as name, RedisServer(Path(name)) as server:
        stores = {"sqlite": scenarios.sqlite_url(Path(name)), "redis": server.url}
        for store, url in stores.items():
            duplicates(store, url)
        for store, url in stores.items():
            crashes(store, url, 0)
            crashes(store, url, 10.5)
        outage(server)
    print(f"missed: {', '.join(missed)}" if missed else "all as promised")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
