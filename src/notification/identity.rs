//! Who: `participantInfo`, `invitationParticipantInfo` and the identity inside it.

use std::borrow::Cow;

use crate::json::{Kind, Node};

/// Members of an identity set that hold an identity, in the order in which they tell most about a person.
pub const IDENTITY_KINDS: [&str; 11] = [
    "user",
    "phone",
    "applicationInstance",
    "application",
    "guest",
    "encrypted",
    "azureCommunicationServicesUser",
    "onPremises",
    "assertedIdentity",
    "device",
    "conversation",
];

/// One party of a call.
#[derive(Clone, Copy)]
pub struct ParticipantInfo<'a>(pub Node<'a>);

impl<'a> ParticipantInfo<'a> {
    /// The identity that is filled in; a kind unknown here if no known one is.
    pub fn identity(self) -> Option<Identity<'a>> {
        Identity::of_set(self.0.object("identity")?)
    }
}

/// One identity out of an identity set.
#[derive(Clone)]
pub struct Identity<'a> {
    /// The member's name: `user`, `application`, `applicationInstance`, `phone`, `guest`, `encrypted`, ...
    pub kind: Cow<'a, str>,
    /// The identity object.
    pub node: Node<'a>,
}

impl<'a> Identity<'a> {
    /// Picks the identity out of its set.
    pub fn of_set(set: Node<'a>) -> Option<Self> {
        let mut filled = set.last_of(IDENTITY_KINDS).into_iter().zip(IDENTITY_KINDS);
        let known = filled.find_map(|(node, kind)| {
            let node = node.filter(|node| node.kind() == Kind::Object)?;
            Some(Self { kind: Cow::Borrowed(kind), node })
        });
        known.or_else(|| {
            let (name, node) = set.members().find(|(_, value)| value.kind() == Kind::Object)?;
            Some(Self { kind: name.as_str()?, node })
        })
    }

    /// Whether the id is a phone number, to be masked where people or logs see it.
    pub fn is_phone(&self) -> bool {
        self.kind == "phone"
    }

    /// Graph object id, phone number, or opaque text for `encrypted`.
    pub fn id(&self) -> Option<Cow<'a, str>> {
        self.node.str("id")
    }
}
