"""Redirect incoming Microsoft Teams calls through Microsoft Graph, inside the 15 seconds there are.

Unofficial; not affiliated with Microsoft. The flow, and what does each step alone::

    verify      Verifier(app_id).verify(authorization_header)
    parse       parse(body)  ->  IncomingCall | CallUpdated | CallEnded | ...
    validate    Redirect([Target.user(...)]).validate()
    send        Client(credential).redirect(call, redirect)  ->  Accepted | Rejected | CallGone | Expired | Unknown
    all of it   Redirector(app_id=..., credential=...).handle(body, headers)

Framework adapters are in ``callredirect.adapters``, the simulated Graph in ``callredirect.testing``.
"""

# Where `collections.abc` has it from, and every interpreter already.
from _collections_abc import Sequence as _Sequence

from ._client import AsyncClient, Client
from ._native import (
    Accepted,
    Attempt,
    Call,
    CallEnded,
    CallGone,
    CallUpdated,
    Claims,
    Cloud,
    Deadline,
    Expired,
    Identity,
    IncomingCall,
    Limits,
    Notification,
    Notifications,
    Operation,
    OperationEnded,
    OtherNotification,
    Outcome,
    Participant,
    ParticipantInfo,
    ParticipantsChanged,
    Redirect,
    Rejected,
    Reply,
    ResultInfo,
    Target,
    TrackedCall,
    Unknown,
    Verifier,
    Violation,
    parse,
)
from ._redirector import Redirector
from .exceptions import CallRedirectError, CredentialError, ParseError, ValidationError, VerificationError

__all__ = [
    "Accepted",
    "AsyncClient",
    "Attempt",
    "Call",
    "CallEnded",
    "CallGone",
    "CallRedirectError",
    "CallUpdated",
    "Claims",
    "Client",
    "Cloud",
    "CredentialError",
    "Deadline",
    "Expired",
    "Identity",
    "IncomingCall",
    "Limits",
    "Notification",
    "Notifications",
    "Operation",
    "OperationEnded",
    "OtherNotification",
    "Outcome",
    "ParseError",
    "Participant",
    "ParticipantInfo",
    "ParticipantsChanged",
    "Redirect",
    "Redirector",
    "Rejected",
    "Reply",
    "ResultInfo",
    "Target",
    "TrackedCall",
    "Unknown",
    "ValidationError",
    "VerificationError",
    "Verifier",
    "Violation",
    "parse",
]

_Sequence.register(Notifications)  # pyright: ignore[reportAttributeAccessIssue]
