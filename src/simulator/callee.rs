//! The people and bots a call is redirected to: who picks up when, and how the call ends.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::redirect::{Redirect, Target};

/// How long Graph lets one target ring when the redirect does not say (call: redirect, parameter table).
const RINGS_ONE: Duration = Duration::from_secs(55);
/// The same for several at once.
const RINGS_MANY: Duration = Duration::from_secs(60);

/// The name that stands for every callee without a name of its own.
pub const EVERYBODY: &str = "*";

/// What somebody does whose telephone rings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Callee {
    /// Picks up after this time.
    Answers(Duration),
    /// Lets it ring.
    NoAnswer,
    /// Is on the phone.
    Busy,
    /// Has no endpoint that could ring.
    Unreachable,
}

impl Callee {
    /// What can be said in a word; picking up is said in seconds.
    pub(super) const WORDS: [(&'static str, Self); 3] =
        [("no_answer", Self::NoAnswer), ("busy", Self::Busy), ("unreachable", Self::Unreachable)];
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ending {
    /// A target of the redirect picked up.
    Answered,
    /// Targets rang, and nobody picked up.
    NoAnswer,
    /// Every target was busy.
    Busy,
    /// No target had an endpoint that could ring.
    Unreachable,
    /// The caller hung up.
    HungUp,
    /// No redirect was accepted while the call rang.
    Expired,
    /// The bot turned the notification down, and nothing was redirected.
    Refused,
}

impl Ending {
    /// The name in Python.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::NoAnswer => "no_answer",
            Self::Busy => "busy",
            Self::Unreachable => "unreachable",
            Self::HungUp => "hung_up",
            Self::Expired => "expired",
            Self::Refused => "refused",
        }
    }

    /// The `resultInfo` a call of this end has. Codes are those of Microsoft's list of call end reasons and of reports
    /// by users; no capture of a redirected call is public, so which of them Graph sends is not settled. Documented
    /// examples of answered calls have none.
    pub(super) fn result_info(self) -> Option<Value> {
        let (code, subcode, message) = match self {
            Self::Answered => return None,
            Self::NoAnswer => (408, 10_057, "No signal from the callee's endpoints."),
            // SIP's own word: Microsoft's list has none.
            Self::Busy => (486, 0, "Busy here."),
            Self::Unreachable => (480, 10_037, "No callee endpoint was found."),
            Self::HungUp => (200, 4_521, "The call was ended by the other participant."),
            Self::Expired | Self::Refused => (408, 8_544, "Callee could not be reached."),
        };
        let message = format!("{message} DiagCode: {code}#{subcode}.@");
        Some(json!({
            "@odata.type": "#microsoft.graph.resultInfo", "code": code, "subcode": subcode, "message": message,
        }))
    }
}

/// What came of a redirect: after this time, this end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ringing {
    pub(super) after: Duration,
    pub(super) ending: Ending,
    /// Who picked up.
    pub(super) answered_by: Option<Target>,
}

/// Rings every target of a redirect at once; the first to pick up wins, and of two in the same moment the first named.
pub(super) fn ring(redirect: &Redirect, callees: &BTreeMap<String, Callee>) -> Ringing {
    let limit = redirect
        .timeout
        .and_then(|seconds| u64::try_from(seconds).ok())
        .map_or(if redirect.targets.len() > 1 { RINGS_MANY } else { RINGS_ONE }, Duration::from_secs);
    let each: Vec<_> = redirect.targets.iter().map(|target| (target, callee(target, callees))).collect();
    let first = each
        .iter()
        .filter_map(|(target, callee)| match callee {
            Callee::Answers(after) if *after <= limit => Some((*after, *target)),
            _ => None,
        })
        .min_by_key(|(after, _)| *after);
    if let Some((after, target)) = first {
        return Ringing { after, ending: Ending::Answered, answered_by: Some(target.clone()) };
    }
    let all = |wanted| each.iter().all(|(_, callee)| *callee == wanted);
    let (after, ending) = if all(Callee::Unreachable) {
        (Duration::ZERO, Ending::Unreachable)
    } else if each.iter().all(|(_, callee)| matches!(callee, Callee::Busy | Callee::Unreachable)) {
        (Duration::ZERO, Ending::Busy)
    } else {
        (limit, Ending::NoAnswer)
    };
    Ringing { after, ending, answered_by: None }
}

/// Whoever nothing is said of picks up at once.
fn callee(target: &Target, callees: &BTreeMap<String, Callee>) -> Callee {
    let named = callees.iter().find(|(id, _)| id.eq_ignore_ascii_case(&target.id)).map(|(_, callee)| callee);
    *named.or_else(|| callees.get(EVERYBODY)).unwrap_or(&Callee::Answers(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn ended(redirect: &Redirect, callees: &[(&str, Callee)]) -> (u64, Ending, Option<String>) {
        let callees = callees.iter().map(|(id, callee)| ((*id).to_owned(), *callee)).collect();
        let Ringing { after, ending, answered_by } = ring(redirect, &callees);
        (after.as_secs(), ending, answered_by.map(|target| target.id))
    }

    #[test]
    fn the_first_to_pick_up_wins() {
        let both = Redirect::to([Target::user("a"), Target::user("b")]);
        let after = |seconds| Callee::Answers(seconds * SECOND);
        let answered = |seconds, who: &str| (seconds, Ending::Answered, Some(who.to_owned()));
        assert_eq!(ended(&both, &[]), answered(0, "a"));
        assert_eq!(ended(&both, &[("A", after(5)), ("b", after(3))]), answered(3, "b"));
        assert_eq!(ended(&both, &[("a", after(5)), ("b", Callee::Busy)]), answered(5, "a"));
        assert_eq!(ended(&both, &[("*", after(7)), ("b", Callee::NoAnswer)]), answered(7, "a"));
        assert_eq!(ended(&both, &[("a", Callee::Unreachable), ("b", after(60))]), answered(60, "b"));
        assert_eq!(ended(&both, &[("*", after(61))]), (60, Ending::NoAnswer, None));
    }

    #[test]
    fn nobody_picks_up() {
        let mut redirect = Redirect::to([Target::user("a"), Target::user("b")]);
        redirect.timeout = Some(20);
        let all = |callee| ended(&redirect, &[("*", callee)]);
        assert_eq!(all(Callee::Answers(21 * SECOND)), (20, Ending::NoAnswer, None));
        assert_eq!(all(Callee::NoAnswer), (20, Ending::NoAnswer, None));
        assert_eq!(all(Callee::Busy), (0, Ending::Busy, None));
        assert_eq!(all(Callee::Unreachable), (0, Ending::Unreachable, None));
        let mixed = [("a", Callee::Unreachable), ("b", Callee::Busy)];
        assert_eq!(ended(&redirect, &mixed), (0, Ending::Busy, None));
        assert_eq!(
            ended(&redirect, &[("a", Callee::NoAnswer), ("b", Callee::Busy)]),
            (20, Ending::NoAnswer, None)
        );
        let one = Redirect::to([Target::user("a")]);
        assert_eq!(ended(&one, &[("a", Callee::NoAnswer)]), (55, Ending::NoAnswer, None));
    }
}
