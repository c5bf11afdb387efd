//! One strict reading of JSON for everything a decision depends on.
//!
//! `serde_json::Value` keeps the last of two equal members and another parser may keep the first: whoever
//! can make two programs read the same bytes differently has a way in. So a member given twice is an error,
//! depth is bounded, and every fault has a path and a place.

use std::cell::RefCell;
use std::fmt::{self, Write as _};

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;
use serde_json::{Map, Value};

use crate::ParseError;

/// Nothing Graph documents is deeper than 10.
const MAX_DEPTH: usize = 64;

/// One step of a JSON path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// Into a member of an object.
    Member(String),
    /// Into an item of an array.
    Item(usize),
}

/// `$.targets[0]["odd name"]`: members that are not plain names are quoted, so a path is always one line.
pub(crate) fn path(steps: &[Step]) -> String {
    steps.iter().fold(String::from("$"), |mut text, step| {
        match step {
            Step::Member(name) => text.push_str(&member(name)),
            Step::Item(index) => {
                let _ = write!(text, "[{index}]");
            }
        }
        text
    })
}

/// The part of a path that a member adds.
pub(crate) fn member(name: &str) -> String {
    let plain = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    // Debug form: JSON would leave invisible and line-breaking characters as they are.
    if plain { format!(".{name}") } else { format!("[{name:?}]") }
}

/// Reads the whole text as one JSON value.
pub(crate) fn parse(text: &[u8]) -> Result<Value, ParseError> {
    let walk = Walk { steps: RefCell::default(), stop: None };
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let value = Node(&walk).deserialize(&mut deserializer).and_then(|value| {
        deserializer.end()?;
        Ok(value)
    });
    value.map_err(|error| {
        let (line, column) = place(text, start(text, &error));
        ParseError { reason: reason(&error), path: path(&walk.steps.borrow()), line, column }
    })
}

/// A fault found after the syntax was read: says where in the text the value at `steps` begins.
pub(crate) fn fault(text: &[u8], steps: &[Step], reason: impl Into<String>) -> ParseError {
    let walk = Walk { steps: RefCell::default(), stop: Some(steps) };
    let stopped = Node(&walk).deserialize(&mut serde_json::Deserializer::from_slice(text));
    let (line, column) = place(text, stopped.err().map_or(0, |error| start(text, &error)));
    ParseError { reason: reason.into(), path: path(steps), line, column }
}

/// `serde_json` appends the place to its messages; we report it in fields.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    text.strip_suffix(&place).unwrap_or(&text).to_owned()
}

/// Where the fault begins. `serde_json` reports what it has read so far, lines from 1 and bytes of the line:
/// with a syntax error that includes the byte at fault, with our own errors it ends before the value.
fn start(text: &[u8], error: &serde_json::Error) -> usize {
    let lines_before = text.split_inclusive(|byte| *byte == b'\n').take(error.line().saturating_sub(1));
    let read = (lines_before.map(<[u8]>::len).sum::<usize>() + error.column()).min(text.len());
    match error.classify() {
        Category::Syntax => read.saturating_sub(1),
        Category::Data => read + text.iter().skip(read).take_while(|byte| byte.is_ascii_whitespace()).count(),
        Category::Eof | Category::Io => read,
    }
}

/// Line and column a person counts: both from 1, the column in characters.
fn place(text: &[u8], offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let line = before.split(|byte| *byte == b'\n').count();
    let on_line = before.get(line_start..).unwrap_or_default();
    (line, String::from_utf8_lossy(on_line).chars().count() + 1)
}

struct Walk<'a> {
    steps: RefCell<Vec<Step>>,
    /// Raise an error on arrival here, for the sake of its position.
    stop: Option<&'a [Step]>,
}

struct Node<'a>(&'a Walk<'a>);

impl Node<'_> {
    fn below<E>(
        &self,
        step: Step,
        read: impl FnOnce() -> Result<Option<Value>, E>,
    ) -> Result<Option<Value>, E> {
        self.0.steps.borrow_mut().push(step);
        // On error the path stays as it is: it names the place of the fault.
        let value = read()?;
        self.0.steps.borrow_mut().pop();
        Ok(value)
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        let depth = self.0.steps.borrow().len();
        if depth > MAX_DEPTH {
            return Err(D::Error::custom(format!("more than {MAX_DEPTH} levels deep")));
        }
        if self.0.stop.is_some_and(|stop| *stop == **self.0.steps.borrow()) {
            return Err(D::Error::custom("here"));
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(item) =
            self.below(Step::Item(array.len()), || items.next_element_seed(Node(self.0)))?
        {
            array.push(item);
        }
        Ok(array.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let twice = object.contains_key(&name);
            let value = self.below(Step::Member(name.clone()), || {
                if twice {
                    return Err(A::Error::custom("this member is given twice"));
                }
                members.next_value_seed(Node(self.0)).map(Some)
            })?;
            object.insert(name, value.unwrap_or_default());
        }
        Ok(object.into())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn keeps_what_it_reads() {
        let text = r#"{"a":[1,-2,3.5,true,null,"é"],"b":{}}"#;
        assert_eq!(parse(text.as_bytes()).unwrap().to_string(), text);
    }

    #[test]
    fn a_member_given_twice_is_an_error_at_any_level() {
        let error = parse(b"{\"a\": [\n {\"b c\": 1, \"b c\": 2}]}").unwrap_err();
        assert_eq!((error.path.as_str(), error.line), ("$.a[0][\"b c\"]", 2));
        assert_eq!(error.reason, "this member is given twice");
    }

    #[test]
    fn syntax_errors_have_a_place() {
        let error = parse("{\n  \"é\": tru\n}".as_bytes()).unwrap_err();
        assert_eq!((error.path.as_str(), error.line), ("$[\"é\"]", 2));
        assert!(!error.reason.contains("line"), "{}", error.reason);
        for text in ["", "[", "{\"a\":1}x", "\u{feff}{}", "1e400", "NaN", "\"\\ud800\""] {
            assert!(parse(text.as_bytes()).is_err(), "{text:?}");
        }
    }

    #[test]
    fn depth_is_bounded() {
        assert!(parse("[".repeat(64).as_bytes()).unwrap_err().reason.contains("EOF"));
        assert!(parse("[".repeat(100_000).as_bytes()).unwrap_err().reason.contains("levels deep"));
    }

    #[test]
    fn a_later_fault_is_placed_at_its_value() {
        let text = "{\"é\": 1, \"a\": [true,\n   7]}".as_bytes();
        let error = fault(text, &[Step::Member("a".into()), Step::Item(1)], "too small");
        assert_eq!(error.to_string(), "too small at $.a[1] (line 2, column 4)");
        let error = fault(text, &[Step::Member("a".into())], "no");
        assert_eq!((error.line, error.column), (1, 15));
    }
}
