//! A value of a document: looked at, compared, asked for members.

use callredirect::notification::{Json, Kind, Node};
use callredirect::send::clock::Arrival;

use crate::document;

fn equal(left: &str, right: &str) -> bool {
    let (left, right) = (document(left).unwrap(), document(right).unwrap());
    let verdict = left.root() == right.root();
    assert_eq!(verdict, right.root() == left.root(), "only one way round");
    verdict
}

#[test]
fn equal_as_json() {
    for (left, right) in [
        ("1", " 1 "),
        ("null", "null"),
        (r#""a""#, r#""\u0061""#),
        (r#""\ud83d\ude00""#, "\"\u{1f600}\""),
        ("[]", "[ ]"),
        ("[1,[2]]", "[1 , [ 2 ] ]"),
        (r#"{"a":1,"b":[true]}"#, r#"{ "b" : [true], "\u0061" : 1 }"#),
        // The last one counts, here as in every place that asks for a member.
        (r#"{"a":1,"a":2}"#, r#"{"a":2}"#),
        (r#"{"a":1,"a":2}"#, r#"{"a":1, "a":2}"#),
    ] {
        assert!(equal(left, right), "{left} {right}");
    }
}

#[test]
fn different_as_json() {
    for (left, right) in [
        ("1", "2"),
        ("1", "1.0"),
        ("1", r#""1""#),
        ("true", "false"),
        ("null", "false"),
        ("null", r#""""#),
        ("[]", "{}"),
        ("[]", "[null]"),
        ("[1,2]", "[2,1]"),
        ("[1]", "[1,1]"),
        (r#"{"a":1}"#, r#"{"a":2}"#),
        (r#"{"a":1}"#, r#"{"A":1}"#),
        (r#"{"a":1}"#, r#"{"a":1,"b":null}"#),
        (r#"{"a":2,"a":2}"#, r#"{"a":2,"b":3}"#),
        (r#"{"a":1,"a":2}"#, r#"{"a":2,"a":1}"#),
    ] {
        assert!(!equal(left, right), "{left} {right}");
    }
}

#[test]
fn objects_with_very_many_members_are_compared_at_once() {
    let members = |order: &mut dyn Iterator<Item = u32>| {
        let members: Vec<String> = order.map(|n| format!("\"{n}\":{n}")).collect();
        format!("{{{}}}", members.join(","))
    };
    assert!(equal(&members(&mut (0..50_000)), &members(&mut (0..50_000).rev())));
}

#[test]
fn strings() {
    for (text, read) in [
        (r#""""#, ""),
        (r#""a""#, "a"),
        (r#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{c}\n\r\t"),
        (r#""\u0041\u00e9\u20ac""#, "A\u{e9}\u{20ac}"),
        (r#""\uD83D\uDE00!""#, "\u{1f600}!"),
        (r#""\ud800\udc00\udbff\udfff""#, "\u{10000}\u{10ffff}"),
        (r#""\udbff\ue000\ud7ff""#, "\u{fffd}\u{e000}\u{d7ff}"),
        (r#""\ud83d""#, "\u{fffd}"),
        (r#""\ude00x""#, "\u{fffd}x"),
        (r#""\ud83dx\ude00""#, "\u{fffd}x\u{fffd}"),
        (r#""\ud83d\u0041""#, "\u{fffd}A"),
        (r#""\ud83d\ud83d\ude00""#, "\u{fffd}\u{1f600}"),
        (r#""\ud83d\\ude00""#, "\u{fffd}\\ude00"),
        (r#""\ud83d\n""#, "\u{fffd}\n"),
    ] {
        let doc = document(text).unwrap();
        assert_eq!(doc.root().as_str().as_deref(), Some(read), "{text}");
        assert!(
            doc.root().is(read) && !doc.root().is("other") && !doc.root().is(&format!("{read}x")),
            "{text}"
        );
        assert_eq!(doc.root().kind() == Kind::Escaped, text.contains('\\'), "{text}");
    }
    for text in ["1", "null", "[]", r#"{"a":"b"}"#] {
        let doc = document(text).unwrap();
        assert_eq!(doc.root().as_str(), None, "{text}");
        assert!(!doc.root().is(text), "{text}");
    }
}

#[test]
fn integers_also_as_text() {
    for (text, read) in [
        ("0", Some(0)),
        ("-12", Some(-12)),
        ("9223372036854775807", Some(i64::MAX)),
        ("9223372036854775808", None),
        ("1.5", None),
        ("1e3", None),
        (r#""0""#, Some(0)),
        (r#""5001""#, Some(5001)),
        (r#""\u0035001""#, Some(5001)),
        (r#""transferring""#, None),
        (r#""""#, None),
        (r#"" 1""#, None),
        ("null", None),
        ("true", None),
        ("[1]", None),
    ] {
        assert_eq!(document(text).unwrap().root().as_int(), read, "{text}");
    }
}

#[test]
fn members() {
    let text = r#"{"a":1,"b":{"a":[2]},"\u0061":"x","c":null}"#;
    let doc = document(text).unwrap();
    let root = doc.root();
    let names: Vec<_> = root.members().map(|(name, value)| (name.as_str().unwrap(), value.raw())).collect();
    assert_eq!(
        names,
        [("a".into(), "1"), ("b".into(), r#"{"a":[2]}"#), ("a".into(), "\"x\""), ("c".into(), "null")]
    );
    assert_eq!(root.str("a").as_deref(), Some("x"), "the last one counts, however it is spelled");
    assert_eq!(root.get("c").map(Node::kind), Some(Kind::Null));
    assert!(root.get("d").is_none() && root.get("").is_none());
    assert!(root.object("b").is_some() && root.object("a").is_none() && root.object("c").is_none());
    assert_eq!(root.items().count(), 0);
    assert_eq!(root.object("b").unwrap().get("a").unwrap().members().count(), 0);
    let inner = Json::new(document(text).unwrap(), Arrival::now()).at(root.get("b").unwrap());
    assert_eq!(inner.node().raw(), r#"{"a":[2]}"#);
}

#[test]
fn a_member_that_comes_twice() {
    let known = ["state", "id"];
    for (text, twice) in [
        (r#"{"id":1,"state":2}"#, None),
        (r#"{"id":1,"x":1,"x":2}"#, None),
        (r#"{"x":{"id":1},"id":1}"#, None),
        (r#"{"id":1,"ID":1}"#, None),
        (r#"{"id":1,"id":1}"#, Some("id")),
        (r#"{"id":1,"state":2,"\u0069d":null}"#, Some("id")),
        (r#"{"state":1,"id":1,"id":1,"state":1}"#, Some("id")),
        ("[1,1]", None),
        ("{}", None),
    ] {
        assert_eq!(document(text).unwrap().root().pick(known).err(), twice, "{text}");
    }
}
