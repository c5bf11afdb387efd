//! Bytes to typed events: the specification's notifications, the corpora, and every rule of the reader by itself.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use callredirect::ParseError;
use callredirect::notification::{Document, Notification, ParseOptions, Refusal, parse};
use callredirect::send::clock::Arrival;

#[path = "../common/mod.rs"]
mod common;

mod call;
mod differential;
mod envelope;
mod graph_payloads;
mod hostile_bodies;
mod json_suite;
mod lenient;
mod node;
mod oracle;
mod places;
mod replay;
mod resource;
mod specification;

fn strict(body: &[u8]) -> Result<Vec<Notification>, Refusal> {
    parse(body, &ParseOptions::default(), Arrival::now())
}

fn lenient(body: &[u8]) -> Result<Vec<Notification>, Refusal> {
    parse(body, &ParseOptions { lenient: true, ..ParseOptions::default() }, Arrival::now())
}

fn document(text: &str) -> Result<Document, ParseError> {
    Document::parse(text, ParseOptions::default().max_depth)
}

/// The six notifications of the specification, as printed there.
const EXAMPLES: [(&str, &str); 6] = [
    ("ex1-incoming", include_str!("../fixtures/notification/ex1-incoming.json")),
    ("ex1-terminated", include_str!("../fixtures/notification/ex1-terminated.json")),
    ("ex2-incoming", include_str!("../fixtures/notification/ex2-incoming.json")),
    ("ex2-terminated", include_str!("../fixtures/notification/ex2-terminated.json")),
    ("ex3-incoming", include_str!("../fixtures/notification/ex3-incoming.json")),
    ("ex3-terminated", include_str!("../fixtures/notification/ex3-terminated.json")),
];
