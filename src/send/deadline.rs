//! The budget: 15 seconds from the arrival of the notification, less what delivery and clocks may have eaten.

use std::time::Duration;

use super::clock::{self, Arrival, Instant};

/// 15 s that Graph gives, less 2 s for delivery, network and skew.
pub const BUDGET: Duration = Duration::from_secs(13);

/// The moment after which nothing is sent and nobody waits. Monotonic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Deadline(Instant);

impl Deadline {
    /// For a call whose notification arrived then.
    pub fn of(arrival: Arrival) -> Self {
        Self(arrival.at + BUDGET)
    }

    /// So long from now.
    pub fn after(time: Duration) -> Self {
        let now = clock::now();
        // A wait beyond what the clock can hold is as good as a day.
        Self(now.checked_add(time).unwrap_or(now + Duration::from_secs(86_400)))
    }

    /// The moment itself.
    pub fn at(self) -> Instant {
        self.0
    }

    /// Time left, zero when it has passed.
    pub fn remaining(self) -> Duration {
        self.0.saturating_duration_since(clock::now())
    }

    /// Whether it is too late.
    pub fn passed(self) -> bool {
        self.remaining().is_zero()
    }
}
