"""Whether this process is one of several workers, as far as a process can tell."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def siblings(
    argv: Sequence[str] | None = None, environ: Mapping[str, str] | None = None, modules: object = None
) -> str | None:
    """What says that there are other workers: a variable, an option of the server. ``None`` if nothing does."""
    argv = sys.argv if argv is None else argv
    environ = os.environ if environ is None else environ
    modules = sys.modules if modules is None else modules
    # uvicorn, hypercorn and gunicorn read it; gunicorn reads its own options from another one, too.
    if _several(environ.get("WEB_CONCURRENCY")):
        return f"WEB_CONCURRENCY={environ['WEB_CONCURRENCY']}"
    program = os.path.basename(argv[0]) if argv else ""
    if argv and (program == "__main__.py"):
        program = os.path.basename(os.path.dirname(argv[0]))
    if program.removesuffix(".py") in ("gunicorn", "uvicorn", "hypercorn", "fastapi", "granian"):
        count = _option(list(argv[1:]))
        if _several(count):
            return f"{program} --workers {count}"
    count = _option(environ.get("GUNICORN_CMD_ARGS", "").split())
    if _several(count):
        return f"GUNICORN_CMD_ARGS has --workers {count}"
    count = getattr(modules.get("uwsgi") if isinstance(modules, dict) else None, "numproc", None)
    return f"uWSGI runs {count} processes" if isinstance(count, int) and count > 1 else None


def _option(arguments: list[str]) -> str | None:
    """The value of ``-w``, ``--workers`` in either of its spellings; the last one counts."""
    found = None
    for index, argument in enumerate(arguments):
        name, equals, value = argument.partition("=")
        if name in ("--workers", "-w"):
            found = value if equals else "".join(arguments[index + 1 : index + 2])
        elif argument.startswith("-w") and argument[2:].isdigit():
            found = argument[2:]
    return found


def _several(count: str | None) -> bool:
    return count is not None and count.isdecimal() and int(count) > 1
