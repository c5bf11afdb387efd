//! Connections that need TLS or a name of their own: which are kept, which are not trusted, which are given up.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use callredirect::outcome::{Outcome, Verdict};
use callredirect::send::transport::{Settings, Transport};

use crate::certificates::Bad;
use crate::frames::{goaway, rst_stream};
use crate::graph::{Fault, Graph, Weather};
use crate::table::End;
use crate::time::{as_time_passes, settle};
use crate::{STEP, TOKEN, call, certificates, contains, redirect, transport};

/// Longer than an idle connection is kept.
const COLD: Duration = Duration::from_secs(60);

/// Redirects, then lets time pass.
async fn redirect_and_wait(graph: &Graph, transport: &Transport, wait: Duration) -> Outcome {
    let both = async {
        let outcome = redirect(graph, transport).await;
        tokio::time::sleep(wait).await;
        outcome
    };
    as_time_passes(STEP * 10, both).await
}

fn accepted() -> Verdict {
    Verdict::Accepted { status: 202 }
}

#[tokio::test(start_paused = true)]
async fn no_byte_of_the_token_reaches_a_server_that_is_not_trusted() {
    let certificates = [
        Bad::Expired,
        Bad::NotYetValid,
        Bad::OtherName,
        Bad::SelfSigned,
        Bad::UnknownAuthority,
        Bad::ForClientsOnly,
    ];
    let greetings = [crate::table::TLS_1_1, b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"];
    let faults = certificates.map(Fault::Certificate).into_iter().chain(greetings.map(Fault::Greeting));
    for fault in faults {
        let call = as_time_passes(STEP * 10, call(fault, Weather::Always)).await;
        settle().await;
        assert_eq!(End::of(&call.outcome.verdict), End::Expired { sent: false }, "{fault:?}");
        let wire = call.graph.wire();
        assert!(wire.starts_with("no TLS") && !wire.contains("POST"), "{fault:?}: {wire}");
        assert!(!contains(&call.graph.unencrypted(), TOKEN.as_bytes()), "{fault:?}");
        assert!(!contains(&call.graph.unencrypted(), b"POST"), "{fault:?}");
        let Verdict::Expired { reason, .. } = &call.outcome.verdict else { unreachable!() };
        assert!(reason.starts_with("could not connect: "), "{fault:?}: {reason}");
    }
}

/// The system's authorities do not know ours.
#[tokio::test(start_paused = true)]
async fn a_private_authority_is_trusted_only_when_given() {
    let graph = Graph::start(Fault::None, Weather::Once);
    let known = transport(&graph, &Arc::default());
    let addresses = graph.addresses();
    let lookup = Arc::new(move |_| {
        let addresses = addresses.clone();
        Box::pin(async { Ok(addresses) }) as callredirect::send::transport::Found
    });
    let unknown = Transport::with(Settings { lookup: Some(lookup), ..Settings::default() }).unwrap();
    let refused = as_time_passes(STEP * 10, redirect(&graph, &unknown)).await;
    assert_eq!(End::of(&refused.verdict), End::Expired { sent: false });
    assert_eq!(as_time_passes(STEP, redirect(&graph, &known)).await.verdict, accepted());

    for text in ["", "no certificate", "-----BEGIN CERTIFICATE-----\n%\n-----END CERTIFICATE-----\n"] {
        let private_ca = Some(text.as_bytes().to_vec());
        let refused = Transport::with(Settings { private_ca, ..Settings::default() });
        assert!(refused.unwrap_err().0.contains("PEM"), "{text}");
    }
}

/// Two addresses of a family are tried in the second there is, however many there are; so a dead one costs half of it,
/// and that only until the next connection, which begins with another.
#[tokio::test(start_paused = true)]
async fn a_dead_address_costs_half_a_second() {
    for copies in [0, 6] {
        let graph = Graph::start(Fault::BlackHole, Weather::Once);
        let mut addresses = graph.addresses();
        addresses.extend(vec![addresses[0]; copies]);
        let lookup = Arc::new(move |_| {
            let addresses = addresses.clone();
            Box::pin(async { Ok(addresses) }) as callredirect::send::transport::Found
        });
        let private_ca = Some(certificates::authority().pem.clone());
        let transport =
            Transport::with(Settings { private_ca, lookup: Some(lookup), ..Settings::default() }).unwrap();
        let outcome = redirect_and_wait(&graph, &transport, COLD).await;
        assert_eq!(outcome.verdict, accepted());
        assert_eq!(outcome.elapsed, Duration::from_millis(500));
        assert_eq!(outcome.attempts.len(), 1);
        let outcome = as_time_passes(STEP, redirect(&graph, &transport)).await;
        assert_eq!(outcome.elapsed, Duration::ZERO);
    }
}

/// A name service that takes longer than a try to connect is asked once and not at each try.
#[tokio::test(start_paused = true)]
async fn a_slow_name_is_asked_for_once() {
    let graph = Graph::start(Fault::SlowName(Duration::from_secs(5)), Weather::Once);
    let asked = Arc::<AtomicUsize>::default();
    let transport = transport(&graph, &asked);
    let outcome = redirect_and_wait(&graph, &transport, COLD).await;
    assert_eq!(outcome.verdict, accepted());
    assert!(outcome.elapsed < Duration::from_millis(5300), "{:?}", outcome.elapsed);
    assert_eq!(asked.load(Ordering::Relaxed), 1);
    // A new connection asks again: addresses change.
    as_time_passes(STEP * 10, redirect(&graph, &transport)).await;
    assert_eq!(asked.load(Ordering::Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn an_idle_http2_connection_is_asked_whether_it_lives() {
    let graph = Graph::start(Fault::None, Weather::Once);
    let transport = transport(&graph, &Arc::default());
    let outcome = redirect_and_wait(&graph, &transport, Duration::from_secs(45)).await;
    assert_eq!(outcome.verdict, accepted());
    assert_eq!(graph.pings(), 4);
    // And serves again.
    redirect_and_wait(&graph, &transport, Duration::ZERO).await;
    assert_eq!(graph.wire(), "POST 202 POST 404");
}

/// The network has gone while the connection was idle: that is found out before the next call needs it.
#[tokio::test(start_paused = true)]
async fn an_idle_http2_connection_that_died_is_replaced_before_it_is_needed() {
    let graph = Graph::start(Fault::None, Weather::Once);
    let transport = transport(&graph, &Arc::default());
    redirect_and_wait(&graph, &transport, Duration::from_secs(5)).await;
    graph.die();
    as_time_passes(STEP * 10, tokio::time::sleep(Duration::from_secs(10))).await;
    let outcome = redirect_and_wait(&graph, &transport, Duration::ZERO).await;
    assert_eq!(outcome.attempts.len(), 1, "{outcome:?}");
    assert_eq!(graph.wire(), "POST 202 / POST 404");
}

/// Idle connections are given up before a proxy on the way does so without a word, and busy ones after five minutes,
/// so that a service that moved is followed.
#[tokio::test(start_paused = true)]
async fn connections_grow_neither_cold_nor_old() {
    let graph = Graph::start(Fault::None, Weather::Once);
    let idle = transport(&graph, &Arc::default());
    redirect_and_wait(&graph, &idle, Duration::from_secs(55)).await;
    redirect_and_wait(&graph, &idle, Duration::ZERO).await;
    assert_eq!(graph.wire(), "POST 202 / POST 404");

    let graph = Graph::start(Fault::None, Weather::Once);
    let busy = transport(&graph, &Arc::default());
    for _ in 0..11 {
        redirect_and_wait(&graph, &busy, Duration::from_secs(30)).await;
    }
    let ten_and_one = ["POST 202", &" POST 404".repeat(9), " / POST 404"].concat();
    assert_eq!(graph.wire(), ten_and_one);
}

/// It was a slip of the name service: the next try asks anew.
#[tokio::test(start_paused = true)]
async fn an_unknown_name_is_not_remembered() {
    let graph = Graph::start(Fault::NoName, Weather::Once);
    let asked = Arc::<AtomicUsize>::default();
    let transport = transport(&graph, &asked);
    let outcome = as_time_passes(STEP, redirect(&graph, &transport)).await;
    assert_eq!(outcome.verdict, accepted());
    assert_eq!(outcome.attempts.len(), 2);
    assert_eq!(asked.load(Ordering::Relaxed), 2);
}

/// A request turned away for another reason goes out again at once, whether or not it may have arrived.
#[tokio::test(start_paused = true)]
async fn a_server_that_wants_fewer_requests_gets_them_later() {
    let refused: &[u8] = rst_stream!(reason 7);
    let busy: &[u8] = rst_stream!(reason 11);
    for (frame, late) in [(refused, false), (busy, true)] {
        let call = call(Fault::Frame { frame, close: false }, Weather::Once);
        let call = as_time_passes(STEP, call).await;
        assert_eq!(call.outcome.verdict, accepted());
        assert_eq!(call.outcome.elapsed > Duration::from_millis(500), late, "{:?}", call.outcome);
    }
}

/// What is no redirect may be sent again when the server has said that it did not look at it, and so is, twice.
#[tokio::test(start_paused = true)]
async fn a_question_that_was_turned_away_is_asked_again() {
    const REFUSED: &[u8] = rst_stream!(reason 7);
    const GOING: &[u8] = goaway!(last 0, reason 0);
    const BUSY: &[u8] = rst_stream!(reason 11);
    let rows = [
        (REFUSED, 1, Some(200), 2),
        (REFUSED, 2, Some(200), 3),
        (GOING, 2, Some(200), 3),
        (REFUSED, 3, None, 3),
        (BUSY, 1, None, 1),
    ];
    for (frame, times, status, asked) in rows {
        let graph = Graph::start(Fault::TurnedAway { frame, times }, Weather::Once);
        let transport = transport(&graph, &Arc::default());
        let url = graph.url().parse().unwrap();
        let answer = as_time_passes(STEP, transport.get(&url, 100)).await;
        assert_eq!(answer.as_ref().map(|answer| answer.status).ok(), status, "{answer:?}");
        assert_eq!(graph.wire().matches("GET").count(), asked, "{}", graph.wire());
    }
}
