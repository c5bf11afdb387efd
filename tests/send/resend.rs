//! Trying again over the wire: the exact requests that a server sees, in which order and after which waits.

use std::time::{Duration, UNIX_EPOCH};

use callredirect::Secret;
use callredirect::outcome::{Attempt, Outcome, Verdict};
use callredirect::send::retry::OnAmbiguous;
use callredirect::send::{Deadline, Retries, clock};

use crate::server::Event::Connect;
use crate::server::{Server, Step, accepted, answering, reserved, response};
use crate::{
    CALL, Still, TOKEN, as_time_passes, endpoint, resend_to, seconds, send_to, send_with, settle, to_user,
};

/// Reads a request and says nothing.
fn hanging() -> Vec<Step> {
    vec![Step::Read, Step::Hang]
}

/// Reads a request and closes.
fn closing() -> Vec<Step> {
    vec![Step::Read, Step::Close]
}

fn throttling(status: &str, retry_after: &str) -> Vec<Step> {
    answering(response(status, &format!("Retry-After: {retry_after}\r\nConnection: close\r\n"), ""))
}

fn failing(status: &str) -> Vec<Step> {
    answering(response(status, "Connection: close\r\n", ""))
}

/// What Graph says of a call.
fn call_in(state: &str) -> Vec<Step> {
    let body = format!(r##"{{"@odata.type": "#microsoft.graph.call", "id": "{CALL}", "state": "{state}"}}"##);
    answering(response("200 OK", "Connection: close\r\n", body))
}

fn gone() -> Vec<Step> {
    let body = r#"{"error": {"code": "8522", "message": "Call not found."}}"#;
    answering(response("404 Not Found", "Connection: close\r\n", body))
}

/// What the server saw, a word for each request: `POST` a redirect, `GET` a call. Everything else about them is
/// checked: the addresses, that all redirects are the same bytes, that each has the token.
fn requests(server: &Server) -> Vec<&'static str> {
    let mut words = Vec::new();
    let mut redirects = Vec::new();
    for request in server.requests() {
        let text = String::from_utf8(request).unwrap();
        assert!(text.contains(&format!("authorization: Bearer {TOKEN}\r\n")), "{text}");
        assert!(text.contains("\r\nclient-request-id: "), "{text}");
        match text.lines().next().unwrap() {
            line if line == format!("POST /v1.0/communications/calls/{CALL}/redirect HTTP/1.1") => {
                words.push("POST");
                redirects.push(text);
            }
            line if line == format!("GET /v1.0/communications/calls/{CALL} HTTP/1.1") => words.push("GET"),
            line => panic!("{line}"),
        }
    }
    redirects.dedup();
    assert!(redirects.len() <= 1, "redirects differ: {redirects:#?}");
    words
}

async fn outcome_of(server: &Server, budget: f64) -> Outcome {
    let outcome = as_time_passes(seconds(0.01), resend_to(server.port, seconds(budget), 7)).await;
    assert!(outcome.elapsed <= seconds(budget), "{outcome:?}");
    outcome
}

fn connects(server: &Server) -> usize {
    server.events().into_iter().filter(|event| *event == Connect).count()
}

/// Waits between the attempts, in milliseconds.
fn waits(outcome: &Outcome) -> Vec<u128> {
    let gap = |pair: &[Attempt]| pair[1].started.saturating_sub(pair[0].started + pair[0].duration);
    outcome.attempts.windows(2).map(|pair| gap(pair).as_millis()).collect()
}

fn is(verdict: &Verdict, likely: bool) {
    let Verdict::Unknown { likely_delivered, .. } = verdict else { panic!("{verdict:?}") };
    assert_eq!(*likely_delivered, likely, "{verdict:?}");
}

#[tokio::test(start_paused = true)]
async fn whatever_may_have_arrived_is_asked_about_and_then_sent_again() {
    let firsts = [
        hanging(),
        closing(),
        vec![Step::Read, Step::Reset],
        vec![Step::Read, Step::Write(b"HTTP/1.1 20".to_vec()), Step::Close],
        failing("500 Oh"),
        failing("502 Oh"),
        failing("504 Oh"),
    ];
    for first in firsts {
        let server = Server::start(vec![first.clone(), call_in("incoming"), answering(accepted())]);
        let outcome = outcome_of(&server, 13.0).await;
        assert_eq!(outcome.verdict, Verdict::Accepted { status: 202 }, "{first:?}");
        assert_eq!(requests(&server), ["POST", "GET", "POST"], "{first:?}");
        assert_eq!(connects(&server), 3, "each over a connection of its own: {first:?}");
        let probes: Vec<_> = outcome.attempts.iter().map(|attempt| attempt.probe).collect();
        assert_eq!(probes, [false, true, false]);
        assert!(outcome.attempts.iter().all(|attempt| attempt.sent));
        assert_eq!(outcome.attempts[1].status, Some(200));
        let waits = waits(&outcome);
        assert!((50..=110).contains(&waits[0]) && waits[1] == 0, "{waits:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_rings_no_more_is_not_redirected_again() {
    for (answer, word) in [
        (gone(), "404"),
        (failing("410 Gone"), "410"),
        (failing("409 Conflict"), "409"),
        (call_in("redirecting"), "redirecting"),
        (call_in("terminated"), "terminated"),
        (call_in("established"), "established"),
        (call_in("unknownFutureValue"), "unknownFutureValue"),
    ] {
        let server = Server::start(vec![closing(), answer]);
        let outcome = outcome_of(&server, 13.0).await;
        is(&outcome.verdict, true);
        let Verdict::Unknown { reason, .. } = &outcome.verdict else { panic!() };
        assert!(reason.contains(word) && reason.contains("the connection broke"), "{reason}");
        assert_eq!(requests(&server), ["POST", "GET"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_question_that_brings_no_word_sends_nothing_again() {
    // Final answers that do not tell.
    for answer in [
        answering(response("200 OK", "", "<html>")),
        answering(response("200 OK", "", r#"{"state": null}"#)),
        answering(response("200 OK", "", r#"{"state": "in coming"}"#)),
        failing("202 Accepted"),
        failing("302 Found"),
        failing("403 Forbidden"),
        failing("400 Bad"),
    ] {
        let server = Server::start(vec![closing(), answer.clone()]);
        let outcome = outcome_of(&server, 13.0).await;
        is(&outcome.verdict, false);
        assert_eq!(requests(&server), ["POST", "GET"], "{answer:?}");
    }
    // Faults: the question is harmless and may be repeated, the redirect is not.
    for answer in
        [closing(), hanging(), failing("500 Oh"), throttling("503 Oh", "0"), throttling("429 Oh", "1")]
    {
        let server =
            Server::start(vec![closing(), answer.clone(), call_in("incoming"), answering(accepted())]);
        let outcome = outcome_of(&server, 13.0).await;
        assert_eq!(outcome.verdict, Verdict::Accepted { status: 202 });
        assert_eq!(requests(&server), ["POST", "GET", "GET", "POST"], "{answer:?}");
    }
    // A server that fails quickly is not asked for ever.
    let server = Server::start(vec![closing(); 20]);
    is(&outcome_of(&server, 13.0).await.verdict, false);
    assert_eq!(requests(&server), ["POST", "GET", "GET", "GET", "GET"]);
    // Nothing but silence: one redirect, and questions until it is too late for an answer to help.
    let server = Server::start(vec![hanging(); 20]);
    let outcome = outcome_of(&server, 13.0).await;
    is(&outcome.verdict, false);
    let words = requests(&server);
    assert_eq!(words.iter().filter(|word| **word == "POST").count(), 1, "{words:?}");
    assert!((3..=5).contains(&words.len()), "{words:?}");
}

#[tokio::test(start_paused = true)]
async fn the_answer_to_a_repetition_is_never_the_whole_truth() {
    for (answer, likely) in [
        (gone(), true),
        (failing("404 Not Found"), true),
        (failing("409 Conflict"), true),
        (failing("410 Gone"), true),
        (failing("400 Bad"), false),
        (failing("403 Forbidden"), false),
        (failing("422 No"), false),
        (throttling("429 Slow", "20"), false),
        (throttling("503 Slow", "20"), false),
    ] {
        for first in [closing(), failing("500 Oh")] {
            let server = Server::start(vec![first, call_in("incoming"), answer.clone()]);
            let outcome = outcome_of(&server, 13.0).await;
            is(&outcome.verdict, likely);
            let Verdict::Unknown { reason, .. } = &outcome.verdict else { panic!() };
            assert!(reason.starts_with("an earlier attempt may have arrived"), "{reason}");
            assert_eq!(requests(&server), ["POST", "GET", "POST"], "{answer:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn four_redirects_are_the_most() {
    let round = || [closing(), call_in("incoming")];
    let server = Server::start((0..6).flat_map(|_| round()).collect());
    let outcome = outcome_of(&server, 13.0).await;
    is(&outcome.verdict, false);
    assert_eq!(requests(&server), ["POST", "GET", "POST", "GET", "POST", "GET", "POST"]);

    for status in ["503 Slow", "429 Slow"] {
        let server = Server::start(vec![failing(status); 6]);
        let outcome = outcome_of(&server, 13.0).await;
        assert!(matches!(outcome.verdict, Verdict::Rejected(_)), "{outcome:?}");
        assert_eq!(requests(&server), ["POST"; 4]);
        let waits = waits(&outcome);
        for (wait, (shortest, longest)) in waits.iter().zip([(50, 110), (530, 1100), (4900, 6510)]) {
            assert!((shortest..=longest).contains(wait), "{waits:?}");
        }
    }
}

/// Whatever Graph answers while it is down, the call is redirected once it is up again.
#[tokio::test(start_paused = true)]
async fn an_outage_of_five_seconds_is_survived() {
    for status in ["429 Slow", "500 Oh", "502 Oh", "503 Slow", "504 Oh"] {
        let throttled = matches!(status, "429 Slow" | "503 Slow");
        let failing = vec![failing(status); if throttled { 3 } else { 4 }];
        let well = if throttled { vec![] } else { vec![call_in("incoming")] };
        let server = Server::start([failing, well, vec![answering(accepted())]].concat());
        let outcome = outcome_of(&server, 13.0).await;
        assert_eq!(outcome.verdict, Verdict::Accepted { status: 202 }, "{status}");
        let first =
            outcome.attempts.iter().find(|attempt| matches!(attempt.status, Some(200 | 202))).unwrap();
        assert!((seconds(5.0)..seconds(8.0)).contains(&first.started), "{status}: {:?}", first.started);
    }
}

#[tokio::test(start_paused = true)]
async fn setting_stop_and_too_little_time_ask_nothing() {
    let server = Server::start(vec![closing(), call_in("incoming")]);
    let outcome = as_time_passes(seconds(0.01), send_to(server.port, seconds(13.0))).await;
    is(&outcome.verdict, false);
    assert_eq!(requests(&server), ["POST"]);
    for (budget, words) in [(1.5, vec!["POST"]), (1.7, vec!["POST", "GET", "POST"])] {
        let server = Server::start(vec![closing(), call_in("incoming"), answering(accepted())]);
        outcome_of(&server, budget).await;
        assert_eq!(requests(&server), words, "{budget}");
    }
}

#[tokio::test(start_paused = true)]
async fn throttled_waits_as_long_as_it_is_told_and_no_longer_than_it_may() {
    for status in ["429 Slow", "503 Slow"] {
        // A date has whole seconds, and the real clock goes on, faster than the test on a busy machine.
        let in_9_s = httpdate::fmt_http_date(UNIX_EPOCH + seconds(clock::unix() + 9.0));
        for (value, shortest, longest) in [
            (in_9_s.as_str(), 1000, 9010),
            ("1", 1000, 1010),
            ("2.128", 2128, 2140),
            ("0", 50, 110),
            ("soon", 50, 110),
            ("-3", 50, 110),
            ("Wed, 21 Oct 2015 07:28:00 GMT", 50, 110),
            ("12", 12_000, 12_010),
        ] {
            let server = Server::start(vec![throttling(status, value), answering(accepted())]);
            let outcome = outcome_of(&server, 13.0).await;
            assert_eq!(outcome.verdict, Verdict::Accepted { status: 202 }, "{value}");
            assert_eq!(requests(&server), ["POST", "POST"]);
            let wait = waits(&outcome)[0];
            assert!((shortest..=longest).contains(&wait), "{status} {value}: {wait} ms");
        }
        for value in ["12.9", "20", "86400", "Wed, 21 Oct 2099 07:28:00 GMT"] {
            let server = Server::start(vec![throttling(status, value), answering(accepted())]);
            let outcome = outcome_of(&server, 13.0).await;
            assert_eq!(requests(&server), ["POST"]);
            assert_eq!(outcome.elapsed, Duration::ZERO, "it is said at once");
            let Verdict::Rejected(no) = outcome.verdict else { panic!("{:?}", outcome.verdict) };
            assert!(no.retry_after > Some(seconds(12.0)), "{value}");
        }
    }
}

/// The server keeps its connection open: after a 503 a new one is made all the same, after a 429 it is not.
#[tokio::test(start_paused = true)]
async fn a_new_connection_after_503() {
    for (status, expected) in [("503 Slow", 2), ("429 Slow", 1)] {
        let slow = response(status, "", "");
        let first = [Step::Read, Step::Write(slow), Step::Read, Step::Write(accepted()), Step::Hang].to_vec();
        let server = Server::start(vec![first, answering(accepted())]);
        let outcome = outcome_of(&server, 13.0).await;
        assert_eq!(outcome.verdict, Verdict::Accepted { status: 202 });
        assert_eq!((requests(&server), connects(&server)), (vec!["POST"; 2], expected), "{status}");
    }
}

/// Word of the call in between, and the next questions are the first again.
#[tokio::test(start_paused = true)]
async fn only_questions_one_after_the_other_are_too_many() {
    let round = [failing("500 Oh"), failing("500 Oh"), failing("500 Oh"), call_in("incoming")];
    let server = Server::start([&round[..], &round, &[answering(accepted())]].concat());
    let outcome = outcome_of(&server, 13.0).await;
    assert_eq!(outcome.verdict, Verdict::Accepted { status: 202 });
    let once = ["POST", "GET", "GET", "GET"];
    assert_eq!(requests(&server), [&once[..], &once, &["POST"]].concat());
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_not_sent_again() {
    for status in ["400 No", "403 No", "404 No", "409 No", "410 No", "422 No", "405 No", "418 No", "501 No"] {
        let server = Server::start(vec![failing(status); 3]);
        let outcome = outcome_of(&server, 13.0).await;
        assert!(matches!(outcome.verdict, Verdict::Rejected(_) | Verdict::CallGone(_)), "{outcome:?}");
        assert_eq!(requests(&server), ["POST"], "{status}");
    }
}

/// Graph refused, then went away: nothing rings, and that is what is said.
#[tokio::test(start_paused = true)]
async fn the_last_word_of_graph_stands_when_nothing_more_can_be_sent() {
    let (port, socket) = reserved();
    let listener = socket.listen(1).unwrap();
    let sending = tokio::spawn(async move { resend_to(port, seconds(5.0), 7).await });
    let refusing = async move {
        let (stream, _) = listener.accept().await.unwrap();
        drop(listener);
        let mut stream = stream;
        let mut some = [0; 4096];
        tokio::io::AsyncReadExt::read(&mut stream, &mut some).await.unwrap();
        let answer = response("503 Slow", "Connection: close\r\n", "");
        tokio::io::AsyncWriteExt::write_all(&mut stream, &answer).await.unwrap();
    };
    let both = Box::pin(async { tokio::join!(sending, refusing).0 });
    let outcome = as_time_passes(seconds(0.01), both).await.unwrap();
    let Verdict::Rejected(no) = &outcome.verdict else { panic!("{:?}", outcome.verdict) };
    assert_eq!(no.status, 503);
    assert!(outcome.attempts.len() > 10 && outcome.attempts[1..].iter().all(|attempt| !attempt.sent));
    assert!(outcome.elapsed <= seconds(5.0) && outcome.elapsed > seconds(4.2), "{:?}", outcome.elapsed);
}

#[tokio::test(start_paused = true)]
async fn the_seed_decides_the_waits() {
    let mut seen = Vec::new();
    for seed in [1, 2, 1] {
        let server = Server::start(vec![failing("503 Slow"), answering(accepted())]);
        let outcome = as_time_passes(seconds(0.001), resend_to(server.port, seconds(13.0), seed)).await;
        seen.push(waits(&outcome)[0]);
    }
    assert_eq!(seen[0], seen[2]);
    assert_ne!(seen[0], seen[1]);
}

/// Graph fails for everybody: each call has its first attempt, the retries of all together are few. When it is well
/// again they come back.
#[tokio::test(start_paused = true)]
async fn retries_are_bounded_for_all_redirects_of_a_client() {
    let (well, slow) =
        (answering(response("202 Accepted", "Connection: close\r\n", "")), failing("429 Slow"));
    let answers = [(10, &well), (160, &slow), (4, &well), (1, &slow), (1, &well), (1, &slow), (1, &well)];
    let server =
        Server::start(answers.iter().flat_map(|(count, answer)| vec![(*answer).clone(); *count]).collect());
    let endpoint = endpoint(&server.url());
    let transport = endpoint.transport().unwrap();
    let retries = Retries::new(OnAmbiguous::default(), 3);
    let token = Secret::new(TOKEN);
    let one = async || {
        let prepared = endpoint.prepare(CALL, &to_user(), None).unwrap();
        let deadline = Deadline::after(seconds(13.0));
        let sending = Box::pin(send_with(&retries, &transport, &prepared, &token, deadline));
        as_time_passes(seconds(0.05), sending).await.attempts.len()
    };
    // What goes well at first saves nothing up.
    for _ in 0..10 {
        assert_eq!(one().await, 1);
    }
    let mut attempts = Vec::new();
    while attempts.iter().sum::<usize>() < 160 {
        attempts.push(one().await);
    }
    let again: usize = attempts.iter().map(|count| count - 1).sum();
    assert_eq!(again, 100, "{attempts:?}");
    assert_eq!(attempts[..33], [4; 33]);
    assert_eq!(attempts[34..], [1; 26]);
    // Five that go well at first are one retry: after four of them there is none.
    for expected in [1, 1, 1, 1, 1, 1, 2] {
        assert_eq!(one().await, expected);
    }
}

/// Of the retries that it took to go well one is given back, not all.
#[tokio::test(start_paused = true)]
async fn retries_that_hardly_help_are_used_up() {
    let call =
        [vec![failing("429 Slow"); 3], vec![answering(response("202 Yes", "Connection: close\r\n", ""))]];
    let server = Server::start((0..50).flat_map(|_| call.concat()).collect());
    let endpoint = endpoint(&server.url());
    let transport = endpoint.transport().unwrap();
    let retries = Retries::new(OnAmbiguous::default(), 3);
    let token = Secret::new(TOKEN);
    let mut attempts = Vec::new();
    for _ in 0..50 {
        let prepared = endpoint.prepare(CALL, &to_user(), None).unwrap();
        let deadline = Deadline::after(seconds(13.0));
        let sending = Box::pin(send_with(&retries, &transport, &prepared, &token, deadline));
        attempts.push(as_time_passes(seconds(0.05), sending).await.attempts.len());
    }
    assert_eq!((&attempts[..49], attempts[49]), (&[4; 49][..], 3));
}

/// What never left burdened nobody: the retries of those that did are all there.
#[tokio::test(start_paused = true)]
async fn what_never_left_takes_no_retries_from_others() {
    let retries = Retries::new(OnAmbiguous::default(), 3);
    let token = Secret::new(TOKEN);
    let one = async |url: String| {
        let endpoint = endpoint(&url);
        let prepared = endpoint.prepare(CALL, &to_user(), None).unwrap();
        let transport = endpoint.transport().unwrap();
        let deadline = Deadline::after(seconds(13.0));
        let sending = Box::pin(send_with(&retries, &transport, &prepared, &token, deadline));
        as_time_passes(seconds(0.05), sending).await
    };
    let (port, _nobody) = reserved();
    let mut unsent = 0;
    while unsent <= 100 {
        unsent += one(format!("http://127.0.0.1:{port}")).await.attempts.len();
    }
    let server = Server::start(vec![failing("429 Slow"), answering(accepted())]);
    assert_eq!(one(server.url()).await.verdict, Verdict::Accepted { status: 202 });
}

/// A retry that goes well costs nothing: a server that fails every other time is borne forever.
#[tokio::test(start_paused = true)]
async fn retries_that_help_are_not_used_up() {
    let pair = [failing("429 Slow"), answering(response("202 Accepted", "Connection: close\r\n", ""))];
    let server = Server::start((0..150).flat_map(|_| pair.clone()).collect());
    let endpoint = endpoint(&server.url());
    let transport = endpoint.transport().unwrap();
    let retries = Retries::new(OnAmbiguous::default(), 3);
    for _ in 0..150 {
        let still = Still::new();
        let prepared = endpoint.prepare(CALL, &to_user(), None).unwrap();
        let (token, deadline) = (Secret::new(TOKEN), Deadline::after(seconds(13.0)));
        let sending = Box::pin(send_with(&retries, &transport, &prepared, &token, deadline));
        let outcome = as_time_passes(seconds(0.05), sending).await;
        assert_eq!(outcome.verdict, Verdict::Accepted { status: 202 });
        settle().await;
        drop(still);
    }
}
