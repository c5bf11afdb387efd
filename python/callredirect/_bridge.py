"""The Python end of the bridge: wakes the event loop's waiting coroutines when their requests have finished.

The other end is Rust; its threads never touch Python. See ``Mailbox``.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import sys
import weakref
from typing import TYPE_CHECKING, Any

from ._native import Mailbox

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from ._trio import TrioMailbox

    Tell: TypeAlias = Callable[[Any, BaseException | None], None]
    """Is told a result, or what would have been raised."""


class LoopMailbox:
    """The mailbox of one event loop, and who waits for which ticket."""

    __slots__ = ("_late", "_loop", "_waiting", "mailbox")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.mailbox = Mailbox()
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._late: dict[int, Tell] = {}
        self._loop = weakref.ref(loop)  # the loop's entry in a table of weak keys must not hold it
        loop.add_reader(self.mailbox.fileno(), self._drain)

    def _drain(self) -> None:
        for ticket, result, error in self.mailbox.drain():
            # Nobody waits where Ctrl-C came between sending and waiting: that must not cost the others their answers.
            future, tell = self._waiting.pop(ticket, None), self._late.pop(ticket, None)
            if future is None or future.done():
                if tell is not None:
                    asyncio.get_running_loop().call_soon(tell, result, error)  # it may raise, too
                continue
            if error is None:
                future.set_result(result)
            else:
                future.set_exception(error)

    def wait(self, ticket: int, tell: Tell | None = None) -> asyncio.Future[Any]:
        """What the ticket was waited for, or raises. A cancelled wait returns at once; the request itself goes on.

        What comes of it after that is told to ``tell``.
        """
        loop = self._loop() or asyncio.get_running_loop()
        future = self._waiting[ticket] = loop.create_future()
        if tell is not None:
            self._late[ticket] = tell
        return future

    def cancelled(self, future: asyncio.Future[Any], tell: Tell) -> None:
        """Whoever waited was cancelled: tells what had come at that very moment."""
        if future.done() and not future.cancelled() and future.exception() is None:
            tell(future.result(), None)

    def end(self) -> None:
        """The loop is no more: what nobody waits for any more will not be told otherwise."""
        late, self._late = self._late, {}
        tell_late(self.mailbox, late, asyncio.CancelledError())


def tell_late(mailbox: Mailbox, late: dict[int, Tell], ended: BaseException) -> None:
    """Tells what has come since, or that the loop ended before anything came."""
    came = {ticket: (result, error) for ticket, result, error in mailbox.drain()}
    for ticket, tell in late.items():
        tell(*came.get(ticket, (None, ended)))


_mailboxes: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, LoopMailbox] = weakref.WeakKeyDictionary()
_inherited: list[LoopMailbox] = []


def _after_fork() -> None:
    """In the child the parent listens at the other end: whoever goes on with its loop needs a mailbox of his own."""
    # Letting go would close a descriptor that the loop's selector still has, and that it might then meet again as
    # another file.
    _inherited.extend(_mailboxes.values())
    _mailboxes.clear()


os.register_at_fork(after_in_child=_after_fork)


def under_trio() -> bool:
    """Whether trio runs the caller, itself or below anyio."""
    trio = sys.modules.get("trio")
    return trio is not None and bool(trio.lowlevel.in_trio_run())


def need_asyncio(what: str) -> None:
    """Raises ``RuntimeError`` where something else runs the caller, or nothing does."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        raise RuntimeError(
            f"{what} needs a running event loop of asyncio; under trio use parse, Verifier and AsyncClient"
        ) from None


def loop_mailbox() -> LoopMailbox | TrioMailbox:
    """The mailbox of the running event loop, made on first use."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        if not under_trio():
            raise RuntimeError(
                "AsyncClient needs a running event loop, of asyncio or trio; Client needs none"
            ) from None
        from . import _trio

        return _trio.mailbox()
    box = _mailboxes.get(loop)
    if box is None or box.mailbox.pid != os.getpid():
        if box is not None:  # forked, and Python was not told
            _inherited.append(box)
        _forget_closed_loops()
        box = _mailboxes[loop] = LoopMailbox(loop)
    return box


def _forget_closed_loops() -> None:
    """A loop closed with work in flight is held by those who wait on it, and would keep its descriptors for ever."""
    for reference in _mailboxes.keyrefs():
        loop = reference()
        if loop is not None and loop.is_closed() and (box := _mailboxes.pop(loop, None)) is not None:
            box.end()


atexit.register(_forget_closed_loops)
