//! A call as a notification tells it. Real notifications are partial: anything may be absent.

use std::borrow::Cow;

use super::identity::ParticipantInfo;
use super::open_set::{CALL_DIRECTION, CALL_STATE};
use crate::json::{Kind, Node};

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
        Some(CALL_STATE.spelled(self.0.str("state")?))
    }

    /// `incoming` or `outgoing`.
    pub fn direction(self) -> Option<Cow<'a, str>> {
        Some(CALL_DIRECTION.spelled(self.0.str("direction")?))
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
        self.own_tenant_id().or_else(|| tenant_id(self.source()?.identity()?.node))
    }

    /// The tenant that the call itself names. The caller may be of another.
    pub fn own_tenant_id(self) -> Option<Cow<'a, str>> {
        tenant_id(self.0)
    }
}

fn tenant_id(of: Node<'_>) -> Option<Cow<'_, str>> {
    of.str("tenantId").filter(|id| !id.is_empty())
}
