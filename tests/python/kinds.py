"""What the documentation says a notification may say: every attribute of every parsed class, written down by hand."""

from __future__ import annotations

from typing import Any

# Kinds of value: a name of our own, one class, or values of an open set.
TEXT, INT, FLAG, CODE, TEXTS, ANY = "text", "int", "flag", "code", "texts", "any"


class One(str):
    """An object of that class."""

    __slots__ = ()


class Many(str):
    """A list of objects of that class."""

    __slots__ = ()


class Enum(tuple[str, ...]):
    """A string that may be one of these."""

    __slots__ = ()


class Enums(tuple[str, ...]):
    """A list of such strings."""

    __slots__ = ()


def words(text: str) -> Enum:
    return Enum(text.split())


MODALITY = words("audio video videoBasedScreenSharing data")
COMPLETION = words(
    "unknown completedSuccessfully mediaOperationCanceled operationCanceled stopToneDetected maxRecordDurationReached "
    "initialSilenceTimeout maxSilenceTimeout playPromptFailed playBeepFailed mediaReceiveTimeout unspecifiedError"
)

Table = dict[str, tuple[str, Any]]
TABLES: dict[str, Table] = {
    "Call": {
        "id": ("id", TEXT),
        "state": ("state", words(
            "incoming establishing ringing established hold transferring transferAccepted redirecting terminating "
            "terminated")),
        "direction": ("direction", words("incoming outgoing")),
        "source": ("source", One("ParticipantInfo")),
        "targets": ("targets", Many("ParticipantInfo")),
        "tenant_id": ("tenantId", TEXT),
        "subject": ("subject", TEXT),
        "callback_uri": ("callbackUri", TEXT),
        "call_chain_id": ("callChainId", TEXT),
        "my_participant_id": ("myParticipantId", TEXT),
        "answered_by": ("answeredBy", One("ParticipantInfo")),
        "result_info": ("resultInfo", One("ResultInfo")),
        "termination_reason": ("terminationReason", TEXT),
        "call_routes": ("callRoutes", Many("CallRoute")),
        "incoming_context": ("incomingContext", One("IncomingContext")),
        "requested_modalities": ("requestedModalities", Enums(MODALITY)),
        "active_modalities": ("activeModalities", Enums(MODALITY)),
        "routing_policies": ("routingPolicies", Enums(words(
            "none noMissedCall disableForwardingExceptPhone disableForwarding preferSkypeForBusiness"))),
        "ringing_timeout_in_seconds": ("ringingTimeoutInSeconds", INT),
        "tone_info": ("toneInfo", One("ToneInfo")),
        "media_state": ("mediaState", One("CallMediaState")),
        "media_config": ("mediaConfig", ANY),
        "chat_info": ("chatInfo", One("ChatInfo")),
        "meeting_info": ("meetingInfo", One("MeetingInfo")),
        "call_options": ("callOptions", One("CallOptions")),
        "transcription": ("transcription", One("CallTranscriptionInfo")),
        "meeting_capability": ("meetingCapability", ANY),
        "co_organizers": ("coOrganizers", Many("Identity")),
        "termination_sender": ("terminationSender", One("Identity")),
        "replaces_context": ("replacesContext", ANY),
        "media_hosted_region": ("mediaHostedRegion", TEXT),
        "application_metadata": ("applicationMetadata", ANY),
        "meeting_properties": ("meetingProperties", ANY),
        "audio_routing_groups": ("audioRoutingGroups", Many("AudioRoutingGroup")),
        "content_sharing_sessions": ("contentSharingSessions", Many("ContentSharingSession")),
        "operations": ("operations", Many("Operation")),
        "participants": ("participants", Many("Participant")),
    },
    "AudioRoutingGroup": {
        "id": ("id", TEXT),
        "receivers": ("receivers", TEXTS),
        "sources": ("sources", TEXTS),
        "routing_mode": ("routingMode", words("oneToOne multicast")),
    },
    "CallRoute": {
        "routing_type": ("routingType", words("forwarded lookup selfFork")),
        "original": ("original", One("Identity")),
        "final_": ("final", One("Identity")),
    },
    "IncomingContext": {
        "observed_participant_id": ("observedParticipantId", TEXT),
        "on_behalf_of": ("onBehalfOf", One("Identity")),
        "source_participant_id": ("sourceParticipantId", TEXT),
        "transferor": ("transferor", One("Identity")),
    },
    "ToneInfo": {
        "sequence_id": ("sequenceId", INT),
        "tone": ("tone", words(
            "tone0 tone1 tone2 tone3 tone4 tone5 tone6 tone7 tone8 tone9 star pound a b c d flash")),
    },
    "CallMediaState": {"audio": ("audio", words("active inactive"))},
    "ChatInfo": {
        "thread_id": ("threadId", TEXT),
        "message_id": ("messageId", TEXT),
        "reply_chain_message_id": ("replyChainMessageId", TEXT),
    },
    "MeetingInfo": {
        "organizer": ("organizer", One("Identity")),
        "allow_conversation_without_host": ("allowConversationWithoutHost", FLAG),
        "join_meeting_id": ("joinMeetingId", TEXT),
        "passcode": ("passcode", TEXT),
        "token": ("token", TEXT),
    },
    "CallOptions": {
        "hide_bot_after_escalation": ("hideBotAfterEscalation", FLAG),
        "is_content_sharing_notification_enabled": ("isContentSharingNotificationEnabled", FLAG),
        "is_delta_roster_enabled": ("isDeltaRosterEnabled", FLAG),
        "is_interactive_roster_enabled": ("isInteractiveRosterEnabled", FLAG),
    },
    "CallTranscriptionInfo": {
        "state": ("state", words("notStarted active inactive")),
        "last_modified_date_time": ("lastModifiedDateTime", TEXT),
    },
    "ParticipantInfo": {
        "identity": ("identity", One("Identity")),
        "region": ("region", TEXT),
        "endpoint_type": ("endpointType", words(
            "default voicemail skypeForBusiness skypeForBusinessVoipPhone")),
        "language_id": ("languageId", TEXT),
        "country_code": ("countryCode", TEXT),
        "participant_id": ("participantId", TEXT),
        "platform_id": ("platformId", TEXT),
        "non_anonymized_identity": ("nonAnonymizedIdentity", One("Identity")),
        "hidden": ("hidden", FLAG),
        "remove_from_default_audio_routing_group": ("removeFromDefaultAudioRoutingGroup", FLAG),
        "replaces_call_id": ("replacesCallId", TEXT),
        "id": ("id", TEXT),
        "endpoint_id": ("endpointId", TEXT),
        "client_version": ("clientVersion", TEXT),
        "replacement_link": ("replacementLink", TEXT),
    },
    "Participant": {
        "id": ("id", TEXT),
        "info": ("info", One("ParticipantInfo")),
        "is_muted": ("isMuted", FLAG),
        "is_in_lobby": ("isInLobby", FLAG),
        "media_streams": ("mediaStreams", Many("MediaStream")),
        "metadata": ("metadata", TEXT),
        "recording_info": ("recordingInfo", One("RecordingInfo")),
        "removed_state": ("removedState", One("RemovedState")),
        "restricted_experience": ("restrictedExperience", One("RestrictedExperience")),
        "roster_sequence_number": ("rosterSequenceNumber", INT),
        "is_identity_anonymized": ("isIdentityAnonymized", FLAG),
        "preferred_display_name": ("preferredDisplayName", TEXT),
        "synthetic_media_detection": ("syntheticMediaDetection", ANY),
        "published_states": ("publishedStates", ANY),
        "meeting_role": ("meetingRole", TEXT),
        "replacement_link": ("replacementLink", TEXT),
    },
    "MediaStream": {
        "media_type": ("mediaType", MODALITY),
        "direction": ("direction", words("inactive sendOnly receiveOnly sendReceive")),
        "label": ("label", TEXT),
        "source_id": ("sourceId", TEXT),
        "server_muted": ("serverMuted", FLAG),
    },
    "RecordingInfo": {
        "recording_status": ("recordingStatus", words("unknown notRecording recording failed")),
        "initiator": ("initiator", One("Identity")),
        "initiated_by": ("initiatedBy", One("ParticipantInfo")),
    },
    "RemovedState": {"reason": ("reason", TEXT)},
    "RestrictedExperience": {
        "content_sharing_disabled": ("contentSharingDisabled", TEXT),
        "video_disabled": ("videoDisabled", TEXT),
    },
    "ContentSharingSession": {"id": ("id", TEXT)},
    "ResultInfo": {
        "code": ("code", CODE),
        "subcode": ("subcode", CODE),
        "message": ("message", TEXT),
    },
    "Operation": {
        "id": ("id", TEXT),
        "status": ("status", words("notStarted running completed failed idle")),
        "client_context": ("clientContext", TEXT),
        "result_info": ("resultInfo", One("ResultInfo")),
        "participants": ("participants", Many("ParticipantInfo")),
        "completion_reason": ("completionReason", COMPLETION),
        "recording_location": ("recordingLocation", TEXT),
        "recording_access_token": ("recordingAccessToken", TEXT),
        "prompts": ("prompts", ANY),
    },
    # Read through the one identity that is filled in: see `wrapped`.
    "Identity": {
        "id": ("id", TEXT),
        "display_name": ("displayName", TEXT),
        "tenant_id": ("tenantId", TEXT),
    },
}  # fmt: skip

DERIVED = {
    "Call": {"ended", "deadline"},
    "Participant": {"identity"},
    "ResultInfo": {"reason"},
    "Operation": {"kind"},
    "Identity": {"kind"},
}
"""Attributes without a member of their own."""
SHARED = {"extra", "odata_type", "to_dict", "to_json", "from_dict", "from_json"}
OLD = {"subcode": "subCode", "recordingLocation": "recordResourceLocation",
       "recordingAccessToken": "recordResourceAccessToken"}  # fmt: skip
EVENTS = {
    "IncomingCall": {"call"},
    "CallUpdated": {"call"},
    "CallEnded": {"call"},
    "ParticipantsChanged": {"participants"},
    "ContentSharingChanged": {"sessions"},
    "OperationUpdated": {"operation"},
    "OperationEnded": {"operation"},
    "OtherNotification": {"problem"},
}


def wrapped(name: str, members: dict[str, Any]) -> dict[str, Any]:
    """What the class reads these members from."""
    return {"user": members} if name == "Identity" else members


def sample(kind: Any, depth: int = 1) -> Any:
    """Something documented for a member of that kind."""
    if isinstance(kind, One):
        return full(kind, depth - 1)
    if isinstance(kind, Many):
        return [full(kind, depth - 1), full(kind, depth - 1)]
    if isinstance(kind, Enum):
        return kind[-1]
    if isinstance(kind, Enums):
        return list(kind)
    return {TEXT: "text", INT: 2**40, FLAG: True, CODE: 5001, TEXTS: ["a", "b"], ANY: {"a": [1, None]}}[kind]


def full(name: str, depth: int = 1) -> dict[str, Any]:
    """An object with every documented member."""
    table = TABLES[name]
    flat = {wire: sample(kind, depth) for wire, kind in table.values() if depth or not nested(kind)}
    return wrapped(name, {"@odata.type": "#microsoft.graph.x", **flat})


def nested(kind: object) -> bool:
    return isinstance(kind, (One, Many))
