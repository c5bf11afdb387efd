"""Reading what the command line names: a file, or ``-`` for standard input."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from ._failure import FINDING, USAGE, Failure, did_you_mean

if TYPE_CHECKING:
    from callredirect.exceptions import ParseError

STDIN = "standard input"
MOST_BYTES = 64 * 1024 * 1024
"""Nobody's JSON is longer; a device that never ends is."""


def shown(path: str) -> str:
    """The name of an input for people."""
    return STDIN if path == "-" else path


def read_bytes(path: str) -> bytes:
    """The bytes of a file, or of standard input for ``-``."""
    try:
        if path == "-":
            if sys.stdin is None or sys.stdin.isatty():
                raise Failure("standard input is the keyboard", "name a file, or pipe something into it")
            data = sys.stdin.buffer.read(MOST_BYTES + 1)
        else:
            with open(path, "rb") as file:
                data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise cannot_open(path, error) from None
    if len(data) > MOST_BYTES:
        raise Failure(
            f"{shown(path)} is longer than {MOST_BYTES // 1024 // 1024} MiB", "is it the right file?"
        )
    return data


def read_text(path: str, code: int = USAGE) -> str:
    """The text of a file of UTF-8; an UTF-8 byte order mark is passed over. ``code`` is the exit code for one that is not."""
    data = read_bytes(path)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        utf16 = data[:2] in (b"\xff\xfe", b"\xfe\xff")
        hint = "it looks like UTF-16, as PowerShell writes it" if utf16 else "is it the right file?"
        raise Failure(
            f"{shown(path)} is not UTF-8: byte 0x{data[error.start]:02x} in line {line}",
            f"{hint}; convert it: iconv -f {'UTF-16' if utf16 else 'LATIN1'} -t UTF-8",
            code,
        ) from None


def cannot_open(path: str, error: OSError) -> Failure:
    """Why a file cannot be read or written, and what to do."""
    if isinstance(error, FileNotFoundError):
        folder, name = os.path.split(path)
        try:
            near = did_you_mean(name, sorted(os.listdir(folder or "."))[:10_000])
        except OSError:
            return Failure(f"there is no folder {folder}", "check the path")
        return Failure(f"there is no file {path}", near or "check the path; - reads standard input")
    if isinstance(error, IsADirectoryError):
        return Failure(f"{path} is a directory, not a file", f"name the files in it: {path.rstrip('/')}/*")
    if isinstance(error, PermissionError):
        return Failure(
            f"{shown(path)} may not be opened: permission denied", "check its owner and mode: ls -l"
        )
    return Failure(f"{shown(path)} cannot be opened: {error.strerror or error}", "check the path")


def offset(text: str, error: ParseError) -> int:
    """Where in the text the fault is."""
    start = 0
    for _ in range(error.line - 1):
        start = text.find("\n", start) + 1
    return min(start + max(error.column, 1) - 1, len(text))


def not_json(path: str, error: ParseError, code: int = FINDING) -> Failure:
    """A file whose content cannot be read, at its place."""
    place = f":{error.line}:{error.column}" if error.line else ""
    return Failure(f"{shown(path)}{place}: {error.reason} at {error.path}", code=code)
