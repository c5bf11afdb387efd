//! How long a token is used, and when a newer one is fetched: pure rules.

use std::time::Duration;

use crate::send::clock::Instant;

/// Below this a token might end on its way to Graph.
const MARGIN: Duration = Duration::from_secs(60);
/// A refresh that brought nothing newer is tried again between these.
const SOONEST: Duration = Duration::from_secs(1);
const LATEST: Duration = Duration::from_secs(60);
/// No token lives longer; what claims to is asked for again in time.
const LONGEST: Duration = Duration::from_secs(7 * 86_400);

/// How long a call that has so much time left waits for a newer token while it has one that is about to end: the
/// greater part of its time is for Graph.
pub fn patience(left: Duration) -> Duration {
    left / 10
}

/// The life of a token, on the monotonic clock: changes of the wall clock neither end nor prolong it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Life {
    expires: Instant,
    refresh_at: Instant,
    margin: Duration,
}

/// What to do with a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Advice {
    /// It is fresh.
    Use,
    /// It is good, and time to fetch the next one beside it.
    UseAndRefresh,
    /// Wait for another: this one may end before it arrives.
    Wait,
}

impl Life {
    /// Of a token received now that lives so long. Due for a refresh at half its life, by up to a tenth later:
    /// `jitter` is from 0 to 1, so that many processes do not come at once.
    pub fn new(now: Instant, lifetime: Duration, jitter: f64) -> Self {
        let lifetime = lifetime.min(LONGEST);
        let wait = lifetime.mul_f64(0.5 + 0.1 * jitter.clamp(0.0, 1.0));
        // A token that lives for less than a few minutes is still used for most of its life.
        Self { expires: now + lifetime, refresh_at: now + wait, margin: MARGIN.min(lifetime / 4) }
    }

    /// What to do with it at this moment.
    pub fn advice(&self, now: Instant) -> Advice {
        if now + self.margin >= self.expires {
            Advice::Wait
        } else if now >= self.refresh_at {
            Advice::UseAndRefresh
        } else {
            Advice::Use
        }
    }

    /// A refresh failed or brought the same token: the next one comes the sooner the less life is left.
    pub fn put_off(&mut self, now: Instant, jitter: f64) {
        let left = self.expires.saturating_duration_since(now);
        let wait = (left / 20).mul_f64(0.5 + jitter.clamp(0.0, 1.0));
        self.refresh_at = now + wait.clamp(SOONEST, LATEST);
    }

    /// Whether it has not ended: good enough when there is no other.
    pub fn alive(&self, now: Instant) -> bool {
        now < self.expires
    }

    /// When the next one is due.
    pub fn refresh_at(&self) -> Instant {
        self.refresh_at
    }
}
