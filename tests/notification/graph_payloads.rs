//! Notifications as Microsoft's documentation printed them from 2018 to 2024.

use std::path::Path;

use callredirect::notification::{Document, Event, ParseOptions, Refusal};

use crate::common::corpus;
use crate::{lenient, strict};

struct Row {
    file: String,
    kind: String,
    text: String,
    strict: bool,
    note: String,
}

fn rows(folder: &Path) -> Vec<Row> {
    let index = std::fs::read_to_string(folder.join("index.tsv")).unwrap();
    let rows = index.lines().skip(1).map(|line| {
        let cells: Vec<&str> = line.split('\t').collect();
        let text = std::fs::read_to_string(folder.join(cells[0])).unwrap();
        let [file, kind, note] = [cells[0], cells[1], cells[6]].map(str::to_owned);
        Row { file, kind, text, strict: cells[2] == "yes", note }
    });
    rows.collect()
}

/// What the index calls a notification, as an event.
fn expected(row: &Row) -> Event {
    match row.kind.as_str() {
        "notification.call.incoming" => Event::IncomingCall,
        "notification.call.terminated" | "notification.call.deleted-minimal" => Event::CallEnded,
        "notification.participants" => Event::ParticipantsChanged,
        "notification.operation" => Event::OperationEnded,
        "notification.contentSharing" => Event::ContentSharingChanged,
        "notification.single" if row.file.contains("incoming") => Event::IncomingCall,
        kind if kind.starts_with("notification.call.") || kind == "notification.single" => Event::CallUpdated,
        kind => panic!("{}: unknown kind {kind}", row.file),
    }
}

#[test]
fn every_notification_is_read_and_named() {
    let Some(folder) = corpus("graph_payloads") else { return };
    let mut read = 0;
    for row in rows(&folder).iter().filter(|row| row.kind.starts_with("notification.")) {
        let body = row.text.as_bytes();
        let notes = if row.strict { strict(body) } else { lenient(body) };
        let notes = notes.unwrap_or_else(|refusal| panic!("{}: {refusal:?}", row.file));
        assert!(!notes.is_empty(), "{}", row.file);
        for note in &notes {
            assert_eq!(note.problem, None, "{}", row.file);
            assert_eq!(note.event, expected(row), "{}", row.file);
            assert!(note.call_id().is_some(), "{}", row.file);
        }
        read += 1;
    }
    assert!(read >= 50, "only {read} notifications in the index");
}

#[test]
fn the_text_survives() {
    let Some(folder) = corpus("graph_payloads") else { return };
    for row in rows(&folder).iter().filter(|row| row.strict) {
        let depth = ParseOptions::default().max_depth;
        let doc = Document::parse(&row.text, depth);
        let doc = doc.unwrap_or_else(|error| panic!("{}: {error}", row.file));
        assert_eq!(doc.root().raw(), row.text.trim(), "{}", row.file);
    }
}

#[test]
fn what_is_not_strict_json_is_refused_where_the_slip_is_and_read_leniently() {
    let Some(folder) = corpus("graph_payloads") else { return };
    let mut refused = 0;
    for row in rows(&folder).iter().filter(|row| !row.strict) {
        let Err(Refusal::Malformed(error)) = strict(row.text.as_bytes()) else {
            panic!("{} accepted", row.file)
        };
        let place = format!("line {} column {} ", error.line, error.column);
        assert!(row.note.contains(&place), "{}: {place}but {}", row.file, row.note);
        // Requests and call resources are no notification bodies, but with their slips gone they are JSON.
        if let Err(refusal) = lenient(row.text.as_bytes()) {
            assert!(!row.kind.starts_with("notification."), "{}: {refusal:?}", row.file);
            assert!(matches!(&refusal, Refusal::Malformed(error) if error.line == 0), "{refusal:?}");
        }
        refused += 1;
    }
    assert!(refused >= 12, "only {refused}");
}
