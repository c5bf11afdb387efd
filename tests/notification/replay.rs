//! What the fuzzer has found or starts from, through the same oracle: no cargo-fuzz and no nightly compiler needed.

use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::common::corpus;
use crate::oracle::check;

/// All files under a folder, with their names; none if it does not exist.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let (folders, files): (Vec<_>, Vec<_>) = paths.into_iter().partition(|path| path.is_dir());
    let read = |path: PathBuf| (path.display().to_string(), fs::read(path).unwrap());
    files.into_iter().map(read).chain(folders.iter().flat_map(|folder| self::files(folder))).collect()
}

fn pass(inputs: Vec<(String, Vec<u8>)>) {
    let faulty = |(name, bytes): (String, Vec<u8>)| catch_unwind(|| check(&bytes)).is_err().then_some(name);
    let faulty: Vec<_> = inputs.into_iter().filter_map(faulty).collect();
    assert!(
        faulty.is_empty(),
        "read otherwise than they should be (the reasons are above):\n{}",
        faulty.join("\n")
    );
}

#[test]
fn the_committed_corpus_and_what_once_failed() {
    let corpus = files(Path::new("fuzz/corpus/notification"));
    assert!(corpus.len() > 20, "fuzz/corpus/notification has {} files", corpus.len());
    pass(corpus);
    pass(files(Path::new("fuzz/artifacts/notification")));
}

#[test]
fn the_fixtures_whole_and_cut_short() {
    let mut inputs = files(Path::new("tests/fixtures/notification"));
    inputs.extend(files(Path::new("tests/fixtures/redirect")));
    assert!(inputs.len() >= 9, "{} fixtures", inputs.len());
    for (name, bytes) in inputs.clone() {
        let cuts = (0..bytes.len()).step_by(37);
        inputs.extend(cuts.map(|cut| (format!("{name}, {cut} bytes of it"), bytes[..cut].to_vec())));
    }
    pass(inputs);
}

#[test]
fn the_corpora() {
    for name in ["JSONTestSuite", "graph_payloads"] {
        pass(corpus(name).map(|folder| files(&folder)).unwrap_or_default());
    }
    let Some(folder) = corpus("notification_bodies") else { return };
    let rows: Vec<Value> = serde_json::from_slice(&fs::read(folder.join("bodies.json")).unwrap()).unwrap();
    let text = |row: &Value, name: &str| row[name].as_str().unwrap_or_default().to_owned();
    let bodies =
        rows.iter().map(|row| (row["id"].to_string(), STANDARD.decode(text(row, "body_b64")).unwrap()));
    pass(bodies.collect());
}
