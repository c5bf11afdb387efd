//! Redirects with their tokens: one Graph refuses, many calls at once.

use std::sync::Arc;

use callredirect::outcome::{Outcome, Verdict};
use callredirect::redirect::{ApiVersion, Limits, Redirect, Target};
use callredirect::send::token::{self, TokenError, TokenProvider};
use callredirect::send::{Cloud, Deadline, Retries, Sending};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::time::advance;

use crate::server::{Step, accepted, response};
use crate::{Server, as_time_passes, at_once, issued, issuer, provider, seconds};

/// A Graph that takes every token but those that end in `-revoked`.
async fn graph() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut request = Vec::new();
                // The body is JSON and ends with the brackets of targets.
                while stream.read_buf(&mut request).await.is_ok_and(|count| count > 0) {
                    if request.ends_with(b"]}") {
                        let refused = String::from_utf8_lossy(&request).contains("-revoked\r\n");
                        request.clear();
                        let answer = if refused { response("401 No", "", "{}") } else { accepted() };
                        stream.write_all(&answer).await.unwrap();
                    }
                }
            });
        }
    });
    url
}

async fn redirect(graph: &str, tokens: &Arc<TokenProvider>, budget: f64) -> Result<Outcome, TokenError> {
    let endpoint = callredirect::send::Endpoint::new(graph, ApiVersion::V1, Limits::default()).unwrap();
    let to = Redirect::to([Target::user("98da8a1a-1b87-452c-a713-65d3f10b1253")]);
    let request = endpoint.prepare("491f0b00-ffff-4bc9-a43e-b226498ec22a", &to, None).unwrap();
    let deadline = Deadline::after(seconds(budget));
    let sending = Sending::new(request, deadline, &Retries::default());
    let transport = endpoint.transport().unwrap();
    let source = token::Source { tokens, tenant: None, cloud: Cloud::Global, deadline };
    token::send(sending, &transport, source, None).await
}

fn statuses(outcome: &Outcome) -> Vec<Option<u16>> {
    outcome.attempts.iter().map(|attempt| attempt.status).collect()
}

#[tokio::test(start_paused = true)]
async fn a_revoked_token_costs_one_request_however_many_calls_had_it() {
    let (graph, issuer) = (graph().await, issuer([issued("one-revoked"), issued("two"), issued("three")]));
    let tokens = provider(&issuer.url());
    let outcomes = at_once(async {
        let calls: Vec<_> = (0..50)
            .map(|_| {
                let (graph, tokens) = (graph.clone(), Arc::clone(&tokens));
                tokio::spawn(async move { redirect(&graph, &tokens, 13.0).await.unwrap() })
            })
            .collect();
        let mut outcomes = Vec::new();
        for call in calls {
            outcomes.push(call.await.unwrap());
        }
        outcomes
    })
    .await;
    for outcome in &outcomes {
        assert_eq!(outcome.verdict, Verdict::Accepted { status: 202 });
        assert!([vec![Some(401), Some(202)], vec![Some(202)]].contains(&statuses(outcome)));
    }
    assert!(outcomes.iter().any(|outcome| outcome.attempts.len() == 2));
    assert_eq!(issuer.requests().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_second_refusal_or_no_second_token_ends_it() {
    let graph = graph().await;
    let unauthorised =
        |outcome: &Outcome| matches!(&outcome.verdict, Verdict::Rejected(no) if no.status == 401);
    let twice = issuer([issued("one-revoked"), issued("two-revoked"), issued("three")]);
    let outcome = at_once(redirect(&graph, &provider(&twice.url()), 13.0)).await.unwrap();
    assert!(unauthorised(&outcome), "{outcome:?}");
    assert_eq!((statuses(&outcome), twice.requests().len()), (vec![Some(401), Some(401)], 2));
    let once = issuer([issued("one-revoked"), response("400 No", "", "{}")]);
    let outcome = at_once(redirect(&graph, &provider(&once.url()), 13.0)).await.unwrap();
    assert!(unauthorised(&outcome), "{outcome:?}");
    let same = issuer([issued("one-revoked"), issued("one-revoked")]);
    let outcome = at_once(redirect(&graph, &provider(&same.url()), 13.0)).await.unwrap();
    assert!(unauthorised(&outcome), "{outcome:?}");
    assert_eq!(statuses(&outcome), [Some(401)]);
}

#[tokio::test(start_paused = true)]
async fn without_a_token_nothing_is_sent() {
    let graph = Server::start(vec![vec![Step::Hang]]);
    let refuses = issuer([response("400 No", "", "{}")]);
    let error = at_once(redirect(&graph.url(), &provider(&refuses.url()), 13.0)).await.unwrap_err();
    assert!(error.message.contains("it answered 400"), "{error}");
    let hangs = Server::start((0..9).map(|_| vec![Step::Read, Step::Hang]).collect());
    let outcome = as_time_passes(redirect(&graph.url(), &provider(&hangs.url()), 5.0)).await.unwrap();
    let Verdict::Expired { sent: false, reason } = &outcome.verdict else { panic!("{outcome:?}") };
    assert!(reason.starts_with("no token before the deadline: no token from 127.0.0.1"), "{reason}");
    assert_eq!((outcome.elapsed, outcome.attempts.len()), (seconds(0.0), 0));
    assert_eq!(graph.events(), []);
}

#[tokio::test(start_paused = true)]
async fn a_token_is_renewed_beside_the_calls() {
    let (graph, issuer) = (graph().await, issuer([issued("one"), issued("two"), issued("three")]));
    let tokens = provider(&issuer.url());
    // A call every ten minutes: each half hour the one that finds the token half way through has it renewed.
    for call in 0..9 {
        let outcome = at_once(redirect(&graph, &tokens, 13.0)).await.unwrap();
        assert_eq!(outcome.verdict, Verdict::Accepted { status: 202 });
        assert_eq!(issuer.requests().len(), 1 + call / 3, "call {call}");
        advance(seconds(600.0)).await;
    }
}
