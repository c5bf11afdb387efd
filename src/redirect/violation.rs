//! What the rules report, and the numbers they are given.

use std::fmt;

use serde_json::Value;

use super::ApiVersion;

/// Whether Graph would refuse it, or it merely deserves a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Severity {
    /// The request must not be sent.
    Error,
    /// The request may be sent.
    Warning,
}

impl Severity {
    /// `error` or `warning`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// One broken rule.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Violation {
    /// Stable name of the rule.
    pub code: &'static str,
    /// JSON path in the wire form, such as `$.targets[0].identity.phone.id`.
    pub path: String,
    /// One line for a person; telephone numbers are masked in it.
    pub message: String,
    /// The offending value, unmasked.
    pub value: Value,
    /// Error or warning.
    pub severity: Severity,
}

/// Leaves the value out: it may be a telephone number, and debug output ends up in logs.
impl fmt::Debug for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Violation")
            .field("code", &self.code)
            .field("path", &self.path)
            .field("message", &self.message)
            .field("severity", &self.severity)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.message)
    }
}

/// The numbers Microsoft calls "subject to change" (call: redirect, parameter table).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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

/// The violations found so far, in the order found.
#[derive(Default)]
pub(super) struct Report {
    pub(super) found: Vec<Violation>,
}

impl Report {
    pub(super) fn error(
        &mut self,
        code: &'static str,
        path: impl fmt::Display,
        message: impl Into<String>,
        value: impl Into<Value>,
    ) {
        self.add(code, path, message, value, Severity::Error);
    }

    pub(super) fn warning(
        &mut self,
        code: &'static str,
        path: impl fmt::Display,
        message: impl Into<String>,
        value: impl Into<Value>,
    ) {
        self.add(code, path, message, value, Severity::Warning);
    }

    pub(super) fn not_in_version(&mut self, name: &str, version: ApiVersion, value: impl Into<Value>) {
        let message =
            format!("{} has no {name}; leave it out, or use api_version=\"beta\"", version.as_str());
        self.error("field_not_in_version", format_args!("$.{name}"), message, value);
    }

    pub(super) fn add(
        &mut self,
        code: &'static str,
        path: impl fmt::Display,
        message: impl Into<String>,
        value: impl Into<Value>,
        severity: Severity,
    ) {
        let (path, message, value) = (path.to_string(), message.into(), value.into());
        self.found.push(Violation { code, path, message, value, severity });
    }
}
