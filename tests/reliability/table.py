"""The figures of one part: printed as they come, and kept for the summary of ``make reliability``."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path


class Table:
    """Rows of one part: what, its figures, what was promised."""

    def __init__(self, part: str) -> None:
        self._part = part
        self._began = time.monotonic()
        self._missed: list[str] = []
        self._rows = 0

    def row(self, what: str, figures: str, promised: str = "", *, met: bool) -> None:
        print(f"{'ok  ' if met else 'MISS'}  {what:<38}  {figures}{f'   ({promised})' if promised else ''}", flush=True)
        self._rows += 1
        if not met:
            self._missed.append(what.strip())

    def end(self) -> int:
        """The exit status: 1 on a miss."""
        print(f"missed: {', '.join(self._missed)}" if self._missed else "all as promised")
        return bool(self._missed)
