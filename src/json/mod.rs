//! The one reader of JSON: the text is kept as it came, with an index of its values.
//!
//! What Graph sends is read tolerantly, value by value. What a decision depends on (tokens, keys, redirects) is read
//! strictly: `serde_json::Value` keeps the last of two equal members and another parser may keep the first, and
//! whoever can make two programs read the same bytes differently has a way in.
//!
//! # Why an index over the held text
//!
//! Two designs were measured on the specification's second example (1,076 bytes compact, November 2026, one run, as
//! multiples of msgspec's typed Structs; parse and 2 reads, parse and 7 reads through 8 objects):
//!
//! | design | 2 reads | 7 reads | keeps unknown members, number spelling, nulls |
//! |---|---|---|---|
//! | typed `serde_json`, a Python object made for each access | - | 1.6 | no |
//! | typed `serde_json`, every Python object made at once | - | 1.7 | no |
//! | **index over the held text, objects and strings made when asked for** | 0.95-1.05 | 1.5-1.7 | yes |
//! | orjson to dicts | 1.5 | 1.6 | all but the spelling |
//!
//! By instructions (callgrind, `CPython` 3.11, 2 reads): 16,000 against msgspec's 20,200. The scan takes 5,600 of them,
//! telling the kinds of notification apart 2,500, allocations and their release 1,400, UTF-8 500; the rest is Python's:
//! a call, three attributes, three objects. With 7 reads (26,100 against 20,700), 12 more attributes and 5 more objects
//! cost 10,100. What paid: sixteen bytes of a string at a time (2,000), one loop without calls (600), names compared as
//! bytes (1,900), the usual resource URL at once (650), one look at what stands between two strings (250).
//! Tried without gain: name digests in the index (the scan loses what the reads win) or made when names are looked for,
//! free lists of objects, a build for one `CPython` instead of abi3 and mimalloc (0.05 each), `memchr` (strings are too
//! short for it), blocks written for the compiler to vectorise (it does not).
//! `make bench` prints the present figures, and those of longer bodies, where it is level with msgspec.

mod document;
mod escape;
mod place;
mod scan;

use serde_json::{Map, Value};

pub use document::{Children, Document, Kind, Members, Node};
pub(crate) use place::member;
#[cfg(feature = "simulator")]
pub(crate) use place::position;

use crate::ParseError;

/// Nothing Graph documents is deeper than 10.
const MAX_DEPTH: usize = 64;

/// The bytes as text.
pub(crate) fn utf8(bytes: &[u8]) -> Result<&str, ParseError> {
    std::str::from_utf8(bytes).map_err(|error| {
        let valid = bytes.utf8_chunks().next().map_or("", |chunk| chunk.valid());
        let (line, column) = place::position(valid, valid.len());
        ParseError {
            reason: format!("byte {} is not UTF-8", error.valid_up_to()),
            path: "$".into(),
            line,
            column,
        }
    })
}

/// Reads a text that a decision depends on; [`Node::strict`] makes values of it.
pub(crate) fn read(text: &[u8]) -> Result<Document, ParseError> {
    Document::parse(utf8(text)?, MAX_DEPTH)
}

/// The whole text as one value, read strictly.
pub(crate) fn parse(text: &[u8]) -> Result<Value, ParseError> {
    read(text)?.root().strict()
}

impl Node<'_> {
    /// The value, unless two programs could read it differently: a member twice, half a surrogate pair, a number that
    /// is none to others.
    pub(crate) fn strict(self) -> Result<Value, ParseError> {
        Ok(match self.kind() {
            Kind::Null => Value::Null,
            Kind::True => true.into(),
            Kind::False => false.into(),
            Kind::Number => {
                self.raw().parse().map(Value::Number).map_err(|_| self.fault("number out of range"))?
            }
            Kind::Plain | Kind::Escaped => self.strict_str()?.into(),
            Kind::Array => self.items().map(Self::strict).collect::<Result<_, _>>()?,
            Kind::Object => {
                let mut object = Map::new();
                for (name, value) in self.members() {
                    if object.insert(name.strict_str()?, value.strict()?).is_some() {
                        return Err(value.fault("this member is given twice"));
                    }
                }
                object.into()
            }
        })
    }

    fn strict_str(self) -> Result<String, ParseError> {
        let text = self.whole_str().ok_or_else(|| self.fault("half a surrogate pair in a string"))?;
        Ok(text.into_owned())
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
        for twice in ["b c", r"b\u0020c"] {
            let error =
                parse(format!("{{\"a\": [\n {{\"b c\": 1, \"{twice}\": 2}}]}}").as_bytes()).unwrap_err();
            assert_eq!((error.path.as_str(), error.line), ("$.a[0][\"b c\"]", 2));
            assert_eq!(error.reason, "this member is given twice");
        }
    }

    #[test]
    fn what_others_read_differently_is_refused() {
        for (text, path) in [
            ("[1e400]", "$[0]"),
            (r#"["\ud800"]"#, "$[0]"),
            (r#"["\udc00\ud800"]"#, "$[0]"),
            (r#"["\ud800\u0041"]"#, "$[0]"),
            (r#"[{"\ud800":1}]"#, "$[0]"),
        ] {
            let error = parse(text.as_bytes()).unwrap_err();
            assert_eq!((error.path.as_str(), error.line), (path, 1), "{text}");
        }
        assert_eq!(parse(r#""\ud83d\ude00\ufffd""#.as_bytes()).unwrap(), "\u{1f600}\u{fffd}");
    }

    #[test]
    fn syntax_errors_have_a_place() {
        let error = parse("{\n  \"é\": tru\n}".as_bytes()).unwrap_err();
        assert_eq!((error.path.as_str(), error.line), ("$[\"é\"]", 2));
        assert!(!error.reason.contains("line"), "{}", error.reason);
        for text in ["", "[", "{\"a\":1}x", "\u{feff}{}", "NaN"] {
            assert!(parse(text.as_bytes()).is_err(), "{text:?}");
        }
        let error = parse(b"[\n \"\xc3\xa9\xff\xc3\xa9\"]").unwrap_err();
        assert_eq!((error.line, error.column), (2, 4));
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(parse(nested(64).as_bytes()).is_ok());
        assert!(parse(nested(65).as_bytes()).unwrap_err().reason.contains("deeper than allowed"));
        assert!(parse("[".repeat(100_000).as_bytes()).unwrap_err().reason.contains("deeper than allowed"));
    }

    #[test]
    fn a_later_fault_is_placed_at_its_value() {
        let doc = read("{\"é\": 1, \"a\": [true,\n   7]}".as_bytes()).unwrap();
        let array = doc.root().get("a").unwrap();
        let error = array.items().nth(1).unwrap().fault("too small");
        assert_eq!(error.to_string(), "too small at $.a[1] (line 2, column 4)");
        let error = array.fault("no");
        assert_eq!((error.line, error.column), (1, 15));
    }
}
