"""The bridge's Python end under trio, and under anyio on trio. Imported only where trio runs.

The same mailbox as under asyncio; a system task of trio's listens for its bell.
"""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING, Any

import outcome
import trio

from ._native import Mailbox

if TYPE_CHECKING:
    from collections.abc import Callable

_mailbox: trio.lowlevel.RunVar[TrioMailbox | None] = trio.lowlevel.RunVar("callredirect mailbox")


class TrioMailbox:
    """The mailbox of one ``trio.run``, and which task waits for which ticket."""

    def __init__(self) -> None:
        self.mailbox = Mailbox()
        self._waiting: dict[int, trio.lowlevel.Task] = {}
        trio.lowlevel.spawn_system_task(self._listen, name="callredirect")

    async def _listen(self) -> None:
        while True:
            await trio.lowlevel.wait_readable(self.mailbox.fileno())
            for ticket, result in self.mailbox.drain():
                task = self._waiting.pop(ticket, None)
                if task is not None:
                    trio.lowlevel.reschedule(task, outcome.Value(result))

    async def wait(self, ticket: int) -> Any:
        """What the ticket was waited for. A cancelled wait returns at once; the request itself goes on."""
        self._waiting[ticket] = trio.lowlevel.current_task()

        def abort(_: object) -> trio.lowlevel.Abort:
            del self._waiting[ticket]
            return trio.lowlevel.Abort.SUCCEEDED

        return await trio.lowlevel.wait_task_rescheduled(abort)


def mailbox() -> TrioMailbox:
    """The mailbox of this run of trio, made on first use."""
    box = _mailbox.get(None)
    if box is None or box.mailbox.pid != os.getpid():
        box = TrioMailbox()
        _mailbox.set(box)
    return box


async def in_thread(function: Callable[..., Any], *args: Any) -> Any:
    """What the function returns or raises, run in a thread that nobody waits for once the caller is cancelled."""
    # A limiter of its own: trio's is full when some of them hang.
    unlimited = trio.CapacityLimiter(math.inf)
    return await trio.to_thread.run_sync(function, *args, abandon_on_cancel=True, limiter=unlimited)
