//! Pasted documentation: trailing commas and comments blanked out, so that places in the text stay where they were.

/// Replaces comments and trailing commas with spaces. Line ends and the length in characters stay.
pub(crate) fn blank_documentation_slips(text: &str) -> String {
    let mut out: Vec<char> = text.chars().collect();
    let mut comma: Option<usize> = None;
    let mut before = '{';
    let mut at = 0;
    while let Some(&c) = out.get(at) {
        match (c, out.get(at + 1)) {
            ('"', _) => {
                comma = None;
                before = c;
                at = string_end(&out, at);
            }
            ('/', Some('/')) => {
                let length = out.iter().skip(at).position(|&c| c == '\n');
                let end = length.map_or(out.len(), |length| at + length);
                at = blank(&mut out, at, end);
            }
            ('/', Some('*')) => match out.windows(2).skip(at + 2).position(|pair| pair == ['*', '/']) {
                Some(length) => at = blank(&mut out, at, at + length + 4),
                // Never closed: it stays, and with it the error.
                None => break,
            },
            (',', _) => {
                // Only a comma after a value is a slip; `[,]` stays an error.
                comma = (!matches!(before, '{' | '[' | ',' | ':')).then_some(at);
                before = c;
                at += 1;
            }
            ('}' | ']', _) => {
                if let Some(slot) = comma.take().and_then(|place| out.get_mut(place)) {
                    *slot = ' ';
                }
                before = c;
                at += 1;
            }
            _ => {
                if !c.is_whitespace() {
                    comma = None;
                    before = c;
                }
                at += 1;
            }
        }
    }
    out.into_iter().collect()
}

fn string_end(text: &[char], open: usize) -> usize {
    let mut at = open + 1;
    while let Some(&c) = text.get(at) {
        match c {
            '"' => return at + 1,
            '\\' => at += 2,
            _ => at += 1,
        }
    }
    at
}

/// Blanks a comment except for its line ends; gives the place after.
fn blank(text: &mut [char], start: usize, end: usize) -> usize {
    for c in text.iter_mut().take(end).skip(start).filter(|c| **c != '\n') {
        *c = ' ';
    }
    end
}
