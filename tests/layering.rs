//! Who may name what. A word outside its home is a rule about to be written twice.

#![allow(clippy::unwrap_used)]

use std::{fs, path::Path};

/// A word, the only places under `src/` that may name it, and why.
const HOMES: &[(&str, &[&str], &str)] = &[
    ("pyo3", &["python/"], "Python lives in one folder"),
    ("hyper", &["send/transport/"], "one transport"),
    ("hyper_rustls", &["send/transport/"], "one transport"),
    ("hyper_util", &["send/transport/"], "one transport"),
    ("reqwest", &["simulator/line.rs"], "one transport, and the simulator's line to the bot"),
    ("rustls", &["send/transport/"], "one transport"),
    ("axum", &["simulator/"], "only the simulator is a server"),
    ("Instant::now", &["send/clock.rs", "simulator/"], "time comes from the clock"),
    ("SystemTime", &["send/clock.rs", "simulator/"], "time comes from the clock"),
];

/// The pieces work alone: none knows what composes them.
const PIECES: &[&str] = &["verify/", "notification/", "redirect/", "send/", "calls/"];

#[test]
fn every_word_stays_in_its_home() {
    let mut faults = Vec::new();
    visit(Path::new("src"), &mut |path, number, line| {
        let mut fault = |word, why| faults.push(format!("src/{path}:{number} names `{word}`: {why}"));
        for &(word, homes, why) in HOMES {
            if names(line, word) && !homes.iter().any(|home| path.starts_with(home)) {
                fault(word, why);
            }
        }
        if PIECES.iter().any(|piece| path.starts_with(piece)) {
            for word in ["redirector", "Redirector"] {
                if names(line, word) {
                    fault(word, "the pieces do not know their composition");
                }
            }
        }
    });
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn a_word_is_found_only_whole() {
    assert!(names("use pyo3::prelude::*;", "pyo3"));
    assert!(names("let t = tokio::time::Instant::now();", "Instant::now"));
    assert!(!names("let t = self.my_pyo3_thing;", "pyo3"));
    assert!(!names("let t = Instant::nowhere();", "Instant::now"));
}

/// Calls `see` with the path under `src/`, the number and the text of every line that is not a comment.
fn visit(folder: &Path, see: &mut impl FnMut(&str, usize, &str)) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            visit(&path, see);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix("src").unwrap().to_str().unwrap().replace('\\', "/");
            for (index, line) in fs::read_to_string(&path).unwrap().lines().enumerate() {
                let code = line.split(" // ").next().unwrap_or_default();
                if !code.trim_start().starts_with("//") {
                    see(&name, index + 1, code);
                }
            }
        }
    }
}

fn names(line: &str, word: &str) -> bool {
    let in_word = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word)
        .any(|(at, _)| !line[..at].ends_with(in_word) && !line[at + word.len()..].starts_with(in_word))
}
