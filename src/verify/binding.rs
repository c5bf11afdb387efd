//! Is it about this bot? The token does not sign the body: a token of one tenant or bot must not move a call of another.

use super::Claims;
use crate::notification::{Event, Identity, Notification, ParticipantInfo, id_key};

/// What a call must have in common with the token that came with it.
#[derive(Debug, Clone, Default)]
pub struct Binding {
    instances: Option<Vec<String>>,
}

impl Binding {
    /// `instances` are the application instances (resource accounts, phone numbers) whose calls come to this bot, by
    /// object id. With `None` any will do: a call to an instance does not name the application behind it.
    pub fn new(instances: Option<Vec<String>>) -> Self {
        Self { instances: instances.map(|ids| ids.iter().map(|id| id_key(id)).collect()) }
    }

    /// Why the notification is not this token's to bring, if it is not.
    pub fn refusal(&self, notification: &Notification, claims: &Claims) -> Option<&'static str> {
        let call = notification.call()?;
        let other_tenant = |tenant: &str| !tenant.eq_ignore_ascii_case(&claims.tenant_id);
        // Claims without a tenant are those of a verifier that verifies nothing. A caller may be of another tenant.
        if !claims.tenant_id.is_empty() && call.own_tenant_id().is_some_and(|tenant| other_tenant(&tenant)) {
            return Some("the token is of another tenant than the call");
        }
        let rung: Vec<_> = call.targets().filter_map(ParticipantInfo::identity).collect();
        if notification.event != Event::IncomingCall || rung.is_empty() {
            return None;
        }
        let own = id_key(&claims.audience);
        if let Some(instances) = &self.instances {
            let ours = rung.iter().any(|rung| is(rung, "application", &own))
                || instances.iter().any(|id| rung.iter().any(|rung| is(rung, "applicationInstance", id)));
            return (!ours).then_some("the call rings neither this application nor one of its instances");
        }
        let another = |rung: &Identity<'_>| {
            rung.kind == "application" && rung.id().is_some_and(|id| !id.is_empty() && id_key(&id) != own)
        };
        rung.iter().all(another).then_some("the call rings another application")
    }
}

fn is(rung: &Identity<'_>, kind: &str, key: &str) -> bool {
    rung.kind == kind && rung.id().is_some_and(|id| id_key(&id) == key)
}
