//! Where the call should go: the model of the redirect request, its rules, its wire form.
//!
//! ```
//! use callredirect::redirect::{ApiVersion, Limits, Redirect, Target};
//!
//! let redirect = Redirect {
//!     timeout: Some(30),
//!     ..Redirect::to([Target::phone("+12345678901")])
//! };
//! assert!(redirect.violations(ApiVersion::V1, &Limits::default()).is_empty());
//! assert!(redirect.to_json().ends_with(r#""timeout":30}"#));
//! ```

mod callback_uri;
mod read;
mod target;
mod validate;
mod violation;
mod wire;

pub use callback_uri::masked_uri;
pub use target::{Redirect, Target};
pub use violation::{Limits, Severity, Violation};
pub use wire::ApiVersion;
