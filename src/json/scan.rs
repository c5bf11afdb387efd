//! The one pass over a JSON text that builds the index of [`super::Document`].
//!
//! Strict RFC 8259: what `serde_json` refuses is refused, except lone surrogate escapes, which are kept and read as
//! U+FFFD (a truncated emoji in a display name must not lose a call). No recursion, so no depth can exhaust the stack.

#![allow(clippy::inline_always, reason = "measured: one loop is a quarter faster than the same as calls")]

use wide::u8x16;

use super::document::{Entry, Kind};
use super::place::{path, position};
use crate::ParseError;

/// Builds the index; the caller has already made sure that the text is UTF-8.
pub(super) fn scan(text: &str, max_depth: usize) -> Result<Vec<Entry>, ParseError> {
    if u32::try_from(text.len()).is_err() {
        return Err(ParseError::unplaced("text longer than 4 GB"));
    }
    let mut entries = Vec::with_capacity(text.len() / 10 + 4);
    match values(text.as_bytes(), max_depth, &mut entries) {
        Ok(()) => Ok(entries),
        Err(fault) => Err(error(text, &entries, fault)),
    }
}

#[cold]
fn error(text: &str, entries: &[Entry], (pos, reason): Fault) -> ParseError {
    let (line, column) = position(text, pos);
    ParseError { reason: reason.into(), path: path(text, entries, index(entries)), line, column }
}

/// Where the scan stopped, and why.
type Fault = (usize, &'static str);
const NO_VALUE: &str = "expected a JSON value";
const NO_NAME: &str = "expected a member name in double quotes";
const ENDED: &str = "the text ends in the middle of a value";

/// Parent of the outermost value.
const NOTHING: u32 = u32::MAX;

/// Each turn of the loop reads one value, with its name if it has one, and what follows it.
#[inline(never)]
fn values(bytes: &[u8], max_depth: usize, entries: &mut Vec<Entry>) -> Result<(), Fault> {
    let mut pos = space(bytes, 0);
    if pos == bytes.len() {
        return Err((pos, "empty text"));
    }
    if bytes.starts_with(&[0xEF, 0xBB, 0xBF]) {
        return Err((pos, "byte order mark before the JSON text"));
    }
    // The container that is being read; each open one keeps its parent's index where its end will be.
    let (mut container, mut object, mut depth) = (NOTHING, false, 0);
    loop {
        if object {
            let close = string(bytes, pos, NO_NAME, entries)?;
            pos = if follows(bytes, close, *b"\":\"") { close + 2 } else { colon(bytes, close + 1)? };
        }
        match bytes.get(pos) {
            Some(b'"') => {
                let close = string(bytes, pos, NO_VALUE, entries)?;
                if object && follows(bytes, close, *b"\",\"") {
                    pos = close + 2;
                    continue;
                }
                pos = close + 1;
            }
            Some(open @ (b'{' | b'[')) => {
                if depth >= max_depth {
                    return Err((pos, "nested deeper than allowed"));
                }
                let (kind, close) = if *open == b'{' { (Kind::Object, b'}') } else { (Kind::Array, b']') };
                let this = index(entries);
                entries.push(Entry { kind, start: offset(pos), end: container, next: u32::MAX });
                pos = space(bytes, pos + 1);
                if bytes.get(pos) != Some(&close) {
                    (container, object, depth) = (this, kind == Kind::Object, depth + 1);
                    continue;
                }
                pos += 1;
                close_container(entries, this, pos);
            }
            Some(b'-' | b'0'..=b'9') => pos = scalar(entries, Kind::Number, pos, number(bytes, pos)?),
            Some(b't') => pos = scalar(entries, Kind::True, pos, word(bytes, pos, b"true")?),
            Some(b'f') => pos = scalar(entries, Kind::False, pos, word(bytes, pos, b"false")?),
            Some(b'n') => pos = scalar(entries, Kind::Null, pos, word(bytes, pos, b"null")?),
            Some(_) => return Err((pos, NO_VALUE)),
            None => return Err((pos, ENDED)),
        }
        // A comma and the next value, or the end of one or more containers.
        loop {
            pos = space(bytes, pos);
            if container == NOTHING {
                return if pos == bytes.len() {
                    Ok(())
                } else {
                    Err((pos, "text after the end of the JSON value"))
                };
            }
            match (bytes.get(pos), object) {
                (Some(b','), _) => {
                    pos = space(bytes, pos + 1);
                    match (bytes.get(pos), object) {
                        (Some(b'}'), true) => return Err((pos, "trailing comma before `}`")),
                        (Some(b']'), false) => return Err((pos, "trailing comma before `]`")),
                        _ => break,
                    }
                }
                (Some(b'}'), true) | (Some(b']'), false) => {
                    pos += 1;
                    container = close_container(entries, container, pos);
                    object = entries.get(container as usize).is_some_and(|outer| outer.kind == Kind::Object);
                    depth -= 1;
                }
                (Some(_), true) => return Err((pos, "expected `,` or `}`")),
                (Some(_), false) => return Err((pos, "expected `,` or `]`")),
                (None, _) => return Err((pos, ENDED)),
            }
        }
    }
}

/// Ends a container before `end`; gives its parent.
#[inline(always)]
fn close_container(entries: &mut [Entry], container: u32, end: usize) -> u32 {
    let next = index(entries);
    match entries.get_mut(container as usize) {
        Some(entry) => {
            entry.next = next;
            std::mem::replace(&mut entry.end, offset(end))
        }
        None => NOTHING,
    }
}

/// Whether that stands there: one look at what nearly always stands between two strings, instead of four.
#[inline(always)]
fn follows(bytes: &[u8], pos: usize, [first, second, third]: [u8; 3]) -> bool {
    let there = bytes.get(pos..).and_then(<[u8]>::first_chunk);
    there.is_some_and(|there: &[u8; 4]| {
        u32::from_le_bytes(*there) << 8 == u32::from_le_bytes([0, first, second, third])
    })
}

/// The colon after a name; where the value begins.
#[inline(never)]
fn colon(bytes: &[u8], pos: usize) -> Result<usize, Fault> {
    let pos = space(bytes, pos);
    if bytes.get(pos) != Some(&b':') {
        return Err((pos, "expected `:` after the member name"));
    }
    Ok(space(bytes, pos + 1))
}

/// A string; where its closing quote is.
#[inline(always)]
fn string(
    bytes: &[u8],
    start: usize,
    wanted: &'static str,
    entries: &mut Vec<Entry>,
) -> Result<usize, Fault> {
    match bytes.get(start) {
        Some(b'"') => {}
        Some(_) => return Err((start, wanted)),
        None => return Err((start, ENDED)),
    }
    let (mut kind, mut pos) = (Kind::Plain, start + 1);
    loop {
        pos = special(bytes, pos);
        match bytes.get(pos) {
            Some(b'"') => {
                scalar(entries, kind, start, pos + 1);
                return Ok(pos);
            }
            Some(b'\\') => {
                kind = Kind::Escaped;
                pos = escape(bytes, pos)?;
            }
            Some(_) => return Err((pos, "control character in a string: write it as an escape")),
            None => return Err((pos, "the text ends in the middle of a string")),
        }
    }
}

/// The place of the next quote, backslash or control character.
#[inline(always)]
fn special(bytes: &[u8], mut pos: usize) -> usize {
    // The scan spent half its time here at eight bytes a turn.
    while let Some(block) = bytes.get(pos..).and_then(<[u8]>::first_chunk) {
        let block = u8x16::new(*block);
        let control = block.simd_eq(block.min(u8x16::splat(0x1F)));
        let special = block.simd_eq(u8x16::splat(b'"')) | block.simd_eq(u8x16::splat(b'\\')) | control;
        let places = special.to_bitmask();
        if places != 0 {
            return pos + places.trailing_zeros() as usize;
        }
        pos += 16;
    }
    let rest = bytes.get(pos..).unwrap_or_default();
    pos + rest.iter().take_while(|&&byte| byte >= 0x20 && byte != b'"' && byte != b'\\').count()
}

#[inline(never)]
fn escape(bytes: &[u8], pos: usize) -> Result<usize, Fault> {
    match bytes.get(pos + 1) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(pos + 2),
        Some(b'u') => {
            let digits = bytes.get(pos + 2..pos + 6).unwrap_or_default();
            if digits.len() == 4 && digits.iter().all(u8::is_ascii_hexdigit) {
                return Ok(pos + 6);
            }
            Err((pos, "`\\u` needs four hexadecimal digits"))
        }
        Some(_) => Err((pos, "unknown escape in a string")),
        None => Err((pos, ENDED)),
    }
}

#[inline(never)]
fn number(bytes: &[u8], start: usize) -> Result<usize, Fault> {
    let is = |pos: usize, of: &[u8]| bytes.get(pos).is_some_and(|byte| of.contains(byte));
    let integer = start + usize::from(is(start, b"-"));
    let mut pos = if is(integer, b"0") { integer + 1 } else { digits(bytes, integer)? };
    if is(pos, b".") {
        pos = digits(bytes, pos + 1)?;
    }
    if is(pos, b"eE") {
        pos += 1;
        pos = digits(bytes, pos + usize::from(is(pos, b"+-")))?;
    }
    if bytes.get(pos).is_some_and(u8::is_ascii_alphanumeric) {
        return Err((pos, "malformed number"));
    }
    Ok(pos)
}

/// One digit or more.
fn digits(bytes: &[u8], start: usize) -> Result<usize, Fault> {
    let rest = bytes.get(start..).unwrap_or_default();
    match rest.iter().take_while(|byte| byte.is_ascii_digit()).count() {
        0 => Err((start, "expected a digit")),
        count => Ok(start + count),
    }
}

#[inline(never)]
fn word(bytes: &[u8], pos: usize, word: &[u8]) -> Result<usize, Fault> {
    let end = pos + word.len();
    if bytes.get(pos..end) == Some(word) { Ok(end) } else { Err((pos, NO_VALUE)) }
}

#[inline(always)]
fn space(bytes: &[u8], mut pos: usize) -> usize {
    while let Some(b' ' | b'\n' | b'\t' | b'\r') = bytes.get(pos) {
        pos += 1;
    }
    pos
}

/// A value with nothing inside; gives its end.
#[inline(always)]
fn scalar(entries: &mut Vec<Entry>, kind: Kind, start: usize, end: usize) -> usize {
    let next = index(entries) + 1;
    entries.push(Entry { kind, start: offset(start), end: offset(end), next });
    end
}

/// The index that the next entry gets.
#[inline(always)]
fn index(entries: &[Entry]) -> u32 {
    offset(entries.len())
}

#[allow(clippy::cast_possible_truncation, reason = "scan() has made sure that the text is below 4 GB")]
#[inline(always)]
fn offset(place: usize) -> u32 {
    place as u32
}
