//! The request itself: inside the deadline, and honest about what became of it.

mod answer;
mod budget;
mod client;
pub mod clock;
mod cloud;
mod deadline;
mod process;
pub mod retry;
mod sending;
pub mod token;
pub mod transport;

pub use client::{Endpoint, Prepared, Unsendable, check_token};
pub use cloud::{BadAddress, Cloud, address};
pub use deadline::{BUDGET, Deadline};
pub use process::{PerProcess, after_fork, before_fork, unforked};
pub use sending::{Retries, Sending, Step};
