//! The JSON that Graph gets.

use serde_json::{Map, Value};

use super::{Redirect, Target};

pub(super) const TYPE: &str = "@odata.type";
pub(super) const PARTICIPANT_TYPE: &str = "#microsoft.graph.invitationParticipantInfo";
pub(super) const IDENTITY_SET_TYPE: &str = "#microsoft.graph.identitySet";
/// Also for telephones and guests: the subtypes in the metadata were never seen on the wire.
pub(super) const IDENTITY_TYPE: &str = "#microsoft.graph.identity";

/// Version of the Graph API; it decides which members exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ApiVersion {
    /// `v1.0`: targets, timeout, callbackUri.
    V1,
    /// `beta`: also targetDisposition, maskCallee, maskCaller.
    Beta,
}

impl ApiVersion {
    /// Both, the stable one first.
    pub const ALL: [Self; 2] = [Self::V1, Self::Beta];

    /// As in the URL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V1 => "v1.0",
            Self::Beta => "beta",
        }
    }

    /// The version of that name, if there is one.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|version| version.as_str() == name)
    }
}

impl Redirect {
    /// Compact JSON, members in the order of the documentation's examples. Only what is set is sent.
    ///
    /// No member is dropped to suit an API version: see [`Redirect::unsupported_fields`].
    pub fn to_json(&self) -> String {
        self.to_value().to_string()
    }

    /// The same as [`Redirect::to_json`], not yet text.
    pub fn to_value(&self) -> Value {
        let mut body = Map::new();
        body.insert("targets".into(), self.targets.iter().map(target).collect());
        set(&mut body, "targetDisposition", self.target_disposition.clone());
        set(&mut body, "timeout", self.timeout);
        set(&mut body, "maskCallee", self.mask_callee);
        set(&mut body, "maskCaller", self.mask_caller);
        set(&mut body, "routingPolicies", self.routing_policies.clone());
        set(&mut body, "callbackUri", self.callback_uri.clone());
        add_missing(&mut body, &self.extra);
        body.into()
    }
}

fn target(target: &Target) -> Value {
    let mut identity = object(IDENTITY_TYPE, &target.extra);
    set(&mut identity, "displayName", target.display_name.clone());
    set(&mut identity, "id", Some(target.id.clone()));
    set(&mut identity, "tenantId", target.tenant_id.clone());
    add_missing(&mut identity, &target.extra);

    let mut identity_set = object(IDENTITY_SET_TYPE, &target.identity_set_extra);
    identity_set.insert(target.kind.clone(), identity.into());
    add_missing(&mut identity_set, &target.identity_set_extra);

    let mut participant = object(PARTICIPANT_TYPE, &target.participant_extra);
    participant.insert("identity".into(), identity_set.into());
    set(&mut participant, "endpointType", target.endpoint_type.clone());
    add_missing(&mut participant, &target.participant_extra);
    participant.into()
}

/// An object of the usual type, unless `extra` names another: the type comes first in every example.
fn object(usual: &str, extra: &Map<String, Value>) -> Map<String, Value> {
    let kind = extra.get(TYPE).cloned().unwrap_or_else(|| usual.into());
    Map::from_iter([(TYPE.to_owned(), kind)])
}

fn set(object: &mut Map<String, Value>, name: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        object.insert(name.to_owned(), value.into());
    }
}

/// A field with a rule wins over an extra member of its name; the rules report the clash.
fn add_missing(object: &mut Map<String, Value>, extra: &Map<String, Value>) {
    for (name, value) in extra {
        if !object.contains_key(name) {
            object.insert(name.clone(), value.clone());
        }
    }
}
