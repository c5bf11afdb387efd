"""Recordings of webhook requests: writing them beside a bot, and reading them again."""

from __future__ import annotations

import atexit
import os

from ._native import RecordWriter, _flush_recordings, _read_recording
from ._observe import logger

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime
    from typing import Any

    from typing_extensions import Self

    from ._native import Receipt, RecordedRequest

# Of lines that cannot be read, these many are told of one by one.
_MOST_LOGGED = 20


class Recorder:
    """Records webhook requests into a file of JSON Lines: ``Redirector(..., record=Recorder("calls.jsonl"))``.

    A line has the body, the time, harmless headers and what became of the request; never ``Authorization`` or cookies.
    Requests are taken in microseconds and written by a thread of its own. Several workers may record into one file. A
    disk that is full, slow or gone costs recordings, never calls: what could not be written is counted in ``dropped``
    and told of once a minute.

    Args:
        path: The file; it is appended to, and made, readable by its owner only, when the first request comes.
        max_bytes: A file that would grow beyond is put aside as ``calls.jsonl.1``, the one before as ``.2``, and so
            on; ``None`` lets it grow for ever.
        keep: How many of those are kept.
        redact: Replace telephone numbers, names, tokens, passcodes, ways into meetings and every other text that is
            not known to be harmless, each by the same replacement wherever it comes. Ids, states, codes and times
            stay. The key of the replacements is kept in ``calls.jsonl.key``: do not give it away with the recording.
            **With** ``False`` **the file holds personal data as it came**, and a warning says so.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        max_bytes: int | None = 64 * 1024 * 1024,
        keep: int = 4,
        redact: bool = True,
    ) -> None:
        self._path = os.path.abspath(path)  # a bot may change its folder later
        self._redact = redact
        self._writer = RecordWriter(self._path, max_bytes=max_bytes, keep=keep, redact=redact)
        if not redact:
            logger().warning(
                "%s will hold telephone numbers, names and other personal data AS THEY COME:"
                " redact=True replaces them",
                self._path,
            )

    @property
    def path(self) -> str:
        """The file, as an absolute path."""
        return self._path

    @property
    def written(self) -> int:
        """Requests that this process has written."""
        return self._writer.counts[0]

    @property
    def dropped(self) -> int:
        """Requests that this process could not write."""
        return self._writer.counts[1]

    def record(
        self,
        body: bytes | str | Mapping[str, Any],
        headers: Mapping[str, str] | Iterable[tuple[str, str] | tuple[bytes, bytes]] = (),
        *,
        status: int | None = None,
        verified: bool | None = None,
        reason: str | None = None,
        method: str | None = None,
        path: str | None = None,
        received_at: datetime | None = None,
    ) -> None:
        """Records a request that somebody else took; a ``Redirector`` records its own.

        Args:
            body: The body as it came.
            headers: All its headers; those that may be secret are left out.
            status: The HTTP status that was answered.
            verified: Whether its token was genuine.
            reason: Why it was refused.
            method: HTTP method.
            path: Path of the URL; its query is not recorded, unless ``redact=False``.
            received_at: When it came, with a time zone; now, if it is not given.
        """
        self._tell(
            self._writer.record(
                body,
                headers,
                received_at=None if received_at is None else received_at.timestamp(),
                method=method,
                path=path,
                status=status,
                verified=verified,
                reason=reason,
            )
        )

    def _note(self, body: Any, headers: Any, received_at: float, receipt: Receipt, anyone: bool) -> None:
        """Records a request that a bot has answered. Whatever goes wrong is no concern of the bot's."""
        try:
            self._tell(self._writer.note(body, headers, received_at, receipt, anyone))
        except Exception as error:
            logger().warning("%s: a request was not recorded: %s", self._path, type(error).__name__)

    def flush(self, timeout: float = 5.0) -> bool:
        """Waits until all is written, so many seconds at most. Whether it is."""
        flushed = self._writer.flush(timeout)
        self._tell(self._writer.warning())
        return flushed

    def close(self) -> None:
        """Writes what waits, in 5 seconds at most, and lets go of the file. At exit this happens by itself.

        Harmless when closed already; a request that comes later opens the file again.
        """
        if not self._writer.close(5.0):
            logger().warning("%s: closed before everything was written", self._path)
        self._tell(self._writer.warning())

    def _tell(self, warning: str | None) -> None:
        if warning is not None:
            logger().warning("%s", warning)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        shown = "" if self._redact else ", redact=False"
        return f"Recorder({self._path!r}{shown})"


def read_recording(path: str | os.PathLike[str]) -> list[RecordedRequest]:
    """Reads a recording, with the older files that were put aside (``calls.jsonl.1``, ...), oldest first.

    A line that cannot be read, such as one torn by a crash, is skipped, and the log says which.

    Raises:
        OSError: The file is not there, or cannot be read.
        ValueError: None of its lines is of a recording.
    """
    requests, skipped = _read_recording(os.fspath(path))
    if skipped and not requests:
        raise ValueError(f"not a recording: {skipped[0]}")
    for fault in skipped[:_MOST_LOGGED]:
        logger().warning("skipped: %s", fault)
    if len(skipped) > _MOST_LOGGED:
        logger().warning("skipped: %d more lines", len(skipped) - _MOST_LOGGED)
    return requests


atexit.register(_flush_recordings)
