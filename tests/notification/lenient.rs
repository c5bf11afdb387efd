//! Pasted documentation: what is forgiven, what is not, and that nothing moves.

use callredirect::notification::Refusal;

use crate::{lenient, strict};

/// The text as a lenient reader sees it, as the only item of a body; `None` when it is refused.
fn read(text: &str) -> Option<String> {
    let notes = lenient(format!("[{text}\n]").as_bytes()).ok()?;
    assert_eq!(notes.len(), 1, "{text:?}");
    Some(notes[0].json.node().raw().to_owned())
}

#[test]
fn commas_and_comments_are_forgiven() {
    for (text, seen) in [
        ("{\"a\":1,}", "{\"a\":1 }"),
        ("[1,2,]", "[1,2 ]"),
        ("[1 , ]", "[1   ]"),
        ("{\"a\":[1,],}", "{\"a\":[1 ] }"),
        ("[{},[],\"\",true,]", "[{},[],\"\",true ]"),
        ("{\"a\":1, // one\n}", "{\"a\":1        \n}"),
        ("{\"a\":1, /* one\n two */}", "{\"a\":1        \n       }"),
        ("{/**/\"a\":/* , */1}", "{    \"a\":       1}"),
        ("[/* \" */1,// \"\n2]", "[       1,    \n2]"),
        ("[1/***/]", "[1     ]"),
        ("[1,/* a *//* b */// c\n]", "[1                   \n]"),
        ("[\"\u{e9}\",/*\u{e9}\u{1f600}*/]", "[\"\u{e9}\"       ]"),
    ] {
        assert_eq!(read(text).as_deref(), Some(seen), "{text:?}");
        let body = format!("[{text}\n]");
        assert!(matches!(strict(body.as_bytes()), Err(Refusal::Malformed(_))), "{text:?} is strict JSON");
    }
}

#[test]
fn a_comment_up_to_the_end_of_the_text() {
    assert!(lenient(b"[] // the end").is_ok_and(|notes| notes.is_empty()));
    assert!(lenient(b"// the start\r\n[]").is_ok_and(|notes| notes.is_empty()));
}

#[test]
fn strings_are_left_alone() {
    for text in [
        r#"{"url":"https://bot.contoso.com/api"}"#,
        r#"{"a":",}"}"#,
        r#"{"a":",]","b":"/* no comment */"}"#,
        r#"{"a":"\",}","b":"\\"}"#,
        r#"["\\",",]"]"#,
        r#"{"//":1,"/*":2,"*/":3}"#,
    ] {
        assert_eq!(read(text).as_deref(), Some(text));
    }
}

#[test]
fn other_slips_stay_errors() {
    for text in [
        "[,]",
        "[1,,]",
        "[,1]",
        "{,}",
        "{\"a\":,}",
        "{\"a\",}",
        "{\"a\":1,,}",
        "[1}",
        "{\"a\":1]",
        "[1 2]",
        "[1/2]",
        "[1]/",
        "{'a':1}",
        "{a:1}",
        "# no",
        "[1,/*]",
        "[1,/*/]",
        "[\"abc]",
        "[\"abc\\",
        "\"",
        "\\",
        "/",
        "/*",
        "*/",
        "[1,\u{a0}]",
        "",
    ] {
        // As a whole text too: nothing may panic however it ends.
        let whole = lenient(text.as_bytes());
        assert!(whole.is_err(), "{text:?}");
        if !text.is_empty() {
            assert_eq!(read(text), None, "{text:?}");
        }
    }
}

#[test]
fn an_unterminated_comment_is_refused_even_after_a_whole_body() {
    let Err(Refusal::Malformed(error)) = lenient(b"[] /* and so on") else { panic!("accepted") };
    assert_eq!((error.line, error.column), (1, 4));
}

#[test]
fn places_stay_where_they_were() {
    let text = "[ /* \u{e9}\u{1f600}\n */ {\"a\": [1,], // \u{1f600}\n /*\u{e9}*/ \"b\": x}]";
    let Err(Refusal::Malformed(error)) = lenient(text.as_bytes()) else { panic!("accepted") };
    assert_eq!((error.line, error.column, error.path.as_str()), (3, 13, "$[0].b"));
}
