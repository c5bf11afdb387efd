//! Did Microsoft send it?
//!
//! Every notification carries a token signed by a key Microsoft publishes. The checks run in a fixed order,
//! cheap ones first, and every doubt is a refusal: a forged notification would make the bot place calls.

mod claims;
mod fetch;
mod keys;
mod token;

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

pub use claims::Claims;
pub use fetch::fetch_keys;
pub use keys::KeySet;

use token::Token;

/// The issuers the calling service signs as. Compared exactly; government clouds have others.
pub const DEFAULT_ISSUERS: [&str; 2] = ["https://api.botframework.com", "https://graph.microsoft.com"];

/// Where the calling service publishes its keys.
pub const DEFAULT_METADATA_URL: &str = "https://api.aps.skype.com/v1/.well-known/OpenIdConfiguration";

/// Checks the `Authorization` header of notifications for one bot.
#[derive(Debug)]
pub struct Verifier {
    app_id: String,
    tenants: Option<Vec<String>>,
    issuers: Vec<String>,
    keys: RwLock<Arc<KeySet>>,
}

impl Verifier {
    /// For the bot with this application id.
    ///
    /// `tenants` lists the tenants whose calls are taken; `None` takes any, an empty list none. `issuers`
    /// replaces [`DEFAULT_ISSUERS`].
    pub fn new(
        app_id: impl Into<String>,
        tenants: Option<Vec<String>>,
        issuers: Option<Vec<String>>,
        keys: KeySet,
    ) -> Self {
        // Microsoft writes GUIDs in lower case; whoever configures them copies them from anywhere.
        Self {
            app_id: app_id.into().to_ascii_lowercase(),
            tenants: tenants.map(|served| served.iter().map(|id| id.to_ascii_lowercase()).collect()),
            issuers: issuers.unwrap_or_else(|| DEFAULT_ISSUERS.map(String::from).to_vec()),
            keys: RwLock::new(Arc::new(keys)),
        }
    }

    /// Checks the value of the `Authorization` header at `now`, in seconds since 1970.
    ///
    /// The times in the token may be off by [`Verifier::SKEW`]. A key that is not in the set is reported as
    /// [`Reason::UnknownKey`]: Microsoft changes keys, so fetch them anew (not too often) and try once more.
    pub fn verify(&self, authorization: &str, now: f64) -> Result<Claims, VerificationError> {
        let token = Token::read(authorization)?;
        let payload = token.verified_payload(&self.keys())?;
        Claims::read(&payload, self, now)
    }

    /// Seconds a token's times may be off: what the Bot Framework allows, and no more.
    pub const SKEW: f64 = 300.0;

    /// The bot's application id: the audience of every token.
    pub fn app_id(&self) -> &str {
        &self.app_id
    }

    /// Tenants whose calls are taken; `None` for any.
    pub fn tenants(&self) -> Option<&[String]> {
        self.tenants.as_deref()
    }

    /// Accepted issuers.
    pub fn issuers(&self) -> &[String] {
        &self.issuers
    }

    /// The keys in use.
    pub fn keys(&self) -> Arc<KeySet> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Uses these keys from now on; checks that are under way finish with the old ones.
    pub fn replace_keys(&self, keys: KeySet) {
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
    }

    /// Whether a key of this id is in use.
    pub fn has_key(&self, kid: &str) -> bool {
        self.keys().has_key(kid)
    }
}

/// The token is not accepted. For the sender one fixed 401 without detail; the reason is for logs.
///
/// Holds nothing that came in the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct VerificationError {
    /// Which check failed.
    pub reason: Reason,
}

impl From<Reason> for VerificationError {
    fn from(reason: Reason) -> Self {
        Self { reason }
    }
}

impl fmt::Display for VerificationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason.describe())
    }
}

impl std::error::Error for VerificationError {}

/// The check that failed, in the order of the checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// No header, or not one `Bearer` token.
    Missing,
    /// Too long, or not three strict base64url parts.
    Malformed,
    /// The token's header is not an object we accept.
    Header,
    /// Signed by anything but RS256.
    Algorithm,
    /// There are no keys yet: nobody's fault but ours, answer 503.
    NoKeys,
    /// A key id that is not among the keys.
    UnknownKey,
    /// The signature does not fit.
    Signature,
    /// The payload is not an object of claims of the right types.
    Claims,
    /// Issued by somebody else.
    Issuer,
    /// Meant for another application.
    Audience,
    /// Too old.
    Expired,
    /// From the future.
    NotYetValid,
    /// No tenant, or one that is not served.
    Tenant,
}

impl Reason {
    /// Stable name for logs and counters.
    pub fn as_str(self) -> &'static str {
        self.texts().0
    }

    fn describe(self) -> &'static str {
        self.texts().1
    }

    fn texts(self) -> (&'static str, &'static str) {
        match self {
            Self::Missing => ("missing", "there is no Authorization header with one Bearer token"),
            Self::Malformed => ("malformed", "the token is not three base64url parts of at most 16 KB"),
            Self::Header => ("header", "the token's header is not acceptable"),
            Self::Algorithm => ("algorithm", "the token is not signed with RS256"),
            Self::NoKeys => ("no_keys", "there are no keys to verify the token with"),
            Self::UnknownKey => ("unknown_key", "the token's key is not among the published keys"),
            Self::Signature => ("signature", "the token's signature is wrong"),
            Self::Claims => ("claims", "the token's claims are not acceptable"),
            Self::Issuer => ("issuer", "the token's issuer is not accepted"),
            Self::Audience => ("audience", "the token is meant for another application"),
            Self::Expired => ("expired", "the token has expired"),
            Self::NotYetValid => ("not_yet_valid", "the token is not valid yet"),
            Self::Tenant => ("tenant", "the token names no tenant that is accepted"),
        }
    }
}
