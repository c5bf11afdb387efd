//! `JSONTestSuite`: what must be accepted, what must be refused, and the same verdicts as `serde_json`.

use std::path::PathBuf;

use callredirect::notification::{Document, Refusal};
use serde::de::IgnoredAny;

use crate::common::corpus;
use crate::{document, strict};

fn files() -> Option<Vec<(String, Vec<u8>)>> {
    let folder = corpus("JSONTestSuite")?.join("test_parsing");
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let read = |path: PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        (name, std::fs::read(path).unwrap())
    };
    Some(paths.into_iter().map(read).collect())
}

#[test]
fn y_is_accepted_and_n_is_refused() {
    let Some(files) = files() else { return };
    let (mut accepted, mut refused) = (0, 0);
    for (name, bytes) in files {
        let Ok(text) = std::str::from_utf8(&bytes) else {
            assert!(!name.starts_with("y_"), "{name}");
            assert!(matches!(strict(&bytes), Err(Refusal::Malformed(error)) if error.line > 0), "{name}");
            refused += usize::from(name.starts_with("n_"));
            continue;
        };
        let verdict = document(text);
        match name.get(..2) {
            Some("y_") => {
                assert!(verdict.is_ok(), "{name}: {verdict:?}");
                accepted += 1;
            }
            Some("n_") => {
                assert!(verdict.is_err(), "{name} accepted");
                refused += 1;
            }
            _ => {}
        }
    }
    assert!(accepted >= 95 && refused >= 188, "{accepted} accepted, {refused} refused");
}

#[test]
fn the_verdicts_are_those_of_serde_json() {
    let Some(files) = files() else { return };
    for (name, bytes) in files {
        let Ok(text) = std::str::from_utf8(&bytes) else { continue };
        let verdict = Document::parse(text, usize::MAX).is_ok();
        assert_eq!(verdict, serde_json::from_str::<IgnoredAny>(text).is_ok(), "{name}");
        if let Err(error) = serde_json::from_str::<serde_json::Value>(text) {
            // Kept as text here, so neither half an emoji nor a number beyond f64 loses a call.
            let kept = verdict && name.starts_with("i_") && crate::oracle::kept_here(&error);
            let deep = name == "i_structure_500_nested_arrays.json";
            assert!(!verdict || kept || deep, "{name}: {error}");
        } else {
            assert!(verdict, "{name}");
        }
    }
}
