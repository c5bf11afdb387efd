//! Redirect an incoming Microsoft Teams call through Microsoft Graph, inside the 15 seconds there are.
//!
//! The modules stand in the order a call passes through them:
//!
//! ```text
//! notification in -> verify -> parse -> claim -> decide -> validate -> send -> outcome
//!    (adapter)      verify/  notification/ calls/  (user)  redirect/   send/   outcome
//! ```

pub mod verify;

pub mod notification;

pub mod calls;

pub mod redirect;

pub mod send;

pub mod outcome;

pub mod redirector;

pub mod record;

mod error;
mod json;
mod secret;

#[cfg(feature = "simulator")]
pub mod simulator;

#[cfg(feature = "python")]
mod python;

pub use error::ParseError;
pub use secret::{Secret, mask_phone, mask_phones};
