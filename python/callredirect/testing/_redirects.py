"""The fixtures' types: who rings, and what Graph was sent."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol, overload

from callredirect._native import ReceivedRedirect, Redirect, RungCall

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typing_extensions import Unpack

    from callredirect._native import Simulator
    from callredirect.testing._scripts import RingOptions
    from callredirect.testing._watch import Watch


class SignedToken(Protocol):
    """The fixture ``signed_token``: makes the signed token of a notification, as `Simulator.notification_token` does."""

    def __call__(
        self, app_id: str | None = None, tenant_id: str | None = None, *, claims: dict[str, Any] | None = None
    ) -> str:
        """The token, without ``Bearer``."""
        ...


class IncomingCall:
    """The fixture ``incoming_call``: rings the bot, and waits until the call is over.

    The keywords are those of `Simulator.ring`. With `redirected=False` the test fails if the bot redirects the call
    instead of if it does not; with `None` it may do either.
    """

    def __init__(self, watch: Watch) -> None:
        self._watch = watch

    def __call__(
        self, url: str, *, redirected: bool | None = True, **options: Unpack[RingOptions]
    ) -> RungCall:
        """Rings the bot at `url`, blocking.

        Raises:
            RuntimeError: It was called on a running event loop, where the bot could not run meanwhile.
        """
        __tracebackhide__ = True  # pytest shows the test's own line
        if _on_a_loop():
            raise RuntimeError(
                "incoming_call(...) blocks this event loop, and the bot that may run on it; "
                "say await incoming_call.ring_async(...)"
            )
        return self._heard(redirected, self._watch.simulator.ring(url, **options))

    async def ring_async(
        self, url: str, *, redirected: bool | None = True, **options: Unpack[RingOptions]
    ) -> RungCall:
        """Rings the bot at `url`, which may run on this very event loop, of asyncio or trio."""
        return self._heard(redirected, await self._watch.simulator.ring_async(url, **options))

    def _heard(self, redirected: bool | None, rung: RungCall) -> RungCall:
        self._watch.redirected[rung.call_id] = redirected
        return rung


class Redirects(Sequence[Redirect]):
    """The fixture ``redirects``: what Graph accepted in this test, oldest first, as it is when asked.

    A test that asks for it must look at each of them, by comparing, counting, iterating or indexing.
    """

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self._looked_at: set[int] = set()
        self._ever = False

    @property
    def received(self) -> list[ReceivedRedirect]:
        """All that Graph received, with its answers: also what it refused, and what was sent again."""
        self._look(range(len(self.peek())))
        return self._simulator.redirects

    def __len__(self) -> int:
        return len(self._all())

    @overload
    def __getitem__(self, index: int) -> Redirect: ...
    @overload
    def __getitem__(self, index: slice) -> list[Redirect]: ...
    def __getitem__(self, index: int | slice) -> Redirect | list[Redirect]:
        accepted = self.peek()
        places = range(len(accepted))[index]
        self._look([places] if isinstance(places, int) else places)
        return accepted[index]

    def __iter__(self) -> Iterator[Redirect]:
        for index, redirect in enumerate(self.peek()):
            self._look([index])
            yield redirect
        self._ever = True

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return self._all() == list(other)

    def __repr__(self) -> str:
        return f"<Redirects {self.peek()}>"

    def peek(self) -> list[Redirect]:
        """The redirects, without having looked at them."""
        accepted = [received for received in self._simulator.redirects if received.accepted]
        return [Redirect.from_json(received.body) for received in accepted]

    def unlooked(self) -> list[int] | None:
        """Places of those that nobody looked at; `None` if nobody looked whether there are any."""
        if not self._ever:
            return None
        return sorted(set(range(len(self.peek()))) - self._looked_at)

    def _all(self) -> list[Redirect]:
        accepted = self.peek()
        self._look(range(len(accepted)))
        return accepted

    def _look(self, places: Sequence[int]) -> None:
        self._ever = True
        self._looked_at.update(places)


def _on_a_loop() -> bool:
    asyncio = sys.modules.get("asyncio")
    trio = sys.modules.get("trio")
    on_asyncio = asyncio is not None and asyncio._get_running_loop() is not None
    return on_asyncio or (trio is not None and bool(trio.lowlevel.in_trio_task()))
