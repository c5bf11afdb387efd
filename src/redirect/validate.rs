//! Every rule of the request, reported all at once.

use serde_json::Value;

use super::{ApiVersion, Redirect};

/// Whether Graph would refuse it, or it merely deserves a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The request must not be sent.
    Error,
    /// The request may be sent.
    Warning,
}

/// One broken rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Violation {
    /// Stable name of the rule.
    pub code: &'static str,
    /// JSON path in the wire form, such as `$.targets[0].identity.phone.id`.
    pub path: String,
    /// One line for a person.
    pub message: String,
    /// The offending value.
    pub value: Value,
    /// Error or warning.
    pub severity: Severity,
}

/// The numbers Microsoft calls "subject to change".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// 25
    pub max_targets: usize,
    /// 15 s
    pub min_timeout: i64,
    /// 90 s
    pub max_timeout: i64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_targets: 25, min_timeout: 15, max_timeout: 90 }
    }
}

impl Redirect {
    /// Every violation, errors and warnings, in the order of the wire form.
    pub fn violations(&self, _version: ApiVersion, _limits: &Limits) -> Vec<Violation> {
        Vec::new()
    }
}
