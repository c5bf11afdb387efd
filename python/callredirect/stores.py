"""What a claim store of your own has to do. The package's own stores are named by address, see ``Redirector``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from ._native import ClaimRecord

Final: TypeAlias = Literal[
    "accepted", "rejected", "gone", "left alone", "failed", "expired", "unknown", "ended"
]
"""How a redirect ended; or that the call itself did."""


class ClaimStore(Protocol):
    """A store of your own, such as a table of your database. Each method may be synchronous or asynchronous.

    Each changes one record atomically and returns the record **as it is afterwards**; what it must not change, it
    leaves as it is. The caller sees by ``worker`` and ``fence`` whether the call is its own. Times are seconds from
    now, on whatever clock the store has. ``key`` names the call: its id without dashes, in lower case.

    With SQL, ``claim`` is one statement::

        INSERT INTO claims (key, worker, fence, stage, lease_until, takeover_until)
        VALUES (:key, :worker, 1, 'claimed', :now + :lease, :now + :budget - 3)
        ON CONFLICT (key) DO UPDATE
           SET worker = excluded.worker, fence = claims.fence + 1, lease_until = excluded.lease_until
         WHERE claims.stage = 'claimed' AND NOT claims.ended
           AND claims.lease_until < :now AND claims.takeover_until > :now
    """

    def claim(
        self, key: str, worker: str, *, lease: float, budget: float
    ) -> ClaimRecord | Awaitable[ClaimRecord]:
        """Gives the call to the worker if nobody has it, or if its worker is gone.

        Gone is a worker whose lease lapsed while the stage was still ``claimed`` and at least 3 seconds of the
        first claim's budget were left: then the fence rises by one. Who tells the bot that a call ended is claimed in
        the same way, under a key of its own, which nobody takes over.
        """
        ...

    def extend(
        self, key: str, worker: str, *, fence: int, lease: float, sent: bool
    ) -> ClaimRecord | Awaitable[ClaimRecord]:
        """Holds the claim longer if worker and fence still have it; with ``sent``, raises the stage to ``sent``."""
        ...

    def finish(
        self, key: str, worker: str, *, stage: Final, attempts: int
    ) -> ClaimRecord | Awaitable[ClaimRecord]:
        """Says how the redirect ended, if the worker has the call or nobody has; the stage never goes back.

        ``ended`` is no stage but says that the call itself ended, whoever says so: from then on nobody can claim
        it. Its ``attempts`` are 0.
        """
        ...

    def get(self, key: str) -> ClaimRecord | None | Awaitable[ClaimRecord | None]:
        """What there is of a call."""
        ...
