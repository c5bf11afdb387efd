"""The bridge's Python end under trio, and under anyio on trio. Imported only where trio runs.

The same mailbox as under asyncio; a system task of trio's listens for its bell.
"""

from __future__ import annotations

import contextlib
import math
import os
from typing import TYPE_CHECKING, Any, NoReturn

import outcome
import trio

from ._bridge import tell_late
from ._native import Mailbox
from ._observe import logger

if TYPE_CHECKING:
    from concurrent.futures import Future

    from ._bridge import Tell

_mailbox: trio.lowlevel.RunVar[TrioMailbox | None] = trio.lowlevel.RunVar("callredirect mailbox")


class TrioMailbox:
    """The mailbox of one ``trio.run``, and which task waits for which ticket."""

    def __init__(self) -> None:
        self.mailbox = Mailbox()
        self._waiting: dict[int, trio.lowlevel.Task] = {}
        self._late: dict[int, Tell] = {}
        trio.lowlevel.spawn_system_task(self._listen, name="callredirect")

    async def _listen(self) -> None:
        try:
            await self._drain()
        finally:  # the run ends: what nobody waits for any more will not be told otherwise
            tell_late(self.mailbox, self._late, trio.RunFinishedError())

    async def _drain(self) -> NoReturn:
        while True:
            await trio.lowlevel.wait_readable(self.mailbox.fileno())
            for ticket, result, error in self.mailbox.drain():
                task = self._waiting.pop(ticket, None)
                if task is not None:
                    came = outcome.Value(result) if error is None else outcome.Error(error)
                    trio.lowlevel.reschedule(task, came)
                elif (tell := self._late.pop(ticket, None)) is not None:
                    try:
                        tell(result, error)
                    except Exception:  # what a system task raises ends the run
                        logger().exception("what became of a cancelled redirect could not be told")

    async def wait(self, ticket: int, tell: Tell | None = None) -> Any:
        """What the ticket was waited for, or raises. A cancelled wait returns at once; the request itself goes on.

        What comes of it after that is told to ``tell``.
        """
        self._waiting[ticket] = trio.lowlevel.current_task()

        def abort(_: object) -> trio.lowlevel.Abort:
            del self._waiting[ticket]
            if tell is not None:
                self._late[ticket] = tell
            return trio.lowlevel.Abort.SUCCEEDED

        return await trio.lowlevel.wait_task_rescheduled(abort)

    def cancelled(self, waiting: object, tell: Tell) -> None:
        """Nothing had come: trio cancels nobody whose answer is there."""


def mailbox() -> TrioMailbox:
    """The mailbox of this run of trio, made on first use."""
    box = _mailbox.get(None)
    if box is None or box.mailbox.pid != os.getpid():
        box = TrioMailbox()
        _mailbox.set(box)
    return box


async def settled(result: Future[Any], seconds: float | None) -> bool:
    """Whether it is done, waited for so long at most."""
    done, run = trio.Event(), trio.lowlevel.current_trio_token()

    def ring(_: object) -> None:
        with contextlib.suppress(trio.RunFinishedError):
            run.run_sync_soon(done.set)

    result.add_done_callback(ring)
    with trio.move_on_after(math.inf if seconds is None else max(0.0, seconds)):
        await done.wait()
    return result.done()
