"""What scripts of calls may hold, for type checkers and editors. The rules are the extension's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypedDict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from callredirect._credential import Credential
    from callredirect._native import Verifier

FaultName = Literal[
    "duplicate",
    "reorder",
    "delay",
    "lose_deleted",
    "empty_body",
    "legacy_first",
    "wrong_token",
    "expired_token",
    "rotated_keys",
    "throttled",
    "unavailable",
    "server_error",
    "bad_gateway",
    "gateway_timeout",
    "slow",
    "hang",
    "reset",
    "answer_lost",
    "unauthorized",
    "not_registered",
    "missing_permission",
    "wrong_tenant",
    "call_not_found",
]
"""Every fault; `Simulator.faults` says what each does."""

Ending = Literal["answered", "no_answer", "busy", "unreachable", "hung_up", "expired", "refused"]
"""How a call ended."""

Step = Literal["rang", "replied", "redirected", "answered", "hung_up", "expired", "ended"]
"""What happens to a call that rings."""

Timeline = Literal["specification", "redirecting"]
"""Which notifications a redirected call sends."""

Callee = float | Literal["no_answer", "busy", "unreachable"]
"""What somebody does whose telephone rings: picks up after so many seconds, or does not."""

Party = dict[str, Any]
"""An identity set such as ``{"user": "..."}``, or a whole participant."""


class _Fault(TypedDict):
    name: FaultName


class FaultRule(_Fault, total=False):
    """A fault, and when it strikes: each time when neither `nth` nor `probability` says otherwise."""

    nth: int
    """Only on the nth notification of a call, or the nth redirect of it, counted from 1."""
    probability: float
    """In so many of the cases, 0 to 1."""
    seconds: float
    """How long or how late, for faults that take a time."""


Fault = FaultName | FaultRule
"""A fault by its name alone, or with when it strikes."""


class _Ring(TypedDict, total=False):
    name: str
    call_id: str
    source: Party
    targets: Sequence[Party]
    tenant_id: str
    callback_uri: str
    wait: float
    callees: Mapping[str, Callee]
    hang_up: float
    timeline: Timeline
    faults: Sequence[Fault]


class RingOptions(_Ring, total=False):
    """The keywords of `Simulator.ring`."""

    token: str | Literal[False] | None
    body: bytes | str
    patience: float


class ExampleOptions(TypedDict, total=False):
    """The keywords of `Simulator.ring_example`."""

    call_id: str
    token: str | Literal[False] | None
    wait: float
    callees: Mapping[str, Callee]
    faults: Sequence[Fault]
    patience: float


class CallScript(_Ring, total=False):
    """One call of a scenario, or many alike: keywords of `Simulator.ring`, and what only a scenario has."""

    example: Literal[1, 2, 3]
    """Documented example to start from."""
    my_participant_id: str
    start: float
    """Seconds from the beginning of the scenario."""
    count: int
    """How many such calls."""


class BotSettings(TypedDict):
    """Keywords of `callredirect.Redirector`."""

    app_id: str
    credential: Credential
    verifier: Verifier
    base_url: str
