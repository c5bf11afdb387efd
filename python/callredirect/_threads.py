"""A thread for each call of what may block: synchronous handlers, credentials and stores.

One each, because a shared pool is full when a few of them hang, and then no later call even starts. Daemons, because a
function that never comes back must not keep the process from ending. Microsoft lets an application have 100 calls at a
time, so there are never many.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
import inspect
import queue
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from ._bridge import under_trio

if TYPE_CHECKING:
    from collections.abc import Callable

_spare: queue.SimpleQueue[Callable[[], None]] | None = None


def keep_spare() -> None:
    """Keeps a thread for the end of the process, when Python 3.12 starts no other, though it waits for those it has."""
    global _spare
    _spare = queue.SimpleQueue()
    threading.Thread(target=_serve, args=(_spare,), name="callredirect-spare", daemon=True).start()


def drop_spare() -> None:
    """In a forked child, which has the queue and not the thread."""
    global _spare
    _spare = None


def _serve(jobs: queue.SimpleQueue[Callable[[], None]]) -> None:
    while True:
        jobs.get()()


def start(function: Callable[..., Any], *args: Any) -> Future[Any]:
    """Runs it in a thread with the caller's context variables; the future has what it returns or raises."""
    done: Future[Any] = Future()
    context = contextvars.copy_context()

    def run() -> None:
        try:
            result = context.run(function, *args)
        except BaseException as error:
            done.set_exception(error)
        else:
            done.set_result(result)

    try:
        threading.Thread(target=run, name="callredirect", daemon=True).start()
    except RuntimeError:
        if _spare is None:
            raise
        _spare.put(run)
    return done


async def call(function: Callable[..., Any], *args: Any, **named: Any) -> Any:
    """What it returns or raises: awaited if it is asynchronous, in a thread if it is not, for then it may block."""
    if inspect.iscoroutinefunction(function):
        return await function(*args, **named)
    running = start(functools.partial(function, *args, **named))
    await settled(running)
    result = running.result()
    return await result if inspect.isawaitable(result) else result


async def settled(result: Future[Any], seconds: float | None = None) -> bool:
    """Waits for it, so long at most. Not by wrapping it: cancelling one who waits must not cancel it for the others."""
    if under_trio():
        from . import _trio

        return await _trio.settled(result, seconds)
    loop = asyncio.get_running_loop()
    waiting: asyncio.Future[None] = loop.create_future()

    def wake() -> None:
        if not waiting.done():  # somebody still waits
            waiting.set_result(None)

    def ring(_: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(wake)

    result.add_done_callback(ring)
    await asyncio.wait([waiting], timeout=seconds)
    return result.done()
