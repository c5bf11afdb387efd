//! Who: parties, participants, identities.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use super::hint::{As, JsonDict};
use super::json::JsonObject;
use super::value::{extra, quoted};
use super::view::{
    Anything, Flag, Int, Many, One, OneOf, Read, Text, Values, View, known, read, values, view, view_extra,
    view_repr,
};
use crate::mask_phone;
use crate::notification::{
    self as core, ENDPOINT_TYPE, MEDIA_DIRECTION, MODALITY, OpenSet, RECORDING_STATUS,
};

values! {
    Endpoint = ENDPOINT_TYPE;
    MediaDirection = MEDIA_DIRECTION;
    MediaType = MODALITY;
    Recording = RECORDING_STATUS;
}

view! {
    /// One party of a call. Source: Graph resource types *participantInfo* and *invitationParticipantInfo*; members
    /// marked "wire" were only ever seen in notifications.
    ParticipantInfo {
        /// Who it is.
        identity: One<Identity> = "identity";
        /// Home region, such as ``"amer"``.
        region: Text = "region";
        /// ``"default"``, ``"voicemail"``, ``"skypeForBusiness"``, ``"skypeForBusinessVoipPhone"``.
        endpoint_type: OneOf<Endpoint> = "endpointType";
        /// Language tag.
        language_id: Text = "languageId";
        /// Country code.
        country_code: Text = "countryCode";
        /// The participant's id within the call.
        participant_id: Text = "participantId";
        /// The platform of the client. Beta.
        platform_id: Text = "platformId";
        /// Who it is, where the identity shown is anonymous. Beta.
        non_anonymized_identity: One<Identity> = "nonAnonymizedIdentity";
        /// Whether others do not see the participant.
        hidden: Flag = "hidden";
        /// Whether the default mix leaves the participant out.
        remove_from_default_audio_routing_group: Flag = "removeFromDefaultAudioRoutingGroup";
        /// The call that this one replaces.
        replaces_call_id: Text = "replacesCallId";
        /// The participant's id within the call. Wire.
        id: Text = "id";
        /// The device. Wire.
        endpoint_id: Text = "endpointId";
        /// Version of the client. Wire.
        client_version: Text = "clientVersion";
        /// Internal to the service. Wire.
        replacement_link: Text = "replacementLink";
    }

    /// One entry of a roster. Source: Graph resource type *participant*; members marked "wire" were only ever seen in
    /// notifications.
    Participant {
        /// The participant's id within the call.
        id: Text = "id";
        /// Who it is, with region and endpoint.
        info: One<ParticipantInfo> = "info";
        /// Whether the participant is muted.
        is_muted: Flag = "isMuted";
        /// Whether the participant waits in the lobby.
        is_in_lobby: Flag = "isInLobby";
        /// What the participant sends and receives.
        media_streams: Many<MediaStream> = "mediaStreams";
        /// Whatever the participant's client published.
        metadata: Text = "metadata";
        /// Whether the participant records.
        recording_info: One<RecordingInfo> = "recordingInfo";
        /// Why the participant is gone, in a roster of changes.
        removed_state: One<RemovedState> = "removedState";
        /// What the participant may not do.
        restricted_experience: One<RestrictedExperience> = "restrictedExperience";
        /// Counts the changes of the roster, in a roster of changes.
        roster_sequence_number: Int = "rosterSequenceNumber";
        /// Whether the identity shown is anonymous. Beta.
        is_identity_anonymized: Flag = "isIdentityAnonymized";
        /// The name the participant chose. Beta.
        preferred_display_name: Text = "preferredDisplayName";
        /// Whether synthetic media were detected. Beta.
        synthetic_media_detection: Anything = "syntheticMediaDetection";
        /// States the client published. Wire.
        published_states: Anything = "publishedStates";
        /// ``"organizer"``, ``"presenter"``, ... Wire.
        meeting_role: Text = "meetingRole";
        /// Internal to the service. Wire.
        replacement_link: Text = "replacementLink";
    } + {
        /// Short for ``info.identity``.
        #[getter]
        fn identity(slf: &Bound<'_, Self>) -> PyResult<Option<Py<Identity>>> {
            let object = slf.as_super().get();
            let set = object.json.node().object("info").and_then(|info| info.object("identity"));
            set.map(|set| Identity::of(slf.py(), object.at(set))).transpose()
        }
    }

    /// A stream of a participant. Source: Graph resource type *mediaStream*.
    MediaStream {
        /// ``"audio"``, ``"video"``, ``"videoBasedScreenSharing"``, ``"data"``.
        media_type: OneOf<MediaType> = "mediaType";
        /// ``"inactive"``, ``"sendOnly"``, ``"receiveOnly"``, ``"sendReceive"``.
        direction: OneOf<MediaDirection> = "direction";
        /// Name of the stream.
        label: Text = "label";
        /// Number of the source, as text.
        source_id: Text = "sourceId";
        /// Whether the service mutes it.
        server_muted: Flag = "serverMuted";
    }

    /// Whether a participant records. Source: Graph resource type *recordingInfo*.
    RecordingInfo {
        /// ``"unknown"``, ``"notRecording"``, ``"recording"``, ``"failed"``.
        recording_status: OneOf<Recording> = "recordingStatus";
        /// Who began it.
        initiator: One<Identity> = "initiator";
        /// Who began it. Beta.
        initiated_by: One<ParticipantInfo> = "initiatedBy";
    }

    /// Why a participant is gone. Source: Graph resource type *removedState*.
    RemovedState {
        /// Free text.
        reason: Text = "reason";
    }

    /// What a participant may not do. Source: Graph resource type *onlineMeetingRestricted*.
    RestrictedExperience {
        /// Why content cannot be shared.
        content_sharing_disabled: Text = "contentSharingDisabled";
        /// Why there is no video.
        video_disabled: Text = "videoDisabled";
    }

    /// Content being shared in a call. Source: Graph resource type *contentSharingSession*.
    ContentSharingSession {
        /// The session's id.
        id: Text = "id";
    }
}

/// Who: an identity set, read through the one identity in it that is filled in.
///
/// Source: Graph resource type *communicationsIdentitySet*.
#[pyclass(frozen, extends = JsonObject, module = "callredirect")]
pub(super) struct Identity;

impl View for Identity {
    const FIELDS: &'static [(&'static str, &'static str)] =
        &[("id", "id"), ("display_name", "displayName"), ("tenant_id", "tenantId")];

    fn of(py: Python<'_>, object: JsonObject) -> PyResult<Py<Self>> {
        Py::new(py, PyClassInitializer::from(object).add_subclass(Self))
    }
}

/// As the other classes' `restore`.
pub(super) fn restore_identity(
    py: Python<'_>,
    kind: &str,
    object: JsonObject,
) -> PyResult<Option<Py<PyAny>>> {
    if kind == "Identity" {
        Identity::of(py, object).map(|identity| Some(identity.into_any()))
    } else {
        Ok(None)
    }
}

impl Identity {
    fn filled<'a>(slf: &'a Bound<'_, Self>) -> Option<core::Identity<'a>> {
        core::Identity::of_set(slf.as_super().get().json.node())
    }

    fn text<'py>(slf: &Bound<'py, Self>, wire: &str) -> Option<Bound<'py, PyString>> {
        Some(PyString::new(slf.py(), &Self::filled(slf)?.node.str(wire)?))
    }
}

#[pymethods]
impl Identity {
    /// ``"user"``, ``"application"``, ``"applicationInstance"``, ``"phone"``, ``"guest"``, ``"encrypted"``, ...
    #[getter]
    fn kind<'py>(slf: &Bound<'py, Self>) -> Option<Bound<'py, PyString>> {
        Some(PyString::intern(slf.py(), &Self::filled(slf)?.kind))
    }

    /// Graph object id; E.164 number for ``"phone"``; opaque for ``"encrypted"``.
    #[getter]
    fn id<'py>(slf: &Bound<'py, Self>) -> Option<Bound<'py, PyString>> {
        Self::text(slf, "id")
    }

    /// Name for people.
    #[getter]
    fn display_name<'py>(slf: &Bound<'py, Self>) -> Option<Bound<'py, PyString>> {
        Self::text(slf, "displayName")
    }

    /// The identity's tenant.
    #[getter]
    fn tenant_id<'py>(slf: &Bound<'py, Self>) -> Option<Bound<'py, PyString>> {
        Self::text(slf, "tenantId")
    }

    /// Members of the identity without an attribute here, as Python values: ``identityProvider``, ``hidden``, ...
    #[getter]
    fn extra<'py>(slf: &Bound<'py, Self>) -> PyResult<As<JsonDict, Bound<'py, PyDict>>> {
        let extra = Self::filled(slf).map(|filled| extra(slf.py(), filled.node, &known(Self::FIELDS)));
        Ok(extra.unwrap_or_else(|| Ok(PyDict::new(slf.py())))?.into())
    }

    /// Phone numbers are masked whatever identity they stand in, and so is the name of somebody who rings from one.
    fn __repr__(slf: &Bound<'_, Self>) -> String {
        let Some(filled) = Self::filled(slf) else { return "Identity()".into() };
        let phone = filled.is_phone() || filled.id().is_some_and(|id| id.starts_with('+'));
        let mut shown = vec![format!("kind={}", quoted(&filled.kind))];
        for (field, wire) in Self::FIELDS {
            if let Some(text) = filled.node.str(wire) {
                let hide = text.starts_with('+') || (phone && *field != "tenant_id");
                shown.push(format!(
                    "{field}={}",
                    if hide { quoted(&mask_phone(&text)) } else { quoted(&text) }
                ));
            }
        }
        format!("Identity({})", shown.join(", "))
    }
}
