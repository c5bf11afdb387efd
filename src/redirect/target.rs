//! `Redirect` and `Target`.

use std::fmt;

use serde_json::{Map, Value};

use crate::mask_phone;

/// Who to ring: one `invitationParticipantInfo` holding one identity.
///
/// Anything can be expressed here, also what Graph refuses; [`Redirect::violations`] tells which it is.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Target {
    /// Member name inside the identity set: `user`, `application`, `phone`, ...
    pub kind: String,
    /// Graph object id, or E.164 number for `phone`.
    pub id: String,
    /// Shown to people; Graph does not need it.
    pub display_name: Option<String>,
    /// The target's tenant.
    pub tenant_id: Option<String>,
    /// `default`, `voicemail`, ...
    pub endpoint_type: Option<String>,
    /// Members of the identity that have no field here, sent as they are.
    pub extra: Map<String, Value>,
    /// Members of the `invitationParticipantInfo` that have no field here, such as `hidden` or `replacesCallId`.
    pub participant_extra: Map<String, Value>,
    /// Members of the identity set beside the identity itself.
    pub identity_set_extra: Map<String, Value>,
}

impl Target {
    /// A person, by Microsoft Entra object id.
    pub fn user(id: impl Into<String>) -> Self {
        Self::identity("user", id)
    }

    /// Another bot, by application id.
    pub fn application(id: impl Into<String>) -> Self {
        Self::identity("application", id)
    }

    /// A resource account. Graph sends this kind in notifications but documents it nowhere as a target.
    pub fn application_instance(id: impl Into<String>) -> Self {
        Self::identity("applicationInstance", id)
    }

    /// A telephone number in E.164 form; the called bot needs an application instance with a number of its own.
    pub fn phone(number: impl Into<String>) -> Self {
        Self::identity("phone", number)
    }

    /// The voicemail of a user. People report that it stopped working in 2022.
    pub fn voicemail(user_id: impl Into<String>) -> Self {
        Self { endpoint_type: Some("voicemail".into()), ..Self::user(user_id) }
    }

    /// Any identity, for kinds that have no constructor here.
    pub fn identity(kind: impl Into<String>, id: impl Into<String>) -> Self {
        Self {
            kind: kind.into(),
            id: id.into(),
            display_name: None,
            tenant_id: None,
            endpoint_type: None,
            extra: Map::new(),
            participant_extra: Map::new(),
            identity_set_extra: Map::new(),
        }
    }

    /// The same target with a name for people.
    #[must_use]
    pub fn with_display_name(self, name: impl Into<String>) -> Self {
        Self { display_name: Some(name.into()), ..self }
    }

    /// The same target with its tenant.
    #[must_use]
    pub fn with_tenant_id(self, tenant_id: impl Into<String>) -> Self {
        Self { tenant_id: Some(tenant_id.into()), ..self }
    }

    /// The id as it may be shown and logged: telephone numbers masked.
    pub fn masked_id(&self) -> String {
        if self.kind == "phone" || self.id.starts_with('+') { mask_phone(&self.id) } else { self.id.clone() }
    }
}

/// Masks telephone numbers: debug output ends up in logs.
impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target")
            .field("kind", &self.kind)
            .field("id", &self.masked_id())
            .field("endpoint_type", &self.endpoint_type)
            .finish_non_exhaustive()
    }
}

/// The body of `POST /communications/calls/{id}/redirect`.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Redirect {
    /// 1 to 25 targets: one is a forward, several ring at once.
    pub targets: Vec<Target>,
    /// Deprecated: the service counts the targets instead.
    pub target_disposition: Option<String>,
    /// Seconds to ring, 15 to 90.
    pub timeout: Option<i64>,
    /// Hide the callee from the caller (beta only).
    pub mask_callee: Option<bool>,
    /// Hide the caller from the callee (beta only).
    pub mask_caller: Option<bool>,
    /// Undocumented; passed through.
    pub routing_policies: Option<Vec<String>>,
    /// Where later notifications of this call go; https.
    pub callback_uri: Option<String>,
    /// Top-level members that have no field here, sent as they are.
    pub extra: Map<String, Value>,
}

impl Redirect {
    /// To these targets, everything else left to Graph's defaults.
    pub fn to(targets: impl IntoIterator<Item = Target>) -> Self {
        Self { targets: targets.into_iter().collect(), ..Self::default() }
    }
}

/// Leaves out what may hold keys or names: debug output ends up in logs.
impl fmt::Debug for Redirect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redirect")
            .field("targets", &self.targets)
            .field("timeout", &self.timeout)
            .field("callback_uri", &self.masked_callback_uri())
            .finish_non_exhaustive()
    }
}
