//! What the fuzzer has found or starts from, through the same oracles: no cargo-fuzz and no nightly compiler needed.

use std::fs;
use std::panic::catch_unwind;
use std::path::Path;

use crate::{jwks_oracle, token_oracle};

fn replay(target: &str, check: fn(&[u8])) {
    let mut passed = 0;
    let mut faulty = Vec::new();
    for folder in [format!("fuzz/corpus/{target}"), format!("fuzz/artifacts/{target}")] {
        let Ok(entries) = fs::read_dir(Path::new(&folder)) else { continue };
        for entry in entries {
            let path = entry.unwrap().path();
            let bytes = fs::read(&path).unwrap();
            match catch_unwind(|| check(&bytes)) {
                Ok(()) => passed += 1,
                Err(_) => faulty.push(path.display().to_string()),
            }
        }
    }
    assert!(faulty.is_empty(), "judged otherwise than they should be (why is above):\n{}", faulty.join("\n"));
    assert!(passed > 8, "{passed} inputs for {target}");
}

#[test]
fn tokens() {
    replay("token", token_oracle::check);
}

#[test]
fn key_sets() {
    replay("jwks", jwks_oracle::check);
}

#[test]
fn the_oracle_itself_knows_a_genuine_token() {
    let genuine = fs::read("fuzz/corpus/token/genuine").unwrap();
    let at = genuine.iter().position(|byte| *byte == b'\n').unwrap();
    let token = token_oracle::sign(&genuine[..at], &genuine[at + 1..]);
    assert!(token_oracle::judge(&format!("Bearer {token}")).is_some());
}
