"""``callredirect replay``: play a recording into a bot."""

from __future__ import annotations

from ._arguments import Arguments


def arguments() -> Arguments:
    """The parser of its arguments."""
    return Arguments("replay", "x")
