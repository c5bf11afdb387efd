//! How a redirect ended: exactly one of five, with every attempt.

use std::fmt;
use std::time::Duration;

use serde_json::Value;

use crate::send::transport::Answer;

/// What became of a redirect.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Which of the five.
    pub verdict: Verdict,
    /// Every attempt in order.
    pub attempts: Vec<Attempt>,
    /// From the start of the first attempt.
    pub elapsed: Duration,
    /// Sent as `client-request-id`; what Microsoft's support asks for.
    pub client_request_id: String,
}

/// One of five.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// Graph took it (2xx). Who picks up comes later, with the notification that the call ended.
    Accepted {
        /// HTTP status, 202 as documented.
        status: u16,
    },
    /// Graph said no; nothing rings.
    Rejected(Refused),
    /// The call is not there any more: ended, answered, or too late (404 with 8522, or 410).
    CallGone(Refused),
    /// The deadline passed.
    Expired {
        /// Whether a request ever left.
        sent: bool,
        /// What held it up.
        reason: String,
    },
    /// A request left and was never answered, or the answer does not say whether it took effect.
    Unknown {
        /// Whether the evidence speaks for it.
        likely_delivered: bool,
        /// What happened.
        reason: String,
    },
}

/// What Graph said when it said no.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Refused {
    /// HTTP status.
    pub status: u16,
    /// Graph's code: a word, or digits for the calling service's own.
    pub code: Option<String>,
    /// Graph's message.
    pub message: Option<String>,
    /// `request-id` of the answer, out of the header or else the body.
    pub request_id: Option<String>,
    /// `Retry-After`, if it was a number of seconds; Graph writes fractions too.
    pub retry_after: Option<Duration>,
}

/// One try.
#[derive(Debug, Clone, PartialEq)]
pub struct Attempt {
    /// Since the first attempt started.
    pub started: Duration,
    /// How long it took.
    pub duration: Duration,
    /// Whether any part of it may have reached Graph.
    pub sent: bool,
    /// HTTP status, if there was an answer.
    pub status: Option<u16>,
    /// Why there was none.
    pub error: Option<String>,
    /// `request-id` of the answer.
    pub request_id: Option<String>,
}

impl Verdict {
    /// What an answer means.
    pub fn of(answer: &Answer) -> Self {
        match answer.status {
            200..=299 => Self::Accepted { status: answer.status },
            410 => Self::CallGone(Refused::of(answer)),
            404 => match Refused::of(answer) {
                refused if refused.code.as_deref() == Some("8522") => Self::CallGone(refused),
                refused => Self::Rejected(refused),
            },
            // The answer of a server or gateway that may have broken before or after it acted.
            500 | 502 | 504..=599 => {
                Self::Unknown { likely_delivered: false, reason: Refused::of(answer).to_string() }
            }
            _ => Self::Rejected(Refused::of(answer)),
        }
    }
}

impl Refused {
    fn of(answer: &Answer) -> Self {
        let (code, message, inner_request_id) = graph_error(&answer.body);
        Self {
            status: answer.status,
            code,
            message,
            request_id: answer.request_id.clone().or(inner_request_id),
            retry_after: answer.retry_after.as_deref().and_then(seconds),
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Graph answered {}", self.status)?;
        let said = [&self.code, &self.message].into_iter().flatten().map(String::as_str);
        let said = said.collect::<Vec<_>>().join(" ");
        if said.is_empty() { Ok(()) } else { write!(f, ": {said}") }
    }
}

fn seconds(text: &str) -> Option<Duration> {
    Duration::try_from_secs_f64(text.trim().parse().ok()?).ok()
}

/// Code, message and request id of `{"error": {"code", "message", "innerError": {"request-id"}}}`, also without the
/// wrapper, with a numeric code, and in the other spellings Graph has.
fn graph_error(body: &[u8]) -> (Option<String>, Option<String>, Option<String>) {
    let Ok(body) = serde_json::from_slice::<Value>(body) else { return (None, None, None) };
    let error = body.get("error").filter(|inner| inner.is_object()).unwrap_or(&body);
    let inner = error.get("innerError").or_else(|| error.get("innererror"));
    let request_id = inner.and_then(|inner| text(inner, "request-id").or_else(|| text(inner, "requestId")));
    // The calling service's own error may stand as JSON text inside the gateway's message.
    let own = error
        .get("message")
        .and_then(Value::as_str)
        .and_then(|text| serde_json::from_str::<Value>(text).ok());
    let inside = |name| own.as_ref().and_then(|own| text(own, name));
    match inside("errorCode") {
        Some(code) => (Some(code), inside("message"), request_id),
        None => (text(error, "code"), text(error, "message"), request_id),
    }
}

fn text(of: &Value, name: &str) -> Option<String> {
    match of.get(name)? {
        Value::String(text) => Some(text.chars().take(500).collect()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
