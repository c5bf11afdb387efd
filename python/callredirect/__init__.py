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
    AudioRoutingGroup,
    Call,
    CallEnded,
    CallGone,
    CallMediaState,
    CallOptions,
    CallRoute,
    CallTranscriptionInfo,
    CallUpdated,
    ChatInfo,
    ClaimRecord,
    Claims,
    Cloud,
    ContentSharingChanged,
    ContentSharingSession,
    Deadline,
    Expired,
    Identity,
    IncomingCall,
    IncomingContext,
    Limits,
    MediaStream,
    MeetingInfo,
    Notification,
    Notifications,
    Operation,
    OperationEnded,
    OperationUpdated,
    OtherNotification,
    Outcome,
    Participant,
    ParticipantInfo,
    ParticipantsChanged,
    RecordingInfo,
    Redirect,
    Rejected,
    RemovedState,
    Reply,
    RestrictedExperience,
    ResultInfo,
    Target,
    ToneInfo,
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
    "AudioRoutingGroup",
    "Call",
    "CallEnded",
    "CallGone",
    "CallMediaState",
    "CallOptions",
    "CallRedirectError",
    "CallRoute",
    "CallTranscriptionInfo",
    "CallUpdated",
    "ChatInfo",
    "ClaimRecord",
    "Claims",
    "Client",
    "Cloud",
    "ContentSharingChanged",
    "ContentSharingSession",
    "CredentialError",
    "Deadline",
    "Expired",
    "Identity",
    "IncomingCall",
    "IncomingContext",
    "Limits",
    "MediaStream",
    "MeetingInfo",
    "Notification",
    "Notifications",
    "Operation",
    "OperationEnded",
    "OperationUpdated",
    "OtherNotification",
    "Outcome",
    "ParseError",
    "Participant",
    "ParticipantInfo",
    "ParticipantsChanged",
    "RecordingInfo",
    "Redirect",
    "Redirector",
    "Rejected",
    "RemovedState",
    "Reply",
    "RestrictedExperience",
    "ResultInfo",
    "Target",
    "ToneInfo",
    "TrackedCall",
    "Unknown",
    "ValidationError",
    "VerificationError",
    "Verifier",
    "Violation",
    "parse",
]

_Sequence.register(Notifications)  # pyright: ignore[reportAttributeAccessIssue]
