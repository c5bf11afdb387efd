"""A bot that is started for a call, and ended after it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from typing import TYPE_CHECKING

from . import _simulator
from ._failure import ENVIRONMENT, Failure

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator

    from callredirect.testing import Simulator

_PATIENCE = 10


@contextlib.contextmanager
def listening(options: argparse.Namespace, url: str) -> Iterator[Simulator]:
    """A simulator, and a bot that listens at the URL: the one whose command is given, or whoever is there.

    Raises:
        Failure: One of them cannot be had.
    """
    with _simulator.start(options) as graph, _running(options.command, graph, url) as check:
        _simulator.wait_for(graph, url, _simulator.patience(options), check)
        yield graph


@contextlib.contextmanager
def _running(command: list[str], graph: Simulator, url: str) -> Iterator[Callable[[], None]]:
    """Runs a command that knows the simulator; what it prints goes to standard error. Gives a check that it still runs.

    Raises:
        Failure: There is no such command, or another program listens at the URL. So does the check, when it has ended.
    """
    if not command:
        yield lambda: None
        return
    with contextlib.suppress(ConnectionError, ValueError):  # what is wrong with the URL itself is told later
        graph.wait_until_listening(url, 0)
        hint = "end it, or give the bot and this URL another port"
        raise Failure(f"another program listens at {url} already", hint, ENVIRONMENT)
    try:
        bot = subprocess.Popen(
            command,
            env=os.environ | _simulator.environment(graph),
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr,
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
