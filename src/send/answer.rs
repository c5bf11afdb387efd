//! Answers as they may be kept: without the token, and with what a refused token was.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::Value;

use super::transport::Answer;
use crate::notification::is_id;
use crate::secret::Secret;

const REDACTED: &str = "[token]";

/// A server, or whatever stands before it, may repeat the headers it got.
pub(super) fn without_token(answer: Answer, token: &Secret) -> Answer {
    let token = token.expose();
    // To look for so long a text takes preparations: not where there is no room for it.
    let clean = |text: String| if text.contains(token) { text.replace(token, REDACTED) } else { text };
    let body = String::from_utf8_lossy(&answer.body);
    let body = if body.contains(token) { body.replace(token, REDACTED).into_bytes() } else { answer.body };
    Answer {
        status: answer.status,
        request_id: answer.request_id.map(clean),
        retry_after: answer.retry_after.map(clean),
        body,
    }
}

/// The tenant that a token says it is of. Not verified: it is only told to its owner.
pub(super) fn tenant_of(token: &Secret) -> Option<String> {
    let claims = token.expose().split('.').nth(1)?;
    let claims = BASE64_URL_SAFE_NO_PAD.decode(claims).ok()?;
    let claims: Value = serde_json::from_slice(&claims).ok()?;
    claims.get("tid")?.as_str().filter(|id| is_id(id)).map(str::to_owned)
}

/// What an answer to the question about a call says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Word {
    /// It rings: no redirect has taken effect so far.
    Rings,
    /// It does not ring any more: why, in words.
    RingsNoMore(String),
    /// Nothing that helps.
    None,
}

impl Word {
    pub(super) fn of(answer: &Answer) -> Self {
        match answer.status {
            200 => match state(&answer.body) {
                Some(state) if state.eq_ignore_ascii_case("incoming") => Self::Rings,
                Some(state) => Self::RingsNoMore(format!("the call is in state {state}")),
                None => Self::None,
            },
            404 | 409 | 410 => {
                Self::RingsNoMore(format!("the call is not there any more ({})", answer.status))
            }
            _ => Self::None,
        }
    }
}

fn state(body: &[u8]) -> Option<String> {
    let call: Value = serde_json::from_slice(body).ok()?;
    call.get("state")?.as_str().filter(|state| is_id(state)).map(str::to_owned)
}
