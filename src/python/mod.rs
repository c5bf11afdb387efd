//! The Python extension module: glue, no rules. The only place that knows pyo3.

#![allow(clippy::doc_markdown, reason = "doc comments become Python docstrings")]

mod bridge;
mod call;
mod credential;
mod errors;
mod hint;
mod json;
mod notification;
mod outcome;
mod operation;
mod participant;
mod pydantic;
mod receiver;
mod record;
mod redirect;
mod redirector;
mod replace;
mod replay;
mod send;
mod simulator;
mod target;
mod tracked;
mod value;
mod verify;
mod view;
mod violation;

use pyo3::prelude::*;

#[pymodule(gil_used = true)]
mod _native {
    #[cfg(feature = "stubs")]
    #[pymodule_export]
    use super::bridge::_fail;
    #[pymodule_export]
    use super::bridge::{_after_fork, _before_fork, _one_interpreter, Mailbox};
    #[pymodule_export]
    use super::call::{
        AudioRoutingGroup, Call, CallMediaState, CallOptions, CallRoute, CallTranscriptionInfo, ChatInfo,
        IncomingContext, MeetingInfo, ToneInfo,
    };
    #[pymodule_export]
    use super::credential::{ClientCertificate, ClientSecret, Freshness, ManagedIdentity};
    #[pymodule_export]
    use super::json::{_restore, JsonObject};
    #[pymodule_export]
    use super::notification::{
        CallEnded, CallUpdated, ContentSharingChanged, IncomingCall, Notification, Notifications,
        OperationEnded, OperationUpdated, OtherNotification, ParticipantsChanged, parse,
    };
    #[pymodule_export]
    use super::operation::{Operation, ResultInfo};
    #[pymodule_export]
    use super::outcome::{Accepted, Attempt, CallGone, Expired, Outcome, Rejected, Unknown};
    #[pymodule_export]
    use super::participant::{
        ContentSharingSession, Identity, MediaStream, Participant, ParticipantInfo, RecordingInfo,
        RemovedState, RestrictedExperience,
    };
    #[pymodule_export]
    use super::receiver::Receiver;
    #[pymodule_export]
    use super::record::{_flush_recordings, _read_recording, RecordWriter, RecordedRequest, Verdict};
    #[pymodule_export]
    use super::redirect::{Limits, Redirect, Target, Violation};
    #[pymodule_export]
    use super::redirector::{Receipt, Reply};
    #[pymodule_export]
    use super::replay::{Replay, Replayed};
    #[pymodule_export]
    use super::send::{Cloud, Deadline, PreparedRedirect, Sender};
    #[pymodule_export]
    use super::simulator::{
        BotReplied, CallFailed, CallFinished, CallRang, Events, NotificationSent, ReceivedRedirect,
        RedirectReceived, RungCall, Scenario, Simulator, SimulatorEvent,
    };
    #[pymodule_export]
    use super::tracked::{ClaimRecord, TrackedCall};
    #[pymodule_export]
    use super::verify::{Claims, Verifier};
}
