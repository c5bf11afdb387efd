//! Why a token is not accepted.

use std::fmt;

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
