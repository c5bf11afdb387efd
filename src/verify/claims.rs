//! What a token says, once its signature is right.

use serde_json::{Map, Value};

use super::{Reason, VerificationError, Verifier};
use crate::json;

const MAX_TENANT_ID: usize = 256;

/// What a verified token says.
#[derive(Debug, Clone, PartialEq)]
pub struct Claims {
    /// `tid`: the tenant the call belongs to. Compare it with the notification's `tenantId`.
    pub tenant_id: String,
    /// `appid`: the application that sent the notification, Microsoft's own.
    pub app_id: Option<String>,
    /// `iss`
    pub issuer: String,
    /// `aud`: the bot's application id.
    pub audience: String,
    /// `exp`, in seconds since 1970.
    pub expires_at: f64,
    /// `nbf`, in seconds since 1970.
    pub not_before: Option<f64>,
}

impl Claims {
    /// What stands in for claims where nothing is verified: no tenant and no issuer, of which no real ones are without.
    pub(super) fn of_anyone(verifier: &Verifier) -> Self {
        Self {
            tenant_id: String::new(),
            app_id: None,
            issuer: String::new(),
            audience: verifier.app_id.clone(),
            expires_at: f64::INFINITY,
            not_before: None,
        }
    }

    /// Types are as strict as values: a list around the right issuer is not the right issuer.
    pub(super) fn read(payload: &[u8], verifier: &Verifier, now: f64) -> Result<Self, VerificationError> {
        let Ok(Value::Object(claims)) = json::parse(payload) else { return Err(Reason::Claims.into()) };
        let issuer = string(&claims, "iss").filter(|issuer| is_accepted(&verifier.issuers, issuer));
        let issuer = issuer.ok_or(Reason::Issuer)?;
        let audience = string(&claims, "aud").filter(|audience| *audience == verifier.app_id);
        let audience = audience.ok_or(Reason::Audience)?;

        let expires_at = number(&claims, "exp")?.ok_or(Reason::Claims)?;
        let not_before = number(&claims, "nbf")?;
        number(&claims, "iat")?;
        // Put so that a clock that is not a number refuses, too.
        if !matches!(now.partial_cmp(&(expires_at + Verifier::SKEW)), Some(std::cmp::Ordering::Less)) {
            return Err(Reason::Expired.into());
        }
        if not_before.is_some_and(|not_before| not_before > now + Verifier::SKEW) {
            return Err(Reason::NotYetValid.into());
        }

        let tenant_id = string(&claims, "tid").filter(|tenant_id| match &verifier.tenants {
            Some(served) => served.contains(tenant_id),
            None => tenant_id.len() <= MAX_TENANT_ID && tenant_id.bytes().all(|byte| byte.is_ascii_graphic()),
        });
        let tenant_id = tenant_id.ok_or(Reason::Tenant)?;
        let app_id = match claims.get("appid") {
            None => None,
            Some(_) => Some(string(&claims, "appid").ok_or(Reason::Claims)?),
        };
        Ok(Self { tenant_id, app_id, issuer, audience, expires_at, not_before })
    }
}

/// The slash is ours to forgive, not the sender's to add: only an issuer configured with one is accepted without it.
fn is_accepted(issuers: &[String], issuer: &str) -> bool {
    issuers.iter().any(|accepted| accepted == issuer || accepted.strip_suffix('/') == Some(issuer))
}

/// An empty string is no better than none, even where an empty one was configured.
fn string(claims: &Map<String, Value>, name: &str) -> Option<String> {
    claims.get(name).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// `None` when absent; present but not a number is a refusal, never "absent".
fn number(claims: &Map<String, Value>, name: &str) -> Result<Option<f64>, Reason> {
    match claims.get(name) {
        None => Ok(None),
        Some(value) => value.as_f64().filter(|number| number.is_finite()).map(Some).ok_or(Reason::Claims),
    }
}
