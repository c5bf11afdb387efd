//! What is known of each call, step by step, from its arrival to its end.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::claim::CallKey;
use super::protocol::{Stage, Ticket};
use super::settlement::{Settlement, last_sent, was_redirected};
use crate::notification::{Notification, id_key};
use crate::send::Deadline;
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
    /// Its end was waited for, and never told.
    TimedOut,
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
            Self::TimedOut => "timed out",
        }
    }
}

/// One call.
#[derive(Debug)]
pub struct TrackedCall {
    call_id: String,
    arrival: Arrival,
    told: Mutex<Told>,
}

/// What is known so far.
#[derive(Debug, Clone)]
pub struct Told {
    /// How far it came. Never goes back, in whatever order notifications come.
    pub stage: Stage,
    /// The claim, where this process has it and a store knows of that.
    pub ticket: Option<Ticket>,
    /// When the call's time is up.
    pub deadline: Deadline,
    /// Why the bot's own answer was not used, where a default was used instead.
    pub fallback: Option<String>,
    /// The notification that the call came in.
    pub incoming: Option<Notification>,
    /// The tenant that its token is of: signed, and so better than what the call says of itself.
    pub tenant_id: Option<String>,
    /// How it was settled.
    pub settlement: Option<Settlement>,
    /// The notification that it ended.
    pub ended: Option<Notification>,
    /// Whether it was redirected, as far as its end said so.
    pub redirected: Option<bool>,
    /// Each step with the time since arrival, in the order of these times.
    pub steps: Vec<(Step, Duration)>,
}

impl TrackedCall {
    pub(super) fn new(call_id: String, arrival: Arrival) -> Self {
        let told = Told {
            stage: Stage::Seen,
            ticket: None,
            deadline: Deadline::of(arrival),
            fallback: None,
            incoming: None,
            tenant_id: None,
            settlement: None,
            ended: None,
            redirected: None,
            steps: vec![(Step::Received, Duration::ZERO)],
        };
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

    /// One fact of what is known, without a copy of the rest.
    pub fn ask<T>(&self, fact: impl FnOnce(&Told) -> T) -> T {
        fact(&self.lock())
    }

    /// The call, as a store is asked about it.
    pub fn key(&self) -> CallKey {
        CallKey { key: id_key(&self.call_id), call_id: self.call_id.clone() }
    }

    /// When its time is up.
    pub fn deadline(&self) -> Deadline {
        self.lock().deadline
    }

    /// Takes in the notification that the call came in; false if it came before, or the call ended.
    pub fn begin(&self, notification: Notification) -> bool {
        let mut told = self.lock();
        let new = told.incoming.is_none() && told.ended.is_none();
        if new {
            told.incoming = Some(notification);
        }
        new
    }

    /// Notes the tenant that the notification's token is of, if it names one.
    pub fn of_tenant(&self, tenant_id: &str) {
        self.lock().tenant_id = Some(tenant_id.to_owned()).filter(|id| !id.is_empty());
    }

    /// Notes that the call is this process's to redirect. Whoever saw it first may have started its time earlier.
    pub fn claimed(&self, ticket: Option<Ticket>, left: Duration) {
        let mut told = self.lock();
        told.stage = told.stage.max(Stage::Claimed);
        told.ticket = ticket;
        told.deadline = told.deadline.min(Deadline::after(left));
        told.steps.push((Step::Claimed, self.arrival.elapsed()));
    }

    /// Notes that a request is about to leave.
    pub fn sending(&self) {
        let mut told = self.lock();
        told.stage = told.stage.max(Stage::Sent);
    }

    /// Notes why the bot's own answer is not used.
    pub fn fall_back(&self, reason: String) {
        self.lock().fallback = Some(reason);
    }

    /// Whether it is known how its redirect went.
    pub fn is_settled(&self) -> bool {
        self.lock().settlement.is_some()
    }

    /// Takes in how far the call came by somebody else's account.
    pub fn heard(&self, stage: Stage) {
        let mut told = self.lock();
        told.stage = told.stage.max(stage);
    }

    /// Notes a step that happens now.
    pub fn mark(&self, step: Step) {
        self.lock().steps.push((step, self.arrival.elapsed()));
    }

    /// Notes a step that happened then.
    pub fn mark_at(&self, step: Step, at: Instant) {
        self.lock().steps.push((step, at.saturating_duration_since(self.arrival.at)));
    }

    /// Notes how the call was settled, right after it was; false when it was settled already. An outcome comes also
    /// after it was given up: whoever waited was stopped, the request was not.
    pub fn settle(&self, mut settlement: Settlement) -> bool {
        let settled = self.arrival.elapsed();
        let mut told = self.lock();
        match (&told.settlement, &settlement) {
            (None, _) => {}
            (Some(settled), Settlement::Redirected(_)) if settled.was_never_heard() => {
                told.steps.retain(|(step, _)| *step != Step::Settled);
            }
            (Some(_), _) => return false,
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
        if let Some(redirected) = told.redirected {
            settlement.learn(redirected);
        }
        told.stage = settlement.stage().map_or(told.stage, |stage| told.stage.max(stage));
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
        if let Some(redirected) = was_redirected(&notification) {
            told.learn(redirected);
        }
        told.ended = Some(notification);
        if !told.is_over() {
            told.steps.push((Step::Ended, self.arrival.elapsed()));
        }
        true
    }

    /// Notes that it ended, of which another worker was told.
    pub fn end_elsewhere(&self, redirected: Option<bool>) {
        let mut told = self.lock();
        if let Some(redirected) = redirected {
            told.learn(redirected);
        }
        if !told.is_over() {
            told.steps.push((Step::Ended, self.arrival.elapsed()));
        }
    }

    /// Notes that nobody waits for its end any more; false when it ended, or when that was noted already.
    pub fn time_out(&self) -> bool {
        let mut told = self.lock();
        if told.is_over() || told.has(Step::TimedOut) {
            return false;
        }
        told.steps.push((Step::TimedOut, self.arrival.elapsed()));
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
                Step::TimedOut => line(*at, "its end was never told"),
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
    /// Whether it is known to have ended.
    pub fn is_over(&self) -> bool {
        self.has(Step::Ended)
    }

    /// Whether it came to that step.
    pub fn has(&self, step: Step) -> bool {
        self.steps.iter().any(|(had, _)| *had == step)
    }

    fn learn(&mut self, redirected: bool) {
        self.redirected = Some(redirected);
        if let Some(settlement) = &mut self.settlement {
            settlement.learn(redirected);
        }
    }

    fn reply(&self) -> String {
        let status = match &self.settlement {
            Some(Settlement::Redirected(outcome)) => last_sent(outcome).and_then(|attempt| attempt.status),
            _ => None,
        };
        status.map_or_else(|| "no answer".to_owned(), |status| format!("{status} from Graph"))
    }
}
