"""Reading a body no further than it is looked at: a stranger may send gigabytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterable


class Readable(Protocol):
    """What a WSGI host has the body in."""

    def read(self, size: int = -1, /) -> bytes:
        """At most so many bytes; none at the end."""
        ...


async def read_chunks(chunks: AsyncIterable[bytes], most: int) -> bytes:
    """The body, or so much of it that it is more than the most bytes there may be."""
    body = bytearray()
    async for chunk in chunks:
        body += chunk
        if len(body) > most:
            break
    return bytes(body)


def read_stream(stream: Readable, most: int) -> bytes:
    """The body, or so much of it that it is more than the most bytes there may be."""
    body = bytearray()
    while len(body) <= most and (chunk := stream.read(most + 1 - len(body))):
        body += chunk
    return bytes(body)
