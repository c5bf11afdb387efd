"""The figures of one part, printed as they come."""

from __future__ import annotations

import time


class Table:
    """Rows of one part: whether it is as promised, what, its figures, the promise."""

    def __init__(self, title: str) -> None:
        self._began = time.monotonic()
        self._missed: list[str] = []
        print(title, flush=True)

    def row(self, what: str, figures: str, promised: str = "", *, met: bool) -> None:
        mark = "ok  " if met else "MISS"
        print(f"{mark}  {what:<38}  {figures}{f'   ({promised})' if promised else ''}", flush=True)
        if not met:
            self._missed.append(what.strip())

    def end(self) -> int:
        """The exit status: 1 on a miss."""
        verdict = f"missed: {', '.join(self._missed)}" if self._missed else "all as promised"
        print(f"{verdict}, {time.monotonic() - self._began:.0f} s", flush=True)
        return 1 if self._missed else 0
