//! The notifications a call sends, member for member as in Microsoft's documentation, and its three example calls.

use serde_json::{Map, Value, json};

use super::callee::Ending;
use super::ring::Timeline;
use crate::redirect::Target;

/// Tenant of the documented examples.
pub(super) const EXAMPLE_TENANT: &str = "632899f8-2ea1-4604-8413-27bd2892079f";
/// Bot of the documented examples.
pub(super) const EXAMPLE_APP: &str = "24701998-1a73-4d42-8085-bf46ed0ae039";
/// Caller of the first and third example.
const EXAMPLE_CALLER: &str = "8d1e6ab6-26c5-4e22-a1bc-06ea7343958e";

/// Everything about a call that does not change while it rings.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct CallFacts {
    pub(super) id: String,
    pub(super) tenant_id: String,
    pub(super) callback_uri: String,
    pub(super) source: Value,
    pub(super) targets: Vec<Value>,
    pub(super) my_participant_id: String,
}

impl CallFacts {
    /// Whether a resource account was called: only it has a telephone number to call out with.
    pub(super) fn has_number(&self) -> bool {
        self.targets.iter().any(|target| target.pointer("/identity/applicationInstance").is_some())
    }

    /// The call as Graph shows it.
    pub(super) fn to_json(&self, state: &str, answered_by: Option<Value>) -> Value {
        let mut call = json!({
            "@odata.type": "#microsoft.graph.call",
            "state": state,
            "direction": "incoming",
            "callbackUri": self.callback_uri,
            "source": self.source,
            "targets": self.targets,
        });
        if let Some(call) = call.as_object_mut() {
            if let Some(answered_by) = answered_by {
                call.insert("answeredBy".to_owned(), answered_by);
            }
            call.insert("tenantId".to_owned(), self.tenant_id.as_str().into());
            call.insert("myParticipantId".to_owned(), self.my_participant_id.as_str().into());
            call.insert("id".to_owned(), self.id.as_str().into());
        }
        call
    }

    /// The notification of a new call.
    pub(super) fn incoming(&self) -> Vec<u8> {
        self.notification("created", &self.to_json("incoming", None))
    }

    /// The notification of a call that rings elsewhere: of the older timeline.
    pub(super) fn redirecting(&self) -> Vec<u8> {
        self.notification("updated", &self.to_json("redirecting", None))
    }

    /// The notification of a call that is over.
    pub(super) fn terminated(
        &self,
        timeline: Timeline,
        ending: Ending,
        answered_by: Option<&Target>,
    ) -> Vec<u8> {
        let mut call = self.to_json("terminated", answered_by.and_then(|target| shown(target, timeline)));
        if let Some(members) = call.as_object_mut() {
            if let Some(result_info) = ending.result_info() {
                members.insert("resultInfo".to_owned(), result_info);
            }
            if timeline == Timeline::Redirecting && ending == Ending::Answered {
                members.insert("terminationReason".to_owned(), "AppRedirected".into());
            }
        }
        self.notification("deleted", &call)
    }

    /// The call in the Skype format from before Graph, as far as its samples go: no envelope, no types.
    pub(super) fn legacy(&self) -> Vec<u8> {
        let mri = |participant: &Value| -> String {
            let id =
                |kind: &str| participant.pointer(&format!("/identity/{kind}/id")).and_then(Value::as_str);
            match (id("user"), id("phone"), id("application")) {
                (Some(user), _, _) => format!("8:orgid:{user}"),
                (_, Some(number), _) => format!("4:{number}"),
                (_, _, Some(bot)) => format!("28:{bot}"),
                _ => "29:unknown".to_owned(),
            }
        };
        let someone = |participant: &Value, originator: bool| json!({"identity": mri(participant), "languageId": "en-US", "originator": originator});
        let called = self.targets.iter().map(|target| someone(target, false));
        let participants: Vec<_> = std::iter::once(someone(&self.source, true)).chain(called).collect();
        let call = json!({
            "id": self.id, "callState": "incoming", "participants": participants,
            "presentedModalityTypes": ["audio"], "isMultiparty": false,
            "links": {"call": format!("https://calling.skype.com/platform/v1/calls/{}", self.id)},
        });
        call.to_string().into_bytes()
    }

    fn notification(&self, change_type: &str, call: &Value) -> Vec<u8> {
        json!({
            "@odata.type": "#microsoft.graph.commsNotifications",
            "value": [{
                "@odata.type": "#microsoft.graph.commsNotification",
                "changeType": change_type,
                "resourceUrl": format!("/communications/calls/{}", self.id),
                "resourceData": call,
            }],
        })
        .to_string()
        .into_bytes()
    }
}

/// Who picked up, as the bot is told: a phone only in encrypted form, others only in the older timeline.
fn shown(target: &Target, timeline: Timeline) -> Option<Value> {
    let identity_set = if target.kind == "phone" {
        json!({"encrypted": {"id": "1xt4uextl99sdzwdxuvdxrvgrv8gehcq7jdgf9yhzeto"}})
    } else if timeline == Timeline::Redirecting {
        identity_set(target)
    } else {
        return None;
    };
    let mut participant = participant(identity_set);
    participant.as_object_mut()?.insert("endpointType".to_owned(), "default".into());
    Some(participant)
}

/// `{"user": {"id": "..."}}`
pub(super) fn identity_set(target: &Target) -> Value {
    let mut identity = json!({"id": target.id});
    if let (Some(identity), Some(name)) = (identity.as_object_mut(), &target.display_name) {
        identity.insert("displayName".to_owned(), name.as_str().into());
    }
    json!({ &target.kind: identity })
}

/// A participant from a bare identity set such as `{"user": {"id": "..."}}`. Whole participants, which have an
/// `identity`, stay as they are.
pub(super) fn participant(identity_set: Value) -> Value {
    if identity_set.get("identity").is_some() {
        return identity_set;
    }
    let identity_set = match identity_set {
        Value::Object(kinds) => kinds
            .into_iter()
            .map(|(kind, identity)| (kind, tagged(identity, "#microsoft.graph.identity")))
            .collect::<Map<_, _>>()
            .into(),
        other => other,
    };
    json!({
        "@odata.type": "#microsoft.graph.participantInfo",
        "identity": tagged(identity_set, "#microsoft.graph.identitySet"),
    })
}

/// The object with its type as the first member, unless it names one.
fn tagged(value: Value, odata_type: &str) -> Value {
    match value {
        Value::Object(members) if !members.contains_key("@odata.type") => {
            let tag = ("@odata.type".to_owned(), odata_type.into());
            std::iter::once(tag).chain(members).collect::<Map<_, _>>().into()
        }
        other => other,
    }
}

/// A Teams user of a tenant, ringing from America as in every example.
pub(super) fn caller(user_id: &str, tenant_id: &str) -> Value {
    let mut caller = participant(json!({"user": {"id": user_id, "tenantId": tenant_id}}));
    if let Some(caller) = caller.as_object_mut() {
        caller.insert("region".to_owned(), "amer".into());
    }
    caller
}

/// The bot itself as the one called.
pub(super) fn bot(app_id: &str) -> Value {
    participant(json!({"application": {"displayName": "test bot", "id": app_id}}))
}

/// The bot's address for later notifications, as in every example.
pub(super) fn callback_uri(app_id: &str) -> String {
    format!("https://bot.contoso.com/api/calls/{app_id}")
}

/// Source, targets and participant id of a documented example: 1 forwards to an application, 2 rings two users,
/// 3 was called on a phone number and forwards to another.
pub(super) fn example(number: u8) -> Option<(Value, Vec<Value>, &'static str)> {
    const FIRST: &str = "c339cede-4bd6-4f20-ab9f-3a13e65f6d00";
    match number {
        1 => Some((caller(EXAMPLE_CALLER, EXAMPLE_TENANT), vec![bot(EXAMPLE_APP)], FIRST)),
        2 => Some((
            caller("ec040873-8235-45fd-a403-c7259a5a548e", EXAMPLE_TENANT),
            vec![bot(EXAMPLE_APP)],
            "f540f1b6-994b-4866-be95-8aad34c4f4dc",
        )),
        3 => {
            let instance = json!({
                "@odata.type": "#microsoft.graph.invitationParticipantInfo",
                "identity": {
                    "@odata.type": "#microsoft.graph.identitySet",
                    "applicationInstance": {
                        "@odata.type": "#microsoft.graph.identity",
                        "displayName": "PstnAppInstance",
                        "id": "7629bdce-046c-4903-86b4-a8f718277e1a",
                        "tenantId": EXAMPLE_TENANT,
                    },
                },
                "endpointType": "default",
                "id": FIRST,
                "region": "amer",
                "languageId": null,
            });
            Some((caller(EXAMPLE_CALLER, EXAMPLE_TENANT), vec![instance], FIRST))
        }
        _ => None,
    }
}

/// The caller when nobody says who rings.
pub(super) fn default_caller(tenant_id: &str) -> Value {
    caller(EXAMPLE_CALLER, tenant_id)
}
