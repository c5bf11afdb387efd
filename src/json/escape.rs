//! The text behind a string's escapes.

/// The text of a string that the scanner has passed, and whether no half of a surrogate pair is missing.
pub(super) fn unescape(inner: &str) -> (String, bool) {
    let mut out = String::with_capacity(inner.len());
    let mut whole = true;
    let mut rest = inner;
    while let Some((plain, escape)) = rest.split_once('\\') {
        out.push_str(plain);
        let mut chars = escape.chars();
        match chars.next() {
            Some('b') => out.push('\u{8}'),
            Some('f') => out.push('\u{c}'),
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some('t') => out.push('\t'),
            Some('u') => {
                let (unit, after) = hex4(chars.as_str());
                let (letter, after) = join_surrogates(unit, after);
                whole &= letter.is_some();
                out.push(letter.unwrap_or(char::REPLACEMENT_CHARACTER));
                rest = after;
                continue;
            }
            Some(other) => out.push(other),
            None => {}
        }
        rest = chars.as_str();
    }
    out.push_str(rest);
    (out, whole)
}

fn hex4(text: &str) -> (u32, &str) {
    let (digits, after) = text.split_at_checked(4).unwrap_or((text, ""));
    (u32::from_str_radix(digits, 16).unwrap_or(0xFFFD), after)
}

fn join_surrogates(unit: u32, after: &str) -> (Option<char>, &str) {
    if let (0xD800..=0xDBFF, Some(tail)) = (unit, after.strip_prefix("\\u")) {
        let (low, beyond) = hex4(tail);
        if (0xDC00..=0xDFFF).contains(&low) {
            let joined = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
            return (char::from_u32(joined), beyond);
        }
    }
    (char::from_u32(unit), after)
}
