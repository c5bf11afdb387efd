//! A token bucket for retries: while Graph fails for many calls at once, each call still gets its first attempt, but
//! the retries of all together stay few.

use std::sync::atomic::{AtomicU32, Ordering};

use super::retry::Happened;

const FULL: u32 = 500;
const COST: u32 = 5;
const REFILL: u32 = 1;

/// What an attempt after this one costs. What never left burdens nobody; a refused token is renewed once per redirect;
/// asking for the call and sending again are one retry, paid with the first.
pub(super) fn cost(happened: Happened) -> u32 {
    match happened {
        Happened::NotSent | Happened::TokenRefused | Happened::Settled | Happened::StillRinging => 0,
        Happened::Throttled(_)
        | Happened::Ambiguous
        | Happened::AmbiguousAndThrottled
        | Happened::NoWordOfTheCall(_) => COST,
    }
}

/// Shared by the redirects of one client. A hundred retries at once; from then on one for every five redirects that
/// go well at the first attempt. A retry that goes well gives its price back.
#[derive(Debug)]
pub(super) struct Bucket(AtomicU32);

impl Default for Bucket {
    fn default() -> Self {
        Self(AtomicU32::new(FULL))
    }
}

impl Bucket {
    pub(super) fn left(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }

    /// Two at the same moment may take more than there is: then it is empty.
    pub(super) fn take(&self, cost: u32) {
        self.update(|left| left.saturating_sub(cost));
    }

    /// A redirect went well that had paid so much for retries.
    pub(super) fn refill(&self, paid: u32) {
        self.update(|left| left.saturating_add(paid.clamp(REFILL, COST)).min(FULL));
    }

    fn update(&self, to: impl Fn(u32) -> u32) {
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| Some(to(left)));
    }
}
