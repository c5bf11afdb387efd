"""Rounds in turn, so that what the machine does meanwhile falls on every subject alike."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Mapping

Timings = dict[str, list[float]]


def in_turn(subjects: Mapping[str, Callable[[], object]], *, rounds: int = 25, number: int = 5000) -> Timings:
    """CPU nanoseconds of one call of each subject, a figure for each round."""
    timings: Timings = {name: [] for name in subjects}
    for turn in range(rounds + 1):
        for name, subject in subjects.items():
            before = time.thread_time_ns()
            for _ in range(number):
                subject()
            spent = (time.thread_time_ns() - before) / number
            if turn:  # the first round warms up
                timings[name].append(spent)
    return timings


def table(title: str, timings: Timings, *, unit: str, against: str, scale: float = 1.0) -> None:
    """Minimum and median of every subject, and their ratio to the subject `against`."""
    width = max(len(name) for name in timings)
    print(f"{title}\n  {'':{width}}  {'min':>10}  {'median':>10}  {'x min':>6}  {'x median':>8}")
    base = timings[against]
    for name, figures in timings.items():
        low, middle = min(figures), statistics.median(figures)
        ratios = f"{low / min(base):6.2f}  {middle / statistics.median(base):8.2f}"
        print(f"  {name:{width}}  {low / scale:10,.1f}  {middle / scale:10,.1f}  {ratios}  {unit}")
    print()


def resident() -> int:
    """Bytes of memory that this process has now."""
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
