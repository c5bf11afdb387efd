"""The parser of arguments: argparse, with words near to what was mistyped, and types that completion can read."""

from __future__ import annotations

import argparse
import sys
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, NoReturn

from ._failure import Failure, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Words(ABC):
    """A value that begins with one of some words, for completion to know."""

    @property
    @abstractmethod
    def words(self) -> tuple[str, ...]:
        """The words."""


class OneOf(Words):
    """A value out of a few words."""

    def __init__(self, *words: str) -> None:
        self._words = words

    @property
    def words(self) -> tuple[str, ...]:
        """The words."""
        return self._words

    def __call__(self, text: str) -> str:
        if text in self.words:
            return text
        near = did_you_mean(text, self.words)
        known = ", ".join(self.words[:-1]) + f" or {self.words[-1]}"
        raise argparse.ArgumentTypeError(f"{text!r} is not {known}{f'; {near}' if near else ''}")


def file_name(text: str) -> str:
    """A file, for completion to know."""
    return text


class Number:
    """A number between bounds."""

    def __init__(self, least: float, most: float, *, whole: bool = False, unit: str = "") -> None:
        self._least, self._most = least, most
        self._read: Callable[[str], float] = int if whole else float
        self._what = f"a {'whole ' if whole else ''}number{unit and f' of {unit}'} from {least:g} to {most:g}"

    def __call__(self, text: str) -> Any:
        try:
            number = self._read(text)
        except ValueError:
            number = float("nan")
        if not self._least <= number <= self._most:
            raise argparse.ArgumentTypeError(f"{text!r} is not {self._what}")
        return number


PORT = Number(0, 65535, whole=True)
SECONDS = Number(0, 86_400, unit="seconds")


def http_url(text: str) -> str:
    """An address of http or https; without a password, for addresses end up in logs."""
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018  # raises for one that is none
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"this is no URL: {error}") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        address = text if "://" in text else f"http://{text}"
        raise argparse.ArgumentTypeError(f"a URL begins with http:// or https://; perhaps {address}")
    if parts.username or parts.password:
        raise argparse.ArgumentTypeError("an address must not carry a user or password")
    return text


class _Formatter(argparse.RawDescriptionHelpFormatter):
    def __init__(self, prog: str, **options: Any) -> None:
        from ._terminal import Terminal

        width = min(Terminal(sys.stdout).width or 80, 100)
        super().__init__(prog, **{**options, "max_help_position": 28, "width": width})


class Arguments(argparse.ArgumentParser):
    """The arguments of one command.

    Args:
        command: Its name.
        description: What it does, for ``--help``.
        epilog: Examples.
    """

    def __init__(self, command: str, description: str, epilog: str = "", usage: str | None = None) -> None:
        super().__init__(
            prog=f"callredirect {command}",
            description=description,
            epilog=epilog,
            usage=usage,
            formatter_class=_Formatter,
            allow_abbrev=False,
            add_help=False,
        )
        self.command = command
        self.takes_command = False
        """Whether a command of somebody else's may follow behind ``--``."""
        self.add_argument("-h", "--help", action="help", help="show this")

    def add_json(self, what: str = "print one JSON document, and errors as JSON, too") -> None:
        """Adds ``--json``."""
        self.add_argument("--json", action="store_true", help=what)

    def read(self, words: Sequence[str]) -> argparse.Namespace:
        """Reads the arguments.

        Raises:
            Failure: They are wrong.
        """
        # What stands behind `--` is another program's; argparse would look at it.
        end = list(words).index("--") if "--" in words else len(words)
        for word in words[:end]:
            self._known(word)
        options = self.parse_args(words[:end])
        options.command = list(words[end + 1 :])
        if options.command and not self.takes_command:
            raise Failure(f"callredirect {self.command} takes nothing behind --", self._see_help())
        return options

    def _known(self, word: str) -> None:
        name = word.partition("=")[0]
        options = self._option_string_actions
        short = len(word) > 1 and word[0] == "-" and word[:2] in options
        if not word.startswith("-") or word == "-" or name in options or (short and word[1] != "-"):
            return
        if word[1:2].isdigit():
            return  # a negative number
        if name in ("--secret", "--client-secret", "--token"):
            hint = "everybody on this machine would see it: set BOT_SECRET or GRAPH_TOKEN, or name a file"
            raise Failure(f"callredirect {self.command} takes no secret as an argument", hint)
        near = did_you_mean(name, [*options])
        raise Failure(f"callredirect {self.command} has no option {name}", near or self._see_help())

    def error(self, message: str) -> NoReturn:
        """Called by argparse for whatever else is wrong."""
        message = message.replace("the following arguments are required:", "missing:")
        message = message.replace("unrecognized arguments:", "one argument too many:")
        raise Failure(f"callredirect {self.command}: {message}", self._see_help())

    def _see_help(self) -> str:
        return f"callredirect {self.command} --help shows what it takes"

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """Choices are checked by their type, whose message knows the near word."""
