//! What is known of each call, step by step, from its arrival to its end.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::notification::{Notification, id_key};
use crate::outcome::{Outcome, Verdict};
use crate::send::clock::{Arrival, Instant};

/// A step on a call's way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The notification arrived.
    Received,
    /// Its token was genuine.
    Verified,
    /// Its body was read.
    Parsed,
    /// The call was claimed, so that nobody else redirects it.
    Claimed,
    /// The bot said where it should go.
    Decided,
    /// The redirect passed every rule.
    Validated,
    /// The request left.
    Sent,
    /// Graph answered.
    Answered,
    /// There is an outcome, or a reason why there is none.
    Settled,
    /// The call ended.
    Ended,
}

impl Step {
    /// The name people see.
    pub fn name(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Verified => "verified",
            Self::Parsed => "parsed",
            Self::Claimed => "claimed",
            Self::Decided => "decided",
            Self::Validated => "validated",
            Self::Sent => "redirect sent",
            Self::Answered => "answered",
            Self::Settled => "settled",
            Self::Ended => "ended",
        }
    }
}

/// How a claimed call was settled.
#[derive(Debug, Clone, PartialEq)]
pub enum Settlement {
    /// The redirect was attempted.
    Redirected(Outcome),
    /// The bot left the call alone.
    LeftAlone,
    /// Nothing could be sent: why.
    Failed(String),
}

/// One call.
#[derive(Debug)]
pub struct TrackedCall {
    call_id: String,
    arrival: Arrival,
    told: Mutex<Told>,
}

/// What is known so far.
#[derive(Debug, Clone, Default)]
pub struct Told {
    /// The notification that the call came in.
    pub incoming: Option<Notification>,
    /// How it was settled.
    pub settlement: Option<Settlement>,
    /// The notification that it ended.
    pub ended: Option<Notification>,
    /// Each step with the time since arrival, in the order they happened.
    pub steps: Vec<(Step, Duration)>,
}

impl TrackedCall {
    fn new(call_id: String, arrival: Arrival) -> Self {
        let told = Told { steps: vec![(Step::Received, Duration::ZERO)], ..Told::default() };
        Self { call_id, arrival, told: Mutex::new(told) }
    }

    /// The call's id as it came.
    pub fn call_id(&self) -> &str {
        &self.call_id
    }

    /// When its first notification arrived.
    pub fn arrival(&self) -> Arrival {
        self.arrival
    }

    /// What is known now.
    pub fn told(&self) -> Told {
        self.lock().clone()
    }

    /// Takes in the notification that the call came in.
    pub fn begin(&self, notification: Notification) {
        self.lock().incoming = Some(notification);
    }

    /// Notes a step that happens now.
    pub fn mark(&self, step: Step) {
        self.lock().steps.push((step, self.arrival.elapsed()));
    }

    /// Notes a step that happened then.
    pub fn mark_at(&self, step: Step, at: Instant) {
        self.lock().steps.push((step, at.saturating_duration_since(self.arrival.at)));
    }

    /// Notes how the call was settled, right after it was; the first time counts.
    pub fn settle(&self, settlement: Settlement) {
        let settled = self.arrival.elapsed();
        let mut told = self.lock();
        if told.settlement.is_some() {
            return;
        }
        if let Settlement::Redirected(outcome) = &settlement
            && let Some(last) = outcome.attempts.iter().rev().find(|attempt| attempt.sent)
        {
            let since = settled.saturating_sub(outcome.elapsed);
            told.steps.push((Step::Sent, since + last.started));
            if last.status.is_some() {
                told.steps.push((Step::Answered, since + last.started + last.duration));
            }
        }
        told.settlement = Some(settlement);
        told.steps.push((Step::Settled, settled));
    }

    /// Notes the end; false when it was known already.
    pub fn end(&self, notification: Notification) -> bool {
        let mut told = self.lock();
        if told.ended.is_some() {
            return false;
        }
        told.ended = Some(notification);
        told.steps.push((Step::Ended, self.arrival.elapsed()));
        true
    }

    fn lock(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One readable line per step, then the outcome.
    pub fn timeline(&self) -> String {
        let told = self.told();
        let line = |at: Duration, text: &str| format!("{:>9.1} ms  {text}\n", at.as_secs_f64() * 1000.0);
        let mut out = format!("call {}\n", self.call_id);
        for (step, at) in &told.steps {
            let text = match (step, &told.settlement) {
                (Step::Answered, Some(Settlement::Redirected(outcome))) => {
                    let status = outcome.attempts.last().and_then(|attempt| attempt.status);
                    format!("{} by Graph", status.map_or_else(String::new, |status| status.to_string()))
                }
                (Step::Settled, Some(settlement)) => format!("outcome: {}", settlement.summary()),
                (Step::Received, _) => "notification received".to_owned(),
                (Step::Ended, _) => "call terminated".to_owned(),
                (step, _) => step.name().to_owned(),
            };
            out.push_str(&line(*at, &text));
        }
        out
    }
}

impl Settlement {
    /// One line for people.
    pub fn summary(&self) -> String {
        match self {
            Self::LeftAlone => "left alone".into(),
            Self::Failed(reason) => format!("failed: {reason}"),
            Self::Redirected(outcome) => match &outcome.verdict {
                Verdict::Accepted { .. } => "accepted".into(),
                Verdict::Rejected(no) | Verdict::CallGone(no) => {
                    let what = if matches!(outcome.verdict, Verdict::CallGone(_)) { "call gone" } else { "rejected" };
                    let code = no.code.as_deref().unwrap_or("no code");
                    format!("{what}: {} {code} {}", no.status, no.message.as_deref().unwrap_or_default())
                }
                Verdict::Expired { sent, reason } => {
                    format!("expired, {}: {reason}", if *sent { "sent" } else { "never sent" })
                }
                Verdict::Unknown { reason, .. } => format!("unknown: {reason}"),
            },
        }
    }
}

/// The calls of this process, bounded; forgotten oldest first.
#[derive(Debug)]
pub struct Calls {
    kept: Mutex<Kept>,
    capacity: usize,
}

#[derive(Debug, Default)]
struct Kept {
    calls: HashMap<String, Arc<TrackedCall>>,
    order: VecDeque<String>,
}

impl Calls {
    /// Keeps the last `capacity` calls.
    pub fn new(capacity: usize) -> Self {
        Self { kept: Mutex::default(), capacity }
    }

    /// The call of that id, new if it was not known.
    pub fn track(&self, call_id: &str, arrival: Arrival) -> Arc<TrackedCall> {
        let key = id_key(call_id);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(call) = kept.calls.get(&key) {
            return Arc::clone(call);
        }
        let call = Arc::new(TrackedCall::new(call_id.to_owned(), arrival));
        kept.calls.insert(key.clone(), Arc::clone(&call));
        kept.order.push_back(key);
        while kept.order.len() > self.capacity {
            if let Some(oldest) = kept.order.pop_front() {
                kept.calls.remove(&oldest);
            }
        }
        call
    }

    /// Every call kept, oldest first.
    pub fn recent(&self) -> Vec<Arc<TrackedCall>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.order.iter().filter_map(|key| kept.calls.get(key).cloned()).collect()
    }
}
