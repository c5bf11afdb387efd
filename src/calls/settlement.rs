//! How a claimed call was settled, and what its end says of a redirect nobody knows about.

use super::protocol::Stage;
use crate::mask_phones;
use crate::notification::{Notification, ResultInfo};
use crate::outcome::{Attempt, Outcome, Verdict};

/// How a claimed call was settled.
#[derive(Debug, Clone, PartialEq)]
pub enum Settlement {
    /// The redirect was attempted.
    Redirected(Outcome),
    /// The bot left the call alone.
    LeftAlone,
    /// Nothing could be sent: why.
    Failed(String),
    /// Another worker has it.
    Elsewhere,
}

pub(super) fn last_sent(outcome: &Outcome) -> Option<&Attempt> {
    sent(outcome).next_back()
}

fn sent(outcome: &Outcome) -> impl DoubleEndedIterator<Item = &Attempt> {
    outcome.attempts.iter().filter(|attempt| attempt.sent && !attempt.probe)
}

impl Settlement {
    /// How far that brings the call; nothing to say of another worker's.
    pub fn stage(&self) -> Option<Stage> {
        Some(match self {
            Self::Elsewhere => return None,
            Self::LeftAlone => Stage::LeftAlone,
            Self::Failed(_) => Stage::Failed,
            Self::Redirected(outcome) => match outcome.verdict {
                Verdict::Accepted { .. } => Stage::Accepted,
                Verdict::Rejected(_) => Stage::Rejected,
                Verdict::CallGone(_) => Stage::Gone,
                Verdict::Expired { .. } => Stage::Expired,
                Verdict::Unknown { .. } => Stage::Unknown,
            },
        })
    }

    /// Requests that may have reached Graph.
    pub fn attempts(&self) -> u32 {
        let Self::Redirected(outcome) = self else { return 0 };
        u32::try_from(sent(outcome).count()).unwrap_or(u32::MAX)
    }

    /// Whether whoever waited was stopped before there was an answer.
    pub(super) fn was_never_heard(&self) -> bool {
        let Self::Redirected(outcome) = self else { return false };
        matches!(outcome.verdict, Verdict::Unknown { .. }) && outcome.attempts.is_empty()
    }

    /// Says what the end of the call tells of a redirect that was never answered.
    pub(super) fn learn(&mut self, redirected: bool) {
        if let Self::Redirected(Outcome { verdict: Verdict::Unknown { likely_delivered, .. }, .. }) = self {
            *likely_delivered = redirected;
        }
    }

    /// One line for people.
    pub fn summary(&self) -> String {
        match self {
            Self::LeftAlone => "left alone".into(),
            Self::Failed(reason) => format!("failed: {reason}"),
            Self::Elsewhere => "another worker's".into(),
            Self::Redirected(outcome) => match &outcome.verdict {
                Verdict::Accepted { .. } => "accepted".into(),
                Verdict::Rejected(no) | Verdict::CallGone(no) => {
                    let what = if matches!(outcome.verdict, Verdict::CallGone(_)) {
                        "call gone"
                    } else {
                        "rejected"
                    };
                    let code = no.code.as_deref().unwrap_or("no code");
                    loggable(&format!("{what}: {} {code}", no.status))
                }
                Verdict::Expired { sent, reason } => {
                    format!("expired, {}: {reason}", if *sent { "sent" } else { "never sent" })
                }
                Verdict::Unknown { reason, .. } => loggable(&format!("unknown: {reason}")),
            },
        }
    }
}

/// Graph's words as one line of a log: it may repeat what it was sent, phone numbers and all.
fn loggable(text: &str) -> String {
    mask_phones(text).chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Whether a call that ended was redirected, as far as its end says. Graph documents no result for it: its examples
/// have none at all, or who answered; a failure has a code.
pub(super) fn was_redirected(ended: &Notification) -> Option<bool> {
    let ended = ended.call()?;
    if ended.0.object("answeredBy").is_some() {
        return Some(true);
    }
    if let Some(result) = ended.0.object("resultInfo") {
        return ResultInfo(result).code().map(|code| code == 0 || (200..300).contains(&code));
    }
    ended.state().map(|_| true)
}
