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
