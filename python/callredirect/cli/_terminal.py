"""Where output goes: colours and width on a terminal, plain text and JSON anywhere else."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    import re

    from typing_extensions import Self

    from ._failure import Failure

_CODES = {
    "bold": "1",
    "dim": "2",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "blue": "34",
    "magenta": "35",
    "cyan": "36",
}
_ASCII = str.maketrans({
    "│": "|", "├": "|", "└": "`", "─": "-", "█": "#", "░": ".", "·": "-", "→": "->", "…": "...", "✓": "+", "✗": "x",
})  # fmt: skip
_WIDTH = 80
_WIDEST = 120


class Terminal:
    """One stream, and what can be shown on it."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.is_terminal = stream.isatty()
        self.colours = _colours(self.is_terminal)
        self.unicode = (getattr(stream, "encoding", None) or "").lower().replace("-", "").startswith("utf")
        self.width = _width(stream) if self.is_terminal else None
        """Columns; ``None`` where there is no edge to run over."""

    def paint(self, text: str, *styles: str) -> str:
        """The text in these styles, where there are colours."""
        if not (self.colours and styles and text):
            return text
        return f"\x1b[{';'.join(_CODES[style] for style in styles)}m{text}\x1b[0m"

    def say(self, text: str = "") -> None:
        """Prints a line. It may have colours of ``paint``; what came from outside went through ``plain``."""
        line = text if self.unicode else text.translate(_ASCII)
        self.stream.write(line + "\n")
        if self.is_terminal:
            self.stream.flush()

    def say_json(self, value: Any) -> None:
        """Prints a value as one line of JSON, at once: a program may be waiting for it."""
        import json

        self.stream.write(json.dumps(value, ensure_ascii=not self.unicode) + "\n")
        self.stream.flush()

    def say_wrapped(self, text: str, indent: str, first: str | None = None) -> None:
        """Prints a paragraph, with the indent before each line, or something else before the first."""
        first = indent if first is None else first
        if self.width is None:
            return self.say(first + text)
        import textwrap

        lines = textwrap.wrap(text, self.width - len(indent), break_long_words=False, break_on_hyphens=False)
        for number, line in enumerate(lines):
            self.say((indent if number else first) + line)
        return None

    def say_table(self, titles: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
        """Prints columns as wide as what is in them; with short ids where the terminal is too narrow."""
        widths = [max(map(len, column)) for column in zip(titles, *rows, strict=True)]
        if self.width and sum(widths) + 2 * len(widths) > self.width:
            rows = [tuple(map(_short_ids, row)) for row in rows]
            widths = [max(map(len, column)) for column in zip(titles, *rows, strict=True)]
        for row in (titles, *rows):
            line = "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
            self.say(self.paint(self.cut(line), *(("dim",) if row is titles else ())))

    def cut(self, text: str, used: int = 0) -> str:
        """The text, short enough for what is left of a line. Without colours, which have no width."""
        left = None if self.width is None else max(self.width - used, 8)
        return text if left is None or len(text) <= left else text[: left - 1] + "…"


class Progress:
    """A bar on standard error, where that is a terminal."""

    def __init__(self, total: int) -> None:
        self._terminal = Terminal(sys.stderr)
        self._total = total
        self._done = 0
        self._shown = -1

    def step(self) -> None:
        """One more is done."""
        self._done += 1
        width = 30
        share = self._done * width // max(self._total, 1)
        if self._terminal.is_terminal and (share != self._shown or self._done == self._total):
            self._shown = share
            bar = "█" * share + "░" * (width - share)
            bar = bar if self._terminal.unicode else bar.translate(_ASCII)
            self._terminal.stream.write(f"\r{bar} {self._done} of {self._total}")
            self._terminal.stream.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._terminal.is_terminal:
            self._terminal.stream.write("\r\x1b[K")
            self._terminal.stream.flush()


def plain(value: object) -> str:
    """A value of somebody else's as one harmless line: nothing that moves a cursor or turns text around."""
    text = value if isinstance(value, str) else str(value)
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def masked(text: str) -> str:
    """JSON text with telephone numbers, tokens and what stands in the query of URLs starred out, and just as long."""
    import re

    text = re.sub(r'"\+?[0-9 ()./-]{5,18}[0-9]"', _stars, text)
    text = re.sub(r"\+[0-9]{7,}", _stars, text)
    text = re.sub(r"(?<=[?&])([^\s=&#\"]+=)([^\s&#\"]+)", lambda found: found[1] + "*" * len(found[2]), text)
    return re.sub(r"\beyJ[\w-]+\.[\w-]+\.[\w-]*", lambda found: "*" * len(found[0]), text)


def _stars(found: re.Match[str]) -> str:
    """All digits but the last two."""
    shown = found[0]
    digits = [at for at, char in enumerate(shown) if char.isdigit()]
    hidden = set(digits[:-2]) if len(digits) >= 7 else ()
    return "".join("*" if at in hidden else char for at, char in enumerate(shown))


def count(number: int, noun: str) -> str:
    """``1 call``, ``2 calls``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def report(failure: Failure, *, as_json: bool) -> None:
    """Says on standard error why a command ended."""
    terminal = Terminal(sys.stderr)
    if as_json:
        error = {"message": failure.message, "hint": failure.hint, "exit_code": failure.code}
        terminal.say_json({"error": error})
        return
    terminal.say(f"{terminal.paint('error:', 'red', 'bold')} {plain(failure.message)}")
    if failure.hint:
        terminal.say(f"{terminal.paint(' hint:', 'cyan')} {plain(failure.hint)}")


def note(text: str) -> None:
    """Tells a person something beside the output."""
    terminal = Terminal(sys.stderr)
    terminal.say(terminal.paint(plain(text), "dim"))


def _short_ids(text: str) -> str:
    import re

    return re.sub(r"\b([0-9a-f]{8})-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b", r"\1…", text)


def _colours(is_terminal: bool) -> bool:
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return is_terminal and os.environ.get("TERM") != "dumb"


def _width(stream: TextIO) -> int:
    columns = os.environ.get("COLUMNS", "")
    if columns.isdecimal() and int(columns) > 0:
        return min(int(columns), _WIDEST)
    try:
        return min(os.get_terminal_size(stream.fileno()).columns or _WIDTH, _WIDEST)
    except OSError:
        return _WIDTH
