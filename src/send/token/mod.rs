//! The tokens that Graph wants: of the call's tenant, ready before they are needed, never a reason to lose a call.
//!
//! One rule for their age ([`Life`]) serves the credentials of this crate and those that live in Python. A cache keeps
//! a token for each tenant and lets one request at a time go out for each; [`TokenProvider`] makes that request.

mod answer;
mod authorised;
mod cache;
mod certificate;
mod credential;
mod error;
mod life;
mod provider;

pub use authorised::{Source, send};
pub use cache::{Ask, News, Ticket, TokenCache};
pub use certificate::Certificate;
pub use credential::{Credential, Endpoint, TokenRequest, Want};
pub use error::TokenError;
pub use life::{Advice, Life, patience};
pub use provider::{NoToken, TokenProvider};
