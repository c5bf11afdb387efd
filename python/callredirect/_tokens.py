"""Tokens of credentials that live in Python: kept by tenant while they live, and asked for once for all who wait.

How long one is used is Rust's rule (``Freshness``), the same as for the package's own credentials. What has no
``get_token`` and ``expires_on`` is asked each time: its author knows best.
"""

from __future__ import annotations

import contextvars
import os
import threading
import time
from concurrent.futures import Future, wait
from typing import TYPE_CHECKING, Any

from ._bridge import under_trio
from ._credential import ask, get_token, get_token_async, text
from ._native import Freshness
from ._threads import settled, start

if TYPE_CHECKING:
    import asyncio

_LONGEST_FLIGHT = 13.0
"""Seconds after which a request for a token is given up for lost: no call can wait longer."""
_KEPT = 1000


_lock = threading.Lock()
"""Of all tokens: it is held for moments only."""


def _after_fork() -> None:
    """In the child nobody is left to release what another thread of the parent held."""
    global _lock
    _lock = threading.Lock()


os.register_at_fork(after_in_child=_after_fork)


def _done(result: Future[Any], seconds: float) -> bool:
    return not wait([result], max(0.0, seconds)).not_done


class _Flight:
    """A request for a token. Its result is ``None`` if it was cut off: whoever still wants one asks anew."""

    def __init__(self) -> None:
        self.result: Future[str | None] = Future()
        self.task: asyncio.Task[None] | None = None
        self._pid = os.getpid()
        self._ends = time.monotonic() + _LONGEST_FLIGHT

    @property
    def lost(self) -> bool:
        """Whether nobody will land it: another process's, one that hangs, or of an event loop that is no more."""
        closed = self.task is not None and self.task.get_loop().is_closed()
        return closed or self._pid != os.getpid() or time.monotonic() > self._ends

    def land(self, token: str | None) -> None:
        if not self.result.done():
            self.result.set_result(token)

    def fail(self, error: BaseException) -> None:
        if not self.result.done():
            self.result.set_exception(error)


class Tokens:
    """Tokens of one credential for one scope. May be shared between threads and event loops."""

    def __init__(self, credential: Any, scope: str) -> None:
        self._credential = credential
        self._scope = scope
        self._kept: dict[str | None, tuple[str, Freshness]] = {}
        self._flights: dict[str | None, _Flight] = {}

    @property
    def keeps(self) -> bool:
        """Whether its tokens are kept; else each is asked for when it is needed."""
        return hasattr(self._credential, "get_token")

    def get(self, tenant: str | None, seconds: float) -> str | None:
        """A token, or ``None`` when the time is up first, however long the credential takes: it has a thread."""
        if not self.keeps:
            asking = start(get_token, self._credential, self._scope, tenant)
            return text(asking.result()) if _done(asking, seconds) else None
        until = time.monotonic() + seconds
        while True:
            token, flight, mine = self._look(tenant)
            if mine:
                self._start(tenant, flight)
            if token is not None:
                return token
            if self._old(tenant) and not _done(flight.result, Freshness.patience(until - time.monotonic())):
                token = self._old(tenant)
            elif not _done(flight.result, until - time.monotonic()):
                return None
            else:
                token = flight.result.result()
            if token is not None:
                return token

    async def get_async(self, tenant: str | None, seconds: float) -> str | None:
        """A token, or ``None`` when the time is up first. What is asked is asked to its end, whoever gives up."""
        if not self.keeps:
            return await get_token_async(self._credential, self._scope, tenant, seconds)
        until = time.monotonic() + seconds
        while True:
            token, flight, mine = self._look(tenant)
            if mine:
                self._start_async(tenant, flight)
            if token is not None:
                return token
            patience = Freshness.patience(until - time.monotonic())
            if self._old(tenant) and not await settled(flight.result, patience):
                token = self._old(tenant)
            elif not await settled(flight.result, until - time.monotonic()):
                return None
            else:
                token = flight.result.result()
            if token is not None:
                return token

    def refused(self, tenant: str | None, token: str) -> None:
        """Graph did not take it: forgotten, unless a newer one has taken its place."""
        with _lock:
            if tenant in self._kept and self._kept[tenant][0] == token:
                del self._kept[tenant]

    def _old(self, tenant: str | None) -> str | None:
        """One that may end before it arrives, if it has not ended."""
        with _lock:
            kept = self._kept.get(tenant)
            return kept[0] if kept is not None and kept[1].alive else None

    def _look(self, tenant: str | None) -> tuple[str | None, _Flight, bool]:
        """A token to use, the flight to wait for without one, and whether the caller is to fly it."""
        with _lock:
            kept, flight = self._kept.get(tenant), self._flights.get(tenant)
            advice = kept[1].advice if kept else "wait"
            token = kept[0] if kept and advice != "wait" else None
            if flight is not None and flight.lost:
                if flight.task is not None and not flight.task.get_loop().is_closed():
                    flight.task.get_loop().call_soon_threadsafe(flight.task.cancel)
                flight = None
            if flight is not None or advice == "use":
                return token, flight or _Flight(), False
            flight = self._flights[tenant] = _Flight()
            return token, flight, True

    def _start(self, tenant: str | None, flight: _Flight) -> None:
        try:
            start(self._fly, tenant, flight)
        except RuntimeError:  # there are too many threads
            self._over(tenant, flight)
            raise

    def _start_async(self, tenant: str | None, flight: _Flight) -> None:
        if under_trio():
            import trio

            trio.lowlevel.spawn_system_task(
                self._fly_async, tenant, flight, context=contextvars.copy_context()
            )
        else:
            import asyncio

            flight.task = asyncio.get_running_loop().create_task(self._fly_async(tenant, flight))

    def _fly(self, tenant: str | None, flight: _Flight) -> None:
        try:
            self._landed(tenant, flight, get_token(self._credential, self._scope, tenant))
        except BaseException as error:
            self._failed(tenant, flight, error)
        finally:
            self._over(tenant, flight)

    async def _fly_async(self, tenant: str | None, flight: _Flight) -> None:
        try:
            self._landed(tenant, flight, await ask(self._credential, self._scope, tenant))
        except Exception as error:
            self._failed(tenant, flight, error)
        finally:
            self._over(tenant, flight)

    def _landed(self, tenant: str | None, flight: _Flight, result: Any) -> None:
        token = text(result)
        expires_on = getattr(result, "expires_on", None)
        if isinstance(expires_on, (int, float)):
            with _lock:
                kept = self._kept.pop(tenant, None)
                if kept is not None and kept[0] == token:
                    kept[1].put_off()
                    self._kept[tenant] = kept
                else:
                    self._kept[tenant] = (token, Freshness(expires_on))
                while len(self._kept) > _KEPT:
                    del self._kept[next(iter(self._kept))]
        flight.land(token)

    def _failed(self, tenant: str | None, flight: _Flight, error: BaseException) -> None:
        with _lock:
            kept = self._kept.get(tenant)
        if kept is None or not kept[1].alive:
            return flight.fail(error)
        kept[1].put_off()
        return flight.land(kept[0])

    def _over(self, tenant: str | None, flight: _Flight) -> None:
        with _lock:
            if self._flights.get(tenant) is flight:
                del self._flights[tenant]
        flight.land(None)
