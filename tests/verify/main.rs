//! Tokens that must be accepted, and everything that must not.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, clippy::needless_pass_by_value)]

#[path = "../common/mod.rs"]
mod common;

mod attacks;
mod binding;
mod corpora;
mod jwks_oracle;
mod keys;
mod replay;
mod signing;
mod token_oracle;
mod tokens;
