//! What we know of each call, and whose it is.

mod claim;
mod lifecycle;
mod store;

pub use claim::{Claim, ClaimStore};
pub use lifecycle::{Calls, Settlement, Step, Told, TrackedCall};
pub use store::MemoryStore;
