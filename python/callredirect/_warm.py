"""Keeps a quiet bot warm: idle connections are closed and tokens end, and the next call is to pay for neither."""

from __future__ import annotations

import asyncio
import os
import random
import weakref
from typing import TYPE_CHECKING

from ._observe import logger

if TYPE_CHECKING:
    from collections.abc import Callable

    from ._client import AsyncClient

INTERVAL = (20.0, 25.0)
"""Seconds between two looks, from and to: half of what an idle connection lasts, and not all workers at once."""

_TENANTS = 16
_SECONDS = 10.0


class Warmth:
    """Looks after the connection and after the tokens of the tenants lately called, one of them at each look.

    A timer of the event loop that calls come in on: it ends with the loop, and keeps no process from ending.
    """

    def __init__(self, client: AsyncClient) -> None:
        self._client = client
        # In the order of their calls; of each the number of the look at its token.
        self._tenants: dict[str | None, int] = {}
        self._looks = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pid = os.getpid()
        self._timer: asyncio.TimerHandle | None = None
        self._looking: asyncio.Task[None] | None = None
        self._closed = False

    def used(self, tenant: str | None) -> None:
        """A token of that tenant was needed, and may be again."""
        self._tenants.pop(tenant, None)
        self._note(tenant)
        if len(self._tenants) > _TENANTS:
            del self._tenants[next(iter(self._tenants))]
        runs = self._loop is not None and not self._loop.is_closed() and self._pid == os.getpid()
        if not (runs and self._timer is not None):
            self._loop, self._pid = asyncio.get_running_loop(), os.getpid()
            self._wind()

    async def close(self) -> None:
        """No more looks; one under way is given up."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        looking = self._looking
        if looking is not None and looking.get_loop() is asyncio.get_running_loop():
            looking.cancel()
            await asyncio.wait([looking])

    def _note(self, tenant: str | None) -> None:
        self._looks += 1
        self._tenants[tenant] = self._looks

    def _wind(self) -> None:
        if self._loop is not None:
            # The user's own random numbers stay as seeded, and forked workers differ.
            wait = random.SystemRandom().uniform(*INTERVAL)
            # Weakly: nobody is to look after a bot that was dropped without a word.
            self._timer = self._loop.call_later(wait, _begin, weakref.ref(self))

    async def look(self) -> None:
        """Looks once. Where there is no token the tenant's next call says so: until then nobody asks for it again."""
        tenant = min(self._tenants, key=self._tenants.__getitem__)
        self._note(tenant)
        try:
            await self._client._warm(tenant, _SECONDS, again=True)
        except Exception as error:
            # Only the class: what a credential raises may quote a secret.
            logger().debug("not kept warm: %s", type(error).__name__)
            if not isinstance(error, ConnectionError):
                self._tenants.pop(tenant, None)
        finally:
            self._timer = None
            if self._tenants and not self._closed:
                self._wind()


def _begin(looked_after: Callable[[], Warmth | None]) -> None:
    warmth = looked_after()
    if warmth is not None:
        warmth._looking = asyncio.get_running_loop().create_task(warmth.look())
