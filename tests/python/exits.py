# ruff: noqa: T201
"""How processes end that have used the package: `python tests/python/exits.py [RUNS]` starts each kind so many times.

Prints a table; a process that crashes, hangs, exits otherwise than it should or says anything on standard error is bad.
The tests run the same few times, see ``test_bridge.py``.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parent))

from servers import RawServer

if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENCE = 30.0
"""Seconds after which a process hangs."""

PREAMBLE = """
import asyncio, os, signal, sys, threading, time, warnings
import callredirect as cr
ready, silent = sys.argv[1:]
TO_USER = cr.Redirect([cr.Target.user("98da8a1a-1b87-452c-a713-65d3f10b1253")])
CALL = "491f0b00-ffff-4bc9-a43e-b226498ec22a"
async def one(url=ready):
    outcome = await cr.AsyncClient("token", base_url=url).redirect(CALL, TO_USER)
    print(type(outcome).__name__, flush=True)
async def cut_off():
    client = cr.AsyncClient("token", base_url=silent)
    tasks = [asyncio.ensure_future(client.redirect(CALL, TO_USER)) for _ in range(8)]
    await asyncio.sleep({delay})
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    print("cut off", flush=True)
"""

# Name: what it does, and what it prints.
KINDS = {
    "one await, then exit": ("asyncio.run(one())", "Accepted"),
    "one await of uvloop, then exit": ("import uvloop; uvloop.run(one())", "Accepted"),
    "one await of trio, then exit": ("import trio; trio.run(one)", "Accepted"),
    "one blocking call, then exit": (
        'print(type(cr.Client("token", base_url=ready).redirect(CALL, TO_USER)).__name__)',
        "Accepted",
    ),
    "cancel, then exit": ("asyncio.run(cut_off())", "cut off"),
    "cancel under uvloop, then exit": ("import uvloop; uvloop.run(cut_off())", "cut off"),
    "exit with daemon threads in flight": (
        """
        client = cr.Client("token", base_url=silent)
        for _ in range(8):
            threading.Thread(target=client.redirect, args=(CALL, TO_USER), daemon=True).start()
        time.sleep({delay})
        print("bye")
        """,
        "bye",
    ),
    "sys.exit in a running loop": (
        """
        async def main():
            pending = asyncio.ensure_future(one(silent))
            await asyncio.sleep({delay})
            sys.exit()
        asyncio.run(main())
        """,
        "",
    ),
    "fork, redirect in both": (
        """
        warnings.simplefilter("ignore", DeprecationWarning)  # of any fork with threads, since Python 3.12
        client, loop = cr.AsyncClient("token", base_url=ready), asyncio.new_event_loop()
        send = lambda: type(loop.run_until_complete(client.redirect(CALL, TO_USER))).__name__
        said = [send()]
        child = os.fork()
        said.append(send())
        if child == 0:
            loop.close()
            sys.exit(7)
        print(*said, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        loop.close()
        """,
        "Accepted Accepted 7",
    ),
    "fork with requests in flight": (
        """
        warnings.simplefilter("ignore", DeprecationWarning)
        busy, client = cr.Client("token", base_url=silent), cr.Client("token", base_url=ready)
        for _ in range(8):
            threading.Thread(target=busy.redirect, args=(CALL, TO_USER), daemon=True).start()
        time.sleep({delay})
        child = os.fork()
        if child == 0:
            sys.exit(7 if isinstance(client.redirect(CALL, TO_USER), cr.Accepted) else 1)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        """,
        "7",
    ),
    "killed by Ctrl-C in a blocking call": (
        """
        signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            threading.Timer({delay}, os.kill, (os.getpid(), signal.SIGINT)).start()
            cr.Client("token", base_url=silent).redirect(CALL, TO_USER)
        except KeyboardInterrupt:
            print("interrupted")
        """,
        "interrupted",
    ),
}


@dataclass(frozen=True)
class Ending:
    """How one process ended."""

    fault: str
    seconds: float


def run(kind: str, delay: float, ready: str, silent: str) -> Ending:
    """Runs one process of its kind."""
    body, said = KINDS[kind]
    code = (PREAMBLE + textwrap.dedent(body)).replace("{delay}", str(delay))
    command = [sys.executable, "-X", "faulthandler", "-c", code, ready, silent]
    started = time.monotonic()
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    except subprocess.TimeoutExpired:
        return Ending("hangs", PATIENCE)
    seconds = time.monotonic() - started
    if done.returncode < 0:
        return Ending(f"killed by {signal.Signals(-done.returncode).name}: {done.stderr[-2000:]}", seconds)
    if (done.returncode, done.stdout.strip(), done.stderr) != (0, said, ""):
        return Ending(f"{done.returncode} {done.stdout.strip()!r} {done.stderr[-2000:]!r}", seconds)
    return Ending("", seconds)


def endings(kind: str, runs: int, *, at_once: int = 2) -> Iterator[Ending]:
    """Runs so many of a kind, cut off at different moments."""
    with RawServer() as ready, RawServer(open_gate=False) as silent, ThreadPoolExecutor(at_once) as pool:
        delays = [turn % 20 * 0.003 for turn in range(runs)]
        yield from pool.map(lambda delay: run(kind, delay, ready.url, silent.url), delays)


def main() -> None:
    """Prints the table; the exit status is 1 if anything was bad."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    print(f"{'':36}  {'runs':>5}  {'bad':>4}  {'median ms':>9}  {'worst ms':>8}")
    bad = 0
    for kind in KINDS:
        ended = sorted(endings(kind, runs), key=lambda ending: ending.seconds)
        faults = [ending.fault for ending in ended if ending.fault]
        bad += len(faults)
        middle, worst = ended[len(ended) // 2].seconds * 1e3, ended[-1].seconds * 1e3
        print(f"{kind:36}  {len(ended):5}  {len(faults):4}  {middle:9.0f}  {worst:8.0f}", flush=True)
        for fault in sorted(set(faults)):
            print(f"    {faults.count(fault)} x {fault}")
    sys.exit(bad > 0)


if __name__ == "__main__":
    if os.name != "posix":
        sys.exit("needs POSIX signals and fork")
    main()
