#![no_main]

#[path = "../../tests/verify/jwks_oracle.rs"]
mod jwks_oracle;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| jwks_oracle::check(bytes));
