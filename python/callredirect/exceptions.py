"""Everything this package raises, apart from what Python itself does (``TypeError``).

::

    CallRedirectError
    ├── ParseError          also a ValueError: text that is not what it should be
    ├── ValidationError     also a ValueError: a redirect that breaks rules
    ├── VerificationError   a token that is not genuine
    └── CredentialError     a credential that gave no usable token

How Graph answered is never an exception: see :class:`callredirect.Outcome`.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._native import Violation

__all__ = ["CallRedirectError", "CredentialError", "ParseError", "ValidationError", "VerificationError"]


class CallRedirectError(Exception):
    """Base of all exceptions of this package."""


class ParseError(CallRedirectError, ValueError):
    """Text that could not be read."""

    reason: str
    """What is wrong, in one line."""
    path: str
    """JSON path of the value at fault; ``$`` is the whole text."""
    line: int
    """1-based line; 0 when the fault has no place in the text."""
    column: int
    """1-based column in characters; 0 when the fault has no place in the text."""

    def __init__(self, reason: str, path: str = "$", line: int = 0, column: int = 0) -> None:
        super().__init__(reason, path, line, column)
        self.reason = reason
        self.path = path
        self.line = line
        self.column = column

    def __str__(self) -> str:
        place = f" (line {self.line}, column {self.column})" if self.line else ""
        return f"{self.reason} at {self.path}{place}"


class ValidationError(CallRedirectError, ValueError):
    """A redirect that Graph would refuse. Lists every fault, not only the first."""

    violations: tuple[Violation, ...]
    """Every broken rule, warnings included, in the order of the wire form."""

    def __init__(self, violations: tuple[Violation, ...]) -> None:
        super().__init__(tuple(violations))
        self.violations = tuple(violations)

    def __str__(self) -> str:
        errors = [v for v in self.violations if v.severity == "error"]
        lines = [f"{v.path}: {v.message} [{v.code}]" for v in errors]
        return lines[0] if len(lines) == 1 else "\n  ".join([f"{len(lines)} faults:", *lines])


class VerificationError(CallRedirectError):
    """A notification that Microsoft did not send, or that is not for this bot."""

    reason: str
    """Which check failed. For logs; tell the sender nothing."""
    message: str
    """The same in words, and what to do where that is known."""

    def __init__(self, reason: str, message: str = "") -> None:
        super().__init__(reason, message)
        self.reason = reason
        self.message = message

    def __str__(self) -> str:
        return f"{self.message} [{self.reason}]" if self.message else self.reason


class CredentialError(CallRedirectError):
    """A credential that gave no token, or one that cannot be sent. The message says what to do."""

    message: str
    """What happened, where, and what to do, in one line. Never the secret."""
    code: str | None
    """Microsoft Entra's code, such as ``AADSTS7000222``."""
    status: int | None
    """The HTTP status of the issuer's answer."""
    error: str | None
    """The OAuth error, such as ``invalid_client``."""
    trace_id: str | None
    """What Microsoft's support asks for."""

    def __init__(
        self,
        message: str = "",
        code: str | None = None,
        status: int | None = None,
        error: str | None = None,
        trace_id: str | None = None,
    ) -> None:
        super().__init__(message, code, status, error, trace_id)
        self.message = message
        self.code = code
        self.status = status
        self.error = error
        self.trace_id = trace_id

    def __str__(self) -> str:
        return self.message
