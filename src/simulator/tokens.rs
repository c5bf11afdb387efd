//! The two tokens of a call: the one a notification carries, and the one Graph wants.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::error::Unspecified;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::keys::SigningKey;

/// Who signs notifications, as the real ones say.
pub(super) const ISSUER: &str = "https://api.botframework.com";

/// The permission that redirecting needs.
pub(super) const REDIRECT_ROLE: &str = "Calls.Initiate.All";

/// Lifetime seen on real notification tokens.
const NOTIFICATION_SECONDS: u64 = 300;

const GRANTS_KEPT: usize = 10_000;

/// What an access token is good for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessOptions {
    /// Tenant the token is issued for; Graph refuses it for calls of another.
    pub tenant_id: String,
    /// How long it is valid from now; zero makes a token that has already expired.
    pub lifetime: Duration,
    /// Application permissions; without `Calls.Initiate.All` Graph refuses to redirect.
    pub roles: Vec<String>,
}

impl AccessOptions {
    /// An hour, with the permission to redirect.
    pub fn for_tenant(tenant_id: impl Into<String>) -> Self {
        Self {
            tenant_id: tenant_id.into(),
            lifetime: Duration::from_secs(3600),
            roles: vec![REDIRECT_ROLE.to_owned()],
        }
    }
}

/// An access token that was issued.
#[derive(Debug)]
pub(super) struct Grant {
    pub(super) tenant_id: String,
    pub(super) may_redirect: bool,
    expires: SystemTime,
}

impl Grant {
    pub(super) fn expired(&self) -> bool {
        SystemTime::now() >= self.expires
    }
}

#[derive(Default)]
struct Grants {
    by_token: HashMap<String, Arc<Grant>>,
    oldest_first: VecDeque<String>,
}

/// The newest notification token, and whom and which second it is for.
type Newest = ((String, String, u64), String);

/// Issues tokens and remembers those for Graph, so that Graph's side looks them up instead of verifying RSA.
pub(super) struct Tokens {
    /// Those published, the one that signs last.
    keys: RwLock<Vec<Arc<SigningKey>>>,
    /// What access tokens are for.
    audience: &'static str,
    app_id: String,
    grants: RwLock<Grants>,
    newest: Mutex<Option<Newest>>,
}

impl Tokens {
    pub(super) fn new(key: Arc<SigningKey>, app_id: String, audience: &'static str) -> Self {
        let keys = RwLock::new(vec![key]);
        Self { keys, audience, app_id, grants: RwLock::default(), newest: Mutex::default() }
    }

    /// The JSON Web Key Set.
    pub(super) fn jwks(&self) -> String {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let keys: Vec<_> = keys.iter().map(|key| key.jwk.clone()).collect();
        json!({ "keys": keys }).to_string()
    }

    /// From now on a new key signs. The one before stays published, older ones do not.
    pub(super) fn rotate(&self) -> Result<(), Unspecified> {
        let key = Arc::new(SigningKey::generate()?);
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        let before = keys.pop();
        *keys = before.into_iter().chain([key]).collect();
        // Signed by the key before.
        *self.newest.lock().unwrap_or_else(PoisonError::into_inner) = None;
        Ok(())
    }

    fn sign(&self, claims: &Value) -> Result<String, Unspecified> {
        let key = self.keys.read().unwrap_or_else(PoisonError::into_inner).last().map(Arc::clone);
        key.ok_or(Unspecified)?.sign(claims)
    }

    /// The token of a notification. Equal claims sign to equal bytes, and they change once a second: a busy second
    /// signs once.
    pub(super) fn notification(&self, app_id: &str, tenant_id: &str) -> Result<String, Unspecified> {
        let now = unix_seconds();
        let wanted = (app_id.to_owned(), tenant_id.to_owned(), now);
        {
            let newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((_, token)) = newest.as_ref().filter(|(whom, _)| *whom == wanted) {
                return Ok(token.clone());
            }
        }
        let token = self.sign(&Value::Object(notification_claims(app_id, tenant_id, now)))?;
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        *newest = Some((wanted, token.clone()));
        Ok(token)
    }

    /// The same with claims changed, added, or (`null`) removed.
    pub(super) fn notification_with(
        &self,
        app_id: &str,
        tenant_id: &str,
        changes: &Map<String, Value>,
    ) -> Result<String, Unspecified> {
        let mut claims = notification_claims(app_id, tenant_id, unix_seconds());
        for (name, value) in changes {
            if value.is_null() {
                claims.shift_remove(name);
            } else {
                claims.insert(name.clone(), value.clone());
            }
        }
        self.sign(&Value::Object(claims))
    }

    /// Issues an access token. The oldest is forgotten, and so refused, beyond 10,000.
    pub(super) fn access(&self, options: AccessOptions) -> Result<String, Unspecified> {
        let now = unix_seconds();
        let token = self.sign(&json!({
            "aud": self.audience,
            "iss": format!("https://sts.windows.net/{}/", options.tenant_id),
            "iat": now, "nbf": now, "exp": now.saturating_add(options.lifetime.as_secs()),
            "appid": self.app_id, "idtyp": "app", "roles": options.roles, "tid": options.tenant_id,
            "uti": Uuid::new_v4().simple().to_string(), "ver": "1.0",
        }))?;
        let now = SystemTime::now();
        let grant = Grant {
            may_redirect: options.roles.iter().any(|role| role == REDIRECT_ROLE),
            expires: now.checked_add(options.lifetime).unwrap_or(now),
            tenant_id: options.tenant_id,
        };
        let mut grants = self.grants.write().unwrap_or_else(PoisonError::into_inner);
        if grants.oldest_first.len() >= GRANTS_KEPT
            && let Some(oldest) = grants.oldest_first.pop_front()
        {
            grants.by_token.remove(&oldest);
        }
        grants.oldest_first.push_back(token.clone());
        grants.by_token.insert(token.clone(), Arc::new(grant));
        Ok(token)
    }

    /// The grant behind a token of ours, expired or not.
    pub(super) fn grant(&self, token: &str) -> Option<Arc<Grant>> {
        self.grants.read().unwrap_or_else(PoisonError::into_inner).by_token.get(token).map(Arc::clone)
    }
}

/// The claims of real notifications: these six, and no `iat`.
fn notification_claims(app_id: &str, tenant_id: &str, now: u64) -> Map<String, Value> {
    let mut claims = Map::new();
    claims.insert("tid".to_owned(), tenant_id.into());
    claims.insert("appid".to_owned(), app_id.into());
    claims.insert("nbf".to_owned(), now.into());
    claims.insert("exp".to_owned(), now.saturating_add(NOTIFICATION_SECONDS).into());
    claims.insert("iss".to_owned(), ISSUER.into());
    claims.insert("aud".to_owned(), app_id.into());
    claims
}

pub(super) fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
