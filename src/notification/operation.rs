//! An operation of a call: a prompt played, a participant invited, a recording made.

use std::borrow::Cow;

use super::call::canonical;
use crate::json::Node;

const STATUSES: [&str; 4] = ["notStarted", "running", "completed", "failed"];

/// A `commsOperation` or one of its kinds.
#[derive(Clone, Copy)]
pub struct Operation<'a>(pub Node<'a>);

impl<'a> Operation<'a> {
    /// `notStarted`, `running`, `completed`, `failed`, or as it came.
    pub fn status(self) -> Option<Cow<'a, str>> {
        Some(canonical(self.0.str("status")?, &STATUSES))
    }

    /// Whether it is over, well or not.
    pub fn ended(self) -> bool {
        self.status().is_some_and(|status| matches!(status.as_ref(), "completed" | "failed"))
    }
}
