//! Where an error is said to be: line, column in characters, JSON path.

use callredirect::ParseError;
use callredirect::notification::{Document, Refusal};

use crate::{document, lenient, strict};

fn place(text: &str) -> (usize, usize, String) {
    let error = document(text).expect_err(text);
    (error.line, error.column, error.path)
}

#[test]
fn the_path_names_the_value_at_fault() {
    for (text, column, path) in [
        ("", 1, "$"),
        ("  ", 3, "$"),
        ("x", 1, "$"),
        ("nul", 1, "$"),
        ("1 2", 3, "$"),
        ("{x", 2, "$"),
        (r#"{"a" 1}"#, 6, "$.a"),
        (r#"{"a":x}"#, 6, "$.a"),
        (r#"{"a":1,}"#, 8, "$"),
        (r#"{"a":1 "b":2}"#, 8, "$"),
        (r#"{"a":1,"b":x}"#, 12, "$.b"),
        (r#"{"a":{},"b":x}"#, 13, "$.b"),
        (r#"{"a":{"b":[1,{}]},"c":{"d":01}}"#, 29, "$.c.d"),
        (r#"{"a":"x"#, 8, "$.a"),
        (r#"{"a":"#, 6, "$.a"),
        ("[x]", 2, "$[0]"),
        ("[1,2,x]", 6, "$[2]"),
        ("[[],{},x]", 8, "$[2]"),
        ("[[1,2],[3,x]]", 11, "$[1][1]"),
        (r#"{"value":[{},{"a":[0,[1,x]]}]}"#, 25, "$.value[1].a[1][1]"),
        (r#"{"value":[0,0,{"a":1,"b":{"c":x}}]}"#, 31, "$.value[2].b.c"),
        (r#"{"@odata.type":x}"#, 16, "$[\"@odata.type\"]"),
        (r#"{"":x}"#, 5, "$[\"\"]"),
        (r#"{"a b":[x]}"#, 9, "$[\"a b\"][0]"),
        (r#"{"\u0061":{"\"":x}}"#, 17, r#"$.a["\""]"#),
    ] {
        assert_eq!(place(text), (1, column, path.to_owned()), "{text}");
    }
}

#[test]
fn long_names_are_cut_in_the_path() {
    let (_, _, path) = place(&format!("{{\"{}\":x}}", "n".repeat(5000)));
    assert_eq!(path, format!("$.{}", "n".repeat(40)));
}

#[test]
fn columns_count_characters() {
    assert_eq!(place("{\"\u{e9}\u{1f600}\": x}"), (1, 8, "$[\"\u{e9}\u{1f600}\"]".to_owned()));
    assert_eq!(place("[\n\r\n  \"\u{1f600}\", x]"), (3, 8, "$[1]".to_owned()));
    assert_eq!(place("[\"\u{1f600}\u{1}\"]"), (1, 4, "$[0]".to_owned()));
    assert_eq!(place("[\"\u{1f600}\\q\"]"), (1, 4, "$[0]".to_owned()));
}

#[test]
fn every_position_in_a_string_is_found() {
    // The reader looks at eight bytes at once; the fault must be found at each of them.
    for fault in ["\u{0}", "\u{1f}", "\n", "\\x"] {
        for before in 0..40 {
            for filling in ["a", "!", "#", "[", "]", "\u{7f}", "\u{80}", "\u{e9}", "\u{1f600}"] {
                let text = format!("\"{}{fault}zzzzzzzzzzzz\"", filling.repeat(before));
                assert_eq!(place(&text), (1, before + 2, "$".to_owned()), "{text:?}");
            }
        }
    }
}

#[test]
fn bytes_that_are_not_utf_8() {
    let Err(Refusal::Malformed(error)) = strict(b"[\n\"\xc3\xa9\xff\"]") else { panic!("accepted") };
    assert_eq!((error.line, error.column, error.path.as_str()), (2, 3, "$"));
    assert_eq!(error.reason, "byte 5 is not UTF-8");
}

#[test]
fn trailing_commas_are_called_by_name() {
    for (text, reason) in [
        ("[1,]", "trailing comma before `]`"),
        ("{\"a\":1,}", "trailing comma before `}`"),
        ("[1,}", "expected a JSON value"),
        ("{\"a\":1,]", "expected a member name in double quotes"),
    ] {
        assert_eq!(document(text).unwrap_err().reason, reason, "{text}");
    }
}

#[test]
fn an_error_reads_well() {
    let error = document(r#"{"value":[{"state":incoming}]}"#).unwrap_err();
    assert_eq!(error.to_string(), "expected a JSON value at $.value[0].state (line 1, column 20)");
    let error = ParseError { line: 0, column: 0, ..error };
    assert_eq!(error.to_string(), "expected a JSON value at $.value[0].state");
}

#[test]
fn the_depth_limit() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let nested = |depth: usize| format!("{}0{}", open.repeat(depth), close.repeat(depth));
        assert!(document(&nested(64)).is_ok());
        let error = document(&nested(65)).unwrap_err();
        assert_eq!(error.reason, "nested deeper than allowed");
        assert_eq!(error.column, 64 * open.len() + 1);
        assert!(Document::parse(&nested(1), 0).is_err());
        assert!(Document::parse("0", 0).is_ok());
        // Only what is open at the same time counts.
        assert!(document(&format!("[{}0]", "[[]],".repeat(1000))).is_ok());
    }
}

#[test]
fn no_depth_exhausts_the_stack() {
    for open in ["[", "{\"a\":", "[{\"a\":"] {
        let deep = open.repeat(100_000);
        assert!(document(&deep).is_err());
        let close: String = deep
            .chars()
            .rev()
            .filter_map(|c| [('[', ']'), ('{', '}')].iter().find(|p| p.0 == c).map(|p| p.1))
            .collect();
        let whole = format!("{deep}0{close}");
        assert!(Document::parse(&whole, usize::MAX).is_ok());
        assert!(Document::parse(&deep, usize::MAX).is_err());
        assert!(strict(whole.as_bytes()).is_err() && lenient(whole.as_bytes()).is_err());
    }
}
