"""What `import callredirect` adds to a fresh interpreter, in wall time and memory."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time

ROUNDS = 20
LINUX = sys.platform == "linux"  # elsewhere the memory column stays 0
SUBJECTS = ["pass", "import callredirect", "import msgspec", "import aiohttp"]
# The present size, not ru_maxrss: the peak of a child starts at that of its parent, which hides small growth.
MEMORY = "\nwith open('/proc/self/statm') as statm: print(int(statm.read().split()[1]))"
PAGE_MB = os.sysconf("SC_PAGE_SIZE") / 2**20 if LINUX else 0.0


def main() -> None:
    walls: dict[str, list[float]] = {code: [] for code in SUBJECTS}
    sizes: dict[str, list[float]] = {code: [] for code in SUBJECTS}
    for turn in range(ROUNDS + 1):
        for code in SUBJECTS:
            before = time.perf_counter()
            # -I: nothing of the user's environment is measured with it.
            done = subprocess.run(
                [sys.executable, "-I", "-c", code + (MEMORY if LINUX else "")],
                capture_output=True,
                check=True,
            )
            if turn:
                walls[code].append((time.perf_counter() - before) * 1e3)
                sizes[code].append(int(done.stdout or 0) * PAGE_MB)

    print(
        f"fresh interpreter, {ROUNDS} rounds\n  {'':20}  {'min ms':>8}  {'median ms':>9}  {'added ms':>8}  {'added MB':>8}"
    )
    for code in SUBJECTS:
        added = statistics.median(walls[code]) - statistics.median(walls["pass"])
        grown = statistics.median(sizes[code]) - statistics.median(sizes["pass"])
        print(
            f"  {code:20}  {min(walls[code]):8.1f}  {statistics.median(walls[code]):9.1f}  {added:8.1f}  {grown:8.1f}"
        )


if __name__ == "__main__":
    main()
