//! Why there is no token: in plain words, with Microsoft's code and a cure.

use std::fmt;

/// Why the issuer gave no token. Never holds anything of the request: an issuer's own words might repeat a secret, so
/// none of them are kept but codes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenError {
    /// What happened and what to do, in one line.
    pub message: String,
    /// Microsoft's code without `AADSTS`, such as 7000222.
    pub code: Option<u32>,
    /// The status of the answer; `None` without one.
    pub status: Option<u16>,
    /// The OAuth error, such as `invalid_client`.
    pub error: Option<&'static str>,
    /// What Microsoft's support asks for.
    pub trace_id: Option<String>,
}

impl TokenError {
    /// Without an answer.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), code: None, status: None, error: None, trace_id: None }
    }
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for TokenError {}

/// The errors that OAuth and Microsoft define; any other word is not repeated.
const OAUTH_ERRORS: &[&str] = &[
    "access_denied",
    "interaction_required",
    "invalid_client",
    "invalid_grant",
    "invalid_request",
    "invalid_resource",
    "invalid_scope",
    "server_error",
    "temporarily_unavailable",
    "unauthorized_client",
    "unsupported_grant_type",
];

/// The error as one of the words that are known.
pub(super) fn known_error(word: &str) -> Option<&'static str> {
    OAUTH_ERRORS.iter().copied().find(|known| *known == word)
}

/// What a code means for an app that asks for its own token, and the cure. From Microsoft's list of authentication
/// error codes.
pub(super) fn explain(code: u32) -> Option<(&'static str, &'static str)> {
    Some(match code {
        7_000_215 => (
            "the client secret is wrong",
            "give the secret's Value, not its Secret ID, of this app registration",
        ),
        7_000_222 => (
            "the client secret has expired",
            "make a new one under Certificates & secrets of the app registration",
        ),
        7_000_216 | 7_000_218 => {
            ("a client secret or certificate is needed", "give one of this app registration")
        }
        7_000_112 => ("the app is disabled", "enable it in the tenant's enterprise applications"),
        700_016 | 7_000_229 => (
            "the app is not known in this tenant",
            "check client_id and tenant; for calls of another tenant its administrator must consent to the app",
        ),
        700_027 => (
            "the certificate is not one of the app's, or the signature is wrong",
            "upload the certificate under Certificates & secrets of the app registration",
        ),
        700_024 => ("the signed assertion is not valid at this time", "set this machine's clock"),
        700_030 => (
            "the certificate is not valid at this time",
            "make a new one and upload it to the app registration",
        ),
        90_002 | 90_023 | 900_023 => {
            ("there is no such tenant", "check the tenant id, and that the cloud is the tenant's")
        }
        900_382 | 900_384 | 900_439 => {
            ("the tenant is of another cloud", "give the client the tenant's cloud")
        }
        65_001 => ("consent is missing", "let the tenant's administrator consent to the app's permissions"),
        500_011 | 650_052 | 50_001 => {
            ("Microsoft Graph is not known in this tenant", "check that the cloud is the tenant's")
        }
        70_011 | 1_002_012 | 500_207 => {
            ("Graph of another cloud was asked for", "check that the cloud is the tenant's")
        }
        53_003 | 530_003 | 530_035 => (
            "a Conditional Access policy of the tenant blocks the app",
            "let the tenant's administrator except it or its addresses",
        ),
        50_196 => ("the app asked for too many tokens", "share one credential object among all clients"),
        _ => return None,
    })
}
