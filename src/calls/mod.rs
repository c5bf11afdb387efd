//! What we know of each call, and whose it is.

mod claim;
mod desk;
mod lifecycle;
pub mod protocol;
mod registry;
mod settlement;
mod store;

pub use claim::{CallKey, ClaimStore, Owed, StoreFault};
pub use desk::{ClaimDesk, Grant, LEASE, OnFault, PATIENCE};
pub use lifecycle::{Step, Told, TrackedCall};
pub use protocol::{Claim, Move, Record, Stage, Ticket};
pub use registry::Calls;
pub use settlement::Settlement;
pub use store::*;
