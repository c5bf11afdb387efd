//! An issuer that stumbles, is down, or says to come back later.

use callredirect::send::clock::now;
use callredirect::send::token::NoToken;
use tokio::time::advance;

use crate::server::{Server, Step, response};
use crate::{as_time_passes, ask, at_once, issued, issuer, provider, seconds};

fn unavailable(headers: &str) -> Vec<u8> {
    response("503 Service Unavailable", &format!("Connection: close\r\n{headers}"), "")
}

#[tokio::test(start_paused = true)]
async fn five_hundred_calls_one_request() {
    let server = issuer([issued("one"), issued("two")]);
    let provider = provider(&server.url());
    let ask_all = || async {
        let calls: Vec<_> = (0..500)
            .map(|_| {
                tokio::spawn({
                    let provider = provider.clone();
                    async move { ask(&provider, 13.0).await }
                })
            })
            .collect();
        let mut tokens = Vec::new();
        for call in calls {
            tokens.push(call.await.unwrap().unwrap());
        }
        tokens
    };
    assert_eq!(at_once(ask_all()).await, vec!["one"; 500]);
    assert_eq!(server.requests().len(), 1);
    advance(seconds(3600.0)).await;
    assert_eq!(at_once(ask_all()).await, vec!["two"; 500]);
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn one_503_is_over_within_a_second() {
    let server = issuer([unavailable(""), issued("one")]);
    let start = now();
    assert_eq!(as_time_passes(ask(&provider(&server.url()), 13.0)).await.as_deref(), Ok("one"));
    assert!(start.elapsed() <= seconds(1.0), "{:?}", start.elapsed());
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn down_with_ten_minutes_left_fails_no_call() {
    // One token that ends in an hour, then nothing but 503.
    let server = issuer(std::iter::once(issued("one")).chain((0..10_000).map(|_| unavailable(""))));
    let provider = provider(&server.url());
    assert_eq!(at_once(ask(&provider, 13.0)).await.as_deref(), Ok("one"));
    advance(seconds(3000.0)).await;
    for _ in 0..590 {
        let start = now();
        assert_eq!(at_once(ask(&provider, 13.0)).await.as_deref(), Ok("one"));
        assert_eq!(start.elapsed(), seconds(0.0), "a call waited");
        advance(seconds(1.0)).await;
    }
    assert!(server.requests().len() > 10, "nobody tried");
}

#[tokio::test(start_paused = true)]
async fn down_without_a_token_ends_with_the_deadline_and_says_why() {
    let server = issuer((0..1000).map(|_| unavailable("")));
    let start = now();
    let Err(NoToken::Late(why)) = as_time_passes(ask(&provider(&server.url()), 5.0)).await else {
        panic!("not late")
    };
    assert!((seconds(5.0)..seconds(5.1)).contains(&start.elapsed()));
    assert!(why.contains("no token before the deadline") && why.contains("it answered 503"), "{why}");
    assert!((5..20).contains(&server.requests().len()), "{} requests", server.requests().len());
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_fits_is_kept_and_one_that_does_not_ends_it() {
    let server = issuer([unavailable("Retry-After: 2\r\n"), issued("one")]);
    let start = now();
    assert_eq!(as_time_passes(ask(&provider(&server.url()), 13.0)).await.as_deref(), Ok("one"));
    assert!((seconds(2.0)..seconds(2.2)).contains(&start.elapsed()), "{:?}", start.elapsed());

    for wait in ["60", "Wed, 21 Oct 2099 07:28:00 GMT"] {
        let server = issuer([response("429 Too Many", &format!("Retry-After: {wait}\r\n"), "")]);
        let Err(NoToken::Refused(error)) = at_once(ask(&provider(&server.url()), 13.0)).await else {
            panic!("waited for")
        };
        assert_eq!(error.status, Some(429));
    }
}

#[tokio::test(start_paused = true)]
async fn an_issuer_that_says_nothing_is_asked_again() {
    let server = Server::start(vec![
        vec![Step::Read, Step::Hang],
        vec![Step::Read, Step::Reset],
        vec![Step::Read, Step::Write(issued("one")), Step::Close],
    ]);
    let start = now();
    assert_eq!(as_time_passes(ask(&provider(&server.url()), 13.0)).await.as_deref(), Ok("one"));
    assert!((seconds(3.0)..seconds(3.5)).contains(&start.elapsed()), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn who_gives_up_does_not_end_it_for_the_others() {
    let server = Server::start(vec![vec![
        Step::Read,
        Step::Trickle(b"HTTP".to_vec()),
        Step::Write(issued("one")[4..].to_vec()),
        Step::Close,
    ]]);
    let provider = provider(&server.url());
    // It takes four seconds, one more than an attempt may: so this one is asked for anew and found closed.
    let (short, cancelled) = as_time_passes(async {
        let cancelled = tokio::spawn({
            let provider = provider.clone();
            async move { ask(&provider, 13.0).await }
        });
        tokio::time::sleep(seconds(0.1)).await;
        cancelled.abort();
        (ask(&provider, 1.0).await, cancelled.await)
    })
    .await;
    assert!(matches!(short, Err(NoToken::Late(_))));
    assert!(cancelled.unwrap_err().is_cancelled());
    assert_eq!(server.requests().len(), 1);
}

/// It is asked for the next token when this one is about to end, and says nothing: the call's time is for Graph.
#[tokio::test(start_paused = true)]
async fn an_issuer_that_hangs_holds_no_call_up_while_the_old_token_lives() {
    let first = vec![Step::Read, Step::Write(issued("one")), Step::Close];
    let hangs = (0..9).map(|_| vec![Step::Read, Step::Hang]);
    let server = Server::start(std::iter::once(first).chain(hangs).collect());
    let provider = provider(&server.url());
    assert_eq!(at_once(ask(&provider, 13.0)).await.as_deref(), Ok("one"));
    advance(seconds(3550.0)).await;
    for budget in [13.0, 2.0] {
        let start = now();
        assert_eq!(as_time_passes(ask(&provider, budget)).await.as_deref(), Ok("one"));
        let took = start.elapsed();
        assert!((seconds(0.1)..seconds(budget / 10.0 + 0.1)).contains(&took), "{took:?}");
    }
    assert!(server.requests().len() > 1, "nobody asked");
    // It ends while it is waited for: nothing is left but the newer one.
    advance(seconds(48.3)).await;
    crate::settle().await;
    let late = as_time_passes(ask(&provider, 5.0)).await;
    assert!(matches!(late, Err(NoToken::Late(_))), "{late:?}");
}
