//! Did Microsoft send it?
//!
//! Every notification carries a token signed by a key Microsoft publishes. The checks run in a fixed order,
//! cheap ones first, and every doubt is a refusal: a forged notification would make the bot place calls.

mod binding;
mod claims;
mod fetch;
mod key_ring;
mod keys;
mod reason;
mod schedule;
mod token;
mod unknown;

pub use binding::Binding;
pub use claims::Claims;
pub use fetch::KeySource;
pub use keys::KeySet;
pub use reason::{Reason, VerificationError};
pub use schedule::{MAX_AGE, REFRESH_AFTER, UNKNOWN_KEY_PAUSE};

use std::sync::Arc;

use key_ring::KeyRing;
use schedule::Advice;
use token::Token;

/// The issuers the calling service signs as, compared exactly.
///
/// Government clouds differ, and what they send is not settled: a bot in GCC High has seen the first of these with a
/// slash at its end, signed by a key that the metadata of that cloud did not have. Configure what you see.
pub const DEFAULT_ISSUERS: [&str; 2] = ["https://api.botframework.com", "https://graph.microsoft.com"];

/// Where the calling service publishes its keys.
pub const DEFAULT_METADATA_URL: &str = "https://api.aps.skype.com/v1/.well-known/OpenIdConfiguration";

/// Checks the `Authorization` header of notifications for one bot.
#[derive(Debug)]
pub struct Verifier {
    app_id: String,
    tenants: Option<Vec<String>>,
    issuers: Vec<String>,
    keys: KeyRing,
    source: Option<KeySource>,
    accepts_anyone: bool,
}

impl Verifier {
    /// For the bot with this application id.
    ///
    /// `tenants` lists the tenants whose calls are taken; `None` takes any, an empty list none. `issuers` replaces
    /// [`DEFAULT_ISSUERS`]; one that ends in a slash is accepted without it, too.
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
            keys: KeyRing::new(keys),
            source: None,
            accepts_anyone: false,
        }
    }

    /// With keys from there: fetched when there are none, anew every [`REFRESH_AFTER`] and for a key that is not among
    /// them, never used beyond [`MAX_AGE`].
    #[must_use]
    pub fn fetching_from(self, source: KeySource) -> Self {
        Self { source: Some(source), ..self }
    }

    /// Verifies nothing: whoever reaches the webhook can make this bot redirect calls. For experiments on one's own
    /// machine without a signing key.
    pub fn dangerously_accepting_anyone(app_id: impl Into<String>) -> Self {
        Self { accepts_anyone: true, ..Self::new(app_id, None, None, KeySet::default()) }
    }

    /// Checks the value of the `Authorization` header at `now`, in seconds since 1970.
    ///
    /// The times in the token may be off by [`Verifier::SKEW`]. A key that is not in the set is reported as
    /// [`Reason::UnknownKey`]: Microsoft changes keys, so fetch them anew (not too often) and try once more.
    pub fn verify(&self, authorization: &str, now: f64) -> Result<Claims, VerificationError> {
        if self.accepts_anyone {
            return Ok(Claims::of_anyone(self));
        }
        self.check(&Token::read(authorization)?, now)
    }

    /// As [`Verifier::verify`], with keys that are not too old. `None`: newer keys are wanted; see to it with
    /// [`Verifier::fetch_keys`] and ask again.
    pub fn verify_or_fetch(
        &self,
        authorization: &str,
        now: f64,
    ) -> Option<Result<Claims, VerificationError>> {
        if self.source.is_none() || self.accepts_anyone {
            return Some(self.verify(authorization, now));
        }
        let token = match Token::read(authorization) {
            Ok(token) => token,
            Err(reason) => return Some(Err(reason.into())),
        };
        let verdict = if self.keys.expired() { Err(Reason::NoKeys.into()) } else { self.check(&token, now) };
        // Only requests that need newer keys wait for them: a stranger's invented key id must not hold up genuine calls.
        let advice = match verdict {
            Err(VerificationError { reason: Reason::NoKeys }) => self.keys.no_keys(),
            Err(VerificationError { reason: Reason::UnknownKey }) => self.keys.unknown_key(token.kid()),
            _ => Advice::Refuse,
        };
        match advice {
            Advice::Wait => None,
            Advice::Refuse => Some(verdict),
            // It may be genuine: not its sender's fault.
            Advice::Busy => Some(Err(Reason::NoKeys.into())),
        }
    }

    fn check(&self, token: &Token<'_>, now: f64) -> Result<Claims, VerificationError> {
        Claims::read(token.verified_payload(&self.keys.keys())?, self, now)
    }

    /// Whether newer keys should be fetched although the present ones serve: after [`REFRESH_AFTER`]. True once, so
    /// whoever hears it calls [`Verifier::fetch_keys`], and nobody waits for it.
    pub fn keys_due(&self) -> bool {
        self.source.is_some() && !self.accepts_anyone && self.keys.due()
    }

    /// Fetches keys if that is wanted and nobody is at it; else waits for who is, or says how the last fetch ended.
    /// Old keys stay in use until new ones are there.
    pub async fn fetch_keys(&self) -> Result<(), String> {
        match &self.source {
            Some(source) => self.fetch_keys_by(source.fetch()).await,
            None => Err("the verifier has no metadata URL to fetch keys from".to_owned()),
        }
    }

    /// As [`Verifier::fetch_keys`], wanted or not; once a second at most.
    pub async fn fetch_keys_now(&self) -> Result<(), String> {
        self.keys.no_keys();
        self.fetch_keys().await
    }

    /// As [`Verifier::fetch_keys`], in another way than from the metadata URL.
    pub async fn fetch_keys_by(
        &self,
        keys: impl Future<Output = Result<KeySet, String>>,
    ) -> Result<(), String> {
        self.keys.fetch(keys).await
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

    /// Where keys are fetched from, if anywhere.
    pub fn source(&self) -> Option<&KeySource> {
        self.source.as_ref()
    }

    /// Whether nothing is verified.
    pub fn accepts_anyone(&self) -> bool {
        self.accepts_anyone
    }

    /// Whether any token can ever be accepted.
    pub fn can_verify(&self) -> bool {
        self.accepts_anyone || self.source.is_some() || !self.keys().is_empty()
    }

    /// The keys in use.
    pub fn keys(&self) -> Arc<KeySet> {
        self.keys.keys()
    }

    /// Uses these keys from now on; checks that are under way finish with the old ones.
    pub fn replace_keys(&self, keys: KeySet) {
        self.keys.replace(keys);
    }

    /// Whether a key of this id is in use.
    pub fn has_key(&self, kid: &str) -> bool {
        self.keys().has_key(kid)
    }
}
