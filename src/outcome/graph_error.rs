//! What Graph's error bodies say, in all the shapes they come in.

use serde_json::{Map, Value};

/// Errors within errors: deeper ones say nothing new.
const DEPTH: usize = 4;
const LONGEST_CODE: usize = 100;
const LONGEST_MESSAGE: usize = 500;
/// Tags whose content a reader of a page does not see.
const HIDDEN: [&str; 2] = ["style", "script"];

/// What could be read of an error.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) code: Option<String>,
    pub(super) message: Option<String>,
    pub(super) request_id: Option<String>,
}

/// Reads `{"error": {"code", "message", "innerError": {"request-id"}}}`: also without the wrapper or with more than
/// one, with numbers for text, in other capitals, with the calling service's own error as JSON text inside the
/// gateway's message, and with a page of HTML there or for the whole body.
pub(super) fn read(body: &[u8]) -> Said {
    let text = String::from_utf8_lossy(body);
    let text = text.trim_start_matches('\u{feff}').trim();
    match serde_json::from_str::<Value>(text) {
        Ok(Value::Object(error)) => Said::of(&error, DEPTH),
        _ => Said { message: words_of_html(text), ..Said::default() },
    }
}

/// Whether it may be the body of a success of Graph's: there is none, or it is JSON.
pub(super) fn is_of_graph(body: &[u8]) -> bool {
    let body = body.trim_ascii();
    body.is_empty() || serde_json::from_slice::<serde::de::IgnoredAny>(body).is_ok()
}

impl Said {
    fn of(error: &Map<String, Value>, depth: usize) -> Self {
        if depth > 0
            && let Some(Value::Object(inside)) = member(error, "error")
        {
            return Self::of(inside, depth - 1);
        }
        let inner = match member(error, "innerError") {
            Some(Value::Object(inner)) => Some(inner),
            _ => None,
        };
        let of_inner = |name, longest| text(inner?, name, longest);
        let request_id = ["request-id", "requestId"]
            .iter()
            .find_map(|name| of_inner(name, LONGEST_CODE).or_else(|| text(error, name, LONGEST_CODE)));
        let message = member(error, "message").and_then(Value::as_str);
        if depth > 0
            && let Some(Ok(Value::Object(own))) = message.map(serde_json::from_str)
        {
            let own = Self::of(&own, depth - 1);
            if own.code.is_some() {
                return Self { request_id: request_id.or(own.request_id), ..own };
            }
        }
        let code = ["code", "errorCode"].iter().find_map(|name| text(error, name, LONGEST_CODE));
        let code = code.filter(|code| !code.is_empty());
        let message = message.and_then(words_of_html).or_else(|| text(error, "message", LONGEST_MESSAGE));
        Self {
            code: code.or_else(|| of_inner("code", LONGEST_CODE)),
            message: message.or_else(|| of_inner("message", LONGEST_MESSAGE)),
            request_id,
        }
    }
}

fn member<'a>(of: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    of.get(name).or_else(|| of.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value))
}

fn text(of: &Map<String, Value>, name: &str, longest: usize) -> Option<String> {
    match member(of, name)? {
        Value::String(text) => Some(text.chars().take(longest).collect()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The text of a page without its tags, if it is one.
fn words_of_html<'a>(text: &'a str) -> Option<String> {
    let start = text.trim_start().get(..5)?.to_ascii_lowercase();
    if !(start.starts_with("<html") || start.starts_with("<!doc") || start.starts_with("<head")) {
        return None;
    }
    let mut words = String::new();
    let mut rest = text;
    while let Some((before, tag)) = rest.split_once('<') {
        words.push_str(before);
        words.push(' ');
        let after = |text: &'a str, end| text.split_once(end).map_or("", |(_, after)| after);
        rest = after(tag, ">");
        if HIDDEN.iter().any(|name| tag.get(..name.len()).is_some_and(|tag| tag.eq_ignore_ascii_case(name))) {
            rest = after(after(rest, "</"), ">");
        }
    }
    words.push_str(rest);
    let words: Vec<_> = words.split_whitespace().collect();
    Some(words.join(" ").chars().take(LONGEST_MESSAGE).collect::<String>()).filter(|words| !words.is_empty())
}
