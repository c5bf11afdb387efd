"""The command line. One module for each command; none is loaded before it is asked for."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING, Any, Protocol

from ._failure import (
    BROKEN_PIPE,
    ENVIRONMENT,
    EXIT_CODES,
    INTERRUPTED,
    OK,
    TERMINATED,
    Failure,
    did_you_mean,
)
from ._terminal import Terminal, report

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from types import FrameType

    from ._arguments import Arguments

__all__ = ["main"]

COMMANDS = {
    "parse": "show what is in a notification",
    "validate": "find every fault of a redirect, at its line",
    "send": "redirect a call that is ringing now",
    "simulate": "run a Graph of your own, with a caller and a live page",
    "ring": "ring a bot on this machine and watch what it does",
    "record": "stand before a bot and record its notifications",
    "replay": "play a recording into a bot",
    "doctor": "check token, network, keys and callback, and say what to do",
    "completion": "print the completion for bash, zsh or fish",
}


class Command(Protocol):
    """What the module of a command has."""

    def arguments(self) -> Arguments:
        """The parser of its arguments."""
        ...

    def run(self, options: argparse.Namespace) -> int:
        """Does it. Returns the exit code."""
        ...


class _Terminated(BaseException):
    pass


def main(words: Sequence[str] | None = None) -> int:
    """Runs a command line and returns its exit code.

    Args:
        words: What stands behind ``callredirect``; ``sys.argv[1:]`` if ``None``.
    """
    words = sys.argv[1:] if words is None else words
    as_json = "--json" in words
    for stream in (sys.stdout, sys.stderr):
        # What a terminal cannot show is shown escaped, instead of ending the program.
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        signal.signal(signal.SIGTERM, _terminate)
        code = _run(words)
        sys.stdout.flush()
    except Failure as failure:
        report(failure, as_json=as_json)
        code = failure.code
    except BrokenPipeError:
        # The interpreter flushes once more at its end, and would complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = BROKEN_PIPE
    except KeyboardInterrupt:
        code = INTERRUPTED
    except _Terminated:
        code = TERMINATED
    except OSError as error:
        # No command expects it: full disks and the like.
        what = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        report(Failure(what, "see the operating system's message", ENVIRONMENT), as_json=as_json)
        code = ENVIRONMENT
    return code


def command(name: str) -> Command:
    """The module of a command."""
    import importlib

    module: Any = importlib.import_module(f".{name}", __name__)
    found: Command = module
    return found


def _run(words: Sequence[str]) -> int:
    name, rest = (words[0], words[1:]) if words else ("--help", ())
    if name == "help" and rest:
        name, rest = rest[0], ("--help",)
    if name in ("-h", "--help", "help"):
        _help()
        return OK
    if name in ("-V", "--version", "version"):
        Terminal(sys.stdout).say(f"callredirect {_version()}")
        return OK
    if name not in COMMANDS:
        if name.startswith("-"):
            hint = (
                did_you_mean(name, ["--help", "--version"])
                or "a command comes first, such as: callredirect parse"
            )
            raise Failure(f"callredirect has no option {name}", hint)
        hint = did_you_mean(name, [*COMMANDS]) or "callredirect --help lists them"
        raise Failure(f"callredirect has no command {name!r}", hint)
    module = command(name)
    try:
        options = module.arguments().read(rest)
    except SystemExit:  # of --help
        return OK
    return module.run(options)


def _help() -> None:
    out = Terminal(sys.stdout)
    title = out.paint("callredirect", "bold")
    out.say(f"{title} redirects incoming Microsoft Teams calls. Unofficial.")
    out.say()
    out.say("usage: callredirect COMMAND [options]")
    out.say("       callredirect COMMAND --help")
    out.say()
    for name, summary in COMMANDS.items():
        out.say(f"  {out.paint(f'{name:<12}', 'cyan')}{summary}")
    out.say()
    out.say("Every command takes --json. Exit codes:")
    for code, meaning in EXIT_CODES.items():
        out.say(f"  {code:>3}  {meaning}")
    out.say()
    out.say(
        out.paint("NO_COLOR=1 and FORCE_COLOR=1 decide about colours; otherwise the terminal does.", "dim")
    )


def _version() -> str:
    from importlib.metadata import version

    return version("callredirect")


def _terminate(_number: int, _frame: FrameType | None) -> None:
    raise _Terminated
