//! A body without what is somebody's: still JSON, still the same members, ids and kinds of notification.

use std::borrow::Cow;

use super::pseudonym::Pseudonyms;
use super::rules::{Rule, is_guid, is_plain_name, is_word, longest_number, rule};
use crate::json::{Document, Kind, Node, utf8};
use crate::notification::blank_documentation_slips;

/// No body that is taken is deeper; a deeper one is no more than a word here, which is refused as well.
const DEEPEST: usize = 64;

/// From here on a number may be a telephone's.
const PHONE_DIGITS: usize = 7;

/// The body with telephone numbers, names, tokens and every other string that is not known to be harmless replaced;
/// the same value by the same. What is not JSON has no members to tell apart, and goes as a whole.
pub fn redact(body: &[u8], pseudonyms: &Pseudonyms) -> Vec<u8> {
    if body.is_empty() {
        return Vec::new();
    }
    let strict = utf8(body).and_then(|text| Document::parse(text, DEEPEST));
    let slips = strict.is_err();
    // Pasted documentation: what reads it leniently is to find in it what it found before.
    let document = strict.or_else(|_| Document::parse(&blank_documentation_slips(utf8(body)?), DEEPEST));
    let Ok(document) = document else {
        return format!("redacted-{}", pseudonyms.word(&String::from_utf8_lossy(body))).into_bytes();
    };
    let mut redacting = Redacting { pseudonyms, text: String::with_capacity(body.len()) };
    redacting.value(document.root(), "", "");
    if slips {
        redacting.text.push_str(" // as lenient as it came");
    }
    redacting.text.into_bytes()
}

struct Redacting<'p> {
    pseudonyms: &'p Pseudonyms,
    text: String,
}

impl Redacting<'_> {
    /// Writes the value of the member `name` of an object that is itself the member `parent`. What is in a list is the
    /// list's.
    fn value(&mut self, node: Node<'_>, parent: &str, name: &str) {
        match node.kind() {
            Kind::Object => {
                self.text.push('{');
                for (number, (key, value)) in node.members().enumerate() {
                    if number > 0 {
                        self.text.push(',');
                    }
                    let own = key.as_str().unwrap_or_default();
                    if is_plain_name(&own) {
                        self.text.push_str(key.raw());
                    } else {
                        self.string(&format!("redacted-{}", self.pseudonyms.word(&own)));
                    }
                    self.text.push(':');
                    self.value(value, name, &own);
                }
                self.text.push('}');
            }
            Kind::Array => {
                self.text.push('[');
                for (number, item) in node.items().enumerate() {
                    if number > 0 {
                        self.text.push(',');
                    }
                    self.value(item, parent, name);
                }
                self.text.push(']');
            }
            Kind::Plain | Kind::Escaped => {
                let own = node.as_str().unwrap_or_default();
                match replaced(&own, rule(parent, name), self.pseudonyms) {
                    Cow::Borrowed(_) => self.text.push_str(node.raw()),
                    Cow::Owned(other) => self.string(&other),
                }
            }
            Kind::Number => {
                let (raw, rule) = (node.raw(), rule(parent, name));
                let digits = raw.bytes().filter(u8::is_ascii_digit).count();
                let long = digits >= PHONE_DIGITS && rule != Rule::Word;
                if long || matches!(rule, Rule::Secret | Rule::Phone) {
                    let count = u32::try_from(digits).unwrap_or(u32::MAX);
                    self.text.push_str(&self.pseudonyms.digits(raw, count));
                } else {
                    self.text.push_str(raw);
                }
            }
            Kind::True | Kind::False | Kind::Null => self.text.push_str(node.raw()),
        }
    }

    fn string(&mut self, text: &str) {
        self.text.push_str(&serde_json::Value::from(text).to_string());
    }
}

/// What stands for a string; itself, borrowed, if it may stay.
fn replaced<'t>(own: &'t str, rule: Rule, pseudonyms: &Pseudonyms) -> Cow<'t, str> {
    let word = || pseudonyms.word(own);
    let gone = || match own {
        "" => Cow::Borrowed(own),
        _ if own.starts_with("https://") || own.starts_with("http://") => {
            Cow::Owned(format!("https://redacted.invalid/{}", word()))
        }
        _ => Cow::Owned(format!("redacted-{}", word())),
    };
    match rule {
        Rule::Id | Rule::Unknown if is_guid(own) => Cow::Borrowed(own),
        Rule::Id if own.len() >= PHONE_DIGITS && own.bytes().all(|byte| byte.is_ascii_digit()) => {
            Cow::Owned(pseudonyms.phone(own))
        }
        Rule::Word | Rule::OwnId | Rule::Id if is_word(own) => without_phones(own, pseudonyms),
        Rule::Path => path(own, pseudonyms),
        Rule::Callback => match own.split_once(['?', '#']) {
            _ if own.contains(['@', ' ', '"', '\\']) => gone(),
            None => without_phones(own, pseudonyms),
            Some((address, _)) => {
                Cow::Owned(format!("{}?redacted-{}", without_phones(address, pseudonyms), word()))
            }
        },
        Rule::Thread if own.starts_with("19:meeting_") => {
            Cow::Owned(format!("19:meeting_{}@thread.v2", word()))
        }
        Rule::Message if !own.is_empty() => Cow::Owned(message(own, pseudonyms)),
        Rule::Name if !own.is_empty() => Cow::Owned(format!("Name {}", word())),
        Rule::Phone if longest_number(own) > 3 => Cow::Owned(pseudonyms.phone(own)),
        _ => gone(),
    }
}

/// With every `+` and number behind it replaced that could be a telephone's.
pub(super) fn without_phones<'t>(text: &'t str, pseudonyms: &Pseudonyms) -> Cow<'t, str> {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('+') {
        let (before, after) = rest.split_at(at);
        let digits = after.bytes().skip(1).take_while(u8::is_ascii_digit).count();
        let (number, following) = after.split_at(digits + 1);
        out.push_str(before);
        if digits < PHONE_DIGITS {
            out.push_str(number);
        } else {
            out.push_str(&pseudonyms.phone(number));
        }
        rest = following;
    }
    out.push_str(rest);
    if out == text { Cow::Borrowed(text) } else { Cow::Owned(out) }
}

/// Each step stays that is an id or a word. What stands for another is as little of a path as that was.
fn path<'t>(text: &'t str, pseudonyms: &Pseudonyms) -> Cow<'t, str> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if text.bytes().all(|byte| plain(byte) || byte == b'/') {
        return Cow::Borrowed(text);
    }
    let steps = text.split('/').map(|step| {
        let stays = step.bytes().all(plain);
        if stays { step.to_owned() } else { format!("redacted~{}", pseudonyms.word(step)) }
    });
    Cow::Owned(steps.collect::<Vec<_>>().join("/"))
}

/// The diagnostic codes say why a call ended; the words around them may say who it was.
fn message(text: &str, pseudonyms: &Pseudonyms) -> String {
    let mut out = format!("redacted-{}", pseudonyms.word(text));
    for (_, after) in text.match_indices("DiagCode:").map(|(at, word)| text.split_at(at + word.len())) {
        let code: String =
            after.trim_start().chars().take_while(|c| c.is_ascii_digit() || "#.@".contains(*c)).collect();
        out.push_str(" DiagCode: ");
        out.push_str(&code);
    }
    out
}
