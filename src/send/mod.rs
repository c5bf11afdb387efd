//! The request itself: inside the deadline, and honest about what became of it.

mod client;
pub mod clock;
mod cloud;
mod deadline;
mod process;
pub mod retry;
pub mod token;
pub mod transport;

pub use client::{Endpoint, Prepared, Unsendable, check_token, send};
pub use cloud::{BadAddress, Cloud, address};
pub use deadline::{BUDGET, Deadline};
pub use process::PerProcess;
