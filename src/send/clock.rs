//! The clock: the one place that reads it, so that tests can pause and move it.
#![allow(clippy::disallowed_methods, reason = "this is the replacement the lint points to")]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub use tokio::time::Instant;

/// Monotonic time; under a paused tokio runtime, the time of the test.
pub fn now() -> Instant {
    Instant::now()
}

/// Wall-clock time in seconds since 1970, for tokens and for people; never for deadlines.
pub fn unix() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

/// The longest time that anybody may ask for: no clock counts as far as a `Duration` does.
pub const YEAR: Duration = Duration::from_secs(365 * 86_400);

/// The moment a notification arrived. Monotonic: what deadlines count from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Arrival {
    /// The moment itself.
    pub at: Instant,
}

impl Arrival {
    /// This moment.
    pub fn now() -> Self {
        Self { at: now() }
    }

    /// So many seconds ago; an age that is negative or not a number counts as 0, one beyond a year as a year.
    pub fn ago(seconds: f64) -> Self {
        let age = Duration::try_from_secs_f64(seconds.clamp(0.0, YEAR.as_secs_f64())).unwrap_or_default();
        let this = Self::now();
        // Some clocks begin when the machine starts: as far back as they go, for old must not become new.
        let at = (0..32).find_map(|halvings| this.at.checked_sub(age / (1 << halvings)));
        Self { at: at.unwrap_or(this.at) }
    }

    /// In seconds since 1970, as the wall clock stands now: what survives pickling and is shown to people.
    pub fn unix(self) -> f64 {
        unix() - self.elapsed().as_secs_f64()
    }

    /// Seconds from the arrival until now.
    pub fn elapsed(self) -> Duration {
        now().saturating_duration_since(self.at)
    }
}
