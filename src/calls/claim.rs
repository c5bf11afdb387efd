//! One redirect per call: whoever claims a call id first may redirect it.

/// What a claim came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// The call is yours.
    Won,
    /// Somebody has it already: a repeated delivery, or another worker.
    Taken,
    /// The call ended before it could be claimed.
    Ended,
}

/// Where claims are kept. Ids are keys as [`crate::notification::id_key`] makes them.
pub trait ClaimStore: Send + Sync {
    /// Claims a call.
    fn claim(&self, key: &str) -> Claim;

    /// Notes that a call has ended, so that a late `created` claims nothing.
    fn end(&self, key: &str);
}
