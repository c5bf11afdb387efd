//! Every rule of the request, reported all at once.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt::Arguments;

use serde_json::{Map, Value};
use uuid::Uuid;

use super::violation::Report;
use super::{ApiVersion, Limits, Redirect, Target, Violation, callback_uri};
use crate::{json, mask_phone};

/// Far above any id Graph uses (GUIDs; encrypted ids of 44 characters).
const MAX_ID: usize = 256;
const DOCUMENTED_KINDS: [&str; 3] = ["user", "application", "phone"];
/// Kinds of the metadata that no documentation shows as a target of a redirect.
const UNDOCUMENTED_KINDS: [&str; 5] =
    ["applicationInstance", "assertedIdentity", "azureCommunicationServicesUser", "device", "onPremises"];
/// Kinds that exist in notifications only.
const REFUSED_KINDS: [&str; 2] = ["guest", "encrypted"];
const GUID_KINDS: [&str; 3] = ["user", "application", "applicationInstance"];
const ENDPOINT_TYPES: [&str; 4] = ["default", "voicemail", "skypeForBusiness", "skypeForBusinessVoipPhone"];
const DISPOSITIONS: [&str; 3] = ["default", "simultaneousRing", "forward"];
const ROUTING_POLICIES: [&str; 5] =
    ["none", "noMissedCall", "disableForwardingExceptPhone", "disableForwarding", "preferSkypeForBusiness"];
const TENANT_ID: &str =
    "a tenant id is a GUID; write the Directory (tenant) ID of Microsoft Entra, not a domain";
/// Members of `invitationParticipantInfo` in the metadata that have no field in `Target`.
const PARTICIPANT_MEMBERS: [&str; 4] =
    ["hidden", "participantId", "removeFromDefaultAudioRoutingGroup", "replacesCallId"];

impl Redirect {
    /// Every violation, errors and warnings, in the order of the wire form.
    ///
    /// The rules are those of the parameter table of call: redirect, of the metadata of both API versions, and
    /// of what people found not to work.
    pub fn violations(&self, version: ApiVersion, limits: &Limits) -> Vec<Violation> {
        let mut report = Report::default();
        self.check_targets(limits, &mut report);
        self.check_disposition(version, &mut report);
        if let Some(timeout) = self.timeout
            && !(limits.min_timeout..=limits.max_timeout).contains(&timeout)
        {
            let Limits { min_timeout, max_timeout, .. } = limits;
            let message = format!("a call rings for {min_timeout} to {max_timeout} seconds, not {timeout}");
            report.error("timeout_out_of_range", "$.timeout", message, timeout);
        }
        self.check_masks(version, &mut report);
        self.check_routing_policies(&mut report);
        if let Some(uri) = &self.callback_uri {
            for (code, message, severity) in callback_uri::faults(uri) {
                report.add(code, "$.callbackUri", message, uri.as_str(), severity);
            }
        }
        let fields = [
            "targets",
            "targetDisposition",
            "timeout",
            "maskCallee",
            "maskCaller",
            "routingPolicies",
            "callbackUri",
        ];
        check_extra(format_args!("$"), &self.extra, &fields, &[], &mut report);
        report.found
    }

    /// The fields that are set and do not exist in this version, each as a violation.
    pub fn unsupported_fields(&self, version: ApiVersion) -> Vec<Violation> {
        let mut report = Report::default();
        self.check_disposition(version, &mut report);
        self.check_masks(version, &mut report);
        report.found.retain(|violation| violation.code == "field_not_in_version");
        report.found
    }

    /// The callback URI as it may be shown and logged: without user information and query.
    pub fn masked_callback_uri(&self) -> Option<String> {
        self.callback_uri.as_deref().map(callback_uri::masked_uri)
    }

    fn check_targets(&self, limits: &Limits, report: &mut Report) {
        let count = self.targets.len();
        if count == 0 {
            report.error(
                "targets_missing",
                "$.targets",
                "there is nobody to ring; add a target",
                Vec::<Value>::new(),
            );
        }
        if count > limits.max_targets {
            let message = format!("{count} targets; Graph rings at most {} at once", limits.max_targets);
            report.error("targets_too_many", "$.targets", message, count);
        }
        let mut seen = HashSet::new();
        for (index, target) in self.targets.iter().enumerate() {
            let path = format_args!("$.targets[{index}]");
            target.check(path, report);
            if !seen.insert(target.destination()) {
                let message = format!(
                    "{} {} is among the targets already; remove it",
                    quoted(&target.kind),
                    shown(target)
                );
                report.error("target_duplicate", path, message, target.id.as_str());
            }
            if target.kind == "phone" && count > 1 {
                report.warning(
                    "phone_among_several",
                    path,
                    "no documentation says whether a phone can ring together with others; it works alone",
                    target.id.as_str(),
                );
            }
        }
    }

    fn check_disposition(&self, version: ApiVersion, report: &mut Report) {
        let Some(disposition) = &self.target_disposition else { return };
        let (path, value) = ("$.targetDisposition", disposition.as_str());
        match version {
            ApiVersion::V1 => report.not_in_version("targetDisposition", version, value),
            ApiVersion::Beta => report.warning(
                "target_disposition_deprecated",
                path,
                "deprecated: Graph counts the targets instead; leave it out",
                value,
            ),
        }
        if !DISPOSITIONS.contains(&value) {
            let message = format!("{} is none of {}", quoted(value), DISPOSITIONS.join(", "));
            report.error("target_disposition_unknown", path, message, value);
        }
    }

    fn check_masks(&self, version: ApiVersion, report: &mut Report) {
        for (name, value) in [("maskCallee", self.mask_callee), ("maskCaller", self.mask_caller)] {
            if let (ApiVersion::V1, Some(value)) = (version, value) {
                report.not_in_version(name, version, value);
            }
        }
    }

    fn check_routing_policies(&self, report: &mut Report) {
        let Some(policies) = &self.routing_policies else { return };
        let path = "$.routingPolicies";
        report.warning(
            "routing_policies_undocumented",
            path,
            "shown in one example but in no parameter table and no metadata; Graph may ignore it",
            policies.clone(),
        );
        for (index, policy) in policies.iter().enumerate() {
            if !ROUTING_POLICIES.contains(&policy.as_str()) {
                let message = format!("{} is none of {}", quoted(policy), ROUTING_POLICIES.join(", "));
                report.warning(
                    "routing_policy_unknown",
                    format_args!("{path}[{index}]"),
                    message,
                    policy.as_str(),
                );
            }
        }
    }
}

impl Target {
    fn check(&self, path: Arguments, report: &mut Report) {
        let set_path = format_args!("{path}.identity");
        let kind = json::member(&self.kind);
        let identity_path = format_args!("{set_path}{kind}");
        self.check_kind(identity_path, report);
        self.check_id(format_args!("{identity_path}.id"), report);
        if let Some(tenant_id) = &self.tenant_id {
            let path = format_args!("{identity_path}.tenantId");
            if let Some(fault) = id_fault(tenant_id) {
                report.error("tenant_id_invalid", path, format!("the tenant id {fault}"), tenant_id.as_str());
            } else if !is_guid(tenant_id) {
                report.warning("tenant_id_not_guid", path, TENANT_ID, tenant_id.as_str());
            }
        }
        check_extra(identity_path, &self.extra, &["id", "displayName", "tenantId"], &[], report);
        check_extra(set_path, &self.identity_set_extra, &[self.kind.as_str()], &[], report);
        self.check_endpoint_type(format_args!("{path}.endpointType"), report);
        check_extra(
            path,
            &self.participant_extra,
            &["identity", "endpointType"],
            &PARTICIPANT_MEMBERS,
            report,
        );
    }

    fn check_kind(&self, path: Arguments, report: &mut Report) {
        let kind = self.kind.as_str();
        if !kind.starts_with(|c: char| c.is_ascii_alphabetic())
            || !kind.chars().all(|c| c.is_ascii_alphanumeric())
        {
            let message = format!("{} cannot name an identity; use user, application or phone", quoted(kind));
            report.error("target_kind_invalid", path, message, kind);
        } else if REFUSED_KINDS.contains(&kind) {
            let message = format!("Graph takes no {kind} as a target; use user, application or phone");
            report.error("target_kind_unsupported", path, message, kind);
        } else if UNDOCUMENTED_KINDS.contains(&kind) {
            let message = format!("no documentation shows {kind} as a target; Graph may refuse it");
            report.warning("target_kind_undocumented", path, message, kind);
        } else if !DOCUMENTED_KINDS.contains(&kind) {
            let message =
                format!("{} is a kind of identity we do not know; check the spelling", quoted(kind));
            report.warning("target_kind_unknown", path, message, kind);
        }
    }

    fn check_id(&self, path: Arguments, report: &mut Report) {
        let id = self.id.as_str();
        if id.is_empty() {
            report.error("target_id_empty", path, "the id is empty", id);
        } else if self.kind == "phone" {
            if !is_e164(id) {
                let shown = quoted(&mask_phone(id));
                let message = format!(
                    "{shown} is not E.164: write + and 7 to 15 digits without spaces, as +14255550100"
                );
                report.error("phone_not_e164", path, message, id);
            }
        } else if let Some(fault) = id_fault(id) {
            report.error("target_id_invalid", path, format!("the id {fault}"), id);
        } else if GUID_KINDS.contains(&self.kind.as_str()) && !is_guid(id) {
            let wanted = match self.kind.as_str() {
                "user" => "the user's object id in Microsoft Entra, not a name or an address",
                "application" => "the application (client) id of the bot",
                _ => "the object id of the resource account",
            };
            let message = format!("not a GUID such as 98da8a1a-1b87-452c-a713-65d3f10b1253; write {wanted}");
            report.warning("target_id_not_guid", path, message, id);
        }
    }

    fn check_endpoint_type(&self, path: Arguments, report: &mut Report) {
        let Some(endpoint_type) = self.endpoint_type.as_deref() else { return };
        if endpoint_type == "voicemail" {
            report.warning(
                "voicemail_unreliable",
                path,
                "redirecting to voicemail is reported not to work since 2022; redirect to the user",
                endpoint_type,
            );
        } else if !ENDPOINT_TYPES.contains(&endpoint_type) {
            let message = format!("{} is none of {}", quoted(endpoint_type), ENDPOINT_TYPES.join(", "));
            report.warning("endpoint_type_unknown", path, message, endpoint_type);
        }
    }

    /// Equal for targets that ring the same thing: GUIDs may differ in case, `default` is what absence means.
    fn destination(&self) -> (&str, Cow<'_, str>, &str) {
        let upper = self.id.bytes().any(|byte| byte.is_ascii_uppercase()) && is_guid(&self.id);
        let id = if upper { self.id.to_ascii_lowercase().into() } else { self.id.as_str().into() };
        (&self.kind, id, self.endpoint_type.as_deref().unwrap_or("default"))
    }
}

/// Members that a field exists for, and members that no documentation knows.
fn check_extra(
    path: Arguments,
    extra: &Map<String, Value>,
    fields: &[&str],
    known: &[&str],
    report: &mut Report,
) {
    for (name, value) in extra {
        let path = format_args!("{path}{}", json::member(name));
        if fields.contains(&name.as_str()) {
            let message = "there is a field for this member; set the field instead of an extra member";
            report.error("extra_shadows_field", path, message, value.clone());
        } else if !known.contains(&name.as_str()) {
            report.warning("unknown_field", path, "Graph documents no such member here", value.clone());
        }
    }
}

fn is_e164(number: &str) -> bool {
    number.strip_prefix('+').is_some_and(|digits| {
        (7..=15).contains(&digits.len())
            && !digits.starts_with('0')
            && digits.bytes().all(|b| b.is_ascii_digit())
    })
}

/// The hyphenated form only; the parser also takes braces and URNs.
fn is_guid(id: &str) -> bool {
    id.len() == 36 && Uuid::try_parse(id).is_ok()
}

fn id_fault(id: &str) -> Option<String> {
    if id.is_empty() {
        Some("is empty".into())
    } else if id.len() > MAX_ID {
        Some(format!("is longer than {MAX_ID} characters"))
    } else if !id.bytes().all(|b| b.is_ascii_graphic()) {
        Some("contains white space, a control character or a character outside ASCII".into())
    } else {
        None
    }
}

/// A string of the user's in a message: one line, and not endless.
fn quoted(text: &str) -> String {
    const SHOWN: usize = 40;
    if text.chars().count() > SHOWN {
        format!("{:?}...", text.chars().take(SHOWN).collect::<String>())
    } else {
        format!("{text:?}")
    }
}

fn shown(target: &Target) -> String {
    quoted(&target.masked_id())
}
