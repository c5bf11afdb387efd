"""A Microsoft Graph of your own, and a caller who rings your bot."""

from __future__ import annotations

from typing import Any

from callredirect import _native
from callredirect._native import ReceivedRedirect, RungCall

__all__ = ["ReceivedRedirect", "RungCall", "Simulator"]


class Simulator(_native.Simulator):
    """A Microsoft Graph of your own on this machine, with a caller who rings your bot.

    Everything is real HTTP on a free port of 127.0.0.1: signed notification tokens, Graph's checks and errors, and
    the 15 seconds. Give `base_url` to the client under test and `metadata_url` or `jwks` to the verifier.
    """

    async def ring_async(self, url: str, **options: Any) -> RungCall:
        """`ring` for a bot that runs on this very event loop: the waiting happens in a thread."""
        import asyncio  # most test suites never need it, and it is slow to import

        return await asyncio.to_thread(self.ring, url, **options)

    async def ring_example_async(self, number: int, url: str, **options: Any) -> RungCall:
        """`ring_example` for a bot that runs on this very event loop: the waiting happens in a thread."""
        import asyncio

        return await asyncio.to_thread(self.ring_example, number, url, **options)
