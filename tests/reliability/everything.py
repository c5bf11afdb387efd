"""Every part one after the other, and a summary. ``make reliability``.

A part that takes longer than it may is ended, with all that it started, and counts as missed.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time

MINUTES = {"faults": 10, "exits": 20, "claims": 25, "workers": 5, "load": 10, "keys": 15, "seeds": 20}
"""Each part, and how long it may take on a busy machine."""


def run(part: str, minutes: float) -> tuple[bool, list[str]]:
    """Whether it is as promised, and every line it printed."""
    print(f"\n==> {part}", flush=True)
    process = subprocess.Popen(
        ["make", "--no-print-directory", f"reliability-{part}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    late = threading.Timer(minutes * 60, os.killpg, (process.pid, signal.SIGKILL))
    late.start()
    said = []
    try:
        assert process.stdout
        for line in process.stdout:
            print(line, end="", flush=True)
            said.append(line.rstrip())
        status = process.wait()
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    finally:
        late.cancel()
    if status < 0:
        said.append(f"MISS  ended after {minutes} minutes")
    return status == 0, said


def main() -> int:
    rows = []
    began = time.monotonic()
    for part in sys.argv[1:] or MINUTES:
        start = time.monotonic()
        good, said = run(part, MINUTES[part])
        missed = [re.split(r"  +", line)[1] for line in said if line.startswith("MISS  ")]
        rows.append((part, good, (time.monotonic() - start) / 60, missed))
    print(f"\n{'part':<10} {'minutes':>7}  verdict")
    for part, good, minutes, missed in rows:
        verdict = "as promised" if good else f"MISSED: {', '.join(missed) or 'see above'}"
        print(f"{part:<10} {minutes:>7.1f}  {verdict}")
    failed = sum(not good for _, good, _, _ in rows)
    print(
        f"{len(rows) - failed} of {len(rows)} parts as promised, {(time.monotonic() - began) / 60:.0f} minutes"
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
