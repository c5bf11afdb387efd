"""A Microsoft Graph of your own, and a caller who rings your bot."""

from __future__ import annotations

from typing import Any

from callredirect import _native
from callredirect._native import ReceivedRedirect, RungCall

__all__ = ["ReceivedRedirect", "RungCall", "Simulator"]


class Simulator(_native.Simulator):
    __doc__ = _native.Simulator.__doc__

    async def ring_async(self, url: str, **options: Any) -> RungCall:
        """`ring` for a bot that runs on this very event loop: the waiting happens in a thread."""
        import asyncio  # most test suites never need it, and it is slow to import

        return await asyncio.to_thread(self.ring, url, **options)
