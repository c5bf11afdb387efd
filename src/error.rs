//! Errors that more than one step raises.

use std::fmt;

/// Text that could not be read: where, and why. Never carries the text itself beyond a short excerpt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    /// What is wrong, in one line.
    pub reason: String,
    /// JSON path of the value at fault, `$` being the whole text.
    pub path: String,
    /// 1-based line, 0 when the fault has no place in the text.
    pub line: usize,
    /// 1-based column in characters, 0 when the fault has no place in the text.
    pub column: usize,
}

impl ParseError {
    /// A fault that has no place in a text.
    pub(crate) fn unplaced(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), path: "$".into(), line: 0, column: 0 }
    }

    /// For a text that nobody saw, as it was made for the occasion: its places would only confuse.
    #[cfg(feature = "python")]
    pub(crate) fn without_place(self) -> Self {
        Self { line: 0, column: 0, ..self }
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.reason, self.path)?;
        if self.line > 0 {
            write!(f, " (line {}, column {})", self.line, self.column)?;
        }
        Ok(())
    }
}

impl std::error::Error for ParseError {}
