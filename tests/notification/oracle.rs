//! What must hold for any bytes at all. The fuzz target and `replay.rs` both call [`check`]; no rule of it is elsewhere.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt::{Debug, Write as _};

use callredirect::ParseError;
use callredirect::notification::{
    Document, Event, Identity, Json, Kind, Node, Notification, ParseOptions, ParticipantInfo, Refusal, is_id,
    parse,
};
use callredirect::redirect::{ApiVersion, Limits, Redirect};
use callredirect::send::clock::Arrival;
use callredirect::verify::KeySet;
use serde::de::IgnoredAny;
use serde_json::Value;

/// How much of a stranger's text an error may show.
const EXCERPT: usize = 200;
const MAX_DEPTH: usize = 64;

/// Panics if anything reads these bytes otherwise than it should.
pub(crate) fn check(bytes: &[u8]) {
    let strict = read(bytes, false);
    let lenient = read(bytes, true);
    let text = std::str::from_utf8(bytes);
    for body in [&strict, &lenient] {
        match body {
            Ok(notes) => notes.iter().for_each(check_item),
            Err(Refusal::TooLarge(error)) => {
                assert!(bytes.len() > ParseOptions::default().max_bytes, "{error}");
            }
            Err(Refusal::Malformed(error) | Refusal::Legacy(error)) => check_place(error, bytes),
        }
    }
    let json = text.ok().and_then(check_json);
    match (&json, &strict) {
        (None, Ok(_)) => panic!("a body that is no JSON"),
        (Some(doc), Ok(notes)) => assert_eq!(notes.len(), items(doc.root()), "items were lost"),
        (Some(doc), Err(Refusal::Malformed(error) | Refusal::Legacy(error))) => {
            assert_ne!(doc.root().kind(), Kind::Array, "a list is a body: {error}");
        }
        (None, Err(_)) | (Some(_), Err(Refusal::TooLarge(_))) => {}
    }
    if json.is_some() {
        // JSON has no slips to forgive.
        assert_eq!(strict.as_deref().map(all), lenient.as_deref().map(all));
    }
    check_decided(bytes, json.is_some());
}

fn read(bytes: &[u8], lenient: bool) -> Result<Vec<Notification>, Refusal> {
    parse(bytes, &ParseOptions { lenient, ..ParseOptions::default() }, Arrival::now())
}

/// All that is made of an item, for comparison.
fn told(note: &Notification) -> impl PartialEq + Debug {
    (note.json.node().raw(), note.event, &note.problem, note.call_id(), note.url_call_id())
}

fn all(notes: &[Notification]) -> Vec<impl PartialEq + Debug> {
    notes.iter().map(told).collect()
}

fn items(body: Node<'_>) -> usize {
    let list = if body.kind() == Kind::Array { Some(body) } else { body.get("value") };
    list.map_or(1, |list| list.items().count())
}

/// The reader of JSON against `serde_json`; what was read, if it is JSON and not too deep.
fn check_json(text: &str) -> Option<Document> {
    let bounded = Document::parse(text, MAX_DEPTH);
    let unbounded = Document::parse(text, usize::MAX);
    let theirs = serde_json::from_str::<IgnoredAny>(text);
    assert_eq!(unbounded.is_ok(), theirs.is_ok(), "{unbounded:?}, serde_json {theirs:?}");
    assert_eq!(bounded.is_ok(), theirs.is_ok() && depth(text) <= MAX_DEPTH, "{bounded:?}");
    for error in [&bounded, &unbounded].into_iter().filter_map(|read| read.as_ref().err()) {
        check_place(error, text.as_bytes());
        assert!(error.line > 0, "{error:?} is nowhere");
    }
    let doc = bounded.ok()?;
    let root = doc.root();
    assert_eq!(root.raw(), text.trim_matches([' ', '\t', '\r', '\n']));
    match serde_json::from_str(text) {
        Ok(value) => assert!(same(root, &value), "serde_json reads {value}"),
        Err(error) => assert!(kept_here(&error), "{error}"),
    }
    let respelled = respelled(text);
    let again = Document::parse(&respelled, MAX_DEPTH).expect("the same in another spelling");
    assert_eq!(again.root().raw(), respelled);
    assert!(again.root() == root && root == again.root(), "not equal in another spelling");
    assert_eq!(again.root().fingerprint(), root.fingerprint(), "equal, and hashed differently");
    Some(doc)
}

/// What a decision depends on is read strictly, and written as it was read.
fn check_decided(bytes: &[u8], json: bool) {
    match Redirect::from_json(bytes) {
        Ok(redirect) => {
            assert!(json, "a redirect that is no JSON");
            let text = redirect.to_json();
            let again = Redirect::from_json(text.as_bytes()).expect("reads what it writes");
            assert_eq!((&again, again.to_json()), (&redirect, text));
            for version in ApiVersion::ALL {
                drop(redirect.violations(version, &Limits::default()));
            }
        }
        Err(error) => check_place(&error, bytes),
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match KeySet::from_json(text) {
        Ok(_) => assert!(json, "a key set that is no JSON"),
        Err(error) => check_place(&error, bytes),
    }
}

/// The place is inside the text, and the error shows little of it.
fn check_place(error: &ParseError, bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    assert!(!error.reason.is_empty() && error.path.starts_with('$'), "{error:?}");
    for part in [&error.reason, &error.path] {
        assert!(part.chars().count() <= EXCERPT, "long: {error:?}");
        assert!(!part.contains(char::is_control), "more than a line: {error:?}");
    }
    if error.line == 0 {
        assert_eq!(error.column, 0, "{error:?}");
        return;
    }
    let line = text.split('\n').nth(error.line - 1).expect("the line is one of the text");
    assert!((1..=line.chars().count() + 1).contains(&error.column), "{error:?} in {line:?}");
}

fn check_item(note: &Notification) {
    let item = note.json.node();
    let alone = Document::parse(item.raw(), MAX_DEPTH).expect("an item is JSON by itself");
    let alone = Notification::read(Json::new(alone, note.json.arrival));
    assert_eq!(told(&alone), told(note), "read differently by itself");
    assert!(alone.json.node() == item);

    let ids = [note.call_id(), note.url_call_id(), alone.call_id()];
    assert!(ids.iter().flatten().all(|id| is_id(id) && is_segment(id)), "{ids:?}");
    if let Some(problem) = &note.problem {
        assert_eq!(note.event, Event::Other, "{problem}");
        assert!(problem.path.starts_with('$') && !problem.reason.is_empty(), "{problem:?}");
        let shown = problem.to_string();
        assert!(shown.chars().count() <= EXCERPT && !shown.contains(char::is_control), "{problem:?}");
    }
    if note.event == Event::IncomingCall {
        check_incoming(note);
    }
    if let Some(call) = note.call() {
        drop((call.state(), call.direction(), call.tenant_id()));
        let people = call.source().into_iter().chain(call.targets());
        let _ = people.filter_map(ParticipantInfo::identity).filter_map(|who| Identity::id(&who)).count();
    }
}

/// Said here once more, because a mistake in `is_id` would let an id steer a request elsewhere.
fn is_segment(id: &str) -> bool {
    matches!(id.len(), 1..=128)
        && id.chars().all(|c| matches!(c, '0'..='9' | 'A'..='Z' | 'a'..='z' | '-' | '_'))
}

/// Only what every reader would take for a ringing call may be one: it makes the bot act.
fn check_incoming(note: &Notification) {
    let item = note.json.node();
    let call = note.call().expect("an incoming call has a call");
    assert!(note.call_id().is_some(), "an incoming call has an id");
    let is = |node: Node<'_>, name, wanted: &str| {
        node.str(name).is_some_and(|value| value.eq_ignore_ascii_case(wanted))
    };
    assert!(is(item, "changeType", "created") && is(call.0, "state", "incoming"));
    assert!(!is(call.0, "direction", "outgoing"));
    for (node, deciding) in [
        (item, &["changeType", "resourceUrl", "resourceData"][..]),
        (call.0, &["id", "state", "direction", "source"]),
    ] {
        let mut seen = HashSet::new();
        let mut names = node.members().filter_map(|(name, _)| name.as_str());
        let twice = names.find(|name| deciding.contains(&name.as_ref()) && !seen.insert(name.to_string()));
        assert_eq!(twice, None, "decided by a member that comes twice");
    }
}

/// What `Value` refuses although the text is JSON: halves of surrogate pairs and numbers beyond f64.
pub(crate) fn kept_here(error: &serde_json::Error) -> bool {
    let reason = error.to_string();
    ["surrogate", "hex escape", "number out of range"].iter().any(|known| reason.contains(known))
}

/// Whether both tell the same: members in order, the last of those that come twice at the place of the first.
pub(crate) fn same(node: Node<'_>, value: &Value) -> bool {
    match (node.kind(), value) {
        (Kind::Null, Value::Null) | (Kind::True, Value::Bool(true)) | (Kind::False, Value::Bool(false)) => {
            true
        }
        (Kind::Plain | Kind::Escaped, Value::String(text)) => {
            node.as_str().as_deref() == Some(text.as_str()) && node.is(text)
        }
        (Kind::Number, Value::Number(number)) => {
            serde_json::from_str::<Value>(node.raw()).is_ok_and(|own| own == *value)
                && (number.is_f64() || node.as_int() == number.as_i64())
        }
        (Kind::Array, Value::Array(items)) => {
            node.items().count() == items.len() && node.items().zip(items).all(|(own, item)| same(own, item))
        }
        (Kind::Object, Value::Object(members)) => {
            let mut known = HashSet::new();
            let names = node.members().filter_map(|(name, _)| name.as_str().map(Cow::into_owned));
            names.filter(|name| known.insert(name.clone())).eq(members.keys().cloned())
                && members.iter().all(|(name, member)| node.get(name).is_some_and(|own| same(own, member)))
        }
        _ => false,
    }
}

/// What a character of a JSON text is part of.
#[derive(Clone, Copy, PartialEq)]
enum Part {
    Structure,
    Text,
    /// The one after a backslash.
    Escape,
}

fn letters(text: &str) -> impl Iterator<Item = (char, Part)> {
    let mut state = Part::Structure;
    text.chars().map(move |c| {
        let part = state;
        state = match (part, c) {
            (Part::Structure, '"') | (Part::Escape, _) => Part::Text,
            (Part::Text, '"') => Part::Structure,
            (Part::Text, '\\') => Part::Escape,
            _ => part,
        };
        (c, part)
    })
}

fn depth(text: &str) -> usize {
    let (mut open, mut deepest) = (0_usize, 0);
    for (c, _) in letters(text).filter(|(_, part)| *part == Part::Structure) {
        match c {
            '{' | '[' => open += 1,
            '}' | ']' => open = open.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(open);
    }
    deepest
}

/// The same without spaces, and the letters of strings as escapes; a to f stay, they may be digits of one.
fn respelled(text: &str) -> String {
    let mut out = String::new();
    for (c, part) in letters(text) {
        match (part, c) {
            (Part::Structure, ' ' | '\t' | '\r' | '\n') => {}
            (Part::Text, 'g'..='z' | 'G'..='Z') => write!(out, "\\u{:04x}", u32::from(c)).unwrap(),
            _ => out.push(c),
        }
    }
    out
}
