"""A fleet of workers: duplicates in any order, kill -9 at every point, a store that hangs. The long forms of these are
``make reliability-claims``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import claims_scenarios as scenarios
from claims_worker import POINTS
from redis_server import RedisServer

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("store", ["sqlite", "redis"])
def test_duplicates_over_processes_redirect_once(tmp_path: Path, store: str) -> None:
    if store == "sqlite":
        found = scenarios.duplicates(scenarios.sqlite_url(tmp_path), ids=150, processes=3, seed=7)
    else:
        with RedisServer(tmp_path) as server:
            found = scenarios.duplicates(server.url, ids=150, processes=3, seed=7)
    assert (found["doubled"], found["lost"], found["after the end"]) == (0, 0, 0), found
    assert found["redirected"] == found["calls"] - found["calls"] // 20


@pytest.mark.parametrize("store", ["sqlite", "redis"])
def test_a_worker_that_dies_is_replaced_or_its_call_listed(tmp_path: Path, store: str) -> None:
    if store == "sqlite":
        table = scenarios.crashes(scenarios.sqlite_url(tmp_path), kills=1, seed=7)
    else:
        with RedisServer(tmp_path) as server:
            table = scenarios.crashes(server.url, kills=1, seed=7)
    redirected = {point: found["redirected"] for point, found in table.items()}
    unknown = {point: found["unknown"] for point, found in table.items()}
    # Nothing had been sent: the second delivery's worker does it. Else nobody sends again, and it is said.
    assert redirected == {"replied": 1, "claimed": 1, "decided": 1, "marked": 0, "sending": 1, "sent": 1}
    assert unknown == {"replied": 0, "claimed": 0, "decided": 0, "marked": 1, "sending": 1, "sent": 1}
    assert [table[point]["doubled"] + table[point]["lost silently"] for point in POINTS] == [0] * len(POINTS)


def test_what_is_too_late_to_take_over_is_listed(tmp_path: Path) -> None:
    table = scenarios.crashes(scenarios.sqlite_url(tmp_path), kills=1, seed=7, age=10.5)
    for point in ("claimed", "decided"):
        assert (table[point]["redirected"], table[point]["listed"]) == (0, 1), (point, table)
    assert [table[point]["doubled"] + table[point]["lost silently"] for point in POINTS] == [0] * len(POINTS)


def test_a_store_that_hangs_loses_no_call(tmp_path: Path) -> None:
    with RedisServer(tmp_path) as server:
        found = scenarios.trouble(server.url, lambda _: server.stopped(), calls=10, seconds=1)
    assert (found["redirected"], found["doubled"], found["warnings"], found["after it"]) == (10, 0, 1, 1), (
        found
    )
    assert found["degraded"] >= 9


@pytest.mark.parametrize("what", scenarios.TROUBLES)
def test_a_file_of_claims_in_trouble_loses_no_call(tmp_path: Path, what: str) -> None:
    (folder := tmp_path / "claims").mkdir()
    cause = scenarios.TROUBLES[what](folder / "calls.db")
    harmless = what == "was deleted"
    found = scenarios.trouble(scenarios.sqlite_url(folder), cause, calls=10, seconds=1, twice=harmless)
    assert (found["redirected"], found["after it"]) == (10, 1), found
    if harmless:  # unless the machine is too busy for the store to answer in time
        assert found["doubled"] <= found["degraded"], found
    else:
        assert (found["doubled"], found["warnings"], found["degraded"] >= 9) == (0, 1, True), found
