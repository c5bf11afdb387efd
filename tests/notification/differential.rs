//! The reader against `serde_json` on mutated pieces of the specification's examples.

use serde::de::IgnoredAny;
use serde_json::Value;

use crate::oracle::{kept_here, same};
use crate::{EXAMPLES, document};

const ROUNDS: usize = 200_000;

/// Put into the texts; what JSON readers are known to disagree about.
const PIECES: [&str; 48] = [
    ",",
    ":",
    "{",
    "}",
    "[",
    "]",
    "\"",
    "\\",
    "\\\"",
    "\\u",
    "\\u00e9",
    "\\ud83d\\ude00",
    "\\ud800",
    "\\udc00",
    "\\ud800\\u0041",
    "\\/",
    "\\x",
    "\\b\\f\\n\\r\\t",
    "\u{e9}",
    "\u{1f600}",
    "\u{feff}",
    "\u{0}",
    "\u{1f}",
    "\u{7f}",
    "\u{2028}",
    "\t",
    "\n",
    "\r",
    " ",
    "\u{a0}",
    "0",
    "-0",
    "01",
    "1e5",
    "1E+400",
    "1.",
    ".5",
    "-",
    "+1",
    "0x1",
    "1.5e-3",
    "9223372036854775808",
    "true",
    "null",
    "NaN",
    "/**/",
    "\"id\":1,",
    "\"\":[],",
];

/// xorshift64*: the same mutations every time.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let mixed = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(mixed).unwrap() % limit.max(1)
    }
}

/// Values of the examples short enough that many rounds fit into a few seconds, and a few that Graph never sends.
fn seeds() -> Vec<String> {
    fn collect(value: &Value, into: &mut Vec<String>) {
        let text = value.to_string();
        if text.len() <= 220 {
            into.push(text);
        }
        match value {
            Value::Array(items) => items.iter().for_each(|item| collect(item, into)),
            Value::Object(members) => members.values().for_each(|member| collect(member, into)),
            _ => {}
        }
    }
    let mut seeds = Vec::new();
    for (_, text) in EXAMPLES.iter().filter(|(name, _)| name.starts_with("ex2")) {
        collect(&serde_json::from_str(text).unwrap(), &mut seeds);
    }
    seeds.retain(|seed| seed.len() > 60);
    seeds.extend(
        [
            r#"{"code":0,"subcode":"5001","message":"Call \"ended\" \u00e9\n"}"#,
            r#"[1,-2.5e10,0,true,false,null,"",[],{},[[{"a":[{}]}]]]"#,
            r#"{"a":1,"b":{"a":2},"\u0061":3,"c":"\ud83d\ude00"}"#,
            r#" { "languageId" : null , "sequenceId" : 12345678901234567890 } "#,
        ]
        .map(str::to_owned),
    );
    seeds
}

fn mutate(random: &mut Random, seed: &str) -> String {
    let mut text: Vec<char> = seed.chars().collect();
    for _ in 0..=random.below(3) {
        let at = random.below(text.len() + 1);
        let upto = (at + 1 + random.below(8)).min(text.len()).max(at);
        match random.below(6) {
            0 => drop(text.drain(at..upto)),
            1 => drop(text.splice(at..upto, PIECES[random.below(PIECES.len())].chars())),
            2 => {
                let again = text[at..upto].to_vec();
                drop(text.splice(at..at, again));
            }
            3 => text.truncate(at.max(text.len().saturating_sub(3))),
            _ => drop(text.splice(at..at, PIECES[random.below(PIECES.len())].chars())),
        }
    }
    text.into_iter().collect()
}

#[test]
fn mutated_texts_are_judged_and_read_as_serde_json_does() {
    let seeds = seeds();
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let (mut read, mut kept) = (0, 0);
    for round in 0..ROUNDS {
        let text = mutate(&mut random, &seeds[round % seeds.len()]);
        let ours = document(&text);
        let ignored = serde_json::from_str::<IgnoredAny>(&text);
        assert_eq!(ours.is_ok(), ignored.is_ok(), "{text:?}: {ours:?}, serde_json {ignored:?}");
        match (ours, serde_json::from_str::<Value>(&text)) {
            (Ok(doc), Ok(value)) => {
                assert!(same(doc.root(), &value), "{text:?}");
                read += 1;
            }
            (Ok(_), Err(error)) => {
                assert!(kept_here(&error), "{text:?}: {error}");
                kept += 1;
            }
            (Err(error), Ok(_)) => panic!("{text:?} refused: {error}"),
            (Err(error), Err(_)) => {
                assert!(
                    error.line > 0 && error.column > 0 && error.path.starts_with('$'),
                    "{text:?}: {error}"
                );
            }
        }
    }
    // The mutations are worth something only while a good part of the texts is still JSON.
    assert!(read > ROUNDS / 8 && kept > 100, "{read} read, {kept} kept where Value refuses");
}

#[test]
fn whole_examples_are_read_as_serde_json_does() {
    for (name, text) in EXAMPLES.iter().filter(|(name, _)| name.starts_with("ex2")) {
        let value = serde_json::from_str::<Value>(text).unwrap();
        assert!(same(document(text).unwrap().root(), &value), "{name}");
    }
}
