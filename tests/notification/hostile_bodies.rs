//! Bodies that a stranger may POST: nothing panics, nothing hostile becomes a call, nothing genuine is lost.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use callredirect::notification::{Event, Notification, Refusal, is_id};
use serde_json::Value;

use crate::common::corpus;
use crate::{lenient, strict};

fn incoming(note: &Notification) -> bool {
    note.event == Event::IncomingCall
}

fn as_expected(expect: &str, read: &Result<Vec<Notification>, Refusal>) -> bool {
    match (expect, read) {
        ("redirectable", Ok(notes)) => {
            notes.iter().any(|note| incoming(note) && note.call_id().is_some_and(|id| is_id(&id)))
        }
        ("ignore", Ok(notes)) => !notes.iter().any(incoming),
        ("reject", Ok(notes)) => {
            notes.iter().all(|note| note.event == Event::Other && note.problem.is_some())
        }
        ("reject", Err(refusal)) => !matches!(refusal, Refusal::Legacy(_)),
        ("legacy", Err(refusal)) => matches!(refusal, Refusal::Legacy(_)),
        ("either", _) => true,
        _ => false,
    }
}

#[test]
fn every_body_ends_as_its_row_says() {
    let Some(folder) = corpus("notification_bodies") else { return };
    let rows = std::fs::read(folder.join("bodies.json")).unwrap();
    let rows: Vec<Value> = serde_json::from_slice(&rows).unwrap();
    assert!(rows.len() >= 173);
    let mut wrong = Vec::new();
    for row in &rows {
        let body = STANDARD.decode(row["body_b64"].as_str().unwrap()).unwrap();
        let read = strict(&body);
        if !as_expected(row["expect"].as_str().unwrap(), &read) {
            wrong.push(format!("{} {} ({}): {read:?}", row["id"], row["expect"], row["why"]));
        }
        let tolerant = lenient(&body);
        for note in read.iter().chain(&tolerant).flatten() {
            assert!(note.call_id().is_none_or(|id| is_id(&id)), "{}", row["id"]);
            assert!(note.url_call_id().is_none_or(|id| is_id(&id)), "{}", row["id"]);
            // A reason is given only for what could not be read, and an incoming call always has an id.
            assert!(note.problem.is_none() || note.event == Event::Other, "{}", row["id"]);
            assert!(!incoming(note) || note.call_id().is_some(), "{}", row["id"]);
        }
    }
    assert!(wrong.is_empty(), "{} rows:\n{}", wrong.len(), wrong.join("\n"));
}
