//! One redirect per call: whoever claims a call first may redirect it, as long as its claim holds.

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use super::protocol::{Claim, Move, Record, Stage, Ticket};

/// An answer that a store owes.
pub type Owed<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreFault>> + Send + 'a>>;

/// Why a store gave no answer. Names no address: those have passwords in them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreFault {
    /// One line.
    pub reason: String,
    /// Whether only this call's record is at fault; the store may well answer about others.
    pub of_record: bool,
}

impl StoreFault {
    /// The store as a whole does not work.
    pub fn of_store(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), of_record: false }
    }

    /// What the store has of this call is nothing that can be used.
    pub fn of_record(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), of_record: true }
    }
}

impl fmt::Display for StoreFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for StoreFault {}

/// A call, as a store is asked about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallKey {
    /// What its records are kept under: [`crate::notification::id_key`] of the id.
    pub key: String,
    /// The id as it came.
    pub call_id: String,
}

/// Where claims are kept. The rules are those of [`super::protocol::apply`]; a store makes one application of them
/// atomic, and durable as far as it can.
pub trait ClaimStore: Send + Sync {
    /// Applies a move to the call's record, which no other move may change meanwhile.
    fn apply(&self, call: &CallKey, step: Move) -> Owed<'_, Claim>;

    /// The call's record.
    fn get(&self, key: &str) -> Owed<'_, Option<Record>>;

    /// Calls whose worker is gone and never said how they ended.
    fn unfinished(&self) -> Owed<'_, Vec<Record>>;

    /// Whether it answers at once, because it reaches no further than this process.
    fn is_local(&self) -> bool {
        false
    }

    /// Claims a call that has so much time left.
    fn claim(&self, call: &CallKey, worker: &str, lease: Duration, budget: Duration) -> Owed<'_, Claim> {
        self.apply(call, Move::Claim { worker: worker.to_owned(), lease, budget })
    }

    /// Holds a claim longer; with [`Stage::Sent`], also says that a request is about to leave.
    fn extend(&self, call: &CallKey, ticket: &Ticket, lease: Duration, stage: Stage) -> Owed<'_, Claim> {
        self.apply(call, Move::Extend { ticket: ticket.clone(), lease, stage })
    }

    /// Says how the redirect ended.
    fn finish(&self, call: &CallKey, worker: &str, stage: Stage, attempts: u32) -> Owed<'_, Claim> {
        self.apply(call, Move::Finish { worker: worker.to_owned(), stage, attempts })
    }

    /// Notes that the call itself ended, so that a late `created` claims nothing; and whether it was redirected, as far
    /// as its end says so, for the worker that sent and heard nothing.
    fn end(&self, call: &CallKey, redirected: Option<bool>) -> Owed<'_, Claim> {
        self.apply(call, Move::End { redirected })
    }
}
