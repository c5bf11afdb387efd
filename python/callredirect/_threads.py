"""Threads for what may block: synchronous handlers and credentials.

Of their own, because asyncio's default pool has a handful of threads for the whole application: a few handlers that
hang would keep every later call, and the host's own work, from starting.
"""

from __future__ import annotations

import asyncio
import contextvars
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

# Microsoft lets an application have 100 calls at a time.
_handlers = ThreadPoolExecutor(max_workers=100, thread_name_prefix="callredirect-handler")
_credentials = ThreadPoolExecutor(max_workers=100, thread_name_prefix="callredirect-credential")


async def run_handler(function: Callable[..., Any], *args: Any) -> Any:
    """Runs a handler in a thread, with the caller's context variables."""
    return await _run(_handlers, function, *args)


async def run_credential(function: Callable[..., Any], *args: Any) -> Any:
    """Runs a credential in a thread, with the caller's context variables."""
    return await _run(_credentials, function, *args)


async def _run(pool: ThreadPoolExecutor, function: Callable[..., Any], *args: Any) -> Any:
    context = contextvars.copy_context()
    return await asyncio.get_running_loop().run_in_executor(pool, lambda: context.run(function, *args))
