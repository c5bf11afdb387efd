"""Where in a JSON text something is, by its path, and that line of the text with a mark below it."""

from __future__ import annotations

import json
from json import decoder
from typing import TYPE_CHECKING, NamedTuple

from ._terminal import masked, plain

if TYPE_CHECKING:
    from collections.abc import Callable

    from ._terminal import Terminal

_scan: Callable[[str, int], tuple[str, int]] = decoder.scanstring  # type: ignore[attr-defined]
"""A string of JSON from behind its quotation mark on, and where it ends."""
_BLANK = " \t\n\r"
_MARGIN = 4


class Place(NamedTuple):
    """A piece of a text, by offsets: the value, or the member's name and value where the name says more."""

    start: int
    end: int


class Places:
    """The places of a valid JSON text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._found: dict[str, Place] = {}
        self._decoder = json.JSONDecoder()
        self._value(self._skip(0), "$")

    def find(self, path: str) -> Place:
        """The place of a path; for something that is missing, of what it is missing in: its name or its brackets."""
        if path in self._found:
            return self._found[path]
        while path not in self._found and path != "$":
            path = path[: max(path.rfind("."), path.rfind("["), 1)]
        outer = self._found.get(path, Place(0, 1))
        return Place(outer.start, outer.start + 1)

    def _skip(self, at: int) -> int:
        while at < len(self._text) and self._text[at] in _BLANK:
            at += 1
        return at

    def _value(self, at: int, path: str) -> int:
        """Notes the value that begins here, and returns where it ends."""
        opening = self._text[at]
        if opening == "{":
            end = self._members(at, path)
        elif opening == "[":
            end = self._items(at, path)
        else:
            _, end = self._decoder.raw_decode(self._text, at)
        self._found[path] = Place(at, end)
        return end

    def _members(self, at: int, path: str) -> int:
        at = self._skip(at + 1)
        while self._text[at] != "}":
            name, at = _scan(self._text, at + 1)
            at = self._skip(self._skip(at) + 1)
            at = self._skip(self._value(at, path + _step(name)))
            at = self._skip(at + 1) if self._text[at] == "," else at
        return at + 1

    def _items(self, at: int, path: str) -> int:
        at, count = self._skip(at + 1), 0
        while self._text[at] != "]":
            at = self._skip(self._value(at, f"{path}[{count}]"))
            at, count = self._skip(at + 1) if self._text[at] == "," else at, count + 1
        return at + 1


def _step(name: str) -> str:
    """As the paths of violations have it."""
    is_word = name.isascii() and name.replace("_", "a").isalnum() and not name[0].isdigit()
    return f".{name}" if is_word else f"[{json.dumps(name, ensure_ascii=False)}]"


def position(text: str, offset: int) -> tuple[int, int]:
    """1-based line and column of an offset."""
    return text.count("\n", 0, offset) + 1, offset - (text.rfind("\n", 0, offset) + 1) + 1


def show_source(terminal: Terminal, text: str, place: Place, *styles: str) -> None:
    """Prints the line of a place, with carets below it; a piece of the line where it is long. Numbers are masked."""
    number, column = position(text, place.start)
    first = place.start - (column - 1)
    last = text.find("\n", first)
    line = masked(text[first : len(text) if last < 0 else last].rstrip("\r"))
    length = max(1, min(place.end, first + len(line)) - place.start)

    margin = f"{number:>{_MARGIN}} │ "
    room = (terminal.width or 100) - len(margin)
    cut = 0 if len(line) <= room else max(0, column - 1 - room // 3)
    before, marked = plain(line[cut : column - 1]), plain(line[column - 1 : column - 1 + length])
    after = plain(line[column - 1 + length :])
    if cut:
        before = "…" + before[1:]
    shown = before + marked + after
    if len(shown) > room:
        shown = shown[: room - 1] + "…"
    start = min(len(before), room - 1)
    carets = "^" * max(1, min(len(marked), room - start))
    terminal.say(terminal.paint(margin, "dim") + shown)
    terminal.say(terminal.paint(" " * _MARGIN + " │ ", "dim") + " " * start + terminal.paint(carets, *styles))
