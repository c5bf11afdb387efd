"""The Python end of the bridge: wakes the event loop's waiting coroutines when their requests have finished.

The other end is Rust; its threads never touch Python. See ``Mailbox``.
"""

from __future__ import annotations

import asyncio
import weakref
from typing import Any

from ._native import Mailbox


class LoopMailbox:
    """The mailbox of one event loop, and who waits for which ticket."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.mailbox = Mailbox()
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        loop.add_reader(self.mailbox.fileno(), self._drain)

    def _drain(self) -> None:
        for ticket, result in self.mailbox.drain():
            future = self._waiting.get(ticket)
            if future is not None and not future.done():
                future.set_result(result)

    async def wait(self, ticket: int) -> Any:
        """What the ticket was waited for. A cancelled wait returns at once; the request itself goes on."""
        future = asyncio.get_running_loop().create_future()
        self._waiting[ticket] = future
        try:
            return await future
        finally:
            del self._waiting[ticket]


_mailboxes: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, LoopMailbox] = weakref.WeakKeyDictionary()


def loop_mailbox() -> LoopMailbox:
    """The mailbox of the running event loop, made on first use."""
    loop = asyncio.get_running_loop()
    mailbox = _mailboxes.get(loop)
    if mailbox is None:
        mailbox = _mailboxes[loop] = LoopMailbox(loop)
    return mailbox
