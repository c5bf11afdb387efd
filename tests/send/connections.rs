//! Connections that fail before, while and after a request: sent again only if it surely never left.

use std::net::TcpListener;

use callredirect::outcome::Verdict;
use callredirect::send::transport::{SentFlag, Transport};
use callredirect::send::{Deadline, clock};
use callredirect::{Secret, outcome::Attempt};

use crate::server::Event::{Answer, Close, Connect, Gone, Request, Reset};
use crate::server::{Server, Step, accepted, answering, reserved, response};
use crate::{
    CALL, Still, TOKEN, as_time_passes, endpoint, is_unknown, seconds, send, send_at_once, send_to, settle,
    to_user,
};

#[tokio::test(start_paused = true)]
async fn broken_off_after_the_request_is_unknown_and_never_sent_again() {
    let half = b"HTTP/1.1 20".to_vec();
    let rows = [
        (vec![Step::Read, Step::Close], vec![Connect, Request, Close]),
        (vec![Step::Read, Step::Reset], vec![Connect, Request, Reset]),
        (vec![Step::Read, Step::Write(half.clone()), Step::Close], vec![Connect, Request, Answer, Close]),
        (vec![Step::Read, Step::Write(half), Step::Reset], vec![Connect, Request, Answer, Reset]),
        (answering("SSH-2.0-OpenSSH_9.2\r\n\r\n"), vec![Connect, Request, Answer, Gone]),
        (answering("HTTP/1.1 2O2 Accepted\r\n\r\n"), vec![Connect, Request, Answer, Gone]),
        (answering("HTTP/1.1 999999 No\r\n\r\n"), vec![Connect, Request, Answer, Gone]),
    ];
    for (script, events) in rows {
        let server = Server::start(vec![script, answering(accepted())]);
        let outcome = send_at_once(&server).await;
        assert!(is_unknown(&outcome.verdict), "{events:?}: {:?}", outcome.verdict);
        assert_eq!(server.events(), events);
        let [Attempt { sent: true, status: None, error: Some(_), .. }] = &outcome.attempts[..] else {
            panic!("{:?}", outcome.attempts);
        };
    }
}

/// The server takes the connection, then closes it with the request unread. Whether it was read cannot be seen from
/// here: it left, so it is unknown.
#[tokio::test(start_paused = true)]
async fn closed_with_the_request_unread_is_unknown() {
    let still = Still::new();
    // Connections are made by the system before anybody accepts them.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let sending = tokio::spawn(send_to(port, seconds(13.0)));
    settle().await;
    drop(listener.accept().unwrap());
    let outcome = sending.await.unwrap();
    drop(still);
    assert!(is_unknown(&outcome.verdict), "{:?}", outcome.verdict);
    assert_eq!(outcome.attempts.len(), 1);
    listener.set_nonblocking(true).unwrap();
    assert!(listener.accept().is_err(), "it connected again");
}

/// The server closes at once. Either the client sees that before it writes, and tries again because nothing left, or
/// it has written: then that was the last attempt.
#[tokio::test(start_paused = true)]
async fn closed_at_once_is_never_sent_twice() {
    for step in [Step::Close, Step::Reset] {
        let server = Server::start(vec![vec![step]; 3]);
        let outcome = as_time_passes(seconds(0.01), send_to(server.port, seconds(1.0))).await;
        let last = outcome.attempts.last().unwrap();
        match &outcome.verdict {
            Verdict::Unknown { .. } => assert!(last.sent),
            Verdict::Expired { sent: false, .. } => assert!(!last.sent),
            other => panic!("{other:?}"),
        }
        assert!(outcome.attempts.iter().rev().skip(1).all(|attempt| !attempt.sent), "{:?}", outcome.attempts);
        assert!(server.requests().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn refused_until_the_server_comes_up() {
    let (port, socket) = reserved();
    let sending = tokio::spawn(send_to(port, seconds(13.0)));
    as_time_passes(seconds(0.01), tokio::time::sleep(seconds(2.0))).await;
    let server = Server::serve(port, socket.listen(64).unwrap(), vec![answering(accepted())]);
    let outcome = as_time_passes(seconds(0.01), sending).await.unwrap();
    assert_eq!(outcome.verdict, Verdict::Accepted { status: 202 });
    assert!(outcome.elapsed >= seconds(2.0) && outcome.elapsed <= seconds(3.1), "{:?}", outcome.elapsed);
    let (last, refused) = outcome.attempts.split_last().unwrap();
    assert!(last.sent && last.status == Some(202));
    assert!(refused.len() >= 3);
    for attempt in refused {
        assert!(!attempt.sent && attempt.status.is_none());
        assert!(attempt.error.as_ref().unwrap().starts_with("could not connect"), "{attempt:?}");
    }
    assert_eq!(server.events()[..3], [Connect, Request, Answer]);
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn refused_until_the_deadline() {
    let (port, _socket) = reserved();
    for budget in [0.01, 0.3, 5.0, 13.0] {
        let outcome = as_time_passes(seconds(0.01), send_to(port, seconds(budget))).await;
        match &outcome.verdict {
            Verdict::Expired { sent: false, reason } => assert!(reason.contains("connect"), "{reason}"),
            other => panic!("{other:?}"),
        }
        assert!(outcome.elapsed <= seconds(budget), "{:?}", outcome.elapsed);
        assert!(!outcome.attempts.is_empty() && outcome.attempts.iter().all(|attempt| !attempt.sent));
        for pair in outcome.attempts.windows(2) {
            assert!(pair[0].started + pair[0].duration < pair[1].started, "{pair:?}");
        }
    }
}

/// The server went away while the connection lay idle: nobody is the wiser, one request arrives.
#[tokio::test(start_paused = true)]
async fn an_idle_connection_that_was_closed_is_replaced() {
    for closing in [Step::Close, Step::Reset] {
        let still = Still::new();
        let first = vec![Step::Read, Step::Write(accepted()), closing];
        let server = Server::start(vec![first, answering(accepted())]);
        let endpoint = endpoint(&server.url());
        let transport = endpoint.transport().unwrap();
        for _ in 0..2 {
            let prepared = endpoint.prepare(CALL, &to_user(), None).unwrap();
            let deadline = Deadline::after(seconds(13.0));
            let outcome = send(&transport, &prepared, &Secret::new(TOKEN), deadline).await;
            assert_eq!(outcome.verdict, Verdict::Accepted { status: 202 });
            assert_eq!(outcome.attempts.len(), 1);
            settle().await;
        }
        drop(still);
        assert_eq!(server.requests().len(), 2);
        let connects = server.events().into_iter().filter(|event| *event == Connect).count();
        assert_eq!(connects, 2, "{:?}", server.events());
    }
}

/// A connection that served before breaks after it has read: that request is not repeated, although a fresh
/// connection would have been accepted.
#[tokio::test(start_paused = true)]
async fn a_reused_connection_that_breaks_after_reading_is_unknown() {
    let still = Still::new();
    let first = vec![Step::Read, Step::Write(accepted()), Step::Read, Step::Close];
    let server = Server::start(vec![first, answering(accepted())]);
    let endpoint = endpoint(&server.url());
    let transport = endpoint.transport().unwrap();
    let mut verdicts = Vec::new();
    for _ in 0..2 {
        let prepared = endpoint.prepare(CALL, &to_user(), None).unwrap();
        let deadline = Deadline::after(seconds(13.0));
        verdicts.push(send(&transport, &prepared, &Secret::new(TOKEN), deadline).await.verdict);
        settle().await;
    }
    drop(still);
    assert_eq!(verdicts[0], Verdict::Accepted { status: 202 });
    assert!(is_unknown(&verdicts[1]), "{verdicts:?}");
    assert_eq!(server.events(), [Connect, Request, Answer, Request, Close]);
}

#[tokio::test(start_paused = true)]
async fn one_connection_serves_many_calls() {
    let still = Still::new();
    let ok = || [Step::Read, Step::Write(accepted())];
    let refusal = [Step::Read, Step::Write(response("403 No", "", r#"{"error": {"code": "7505"}}"#))];
    let server = Server::start(vec![[ok(), refusal, ok()].concat()]);
    let endpoint = endpoint(&server.url());
    let transport = endpoint.transport().unwrap();
    for _ in 0..3 {
        let prepared = endpoint.prepare(CALL, &to_user(), None).unwrap();
        send(&transport, &prepared, &Secret::new(TOKEN), Deadline::after(seconds(13.0))).await;
        settle().await;
    }
    drop(still);
    assert_eq!(server.events(), [Connect, Request, Answer, Request, Answer, Request, Answer]);
}

/// So that the first redirect finds a connection open: without a token, to the root of the version and nowhere else.
#[tokio::test(start_paused = true)]
async fn a_connection_can_be_opened_beforehand() {
    let still = Still::new();
    for status in ["200 OK", "302 Found", "401 Unauthorized", "405 No", "429 No", "500 No"] {
        let head = format!("HTTP/1.1 {status}\r\nContent-Length: 5000\r\nLocation: /elsewhere\r\n\r\n");
        let first = vec![Step::Read, Step::Write(head.into_bytes()), Step::Read, Step::Write(accepted())];
        let server = Server::start(vec![first]);
        let endpoint = endpoint(&server.url());
        let transport = endpoint.transport().unwrap();
        assert_eq!(transport.warm_up(&endpoint.url()).await, Ok(()), "{status}");
        settle().await;
        let prepared = endpoint.prepare(CALL, &to_user(), None).unwrap();
        let outcome = send(&transport, &prepared, &Secret::new(TOKEN), Deadline::after(seconds(13.0))).await;
        settle().await;
        assert_eq!(outcome.verdict, Verdict::Accepted { status: 202 });
        assert_eq!(server.events(), [Connect, Request, Answer, Request, Answer], "{status}");
        let request = String::from_utf8(server.requests().remove(0)).unwrap();
        assert!(request.starts_with("HEAD /v1.0 HTTP/1.1\r\n"), "{request}");
        assert!(!request.to_ascii_lowercase().contains("authorization"), "{request}");
    }
    drop(still);
}

/// While a request is under way its connection is kept by that: another would only be opened and closed.
#[tokio::test(start_paused = true)]
async fn a_connection_in_use_is_not_warmed_up() {
    let slow = vec![Step::Read, Step::Trickle(accepted()), Step::Read, Step::Write(accepted()), Step::Hang];
    let server = Server::start(vec![slow]);
    let endpoint = endpoint(&server.url());
    let transport = endpoint.transport().unwrap();
    let request = endpoint.prepare(CALL, &to_user(), None).unwrap();
    let token = Secret::new(TOKEN);
    let sending = send(&transport, &request, &token, Deadline::after(seconds(13.0)));
    let warming = async {
        tokio::time::sleep(seconds(1.0)).await;
        transport.keep_warm(&endpoint.url()).await
    };
    let both = Box::pin(async { tokio::join!(sending, warming) });
    assert_eq!(as_time_passes(seconds(0.01), both).await.1, Ok(()));
    settle().await;
    assert_eq!(server.requests().len(), 1, "{:?}", server.events());
    let [one, two] = [[Step::Read, Step::Write(accepted())], [Step::Read, Step::Write(accepted())]];
    let server = Server::start(vec![[one, two].concat()]);
    let endpoint = self::endpoint(&server.url());
    let transport = endpoint.transport().unwrap();
    let still = Still::new();
    for _ in 0..2 {
        assert_eq!(transport.keep_warm(&endpoint.url()).await, Ok(()));
        settle().await;
    }
    drop(still);
    assert_eq!(server.events(), [Connect, Request, Answer, Request, Answer], "an idle one is used each time");
}

/// A server that does not answer the opening request is given up after three seconds, and its connection with it.
#[tokio::test(start_paused = true)]
async fn a_connection_that_does_not_open_well_is_not_used() {
    let server = Server::start(vec![vec![Step::Read, Step::Hang], answering(accepted())]);
    let endpoint = endpoint(&server.url());
    let transport = endpoint.transport().unwrap();
    let before = clock::now();
    let opened = as_time_passes(seconds(0.01), transport.warm_up(&endpoint.url())).await;
    assert!(opened.unwrap_err().0.starts_with("timed out"));
    assert_eq!(before.elapsed(), seconds(3.0));
    let prepared = endpoint.prepare(CALL, &to_user(), None).unwrap();
    let token = Secret::new(TOKEN);
    let sending = send(&transport, &prepared, &token, Deadline::after(seconds(13.0)));
    let outcome = as_time_passes(seconds(0.01), sending).await;
    assert_eq!(outcome.verdict, Verdict::Accepted { status: 202 });
    assert_eq!(server.events()[..4], [Connect, Request, Gone, Connect]);
}

/// A 503 is the word of one server, and another connection may lead to another server. A request under way on an old
/// connection is left alone.
#[tokio::test(start_paused = true)]
async fn after_a_503_connections_are_new_and_old_requests_finish() {
    let slow =
        [Step::Read, Step::Trickle(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"[..3].to_vec())];
    let slow = [slow.to_vec(), vec![Step::Write(accepted()[3..].to_vec()), Step::Hang]].concat();
    let busy = [Step::Read, Step::Write(response("503 No", "", "")), Step::Hang];
    let server = Server::start(vec![slow, busy.to_vec(), answering(accepted())]);
    let endpoint = endpoint(&server.url());
    let transport = endpoint.transport().unwrap();
    let post = async |transport: Transport| {
        let (url, flag) = (server.url().parse().unwrap(), SentFlag::default());
        let head = transport.post_json(&url, &Secret::new(TOKEN), &[], "{}".into(), &flag).await.unwrap();
        head.answer(clock::now() + seconds(1.0)).await.status
    };
    let later = async |wait: f64| {
        tokio::time::sleep(seconds(wait)).await;
        post(transport.clone()).await
    };
    let all = async { tokio::join!(post(transport.clone()), later(0.5), later(1.0)) };
    assert_eq!(as_time_passes(seconds(0.01), all).await, (202, 503, 202));
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn nothing_goes_out_in_the_clear_but_to_this_machine() {
    let server = Server::start(vec![answering(accepted())]);
    let url = server.url().parse().unwrap();
    assert!(Transport::new(false).unwrap().get(&url, 1).await.is_err());
    assert!(server.requests().is_empty());
}
