"""A bot that is started for a call, and ended after it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from typing import TYPE_CHECKING

from ._failure import ENVIRONMENT, Failure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_PATIENCE = 10


@contextlib.contextmanager
def running(command: list[str], environment: dict[str, str], url: str) -> Iterator[Callable[[], None]]:
    """Runs a command with further variables; what it prints goes to standard error. Gives a check that it still runs.

    Raises:
        Failure: There is no such command, or another program listens at the URL. So does the check, when it has ended.
    """
    if not command:
        yield lambda: None
        return
    if _listens(url):
        hint = "end it, or give the bot and this URL another port"
        raise Failure(f"another program listens at {url} already", hint, ENVIRONMENT)
    try:
        bot = subprocess.Popen(
            command, env=os.environ | environment, stdin=subprocess.DEVNULL, stdout=sys.stderr
        )
    except OSError as error:
        hint = "give the command that starts the bot, as in a shell"
        raise Failure(f"the bot cannot be started: {command[0]}: {error.strerror}", hint) from None

    def check() -> None:
        if bot.poll() is not None:
            hint = "what it printed is above"
            raise Failure(
                f"the bot ended with exit code {bot.returncode} before it listened", hint, ENVIRONMENT
            )

    try:
        yield check
    finally:
        bot.terminate()
        try:
            bot.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            bot.kill()
            bot.wait()


def _listens(url: str) -> bool:
    """Whether somebody takes connections there. What is wrong with the URL itself is told by who calls it."""
    import socket
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    try:
        socket.create_connection((parts.hostname or "", parts.port or 80), 1).close()
    except (OSError, ValueError):
        return False
    return True
