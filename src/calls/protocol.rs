//! The rules of claims, pure. A store reads a record, asks here what becomes of it, and writes that, in one atomic step.
//!
//! Who redirects a call is settled twice: by the claim, and again by the step to [`Stage::Sent`], which is written before
//! a request leaves and which only the present holder can write. Leases say when a successor may try; that there is one
//! redirect does not hang on them, nor on anybody's clock.

use std::time::Duration;

/// A successor needs this much of the call's time: a token, a connection and an answer have to fit.
pub const TAKEOVER: Duration = Duration::from_secs(3);

/// How far a call has come. Later is greater, and a record never goes back, except from [`Stage::Failed`] when another
/// worker takes the call over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// Heard of, and no more.
    Seen,
    /// Somebody is about to redirect it.
    Claimed,
    /// A request may have left.
    Sent,
    /// A request left, and nobody knows what became of it.
    Unknown,
    /// The deadline passed.
    Expired,
    /// There was nothing to send.
    Failed,
    /// The bot left it alone.
    LeftAlone,
    /// The call was not there any more.
    Gone,
    /// Graph said no.
    Rejected,
    /// Graph took the redirect.
    Accepted,
}

impl Stage {
    /// Every stage, lowest first.
    pub const ALL: [Self; 10] = [
        Self::Seen,
        Self::Claimed,
        Self::Sent,
        Self::Unknown,
        Self::Expired,
        Self::Failed,
        Self::LeftAlone,
        Self::Gone,
        Self::Rejected,
        Self::Accepted,
    ];

    /// The name in stores, and the one people see.
    pub fn name(self) -> &'static str {
        match self {
            Self::Seen => "seen",
            Self::Claimed => "claimed",
            Self::Sent => "sent",
            Self::Unknown => "unknown",
            Self::Expired => "expired",
            Self::Failed => "failed",
            Self::LeftAlone => "left alone",
            Self::Gone => "gone",
            Self::Rejected => "rejected",
            Self::Accepted => "accepted",
        }
    }

    /// The stage of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stage| stage.name() == name)
    }

    /// Whether it says how the redirect ended.
    pub fn is_final(self) -> bool {
        self > Self::Sent
    }
}

/// What a store keeps of one call: who has it and how far it came. Times are milliseconds of the store's own clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The call's id as it came first.
    pub call_id: String,
    /// Who has it; empty if the call ended before anybody claimed it.
    pub worker: String,
    /// Rises with each successor.
    pub fence: u64,
    /// How far it came.
    pub stage: Stage,
    /// Requests that may have reached Graph.
    pub attempts: u32,
    /// Until when the worker is surely at it.
    pub lease_until: u64,
    /// When the call's time is up.
    pub deadline: u64,
    /// Whether the call itself ended.
    pub ended: bool,
    /// Whether it was redirected, as far as its end said so.
    pub redirected: Option<bool>,
}

impl Record {
    fn new(call_id: &str) -> Self {
        Self {
            call_id: call_id.to_owned(),
            worker: String::new(),
            fence: 0,
            stage: Stage::Seen,
            attempts: 0,
            lease_until: 0,
            deadline: 0,
            ended: false,
            redirected: None,
        }
    }

    /// Whether somebody began and never said how it ended: the worker is gone.
    pub fn is_unfinished(&self, now: u64) -> bool {
        matches!(self.stage, Stage::Claimed | Stage::Sent) && !self.ended && self.lease_until <= now
    }
}

/// Who holds a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    /// The process.
    pub worker: String,
    /// The fencing number that came with the claim.
    pub fence: u64,
}

/// What a worker asks of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Move {
    /// Let me have the call.
    Claim {
        /// Who asks.
        worker: String,
        /// How long the claim holds unless it is extended.
        lease: Duration,
        /// How much time the call has left.
        budget: Duration,
    },
    /// I am still at it; or, with [`Stage::Sent`], I am about to send.
    Extend {
        /// Who asks.
        ticket: Ticket,
        /// How long the claim holds from now.
        lease: Duration,
        /// [`Stage::Claimed`] or [`Stage::Sent`].
        stage: Stage,
    },
    /// This is how it ended.
    Finish {
        /// Who says so; it need not have been able to claim.
        worker: String,
        /// A final stage.
        stage: Stage,
        /// Requests that may have reached Graph.
        attempts: u32,
    },
    /// The call itself ended.
    End {
        /// Whether it was redirected, as far as that says so.
        redirected: Option<bool>,
    },
}

/// Where that leaves the one who asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// Yours: claimed, extended, written; for [`Move::End`], you are the first to know.
    Won {
        /// The fencing number.
        fence: u64,
        /// How much time the call has left, counted from when anybody saw it first.
        budget: Duration,
    },
    /// Somebody else's.
    Taken {
        /// When it may be worth asking again, because the holder's lease lapses then.
        again: Option<Duration>,
    },
    /// The call ended.
    Ended,
}

/// What a move comes to, and the record to write in its place, if it changes.
pub fn apply(call_id: &str, step: &Move, record: Option<&Record>, now: u64) -> (Claim, Option<Record>) {
    let mut new = record.cloned().unwrap_or_else(|| Record::new(call_id));
    let claim = match step {
        Move::Claim { worker, lease, budget } => claim(&mut new, worker, *lease, *budget, now),
        Move::Extend { ticket, lease, stage } => extend(&mut new, ticket, *lease, *stage, now),
        Move::Finish { worker, stage, attempts } => finish(&mut new, worker, *stage, *attempts, now),
        Move::End { .. } if new.ended => Claim::Ended,
        Move::End { redirected } => {
            new.ended = true;
            new.redirected = *redirected;
            won(&new, now)
        }
    };
    let changed = record != Some(&new);
    (claim, changed.then_some(new))
}

fn claim(record: &mut Record, worker: &str, lease: Duration, budget: Duration, now: u64) -> Claim {
    if record.ended {
        return Claim::Ended;
    }
    let lapsed = record.lease_until <= now;
    match record.stage {
        Stage::Seen => record.deadline = now + millis(budget),
        // The answer to an earlier claim was lost on its way.
        Stage::Claimed if record.worker == worker => {}
        Stage::Claimed if lapsed && fits(record.deadline, now) => {}
        // It still rings, and what its worker lacked, a token or time to shut down, another may have.
        Stage::Failed if record.attempts == 0 && record.worker != worker && fits(record.deadline, now) => {}
        Stage::Claimed if !lapsed && fits(record.deadline, record.lease_until) => {
            return Claim::Taken { again: Some(Duration::from_millis(record.lease_until - now)) };
        }
        _ => return Claim::Taken { again: None },
    }
    if record.worker != worker {
        record.fence += 1;
        worker.clone_into(&mut record.worker);
    }
    record.stage = Stage::Claimed;
    record.lease_until = now + millis(lease);
    won(record, now)
}

fn extend(record: &mut Record, ticket: &Ticket, lease: Duration, stage: Stage, now: u64) -> Claim {
    if record.ended {
        return Claim::Ended;
    }
    let holds = record.worker == ticket.worker && record.fence == ticket.fence && !record.stage.is_final();
    // A store that lost its data has no record: then nobody else has the call either.
    if !holds && record.stage != Stage::Seen {
        return Claim::Taken { again: None };
    }
    ticket.worker.clone_into(&mut record.worker);
    record.fence = ticket.fence;
    record.stage = record.stage.max(stage.min(Stage::Sent));
    record.attempts = record.attempts.max(u32::from(stage == Stage::Sent));
    record.lease_until = now + millis(lease);
    won(record, now)
}

fn finish(record: &mut Record, worker: &str, stage: Stage, attempts: u32, now: u64) -> Claim {
    let unclaimed = record.stage == Stage::Seen;
    if !unclaimed && record.worker != worker {
        return Claim::Taken { again: None };
    }
    if unclaimed {
        worker.clone_into(&mut record.worker);
    }
    if stage > record.stage {
        record.stage = stage;
        record.attempts = record.attempts.max(attempts);
    }
    won(record, now)
}

fn won(record: &Record, now: u64) -> Claim {
    let budget = Duration::from_millis(record.deadline.saturating_sub(now));
    Claim::Won { fence: record.fence, budget }
}

fn fits(deadline: u64, then: u64) -> bool {
    deadline.saturating_sub(then) >= millis(TAKEOVER)
}

/// Room is left for what is added to it.
pub(super) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX / 2)
}
