"""Starting a simulator for the command line, and what a bot needs to know of it."""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING, Any

import callredirect as cr
from callredirect.testing import Scenario, Simulator

from ._arguments import PORT, Number, OneOf, file_name
from ._failure import ENVIRONMENT, USAGE, Failure
from ._files import cannot_open

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from ._arguments import Arguments

DEFAULT_PORT = 8015
PATH = "/api/calls"
_EXAMPLE = """a scenario looks like this, and one call is enough:
   speed = 100
   [[calls]]
   source = { phone = "+14255550100" }
   callees = { "*" = "busy" }
   faults = ["duplicate", { name = "throttled", nth = 1 }]
   hang_up = 8"""


def add_arguments(
    parser: Arguments,
    speed: str = "people are X times faster, Graph's 15 seconds stay",
    *,
    rings: bool = True,
) -> None:
    """Adds the options of a simulator of one's own, what ``--speed`` says, and what only one that rings needs."""
    group = parser.add_argument_group("simulator")
    group.add_argument(
        "--port", type=PORT, metavar="PORT",
        help=f"where Graph is (default: {DEFAULT_PORT}, or a free one for a bot that is started here; 0: a free one)",
    )  # fmt: skip
    group.add_argument("--speed", type=Number(0.001, 1e6), metavar="X", help=speed)
    words = OneOf("not_found", "accepted", "conflict")
    group.add_argument(
        "--second-redirect", type=words, metavar="HOW",
        help="what the second redirect of a call is told: not_found (default), accepted or conflict",
    )  # fmt: skip
    if rings:
        whole = Number(0, 2**63, whole=True)
        group.add_argument("--seed", type=whole, metavar="N", help="decides about faults with a probability")


def is_running_already(options: argparse.Namespace) -> None:
    """Checks that nothing is asked of the simulator at ``--simulator`` that was decided when it started.

    Raises:
        Failure: Something is.
    """
    for option in ("port", "second_redirect"):
        if getattr(options, option, None) is not None:
            name = option.replace("_", "-")
            hint = f"it was started already; --{name} is for one that is started here"
            raise Failure(f"--simulator and --{name} exclude each other", hint)


def start(options: argparse.Namespace, faults: list[Any] | None = None) -> Simulator:
    """A simulator on the port asked for, with the ids and the secret that the environment has for the bot.

    Raises:
        Failure: It cannot listen, or there is no such fault.
    """
    ids = {"app_id": os.environ.get("BOT_APP_ID"), "tenant_id": os.environ.get("BOT_TENANT")}
    known: dict[str, Any] = {name: value for name, value in ids.items() if value}
    port = options.port
    if port is None:  # a bot that is started here is told where Graph is
        port = 0 if options.command else DEFAULT_PORT
    try:
        return Simulator(
            **known,
            port=port,
            client_secret=os.environ.get("BOT_SECRET") or None,
            speed=options.speed or 1.0,
            seed=getattr(options, "seed", None) or 0,
            faults=faults,
            second_redirect=getattr(options, "second_redirect", None) or "not_found",
        )
    except cr.ParseError as error:
        raise Failure(f"--fault: {error.reason}", "callredirect simulate --faults lists them") from None
    except OSError:
        where = f"http://127.0.0.1:{port}"
        hint = f"--port 0 takes a free one; if a simulator runs there, use it: --simulator {where}"
        raise Failure(f"port {port} of this machine is in use", hint, ENVIRONMENT) from None


def environment(graph: Simulator) -> dict[str, str]:
    """The variables that a bot like the README's needs to use this simulator."""
    return {
        "BOT_APP_ID": graph.app_id,
        "BOT_TENANT": graph.tenant_id,
        "BOT_SECRET": graph.client_secret,
        "BOT_METADATA_URL": graph.metadata_url,
        "GRAPH_URL": graph.base_url,
        "LOGIN_URL": graph.base_url,
    }


def exports(graph: Simulator) -> list[str]:
    """The same, as lines for a shell. A secret that the environment has already is not shown again."""
    lines = []
    for name, value in environment(graph).items():
        given = name == "BOT_SECRET" and os.environ.get(name) == value
        lines.append(
            "# BOT_SECRET is the one in the environment" if given else f"export {name}={shlex.quote(value)}"
        )
    return lines


def load(path: str) -> Scenario:
    """The scenario in a file.

    Raises:
        Failure: It cannot be read, or something in it is wrong.
    """
    try:
        return Scenario.load(path)
    except cr.ParseError as error:
        raise bad_scenario(error) from None
    except OSError as error:
        raise cannot_open(path, error) from None


def bad_scenario(error: cr.ParseError) -> Failure:
    """What is wrong in a scenario, in words."""
    at = f" at {error.path}" if error.path not in ("", "$") else ""
    place = f" in line {error.line}" if error.line else ""
    known = "callredirect ring --help and callredirect simulate --faults have the words there are"
    hint = known if "did you mean" in error.reason else _EXAMPLE
    return Failure(f"{error.reason}{at}{place}", hint)


def bot_url(url: str) -> str:
    """The address of a bot's webhook; where none has a path, that of the adapters."""
    from urllib.parse import urlsplit

    return url.rstrip("/") + PATH if urlsplit(url).path in ("", "/") else url


def add_scenario(parser: Arguments, option: str) -> None:
    """Adds the option of a file with calls."""
    parser.add_argument(option, type=file_name, metavar="FILE", help="TOML with the calls to ring")


def patience(options: argparse.Namespace) -> float:
    """Seconds to wait for the bot to listen: longer for one that is started here."""
    if options.patience is not None:
        return float(options.patience)
    return 30.0 if options.command else 5.0


def wait_for(graph: Simulator, url: str, patience: float, alive: Callable[[], None]) -> None:
    """Waits until the bot listens, and looks whether it is still there."""
    while True:
        alive()
        patience -= 0.25
        try:
            graph.wait_until_listening(url, 0.25)
        except ConnectionError as error:
            if patience <= 0:
                where = str(error).partition(" (tried")[0]
                hint = "start the bot first, or give its command behind --"
                raise Failure(where, hint, ENVIRONMENT) from None
        except ValueError as error:
            raise Failure(str(error), "ring bots where they run", USAGE) from None
        else:
            return
