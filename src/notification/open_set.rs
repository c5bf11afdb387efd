//! Sets of strings that may grow: what the metadata of v1.0 and beta lists, in its documented spelling.
//!
//! A value outside the set is kept as it came; case is not told apart, because real traffic capitalises at will.

use std::borrow::Cow;

/// The known values, and what a type checker is told of them.
#[derive(Debug, Clone, Copy)]
pub struct OpenSet {
    /// Documented spelling of each.
    pub known: &'static [&'static str],
    /// `Literal[...] | str | None`
    pub one: &'static str,
    /// `tuple[Literal[...] | str, ...]`
    pub many: &'static str,
}

impl OpenSet {
    /// The documented spelling of a known value.
    pub fn spelling(&self, value: &str) -> Option<&'static str> {
        self.known.get(self.place(value)?).copied()
    }

    /// Which of the known values it is, in whatever case it came.
    pub fn place(&self, value: &str) -> Option<usize> {
        self.known.iter().position(|known| known.eq_ignore_ascii_case(value))
    }

    /// The documented spelling of a known value; any other as it came.
    pub fn spelled<'a>(&self, value: Cow<'a, str>) -> Cow<'a, str> {
        self.spelling(&value).map_or(value, Cow::Borrowed)
    }
}

macro_rules! open_sets {
    ($($(#[$doc:meta])* $name:ident = $($value:literal)*;)*) => {$(
        $(#[$doc])*
        pub const $name: OpenSet = OpenSet {
            known: &[$($value),*],
            one: concat!("Literal[", $("'", $value, "', ",)* "] | str | None"),
            many: concat!("tuple[Literal[", $("'", $value, "', ",)* "] | str, ...]"),
        };
    )*};
}

open_sets! {
    /// `commsNotification.changeType`
    CHANGE_TYPE = "created" "updated" "deleted";
    /// `call.state`
    CALL_STATE = "incoming" "establishing" "ringing" "established" "hold" "transferring" "transferAccepted"
        "redirecting" "terminating" "terminated";
    /// `call.direction`
    CALL_DIRECTION = "incoming" "outgoing";
    /// `call.requestedModalities`
    MODALITY = "audio" "video" "videoBasedScreenSharing" "data";
    /// `participantInfo.endpointType`
    ENDPOINT_TYPE = "default" "voicemail" "skypeForBusiness" "skypeForBusinessVoipPhone";
    /// `callRoute.routingType`
    ROUTING_TYPE = "forwarded" "lookup" "selfFork";
    /// `call.routingPolicies`
    ROUTING_POLICY = "none" "noMissedCall" "disableForwardingExceptPhone" "disableForwarding"
        "preferSkypeForBusiness";
    /// `toneInfo.tone`
    TONE = "tone0" "tone1" "tone2" "tone3" "tone4" "tone5" "tone6" "tone7" "tone8" "tone9" "star" "pound" "a" "b" "c"
        "d" "flash";
    /// `commsOperation.status`
    OPERATION_STATUS = "notStarted" "running" "completed" "failed" "idle";
    /// `callMediaState.audio`
    MEDIA_STATE = "active" "inactive";
    /// `recordingInfo.recordingStatus`
    RECORDING_STATUS = "unknown" "notRecording" "recording" "failed";
    /// `mediaStream.direction`
    MEDIA_DIRECTION = "inactive" "sendOnly" "receiveOnly" "sendReceive";
    /// `completionReason` of prompts, tones and recordings
    COMPLETION_REASON = "unknown" "completedSuccessfully" "mediaOperationCanceled" "operationCanceled"
        "stopToneDetected" "maxRecordDurationReached" "initialSilenceTimeout" "maxSilenceTimeout" "playPromptFailed"
        "playBeepFailed" "mediaReceiveTimeout" "unspecifiedError";
    /// `callTranscriptionInfo.state`
    TRANSCRIPTION_STATE = "notStarted" "active" "inactive";
    /// `audioRoutingGroup.routingMode`
    ROUTING_MODE = "oneToOne" "multicast";
}
