//! Graph's errors in every shape they were met in: what is read, and what a person is told.

use callredirect::outcome::{Refused, Verdict};
use callredirect::send::transport::Answer;

use crate::common::corpus;

fn fixture(path: &str) -> Vec<u8> {
    std::fs::read(format!("{}/tests/fixtures/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn refused(status: u16, body: impl Into<Vec<u8>>) -> Refused {
    let answer = Answer { status, request_id: None, retry_after: None, body: body.into() };
    match Verdict::of(&answer, 0.0) {
        Verdict::Rejected(no) | Verdict::CallGone(no) => no,
        other => panic!("{status} is {other:?}"),
    }
}

fn told(no: &Refused) -> String {
    no.advice().map_or_else(String::new, |advice| format!("{}; {}", advice.explanation, advice.cure))
}

#[test]
fn every_error_that_was_met() {
    let rows = [
        ("7500-delegated-token", 403, Some("7500"), "Unsupported AAD Identity.", "not on behalf of a user"),
        (
            "7503-in-json-text",
            403,
            Some("7503"),
            "Application is not registered in our store.",
            "Teams channel",
        ),
        ("7504-no-consent", 403, Some("7504"), "Insufficient enterprise", "Calls.Initiate.All"),
        (
            "7505-tenant-mismatch",
            403,
            Some("7505"),
            "Request authorization tenant mismatch.",
            "the call's tenant",
        ),
        ("7505-without-wrapper", 403, Some("7505"), "Mismatch between request", "the call's tenant"),
        ("7507-source-invalid", 400, Some("7507"), "Call source identity invalid", "source"),
        ("8522-call-not-found", 404, Some("8522"), "Call not found.", "15 seconds"),
        ("9999-internal", 400, Some("9999"), "Unknown internal server error", "targets"),
        ("bad-request-open-property", 400, Some("BadRequest"), "Found a function", "base_url"),
        (
            "bad-request-schema-rollout",
            400,
            Some("BadRequest"),
            "The type 'microsoft.graph.answer'",
            "schema",
        ),
        ("invalid-request", 400, Some("BadRequest"), "request is invalid", "violations()"),
        (
            "html-in-message",
            400,
            Some("UnknownError"),
            "Bad Request Bad Request - Request Too Long HTTP",
            "headers",
        ),
        (
            "too-many-requests",
            429,
            Some("TooManyRequests"),
            "Please retry again later.",
            "10,000 calls a month",
        ),
        ("balance-not-found", 403, Some("500"), "CreateUsageRequest: Balance not found", "credits"),
        ("forbidden-word", 403, Some("Forbidden"), "", "Calls.Initiate.All"),
        ("invalid-token", 401, Some("InvalidAuthenticationToken"), "Access token has expired", "scope"),
    ];
    let mut files = 0;
    for (name, status, code, message, advice) in rows {
        let body = fixture(&format!("graph_errors/{name}.json"));
        let no = refused(status, body.clone());
        assert_eq!(no.code.as_deref(), code, "{name}");
        assert!(no.message.as_deref().unwrap_or_default().starts_with(message), "{name}: {:?}", no.message);
        let mentions_id = body.windows(10).any(|bytes| bytes == b"request-id" || bytes == b"\"requestId");
        assert_eq!(no.request_id.as_ref().map(String::len), mentions_id.then_some(36), "{name}");
        assert!(told(&no).contains(advice), "{name}: {}", told(&no));
        files += 1;
    }
    let there = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/graph_errors"))
        .unwrap()
        .count();
    assert_eq!(files + 1, there, "a fixture that nobody reads");
    let page = refused(403, fixture("graph_errors/page.html"));
    assert_eq!((page.code, page.message.as_deref()), (None, Some("502 Bad Gateway 502 Bad Gateway")));
}

/// Microsoft's documentation prints one error body.
#[test]
fn the_errors_of_the_documentation() {
    let Some(payloads) = corpus("graph_payloads") else { return };
    let body = std::fs::read(payloads.join("docs2021-concepts-throttling-L37.json")).unwrap();
    let no = refused(429, body);
    assert_eq!(no.code.as_deref(), Some("TooManyRequests"));
    assert_eq!(no.message.as_deref(), Some("Please retry again later."));
    assert_eq!(no.request_id.as_deref(), Some("94fb3b52-452a-4535-a601-69e0a90e3aa2"));
}

#[test]
fn shapes() {
    let nested = r#"{"error": {"error": {"code": "a", "message": "b"}}}"#;
    let inner = r#"{"error": {"innererror": {"code": "429", "message": "Please retry after"}}}"#;
    let twice = r#"{"error": {"code": "UnknownError", "message": "{\"error\": {\"code\": 7503, \"message\": \"x\"}}"}}"#;
    let capitals = r#"{"Error": {"Code": "a", "Message": "b", "InnerError": {"Request-Id": "c"}}}"#;
    let mark = "\u{feff}{\"error\": {\"code\": \"a\", \"message\": \"b\"}}";
    for (body, code, message) in [
        (nested, Some("a"), Some("b")),
        (inner, Some("429"), Some("Please retry after")),
        (
            r#"{"error": {"code": "", "message": "b", "innerError": {"code": "7504"}}}"#,
            Some("7504"),
            Some("b"),
        ),
        (r#"{"error": {"code": ""}}"#, None, None),
        (twice, Some("7503"), Some("x")),
        (capitals, Some("a"), Some("b")),
        (mark, Some("a"), Some("b")),
        (r#"{"error": {"code": "a", "message": "{\"b\": 1}"}}"#, Some("a"), Some("{\"b\": 1}")),
        (r#"{"error": {"code": "a", "message": "{broken"}}"#, Some("a"), Some("{broken")),
        (r#"{"error": {"code": ["a"], "message": {"lang": "en"}}}"#, None, None),
        (r#"{"error": null, "message": "b"}"#, None, Some("b")),
        ("<html><head><title>Oh</title></head></html>", None, Some("Oh")),
        ("<HTML>", None, None),
        ("<html><script>hidden</script ><style>hidden</style>seen<", None, Some("seen")),
        ("<html><script>hidden", None, None),
        ("plain words", None, None),
        ("null", None, None),
        ("", None, None),
    ] {
        let no = refused(400, body);
        assert_eq!((no.code.as_deref(), no.message.as_deref()), (code, message), "{body}");
    }
}

#[test]
fn bounded_whatever_comes() {
    let long = "x".repeat(5000);
    let no = refused(400, format!(r#"{{"error": {{"code": "{long}", "message": "{long}"}}}}"#));
    assert_eq!((no.code.unwrap().len(), no.message.unwrap().len()), (100, 500));
    let no = refused(400, format!("<html>{}", "<b>ä</b>".repeat(5000)));
    assert_eq!(no.message.unwrap().chars().count(), 500);
    for body in [
        r#"{"error":"#.repeat(100) + "1" + &"}".repeat(100),
        r#"{"error":"#.repeat(5000),
        "<".repeat(60_000),
        "<html".repeat(10_000),
        "\u{0}\u{1f}".to_owned(),
    ] {
        refused(400, body);
    }
    // JSON text within JSON text, each the message of the one around it.
    let mut text = r#"{"code": "deep"}"#.to_owned();
    for _ in 0..10 {
        text = serde_json::json!({"message": text}).to_string();
    }
    assert_eq!(refused(400, text).code, None);
}

#[test]
fn a_tenant_mismatch_names_both_tenants() {
    let body = fixture("graph_errors/7505-tenant-mismatch.json");
    let with = |token: Option<&str>, call: Option<&str>| {
        let own = |text: Option<&str>| text.map(str::to_owned);
        let no = Refused { token_tenant: own(token), call_tenant: own(call), ..refused(403, body.clone()) };
        told(&no)
    };
    let both = with(Some("tenant-a"), Some("tenant-b"));
    assert!(both.contains("the token is of tenant tenant-a, the call of tenant-b"), "{both}");
    assert!(both.contains("authority of the call's tenant"), "{both}");
    assert!(with(Some("tenant-a"), None).contains("the token is of tenant tenant-a;"));
    assert!(with(None, Some("tenant-b")).contains("the call is of tenant tenant-b;"));
    assert!(!with(None, None).contains(" of tenant "), "{}", with(None, None));
    let same = with(Some("Tenant-A"), Some("tenant-a"));
    assert!(same.contains("the targets must be of the call's tenant"), "{same}");
}

#[test]
fn what_no_source_explains_has_no_advice() {
    for (status, code) in [(500, "8523"), (402, "1009"), (418, "7501"), (402, "7502")] {
        let no = Refused { status, code: Some(code.into()), ..Refused::default() };
        assert_eq!(no.advice(), None, "{status} {code}");
    }
    for status in [307, 400, 401, 403, 404, 407, 409, 410, 422, 429, 503] {
        assert!(Refused { status, ..Refused::default() }.advice().is_some(), "{status}");
    }
}

#[test]
fn one_line_without_graphs_words() {
    let message = "No\nroute to +12345678901\r\n\u{1b}[31mnor tel:+49 301".to_owned();
    let no = Refused { status: 403, code: Some("7504".into()), message: Some(message), ..Refused::default() };
    let said = "rejected: Graph answered 403: 7504 (";
    let line = Verdict::Rejected(no.clone()).to_string();
    assert!(line.starts_with(said) && line.contains("; what to do: ") && !line.contains('\n'), "{line}");
    assert!(Verdict::CallGone(no).to_string().starts_with("call gone: Graph answered 403"));
    let reason = || "to +12345678901\nx".to_owned();
    for (verdict, line) in [
        (Verdict::Accepted { status: 202 }, "accepted: Graph answered 202"),
        (
            Verdict::Expired { sent: true, reason: reason() },
            "expired, it may have arrived: to +*********01 x",
        ),
        (Verdict::Expired { sent: false, reason: reason() }, "expired, nothing was sent: to +*********01 x"),
        (
            Verdict::Unknown { likely_delivered: true, reason: reason() },
            "unknown, it probably arrived: to +*********01 x",
        ),
        (
            Verdict::Unknown { likely_delivered: false, reason: reason() },
            "unknown, it may have arrived: to +*********01 x",
        ),
    ] {
        assert_eq!(verdict.to_string(), line);
    }
}
