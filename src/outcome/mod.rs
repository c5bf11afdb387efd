//! How a redirect ended: exactly one of five, with every attempt.

use std::fmt;
use std::time::Duration;

use crate::secret::mask_phones;
use crate::send::transport::Answer;

mod advice;
mod graph_error;
pub(crate) mod retry_after;

pub use advice::Advice;

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
    /// Graph took it (202; or another 2xx that holds nothing, or JSON). Who picks up comes later, with the notification that the call ended.
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

/// One line for people: which of the five, Graph's code, what it means and what to do.
impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accepted { status } => write!(f, "accepted: Graph answered {status}"),
            Self::Rejected(no) | Self::CallGone(no) => {
                let which = if matches!(self, Self::Rejected(_)) { "rejected" } else { "call gone" };
                write!(f, "{which}: {no}")?;
                let Some(advice) = no.advice() else { return Ok(()) };
                write!(f, " ({}; what to do: {})", advice.explanation, advice.cure)
            }
            Self::Expired { sent, reason } => {
                let sent = if *sent { "it may have arrived" } else { "nothing was sent" };
                write!(f, "expired, {sent}: {}", one_line(reason))
            }
            Self::Unknown { likely_delivered, reason } => {
                let likely = if *likely_delivered { "it probably arrived" } else { "it may have arrived" };
                write!(f, "unknown, {likely}: {}", one_line(reason))
            }
        }
    }
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
    /// `Retry-After`, counted from the answer.
    pub retry_after: Option<Duration>,
    /// The tenant that the token says it is of, if the token was the trouble (401, 403).
    pub token_tenant: Option<String>,
    /// The tenant of the call, as far as its notification told, if the token was the trouble.
    pub call_tenant: Option<String>,
}

/// One try.
#[derive(Debug, Clone, PartialEq)]
pub struct Attempt {
    /// Not a redirect, but the question whether the call still rings.
    pub probe: bool,
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
    /// What an answer means on its own. `now` is the wall clock in seconds since 1970, for dates in it.
    pub fn of(answer: &Answer, now: f64) -> Self {
        match answer.status {
            202 | 204 => Self::Accepted { status: answer.status },
            200..=299 if graph_error::is_of_graph(&answer.body) => Self::Accepted { status: answer.status },
            // A proxy's page, or that of a network which wants people to log in first.
            200..=299 => Self::Unknown {
                likely_delivered: false,
                reason: format!("the answer {} is not Graph's: its body is no JSON", answer.status),
            },
            410 => Self::CallGone(Refused::of(answer, now)),
            404 => match Refused::of(answer, now) {
                refused if refused.code.as_deref() == Some("8522") => Self::CallGone(refused),
                refused => Self::Rejected(refused),
            },
            // The answer of a server or gateway that may have broken before or after it acted.
            500 | 502 | 504..=599 => {
                Self::Unknown { likely_delivered: false, reason: Refused::of(answer, now).to_string() }
            }
            _ => Self::Rejected(Refused::of(answer, now)),
        }
    }
}

impl Refused {
    fn of(answer: &Answer, now: f64) -> Self {
        let said = graph_error::read(&answer.body);
        Self {
            status: answer.status,
            code: said.code,
            message: said.message,
            request_id: answer.request_id.clone().or(said.request_id),
            retry_after: answer.retry_after.as_deref().and_then(|text| retry_after::read(text, now)),
            ..Self::default()
        }
    }

    /// What it means and what to do, where that is known.
    pub fn advice(&self) -> Option<Advice> {
        advice::of(self)
    }
}

/// One line without Graph's own words: they may repeat a name or a number that it was sent.
impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Graph answered {}", self.status)?;
        // Codes are words without blanks; what is not is no code, whatever it stands under.
        let code = self.code.as_deref().filter(|code| !code.contains(char::is_whitespace)).map(one_line);
        code.filter(|code| !code.is_empty()).map_or(Ok(()), |code| write!(f, ": {code}"))
    }
}

/// Whatever a server wrote, as one line that may be shown.
pub(crate) fn one_line(text: &str) -> String {
    let plain = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    mask_phones(&plain.collect::<Vec<_>>().join(" "))
}
