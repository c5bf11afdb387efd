//! The JSON that Graph gets.

use serde::ser::{Serialize, SerializeMap, Serializer};
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
        serde_json::to_string(self).unwrap_or_default() // strings and numbers into memory: nothing can fail
    }
}

impl Serialize for Redirect {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut body = Members::begin(serializer, &self.extra)?;
        body.set("targets", Some(&self.targets))?;
        body.set("targetDisposition", self.target_disposition.as_ref())?;
        body.set("timeout", self.timeout.as_ref())?;
        body.set("maskCallee", self.mask_callee.as_ref())?;
        body.set("maskCaller", self.mask_caller.as_ref())?;
        body.set("routingPolicies", self.routing_policies.as_ref())?;
        body.set("callbackUri", self.callback_uri.as_ref())?;
        body.end()
    }
}

/// As the `invitationParticipantInfo` that it is.
impl Serialize for Target {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut participant = Members::typed(serializer, PARTICIPANT_TYPE, &self.participant_extra)?;
        participant.set("identity", Some(&IdentitySet(self)))?;
        participant.set("endpointType", self.endpoint_type.as_ref())?;
        participant.end()
    }
}

struct IdentitySet<'a>(&'a Target);

impl Serialize for IdentitySet<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut set = Members::typed(serializer, IDENTITY_SET_TYPE, &self.0.identity_set_extra)?;
        set.set(&self.0.kind, Some(&Identity(self.0)))?;
        set.end()
    }
}

struct Identity<'a>(&'a Target);

impl Serialize for Identity<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut identity = Members::typed(serializer, IDENTITY_TYPE, &self.0.extra)?;
        identity.set("displayName", self.0.display_name.as_ref())?;
        identity.set("id", Some(&self.0.id))?;
        identity.set("tenantId", self.0.tenant_id.as_ref())?;
        identity.end()
    }
}

/// The members of one object: those with a field, then the extra ones.
struct Members<'a, S: Serializer> {
    map: S::SerializeMap,
    extra: &'a Map<String, Value>,
    /// Extra members that a field took the place of; the rules report the clash.
    taken: Vec<&'a str>,
}

impl<'a, S: Serializer> Members<'a, S> {
    fn begin(serializer: S, extra: &'a Map<String, Value>) -> Result<Self, S::Error> {
        Ok(Self { map: serializer.serialize_map(None)?, extra, taken: Vec::new() })
    }

    /// An object of the usual type, unless an extra member names another: the type comes first in every example.
    fn typed(serializer: S, usual: &'a str, extra: &'a Map<String, Value>) -> Result<Self, S::Error> {
        let mut members = Self::begin(serializer, extra)?;
        match extra.get(TYPE) {
            Some(other) => members.set(TYPE, Some(other))?,
            None => members.set(TYPE, Some(usual))?,
        }
        Ok(members)
    }

    fn set<T: Serialize + ?Sized>(&mut self, name: &'a str, value: Option<&T>) -> Result<(), S::Error> {
        let Some(value) = value else { return Ok(()) };
        if !self.extra.is_empty() {
            self.taken.push(name);
        }
        self.map.serialize_entry(name, value)
    }

    fn end(mut self) -> Result<S::Ok, S::Error> {
        for (name, value) in self.extra.iter().filter(|(name, _)| !self.taken.contains(&name.as_str())) {
            self.map.serialize_entry(name, value)?;
        }
        self.map.end()
    }
}
