"""A thread for each call of what may block: synchronous handlers and credentials.

One each, because a shared pool is full when a few of them hang, and then no later call even starts. Daemons, because a
function that never comes back must not keep the process from ending. Microsoft lets an application have 100 calls at a
time, so there are never many.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
from typing import TYPE_CHECKING, Any

from ._bridge import under_trio

if TYPE_CHECKING:
    from collections.abc import Callable


async def in_thread(function: Callable[..., Any], *args: Any) -> Any:
    """What the function returns or raises, run in a thread with the caller's context variables."""
    if under_trio():
        from . import _trio

        return await _trio.in_thread(function, *args)
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Any] = loop.create_future()
    context = contextvars.copy_context()

    def settle(result: Any, error: BaseException | None) -> None:
        if done.done():  # nobody waits any more
            return
        if error is None:
            done.set_result(result)
        else:
            done.set_exception(error)

    def run() -> None:
        result: Any = None
        error: BaseException | None = None
        try:
            result = context.run(function, *args)
        except StopIteration as stop:
            # No future can hold one: a coroutine would end with it instead of raising it.
            error = RuntimeError("StopIteration was raised")
            error.__cause__ = stop
        except BaseException as raised:
            error = raised
        with contextlib.suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(settle, result, error)

    threading.Thread(target=run, name="callredirect", daemon=True).start()
    return await done
