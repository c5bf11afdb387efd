"""What a test's calls and redirects were, and whether that is as it should be. See ``docs/testing.md``."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from callredirect.testing import Redirects, Simulator
from callredirect.testing._complaints import left_alone, not_redirected, ringing, unexpected, unlooked

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from callredirect._native import RungCall


class WatchedSimulator(Simulator):
    """A simulator that remembers whom it rang."""

    def __init__(self, *_: Any, **__: Any) -> None:
        self.rung: list[RungCall] = []
        """Calls that are over."""
        self.ringing: set[object] = set()
        """Stands for calls that are not, and for scenarios."""

    def ring(self, *args: Any, **options: Any) -> RungCall:
        """As `Simulator.ring`."""
        __tracebackhide__ = True  # pytest shows the test's own line
        with self._remembering() as rung:
            rung.append(super().ring(*args, **options))
        return rung[0]

    def ring_example(self, *args: Any, **options: Any) -> RungCall:
        """As `Simulator.ring_example`."""
        __tracebackhide__ = True
        with self._remembering() as rung:
            rung.append(super().ring_example(*args, **options))
        return rung[0]

    def play(self, *args: Any, **options: Any) -> list[RungCall]:
        """As `Simulator.play`."""
        __tracebackhide__ = True
        with self._remembering() as rung:
            rung += super().play(*args, **options)
        return rung

    @contextmanager
    def _remembering(self) -> Iterator[list[RungCall]]:
        call = object()
        self.ringing.add(call)
        rung: list[RungCall] = []
        try:
            yield rung
        finally:
            self.rung.extend(rung)
            self.ringing.discard(call)


class Watch:
    """The rules of one test."""

    def __init__(self, simulator: WatchedSimulator, rules: Mapping[str, bool]) -> None:
        self.simulator = simulator
        self.passed = False
        """Whether the test is over and nothing was wrong."""
        self.redirected: dict[str, bool | None] = {}
        """What the test said of a call, by its id: to be redirected, to be left alone, or either."""
        self._rules = rules
        self._redirects: Redirects | None = None

    def ask_for_redirects(self) -> Redirects:
        """From now on all of them are to be looked at."""
        self._redirects = self._redirects or Redirects(self.simulator)
        return self._redirects

    def complaints(self) -> list[str]:
        """Everything that is not as it should be, a paragraph each."""
        return [complaint for complaint in self._complaints() if complaint]

    def _complaints(self) -> Iterator[str | None]:
        received = self.simulator.redirects
        rung = self.simulator.rung
        if self._rules["assert_all_calls_redirected"]:
            yield ringing(len(self.simulator.ringing))
            yield not_redirected([call for call in rung if self._said(call) is True], received)
        yield left_alone([call for call in rung if self._said(call) is False])
        if self._rules["assert_all_redirects_expected"]:
            yield unexpected(received, [call.call_id for call in rung])
        if self._rules["assert_all_redirects_checked"] and self._redirects is not None:
            yield unlooked(self._redirects)

    def _said(self, call: RungCall) -> bool | None:
        return self.redirected.get(call.call_id, True)
