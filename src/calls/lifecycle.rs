//! What is known of each call, step by step, from its arrival to its end.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::mask_phones;
use crate::notification::{Notification, id_key};
use crate::outcome::{Attempt, Outcome, Verdict};
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
    /// Graph answered the request.
    Replied,
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
            Self::Sent => "sent",
            Self::Replied => "replied",
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
    /// Each step with the time since arrival, in the order of these times.
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

    /// Notes how the call was settled, right after it was; false when it was settled already.
    pub fn settle(&self, settlement: Settlement) -> bool {
        let settled = self.arrival.elapsed();
        let mut told = self.lock();
        if told.settlement.is_some() {
            return false;
        }
        if let Settlement::Redirected(outcome) = &settlement
            && let Some(last) = last_sent(outcome)
        {
            let since = settled.saturating_sub(outcome.elapsed);
            told.steps.push((Step::Sent, since + last.started));
            if last.status.is_some() {
                told.steps.push((Step::Replied, since + last.started + last.duration));
            }
        }
        told.settlement = Some(settlement);
        told.steps.push((Step::Settled, settled));
        // The call may have ended while the answer was on its way here.
        told.steps.sort_by_key(|(_, at)| *at);
        true
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

    /// One readable line per step; the last is the outcome, at the moment that settled the call or ended it.
    pub fn timeline(&self) -> String {
        let told = self.told();
        let mut lines = vec![format!("call {}", self.call_id)];
        let mut line =
            |at: Duration, text: &str| lines.push(format!("{:>9.1} ms  {text}", at.as_secs_f64() * 1000.0));
        for (step, at) in &told.steps {
            match step {
                Step::Received => line(*at, "notification received"),
                Step::Sent => line(*at, "redirect sent"),
                Step::Replied => line(*at, &told.reply()),
                Step::Ended => line(*at, "call terminated"),
                Step::Settled => {}
                step => line(*at, step.name()),
            }
        }
        if let (Some(settlement), Some((_, last))) = (&told.settlement, told.steps.last()) {
            line(*last, &format!("outcome: {}", settlement.summary()));
        }
        lines.join("\n")
    }
}

impl Told {
    fn reply(&self) -> String {
        let status = match &self.settlement {
            Some(Settlement::Redirected(outcome)) => last_sent(outcome).and_then(|attempt| attempt.status),
            _ => None,
        };
        status.map_or_else(|| "no answer".to_owned(), |status| format!("{status} from Graph"))
    }
}

fn last_sent(outcome: &Outcome) -> Option<&Attempt> {
    outcome.attempts.iter().rev().find(|attempt| attempt.sent && !attempt.probe)
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
                    let what = if matches!(outcome.verdict, Verdict::CallGone(_)) {
                        "call gone"
                    } else {
                        "rejected"
                    };
                    let code = no.code.as_deref().unwrap_or("no code");
                    let message = no.message.as_deref().unwrap_or_default();
                    loggable(&format!("{what}: {} {code} {message}", no.status))
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
