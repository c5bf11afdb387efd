//! Every answer Graph, a gateway or a stranger may give: one request, one verdict, nobody followed.

use std::time::Duration;

use callredirect::outcome::{Outcome, Refused, Verdict};

use crate::server::Event::{Answer, Connect, Gone, Request};
use crate::server::{Server, Step, accepted, answering, response};
use crate::{Still, as_time_passes, is_unknown, refused, seconds, send_at_once, send_to};

/// The outcome of one answer; checks that it took one connection and one request.
async fn outcome_of(answer: impl AsRef<[u8]>) -> Outcome {
    let server = Server::start(vec![answering(answer)]);
    let outcome = send_at_once(&server).await;
    let events = server.events();
    assert_eq!(events[..3], [Connect, Request, Answer]);
    assert!(events[3..].iter().all(|event| *event == Gone), "{events:?}");
    let [attempt] = &outcome.attempts[..] else { panic!("{:?}", outcome.attempts) };
    assert!(attempt.sent && attempt.error.is_none());
    outcome
}

async fn refusal_of(answer: impl AsRef<[u8]>) -> Refused {
    match outcome_of(answer).await.verdict {
        Verdict::Rejected(refused) => refused,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn success_is_accepted_whatever_else_it_says() {
    for status in [200, 201, 202, 204, 299] {
        let answer = match status {
            204 => b"HTTP/1.1 204 No Content\r\n\r\n".to_vec(),
            _ => response(&format!("{status} Yes"), "", r#"{"error": {"code": "8522"}}"#),
        };
        let outcome = outcome_of(answer).await;
        assert_eq!(outcome.verdict, Verdict::Accepted { status });
        assert_eq!(outcome.attempts[0].status, Some(status));
    }
}

#[tokio::test(start_paused = true)]
async fn graph_errors_in_every_spelling() {
    let plain = r#"{"error": {"code": "BadRequest", "message": "No."}}"#;
    let numeric = r#"{"error": {"code": 7505, "message": "Request authorization tenant mismatch."}}"#;
    let mismatch = Some("Request authorization tenant mismatch.");
    let rows: [(u16, &str, Option<&str>, Option<&str>); 15] = [
        (400, plain, Some("BadRequest"), Some("No.")),
        (
            401,
            r#"{"error": {"code": "InvalidAuthenticationToken", "message": ""}}"#,
            Some("InvalidAuthenticationToken"),
            Some(""),
        ),
        (
            403,
            r#"{"error": {"code": "7505", "message": "Request authorization tenant mismatch."}}"#,
            Some("7505"),
            mismatch,
        ),
        (403, numeric, Some("7505"), mismatch),
        (403, r#"{"code": "7504", "message": "x"}"#, Some("7504"), Some("x")),
        (409, r#"{"error": "invalid_request", "code": "a"}"#, Some("a"), None),
        (400, r#"{"error": "invalid_request", "error_description": "b"}"#, None, None),
        (422, r#"{"error": {"code": null, "message": ["x"]}}"#, None, None),
        (400, r#"{"error": {}}"#, None, None),
        (400, "<!DOCTYPE html><html><body>Bad Request</body></html>", None, Some("Bad Request")),
        (400, "\u{feff}{", None, None),
        (400, "[]", None, None),
        (400, "\"text\"", None, None),
        (400, "", None, None),
        (405, plain, Some("BadRequest"), Some("No.")),
    ];
    for (status, body, code, message) in rows {
        let got = refusal_of(response(&format!("{status} No"), "", body)).await;
        assert_eq!(got, refused(status, code, message), "{body}");
    }
    for garbage in [b"\xff\xfe\x00".to_vec(), b"{\"error\":".to_vec(), b"[".repeat(60_000)] {
        assert_eq!(refusal_of(response("403 No", "", garbage)).await, refused(403, None, None));
    }
}

#[tokio::test(start_paused = true)]
async fn the_request_id_comes_from_the_header_or_else_the_body() {
    let inner = |name: &str, member: &str| {
        format!(r#"{{"error": {{"code": "x", "{name}": {{"{member}": "body"}}}}}}"#)
    };
    for (name, member) in
        [("innerError", "request-id"), ("innererror", "request-id"), ("innerError", "requestId")]
    {
        let got = refusal_of(response("400 No", "", inner(name, member))).await;
        assert_eq!(got.request_id.as_deref(), Some("body"), "{name} {member}");
    }
    let answer = response("400 No", "request-id: header\r\n", inner("innerError", "request-id"));
    let outcome = outcome_of(answer).await;
    assert_eq!(outcome.attempts[0].request_id.as_deref(), Some("header"));
    let Verdict::Rejected(refused) = outcome.verdict else { panic!("{:?}", outcome.verdict) };
    assert_eq!(refused.request_id.as_deref(), Some("header"));

    let outcome = outcome_of(response("202 Accepted", "request-id: of-202\r\n", "")).await;
    assert_eq!(outcome.attempts[0].request_id.as_deref(), Some("of-202"));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_gone() {
    let gone = r#"{"error": {"code": "8522", "message": "Call not found."}}"#;
    for (status, body, code) in [
        (404, gone, Some("8522")),
        (404, r#"{"error": {"code": 8522}}"#, Some("8522")),
        (410, "", None),
        (410, gone, Some("8522")),
    ] {
        match outcome_of(response(&format!("{status} Gone"), "", body)).await.verdict {
            Verdict::CallGone(refused) => {
                assert_eq!((refused.status, refused.code.as_deref()), (status, code));
            }
            other => panic!("{status} {body}: {other:?}"),
        }
    }
    // Not the call but the path: a wrong base URL, say.
    for body in
        ["", "<html>", r#"{"error": {"code": "ResourceNotFound"}}"#, r#"{"error": {"code": "18522"}}"#]
    {
        assert_eq!(refusal_of(response("404 Not Found", "", body)).await.status, 404, "{body}");
    }
}

#[tokio::test(start_paused = true)]
async fn throttled_is_a_refusal_that_says_how_long() {
    // Too little time for another attempt.
    let refusal = async |answer| {
        let server = Server::start(vec![answering(answer)]);
        let still = Still::new();
        let outcome = send_to(server.port, seconds(0.2)).await;
        drop(still);
        assert_eq!((outcome.attempts.len(), outcome.elapsed), (1, Duration::ZERO));
        match outcome.verdict {
            Verdict::Rejected(refused) => refused,
            other => panic!("{other:?}"),
        }
    };
    for status in [429, 503] {
        for (value, wait) in [
            ("1", Some(1.0)),
            ("2.128", Some(2.128)),
            (" 20 ", Some(20.0)),
            ("0", Some(0.0)),
            ("Wed, 21 Oct 2015 07:28:00 GMT", Some(0.0)),
            ("-1", None),
            ("nan", None),
            ("inf", None),
            ("1e300", None),
            ("soon", None),
            ("", None),
            ("Wed, 21 Oct 2026 07:28:00 CET", None),
        ] {
            let answer = response(&format!("{status} Slow"), &format!("Retry-After: {value}\r\n"), "");
            let refused = refusal(answer).await;
            assert_eq!((refused.status, refused.retry_after), (status, wait.map(seconds)), "{value:?}");
        }
        assert_eq!(refusal(response(&format!("{status} Slow"), "", "")).await.retry_after, None);
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_error_says_nothing_about_the_call() {
    for status in [500, 502, 504, 599] {
        let verdict = outcome_of(response(&format!("{status} Oh"), "", "")).await.verdict;
        assert!(is_unknown(&verdict), "{status}: {verdict:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_redirect_of_the_request_is_never_followed() {
    let elsewhere = Server::start(vec![answering(accepted())]);
    for status in [301, 302, 303, 307, 308] {
        let location = format!("Location: {}/elsewhere\r\n", elsewhere.url());
        assert_eq!(refusal_of(response(&format!("{status} There"), &location, "")).await.status, status);
    }
    assert_eq!(elsewhere.events(), []);
}

#[tokio::test(start_paused = true)]
async fn a_long_body_is_cut_and_an_endless_one_hung_up_on() {
    let long = |length: usize| {
        let body = format!(r#"{{"error": {{"code": "x", "message": "{}"}}}}"#, "m".repeat(length));
        response("400 No", "", body)
    };
    let got = refusal_of(long(60_000)).await;
    assert_eq!(got.code.as_deref(), Some("x"));
    assert_eq!(got.message.unwrap().len(), 500);
    assert_eq!(refusal_of(long(70_000)).await, refused(400, None, None));

    let chunk = [b"8000\r\n", &b"x".repeat(0x8000)[..], b"\r\n"].concat();
    for status in ["400 No", "202 Accepted"] {
        let head = format!("HTTP/1.1 {status}\r\nTransfer-Encoding: chunked\r\n\r\n");
        let script = vec![Step::Read, Step::Write(head.into_bytes()), Step::Flood(chunk.clone())];
        let server = Server::start(vec![script]);
        let outcome = send_at_once(&server).await;
        assert_eq!(outcome.attempts[0].status, Some(status[..3].parse().unwrap()));
        assert_eq!(server.events(), [Connect, Request, Answer, Gone]);
        // What the two sockets hold beside what was read.
        assert!(server.flooded() < 16 << 20, "{}", server.flooded());
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_stalls_costs_its_words_but_not_the_verdict() {
    let stalling = |status: &str| format!("HTTP/1.1 {status}\r\nContent-Length: 100\r\n\r\n{{\"error\"");
    let cases = [
        ("400 No", 13.0, 1.0, Verdict::Rejected(refused(400, None, None))),
        ("400 No", 0.5, 0.5, Verdict::Rejected(refused(400, None, None))),
        ("202 Accepted", 13.0, 0.0, Verdict::Accepted { status: 202 }),
    ];
    for (status, budget, elapsed, verdict) in cases {
        let server = Server::start(vec![answering(stalling(status))]);
        let outcome = as_time_passes(seconds(0.01), send_to(server.port, seconds(budget))).await;
        assert_eq!((outcome.verdict, outcome.elapsed), (verdict, seconds(elapsed)), "{status}");
        assert_eq!(server.events(), [Connect, Request, Answer, Gone]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_shorter_than_promised() {
    let answer = b"HTTP/1.1 403 No\r\nContent-Length: 100\r\n\r\n{\"error\": {\"code\": \"7505\"}}".to_vec();
    let server = Server::start(vec![vec![Step::Read, Step::Write(answer), Step::Close]]);
    let outcome = send_at_once(&server).await;
    assert_eq!(outcome.verdict, Verdict::Rejected(refused(403, Some("7505"), None)));
    assert_eq!(outcome.elapsed, Duration::ZERO);
}
