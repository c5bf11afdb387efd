"""What ends a command early: said in one line for people, or as JSON, with what to do next. Never a traceback."""

from __future__ import annotations

OK = 0
FINDING = 1
USAGE = 2
ENVIRONMENT = 3
INTERRUPTED = 130
BROKEN_PIPE = 141
TERMINATED = 143

EXIT_CODES = {
    OK: "done, and nothing to complain of",
    FINDING: "done, and something to look at: a violation, a call not redirected",
    USAGE: "the command line or a file it names is wrong; nothing was done",
    ENVIRONMENT: "something around it: a port in use, a host not reached, no token",
    INTERRUPTED: "ended by Ctrl-C",
    BROKEN_PIPE: "whoever read the output left, as head does",
    TERMINATED: "ended by SIGTERM",
}
"""Every exit code and its meaning."""


class Failure(Exception):
    """A command cannot go on.

    Args:
        message: What happened, and where.
        hint: What to do next.
        code: One of the exit codes above.
    """

    def __init__(self, message: str, hint: str | None = None, code: int = USAGE) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code


def nearest(word: str, words: list[str] | tuple[str, ...]) -> str | None:
    """The word that was probably meant."""
    import difflib

    found = difflib.get_close_matches(word.lower(), [known.lower() for known in words], 1, 0.6)
    return next((known for known in words if found and known.lower() == found[0]), None)


def did_you_mean(word: str, words: list[str] | tuple[str, ...]) -> str | None:
    """The hint that a mistyped word deserves."""
    near = nearest(word, words)
    return None if near is None else f"did you mean {near}?"
