//! Where the call should go: the model of the redirect request, its rules, its wire form.

mod target;
mod validate;
mod wire;

pub use target::{Redirect, Target};
pub use validate::{Limits, Severity, Violation};
pub use wire::ApiVersion;
