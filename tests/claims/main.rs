//! Whose call it is: the rules, the stores that keep to them, and a worker's life with both.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod desk;
#[cfg(feature = "redis")]
mod redis;
mod rules;
#[cfg(feature = "redis")]
mod server;
#[cfg(feature = "sqlite")]
mod sqlite;
mod stores;

use std::time::Duration;

use callredirect::calls::{CallKey, Claim, Stage, Ticket};

pub(crate) const LEASE: Duration = Duration::from_secs(2);
pub(crate) const BUDGET: Duration = Duration::from_secs(13);

pub(crate) fn key(name: &str) -> CallKey {
    CallKey { key: name.to_ascii_lowercase(), call_id: name.to_owned() }
}

pub(crate) fn ticket(worker: &str, fence: u64) -> Ticket {
    Ticket { worker: worker.to_owned(), fence }
}

pub(crate) fn won(fence: u64, budget: Duration) -> Claim {
    Claim::Won { fence, budget }
}

pub(crate) const TAKEN: Claim = Claim::Taken { again: None };

pub(crate) const FINAL: [Stage; 7] = [
    Stage::Unknown,
    Stage::Expired,
    Stage::Failed,
    Stage::LeftAlone,
    Stage::Gone,
    Stage::Rejected,
    Stage::Accepted,
];
