"""The README's bot behind gunicorn with four workers, every call delivered twice. ``make reliability-workers``.

WORKERS_CALLS and WORKERS_SEED change what is done; the short form is ``tests/python/test_workers.py``.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "python"))

from table import Table

from redis_server import RedisServer
from worker_processes import deliver_twice

CALLS = int(os.environ.get("WORKERS_CALLS", "1000"))
SEED = int(os.environ.get("WORKERS_SEED") or time.time())
RATE = 100.0


def main() -> int:
    table = Table(f"gunicorn, {CALLS} calls delivered twice, {RATE:.0f}/s, WORKERS_SEED={SEED}")
    with tempfile.TemporaryDirectory() as name, RedisServer(Path(name)) as server:
        for store, url in {"redis": server.url, "sqlite": f"sqlite:///{name}/calls.db"}.items():
            (folder := Path(name) / store).mkdir()
            found = deliver_twice(folder, url, calls=CALLS, rate=RATE, seed=SEED)
            promised = {
                "answers": {202: 2 * CALLS},
                "redirected": CALLS,
                "lost": 0,
                "doubled": 0,
                "complaints": [],
            }
            said = ", ".join(f"{name} {value}" for name, value in found.items())
            table.row(f"{store}: each redirected once", said, met=found | promised == found)
    return table.end()


if __name__ == "__main__":
    sys.exit(main())
