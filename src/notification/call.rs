//! A call as a notification tells it. Real notifications are partial: anything may be absent.

use std::borrow::Cow;

use super::identity::ParticipantInfo;
use super::resource::is_id;
use crate::json::{Kind, Node};

/// Members with an attribute of their own; the rest is `extra`.
pub const CALL_MEMBERS: [&str; 13] = [
    "@odata.type",
    "id",
    "state",
    "direction",
    "source",
    "targets",
    "tenantId",
    "callbackUri",
    "callChainId",
    "myParticipantId",
    "answeredBy",
    "resultInfo",
    "terminationReason",
];

/// Known values of `call.state`, from the metadata of v1.0 and beta.
pub const CALL_STATES: [&str; 11] = [
    "incoming",
    "establishing",
    "ringing",
    "established",
    "hold",
    "transferring",
    "transferAccepted",
    "redirecting",
    "terminating",
    "terminated",
    "unknownFutureValue",
];

/// Known values of `call.direction`.
pub const CALL_DIRECTIONS: [&str; 2] = ["incoming", "outgoing"];

/// A call.
#[derive(Clone, Copy)]
pub struct Call<'a>(pub Node<'a>);

impl<'a> Call<'a> {
    /// The id inside the call object; most real notifications leave it out.
    pub fn id(self) -> Option<Cow<'a, str>> {
        self.0.str("id")
    }

    /// The state, known values in their documented spelling whatever case they came in.
    pub fn state(self) -> Option<Cow<'a, str>> {
        Some(canonical(self.0.str("state")?, &CALL_STATES))
    }

    /// `incoming` or `outgoing`.
    pub fn direction(self) -> Option<Cow<'a, str>> {
        Some(canonical(self.0.str("direction")?, &CALL_DIRECTIONS))
    }

    /// Who rings.
    pub fn source(self) -> Option<ParticipantInfo<'a>> {
        self.0.object("source").map(ParticipantInfo)
    }

    /// Who is rung.
    pub fn targets(self) -> impl Iterator<Item = ParticipantInfo<'a>> {
        let list = self.0.get("targets");
        list.into_iter().flat_map(Node::items).filter(|item| item.kind() == Kind::Object).map(ParticipantInfo)
    }

    /// The call's tenant: the call's own, else the caller's.
    pub fn tenant_id(self) -> Option<Cow<'a, str>> {
        self.0.str("tenantId").or_else(|| self.source()?.identity()?.node.str("tenantId"))
    }

    /// Why a call object cannot be trusted with a decision, if it cannot: a member twice, or an id that is no id.
    pub fn problem(self) -> Option<(String, String)> {
        if let Some(name) = self.0.duplicate(&CALL_MEMBERS) {
            return Some((format!(".{name}"), "the member comes twice".into()));
        }
        let id = self.0.get("id")?;
        match id.as_str() {
            Some(id) if is_id(&id) => None,
            Some(_) => {
                Some((".id".into(), "not a call id: letters, digits, - and _ only, at most 128".into()))
            }
            None => Some((".id".into(), "the call id is not a string".into())),
        }
    }
}

/// The documented spelling of an enum value, or the value as it came.
pub(super) fn canonical<'a>(value: Cow<'a, str>, known: &[&'static str]) -> Cow<'a, str> {
    let documented = known.iter().find(|name| name.eq_ignore_ascii_case(&value));
    documented.map_or(value, |name| Cow::Borrowed(*name))
}
