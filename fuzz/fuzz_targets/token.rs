#![no_main]

#[path = "../../tests/verify/token_oracle.rs"]
mod token_oracle;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| token_oracle::check(bytes));
