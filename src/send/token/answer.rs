//! What the issuer answered.

use std::time::Duration;

use serde_json::{Map, Value};
use uuid::Uuid;

use super::error::{TokenError, explain, known_error};
use crate::Secret;
use crate::outcome::retry_after;
use crate::send::check_token;
use crate::send::clock;
use crate::send::transport::Answer;

/// A token and how long it lives, or why not and whether it may help to ask again.
#[derive(Debug)]
pub(super) enum Read {
    Token(Secret, Duration),
    Again(TokenError, Option<Duration>),
    No(TokenError),
}

/// `whom` says who answered for what, such as `login.microsoftonline.com for tenant ...`.
pub(super) fn read(answer: &Answer, whom: &str) -> Read {
    let body: Map<String, Value> = serde_json::from_slice(&answer.body).unwrap_or_default();
    if answer.status == 200 {
        return match token(&body) {
            Some((token, lifetime)) => Read::Token(token, lifetime),
            None => Read::No(error(answer, whom, "the answer holds no usable token", "check the authority")),
        };
    }
    let code = code(&body);
    let word = body.get("error").and_then(Value::as_str).and_then(known_error);
    let status = answer.status;
    let (what, cure) = match code.and_then(explain) {
        Some((what, cure)) => (what.to_owned(), cure.to_owned()),
        None => match (code, word) {
            (Some(code), _) => (
                word.unwrap_or("it was refused").to_owned(),
                format!("see https://login.microsoftonline.com/error?code={code}"),
            ),
            (None, Some(word)) => (word.to_owned(), "check client_id, tenant and authority".to_owned()),
            (None, None) => (format!("it answered {status}"), cure(status).to_owned()),
        },
    };
    let mut error = error(answer, whom, &what, &cure);
    if let Some(code) = code {
        error.message = format!("{} (AADSTS{code})", error.message);
    }
    (error.code, error.error) = (code, word);
    error.trace_id = body
        .get("trace_id")
        .and_then(Value::as_str)
        .filter(|id| Uuid::parse_str(id).is_ok())
        .map(str::to_owned);
    // 90033 and 90012 call themselves transient and come as 400; 404 and 410 are what IMDS says while it starts.
    let passing = matches!(status, 404 | 408 | 410 | 429 | 500..)
        && code.is_none_or(|code| explain(code).is_none())
        || word == Some("temporarily_unavailable")
        || matches!(code, Some(90_033 | 90_012 | 90_006));
    if passing { Read::Again(error, retry_after(answer)) } else { Read::No(error) }
}

fn cure(status: u16) -> &'static str {
    if matches!(status, 429 | 500..) { "it may pass by itself" } else { "check the authority" }
}

fn error(answer: &Answer, whom: &str, what: &str, cure: &str) -> TokenError {
    let mut error = TokenError::new(format!("no token from {whom}: {what}; {cure}"));
    error.status = Some(answer.status);
    error
}

fn token(body: &Map<String, Value>) -> Option<(Secret, Duration)> {
    let token = Secret::new(body.get("access_token").and_then(Value::as_str)?);
    check_token(&token).ok()?;
    // Managed identities send numbers as text, and App Service sends only the moment.
    let number = |name: &str| match body.get(name)? {
        Value::String(text) => text.parse::<f64>().ok(),
        value => value.as_f64(),
    };
    let seconds = number("expires_in").or_else(|| Some(number("expires_on")? - clock::unix()))?;
    Some((token, Duration::try_from_secs_f64(seconds.clamp(0.0, 1e9)).ok()?))
}

fn code(body: &Map<String, Value>) -> Option<u32> {
    let listed = body.get("error_codes").and_then(Value::as_array).and_then(|codes| codes.first()?.as_u64());
    let listed = listed.and_then(|code| u32::try_from(code).ok());
    listed.or_else(|| {
        let description = body.get("error_description").and_then(Value::as_str)?;
        let digits = description.strip_prefix("AADSTS")?.split(|c: char| !c.is_ascii_digit()).next()?;
        digits.parse().ok()
    })
}

fn retry_after(answer: &Answer) -> Option<Duration> {
    retry_after::read(answer.retry_after.as_deref()?, clock::unix())
}
