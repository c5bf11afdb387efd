//! What every status means.

use callredirect::outcome::Verdict;
use callredirect::send::transport::Answer;

fn answer(status: u16, body: &str) -> Answer {
    Answer { status, request_id: None, retry_after: None, body: body.into() }
}

fn verdict(status: u16, body: &str) -> &'static str {
    match Verdict::of(&answer(status, body), 0.0) {
        Verdict::Accepted { status: same } => {
            assert_eq!(same, status);
            "accepted"
        }
        Verdict::Rejected(refused) => {
            assert_eq!(refused.status, status);
            "rejected"
        }
        Verdict::CallGone(refused) => {
            assert_eq!(refused.status, status);
            "gone"
        }
        Verdict::Expired { .. } => "expired",
        Verdict::Unknown { likely_delivered, reason } => {
            assert!(!likely_delivered && reason.contains(&status.to_string()));
            "unknown"
        }
    }
}

#[test]
fn every_status() {
    for status in 100..1000 {
        let expected = match status {
            200..=299 => "accepted",
            410 => "gone",
            // What failed inside or behind Graph may have failed after it acted; 501 and 503 say that it did not.
            500 | 502 | 504..=599 => "unknown",
            _ => "rejected",
        };
        assert_eq!(verdict(status, ""), expected, "{status}");
    }
}

#[test]
fn a_success_that_is_not_graphs() {
    for (status, body, expected) in [
        (200, "", "accepted"),
        (200, " \r\n", "accepted"),
        (200, r#"{"id": "x"}"#, "accepted"),
        (201, "{}", "accepted"),
        (204, "<html>", "accepted"),
        (202, "<html>", "accepted"),
        (200, "<!DOCTYPE html><title>Welcome to the hotel</title>", "unknown"),
        (203, "<html>", "unknown"),
        (200, "OK", "unknown"),
        (200, r#"{"id": "#, "unknown"),
        (200, "\0", "unknown"),
    ] {
        assert_eq!(verdict(status, body), expected, "{status} {body}");
    }
}

#[test]
fn only_a_404_of_the_calling_service_means_the_call() {
    let body = r#"{"error": {"code": "8522", "message": "Call not found."}}"#;
    assert_eq!(verdict(404, body), "gone");
    assert_eq!(verdict(404, r#"{"error": {"code": 8522}}"#), "gone");
    assert_eq!(verdict(404, r#"{"error": {"code": "8523"}}"#), "rejected");
    assert_eq!(verdict(404, r#"{"error": {"message": "8522"}}"#), "rejected");
    assert_eq!(verdict(403, body), "rejected");
    assert_eq!(verdict(500, body), "unknown");
    // The calling service's error as JSON text inside the gateway's message.
    let inside = r#"{"error": {"code": "UnknownError", "message": "{\"errorCode\":\"8522\",\"message\":\"Call not found.\"}"}}"#;
    assert_eq!(verdict(404, inside), "gone");
    assert_eq!(verdict(404, &inside.replace("8522", "7503")), "rejected");
}

#[test]
fn an_unknown_outcome_repeats_the_code_and_no_words() {
    let body = r#"{"error": {"code": "9999", "message": "Unknown internal server error"}}"#;
    let reason = |body: &str| match Verdict::of(&answer(500, body), 0.0) {
        Verdict::Unknown { reason, .. } => reason,
        other => panic!("{other:?}"),
    };
    assert_eq!(reason(body), "Graph answered 500: 9999");
    assert_eq!(reason("<html>"), "Graph answered 500");
}
