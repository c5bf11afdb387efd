//! Where something is: line, column, JSON path.

use std::fmt::Write as _;

use super::document::{Entry, Kind, string};

/// A path is cut at the first step beyond so many bytes, a name at so many characters: errors end up in logs.
const LONGEST_PATH: usize = 60;
const LONGEST_NAME: usize = 40;

/// 1-based line and column (in characters) of a byte offset.
pub(crate) fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}

/// The path of the entry of that index, which may be the one that the scanner is about to make.
pub(super) fn path(text: &str, entries: &[Entry], index: u32) -> String {
    let entry = |index: u32| entries.get(index as usize);
    let mut path = String::from("$");
    let mut container = 0;
    while let Some(outer) = entry(container).filter(|outer| container < index && index < outer.next) {
        if path.len() > LONGEST_PATH {
            path.push_str("...");
            break;
        }
        let (mut before, mut child, mut count) = (container, container + 1, 0_usize);
        while let Some(inner) = entry(child).filter(|inner| inner.next <= index) {
            (before, child, count) = (child, inner.next, count + 1);
        }
        if outer.kind == Kind::Array {
            let _ = write!(path, "[{count}]");
        } else if count % 2 == 1 {
            let name = entry(before).and_then(|name| string(text, *name));
            path.push_str(&member(&name.unwrap_or_default().0));
        }
        container = child;
    }
    path
}

/// The part of a path that a member adds: `.name`, or `["odd name"]`, so that a path is always one line.
pub(crate) fn member(name: &str) -> String {
    let plain = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if plain {
        return format!(".{name:.LONGEST_NAME$}");
    }
    // Debug form: JSON would leave invisible and line-breaking characters as they are.
    let quoted = format!("{name:?}");
    let inner = quoted.get(1..quoted.len() - 1).unwrap_or_default();
    format!("[\"{inner:.LONGEST_NAME$}\"]")
}
