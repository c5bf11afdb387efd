//! An operation of a call: a prompt played, a participant invited, a recording made.

use std::borrow::Cow;

use super::open_set::OPERATION_STATUS;
use crate::json::Node;

/// A `commsOperation` or one of its kinds.
#[derive(Clone, Copy)]
pub struct Operation<'a>(pub Node<'a>);

impl<'a> Operation<'a> {
    /// The kind, out of `@odata.type`: `playPrompt` for `#microsoft.graph.playPromptOperation`.
    pub fn name(self) -> Option<Cow<'a, str>> {
        let full = self.0.str("@odata.type")?;
        let name = full.rsplit('.').next().unwrap_or_default();
        Some(Cow::Owned(name.strip_suffix("Operation").unwrap_or(name).to_owned()))
    }

    /// Whether it is over, well or not.
    pub fn ended(self) -> bool {
        let status = self.0.str("status");
        status
            .is_some_and(|status| matches!(OPERATION_STATUS.spelling(&status), Some("completed" | "failed")))
    }
}
