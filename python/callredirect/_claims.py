"""Whose call it is: asked of the core's stores, or of one that the bot brought along.

Both ask for the same things, within the same time: ``claim``, then ``may_send`` right before the request leaves, then
``finish``. A store that gives no answer is done without, or the call is lost, as the bot chose.
"""

from __future__ import annotations

import os
import time

from ._native import ClaimRecord, _after_fork, _before_fork

TYPE_CHECKING = False
if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable
    from typing import Any, TypeAlias

    from ._native import Mailbox, Receiver, TrackedCall

    Grant: TypeAlias = "tuple[str, str | None]"
    """``yours``, ``unasked``, ``elsewhere``, ``ended`` or ``refused``, and why."""


LEASE = 2.0
"""Seconds that a claim outlives its worker."""

_TAKEOVER = 3.0
_PATIENCE = 0.3
_FAULTS = 3
_REST = 1.0


os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork)


class NativeClaims:
    """Claims in a store of the core's."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver

    @property
    def local(self) -> bool:
        """Whether they reach no further than this process."""
        return self._receiver.claims_are_local

    @property
    def degraded(self) -> int:
        """Calls that went on without the store."""
        return self._receiver.claims_degraded

    def claim(self, call: TrackedCall) -> Grant | Awaitable[Grant]:
        """Asked before it returns: the reply need not wait, and is not waited for. Answered, too, where it is local."""
        if self._receiver.claims_are_local:
            return self._receiver.claim(call, None)  # type: ignore[return-value]
        return self._ask(lambda box: self._receiver.claim(call, box))

    def may_send(self, call: TrackedCall) -> Awaitable[Grant]:
        """Leave to send, or not."""
        return self._ask(lambda box: self._receiver.may_send(call, box))

    async def finish(self, call: TrackedCall) -> str | None:
        """Writes down how it ended; or why that could not be."""
        fault: str | None = await self._ask(lambda box: self._receiver.finish(call, box))
        return fault

    def finish_soon(self, call: TrackedCall) -> None:
        """Writes down how it ended, where nobody can wait."""
        self._receiver.finish(call, None)

    async def end(self, call: TrackedCall) -> bool:
        """Writes down that the call ended: whether no other worker knew."""
        first: bool = await self._ask(lambda box: self._receiver.end(call, box))
        return first

    async def get(self, call: TrackedCall) -> ClaimRecord | None:
        """What is kept of a call, as far as the store answers; its end, of which another worker was told, is noted."""
        found = await self._ask(lambda box: self._receiver.get(call, box))
        return found if isinstance(found, ClaimRecord) else None

    async def unfinished(self) -> tuple[ClaimRecord, ...]:
        """Calls whose worker is gone; raises what the store says instead."""
        found = await self._ask(self._receiver.unfinished)
        if isinstance(found, str):
            raise OSError(found)
        return found  # type: ignore[no-any-return]

    def close(self) -> None:
        """The receiver does."""

    def _ask(self, question: Callable[[Mailbox | None], Any]) -> Awaitable[Any]:
        if self._receiver.claims_are_local:
            return ready(question(None))
        from ._bridge import loop_mailbox

        box = loop_mailbox()
        return box.wait(question(box.mailbox))


class OwnClaims:
    """Claims in a store that the bot brought along: called from Python's side only, and never trusted to come back."""

    local = False

    def __init__(self, store: Any, *, fail_closed: bool) -> None:
        import uuid

        self._store = store
        self._fail_closed = fail_closed
        self._worker = str(uuid.uuid4())
        self._faults = 0  # in a row
        self._rests_until = 0.0
        self._holding: set[asyncio.Task[None]] = set()
        self._closing = False
        self.degraded = 0

    def close(self) -> None:
        """From now on nobody waits for another worker's lease."""
        self._closing = True

    def claim(self, call: TrackedCall) -> Awaitable[Grant]:
        """As ``NativeClaims.claim``."""
        import asyncio

        return asyncio.ensure_future(self._claim(call))

    async def _claim(self, call: TrackedCall) -> Grant:
        import asyncio

        stands_by = False
        while True:
            budget = call.deadline.remaining
            worth_waiting = budget >= LEASE + _TAKEOVER and not self._closing
            try:
                record = await self._record("claim", call._key, self._worker, lease=LEASE, budget=budget)
            except _StoreError as fault:
                if not stands_by:
                    grant = self._without(fault)
                    if grant[0] == "unasked":
                        call._claimed(None, 0, budget)
                        self._start_holding(call, None)
                    return grant
                if not worth_waiting:
                    return "elsewhere", None
            else:
                if record.ended:
                    return "ended", None
                if record.worker == self._worker:
                    call._claimed(self._worker, record.fence, budget)
                    self._start_holding(call, record.fence)
                    return "yours", None
                if record.stage != "claimed" or not worth_waiting:
                    return "elsewhere", None
            # Its worker may have died: this notification is all there is to replace it.
            stands_by = True
            await asyncio.sleep(LEASE / 2)

    def _start_holding(self, call: TrackedCall, fence: int | None) -> None:
        import asyncio

        holding = asyncio.get_running_loop().create_task(self._hold(call, fence))
        self._holding.add(holding)
        holding.add_done_callback(self._holding.discard)

    async def may_send(self, call: TrackedCall) -> Grant:
        """As ``NativeClaims.may_send``."""
        fence = call._fence
        grant: Grant = ("yours", None)
        if fence is not None:
            grant = await self._extend(call, fence, sent=True, leave=True)
        if grant[0] in ("yours", "unasked"):
            call._sending()
        return grant

    async def finish(self, call: TrackedCall) -> str | None:
        """As ``NativeClaims.finish``."""
        if call.elsewhere:
            return None
        try:
            await self._record("finish", call._key, self._worker, stage=call.stage, attempts=call._attempts)
        except _StoreError as fault:
            return str(fault)
        return None

    def finish_soon(self, call: TrackedCall) -> None:
        """The loop is being stopped: nothing of the bot's can be called any more."""

    async def end(self, call: TrackedCall) -> bool:
        """As ``NativeClaims.end``."""
        import uuid

        # Who tells the end is claimed like a call, and never taken over: nothing else that a store does says who was
        # first. The key looks like that of any call.
        telling = uuid.uuid5(uuid.NAMESPACE_OID, f"{call._key} ended").hex
        try:
            record = await self._record("finish", call._key, self._worker, stage="ended", attempts=0)
            call._heard(record.stage)
            record = await self._record("claim", telling, self._worker, lease=LEASE, budget=LEASE)
            if record.worker != self._worker:
                return False
            await self._record("finish", telling, self._worker, stage="ended", attempts=0)
        except _StoreError:
            pass
        return True

    async def get(self, call: TrackedCall) -> ClaimRecord | None:
        """As ``NativeClaims.get``."""
        try:
            found = await self._ask("get", call._key)
        except _StoreError:
            return None
        if not isinstance(found, ClaimRecord):
            return None
        if found.ended:
            call._end_elsewhere()
        return found

    async def unfinished(self) -> tuple[ClaimRecord, ...]:
        """Only the store itself could say; it has no method for it."""
        return ()

    async def _hold(self, call: TrackedCall, fence: int | None) -> None:
        """Renews the claim. Without a fence the store owes an answer, and may have made the claim all the same."""
        import asyncio

        while True:
            await asyncio.sleep(LEASE / 4)
            budget = call.deadline.remaining
            if call.settled or not budget:
                return
            if fence is not None:
                # A request may have left without leave: once the store is back it must know.
                held = await self._extend(call, fence, sent=call.stage == "sent", leave=False)
                if held[0] in ("elsewhere", "ended"):
                    return
                continue
            try:
                record = await self._record("claim", call._key, self._worker, lease=LEASE, budget=budget)
            except _StoreError:
                continue
            if record.ended or record.worker != self._worker:
                return
            fence = record.fence

    async def _extend(self, call: TrackedCall, fence: int, *, sent: bool, leave: bool) -> Grant:
        """Holds the claim longer; with ``leave``, asks for leave to send."""
        try:
            record = await self._record(
                "extend", call._key, self._worker, fence=fence, lease=LEASE, sent=sent
            )
        except _StoreError as fault:
            return self._without(fault) if leave else ("unasked", str(fault))
        if record.ended:
            return "ended", None
        return ("yours" if (record.worker, record.fence) == (self._worker, fence) else "elsewhere"), None

    def _without(self, fault: _StoreError) -> Grant:
        if self._fail_closed:
            return "refused", str(fault)
        self.degraded += 1
        return "unasked", str(fault)

    async def _record(self, method: str, *args: object, **named: object) -> ClaimRecord:
        found = await self._ask(method, *args, **named)
        if not isinstance(found, ClaimRecord):
            raise _StoreError(
                f"the claim store's {method} returned {type(found).__name__}, not a ClaimRecord"
            )
        return found

    async def _ask(self, method: str, *args: object, **named: object) -> object:
        """What the store returns in time. After three faults in a row it is left alone for a second."""
        import asyncio

        from ._threads import call

        # Leave to send is asked for all the same: the claim was won there, and may have been lost there.
        if time.monotonic() < self._rests_until and not named.get("sent"):
            raise _StoreError("the store failed a moment ago")
        asking = asyncio.ensure_future(call(getattr(self._store, method), *args, **named))
        fault: str | None = None
        try:
            await asyncio.wait([asking], timeout=_PATIENCE)
            if not asking.done():
                fault = f"the claim store's {method} gave no answer within {_PATIENCE * 1000:.0f} ms"
            elif asking.cancelled():
                fault = f"the claim store's {method} was cancelled"
            elif error := asking.exception():
                # Its words may hold the address of a database.
                fault = f"the claim store's {method} raised {type(error).__name__}"
        finally:
            asking.cancel()
        if fault is not None:
            self._faults += 1
            if self._faults >= _FAULTS:
                self._rests_until = time.monotonic() + _REST
            raise _StoreError(fault)
        self._faults = 0
        return asking.result()


class _StoreError(Exception):
    """The store gave no answer that could be used."""


async def ready(value: Any) -> Any:
    return value


def check(store: object) -> None:
    """Refuses at once what could never keep a claim."""
    missing = [
        name for name in ("claim", "extend", "finish", "get") if not callable(getattr(store, name, None))
    ]
    if missing:
        raise TypeError(
            f"a store is an address, or has claim, extend, finish and get; {type(store).__name__} lacks {missing}"
        )
