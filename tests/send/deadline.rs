//! Never past the deadline, and honest about whether anything had left by then.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use callredirect::Secret;
use callredirect::outcome::Verdict;
use callredirect::send::clock::{self, Arrival};
use callredirect::send::transport::SentFlag;
use callredirect::send::{BUDGET, Deadline};

use crate::server::Event::{Connect, Gone, Request};
use crate::server::{Server, Step, accepted, answering};
use crate::{
    CALL, Still, TOKEN, as_time_passes, endpoint, is_unknown, seconds, send, send_to, settle, to_user,
};

#[tokio::test(start_paused = true)]
async fn a_server_that_hangs() {
    for budget in [0.25, 3.0, 13.0] {
        let server = Server::start(vec![vec![Step::Read, Step::Hang], answering(accepted())]);
        let outcome = as_time_passes(seconds(0.01), send_to(server.port, seconds(budget))).await;
        let expected = if budget > 3.0 {
            Verdict::Unknown { likely_delivered: false, reason: "no answer within 3 s".into() }
        } else {
            Verdict::Expired { sent: true, reason: "no answer before the deadline".into() }
        };
        assert_eq!(outcome.verdict, expected);
        assert_eq!(outcome.elapsed, seconds(budget.min(3.0)));
        assert_eq!(server.events(), [Connect, Request, Gone]);
        assert_eq!(outcome.attempts.len(), 1);
        assert!(outcome.attempts[0].sent);
    }
}

#[tokio::test(start_paused = true)]
async fn one_byte_a_second() {
    let slow = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n";
    let server = Server::start(vec![vec![Step::Read, Step::Trickle(slow.to_vec())]]);
    let outcome = as_time_passes(seconds(0.05), send_to(server.port, seconds(60.0))).await;
    assert!(is_unknown(&outcome.verdict), "{:?}", outcome.verdict);
    assert_eq!(outcome.elapsed, seconds(3.0));
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_has_passed_dials_nobody() {
    let server = Server::start(vec![answering(accepted())]);
    let outcome = as_time_passes(seconds(0.01), send_to(server.port, Duration::ZERO)).await;
    assert!(matches!(outcome.verdict, Verdict::Expired { sent: false, .. }), "{:?}", outcome.verdict);
    assert_eq!(outcome.attempts, []);
    assert_eq!(server.events(), []);
}

/// Time passed between preparing and sending: a slow credential, a machine that slept.
#[tokio::test(start_paused = true)]
async fn a_deadline_counts_from_the_arrival() {
    let server = Server::start(vec![answering(accepted())]);
    let endpoint = endpoint(&server.url());
    let prepared = endpoint.prepare(CALL, &to_user(), None).unwrap();
    let deadline = Deadline::of(Arrival::now());
    assert_eq!(deadline.remaining(), BUDGET);
    tokio::time::advance(BUDGET).await;
    assert!(deadline.passed());
    let transport = endpoint.transport().unwrap();
    let outcome = send(&transport, &prepared, &Secret::new(TOKEN), deadline).await;
    assert!(matches!(outcome.verdict, Verdict::Expired { sent: false, .. }), "{:?}", outcome.verdict);
    assert_eq!(server.events(), []);
}

/// A network that swallows packets: nothing left, so it is tried again until the deadline and not beyond it.
#[cfg(target_os = "linux")]
#[tokio::test(start_paused = true)]
async fn a_connection_that_is_never_made() {
    use std::net::TcpStream;

    // A queue of one that nobody empties: further connections are not even refused.
    let (port, socket) = crate::server::reserved();
    let listener = socket.listen(0).unwrap();
    let _queued = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let outcome = as_time_passes(seconds(0.05), send_to(port, seconds(5.0))).await;
    assert!(matches!(outcome.verdict, Verdict::Expired { sent: false, .. }), "{:?}", outcome.verdict);
    assert!(outcome.elapsed <= seconds(5.0), "{:?}", outcome.elapsed);
    assert!(outcome.attempts.len() >= 3, "{:?}", outcome.attempts);
    assert!(outcome.attempts.iter().all(|attempt| !attempt.sent && attempt.duration <= seconds(1.1)));
    drop(listener);
}

#[test]
fn a_request_is_taken_or_taken_back_but_not_both() {
    let flag = SentFlag::default();
    assert!(flag.withdraw());
    assert!(flag.withdraw(), "taken back stays taken back");
}

/// The deadline came first: a connection that gets hold of the request afterwards sends nothing of it.
#[tokio::test(start_paused = true)]
async fn a_request_taken_back_is_not_sent_by_a_connection_made_later() {
    let still = Still::new();
    let server = Server::start(vec![answering(accepted())]);
    let transport = endpoint(&server.url()).transport().unwrap();
    let flag = SentFlag::default();
    assert!(flag.withdraw());
    let url = server.url().parse().unwrap();
    let result = transport.post_json(&url, &Secret::new(TOKEN), &[], "{}".into(), &flag).await;
    settle().await;
    drop(still);
    assert!(result.is_err());
    assert!(flag.withdraw());
    assert_eq!(server.events(), [Connect, Gone]);
}

/// The machine sleeps between making the connection and using it: the flag knows the time by itself.
#[tokio::test(start_paused = true)]
async fn nothing_is_taken_after_its_time() {
    let still = Still::new();
    let server = Server::start(vec![answering(accepted()); 3]);
    let transport = endpoint(&server.url()).transport().unwrap();
    let token = Secret::new(TOKEN);
    let url: url::Url = server.url().parse().unwrap();
    for (age, taken) in [(0.0, false), (-0.001, false), (0.001, true)] {
        let moment = clock::now() + seconds(1.0);
        let flag = SentFlag::until(moment);
        tokio::time::advance(seconds(1.0 - age)).await;
        let result = transport.post_json(&url, &token, &[], "{}".into(), &flag).await;
        settle().await;
        assert_eq!((result.is_ok(), flag.withdraw()), (taken, !taken), "{age}");
    }
    drop(still);
    assert_eq!(server.requests().len(), 1);
}

/// The machine sleeps between handing the request to an open connection and the connection's taking it.
#[tokio::test(start_paused = true)]
async fn a_pause_in_the_middle_of_sending() {
    let still = Still::new();
    let once = [Step::Read, Step::Write(accepted())];
    let server = Server::start(vec![[once.clone(), once].concat()]);
    let endpoint = endpoint(&server.url());
    let transport = endpoint.transport().unwrap();
    let token = Secret::new(TOKEN);
    let prepared = endpoint.prepare(CALL, &to_user(), None).unwrap();
    let first = send(&transport, &prepared, &token, Deadline::after(BUDGET)).await;
    assert_eq!(first.verdict, Verdict::Accepted { status: 202 });
    settle().await;
    let mut sending = pin!(send(&transport, &prepared, &token, Deadline::after(BUDGET)));
    // By hand: the connection's own task has not had its turn yet when the time is up.
    poll_fn(|context| Poll::Ready(sending.as_mut().poll(context).is_pending())).await;
    tokio::time::advance(seconds(20.0)).await;
    let outcome = sending.await;
    settle().await;
    drop(still);
    assert!(matches!(outcome.verdict, Verdict::Expired { sent: false, .. }), "{:?}", outcome.verdict);
    assert_eq!(server.requests().len(), 1);
}

/// The machine sleeps longer than there was time, while waiting to try again.
#[tokio::test(start_paused = true)]
async fn a_pause_longer_than_the_budget() {
    let (port, socket) = crate::server::reserved();
    let sending = tokio::spawn(send_to(port, seconds(13.0)));
    as_time_passes(seconds(0.01), tokio::time::sleep(seconds(1.0))).await;
    assert!(!sending.is_finished());
    let server = Server::serve(port, socket.listen(64).unwrap(), vec![answering(accepted())]);
    tokio::time::advance(seconds(20.0)).await;
    let outcome = as_time_passes(seconds(0.01), sending).await.unwrap();
    assert!(matches!(outcome.verdict, Verdict::Expired { sent: false, .. }), "{:?}", outcome.verdict);
    assert_eq!(server.events(), []);
}

#[tokio::test(start_paused = true)]
async fn deadlines_beyond_the_clock() {
    for far in [Duration::MAX, Duration::from_secs(u64::MAX)] {
        assert!(!Deadline::after(far).passed());
        assert!(Deadline::after(far).remaining() >= Duration::from_secs(86_400));
    }
    assert!(Deadline::after(Duration::ZERO).passed());
    assert!(Deadline::after(seconds(1.0)) < Deadline::after(seconds(2.0)));
    assert_eq!(Deadline::after(seconds(1.0)).at(), clock::now() + seconds(1.0));
}
