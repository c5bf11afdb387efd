//! Nothing public prints a token.

use callredirect::Secret;
use callredirect::send::Deadline;

use crate::server::{Server, Step, accepted, answering, response};
use crate::{CALL, Still, TOKEN, as_time_passes, endpoint, resend_to, seconds, send, to_user};

#[tokio::test(start_paused = true)]
async fn no_debug_or_display_shows_the_token() {
    let still = Still::new();
    let token = Secret::new(TOKEN);
    let mut shown = vec![format!("{token:?}")];
    for script in [
        answering(accepted()),
        answering(response("403 No", "", r#"{"error": {"code": "7505", "message": "x"}}"#)),
        answering("garbage\r\n\r\n"),
        vec![Step::Read, Step::Close],
    ] {
        let server = Server::start(vec![script]);
        let endpoint = endpoint(&server.url());
        let prepared = endpoint.prepare(CALL, &to_user(), None).unwrap();
        let transport = endpoint.transport().unwrap();
        let outcome = send(&transport, &prepared, &token, Deadline::after(seconds(13.0))).await;
        assert!(server.requests()[0].windows(TOKEN.len()).any(|bytes| bytes == TOKEN.as_bytes()));
        shown.push(format!("{outcome:?} {endpoint:?} {prepared:?} {transport:?}"));
    }
    drop(still);
    for text in shown {
        assert!(!text.contains(TOKEN), "{text}");
    }
}

/// A server, or a proxy before it, that repeats what it got: the token is in nothing that is kept.
#[tokio::test(start_paused = true)]
async fn an_echo_of_the_token_is_taken_out() {
    let echo = format!("Request headers: authorization: Bearer {TOKEN} to +12345678901");
    let body = format!(r#"{{"error": {{"code": "{TOKEN}", "message": "{echo}"}}}}"#);
    let headers = format!("request-id: {TOKEN}\r\nRetry-After: {TOKEN}\r\nConnection: close\r\n");
    // Cut off in the middle of the token, were it not taken out before.
    let long = format!("<html>{}{echo}", "x".repeat(500 - 45));
    let state = format!(r#"{{"state": "{TOKEN}"}}"#);
    let script = |status: &str, body: &str| answering(response(status, &headers, body));
    for scripts in [
        vec![script("403 No", &body)],
        vec![script("404 No", &body)],
        vec![script("429 No", &long)],
        vec![script("401 No", &body)],
        vec![script("500 No", &body), script("404 No", &body)],
        vec![script("502 No", &long), script("200 OK", r#"{"state": "incoming"}"#), script("409 No", &body)],
        vec![script("500 No", &body), script("200 OK", &state)],
    ] {
        let server = Server::start(scripts);
        let outcome = as_time_passes(seconds(0.01), resend_to(server.port, seconds(2.5), 1)).await;
        let shown = format!("{outcome:?} {}", outcome.verdict);
        assert!(!shown.contains(&TOKEN[..12]), "{shown}");
        assert!(!outcome.verdict.to_string().contains("2345678901"), "{shown}");
    }
}

#[test]
fn nor_the_body() {
    let endpoint = endpoint("https://graph.microsoft.com");
    let phone = callredirect::redirect::Redirect::to([callredirect::redirect::Target::phone("+12345678901")]);
    let prepared = endpoint.prepare(CALL, &phone, None).unwrap();
    assert!(!format!("{prepared:?}").contains("2345678901"), "{prepared:?}");
}
