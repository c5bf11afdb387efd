//! The call, and what belongs to it alone.

use std::borrow::Cow;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use super::hint::{As, JsonDict};
use super::json::JsonObject;
use super::operation::{Operation, ResultInfo};
use super::participant::{ContentSharingSession, Identity, Participant, ParticipantInfo};
use super::send::Deadline;
use super::view::{
    Anything, Flag, Int, Many, ManyOf, One, OneOf, Read, Text, Texts, Values, View, read, values, view,
    view_extra, view_repr,
};
use crate::notification::{
    self as core, CALL_DIRECTION, CALL_STATE, Document, Json, MEDIA_STATE, MODALITY, Node, OpenSet,
    ROUTING_MODE, ROUTING_POLICY, ROUTING_TYPE, TONE, TRANSCRIPTION_STATE,
};

values! {
    State = CALL_STATE;
    Direction = CALL_DIRECTION;
    Modality = MODALITY;
    RoutingMode = ROUTING_MODE;
    RoutingPolicy = ROUTING_POLICY;
    RoutingType = ROUTING_TYPE;
    MediaState = MEDIA_STATE;
    TranscriptionState = TRANSCRIPTION_STATE;
    Tone = TONE;
}

/// The call's id; out of the notification's URL where the call object has none.
pub(super) struct CallId;

impl Read for CallId {
    type Value<'py> = Option<Bound<'py, PyString>>;

    fn read<'py>(py: Python<'py>, of: &JsonObject, value: Option<Node<'_>>) -> PyResult<Self::Value<'py>> {
        let id = value.and_then(Node::as_str).or_else(|| of.url_id.as_deref().map(Cow::Borrowed));
        Ok(id.map(|id| PyString::new(py, &id)))
    }
}

/// The call's tenant; the caller's where the call object has none.
pub(super) struct CallTenant;

impl Read for CallTenant {
    type Value<'py> = Option<Bound<'py, PyString>>;

    fn read<'py>(py: Python<'py>, of: &JsonObject, _: Option<Node<'_>>) -> PyResult<Self::Value<'py>> {
        Ok(core::Call(of.json.node()).tenant_id().map(|id| PyString::new(py, &id)))
    }
}

view! {
    /// A call as a notification tells it. Real notifications are partial: anything may be ``None``.
    ///
    /// Source: Graph resource type *call*, v1.0 and beta; members marked "wire" were only ever seen in notifications.
    Call {
        /// The call's id: what a redirect is sent to.
        id: CallId = "id";
        /// Where the call stands: ``"incoming"``, ``"established"``, ``"terminated"``, ... Known values come in their
        /// documented spelling whatever case they had, others as they came.
        state: OneOf<State> = "state";
        /// ``"incoming"`` or ``"outgoing"``, as the bot sees it.
        direction: OneOf<Direction> = "direction";
        /// Who rings.
        source: One<ParticipantInfo> = "source";
        /// Who is rung: the bot, or the application instance whose number was called.
        targets: Many<ParticipantInfo> = "targets";
        /// The tenant the call belongs to; a token for the redirect must be of this tenant.
        tenant_id: CallTenant = "tenantId";
        /// What the call is about, for people.
        subject: Text = "subject";
        /// Where the call's notifications go. Never used by this package on its own.
        callback_uri: Text = "callbackUri";
        /// Shared by all legs of a call; goes into support requests.
        call_chain_id: Text = "callChainId";
        /// The bot's own participant id.
        my_participant_id: Text = "myParticipantId";
        /// Who picked up, where Graph says it; after a redirect to a phone only an ``encrypted`` identity. Beta.
        answered_by: One<ParticipantInfo> = "answeredBy";
        /// How the call ended.
        result_info: One<ResultInfo> = "resultInfo";
        /// Free text such as ``"AppRedirected"``. Beta.
        termination_reason: Text = "terminationReason";
        /// How the call came to the bot: forwarded, looked up, forked.
        call_routes: Many<CallRoute> = "callRoutes";
        /// On whose behalf somebody rings, and who transferred the call.
        incoming_context: One<IncomingContext> = "incomingContext";
        /// What the caller wants: ``"audio"``, ``"video"``, ...
        requested_modalities: ManyOf<Modality> = "requestedModalities";
        /// What is in use. Beta.
        active_modalities: ManyOf<Modality> = "activeModalities";
        /// Undocumented for redirects. Beta.
        routing_policies: ManyOf<RoutingPolicy> = "routingPolicies";
        /// How long it rings, in seconds, at most 115. Beta.
        ringing_timeout_in_seconds: Int = "ringingTimeoutInSeconds";
        /// The tone somebody pressed, after a subscription to tones.
        tone_info: One<ToneInfo> = "toneInfo";
        /// Whether media flow.
        media_state: One<CallMediaState> = "mediaState";
        /// Media the bot brings or has the service play.
        media_config: Anything = "mediaConfig";
        /// The chat of the meeting.
        chat_info: One<ChatInfo> = "chatInfo";
        /// The meeting.
        meeting_info: One<MeetingInfo> = "meetingInfo";
        /// What the bot asked for with the call.
        call_options: One<CallOptions> = "callOptions";
        /// Whether the call is transcribed.
        transcription: One<CallTranscriptionInfo> = "transcription";
        /// Capabilities of the meeting. Beta.
        meeting_capability: Anything = "meetingCapability";
        /// Who may organise the meeting, too. Wire.
        co_organizers: Many<Identity> = "coOrganizers";
        /// Who ended the call. Wire.
        termination_sender: One<Identity> = "terminationSender";
        /// The call this one replaces. Wire.
        replaces_context: Anything = "replacesContext";
        /// Azure region of the media. Wire.
        media_hosted_region: Text = "mediaHostedRegion";
        /// What the application was told when a policy sent it the call. Wire.
        application_metadata: Anything = "applicationMetadata";
        /// Properties of the meeting, such as its label. Wire.
        meeting_properties: Anything = "meetingProperties";
        /// Who hears whom, where a request asked for it.
        audio_routing_groups: Many<AudioRoutingGroup> = "audioRoutingGroups";
        /// What is being shared, where a request asked for it.
        content_sharing_sessions: Many<ContentSharingSession> = "contentSharingSessions";
        /// The call's operations, where a request asked for them.
        operations: Many<Operation> = "operations";
        /// The roster, where a request asked for it; notifications tell it in ``ParticipantsChanged``.
        participants: Many<Participant> = "participants";
    } + {
        /// Whether the call is over: its state is ``"terminated"``.
        #[getter]
        fn ended(slf: &Bound<'_, Self>) -> bool {
            core::Call(slf.as_super().get().json.node()).state().as_deref() == Some("terminated")
        }

        /// Until when a redirect of this call makes sense: 13 seconds from the arrival of its notification.
        #[getter]
        fn deadline(slf: &Bound<'_, Self>) -> Deadline {
            Deadline::of(slf.as_super().get().json.arrival)
        }
    }

    /// How a call came here. Source: Graph resource type *callRoute*.
    CallRoute {
        /// ``"forwarded"``, ``"lookup"``, ``"selfFork"``.
        routing_type: OneOf<RoutingType> = "routingType";
        /// Who was called first.
        original: One<Identity> = "original";
        /// Who got the call.
        final_: One<Identity> = "final";
    }

    /// Whom an incoming call concerns besides the two who talk. Source: Graph resource type *incomingContext*.
    IncomingContext {
        /// Participant id of who is being recorded or observed.
        observed_participant_id: Text = "observedParticipantId";
        /// On whose behalf the caller rings.
        on_behalf_of: One<Identity> = "onBehalfOf";
        /// Participant id of the caller.
        source_participant_id: Text = "sourceParticipantId";
        /// Who transferred the call.
        transferor: One<Identity> = "transferor";
    }

    /// A tone. Source: Graph resource type *toneInfo*.
    ToneInfo {
        /// Counts the tones of a call.
        sequence_id: Int = "sequenceId";
        /// ``"tone0"`` to ``"tone9"``, ``"star"``, ``"pound"``, ...
        tone: OneOf<Tone> = "tone";
    }

    /// Whether media flow. Source: Graph resource type *callMediaState*.
    CallMediaState {
        /// ``"active"`` or ``"inactive"``.
        audio: OneOf<MediaState> = "audio";
    }

    /// The chat of a meeting. Source: Graph resource type *chatInfo*.
    ChatInfo {
        /// The thread.
        thread_id: Text = "threadId";
        /// The message in it.
        message_id: Text = "messageId";
        /// The message it answers.
        reply_chain_message_id: Text = "replyChainMessageId";
    }

    /// A meeting. Source: Graph resource type *meetingInfo* and its kinds.
    MeetingInfo {
        /// Who organises it.
        organizer: One<Identity> = "organizer";
        /// Whether it may begin without its host.
        allow_conversation_without_host: Flag = "allowConversationWithoutHost";
        /// What people type to join.
        join_meeting_id: Text = "joinMeetingId";
        /// What people type after it. Hidden in ``repr``.
        passcode: Text = "passcode";
        /// A signed token that lets one join. Hidden in ``repr``.
        token: Text = "token";
    }

    /// Options of a call. Source: Graph resource types *incomingCallOptions* and *outgoingCallOptions*.
    CallOptions {
        /// Whether the bot hides when a call between two becomes a meeting.
        hide_bot_after_escalation: Flag = "hideBotAfterEscalation";
        /// Whether sharing of content is told.
        is_content_sharing_notification_enabled: Flag = "isContentSharingNotificationEnabled";
        /// Whether rosters tell only what changed.
        is_delta_roster_enabled: Flag = "isDeltaRosterEnabled";
        /// Whether the roster may be changed.
        is_interactive_roster_enabled: Flag = "isInteractiveRosterEnabled";
    }

    /// Who hears whom in a call. Source: Graph resource type *audioRoutingGroup*.
    AudioRoutingGroup {
        /// The group's id.
        id: Text = "id";
        /// Ids of the participants who hear.
        receivers: Texts = "receivers";
        /// Ids of the participants who are heard.
        sources: Texts = "sources";
        /// ``"oneToOne"`` or ``"multicast"``.
        routing_mode: OneOf<RoutingMode> = "routingMode";
    }

    /// Transcription of a call. Source: Graph resource type *callTranscriptionInfo*.
    CallTranscriptionInfo {
        /// ``"notStarted"``, ``"active"``, ``"inactive"``.
        state: OneOf<TranscriptionState> = "state";
        /// ISO 8601.
        last_modified_date_time: Text = "lastModifiedDateTime";
    }
}

impl Call {
    /// The call of a notification; an empty one with only an id where the notification has no call object.
    pub(super) fn of_notification(py: Python<'_>, notification: &core::Notification) -> PyResult<Py<Self>> {
        let json = match notification.call() {
            Some(call) => notification.json.at(call.0),
            None => Json::new(Document::parse("{}", 1)?, notification.json.arrival),
        };
        let url_id = if json.node().get("id").is_none() { notification.url_call_id() } else { None };
        Self::of(py, JsonObject { json, url_id })
    }

    /// Id, tenant and deadline: what a redirect needs of a call.
    pub(super) fn address(slf: &Bound<'_, Self>) -> (Option<String>, Option<String>, crate::send::Deadline) {
        let object = slf.as_super().get();
        let call = core::Call(object.json.node());
        let id = call.id().map(Cow::into_owned).or_else(|| object.url_id.as_deref().map(str::to_owned));
        let tenant_id = call.tenant_id().map(Cow::into_owned);
        (id, tenant_id, crate::send::Deadline::of(object.json.arrival))
    }
}
