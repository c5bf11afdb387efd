"""A Microsoft Graph of your own, and a caller who rings your bot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callredirect import _native
from callredirect._native import (
    BotReplied,
    CallFailed,
    CallFinished,
    CallRang,
    ClientSecret,
    Events,
    NotificationSent,
    ReceivedRedirect,
    RedirectReceived,
    Replayed,
    RungCall,
    Scenario,
    SimulatorEvent,
    Verifier,
)
from callredirect.testing._redirects import IncomingCall, Redirects, SignedToken
from callredirect.testing._replay import replay, replay_async

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from callredirect.testing._scripts import BotSettings, ExampleOptions, RingOptions

__all__ = [
    "BotReplied",
    "CallFailed",
    "CallFinished",
    "CallRang",
    "Events",
    "IncomingCall",
    "NotificationSent",
    "ReceivedRedirect",
    "RedirectReceived",
    "Redirects",
    "Replayed",
    "RungCall",
    "Scenario",
    "SignedToken",
    "Simulator",
    "SimulatorEvent",
    "replay",
    "replay_async",
]


class Simulator(_native.Simulator):
    __doc__ = _native.Simulator.__doc__

    def bot_settings(self) -> BotSettings:
        """Keywords for a bot of this simulator: ``bot = callredirect.Redirector(**simulator.bot_settings())``.

        The bot gets the simulator's app id, fetches its keys, asks it for tokens and redirects through it.
        """
        return {
            "app_id": self.app_id,
            "credential": ClientSecret(
                self.app_id, self.client_secret, self.tenant_id, authority=self.base_url
            ),
            "verifier": Verifier(self.app_id, metadata_url=self.metadata_url),
            "base_url": self.base_url,
        }

    async def ring_async(self, url: str, **options: Unpack[RingOptions]) -> RungCall:
        """`ring` for a bot that runs on this very event loop, of asyncio or trio: the waiting happens in a thread."""
        from callredirect._threads import (
            call,
        )  # imports asyncio: most test suites never need it, and it is slow

        rung: RungCall = await call(self.ring, url, **options)
        return rung

    async def ring_example_async(self, number: int, url: str, **options: Unpack[ExampleOptions]) -> RungCall:
        """`ring_example` for a bot that runs on this very event loop, of asyncio or trio: the waiting happens in a thread."""
        from callredirect._threads import call

        rung: RungCall = await call(self.ring_example, number, url, **options)
        return rung

    async def play_async(self, url: str, scenario: Scenario) -> list[RungCall]:
        """`play` for a bot that runs on this very event loop, of asyncio or trio: the waiting happens in a thread."""
        from callredirect._threads import call

        rung: list[RungCall] = await call(self.play, url, scenario)
        return rung
