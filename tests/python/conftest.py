"""Where the data lies that the tests read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# A busy machine is no fault of what is tested: no example is judged by the time it takes.
settings.register_profile(
    "callredirect", settings.default, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("callredirect")

ROOT = Path(__file__).resolve().parents[2]

FIXTURES = ROOT / "tests" / "fixtures"
"""Ours, shared by the tests of both languages."""

CORPORA = Path(os.environ.get("CALLREDIRECT_CORPORA") or ROOT.parent / "shared" / "corpora")
"""Other people's, not part of the project: look with `CORPORA.is_dir()` before reading at collection time."""


@pytest.fixture(scope="session")
def corpora() -> Path:
    """The folder of corpora; a test that asks for it is skipped where there is none."""
    if not CORPORA.is_dir():
        pytest.skip(f"no corpora at {CORPORA}: name their folder in CALLREDIRECT_CORPORA")
    return CORPORA
