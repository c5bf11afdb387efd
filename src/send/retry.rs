//! Whether to try again: one pure function.

use std::time::Duration;

/// What an attempt came to, as far as trying again is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Nothing left this machine.
    NotSent,
    /// There is an answer, or there may have been one.
    Settled,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Report the outcome.
    Stop,
    /// Wait, then send the same bytes again.
    After(Duration),
}

const FIRST_WAIT: Duration = Duration::from_millis(50);
// Short, so that hardly any of the budget is left when it is given up.
const LONGEST_WAIT: Duration = Duration::from_millis(250);

/// `attempt` counts from 1. Only what surely never left is sent again, and only while the wait fits the time left.
pub fn next(attempt: u32, ending: Ending, time_left: Duration) -> Next {
    if ending == Ending::Settled {
        return Next::Stop;
    }
    let wait = FIRST_WAIT.saturating_mul(1 << attempt.saturating_sub(1).min(10)).min(LONGEST_WAIT);
    if wait < time_left { Next::After(wait) } else { Next::Stop }
}
