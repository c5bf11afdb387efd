"""For hosts without an event loop: one loop in a thread, for the life of the process.

A redirect outlives its request, so it cannot live in a loop that ends with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import Iterable, Mapping

from callredirect import Redirector, Reply
from callredirect._threads import drop_spare, keep_spare

_lock = threading.Lock()
_loop: asyncio.AbstractEventLoop | None = None
_bots: set[Redirector] = set()


def handle(
    bot: Redirector,
    body: bytes,
    headers: Mapping[str, str] | Iterable[tuple[str, str]],
    received_at: float,
) -> Reply:
    """``bot.handle`` from a thread without a loop."""
    handling = bot.handle(body, headers, received_at=received_at)
    return asyncio.run_coroutine_threadsafe(handling, _running(bot)).result()


def close(bot: Redirector) -> None:
    """``bot.close`` from a thread without a loop. At the end of the process it happens by itself."""
    asyncio.run_coroutine_threadsafe(bot.close(), _running(bot)).result()


def _running(bot: Redirector) -> asyncio.AbstractEventLoop:
    global _loop
    with _lock:
        _bots.add(bot)
        if _loop is None:
            # Made on first use: a server forks its workers before that, and threads do not survive a fork.
            _loop = asyncio.new_event_loop()
            threading.Thread(target=_loop.run_forever, name="callredirect-loop", daemon=True).start()
            # No daemon, whatever thread this is: the interpreter waits for it, while threads can still be started, which
            # handlers that block need. At `atexit` it is too late for that since Python 3.12; in 3.12 itself it is here,
            # too, and the spare one has to do.
            keep_spare()
            threading.Thread(target=_drain, name="callredirect-drain", daemon=False).start()
        return _loop


def _drain() -> None:
    threading.main_thread().join()
    for bot in _bots:
        with contextlib.suppress(Exception):  # each in its turn, whatever became of another
            close(bot)


def _forget() -> None:
    global _lock, _loop
    _lock, _loop = threading.Lock(), None
    _bots.clear()
    drop_spare()


os.register_at_fork(after_in_child=_forget)
