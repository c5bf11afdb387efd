//! Reading tables with messages that say where the fault is and what was probably meant.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::{ParseError, json};

/// A year: beyond it nobody means a time.
const LONGEST: f64 = 365.0 * 86_400.0;

/// What is wrong in a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::simulator) struct Wrong {
    /// Where, as a JSON path.
    pub(in crate::simulator) path: String,
    /// In one line.
    pub(in crate::simulator) reason: String,
    /// What was probably meant, if something is near enough.
    pub(in crate::simulator) nearest: Option<String>,
}

impl From<Wrong> for ParseError {
    fn from(wrong: Wrong) -> Self {
        Self { path: wrong.path, ..Self::unplaced(wrong.reason) }
    }
}

/// A fault at a path.
pub(in crate::simulator) fn fault(path: &str, reason: impl Into<String>) -> Wrong {
    Wrong { path: path.to_owned(), reason: reason.into(), nearest: None }
}

/// A table whose keys are all known.
pub(super) struct Table<'a> {
    path: &'a str,
    members: &'a Map<String, Value>,
}

impl<'a> Table<'a> {
    pub(super) fn of(value: &'a Value, path: &'a str, keys: &[&str]) -> Result<Self, Wrong> {
        let members = members(value, path)?;
        match members.keys().find(|key| !keys.contains(&key.as_str())) {
            Some(key) => Err(unknown(&below(path, key), "key", key, keys)),
            None => Ok(Self { path, members }),
        }
    }

    /// The member and its path; an explicit null counts as absent.
    pub(super) fn get(&self, key: &str) -> Option<(&'a Value, String)> {
        let value = self.members.get(key).filter(|value| !value.is_null())?;
        Some((value, below(self.path, key)))
    }

    pub(super) fn text(&self, key: &str) -> Result<Option<String>, Wrong> {
        self.get(key).map(|(value, path)| text(value, &path).map(str::to_owned)).transpose()
    }

    pub(super) fn seconds(&self, key: &str) -> Result<Option<Duration>, Wrong> {
        self.get(key).map(|(value, path)| seconds(value, &path)).transpose()
    }

    pub(super) fn number(&self, key: &str, least: f64, most: f64) -> Result<Option<f64>, Wrong> {
        self.get(key)
            .map(|(value, path)| {
                value.as_f64().filter(|number| (least..=most).contains(number)).ok_or_else(|| {
                    fault(&path, format!("{} is not a number from {least} to {most}", shown(value)))
                })
            })
            .transpose()
    }

    pub(super) fn whole(&self, key: &str, least: u64, most: u64) -> Result<Option<u64>, Wrong> {
        self.get(key)
            .map(|(value, path)| {
                value.as_u64().filter(|number| (least..=most).contains(number)).ok_or_else(|| {
                    fault(&path, format!("{} is not a whole number from {least} to {most}", shown(value)))
                })
            })
            .transpose()
    }

    /// One of some words.
    pub(super) fn word<T: Copy>(&self, key: &str, words: &[(&str, T)]) -> Result<Option<T>, Wrong> {
        self.get(key).map(|(value, path)| word(value, &path, words)).transpose()
    }

    /// Each item of a list with its path; nothing when there is no such list.
    pub(super) fn list<T>(
        &self,
        key: &str,
        read: impl Fn(&Value, &str) -> Result<T, Wrong>,
    ) -> Result<Vec<T>, Wrong> {
        self.get(key).map_or_else(|| Ok(Vec::new()), |(value, path)| list(value, &path, read))
    }
}

pub(super) fn list<T>(
    value: &Value,
    path: &str,
    read: impl Fn(&Value, &str) -> Result<T, Wrong>,
) -> Result<Vec<T>, Wrong> {
    let items = value.as_array().ok_or_else(|| fault(path, format!("{} is not a list", shown(value))))?;
    items.iter().enumerate().map(|(index, item)| read(item, &format!("{path}[{index}]"))).collect()
}

pub(super) fn members<'a>(value: &'a Value, path: &str) -> Result<&'a Map<String, Value>, Wrong> {
    value
        .as_object()
        .ok_or_else(|| fault(path, format!("{} is not a table of keys and values", shown(value))))
}

pub(super) fn text<'a>(value: &'a Value, path: &str) -> Result<&'a str, Wrong> {
    value.as_str().ok_or_else(|| fault(path, format!("{} is not a text", shown(value))))
}

pub(super) fn seconds(value: &Value, path: &str) -> Result<Duration, Wrong> {
    let seconds = value.as_f64().filter(|seconds| (0.0..=LONGEST).contains(seconds));
    seconds
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| fault(path, format!("{} is not a number of seconds, 0 or more", shown(value))))
}

pub(super) fn word<T: Copy>(value: &Value, path: &str, words: &[(&str, T)]) -> Result<T, Wrong> {
    let given = text(value, path)?;
    words.iter().find(|(word, _)| *word == given).map(|(_, meaning)| *meaning).ok_or_else(|| {
        let known: Vec<_> = words.iter().map(|(word, _)| *word).collect();
        unknown(path, "word", given, &known)
    })
}

/// "no such key", and the nearest or all there are.
pub(super) fn unknown(path: &str, what: &str, given: &str, known: &[&str]) -> Wrong {
    let nearest = nearest(given, known);
    let cure = match nearest {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known are {}", known.join(", ")),
    };
    let wrong = fault(path, format!("no such {what} as `{}`: {cure}", clipped(given)));
    Wrong { nearest: nearest.map(str::to_owned), ..wrong }
}

/// `$.calls[0].callees["98da..."]`
pub(super) fn below(path: &str, key: &str) -> String {
    format!("{path}{}", json::member(key))
}

/// The one that takes the fewest typing slips to reach, if it takes few.
fn nearest<'a>(given: &str, known: &[&'a str]) -> Option<&'a str> {
    let plain = |text: &str| text.replace(['_', '-', ' '], "").to_lowercase();
    let given = plain(given);
    let slips = |word: &&&str| distance(&given, &plain(word));
    let near = known.iter().min_by_key(slips)?;
    (slips(&near) <= 1 + given.chars().count() / 4).then_some(*near)
}

/// Levenshtein's: letters added, left out or changed.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, letter) in one.chars().take(64).enumerate() {
        let mut diagonal = index;
        let mut left = index + 1;
        let mut next = vec![left];
        for (theirs, above) in other.iter().zip(row.iter().skip(1)) {
            left = (left + 1).min(above + 1).min(diagonal + usize::from(letter != *theirs));
            diagonal = *above;
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

/// A value in a message: short, and of long ones only what they are.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => format!("the text {:?}", clipped(text)),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "a table".to_owned(),
        other => other.to_string(),
    }
}

fn clipped(text: &str) -> String {
    let mut clipped: String = text.chars().take(40).collect();
    if clipped.len() < text.len() {
        clipped.push_str("...");
    }
    clipped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_counted() {
        for (one, other, slips) in
            [("", "", 0), ("", "abc", 3), ("kitten", "sitting", 3), ("flaw", "lawn", 2), ("same", "same", 0)]
        {
            assert_eq!(distance(one, other), slips);
            assert_eq!(distance(other, one), slips);
        }
        let known = ["callees", "call_id", "source"];
        assert_eq!(nearest("calees", &known), Some("callees"));
        assert_eq!(nearest("callId", &known), Some("call_id"));
        assert_eq!(nearest("speed", &known), None);
    }
}
