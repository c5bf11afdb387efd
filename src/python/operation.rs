//! Operations of a call, and how they and calls end.

use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use super::hint::{As, JsonDict, hint};
use super::json::JsonObject;
use super::participant::ParticipantInfo;
use super::value::number;
use super::view::{
    Anything, Many, One, OneOf, Read, Text, Values, View, read, values, view, view_extra, view_repr,
};
use crate::notification::{self as core, COMPLETION_REASON, Kind, Node, OPERATION_STATUS, OpenSet};

values! {
    Status = OPERATION_STATUS;
    Completion = COMPLETION_REASON;
}

hint! {
    CodeOrText = "int | str | None";
}

/// A number, also one that came as a string; other text as it came.
pub(super) struct Code;

impl Read for Code {
    type Value<'py> = As<CodeOrText, Option<Bound<'py, PyAny>>>;

    fn read<'py>(py: Python<'py>, _: &JsonObject, value: Option<Node<'_>>) -> PyResult<Self::Value<'py>> {
        let read = value.map(|value| match (value.as_int(), value.kind()) {
            (Some(code), _) => Ok(Some(code.into_bound_py_any(py)?)),
            (None, Kind::Number) if value.raw().contains(['.', 'e', 'E']) => {
                Ok(Some(value.raw().into_bound_py_any(py)?))
            }
            (None, Kind::Number) => number(py, value.raw()).map(Some),
            _ => value.as_str().map(|text| text.into_bound_py_any(py)).transpose(),
        });
        Ok(read.transpose()?.flatten().into())
    }
}

view! {
    /// A result code, as of a call that ended. Source: Graph resource type *resultInfo*.
    ResultInfo {
        /// Like an HTTP status. The text as it came if it is no number.
        code: Code = "code";
        /// What exactly. The text as it came if it is no number.
        subcode: Code = "subcode";
        /// Text for support requests.
        message: Text = "message";
    } + {
        /// What the codes mean, in words; ``None`` for codes nobody has explained.
        ///
        /// Source: Graph documentation *call: delete*, call end reason codes, and what people met.
        #[getter]
        fn reason(slf: &Bound<'_, Self>) -> Option<&'static str> {
            core::ResultInfo(slf.as_super().get().json.node()).reason()
        }
    }

    /// Something asked of a call that takes a while: a prompt, an invitation, a recording.
    ///
    /// Source: Graph resource type *commsOperation* and its kinds. Members that only some kinds have are ``None`` or
    /// empty on the others.
    Operation {
        /// The operation's id.
        id: Text = "id";
        /// ``"notStarted"``, ``"running"``, ``"completed"``, ``"failed"``.
        status: OneOf<Status> = "status";
        /// What the bot sent along with the request, to know it again.
        client_context: Text = "clientContext";
        /// How it ended.
        result_info: One<ResultInfo> = "resultInfo";
        /// Of ``inviteParticipants``: who.
        participants: Many<ParticipantInfo> = "participants";
        /// Of ``playPrompt``, ``record`` and ``sendDtmfTones``: why it is over.
        completion_reason: OneOf<Completion> = "completionReason";
        /// Of ``record``: where the recording is.
        recording_location: Text = "recordingLocation";
        /// Of ``record``: opens the recording. Hidden in ``repr``.
        recording_access_token: Text = "recordingAccessToken";
        /// Of ``playPrompt``: what was played. Wire.
        prompts: Anything = "prompts";
    } + {
        /// ``"playPrompt"``, ``"record"``, ``"mute"``, ``"unmute"``, ``"inviteParticipants"``, ``"cancelMediaProcessing"``,
        /// ``"subscribeToTone"``, ``"updateRecordingStatus"``, ``"startHoldMusic"``, ``"stopHoldMusic"``,
        /// ``"addLargeGalleryView"``, ``"sendDtmfTones"``, or ``"comms"`` for none in particular.
        #[getter]
        fn kind<'py>(slf: &Bound<'py, Self>) -> Option<Bound<'py, PyString>> {
            let operation = core::Operation(slf.as_super().get().json.node());
            operation.name().map(|name| PyString::intern(slf.py(), &name))
        }
    }
}
