from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from os import PathLike
from typing import Any, Final, Literal, NoReturn, SupportsFloat, SupportsIndex, final, overload

from _typeshed import SupportsGetItem
from typing_extensions import Self, disjoint_base

from callredirect.testing._scripts import Callee, CallScript, Ending, Fault, FaultName, Party, Step, Timeline

__all__ = [
    "Accepted",
    "Attempt",
    "AudioRoutingGroup",
    "BotReplied",
    "Call",
    "CallEnded",
    "CallFailed",
    "CallFinished",
    "CallGone",
    "CallMediaState",
    "CallOptions",
    "CallRang",
    "CallRoute",
    "CallTranscriptionInfo",
    "CallUpdated",
    "ChatInfo",
    "ClaimRecord",
    "Claims",
    "ClientCertificate",
    "ClientSecret",
    "Cloud",
    "ContentSharingChanged",
    "ContentSharingSession",
    "Deadline",
    "Events",
    "Expired",
    "Freshness",
    "Identity",
    "IncomingCall",
    "IncomingContext",
    "JsonObject",
    "Limits",
    "Mailbox",
    "ManagedIdentity",
    "MediaStream",
    "MeetingInfo",
    "Notification",
    "NotificationSent",
    "Notifications",
    "Operation",
    "OperationEnded",
    "OperationUpdated",
    "OtherNotification",
    "Outcome",
    "Participant",
    "ParticipantInfo",
    "ParticipantsChanged",
    "PreparedRedirect",
    "Receipt",
    "ReceivedRedirect",
    "Receiver",
    "RecordWriter",
    "RecordedRequest",
    "RecordingInfo",
    "Redirect",
    "RedirectReceived",
    "Rejected",
    "RemovedState",
    "Replay",
    "Replayed",
    "Reply",
    "RestrictedExperience",
    "ResultInfo",
    "RungCall",
    "Scenario",
    "Sender",
    "Simulator",
    "SimulatorEvent",
    "Target",
    "ToneInfo",
    "TrackedCall",
    "Unknown",
    "Verdict",
    "Verifier",
    "Violation",
    "_after_fork",
    "_before_fork",
    "_fail",
    "_flush_recordings",
    "_one_interpreter",
    "_read_recording",
    "_restore",
    "parse",
]

@final
class Accepted(Outcome):
    """
    Graph took the redirect: 202 as documented, or another 2xx without a body or with one of JSON. The targets ring now; who picks up comes with the notification
    that the call ended.
    """

    __match_args__: Final[tuple[Literal["status"]]]
    def __new__(
        cls,
        /,
        status: int = 202,
        *,
        attempts: Sequence[Attempt] = ...,
        elapsed: SupportsFloat | SupportsIndex = 0.0,
        client_request_id: str = ...,
    ) -> Accepted: ...
    @property
    def status(self, /) -> int:
        """
        HTTP status.
        """

@final
class Attempt:
    """
    One try at sending a redirect.
    """
    def __eq__(self, value: object, /) -> bool: ...
    def __hash__(self, /) -> int: ...
    def __ne__(self, value: object, /) -> bool: ...
    def __new__(
        cls,
        /,
        *,
        probe: bool = False,
        started: SupportsFloat | SupportsIndex = 0.0,
        duration: SupportsFloat | SupportsIndex = 0.0,
        sent: bool = True,
        status: int | None = None,
        error: str | None = None,
        request_id: str | None = None,
    ) -> Attempt: ...
    def __reduce__(self, /) -> tuple[Any, ...]: ...
    def __replace__(self, /, **changes: Any) -> Self: ...
    def __repr__(self, /) -> str: ...
    @property
    def duration(self, /) -> float:
        """
        Seconds it took.
        """
    @property
    def error(self, /) -> str | None:
        """
        Why no answer came.
        """
    @property
    def probe(self, /) -> bool:
        """
        Not a redirect, but the question to Graph whether the call still rings: asked after an attempt that may have
        arrived.
        """
    @property
    def request_id(self, /) -> str | None:
        """
        ``request-id`` of the answer.
        """
    @property
    def sent(self, /) -> bool:
        """
        Whether any part of the request may have reached Graph.
        """
    @property
    def started(self, /) -> float:
        """
        Seconds from the start of the first attempt.
        """
    @property
    def status(self, /) -> int | None:
        """
        HTTP status; ``None`` if no answer came.
        """

@final
class AudioRoutingGroup(JsonObject):
    """
    Who hears whom in a call. Source: Graph resource type *audioRoutingGroup*.
    """
    def __repr__(self, /) -> str: ...
    @property
    def extra(self, /) -> dict[str, Any]:
        """
        Members without an attribute here, as Python values. A new dict each time.
        """
    @property
    def id(self, /) -> str | None:
        """
        The group's id.
        """
    @property
    def receivers(self, /) -> tuple[str, ...]:
        """
        Ids of the participants who hear.
        """
    @property
    def routing_mode(
        self, /
    ) -> (
        Literal[
            "oneToOne",
            "multicast",
        ]
        | str
        | None
    ):
        """
        ``"oneToOne"`` or ``"multicast"``.
        """
    @property
    def sources(self, /) -> tuple[str, ...]:
        """
        Ids of the participants who are heard.
        """

@final
class BotReplied(SimulatorEvent):
    """
    The bot answered a notification, or did not.
    """

    __match_args__: Final[tuple[Literal["change_type"], Literal["status"]]]
    @property
    def change_type(self, /) -> str:
        """
        ``changeType`` of the notification.
        """
    @property
    def problem(self, /) -> str | None:
        """
        Why no answer came.
        """
    @property
    def status(self, /) -> int | None:
        """
        HTTP status; `None` when no answer came.
        """

@final
class Call(JsonObject):
    """
    A call as a notification tells it. Real notifications are partial: anything may be ``None``.

    Source: Graph resource type *call*, v1.0 and beta; members marked "wire" were only ever seen in notifications.
    """
    def __repr__(self, /) -> str: ...
    @property
    def active_modalities(
        self, /
    ) -> tuple[
        Literal[
            "audio",
            "video",
            "videoBasedScreenSharing",
            "data",
        ]
        | str,
        ...,
    ]:
        """
        What is in use. Beta.
        """
    @property
    def answered_by(self, /) -> ParticipantInfo | None:
        """
        Who picked up, where Graph says it; after a redirect to a phone only an ``encrypted`` identity. Beta.
        """
    @property
    def application_metadata(self, /) -> Any:
        """
        What the application was told when a policy sent it the call. Wire.
        """
    @property
    def audio_routing_groups(self, /) -> tuple[AudioRoutingGroup, ...]:
        """
        Who hears whom, where a request asked for it.
        """
    @property
    def call_chain_id(self, /) -> str | None:
        """
        Shared by all legs of a call; goes into support requests.
        """
    @property
    def call_options(self, /) -> CallOptions | None:
        """
        What the bot asked for with the call.
        """
    @property
    def call_routes(self, /) -> tuple[CallRoute, ...]:
        """
        How the call came to the bot: forwarded, looked up, forked.
        """
    @property
    def callback_uri(self, /) -> str | None:
        """
        Where the call's notifications go. Never used by this package on its own.
        """
    @property
    def chat_info(self, /) -> ChatInfo | None:
        """
        The chat of the meeting.
        """
    @property
    def co_organizers(self, /) -> tuple[Identity, ...]:
        """
        Who may organise the meeting, too. Wire.
        """
    @property
    def content_sharing_sessions(self, /) -> tuple[ContentSharingSession, ...]:
        """
        What is being shared, where a request asked for it.
        """
    @property
    def deadline(self, /) -> Deadline:
        """
        Until when a redirect of this call makes sense: 13 seconds from the arrival of its notification.
        """
    @property
    def direction(
        self, /
    ) -> (
        Literal[
            "incoming",
            "outgoing",
        ]
        | str
        | None
    ):
        """
        ``"incoming"`` or ``"outgoing"``, as the bot sees it.
        """
    @property
    def ended(self, /) -> bool:
        """
        Whether the call is over: its state is ``"terminated"``.
        """
    @property
    def extra(self, /) -> dict[str, Any]:
        """
        Members without an attribute here, as Python values. A new dict each time.
        """
    @property
    def id(self, /) -> str | None:
        """
        The call's id: what a redirect is sent to.
        """
    @property
    def incoming_context(self, /) -> IncomingContext | None:
        """
        On whose behalf somebody rings, and who transferred the call.
        """
    @property
    def media_config(self, /) -> Any:
        """
        Media the bot brings or has the service play.
        """
    @property
    def media_hosted_region(self, /) -> str | None:
        """
        Azure region of the media. Wire.
        """
    @property
    def media_state(self, /) -> CallMediaState | None:
        """
        Whether media flow.
        """
    @property
    def meeting_capability(self, /) -> Any:
        """
        Capabilities of the meeting. Beta.
        """
    @property
    def meeting_info(self, /) -> MeetingInfo | None:
        """
        The meeting.
        """
    @property
    def meeting_properties(self, /) -> Any:
        """
        Properties of the meeting, such as its label. Wire.
        """
    @property
    def my_participant_id(self, /) -> str | None:
        """
        The bot's own participant id.
        """
    @property
    def operations(self, /) -> tuple[Operation, ...]:
        """
        The call's operations, where a request asked for them.
        """
    @property
    def participants(self, /) -> tuple[Participant, ...]:
        """
        The roster, where a request asked for it; notifications tell it in ``ParticipantsChanged``.
        """
    @property
    def replaces_context(self, /) -> Any:
        """
        The call this one replaces. Wire.
        """
    @property
    def requested_modalities(
        self, /
    ) -> tuple[
        Literal[
            "audio",
            "video",
            "videoBasedScreenSharing",
            "data",
        ]
        | str,
        ...,
    ]:
        """
        What the caller wants: ``"audio"``, ``"video"``, ...
        """
    @property
    def result_info(self, /) -> ResultInfo | None:
        """
        How the call ended.
        """
    @property
    def ringing_timeout_in_seconds(self, /) -> int | None:
        """
        How long it rings, in seconds, at most 115. Beta.
        """
    @property
    def routing_policies(
        self, /
    ) -> tuple[
        Literal[
            "none",
            "noMissedCall",
            "disableForwardingExceptPhone",
            "disableForwarding",
            "preferSkypeForBusiness",
        ]
        | str,
        ...,
    ]:
        """
        Undocumented for redirects. Beta.
        """
    @property
    def source(self, /) -> ParticipantInfo | None:
        """
        Who rings.
        """
    @property
    def state(
        self, /
    ) -> (
        Literal[
            "incoming",
            "establishing",
            "ringing",
            "established",
            "hold",
            "transferring",
            "transferAccepted",
            "redirecting",
            "terminating",
            "terminated",
        ]
        | str
        | None
    ):
        """
        Where the call stands: ``"incoming"``, ``"established"``, ``"terminated"``, ... Known values come in their
        documented spelling whatever case they had, others as they came.
        """
    @property
    def subject(self, /) -> str | None:
        """
        What the call is about, for people.
        """
    @property
    def targets(self, /) -> tuple[ParticipantInfo, ...]:
        """
        Who is rung: the bot, or the application instance whose number was called.
        """
    @property
    def tenant_id(self, /) -> str | None:
        """
        The tenant the call belongs to; a token for the redirect must be of this tenant.
        """
    @property
    def termination_reason(self, /) -> str | None:
        """
        Free text such as ``"AppRedirected"``. Beta.
        """
    @property
    def termination_sender(self, /) -> Identity | None:
        """
        Who ended the call. Wire.
        """
    @property
    def tone_info(self, /) -> ToneInfo | None:
        """
        The tone somebody pressed, after a subscription to tones.
        """
    @property
    def transcription(self, /) -> CallTranscriptionInfo | None:
        """
        Whether the call is transcribed.
        """

@final
class CallEnded(Notification):
    """
    A call is over: state ``terminated``, or deleted.
    """

    __match_args__: Final[tuple[Literal["call"]]]
    @property
    def call(self, /) -> Call:
        """
        The call.
        """

@final
class CallFailed(SimulatorEvent):
    """
    A call came to nothing: nobody listens at the bot's address, or whoever rang has gone.
    """

    __match_args__: Final[tuple[Literal["problem"]]]
    @property
    def problem(self, /) -> str:
        """
        Why, in one line.
        """

@final
class CallFinished(SimulatorEvent):
    """
    A call is over.
    """

    __match_args__: Final[tuple[Literal["ending"], Literal["answered_by"]]]
    @property
    def answered_by(self, /) -> Target | None:
        """
        Who picked up.
        """
    @property
    def ending(self, /) -> Ending:
        """
        How it ended, as `RungCall.ending`.
        """
    @property
    def problem(self, /) -> str | None:
        """
        What is wrong with a bot that did not redirect it, as `RungCall.problem`.
        """

@final
class CallGone(Outcome):
    """
    The call is not there any more: it ended, was answered, or 15 seconds had passed (404 with code 8522, or 410).
    """

    __match_args__: Final[tuple[Literal["status"], Literal["code"], Literal["message"]]]
    def __new__(
        cls,
        /,
        status: int = ...,
        code: str | None = None,
        message: str | None = None,
        *,
        request_id: str | None = None,
        retry_after: float | None = None,
        token_tenant: str | None = None,
        call_tenant: str | None = None,
        attempts: Sequence[Attempt] = ...,
        elapsed: SupportsFloat | SupportsIndex = 0.0,
        client_request_id: str = ...,
    ) -> CallGone: ...
    @property
    def call_tenant(self, /) -> str | None:
        """
        The tenant of the call, if the token was the trouble and the notification told.
        """
    @property
    def code(self, /) -> str | None:
        """
        Graph's error code: a word, or digits for a code of the calling service such as ``"7505"``.
        """
    @property
    def cure(self, /) -> str | None:
        """
        What to do about it.
        """
    @property
    def explanation(self, /) -> str | None:
        """
        What the refusal means in plain words; ``None`` for codes that no source explains.
        """
    @property
    def message(self, /) -> str | None:
        """
        Graph's message.
        """
    @property
    def request_id(self, /) -> str | None:
        """
        ``request-id`` of the answer: Microsoft's support asks for it.
        """
    @property
    def retry_after(self, /) -> float | None:
        """
        Seconds that Graph asked to wait, counted from its answer.
        """
    @property
    def status(self, /) -> int:
        """
        HTTP status.
        """
    @property
    def token_tenant(self, /) -> str | None:
        """
        The tenant that the refused token says it is of (``tid``), if the token was the trouble and can be
        read.
        """

@final
class CallMediaState(JsonObject):
    """
    Whether media flow. Source: Graph resource type *callMediaState*.
    """
    def __repr__(self, /) -> str: ...
    @property
    def audio(
        self, /
    ) -> (
        Literal[
            "active",
            "inactive",
        ]
        | str
        | None
    ):
        """
        ``"active"`` or ``"inactive"``.
        """
    @property
    def extra(self, /) -> dict[str, Any]:
        """
        Members without an attribute here, as Python values. A new dict each time.
        """

@final
class CallOptions(JsonObject):
    """
    Options of a call. Source: Graph resource types *incomingCallOptions* and *outgoingCallOptions*.
    """
    def __repr__(self, /) -> str: ...
    @property
    def extra(self, /) -> dict[str, Any]:
        """
        Members without an attribute here, as Python values. A new dict each time.
        """
    @property
    def hide_bot_after_escalation(self, /) -> bool | None:
        """
        Whether the bot hides when a call between two becomes a meeting.
        """
    @property
    def is_content_sharing_notification_enabled(self, /) -> bool | None:
        """
        Whether sharing of content is told.
        """
    @property
    def is_delta_roster_enabled(self, /) -> bool | None:
        """
        Whether rosters tell only what changed.
        """
    @property
    def is_interactive_roster_enabled(self, /) -> bool | None:
        """
        Whether the roster may be changed.
        """

@final
class CallRang(SimulatorEvent):
    """
    A call began: from now on it rings.
    """

    __match_args__: Final[tuple[Literal["name"], Literal["url"]]]
    @property
    def name(self, /) -> str | None:
        """
        The scenario's name for the call.
        """
    @property
    def source(self, /) -> Party:
        """
        Who rings: a participant, as in the notification.
        """
    @property
    def targets(self, /) -> list[Party]:
        """
        Who is rung: participants.
        """
    @property
    def url(self, /) -> str:
        """
        The bot's address.
        """
    @property
    def window(self, /) -> float:
        """
        Seconds it rings at most.
        """

@final
class CallRoute(JsonObject):
    """
    How a call came here. Source: Graph resource type *callRoute*.
    """
    def __repr__(self, /) -> str: ...
    @property
    def extra(self, /) -> dict[str, Any]:
        """
        Members without an attribute here, as Python values. A new dict each time.
        """
    @property
    def final_(self, /) -> Identity | None:
        """
        Who got the call.
        """
    @property
    def original(self, /) -> Identity | None:
        """
        Who was called first.
        """
    @property
    def routing_type(
        self, /
    ) -> (
        Literal[
            "forwarded",
            "lookup",
            "selfFork",
        ]
        | str
        | None
    ):
        """
        ``"forwarded"``, ``"lookup"``, ``"selfFork"``.
        """

@final
class CallTranscriptionInfo(JsonObject):
    """
    Transcription of a call. Source: Graph resource type *callTranscriptionInfo*.
    """
    def __repr__(self, /) -> str: ...
    @property
    def extra(self, /) -> dict[str, Any]:
        """
        Members without an attribute here, as Python values. A new dict each time.
        """
    @property
    def last_modified_date_time(self, /) -> str | None:
        """
        ISO 8601.
        """
    @property
    def state(
        self, /
    ) -> (
        Literal[
            "notStarted",
            "active",
            "inactive",
        ]
        | str
        | None
    ):
        """
        ``"notStarted"``, ``"active"``, ``"inactive"``.
        """

@final
class CallUpdated(Notification):
    """
    A call changed: established, transferring, a tone, ...
    """

    __match_args__: Final[tuple[Literal["call"]]]
    @property
    def call(self, /) -> Call:
        """
        The call.
        """

@final
class ChatInfo(JsonObject):
    """
    The chat of a meeting. Source: Graph resource type *chatInfo*.
    """
    def __repr__(self, /) -> str: ...
    @property
    def extra(self, /) -> dict[str, Any]:
        """
        Members without an attribute here, as Python values. A new dict each time.
        """
    @property
    def message_id(self, /) -> str | None:
        """
        The message in it.
        """
    @property
    def reply_chain_message_id(self, /) -> str | None:
        """
        The message it answers.
        """
    @property
    def thread_id(self, /) -> str | None:
        """
        The thread.
        """

@final
class ClaimRecord:
    """
    What a store of claims keeps of one call: who has it, and how far it came.
    """
    def __eq__(self, value: object, /) -> bool: ...
    def __hash__(self, /) -> int: ...
    def __ne__(self, value: object, /) -> bool: ...
    def __new__(
        cls,
        /,
        call_id: str,
        *,
        worker: str = ...,
        fence: int = 0,
        stage: str = "seen",
        attempts: int = 0,
        ended: bool = False,
    ) -> ClaimRecord: ...
    def __repr__(self, /) -> str: ...
    @property
    def attempts(self, /) -> int:
        """
        Requests that may have reached Graph.
        """
    @property
    def call_id(self, /) -> str:
        """
        The call's id.
        """
    @property
    def ended(self, /) -> bool:
        """
        Whether the call itself ended.
        """
    @property
    def fence(self, /) -> int:
        """
        Rises with each worker that takes the call over; only the latest may send.
        """
    @property
    def stage(self, /) -> str:
        """
        How far it came, as ``TrackedCall.stage``.
        """
    @property
    def worker(self, /) -> str:
        """
        The process that has the call; empty if it ended before anybody claimed it.
        """

@final
class Claims:
    """
    What a verified token says. `Verifier.verify` makes these.
    """

    __match_args__: Final[tuple[Literal["tenant_id"], Literal["issuer"], Literal["audience"]]]
    def __eq__(self, value: object, /) -> bool: ...
    def __hash__(self, /) -> int: ...
    def __ne__(self, value: object, /) -> bool: ...
    def __new__(
        cls,
        /,
        tenant_id: str,
        issuer: str,
        audience: str,
        *,
        expires_at: SupportsFloat | SupportsIndex,
        not_before: SupportsFloat | SupportsIndex | None = None,
        app_id: str | None = None,
    ) -> Claims: ...
    def __reduce__(self, /) -> tuple[Any, ...]: ...
    def __replace__(self, /, **changes: Any) -> Self: ...
    def __repr__(self, /) -> str: ...
    @property
    def app_id(self, /) -> str | None:
        """
        The application that sent the notification: Microsoft's own.
        """
    @property
    def audience(self, /) -> str:
        """
        Whom the token is for: the bot's application id.
        """
    @property
    def expires_at(self, /) -> float:
        """
        When the token ends, in seconds since 1970.
        """
    @property
    def issuer(self, /) -> str:
        """
        Who issued the token.
        """
    @property
    def not_before(self, /) -> float | None:
        """
        When the token begins, in seconds since 1970.
        """
    @property
    def tenant_id(self, /) -> str:
        """
        The tenant the call belongs to. Compare it with the notification's tenant.
        """

@final
class ClientCertificate:
    """
    An app's identity with a certificate: like ``ClientSecret``, but what goes out is a signature, not the secret.

    Args:
        client_id: The app registration's *Application (client) ID*.
        certificate: A PEM file's path, or PEM text or bytes, with the certificate **and** its RSA private key, not
            encrypted. Further certificates in it count as the chain.
        tenant_id: The tenant of tokens when the call names none, by id or domain.
        authority: Another issuer than the cloud's, such as a simulator's ``base_url``; plain http on loopback only.
        send_chain: Send the certificates along, for apps that trust a certificate by its issuer and subject name.

    Raises:
        ValueError: One of these cannot be right; the message says what to do.
        OSError: The file cannot be read.

    Source: Microsoft identity platform, *application authentication certificate credentials*.
    """
    def __new__(
        cls,
        /,
        client_id: str,
        certificate: str | bytes | PathLike[str],
        tenant_id: str,
        *,
        authority: str | None = None,
        send_chain: bool = False,
    ) -> ClientCertificate: ...
    def __reduce__(self, /) -> NoReturn: ...
    def __repr__(self, /) -> str: ...
    @property
    def client_id(self, /) -> str:
        """
        The app's id.
        """
    @property
    def tenant_id(self, /) -> str:
        """
        The tenant of tokens when the call names none.
        """
    @property
    def thumbprint(self, /) -> str:
        """
        The certificate's SHA-256 thumbprint, base64url, to compare with that of the app registration.
        """

@final
class ClientSecret:
    """
    An app's identity with its client secret: asks Microsoft Entra for tokens of each call's tenant.

    Tokens are fetched once for all clients that share this object, kept while they live, and renewed in the background
    from half their life on. Nothing is fetched before it is needed; see ``Client.warm_up``.

    Args:
        client_id: The app registration's *Application (client) ID*.
        secret: The client secret's value (not its id).
        tenant_id: The tenant of tokens when the call names none, by id or domain. The tenant of the call goes first.
        authority: Another issuer than the cloud's, such as a simulator's ``base_url``; plain http on loopback only.

    Raises:
        ValueError: One of these cannot be right.

    Source: Microsoft identity platform, *OAuth 2.0 client credentials flow*.
    """
    def __new__(
        cls, /, client_id: str, secret: str, tenant_id: str, *, authority: str | None = None
    ) -> ClientSecret: ...
    def __reduce__(self, /) -> NoReturn: ...
    def __repr__(self, /) -> str: ...
    @property
    def client_id(self, /) -> str:
        """
        The app's id.
        """
    @property
    def tenant_id(self, /) -> str:
        """
        The tenant of tokens when the call names none.
        """

@final
class Cloud:
    """
    A Microsoft cloud: where Graph is. Tokens of one are worth nothing in another.

    Source: Graph documentation, *national cloud deployments*.
    """

    CHINA: Final[Cloud]
    """
    China, operated by 21Vianet. Graph has no calls there at the time of writing.
    """
    GLOBAL: Final[Cloud]
    """
    Worldwide, and GCC.
    """
    US_GOV: Final[Cloud]
    """
    US Government L4 (GCC High).
    """
    US_GOV_DOD: Final[Cloud]
    """
    US Government L5 (DoD).
    """
    def __eq__(self, value: object, /) -> bool: ...
    def __hash__(self, /) -> int: ...
    def __int__(self, /) -> int: ...
    def __ne__(self, value: object, /) -> bool: ...
    def __repr__(self, /) -> str: ...
    @property
    def graph_root(self, /) -> str:
        """
        The root of Graph, without version.
        """
    @property
    def scope(self, /) -> str:
        """
        The scope that a token for Graph is asked for.
        """

@final
class ContentSharingChanged(Notification):
    """
    Somebody began or stopped sharing content.
    """

    __match_args__: Final[tuple[Literal["sessions"]]]
    @property
    def sessions(self, /) -> tuple[ContentSharingSession, ...]:
        """
        The sessions; empty where the notification came without them.
        """

@final
class ContentSharingSession(JsonObject):
    """
    Content being shared in a call. Source: Graph resource type *contentSharingSession*.
    """
    def __repr__(self, /) -> str: ...
    @property
    def extra(self, /) -> dict[str, Any]:
        """
        Members without an attribute here, as Python values. A new dict each time.
        """
    @property
    def id(self, /) -> str | None:
        """
        The session's id.
        """

@final
class Deadline:
    """
    The moment after which nothing is sent and nobody waits. Counts on the monotonic clock: changes of the wall clock
    do not move it.
    """
    def __eq__(self, value: object, /) -> bool: ...
    def __ge__(self, value: object, /) -> bool: ...
    def __gt__(self, value: object, /) -> bool: ...
    def __hash__(self, /) -> int: ...
    def __le__(self, value: object, /) -> bool: ...
    def __lt__(self, value: object, /) -> bool: ...
    def __ne__(self, value: object, /) -> bool: ...
    def __repr__(self, /) -> str: ...
    @staticmethod
    def after(seconds: SupportsFloat | SupportsIndex) -> Deadline:
        """
        So many seconds from now. Raises ``ValueError`` for less than 0.
        """
    @property
    def passed(self, /) -> bool:
        """
        Whether it is too late.
        """
    @property
    def remaining(self, /) -> float:
        """
        Seconds left, 0 when it has passed.
        """

@final
class Events:
    """
    Iterates over what happens; waits for the next event, and ends when the simulator is closed.
    """
    def __iter__(self, /) -> Events: ...
    def __next__(
        self, /
    ) -> CallRang | NotificationSent | BotReplied | RedirectReceived | CallFinished | CallFailed: ...

@final
class Expired(Outcome):
    """
    The time is up. ``sent`` says whether a request ever left: if so, the redirect may still have taken effect; if not,
    no connection came about, however often it was tried until then, and ``reason`` says why.
    """

    __match_args__: Final[tuple[Literal["sent"]]]
    def __new__(
        cls,
        /,
        sent: bool = False,
        *,
        reason: str = ...,
        attempts: Sequence[Attempt] = ...,
        elapsed: SupportsFloat | SupportsIndex = 0.0,
        client_request_id: str = ...,
    ) -> Expired: ...
    @property
    def reason(self, /) -> str:
        """
        What held it up.
        """
    @property
    def sent(self, /) -> bool:
        """
        Whether a request ever left.
        """

@final
class Freshness:
    """
    How long a token is used that a credential in Python gave: the same rule as for our own.
    """
    def __new__(cls, /, expires_on: SupportsFloat | SupportsIndex) -> Freshness:
        """
        ``expires_on`` in seconds since 1970, as azure-core's ``AccessToken`` has it.
        """
    @property
    def advice(self, /) -> Literal["use", "refresh", "wait"]:
        """
        Use it; use it and fetch the next one beside it; or wait for another.
        """
    @property
    def alive(self, /) -> bool:
        """
        Whether it has not ended: good enough when there is no other.
        """
    @staticmethod
    def patience(seconds: SupportsFloat | SupportsIndex) -> float:
        """
        Seconds that a newer one is waited for, of those that are left for a call, while this one has not ended.
        """
    def put_off(self, /) -> None:
        """
        A refresh failed or brought the same token.
        """

@final
class Identity(JsonObject):
    """
    Who: an identity set, read through the one identity in it that is filled in.

    Source: Graph resource type *communicationsIdentitySet*.
    """
    def __repr__(self, /) -> str:
        """
        Phone numbers are masked whatever identity they stand in, and so is the name of somebody who rings from one.
        """
    @property
    def display_name(self, /) -> str | None:
        """
        Name for people.
        """
    @property
    def extra(self, /) -> dict[str, Any]:
        """
        Members of the identity without an attribute here, as Python values: ``identityProvider``, ``hidden``, ...
        """
    @property
    def id(self, /) -> str | None:
        """
        Graph object id; E.164 number for ``"phone"``; opaque for ``"encrypted"``.
        """
    @property
    def kind(self, /) -> str | None:
        """
        ``"user"``, ``"application"``, ``"applicationInstance"``, ``"phone"``, ``"guest"``, ``"encrypted"``, ...
        """
    @property
    def tenant_id(self, /) -> str | None:
        """
        The identity's tenant.
        """

@final
class IncomingCall(Notification):
    """
    Somebody rings: created, state ``incoming``. The one event that may be redirected.
    """

    __match_args__: Final[tuple[Literal["call"]]]
    @property
    def call(self, /) -> Call:
        """
        The call.
        """

@final
class IncomingContext(JsonObject):
    """
    Whom an incoming call concerns besides the two who talk. Source: Graph resource type *incomingContext*.
    """
    def __repr__(self, /) -> str: ...
    @property
    def extra(self, /) -> dict[str, Any]:
        """
        Members without an attribute here, as Python values. A new dict each time.
        """
    @property
    def observed_participant_id(self, /) -> str | None:
        """
        Participant id of who is being recorded or observed.
        """
    @property
    def on_behalf_of(self, /) -> Identity | None:
        """
        On whose behalf the caller rings.
        """
    @property
    def source_participant_id(self, /) -> str | None:
        """
        Participant id of the caller.
        """
    @property
    def transferor(self, /) -> Identity | None:
        """
        Who transferred the call.
        """

@disjoint_base
class JsonObject:
    """
    A JSON object as it came. Attributes are read out of it when asked for; nothing is lost or changed.
    """
    def __copy__(self, /) -> JsonObject: ...
    def __deepcopy__(self, /, memo: Any) -> Self: ...
    def __eq__(self, other: object, /) -> bool: ...
    @classmethod
    def __get_pydantic_core_schema__(cls, /, _source: Any, _handler: Any) -> Any:
        """
        Lets pydantic read and write the class: instances, dicts and JSON text in, dicts out.
        """
    @classmethod
    def __get_pydantic_json_schema__(cls, /, _schema: Any, _handler: Any) -> dict[str, Any]: ...
    def __hash__(self, /) -> int: ...
    def __reduce__(self, /) -> tuple[Any, ...]: ...
    def __replace__(self, /, **changes: Any) -> Self:
        """
        The same object with other values of some attributes, as ``copy.replace`` wants it. ``None`` takes the member
        away; ``extra`` replaces all members without an attribute. Everything else stays as it came.
        """
    @classmethod
    def from_dict(cls, /, value: Mapping[str, Any]) -> Self:
        """
        Reads an object of this class from a dict as ``json`` makes it. Raises ``ParseError``.
        """
    @classmethod
    def from_json(cls, /, text: bytes | str) -> Self:
        """
        Reads an object of this class from JSON text. Raises ``ParseError``.
        """
    @property
    def odata_type(self, /) -> str | None:
        """
        The type the sender named, such as ``"microsoft.graph.call"``, without the ``#``.
        """
    def to_dict(self, /) -> dict[str, Any]:
        """
        The whole object as Python values: unknown members, nulls and big integers included.
        """
    def to_json(self, /) -> str:
        """
        The JSON text as it came.
        """

@final
class Limits:
    """
    The numbers of the rules, which Microsoft calls "subject to change".

    Args:
        max_targets: How many targets may ring at once.
        min_timeout: Shortest time to ring, in seconds.
        max_timeout: Longest time to ring, in seconds.
    """

    __match_args__: Final[tuple[Literal["max_targets"], Literal["min_timeout"], Literal["max_timeout"]]]
    def __eq__(self, value: object, /) -> bool: ...
    def __hash__(self, /) -> int: ...
    def __ne__(self, value: object, /) -> bool: ...
    def __new__(
        cls,
        /,
        max_targets: SupportsIndex = 25,
        min_timeout: SupportsIndex = 15,
        max_timeout: SupportsIndex = 90,
    ) -> Limits: ...
    def __reduce__(self, /) -> tuple[Any, ...]: ...
    def __replace__(self, /, **changes: Any) -> Self: ...
    def __repr__(self, /) -> str: ...
    @property
    def max_targets(self, /) -> int:
        """
        How many targets may ring at once.
        """
    @property
    def max_timeout(self, /) -> int:
        """
        Longest time to ring, in seconds.
        """
    @property
    def min_timeout(self, /) -> int:
        """
        Shortest time to ring, in seconds.
        """

@final
class Mailbox:
    """
    Finished requests of one event loop.
    """
    def __new__(cls, /) -> Mailbox: ...
    def drain(self, /) -> list[tuple[int, Any, BaseException | None]]:
        """
        Everything finished since the last time: the ticket it was waited for under, what it came to, and what is to be
        raised instead.
        """
    def fileno(self, /) -> int:
        """
        The file descriptor that becomes readable when there is something to drain.
        """
    @property
    def pid(self, /) -> int:
        """
        The process it was made in.
        """

@final
class ManagedIdentity:
    """
    The identity of the Azure machine the bot runs on: a virtual machine, container, App Service or Functions app.

    Its tokens are of the machine's own tenant, whatever the call's: calls of other tenants are refused by Graph.

    Args:
        client_id: Which of several user-assigned identities; ``None`` for the system-assigned one.
        endpoint: The machine's instance metadata, if not where Azure has it; plain http on this machine and its link
            only. By default App Service's ``IDENTITY_ENDPOINT`` and ``IDENTITY_HEADER`` out of the environment, and
            where they are not set ``http://169.254.169.254/metadata/identity/oauth2/token``.

    Raises:
        ValueError: The environment is one of Azure Arc or Service Fabric, whose protocols are not spoken here: use
            azure-identity's ``ManagedIdentityCredential`` there.

    Source: Azure documentation, *managed identities for Azure resources: get a token over HTTP*.
    """
    def __new__(cls, /, client_id: str | None = None, *, endpoint: str | None = None) -> ManagedIdentity: ...
    def __reduce__(self, /) -> NoReturn: ...
    def __repr__(self, /) -> str: ...
    @property
    def client_id(self, /) -> str | None:
        """
        Which of several identities, if one was picked.
        """

@final
class MediaStream(JsonObject):
    """
    A stream of a participant. Source: Graph resource type *mediaStream*.
    """
    def __repr__(self, /) -> str: ...
    @property
    def direction(
        self, /
    ) -> (
        Literal[
            "inactive",
            "sendOnly",
            "receiveOnly",
            "sendReceive",
        ]
        | str
        | None
    ):
        """
        ``"inactive"``, ``"sendOnly"``, ``"receiveOnly"``, ``"sendReceive"``.
        """
    @property
    def extra(self, /) -> dict[str, Any]:
        """
        Members without an attribute here, as Python values. A new dict each time.
        """
    @property
    def label(self, /) -> str | None:
        """
        Name of the stream.
        """
    @property
    def media_type(
        self, /
    ) -> (
        Literal[
            "audio",
            "video",
            "videoBasedScreenSharing",
            "data",
        ]
        | str
        | None
    ):
        """
        ``"audio"``, ``"video"``, ``"videoBasedScreenSharing"``, ``"data"``.
        """
    @property
    def server_muted(self, /) -> bool | None:
        """
        Whether the service mutes it.
        """
    @property
    def source_id(self, /) -> str | None:
        """
        Number of the source, as text.
        """

@final
class MeetingInfo(JsonObject):
    """
    A meeting. Source: Graph resource type *meetingInfo* and its kinds.
    """
    def __repr__(self, /) -> str: ...
    @property
    def allow_conversation_without_host(self, /) -> bool | None:
        """
        Whether it may begin without its host.
        """
    @property
    def extra(self, /) -> dict[str, Any]:
        """
        Members without an attribute here, as Python values. A new dict each time.
        """
    @property
    def join_meeting_id(self, /) -> str | None:
        """
        What people type to join.
        """
    @property
    def organizer(self, /) -> Identity | None:
        """
        Who organises it.
        """
    @property
    def passcode(self, /) -> str | None:
        """
        What people type after it. Hidden in ``repr``.
        """
    @property
    def token(self, /) -> str | None:
        """
        A signed token that lets one join. Hidden in ``repr``.
        """

@disjoint_base
class Notification(JsonObject):
    """
    One notification. Its class tells what happened: ``IncomingCall``, ``CallUpdated``, ``CallEnded``,
    ``ParticipantsChanged``, ``OperationEnded`` or ``OtherNotification``.
    """
    def __repr__(self, /) -> str: ...
    @property
    def call_id(self, /) -> str | None:
        """
        The call it is about: the id in the call object if it has one, else the one in the resource URL.
        """
    @property
    def change_type(
        self, /
    ) -> (
        Literal[
            "created",
            "updated",
            "deleted",
        ]
        | str
        | None
    ):
        """
        ``"created"``, ``"updated"``, ``"deleted"``, or as it came.
        """
    @property
    def raw(self, /) -> str:
        """
        The notification's JSON as it came.
        """
    @property
    def resource_url(self, /) -> str | None:
        """
        The resource it is about, such as ``/communications/calls/{id}``. Never to be used as a request path.
        """
    @property
    def url_call_id(self, /) -> str | None:
        """
        The call id in the resource URL. Differs from ``call_id`` only where the sender contradicts itself,
        as the specification's own second example does.
        """

@final
class NotificationSent(SimulatorEvent):
    """
    A notification left for the bot, or was lost on the way.
    """

    __match_args__: Final[tuple[Literal["change_type"], Literal["state"], Literal["faults"]]]
    @property
    def body(self, /) -> bytes:
        """
        The body, byte for byte.
        """
    @property
    def change_type(self, /) -> str:
        """
        ``"created"``, ``"updated"`` or ``"deleted"``.
        """
    @property
    def faults(self, /) -> tuple[FaultName, ...]:
        """
        What was done to it, by name.
        """
    @property
    def state(self, /) -> str:
        """
        State of the call in it.
        """
    @property
    def url(self, /) -> str:
        """
        Where it went.
        """

@final
class Notifications(Sequence[Notification]):
    """
    The notifications of one body, in order. A ``Sequence``.
    """
    def __copy__(self, /) -> Notifications: ...
    def __deepcopy__(self, /, memo: Any) -> Self: ...
    def __eq__(self, other: object, /) -> bool: ...
    @classmethod
    def __get_pydantic_core_schema__(cls, /, _source: Any, _handler: Any) -> Any:
        """
        Lets pydantic read and write the class: instances, dicts and JSON text in, dicts out.
        """
    @classmethod
    def __get_pydantic_json_schema__(cls, /, _schema: Any, _handler: Any) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, index: SupportsIndex, /) -> Notification: ...
    @overload
    def __getitem__(self, index: slice, /) -> tuple[Notification, ...]: ...
    def __hash__(self, /) -> int: ...
    def __iter__(self, /) -> Iterator[Notification]: ...
    def __len__(self, /) -> int: ...
    def __reduce__(self, /) -> tuple[Any, ...]: ...
    def __repr__(self, /) -> str: ...
    def count(self, /, value: object) -> int:
        """
        How many notifications are equal to ``value``.
        """
    def index(self, /, value: object, *range: int) -> int:
        """
        Position of the first notification equal to ``value``. Raises ``ValueError`` if there is none.
        """

@final
class Operation(JsonObject):
    """
    Something asked of a call that takes a while: a prompt, an invitation, a recording.

    Source: Graph resource type *commsOperation* and its kinds. Members that only some kinds have are ``None`` or
    empty on the others.
    """
    def __repr__(self, /) -> str: ...
    @property
    def client_context(self, /) -> str | None:
        """
        What the bot sent along with the request, to know it again.
        """
    @property
    def completion_reason(
        self, /
    ) -> (
        Literal[
            "unknown",
            "completedSuccessfully",
            "mediaOperationCanceled",
            "operationCanceled",
            "stopToneDetected",
            "maxRecordDurationReached",
            "initialSilenceTimeout",
            "maxSilenceTimeout",
            "playPromptFailed",
            "playBeepFailed",
            "mediaReceiveTimeout",
            "unspecifiedError",
        ]
        | str
        | None
    ):
        """
        Of ``playPrompt``, ``record`` and ``sendDtmfTones``: why it is over.
        """
    @property
    def extra(self, /) -> dict[str, Any]:
        """
        Members without an attribute here, as Python values. A new dict each time.
        """
    @property
    def id(self, /) -> str | None:
        """
        The operation's id.
        """
    @property
    def kind(self, /) -> str | None:
        """
        ``"playPrompt"``, ``"record"``, ``"mute"``, ``"unmute"``, ``"inviteParticipants"``, ``"cancelMediaProcessing"``,
        ``"subscribeToTone"``, ``"updateRecordingStatus"``, ``"startHoldMusic"``, ``"stopHoldMusic"``,
        ``"addLargeGalleryView"``, ``"sendDtmfTones"``, or ``"comms"`` for none in particular.
        """
    @property
    def participants(self, /) -> tuple[ParticipantInfo, ...]:
        """
        Of ``inviteParticipants``: who.
        """
    @property
    def prompts(self, /) -> Any:
        """
        Of ``playPrompt``: what was played. Wire.
        """
    @property
    def recording_access_token(self, /) -> str | None:
        """
        Of ``record``: opens the recording. Hidden in ``repr``.
        """
    @property
    def recording_location(self, /) -> str | None:
        """
        Of ``record``: where the recording is.
        """
    @property
    def result_info(self, /) -> ResultInfo | None:
        """
        How it ended.
        """
    @property
    def status(
        self, /
    ) -> (
        Literal[
            "notStarted",
            "running",
            "completed",
            "failed",
            "idle",
        ]
        | str
        | None
    ):
        """
        ``"notStarted"``, ``"running"``, ``"completed"``, ``"failed"``.
        """

@final
class OperationEnded(Notification):
    """
    An operation of a call completed or failed.
    """

    __match_args__: Final[tuple[Literal["operation"]]]
    @property
    def operation(self, /) -> Operation | None:
        """
        The operation; ``None`` if the notification came without it.
        """

@final
class OperationUpdated(Notification):
    """
    An operation of a call was asked for, or runs.
    """

    __match_args__: Final[tuple[Literal["operation"]]]
    @property
    def operation(self, /) -> Operation | None:
        """
        The operation; ``None`` if the notification came without it.
        """

@final
class OtherNotification(Notification):
    """
    A notification of a kind unknown here, or malformed: then ``problem`` says what is wrong.
    """

    __match_args__: Final[tuple[Literal["raw"], Literal["problem"]]]
    @property
    def problem(self, /) -> str | None:
        """
        What is wrong and where, as ``reason at JSON path``; ``None`` for a well-formed item of an unknown kind.
        """

@disjoint_base
class Outcome:
    """
    What became of a redirect: one of ``Accepted``, ``Rejected``, ``CallGone``, ``Expired``, ``Unknown``.
    """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self, /) -> int: ...
    def __reduce__(self, /) -> tuple[Any, ...]: ...
    def __replace__(self, /, **changes: Any) -> Self: ...
    def __repr__(self, /) -> str: ...
    def __str__(self, /) -> str:
        """
        One line for people: what became of it, Graph's code, what it means and what to do. Graph's own words are in
        ``message`` only: they may repeat a name.
        """
    @property
    def attempts(self, /) -> tuple[Attempt, ...]:
        """
        Every attempt in order.
        """
    @property
    def client_request_id(self, /) -> str:
        """
        What was sent as ``client-request-id``: Microsoft's support asks for it.
        """
    @property
    def elapsed(self, /) -> float:
        """
        Seconds from the start of the first attempt to the end.
        """

@final
class Participant(JsonObject):
    """
    One entry of a roster. Source: Graph resource type *participant*; members marked "wire" were only ever seen in
    notifications.
    """
    def __repr__(self, /) -> str: ...
    @property
    def extra(self, /) -> dict[str, Any]:
        """
        Members without an attribute here, as Python values. A new dict each time.
        """
    @property
    def id(self, /) -> str | None:
        """
        The participant's id within the call.
        """
    @property
    def identity(self, /) -> Identity | None:
        """
        Short for ``info.identity``.
        """
    @property
    def info(self, /) -> ParticipantInfo | None:
        """
        Who it is, with region and endpoint.
        """
    @property
    def is_identity_anonymized(self, /) -> bool | None:
        """
        Whether the identity shown is anonymous. Beta.
        """
    @property
    def is_in_lobby(self, /) -> bool | None:
        """
        Whether the participant waits in the lobby.
        """
    @property
    def is_muted(self, /) -> bool | None:
        """
        Whether the participant is muted.
        """
    @property
    def media_streams(self, /) -> tuple[MediaStream, ...]:
        """
        What the participant sends and receives.
        """
    @property
    def meeting_role(self, /) -> str | None:
        """
        ``"organizer"``, ``"presenter"``, ... Wire.
        """
    @property
    def metadata(self, /) -> str | None:
        """
        Whatever the participant's client published.
        """
    @property
    def preferred_display_name(self, /) -> str | None:
        """
        The name the participant chose. Beta.
        """
    @property
    def published_states(self, /) -> Any:
        """
        States the client published. Wire.
        """
    @property
    def recording_info(self, /) -> RecordingInfo | None:
        """
        Whether the participant records.
        """
    @property
    def removed_state(self, /) -> RemovedState | None:
        """
        Why the participant is gone, in a roster of changes.
        """
    @property
    def replacement_link(self, /) -> str | None:
        """
        Internal to the service. Wire.
        """
    @property
    def restricted_experience(self, /) -> RestrictedExperience | None:
        """
        What the participant may not do.
        """
    @property
    def roster_sequence_number(self, /) -> int | None:
        """
        Counts the changes of the roster, in a roster of changes.
        """
    @property
    def synthetic_media_detection(self, /) -> Any:
        """
        Whether synthetic media were detected. Beta.
        """

@final
class ParticipantInfo(JsonObject):
    """
    One party of a call. Source: Graph resource types *participantInfo* and *invitationParticipantInfo*; members
    marked "wire" were only ever seen in notifications.
    """
    def __repr__(self, /) -> str: ...
    @property
    def client_version(self, /) -> str | None:
        """
        Version of the client. Wire.
        """
    @property
    def country_code(self, /) -> str | None:
        """
        Country code.
        """
    @property
    def endpoint_id(self, /) -> str | None:
        """
        The device. Wire.
        """
    @property
    def endpoint_type(
        self, /
    ) -> (
        Literal[
            "default",
            "voicemail",
            "skypeForBusiness",
            "skypeForBusinessVoipPhone",
        ]
        | str
        | None
    ):
        """
        ``"default"``, ``"voicemail"``, ``"skypeForBusiness"``, ``"skypeForBusinessVoipPhone"``.
        """
    @property
    def extra(self, /) -> dict[str, Any]:
        """
        Members without an attribute here, as Python values. A new dict each time.
        """
    @property
    def hidden(self, /) -> bool | None:
        """
        Whether others do not see the participant.
        """
    @property
    def id(self, /) -> str | None:
        """
        The participant's id within the call. Wire.
        """
    @property
    def identity(self, /) -> Identity | None:
        """
        Who it is.
        """
    @property
    def language_id(self, /) -> str | None:
        """
        Language tag.
        """
    @property
    def non_anonymized_identity(self, /) -> Identity | None:
        """
        Who it is, where the identity shown is anonymous. Beta.
        """
    @property
    def participant_id(self, /) -> str | None:
        """
        The participant's id within the call.
        """
    @property
    def platform_id(self, /) -> str | None:
        """
        The platform of the client. Beta.
        """
    @property
    def region(self, /) -> str | None:
        """
        Home region, such as ``"amer"``.
        """
    @property
    def remove_from_default_audio_routing_group(self, /) -> bool | None:
        """
        Whether the default mix leaves the participant out.
        """
    @property
    def replacement_link(self, /) -> str | None:
        """
        Internal to the service. Wire.
        """
    @property
    def replaces_call_id(self, /) -> str | None:
        """
        The call that this one replaces.
        """

@final
class ParticipantsChanged(Notification):
    """
    The roster of a call changed.
    """

    __match_args__: Final[tuple[Literal["participants"]]]
    @property
    def participants(self, /) -> tuple[Participant, ...]:
        """
        Everybody in the call now; only the changes where the call asked for a delta roster.
        """

@final
class PreparedRedirect:
    """
    A redirect that passed every rule, ready to be sent.
    """
    @property
    def deadline(self, /) -> Deadline:
        """
        Until when it makes sense.
        """
    def give_up(self, /) -> Outcome:
        """
        The outcome when Graph did not take the token and there is no other.
        """
    def never_heard(self, /, reason: str) -> Outcome:
        """
        The outcome when nobody waits for an answer any more, and the request may be on its way.
        """
    def never_sent(self, /, reason: str) -> Outcome:
        """
        The outcome for a request that was never sent.
        """
    @property
    def tenant_id(self, /) -> str | None:
        """
        The tenant that the token must be of, where it is known.
        """

@final
class Receipt:
    """
    What receiving a request came to.
    """
    @property
    def ended(self, /) -> list[TrackedCall]:
        """
        Calls that ended.
        """
    @property
    def incoming(self, /) -> list[TrackedCall]:
        """
        Calls to redirect.
        """
    @property
    def keys_due(self, /) -> bool:
        """
        Whether newer keys should be fetched now, for later requests.
        """
    @property
    def reason(self, /) -> str | None:
        """
        Why the request was refused, for logs.
        """
    @property
    def reply(self, /) -> Reply | None:
        """
        The reply; ``None`` if Microsoft's keys must be fetched first.
        """
    @property
    def scenario_id(self, /) -> str | None:
        """
        The request's ``Scenario-Id``, for the redirects: it ties the logs of both sides together.
        """

@final
class ReceivedRedirect:
    """
    One redirect as Graph received it, accepted or not.
    """
    def __repr__(self, /) -> str: ...
    @property
    def accepted(self, /) -> bool:
        """
        Whether the call was redirected, answered or not.
        """
    @property
    def after(self, /) -> float | None:
        """
        Seconds the call had been ringing; `None` when the call is unknown.
        """
    @property
    def api_version(self, /) -> str:
        """
        `"v1.0"` or `"beta"`.
        """
    @property
    def body(self, /) -> bytes:
        """
        The request body, byte for byte.
        """
    @property
    def call_id(self, /) -> str:
        """
        Call id in the path.
        """
    @property
    def client_request_id(self, /) -> str | None:
        """
        The `client-request-id` header.
        """
    @property
    def code(self, /) -> str | None:
        """
        Graph's error code, such as ``"8522"``.
        """
    @property
    def fault(self, /) -> FaultName | None:
        """
        What went wrong on purpose, by name.
        """
    @property
    def headers(self, /) -> dict[str, str]:
        """
        Headers that correlate or identify: `client-request-id`, `scenario-id`, `content-type`, `user-agent`.
        """
    @property
    def message(self, /) -> str | None:
        """
        Graph's words for it.
        """
    @property
    def status(self, /) -> int | None:
        """
        HTTP status it was answered with: 202 when accepted; `None` when a fault kept the answer back.
        """
    @property
    def violations(self, /) -> tuple[Violation, ...]:
        """
        Every rule it breaks, warnings included, each with its place in the JSON.
        """

@final
class Receiver:
    """
    Verifies, reads and claims; knows the calls.
    """
    def __new__(
        cls,
        /,
        verifier: Verifier,
        *,
        store: str,
        fail_closed: bool,
        application_instances: Sequence[str] | None,
        regions: Mapping[str, str],
    ) -> Receiver: ...
    @property
    def calls(self, /) -> tuple[TrackedCall, ...]:
        """
        The calls of this process, oldest first.
        """
    def claim(self, /, call: TrackedCall, mailbox: Mailbox | None) -> int | tuple[str, str | None]:
        """
        Claims a call: a word and why. Comes through the mailbox under the ticket returned; without one, at once, which
        only local claims can.
        """
    @property
    def claims_are_local(self, /) -> bool:
        """
        Whether claims reach no further than this process.
        """
    @property
    def claims_degraded(self, /) -> int:
        """
        Calls that went on without the store.
        """
    def close(self, /) -> None:
        """
        From now on every request is answered 503.
        """
    def end(self, /, call: TrackedCall, mailbox: Mailbox | None) -> int | bool:
        """
        Writes down that a call ended: whether no other worker knew.
        """
    def fetch_keys(self, /, mailbox: Mailbox) -> int:
        """
        Fetches Microsoft's keys, or waits for who is at it; ``None`` or the reason of the failure comes through the mailbox.
        """
    def find(self, /, call_id: str) -> TrackedCall | None:
        """
        The call of that id, if this process knows it.
        """
    def finish(self, /, call: TrackedCall, mailbox: Mailbox | None) -> int | str | None:
        """
        Writes down how a call was settled: ``None``, or why it could not be. Without a mailbox nobody waits for it.
        """
    def get(self, /, call: TrackedCall, mailbox: Mailbox | None) -> int | str | ClaimRecord | None:
        """
        What the store has of a call: a record, ``None``, or why it cannot be said.
        """
    @property
    def max_bytes(self, /) -> int:
        """
        The longest body that is read, in bytes: a host need not read more.
        """
    def may_send(self, /, call: TrackedCall, mailbox: Mailbox | None) -> int | tuple[str, str | None]:
        """
        Asks leave to send; answers as ``claim``.
        """
    def receive(
        self,
        /,
        body: bytes | str | Mapping[str, Any],
        headers: Mapping[str, str] | Iterable[tuple[str, str] | tuple[bytes, bytes]],
        received_at: float | None,
    ) -> Receipt:
        """
        Verifies and reads.
        """
    def unfinished(self, /, mailbox: Mailbox | None) -> int | str | tuple[ClaimRecord, ...]:
        """
        Calls whose worker is gone and never said how they ended; or why it cannot be said.
        """

@final
class RecordWriter:
    """
    Writes requests into a file, behind a queue.
    """
    def __new__(cls, /, path: str, *, max_bytes: int | None, keep: int, redact: bool) -> RecordWriter: ...
    def close(self, /, timeout: SupportsFloat | SupportsIndex) -> bool:
        """
        The same, and lets go of the file.
        """
    @property
    def counts(self, /) -> tuple[int, int]:
        """
        Requests written, and requests lost.
        """
    def flush(self, /, timeout: SupportsFloat | SupportsIndex) -> bool:
        """
        Waits until all is written, so many seconds at most; whether it is.
        """
    def note(
        self,
        /,
        body: Any,
        headers: Any,
        received_at: SupportsFloat | SupportsIndex,
        receipt: Receipt,
        anyone: bool,
    ) -> str | None:
        """
        Takes a request that a bot has answered; ``received_at`` is of ``time.monotonic()``.
        """
    def record(
        self,
        /,
        body: bytes | str | Mapping[str, Any],
        headers: Mapping[str, str] | Iterable[tuple[str, str] | tuple[bytes, bytes]],
        *,
        received_at: float | None,
        method: str | None,
        path: str | None,
        status: int | None,
        verified: bool | None,
        reason: str | None,
    ) -> str | None:
        """
        Takes a request seen elsewhere. A text comes back when a warning is due.
        """
    def warning(self, /) -> str | None:
        """
        What is to be told as a warning, if anything is.
        """

@final
class RecordedRequest:
    """
    A webhook request out of a recording.
    """
    def __copy__(self, /) -> RecordedRequest: ...
    def __deepcopy__(self, /, memo: Any) -> Self: ...
    def __eq__(self, value: object, /) -> bool: ...
    def __hash__(self, /) -> int: ...
    def __ne__(self, value: object, /) -> bool: ...
    def __reduce__(self, /) -> tuple[Any, ...]: ...
    def __repr__(self, /) -> str: ...
    @property
    def body(self, /) -> bytes:
        """
        The body: byte for byte as it came, unless it was ``redacted``.
        """
    @classmethod
    def from_json(cls, /, line: bytes | str) -> RecordedRequest:
        """
        Reads one line of a recording. Raises ``ParseError``.
        """
    @property
    def headers(self, /) -> dict[str, str]:
        """
        The headers that are recorded, by their names in lower case; never ``authorization`` or cookies.
        """
    @property
    def method(self, /) -> str | None:
        """
        HTTP method, if it was told; a bot records only what it is given.
        """
    def parse(self, /) -> Notifications:
        """
        The notifications in the body. Raises ``ParseError``; ``call.deadline`` is long past.
        """
    @property
    def path(self, /) -> str | None:
        """
        Path of the URL, if it was told.
        """
    @property
    def received_at(self, /) -> datetime:
        """
        When it came, in UTC.
        """
    @property
    def redacted(self, /) -> bool:
        """
        Whether telephone numbers, names, tokens and the like were replaced.
        """
    def to_json(self, /) -> str:
        """
        The request as a line of a recording, without the line's end.
        """
    @property
    def verdict(self, /) -> Verdict:
        """
        What became of it.
        """

@final
class RecordingInfo(JsonObject):
    """
    Whether a participant records. Source: Graph resource type *recordingInfo*.
    """
    def __repr__(self, /) -> str: ...
    @property
    def extra(self, /) -> dict[str, Any]:
        """
        Members without an attribute here, as Python values. A new dict each time.
        """
    @property
    def initiated_by(self, /) -> ParticipantInfo | None:
        """
        Who began it. Beta.
        """
    @property
    def initiator(self, /) -> Identity | None:
        """
        Who began it.
        """
    @property
    def recording_status(
        self, /
    ) -> (
        Literal[
            "unknown",
            "notRecording",
            "recording",
            "failed",
        ]
        | str
        | None
    ):
        """
        ``"unknown"``, ``"notRecording"``, ``"recording"``, ``"failed"``.
        """

@final
class Redirect:
    """
    Where a call should go: what Graph gets.

    Source: Graph action *call: redirect*, parameter table. Whatever is left out is not sent, and Graph uses
    its default. Nothing is checked here; see `violations` and `validate`.

    Args:
        targets: 1 to 25 targets. One is a forward; several ring at once and the first to pick up is connected.
        timeout: How long to ring, in seconds, 15 to 90. Graph's default is 55 for one target, 60 for several.
        callback_uri: Where later notifications of this call go; https. Default: the bot's own callback.
        mask_callee: Show the caller the bot instead of who is called. Beta only.
        mask_caller: Show who is called the bot instead of the caller. Beta only.
        routing_policies: Undocumented, such as ``["disableForwarding"]``; passed through.
        target_disposition: Deprecated, beta only; Graph counts the targets instead.
        extra: Further members, sent as they are.
    """

    __match_args__: Final[tuple[Literal["targets"]]]
    def __eq__(self, value: object, /) -> bool: ...
    @classmethod
    def __get_pydantic_core_schema__(cls, /, _source: Any, _handler: Any) -> Any:
        """
        Lets pydantic read and write the class: instances, dicts and JSON text in, dicts out.
        """
    @classmethod
    def __get_pydantic_json_schema__(cls, /, _schema: Any, _handler: Any) -> dict[str, Any]: ...
    def __hash__(self, /) -> int: ...
    def __ne__(self, value: object, /) -> bool: ...
    def __new__(
        cls,
        /,
        targets: Iterable[Target],
        *,
        timeout: int | None = None,
        callback_uri: str | None = None,
        mask_callee: bool | None = None,
        mask_caller: bool | None = None,
        routing_policies: SupportsGetItem[int, str] | None = None,
        target_disposition: str | None = None,
        extra: dict[str, Any] | None = None,
    ) -> Redirect: ...
    def __reduce__(self, /) -> tuple[Any, ...]: ...
    def __replace__(self, /, **changes: Any) -> Self: ...
    def __repr__(self, /) -> str:
        """
        With telephone numbers, and the parts of the callback URI that may hold keys, masked.
        """
    @property
    def callback_uri(self, /) -> str | None:
        """
        Where later notifications of this call go.
        """
    @property
    def extra(self, /) -> dict[str, Any]:
        """
        Members without an attribute here. A new dict each time.
        """
    @staticmethod
    def from_dict(value: dict[str, Any]) -> Redirect:
        """
        The same as `from_json`, for JSON that was read already.

        Raises:
            ParseError: The dict is no redirect. Has the path of the fault.
        """
    @staticmethod
    def from_json(text: bytes | str) -> Redirect:
        """
        Reads what `to_json` wrote, or anybody else's redirect; unknown members are kept.

        Raises:
            ParseError: The text is no such JSON. Has the path, line and column of the fault.
        """
    @property
    def mask_callee(self, /) -> bool | None:
        """
        Whether the caller is shown the bot instead of who is called.
        """
    @property
    def mask_caller(self, /) -> bool | None:
        """
        Whether who is called is shown the bot instead of the caller.
        """
    @property
    def routing_policies(self, /) -> tuple[str, ...] | None:
        """
        Undocumented; passed through.
        """
    @property
    def target_disposition(self, /) -> str | None:
        """
        Deprecated: Graph counts the targets instead.
        """
    @property
    def targets(self, /) -> tuple[Target, ...]:
        """
        Who to ring.
        """
    @property
    def timeout(self, /) -> int | None:
        """
        How long to ring, in seconds.
        """
    def to_dict(self, /, api_version: str | None = None) -> dict[str, Any]:
        """
        The same as `to_json`, as a dict.
        """
    def to_json(self, /, api_version: str | None = None) -> str:
        """
        The JSON that Graph gets: compact, members in the order of the documentation, only what is set.

        Args:
            api_version: ``"v1.0"`` or ``"beta"``: refuse fields that this version does not have.

        Raises:
            ValidationError: A field does not exist in that version.
        """
    def validate(self, /, api_version: str = "beta", limits: Limits | None = None) -> None:
        """
        Raises if Graph would refuse the redirect. Warnings alone do not raise.

        Raises:
            ValidationError: With every violation, warnings included, in ``.violations``.
        """
    def violations(self, /, api_version: str = "beta", limits: Limits | None = None) -> list[Violation]:
        """
        Every broken rule, errors and warnings, in the order of the JSON. Empty if there is nothing to say.

        Args:
            api_version: ``"v1.0"`` or ``"beta"``; v1.0 has no masks and no target disposition.
            limits: Other numbers than Microsoft's.
        """

@final
class RedirectReceived(SimulatorEvent):
    """
    A redirect arrived at Graph. It has the verdict with it.
    """

    __match_args__: Final[tuple[Literal["redirect"]]]
    @property
    def redirect(self, /) -> ReceivedRedirect:
        """
        The redirect, with status, code and violations.
        """

@final
class Rejected(Outcome):
    """
    Graph said no; nothing rings.
    """

    __match_args__: Final[tuple[Literal["status"], Literal["code"], Literal["message"]]]
    def __new__(
        cls,
        /,
        status: int = ...,
        code: str | None = None,
        message: str | None = None,
        *,
        request_id: str | None = None,
        retry_after: float | None = None,
        token_tenant: str | None = None,
        call_tenant: str | None = None,
        attempts: Sequence[Attempt] = ...,
        elapsed: SupportsFloat | SupportsIndex = 0.0,
        client_request_id: str = ...,
    ) -> Rejected: ...
    @property
    def call_tenant(self, /) -> str | None:
        """
        The tenant of the call, if the token was the trouble and the notification told.
        """
    @property
    def code(self, /) -> str | None:
        """
        Graph's error code: a word, or digits for a code of the calling service such as ``"7505"``.
        """
    @property
    def cure(self, /) -> str | None:
        """
        What to do about it.
        """
    @property
    def explanation(self, /) -> str | None:
        """
        What the refusal means in plain words; ``None`` for codes that no source explains.
        """
    @property
    def message(self, /) -> str | None:
        """
        Graph's message.
        """
    @property
    def request_id(self, /) -> str | None:
        """
        ``request-id`` of the answer: Microsoft's support asks for it.
        """
    @property
    def retry_after(self, /) -> float | None:
        """
        Seconds that Graph asked to wait, counted from its answer.
        """
    @property
    def status(self, /) -> int:
        """
        HTTP status.
        """
    @property
    def token_tenant(self, /) -> str | None:
        """
        The tenant that the refused token says it is of (``tid``), if the token was the trouble and can be
        read.
        """

@final
class RemovedState(JsonObject):
    """
    Why a participant is gone. Source: Graph resource type *removedState*.
    """
    def __repr__(self, /) -> str: ...
    @property
    def extra(self, /) -> dict[str, Any]:
        """
        Members without an attribute here, as Python values. A new dict each time.
        """
    @property
    def reason(self, /) -> str | None:
        """
        Free text.
        """

@final
class Replay:
    """
    A replay that has begun. It stops when this object goes.
    """
    def __len__(self, /) -> int: ...
    def __new__(
        cls,
        /,
        requests: Iterable[RecordedRequest],
        url: str,
        *,
        speed: float | None,
        concurrency: int,
        timeout: float,
        patience: float,
        ask: bool,
    ) -> Replay: ...
    def authorize(self, /, index: SupportsIndex, authorization: str | None) -> None:
        """
        Answers what was asked. ``None`` posts the request without an ``Authorization``.
        """
    def next(self, /, mailbox: Mailbox | None) -> int | Replayed | None:
        """
        What happens next: the number of a request whose ``Authorization`` is asked for, an answer of the bot, or
        ``None`` at the end. With a mailbox it comes there, under the ticket returned.

        Raises ``ConnectionError`` when nobody listens.
        """
    def request(self, /, index: SupportsIndex) -> RecordedRequest | None:
        """
        The request of that number, which is its place in the order they came.
        """

@final
class Replayed:
    """
    A recorded request, and what the bot answered this time.
    """
    def __repr__(self, /) -> str: ...
    @property
    def as_recorded(self, /) -> bool | None:
        """
        Whether the status is the one recorded; ``None`` if none was recorded.
        """
    @property
    def elapsed(self, /) -> float:
        """
        Seconds until the answer, or until it was given up.
        """
    @property
    def error(self, /) -> str | None:
        """
        Why there was no answer, in words.
        """
    @property
    def index(self, /) -> int:
        """
        Its place in the replay, from 0: requests are posted in the order they came, answers come as they come.
        """
    @property
    def request(self, /) -> RecordedRequest:
        """
        The request as it was recorded.
        """
    @property
    def status(self, /) -> int | None:
        """
        The HTTP status answered now; ``None`` if there was no answer.
        """

@final
class Reply:
    """
    What to answer the webhook request with. The body is always empty: a stranger learns nothing.
    """
    def __repr__(self, /) -> str: ...
    @property
    def body(self, /) -> bytes:
        """
        Empty.
        """
    @property
    def headers(self, /) -> dict[str, str]:
        """
        Headers to send.
        """
    @property
    def status(self, /) -> int:
        """
        HTTP status: 202 accepted, 204 for the old Skype format, 302 to another region's webhook, else 400, 401, 403, 413, 415 or 503.
        """

@final
class RestrictedExperience(JsonObject):
    """
    What a participant may not do. Source: Graph resource type *onlineMeetingRestricted*.
    """
    def __repr__(self, /) -> str: ...
    @property
    def content_sharing_disabled(self, /) -> str | None:
        """
        Why content cannot be shared.
        """
    @property
    def extra(self, /) -> dict[str, Any]:
        """
        Members without an attribute here, as Python values. A new dict each time.
        """
    @property
    def video_disabled(self, /) -> str | None:
        """
        Why there is no video.
        """

@final
class ResultInfo(JsonObject):
    """
    A result code, as of a call that ended. Source: Graph resource type *resultInfo*.
    """
    def __repr__(self, /) -> str: ...
    @property
    def code(self, /) -> int | str | None:
        """
        Like an HTTP status. The text as it came if it is no number.
        """
    @property
    def extra(self, /) -> dict[str, Any]:
        """
        Members without an attribute here, as Python values. A new dict each time.
        """
    @property
    def message(self, /) -> str | None:
        """
        Text for support requests.
        """
    @property
    def reason(self, /) -> str | None:
        """
        What the codes mean, in words; ``None`` for codes nobody has explained.

        Source: Graph documentation *call: delete*, call end reason codes, and what people met.
        """
    @property
    def subcode(self, /) -> int | str | None:
        """
        What exactly. The text as it came if it is no number.
        """

@final
class RungCall:
    """
    What happened to a call that rang.
    """
    def __repr__(self, /) -> str: ...
    @property
    def answered_by(self, /) -> Target | None:
        """
        The target of the redirect that picked up.
        """
    @property
    def api_version(self, /) -> str | None:
        """
        `"v1.0"` or `"beta"`, as the redirect was sent.
        """
    @property
    def call_id(self, /) -> str:
        """
        Call id.
        """
    @property
    def client_request_id(self, /) -> str | None:
        """
        The `client-request-id` of the redirect.
        """
    @property
    def ended_status(self, /) -> int | None:
        """
        HTTP status of the bot's reply to the notification of the end; `None` when it got none or did not reply.
        """
    @property
    def ending(self, /) -> Ending:
        """
        How the call ended: ``"answered"``, ``"no_answer"``, ``"busy"``, ``"unreachable"``, ``"hung_up"`` by the caller,
        ``"expired"`` without a redirect, or ``"refused"`` by the bot.
        """
    @property
    def name(self, /) -> str | None:
        """
        The scenario's name for the call.
        """
    @property
    def problem(self, /) -> str | None:
        """
        What is wrong with the bot and where to look, in one line; `None` when its call was redirected, or the caller
        hung up.
        """
    @property
    def redirect(self, /) -> dict[str, Any] | None:
        """
        The JSON of the redirect that Graph accepted; `None` when there was none.
        """
    @property
    def reply_body(self, /) -> bytes:
        """
        The first 64 KiB of the bot's reply.
        """
    @property
    def reply_headers(self, /) -> dict[str, str]:
        """
        Headers of the bot's reply, names in lower case.
        """
    @property
    def reply_status(self, /) -> int | None:
        """
        HTTP status of the bot's reply; `None` when it did not reply while the call rang.
        """
    @property
    def steps(self, /) -> list[tuple[Step, float]]:
        """
        What happened when, in seconds since ringing: `rang`, then `replied`, `redirected`, `answered`, `hung_up`,
        `expired`, `ended`.
        """

@final
class Scenario:
    """
    Calls to be rung: who rings, who picks up, what goes wrong. `Simulator.play` rings them.

    ```python
    Scenario([{"callees": {"98da8a1a-1b87-452c-a713-65d3f10b1253": "busy", "*": 3.0}, "faults": ["duplicate"]}], speed=100)
    ```

    A file has the same keys, in TOML; `load` reads it.

    Args:
        calls: The script of each call. Its keys are those of `Simulator.ring`, and `start` (seconds from the beginning),
            `count` (how many such calls) and `example` (1, 2 or 3 of Microsoft's documentation, as a base).
        speed: How many times faster people are than the clock; the simulator's when `None`.
        seed: Decides about faults with a probability; the simulator's when `None`.
        faults: What goes wrong with every call, beside each call's own.
        together: Calls at once; others wait. Graph's own limit for an app is 100.

    Raises:
        ParseError: A key or value that no script has; `path` says where, and the message what was probably meant.
    """
    def __eq__(self, value: object, /) -> bool: ...
    def __len__(self, /) -> int:
        """
        How many calls will ring.
        """
    def __ne__(self, value: object, /) -> bool: ...
    def __new__(
        cls,
        /,
        calls: Sequence[CallScript],
        *,
        speed: float | None = None,
        seed: int | None = None,
        faults: Sequence[Fault] | None = None,
        together: SupportsIndex = 100,
    ) -> Self: ...
    def __repr__(self, /) -> str: ...
    @classmethod
    def from_toml(cls, /, text: str, name: str = "scenario") -> Self:
        """
        Reads the text of a TOML file; `name` is the file's, for messages.
        """
    @classmethod
    def load(cls, /, path: str | PathLike[str]) -> Self:
        """
        Reads a TOML file.

        Raises `OSError` if it cannot be read, and `ParseError` with file, line and key if something is wrong in it.
        """

@final
class Sender:
    """
    Endpoint, rules and connections of a client.
    """
    def __new__(
        cls,
        /,
        *,
        api_version: str,
        root: str,
        limits: Limits | None = None,
        cloud: Cloud = ...,
        credential: ClientSecret | ClientCertificate | ManagedIdentity | None = None,
        on_ambiguous: str = "probe_then_resend",
    ) -> Sender: ...
    @property
    def api_version(self, /) -> str:
        """
        ``"v1.0"`` or ``"beta"``.
        """
    def close(self, /) -> None:
        """
        From now on nothing is prepared; connections close when what is under way has ended.
        """
    def prepare(
        self,
        /,
        call: Call | str,
        redirect: Redirect,
        deadline: Deadline | float | None = None,
        scenario_id: str | None = None,
        tenant_id: str | None = None,
    ) -> PreparedRedirect:
        """
        Checks everything that can be checked before a token is spent.
        """
    @property
    def root(self, /) -> str:
        """
        The root of Graph that requests go to.
        """
    def send(self, /, request: PreparedRedirect, token: str | None = None) -> Outcome | None:
        """
        Sends and waits, the interpreter released. Without a token the credential given at first is asked. ``None``:
        Graph did not take the token, another may be tried.
        """
    def submit(self, /, request: PreparedRedirect, token: str | None, mailbox: Mailbox) -> int:
        """
        Sends; what ``send`` returns or raises comes through the mailbox under the ticket returned.
        """
    def submit_token(self, /, request: PreparedRedirect, mailbox: Mailbox) -> int:
        """
        Has our own credential fetch a token and keeps it for the request. ``None``, or the outcome if there is none in
        time, comes through the mailbox under the ticket returned.
        """
    def submit_warm_up(
        self, /, tenant_id: str | None, seconds: SupportsFloat | SupportsIndex, again: bool, mailbox: Mailbox
    ) -> int:
        """
        The same, through the mailbox under the ticket returned. Of a client that was warm before, a connection that is
        in use is left alone.
        """
    def take_token(self, /, request: PreparedRedirect) -> bool:
        """
        Keeps our own credential's token for the request, if there is one that needs no fetching.
        """
    def warm_up(self, /, tenant_id: str | None, seconds: SupportsFloat | SupportsIndex) -> None:
        """
        Opens a connection, and has a token fetched if the credential is our own.
        """

@disjoint_base
class Simulator:
    """
    A Microsoft Graph of your own on this machine, with a caller who rings your bot.

    Everything is real HTTP on a free port of 127.0.0.1: signed notification tokens, Graph's checks and errors, and the
    15 seconds. Give `base_url` to the client under test and `metadata_url` or `jwks` to the verifier. Use it in a
    `with` statement, or `close()` it.

    `port=0` takes a free port. `own_key=True` signs with a new key instead of the one all simulators of a process
    share, which makes its tokens forgeries to the others. `token_lifetime` is that of the tokens that the token endpoint
    issues, in seconds; `client_secret` is the one it takes, for a bot that was configured before, and a new one when
    `None`. `cloud` says which cloud's Graph it is: beta is served worldwide only, calls in China not at all.

    `speed` makes people so many times faster than the clock: they pick up and hang up, and telephones give up ringing,
    in so much less time; Graph's 15 seconds and the times of faults stay, for the bot lives in real time. `faults` go
    wrong with every call, after the call's own (see `Simulator.faults`); `seed` decides about those with a probability.
    `second_redirect` is what a second redirect of a call is told: no public source says what Graph tells.
    """
    def __enter__(self, /) -> Self: ...
    def __exit__(self, /, *_exception: Any) -> None: ...
    def __new__(
        cls,
        /,
        app_id: str = "24701998-1a73-4d42-8085-bf46ed0ae039",
        tenant_id: str = "632899f8-2ea1-4604-8413-27bd2892079f",
        port: SupportsIndex = 0,
        *,
        host: str = "127.0.0.1",
        own_key: bool = False,
        token_lifetime: SupportsFloat | SupportsIndex = 3600.0,
        client_secret: str | None = None,
        cloud: Cloud = ...,
        speed: SupportsFloat | SupportsIndex = 1.0,
        seed: SupportsIndex = 0,
        faults: Sequence[Fault] | None = None,
        second_redirect: Literal["not_found", "accepted", "conflict"] = "not_found",
    ) -> Self: ...
    def __repr__(self, /) -> str: ...
    def access_token(
        self,
        /,
        tenant_id: str | None = None,
        *,
        lifetime: SupportsFloat | SupportsIndex = 3600.0,
        roles: Sequence[str] | None = None,
    ) -> str:
        """
        A token this Graph accepts for calls of the tenant.

        `lifetime` is in seconds; 0 makes a token that has expired already. Without `"Calls.Initiate.All"` among the
        `roles` (it is the default) Graph refuses to redirect.
        """
    @property
    def app_id(self, /) -> str:
        """
        The bot's app id: the audience of its notifications.
        """
    @property
    def base_url(self, /) -> str:
        """
        `http://127.0.0.1:PORT`, in place of `https://graph.microsoft.com`.
        """
    @property
    def client_secret(self, /) -> str:
        """
        The app's client secret. The simulator is an issuer of tokens, too: `{base_url}/{tenant}/oauth2/v2.0/token`
        takes it, and `base_url` is the `authority` of credentials that are to ask here.
        """
    def close(self, /) -> None:
        """
        Stops serving and ends every call. Harmless when closed already; returns within a second.
        """
    def events(self, /, *, start: int | None = None, timeout: float | None = None) -> Events:
        """
        Iterates over what happens from now on: notifications, replies, redirects with their verdict, ends of calls.

        The iterator waits for the next event and ends when the simulator is closed, or when nothing happens for
        `timeout` seconds: with 0 it gives what has happened and stops. `start` is the number of the event to begin
        with; the last 10,000 are kept, so 0 gives all of a short test.
        """
    @staticmethod
    def faults() -> dict[FaultName, str]:
        """
        Every fault by name, with what happens in words.
        """
    @property
    def identity_header(self, /) -> str:
        """
        What `IDENTITY_HEADER` is in Azure App Service; `{base_url}/msi/token` is `IDENTITY_ENDPOINT`. The instance
        metadata of a virtual machine is at `{base_url}/metadata/identity/oauth2/token`.
        """
    @property
    def jwks(self, /) -> str:
        """
        The signing keys as JSON text, for verifying without the network.
        """
    @property
    def metadata_url(self, /) -> str:
        """
        Where a verifier finds the issuer and the keys.
        """
    def notification_token(
        self,
        /,
        app_id: str | None = None,
        tenant_id: str | None = None,
        *,
        claims: dict[str, Any] | None = None,
    ) -> str:
        """
        The signed token of a notification, as a bot receives it behind `Bearer `.

        `claims` changes or adds claims, and removes those given as `None`: really signed, and wrong.
        """
    @property
    def page_url(self, /) -> str:
        """
        The live page for a browser: every call with its timeline and payloads, and a form to place calls.
        """
    def place_call(
        self,
        /,
        *,
        call_id: str | None = None,
        tenant_id: str | None = None,
        wait: SupportsFloat | SupportsIndex = 15.0,
        faults: Sequence[Fault] | None = None,
    ) -> str:
        """
        Makes a call known to Graph as if it rang from now on, and rings nobody: for tests of a client alone.
        Returns its id. `faults` are of Graph's answers only.
        """
    def play(self, /, url: str, scenario: Scenario) -> list[RungCall]:
        """
        Rings the bot at `url` with every call of a scenario, and waits until all are over. The results come in the
        scenario's order.
        """
    @property
    def redirects(self, /) -> list[ReceivedRedirect]:
        """
        The last 10,000 redirects Graph received, refused ones too, oldest first.
        """
    def register_certificate(self, /, pem: str) -> None:
        """
        Registers a certificate (PEM text) for the app, so that assertions signed with its key are taken.

        Raises `ValueError` if it is no certificate.
        """
    @property
    def requests(self, /) -> list[tuple[str, str, int | None]]:
        """
        The last 10,000 requests Graph served, oldest first: method, path, status; `None` for one left unanswered.
        """
    def ring(
        self,
        /,
        url: str,
        *,
        name: str | None = None,
        call_id: str | None = None,
        source: Party | None = None,
        targets: Sequence[Party] | None = None,
        tenant_id: str | None = None,
        callback_uri: str | None = None,
        token: str | Literal[False] | None = None,
        body: bytes | str | None = None,
        wait: SupportsFloat | SupportsIndex = 15.0,
        callees: Mapping[str, Callee] | None = None,
        hang_up: float | None = None,
        timeline: Timeline = "specification",
        faults: Sequence[Fault] | None = None,
        patience: SupportsFloat | SupportsIndex = 5.0,
    ) -> RungCall:
        """
        Rings the bot at `url` and waits until the call is over.

        Args:
            url: The bot's webhook. Only addresses on this machine are rung.
            name: Yours for the call, in its result.
            call_id: A new GUID when `None`.
            source: Who rings: an identity set such as `{"user": "..."}` or `{"phone": {"id": "+14255550100"}}`, or a whole
                participant with an `identity`. A Teams user when `None`.
            targets: Who is rung, in the same form; the bot when `None`. A call to the bot's telephone number has an
                `applicationInstance` here.
            tenant_id: Tenant of the call; the simulator's when `None`.
            callback_uri: `callbackUri` of the call.
            token: Genuine when `None`, the text given, or with `False` no `Authorization` at all.
            body: Sent instead of the notification, byte for byte.
            wait: Seconds Graph gives the bot, 15 at most.
            callees: What the targets of the redirect do, by id or number: pick up after so many seconds, or `"no_answer"`,
                `"busy"`, `"unreachable"`. `"*"` stands for all others. Whoever nothing is said of picks up at once.
            hang_up: Seconds after which the caller hangs up.
            timeline: `"specification"`: incoming, then terminated, as documented. `"redirecting"`: as documented in 2019,
                with a state in between, who picked up, and a termination reason.
            faults: What goes wrong on purpose, as names or as tables such as
                `{"name": "throttled", "nth": 1, "seconds": 0.5}`; `Simulator.faults` lists them. Without `nth` and
                `probability` a fault strikes each time.
            patience: Seconds to wait for somebody to listen at `url`.

        Raises:
            ParseError: A value that cannot be; `path` says which.
            ValueError: The bot is not on this machine, or a call of this id is ringing.
            ConnectionError: Nothing listens at `url`.
        """
    def ring_example(
        self,
        /,
        number: int,
        url: str,
        *,
        call_id: str | None = None,
        token: str | Literal[False] | None = None,
        wait: SupportsFloat | SupportsIndex = 15.0,
        callees: Mapping[str, Callee] | None = None,
        faults: Sequence[Fault] | None = None,
        patience: SupportsFloat | SupportsIndex = 5.0,
    ) -> RungCall:
        """
        Rings the bot with the incoming call of Microsoft's documented example 1 (forward to an application),
        2 (two users at once) or 3 (to a phone number). The rest as in `ring`.
        """
    def rotate_keys(self, /) -> None:
        """
        From now on a new key signs, published beside the one before.
        """
    @property
    def tenant_id(self, /) -> str:
        """
        The tenant of calls and tokens that name no other.
        """
    def wait_until_listening(self, /, url: str, timeout: SupportsFloat | SupportsIndex = 5.0) -> None:
        """
        Waits until somebody listens at `url`, for a bot that has just been started; `ring` does so by itself.

        Raises `ConnectionError` when nobody does within `timeout` seconds.
        """

@disjoint_base
class SimulatorEvent:
    """
    Something that happened to a call. Its class tells what: `CallRang`, `NotificationSent`, `BotReplied`,
    `RedirectReceived`, `CallFinished` or `CallFailed`.
    """
    def __repr__(self, /) -> str: ...
    @property
    def at(self, /) -> float:
        """
        Seconds since the simulator started.
        """
    @property
    def call_id(self, /) -> str:
        """
        Call id.
        """
    @property
    def number(self, /) -> int:
        """
        0 for the first of a simulator, then one more each time: a gap means that the reader was too slow.
        """

@final
class Target:
    """
    Who to ring. Usually made by one of the static methods: ``Target.user(...)``, ``Target.phone(...)``.

    Anything can be expressed, also what Graph refuses; `Redirect.violations` tells which it is.

    Args:
        kind: Member name inside the identity set: ``"user"``, ``"application"``, ``"phone"``, ...
        id: Object id, or E.164 number for ``"phone"``.
        display_name: Shown to people; Graph does not need it.
        tenant_id: The target's tenant.
        endpoint_type: ``"default"``, ``"voicemail"``, ...
        extra: Further members of the identity, sent as they are.
        participant_extra: Further members of the ``invitationParticipantInfo``, such as ``replacesCallId``.
        identity_set_extra: Further members of the identity set.
    """

    __match_args__: Final[tuple[Literal["kind"], Literal["id"]]]
    def __eq__(self, value: object, /) -> bool: ...
    def __hash__(self, /) -> int: ...
    def __ne__(self, value: object, /) -> bool: ...
    def __new__(
        cls,
        /,
        kind: str,
        id: str,
        *,
        display_name: str | None = None,
        tenant_id: str | None = None,
        endpoint_type: str | None = None,
        extra: dict[str, Any] | None = None,
        participant_extra: dict[str, Any] | None = None,
        identity_set_extra: dict[str, Any] | None = None,
    ) -> Target: ...
    def __reduce__(self, /) -> tuple[Any, ...]: ...
    def __replace__(self, /, **changes: Any) -> Self: ...
    def __repr__(self, /) -> str:
        """
        With telephone numbers masked.
        """
    @staticmethod
    def application(id: str, *, display_name: str | None = None, tenant_id: str | None = None) -> Target:
        """
        Another bot, by application id.
        """
    @staticmethod
    def application_instance(
        id: str, *, display_name: str | None = None, tenant_id: str | None = None
    ) -> Target:
        """
        A resource account. Graph sends this kind in notifications but documents it nowhere as a target.
        """
    @property
    def display_name(self, /) -> str | None:
        """
        Shown to people; Graph does not need it.
        """
    @property
    def endpoint_type(self, /) -> str | None:
        """
        ``"default"``, ``"voicemail"``, ...
        """
    @property
    def extra(self, /) -> dict[str, Any]:
        """
        Members of the identity without an attribute here. A new dict each time.
        """
    @property
    def id(self, /) -> str:
        """
        Object id, or E.164 number for ``"phone"``.
        """
    @staticmethod
    def identity(
        kind: str, id: str, *, display_name: str | None = None, tenant_id: str | None = None, **extra: Any
    ) -> Target:
        """
        Any identity, for kinds without a method of their own; keywords become members of the identity.
        """
    @property
    def identity_set_extra(self, /) -> dict[str, Any]:
        """
        Members of the identity set without an attribute here. A new dict each time.
        """
    @property
    def kind(self, /) -> str:
        """
        Member name inside the identity set: ``"user"``, ``"application"``, ``"phone"``, ...
        """
    @property
    def participant_extra(self, /) -> dict[str, Any]:
        """
        Members of the ``invitationParticipantInfo`` without an attribute here. A new dict each time.
        """
    @staticmethod
    def phone(number: str, *, display_name: str | None = None, tenant_id: str | None = None) -> Target:
        """
        A telephone number in E.164 form: ``+`` and 7 to 15 digits.

        The called bot needs an application instance with a number of its own.
        """
    @property
    def tenant_id(self, /) -> str | None:
        """
        The target's tenant.
        """
    @staticmethod
    def user(id: str, *, display_name: str | None = None, tenant_id: str | None = None) -> Target:
        """
        A person, by Microsoft Entra object id.
        """
    @staticmethod
    def voicemail(user_id: str, *, display_name: str | None = None, tenant_id: str | None = None) -> Target:
        """
        The voicemail of a user. People report that it stopped working in 2022.
        """

@final
class ToneInfo(JsonObject):
    """
    A tone. Source: Graph resource type *toneInfo*.
    """
    def __repr__(self, /) -> str: ...
    @property
    def extra(self, /) -> dict[str, Any]:
        """
        Members without an attribute here, as Python values. A new dict each time.
        """
    @property
    def sequence_id(self, /) -> int | None:
        """
        Counts the tones of a call.
        """
    @property
    def tone(
        self, /
    ) -> (
        Literal[
            "tone0",
            "tone1",
            "tone2",
            "tone3",
            "tone4",
            "tone5",
            "tone6",
            "tone7",
            "tone8",
            "tone9",
            "star",
            "pound",
            "a",
            "b",
            "c",
            "d",
            "flash",
        ]
        | str
        | None
    ):
        """
        ``"tone0"`` to ``"tone9"``, ``"star"``, ``"pound"``, ...
        """

@final
class TrackedCall:
    """
    One call from its arrival to its end: every step with its time, the outcome, who answered.
    """
    def __repr__(self, /) -> str: ...
    def __str__(self, /) -> str: ...
    @property
    def _attempts(self, /) -> int: ...
    def _claimed(
        self, /, worker: str | None, fence: SupportsIndex, budget: SupportsFloat | SupportsIndex
    ) -> None:
        """
        Claimed in a store of the bot's own, or by nobody's leave.
        """
    def _decided(self, /) -> None: ...
    def _elsewhere(self, /) -> bool: ...
    def _end_elsewhere(self, /) -> None: ...
    def _failed(self, /, reason: str) -> bool: ...
    def _fall_back(self, /, reason: str) -> None: ...
    @property
    def _fence(self, /) -> int | None: ...
    def _heard(self, /, stage: str) -> None: ...
    @property
    def _key(self, /) -> str: ...
    def _left_alone(self, /) -> bool: ...
    def _redirected(self, /, outcome: Outcome) -> bool: ...
    def _sending(self, /) -> None: ...
    @property
    def _tenant_id(self, /) -> str | None: ...
    def _time_out(self, /) -> bool: ...
    def _validated(self, /) -> None: ...
    @property
    def answered_by(self, /) -> ParticipantInfo | None:
        """
        Who picked up, where Graph says it; after a redirect to a phone only an ``encrypted`` identity.
        """
    @property
    def call(self, /) -> Call | None:
        """
        The call as it came in; ``None`` if this process never saw that.
        """
    @property
    def call_id(self, /) -> str:
        """
        The call's id.
        """
    @property
    def deadline(self, /) -> Deadline:
        """
        When its time is up: 13 seconds after anybody saw it first.
        """
    @property
    def elsewhere(self, /) -> bool:
        """
        Whether another worker has the call; its outcome is known there.
        """
    @property
    def ended(self, /) -> bool:
        """
        Whether it is known to have ended; with a store, another worker may have been told.
        """
    @property
    def failure(self, /) -> str | None:
        """
        Why there is no outcome, if there is none: the handler raised, the redirect broke rules, no token came, ...
        With an outcome: why it is that of the default redirect.
        """
    @property
    def left_alone(self, /) -> bool:
        """
        Whether the handler left the call alone.
        """
    @property
    def outcome(self, /) -> Outcome | None:
        """
        How the redirect went; ``None`` while it is under way, or if there was none.
        """
    @property
    def result_info(self, /) -> ResultInfo | None:
        """
        How the call ended, where Graph says it.
        """
    @property
    def settled(self, /) -> bool:
        """
        Whether it is known how its redirect went, or why there was none.
        """
    @property
    def stage(self, /) -> str:
        """
        How far it came: ``seen``, ``claimed``, ``sent``, and then how it ended: ``accepted``, ``rejected``, ``gone``,
        ``left alone``, ``failed``, ``expired`` or ``unknown``. Never goes back. What another worker did is known here
        once the call has ended.
        """
    @property
    def steps(self, /) -> tuple[tuple[str, float], ...]:
        """
        Every step in order, as name and seconds since the call's first notification arrived: ``received``,
        ``verified``, ``parsed``, ``claimed``, ``decided``, ``validated``, ``sent``, ``replied``, ``settled``, ``ended`` or ``timed out``.
        """
    @property
    def timed_out(self, /) -> bool:
        """
        Whether its end was waited for in vain.
        """
    def timeline(self, /) -> str:
        """
        One readable line per step, with milliseconds since arrival.
        """

@final
class Unknown(Outcome):
    """
    A request left, and nobody knows whether it took effect: the connection broke before the answer, no answer came in
    time, or a server error came that does not say. Where the client's ``on_ambiguous`` allows it, the same bytes were
    sent again only after Graph had said that the call still rings. The notification that the call ended will tell.

    No source says what Graph answers to a second redirect of a call. An answer that the call is gone or in another
    state is therefore no failure here: it makes ``likely_delivered`` true.
    """

    __match_args__: Final[tuple[Literal["likely_delivered"]]]
    def __new__(
        cls,
        /,
        likely_delivered: bool = False,
        *,
        reason: str = ...,
        attempts: Sequence[Attempt] = ...,
        elapsed: SupportsFloat | SupportsIndex = 0.0,
        client_request_id: str = ...,
    ) -> Unknown: ...
    @property
    def likely_delivered(self, /) -> bool:
        """
        Whether the evidence speaks for it.
        """
    @property
    def reason(self, /) -> str:
        """
        What happened.
        """

@final
class Verdict:
    """
    What became of a recorded request.
    """
    def __eq__(self, value: object, /) -> bool: ...
    def __hash__(self, /) -> int: ...
    def __ne__(self, value: object, /) -> bool: ...
    def __repr__(self, /) -> str: ...
    @property
    def call_ids(self, /) -> tuple[str, ...]:
        """
        The calls it is about.
        """
    @property
    def reason(self, /) -> str | None:
        """
        Why it was refused.
        """
    @property
    def status(self, /) -> int | None:
        """
        The HTTP status answered.
        """
    @property
    def verified(self, /) -> bool | None:
        """
        Whether its token was genuine and for this bot; ``None`` where nothing was verified.
        """

@final
class Verifier:
    """
    Tells whether Microsoft sent a notification. Safe to use from many threads.

    A `Redirector` sees to the keys by itself: it fetches them for the first call, anew every hour in the background, and
    for a token whose key is not among them, for these at most once in 30 seconds. Old keys serve while a fetch fails, for
    24 hours.

    The defaults are those of the public cloud. Government clouds differ, and what they send is not settled: in GCC High the
    issuer was seen to be ``https://api.botframework.com/``, with a slash, signed by a key that this cloud's metadata did
    not have. Set ``issuers`` and ``metadata_url`` to what you see.

    Args:
        app_id: The bot's application id, the audience of every token.
        tenants: Tenant ids whose calls are taken; ``None`` takes any, an empty list none.
        issuers: Accepted issuers, exact, except that one given with a slash at its end is accepted without it, too;
            ``None`` for the two of the public cloud.
        metadata_url: Where the keys are published: OpenID metadata whose ``jwks_uri`` is followed; https, or http on
            loopback. ``None`` for the public cloud's, unless there are ``jwks``.
        jwks: Keys to use, a JSON Web Key Set as JSON text or dict. Keys that cannot have signed a notification
            are passed over. With a ``metadata_url`` too, they serve until the first fetch.
        key_hosts: Hosts that the metadata may send us to for the keys, besides its own.

    Raises:
        ParseError: ``jwks`` is no key set.
        ValueError: ``app_id`` is empty, or ``metadata_url`` is neither https nor on loopback.
    """
    def __new__(
        cls,
        /,
        app_id: str,
        tenants: Sequence[str] | None = None,
        issuers: Sequence[str] | None = None,
        metadata_url: str | None = None,
        jwks: bytes | str | dict[str, Any] | None = None,
        *,
        key_hosts: Sequence[str] = ...,
    ) -> Verifier: ...
    def __repr__(self, /) -> str: ...
    @property
    def accepts_anyone(self, /) -> bool:
        """
        Whether nothing is verified: see `dangerously_accepting_anyone`.
        """
    @property
    def app_id(self, /) -> str:
        """
        The bot's application id.
        """
    @staticmethod
    def dangerously_accepting_anyone(app_id: str) -> Verifier:
        """
        A verifier that verifies nothing, for experiments on your own machine: whoever reaches the webhook can make
        this bot redirect calls. A `Redirector` with it says so in the log, as a ``WARNING``.

        Raises:
            ValueError: ``app_id`` is empty.
        """
    def fetch_keys(self, /) -> None:
        """
        Fetches the keys now, which a `Redirector` does by itself: for a verifier used alone. Blocks, at most 5 seconds
        or so; another thread's fetch that is under way is waited for instead. Nothing happens within a second of
        the last fetch.

        Raises:
            OSError: The keys could not be had; those before stay in use.
        """
    @property
    def issuers(self, /) -> list[str]:
        """
        Accepted issuers.
        """
    @property
    def key_ids(self, /) -> list[str]:
        """
        Ids of the usable keys, sorted.
        """
    @property
    def metadata_url(self, /) -> str | None:
        """
        Where the keys are published, if it was said.
        """
    def set_jwks(self, /, jwks: bytes | str | dict[str, Any]) -> None:
        """
        Uses these keys from now on, instead of those before.

        Raises:
            ParseError: It is no key set; the keys stay as they were.
        """
    @property
    def tenants(self, /) -> list[str] | None:
        """
        Tenant ids whose calls are taken; ``None`` for any.
        """
    def verify(
        self, /, authorization_header: object, now: SupportsFloat | SupportsIndex | None = None
    ) -> Claims:
        """
        Checks the value of the ``Authorization`` header of a notification.

        Takes anything; what is not one valid Bearer token for this bot raises `VerificationError` and nothing else.
        Answer such a request with a plain 401.

        Args:
            authorization_header: ``"Bearer ..."`` as it came.
            now: Seconds since 1970; ``None`` asks the clock. The token's times may be 300 seconds off.

        Raises:
            VerificationError: ``reason`` names the check that failed. ``"unknown_key"`` and ``"no_keys"`` may pass
                after `set_jwks` with newer keys.
        """

@final
class Violation:
    """
    One broken rule of a redirect. `Redirect.violations` makes these.
    """

    __match_args__: Final[
        tuple[Literal["code"], Literal["path"], Literal["message"], Literal["value"], Literal["severity"]]
    ]
    def __eq__(self, value: object, /) -> bool: ...
    def __hash__(self, /) -> int: ...
    def __ne__(self, value: object, /) -> bool: ...
    def __new__(
        cls, /, code: str, path: str, message: str, value: Any | None = None, severity: str = "error"
    ) -> Violation: ...
    def __reduce__(self, /) -> tuple[Any, ...]: ...
    def __replace__(self, /, **changes: Any) -> Self: ...
    def __repr__(self, /) -> str:
        """
        Without the value, which may be a telephone number.
        """
    def __str__(self, /) -> str: ...
    @property
    def code(self, /) -> str:
        """
        Stable name of the rule, such as ``"timeout_out_of_range"``.
        """
    @property
    def message(self, /) -> str:
        """
        What is wrong and what to do, in one line. Telephone numbers are masked.
        """
    @property
    def path(self, /) -> str:
        """
        JSON path in what Graph would get, such as ``"$.targets[0].identity.phone.id"``.
        """
    @property
    def severity(self, /) -> str:
        """
        ``"error"``: Graph would refuse the redirect, or do something else than asked. ``"warning"``: worth a look.
        """
    @property
    def value(self, /) -> Any:
        """
        The offending value as it is in the JSON, telephone numbers unmasked.
        """

def _after_fork() -> None:
    """
    To be called right after it, in parent and child.
    """

def _before_fork() -> None:
    """
    To be called right before a fork.
    """

def _fail(mailbox: Mailbox | None = None) -> int | None:
    """
    Runs what panics, as a fault of our own would: through the mailbox under the ticket returned, or waited for without
    one. Only tests have a use for it, and only the development build has it.
    """

def _flush_recordings() -> None:
    """
    Writes what waits, at the end of the process.
    """

def _one_interpreter() -> None:
    """
    Raises ``ImportError`` in a second interpreter of a process: what is kept for ever are objects of the first one.
    Python 3.12 and newer refuse it themselves.
    """

def _read_recording(path: str) -> tuple[list[RecordedRequest], list[str]]:
    """
    Reads a recording: the requests, and a word on each line that could not be read.
    """

def _restore(
    kind: str, text: str, received_at: SupportsFloat | SupportsIndex, url_id: str | None = None
) -> Any:
    """
    Rebuilds a pickled object. The age of a call survives, so that its deadline does.
    """

def parse(
    body: bytes | str | Mapping[str, Any] | list[Any],
    *,
    lenient: bool = False,
    max_bytes: int = 262144,
    max_depth: int = 64,
    received_at: float | None = None,
) -> Notifications:
    """
    Reads a webhook body: every notification in it, typed. One malformed item never loses the rest.

    ``body`` is the body as it came, or what ``json.loads`` made of it. ``lenient`` also accepts the trailing commas
    and comments of pasted documentation. ``max_bytes`` and ``max_depth`` bound what is read. ``received_at`` is the
    ``time.monotonic()`` of its arrival, for ``call.deadline``; now, if it is not given.

    Raises ``ParseError`` for a body that is not JSON, not notifications, or beyond the bounds.
    """
