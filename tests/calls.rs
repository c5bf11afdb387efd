//! What is kept of each call, and whose it is.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::sync::Arc;
use std::time::Duration;

use callredirect::calls::{Calls, Settlement, Stage, Step, TrackedCall};
use callredirect::notification::{Notification, ParseOptions, parse};
use callredirect::outcome::{Attempt, Outcome, Refused, Verdict};
use callredirect::send::clock::Arrival;
use tokio::time::advance;

fn note() -> Notification {
    read(br#"[{"changeType": "deleted", "resourceUrl": "/communications/calls/x"}]"#)
}

fn read(body: &[u8]) -> Notification {
    parse(body, &ParseOptions::default(), Arrival::now()).unwrap().remove(0)
}

/// The end of the call, with these members of it.
fn ended(members: &str) -> Notification {
    let call = format!(r##"{{"@odata.type": "#microsoft.graph.call", "state": "terminated"{members}}}"##);
    let resource = r#""resourceUrl": "/communications/calls/x""#;
    read(format!(r#"[{{"changeType": "deleted", {resource}, "resourceData": {call}}}]"#).as_bytes())
}

fn call() -> Arc<TrackedCall> {
    Calls::new(1).track("x", Arrival::now())
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn attempt(started: u64, duration: u64, sent: bool, status: Option<u16>) -> Attempt {
    let (started, duration) = (millis(started), millis(duration));
    Attempt { probe: false, started, duration, sent, status, error: None, request_id: None }
}

fn outcome(verdict: Verdict, attempts: Vec<Attempt>, elapsed: u64) -> Settlement {
    let elapsed = millis(elapsed);
    Settlement::Redirected(Outcome { verdict, attempts, elapsed, client_request_id: "ours".into() })
}

fn steps(call: &TrackedCall) -> Vec<(Step, u128)> {
    call.told().steps.iter().map(|(step, at)| (*step, at.as_millis())).collect()
}

#[test]
fn calls_are_one_per_id_and_forgotten_oldest_first() {
    let calls = Calls::new(2);
    let first = calls.track("0A-1b", Arrival::now());
    assert!(Arc::ptr_eq(&first, &calls.track("0a1B", Arrival::now())));
    assert_eq!(first.call_id(), "0A-1b");
    calls.track("second", Arrival::now());
    calls.track("third", Arrival::now());
    let ids: Vec<_> = calls.recent().iter().map(|call| call.call_id().to_owned()).collect();
    assert_eq!(ids, ["second", "third"]);
    assert!(calls.find("0A-1b").is_none());
    assert_eq!(calls.find("SECOND").unwrap().call_id(), "second");
    assert!(!Arc::ptr_eq(&first, &calls.track("0A-1b", Arrival::now())));
    assert_eq!(calls.recent().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_first_settlement_and_the_first_end_count() {
    let call = call();
    assert!(call.settle(Settlement::LeftAlone));
    assert!(!call.settle(Settlement::Failed("too late".into())));
    advance(millis(5)).await;
    assert!(call.end(note()));
    assert!(!call.end(note()));
    assert_eq!(call.told().settlement, Some(Settlement::LeftAlone));
    assert_eq!(steps(&call), [(Step::Received, 0), (Step::Settled, 0), (Step::Ended, 5)]);
}

#[tokio::test(start_paused = true)]
async fn steps_stand_in_the_order_of_time() {
    let call = call();
    advance(millis(10)).await;
    call.mark(Step::Decided);
    advance(millis(10)).await;
    // The end overtakes the outcome: Graph had answered at 16, and who waited for it is told at 30.
    call.end(note());
    advance(millis(10)).await;
    let attempts = vec![attempt(0, 1, false, None), attempt(2, 4, true, Some(202))];
    assert!(call.settle(outcome(Verdict::Accepted { status: 202 }, attempts, 20)));
    assert_eq!(
        steps(&call),
        [
            (Step::Received, 0),
            (Step::Decided, 10),
            (Step::Sent, 12),
            (Step::Replied, 16),
            (Step::Ended, 20),
            (Step::Settled, 30)
        ]
    );
    let expected = "call x
      0.0 ms  notification received
     10.0 ms  decided
     12.0 ms  redirect sent
     16.0 ms  202 from Graph
     20.0 ms  call terminated
     30.0 ms  outcome: accepted";
    assert_eq!(call.timeline(), expected);
}

#[tokio::test(start_paused = true)]
async fn the_outcome_is_the_last_line() {
    let call = call();
    assert_eq!(call.timeline(), "call x\n      0.0 ms  notification received");
    let accepted = outcome(Verdict::Accepted { status: 202 }, vec![attempt(0, 0, true, Some(202))], 0);
    call.settle(accepted);
    advance(millis(7)).await;
    call.end(note());
    assert!(call.timeline().ends_with("7.0 ms  call terminated\n      7.0 ms  outcome: accepted"));
}

#[test]
fn nothing_is_said_to_be_sent_that_was_not() {
    let call = call();
    let expired = Verdict::Expired { sent: false, reason: "could not connect".into() };
    call.settle(outcome(expired, vec![attempt(0, 1, false, None)], 1));
    let names: Vec<_> = call.told().steps.iter().map(|(step, _)| step.name()).collect();
    assert_eq!(names, ["received", "settled"]);
    assert!(call.timeline().ends_with("outcome: expired, never sent: could not connect"));
}

#[test]
fn summaries_say_what_became_of_it_without_numbers() {
    let refused = |status, code: Option<&str>| Refused {
        status,
        code: code.map(String::from),
        message: Some("Not +12345678901, nor +1 (2); +49301234567!".into()),
        ..Refused::default()
    };
    for (settlement, expected) in [
        (Settlement::Elsewhere, "another worker's".to_owned()),
        (Settlement::LeftAlone, "left alone".to_owned()),
        (Settlement::Failed("why".into()), "failed: why".to_owned()),
        (outcome(Verdict::Accepted { status: 202 }, vec![], 0), "accepted".to_owned()),
        (outcome(Verdict::Rejected(refused(400, None)), vec![], 0), "rejected: 400 no code".to_owned()),
        (outcome(Verdict::CallGone(refused(404, Some("8522"))), vec![], 0), "call gone: 404 8522".to_owned()),
        (
            outcome(Verdict::Expired { sent: true, reason: "slow".into() }, vec![], 0),
            "expired, sent: slow".to_owned(),
        ),
        (
            outcome(
                Verdict::Unknown {
                    likely_delivered: false,
                    reason: "Graph answered 504: to +12345678901\nERROR forged\u{1b}[31m".into(),
                },
                vec![],
                0,
            ),
            "unknown: Graph answered 504: to +*********01 ERROR forged [31m".to_owned(),
        ),
    ] {
        assert_eq!(settlement.summary(), expected);
    }
}

#[test]
fn every_step_has_a_name_of_its_own() {
    use Step::{
        Claimed, Decided, Ended, Parsed, Received, Replied, Sent, Settled, TimedOut, Validated, Verified,
    };
    let all =
        [Received, Verified, Parsed, Claimed, Decided, Validated, Sent, Replied, Settled, Ended, TimedOut];
    let names = [
        "received",
        "verified",
        "parsed",
        "claimed",
        "decided",
        "validated",
        "sent",
        "replied",
        "settled",
        "ended",
        "timed out",
    ];
    assert_eq!(all.map(Step::name), names);
}

fn unknown() -> Settlement {
    outcome(Verdict::Unknown { likely_delivered: false, reason: "reset".into() }, vec![], 0)
}

fn likely(call: &TrackedCall) -> bool {
    match call.told().settlement {
        Some(Settlement::Redirected(Outcome {
            verdict: Verdict::Unknown { likely_delivered, .. }, ..
        })) => likely_delivered,
        other => unreachable!("{other:?}"),
    }
}

#[test]
fn the_end_settles_what_was_unknown() {
    for (members, expected) in [
        (r#", "answeredBy": {"identity": {}}, "resultInfo": {"code": 500}"#, true),
        ("", true),
        (r#", "resultInfo": {"code": 200, "subcode": 5010}"#, true),
        (r#", "resultInfo": {"code": "0", "subcode": "5002"}"#, true),
        (r#", "resultInfo": {"code": 408, "subcode": 8544}"#, false),
        (r#", "resultInfo": {"code": 480, "subcode": 10037}"#, false),
        (r#", "resultInfo": {}"#, false),
    ] {
        let before = call();
        before.settle(unknown());
        assert!(!likely(&before));
        before.end(ended(members));
        let after = call();
        after.end(ended(members));
        after.settle(unknown());
        assert_eq!((likely(&before), likely(&after)), (expected, expected), "{members}");
        assert_eq!(before.told().stage, Stage::Unknown);
    }
    // An end without the call says nothing of how it ended.
    let bare = call();
    bare.settle(unknown());
    bare.end(note());
    assert!(!likely(&bare));
    // What Graph answered stays what it is.
    let refused = call();
    let no = outcome(Verdict::Rejected(Refused::default()), vec![], 0);
    refused.settle(no.clone());
    refused.end(ended(""));
    assert_eq!(refused.told().settlement, Some(no));
}

#[tokio::test(start_paused = true)]
async fn a_call_never_goes_back() {
    let call = call();
    assert_eq!(call.told().stage, Stage::Seen);
    assert!(call.begin(ended("")) && !call.begin(ended("")));
    call.claimed(None, millis(9000));
    call.sending();
    call.claimed(None, millis(20_000));
    assert_eq!(call.told().stage, Stage::Sent);
    // Whoever saw the call first started its time.
    assert_eq!(call.deadline().remaining(), millis(9000));
    call.settle(outcome(Verdict::Accepted { status: 202 }, vec![], 0));
    call.sending();
    call.heard(Stage::Unknown);
    assert_eq!(call.told().stage, Stage::Accepted);
    advance(millis(5)).await;
    assert!(call.time_out() && !call.time_out());
    assert!(call.end(note()) && !call.time_out());
    assert!(call.timeline().contains("5.0 ms  its end was never told\n"));
    let gone = Calls::new(1).track("y", Arrival::now());
    gone.end(note());
    assert!(!gone.begin(note()));
}
