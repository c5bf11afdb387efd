//! A refused token: one more may be tried, never a third, and the same one not twice.

use callredirect::Secret;
use callredirect::outcome::{Outcome, Verdict};
use callredirect::send::{Deadline, Retries, Sending, Step};

use crate::server::Event::{Answer, Connect, Request};
use crate::server::{self, Server, accepted, response};
use crate::{CALL, Still, as_time_passes, endpoint, seconds, settle, to_user};

/// A server that answers each request on one connection in turn.
fn server(answers: &[Vec<u8>]) -> Server {
    let both = |answer: &Vec<u8>| [server::Step::Read, server::Step::Write(answer.clone())];
    Server::start(vec![answers.iter().flat_map(both).chain([server::Step::Hang]).collect()])
}

fn unauthorised() -> Vec<u8> {
    response("401 No", "request-id: r\r\n", r#"{"error": {"code": "InvalidAuthenticationToken"}}"#)
}

/// Runs with each token in turn, as long as another is asked for.
async fn with_tokens(server: &Server, tokens: &[&str]) -> Outcome {
    let still = Still::new();
    let endpoint = endpoint(&server.url());
    let request = endpoint.prepare(CALL, &to_user(), None).unwrap();
    let transport = endpoint.transport().unwrap();
    let mut sending = Sending::new(request, Deadline::after(seconds(13.0)), &Retries::default());
    let mut last = None;
    for token in tokens {
        assert_eq!(last, None, "done already");
        if let Step::Done(outcome) = sending.run(&transport, &Secret::new(*token)).await {
            last = Some(outcome);
        }
        settle().await;
    }
    drop(still);
    last.unwrap_or_else(|| sending.give_up())
}

fn is_401(outcome: &Outcome, attempts: usize) {
    assert_eq!(outcome.attempts.len(), attempts);
    assert!(matches!(&outcome.verdict, Verdict::Rejected(no) if no.status == 401));
}

#[tokio::test(start_paused = true)]
async fn a_second_token_goes_on_where_the_first_failed() {
    let server = server(&[unauthorised(), accepted()]);
    let outcome = with_tokens(&server, &["first", "second"]).await;
    assert_eq!(outcome.verdict, Verdict::Accepted { status: 202 });
    let statuses: Vec<_> = outcome.attempts.iter().map(|attempt| attempt.status).collect();
    assert_eq!(statuses, [Some(401), Some(202)]);
    assert_eq!(server.events(), [Connect, Request, Answer, Request, Answer]);
    // The same bytes but for the token.
    let texts: Vec<_> =
        server.requests().into_iter().map(|bytes| String::from_utf8(bytes).unwrap()).collect();
    assert_eq!(texts[0].replace("Bearer first", "Bearer second"), texts[1]);
}

#[tokio::test(start_paused = true)]
async fn a_second_refusal_is_final() {
    let server = server(&[unauthorised(), unauthorised(), accepted()]);
    is_401(&with_tokens(&server, &["first", "second"]).await, 2);
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_same_token_is_not_sent_again() {
    let server = server(&[unauthorised(), accepted()]);
    is_401(&with_tokens(&server, &["first", "first"]).await, 1);
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn without_another_token_it_ends_as_refused() {
    let server = server(&[unauthorised(), accepted()]);
    is_401(&with_tokens(&server, &["first"]).await, 1);
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn nobody_is_asked_for_another_token_after_403() {
    let server = server(&[response("403 No", "", "")]);
    let transport = endpoint(&server.url()).transport().unwrap();
    let request = endpoint(&server.url()).prepare(CALL, &to_user(), None).unwrap();
    let mut sending = Sending::new(request, Deadline::after(seconds(13.0)), &Retries::default());
    let still = Still::new();
    assert!(matches!(sending.run(&transport, &Secret::new("first")).await, Step::Done(_)));
    drop(still);
}

/// The token may end between a redirect and the question about its call.
#[tokio::test(start_paused = true)]
async fn a_question_that_is_refused_is_asked_again_with_another_token() {
    let rings = response("200 OK", "", r#"{"state": "incoming"}"#);
    let server = server(&[response("500 Oh", "", ""), unauthorised(), rings, accepted()]);
    let transport = endpoint(&server.url()).transport().unwrap();
    let request = endpoint(&server.url()).prepare(CALL, &to_user(), None).unwrap();
    let mut sending = Sending::new(request, Deadline::after(seconds(13.0)), &Retries::default());
    let (one, two) = (Secret::new("first"), Secret::new("second"));
    let first = Box::pin(sending.run(&transport, &one));
    assert_eq!(as_time_passes(seconds(0.01), first).await, Step::TokenRefused);
    let second = Box::pin(sending.run(&transport, &two));
    let Step::Done(outcome) = as_time_passes(seconds(0.01), second).await else { panic!() };
    assert_eq!(outcome.verdict, Verdict::Accepted { status: 202 });
    let asked: Vec<_> = outcome.attempts.iter().map(|attempt| (attempt.probe, attempt.status)).collect();
    assert_eq!(asked, [(false, Some(500)), (true, Some(401)), (true, Some(200)), (false, Some(202))]);
}

#[tokio::test(start_paused = true)]
async fn given_up_before_anything_was_sent() {
    let server = server(&[accepted()]);
    let outcome = with_tokens(&server, &[]).await;
    assert!(matches!(outcome.verdict, Verdict::Expired { sent: false, .. }), "{outcome:?}");
    assert_eq!((outcome.attempts, server.events()), (vec![], vec![]));
}
