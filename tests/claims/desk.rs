//! A worker's life with its store: the clock stands still unless the test, or a wait, moves it.

use std::collections::HashMap;
use std::future::pending;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use callredirect::calls::{
    CallKey, Calls, Claim, ClaimDesk, ClaimStore, Grant, MemoryStore, Move, OnFault, Owed, Record,
    Settlement, Stage, StoreFault, TrackedCall,
};
use callredirect::notification::{Notification, ParseOptions, parse};
use callredirect::outcome::{Outcome, Verdict};
use callredirect::send::clock::{self, Arrival};
use tokio::time::{advance, sleep};

use crate::{BUDGET, LEASE, key, ticket};

/// A store in this process that may be reached, or hang, or fail, as a server may.
struct Remote {
    kept: MemoryStore,
    hangs: AtomicBool,
    faults: Mutex<HashMap<String, StoreFault>>,
    asked: AtomicUsize,
}

impl Remote {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            kept: MemoryStore::new(100),
            hangs: AtomicBool::new(false),
            faults: Mutex::default(),
            asked: AtomicUsize::new(0),
        })
    }

    fn hang(&self, hangs: bool) {
        self.hangs.store(hangs, Ordering::Relaxed);
    }

    fn fail(&self, key: &str, fault: Option<StoreFault>) {
        let mut faults = self.faults.lock().unwrap();
        match fault {
            Some(fault) => faults.insert(key.to_owned(), fault),
            None => faults.remove(key),
        };
    }

    fn asked(&self) -> usize {
        self.asked.swap(0, Ordering::Relaxed)
    }

    fn owed<T: Send + 'static>(&self, key: &str, owed: impl FnOnce() -> T) -> Owed<'_, T> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        if self.hangs.load(Ordering::Relaxed) {
            return Box::pin(pending());
        }
        let fault = self.faults.lock().unwrap().get(key).cloned();
        let answer = fault.map_or_else(|| Ok(owed()), Err);
        Box::pin(async move { answer })
    }
}

/// The memory's answers are there at once.
fn at_once<T>(owed: Owed<'_, T>) -> T {
    let mut owed = owed;
    match owed.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop())) {
        std::task::Poll::Ready(answer) => answer.unwrap(),
        std::task::Poll::Pending => unreachable!(),
    }
}

impl ClaimStore for Remote {
    fn apply(&self, call: &CallKey, step: Move) -> Owed<'_, Claim> {
        self.owed(&call.key, || at_once(self.kept.apply(call, step)))
    }

    fn get(&self, key: &str) -> Owed<'_, Option<Record>> {
        self.owed(key, || at_once(self.kept.get(key)))
    }

    fn unfinished(&self) -> Owed<'_, Vec<Record>> {
        self.owed("", || at_once(self.kept.unfinished()))
    }
}

fn desk(store: &Arc<Remote>, worker: &str, on_fault: OnFault) -> Arc<ClaimDesk> {
    let store: Arc<dyn ClaimStore> = Arc::<Remote>::clone(store);
    Arc::new(ClaimDesk::of(store, worker.to_owned(), on_fault))
}

fn call(name: &str) -> Arc<TrackedCall> {
    Calls::new(1).track(name, Arrival::now())
}

async fn claim(desk: &Arc<ClaimDesk>, call: &Arc<TrackedCall>) -> Grant {
    Arc::clone(desk).claim(Arc::clone(call)).await
}

async fn may_send(desk: &Arc<ClaimDesk>, call: &Arc<TrackedCall>) -> Grant {
    Arc::clone(desk).may_send(Arc::clone(call)).await
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

async fn record(store: &Remote, name: &str) -> Record {
    store.kept.get(name).await.unwrap().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_claim_is_held_until_the_call_is_settled() {
    let store = Remote::new();
    let (a, b) = (desk(&store, "a", OnFault::Degrade), desk(&store, "b", OnFault::Degrade));
    let (here, there) = (call("x"), call("x"));
    assert_eq!(claim(&a, &here).await, Grant::Yours);
    assert_eq!((here.told().stage, here.told().ticket), (Stage::Claimed, Some(ticket("a", 1))));
    let second = tokio::spawn({
        let (b, there) = (Arc::clone(&b), Arc::clone(&there));
        async move { claim(&b, &there).await }
    });
    // The lease is renewed all the while that the handler thinks.
    sleep(Duration::from_secs(7)).await;
    assert!(!second.is_finished());
    assert_eq!(may_send(&a, &here).await, Grant::Yours);
    assert_eq!(second.await.unwrap(), Grant::Elsewhere);
    here.settle(Settlement::LeftAlone);
    a.finish(Arc::clone(&here)).await.unwrap();
    assert_eq!(record(&store, "x").await.stage, Stage::LeftAlone);
    store.asked();
    sleep(Duration::from_secs(30)).await;
    assert_eq!(store.asked(), 0);
}

#[tokio::test(start_paused = true)]
async fn nobody_holds_a_claim_beyond_the_calls_time() {
    let store = Remote::new();
    assert_eq!(claim(&desk(&store, "a", OnFault::Degrade), &call("x")).await, Grant::Yours);
    sleep(BUDGET + LEASE).await;
    store.asked();
    sleep(Duration::from_secs(60)).await;
    assert_eq!(store.asked(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_second_delivery_replaces_a_worker_that_died() {
    let store = Remote::new();
    // Its process is gone: nothing renews the lease.
    store.kept.claim(&key("x"), "dead", LEASE, BUDGET).await.unwrap();
    advance(millis(500)).await;
    let b = desk(&store, "b", OnFault::Degrade);
    let again = call("x");
    let before = clock::now();
    assert_eq!(claim(&b, &again).await, Grant::Yours);
    assert!((millis(1500)..millis(1600)).contains(&clock::now().saturating_duration_since(before)));
    assert_eq!(again.told().ticket, Some(ticket("b", 2)));
    // The budget is the first delivery's.
    assert!(again.deadline().remaining() + LEASE <= BUDGET);
}

#[tokio::test(start_paused = true)]
async fn who_lost_the_claim_may_not_send() {
    let store = Remote::new();
    let a = desk(&store, "a", OnFault::Degrade);
    let here = call("x");
    claim(&a, &here).await;
    // As after a pause of the whole machine: the lease lapsed before it was renewed.
    store.hang(true);
    sleep(LEASE + millis(1)).await;
    store.hang(false);
    store.kept.claim(&key("x"), "b", LEASE, BUDGET).await.unwrap();
    sleep(Duration::from_secs(1)).await;
    assert_eq!(may_send(&a, &here).await, Grant::Elsewhere);
    assert_eq!(here.told().stage, Stage::Claimed);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_ended_is_neither_claimed_nor_sent() {
    let store = Remote::new();
    let a = desk(&store, "a", OnFault::Degrade);
    let (here, late) = (call("x"), call("y"));
    claim(&a, &here).await;
    assert!(Arc::clone(&a).end(call("x")).await);
    assert!(!Arc::clone(&a).end(call("x")).await);
    assert_eq!(may_send(&a, &here).await, Grant::Ended);
    Arc::clone(&a).end(call("y")).await;
    assert_eq!(claim(&a, &late).await, Grant::Ended);
}

#[tokio::test(start_paused = true)]
async fn whoever_is_told_of_the_end_learns_how_far_it_came() {
    let store = Remote::new();
    let (a, b) = (desk(&store, "a", OnFault::Degrade), desk(&store, "b", OnFault::Degrade));
    let (here, there) = (call("x"), call("x"));
    claim(&a, &here).await;
    may_send(&a, &here).await;
    assert!(Arc::clone(&b).end(Arc::clone(&there)).await);
    assert_eq!(there.told().stage, Stage::Sent);
    assert_eq!(Arc::clone(&b).get(there).await.unwrap().unwrap().worker, "a");
}

/// How long each of several calls at once waits for leave, shortest first.
async fn waits(desk: &Arc<ClaimDesk>, calls: usize) -> Vec<Duration> {
    let began = clock::now();
    let asking: Vec<_> = (0..calls)
        .map(|number| {
            let (desk, call) = (Arc::clone(desk), call(&format!("call-{number}-{began:?}")));
            tokio::spawn(async move {
                assert!(matches!(claim(&desk, &call).await, Grant::Unasked(_)));
                let waited = clock::now().saturating_duration_since(began);
                // Else the store would be asked again for its claim.
                call.settle(Settlement::LeftAlone);
                waited
            })
        })
        .collect();
    let mut waited = Vec::new();
    for task in asking {
        waited.push(task.await.unwrap());
    }
    waited.sort();
    waited
}

#[tokio::test(start_paused = true)]
async fn a_hanging_store_delays_a_call_by_300_ms_and_others_not_at_all() {
    let store = Remote::new();
    let a = desk(&store, "a", OnFault::Degrade);
    store.hang(true);
    let here = call("x");
    let Grant::Unasked(why) = claim(&a, &here).await else { panic!() };
    assert_eq!(why, "the store gave no answer within 300 ms");
    assert_eq!(here.arrival().elapsed(), millis(300));
    assert_eq!((here.told().stage, here.told().ticket), (Stage::Claimed, None));
    assert_eq!(may_send(&a, &here).await, Grant::Yours);
    assert_eq!(here.arrival().elapsed(), millis(300));
    here.settle(Settlement::LeftAlone);
    // One slow answer is no reason to go without the store; three in a row are, for a second, whoever asks.
    assert_eq!(waits(&a, 2).await, [millis(300); 2]);
    store.asked();
    assert_eq!(waits(&a, 20).await, [Duration::ZERO; 20]);
    assert_eq!((store.asked(), a.degraded()), (0, 23));
    // Then one call tries it, and the others still do not wait.
    advance(Duration::from_secs(1)).await;
    let mut one_of_five = [Duration::ZERO; 5];
    one_of_five[4] = millis(300);
    assert_eq!(waits(&a, 5).await, one_of_five);
    assert_eq!(waits(&a, 5).await, [Duration::ZERO; 5]);
    // Once it answers, it is asked again, and one more slow answer is one slow answer.
    store.hang(false);
    advance(Duration::from_secs(1)).await;
    for name in ["p", "q"] {
        assert_eq!(claim(&a, &call(name)).await, Grant::Yours);
    }
    store.hang(true);
    assert_eq!(waits(&a, 2).await, [millis(300); 2]);
    store.hang(false);
    assert_eq!(claim(&a, &call("r")).await, Grant::Yours);
}

#[tokio::test(start_paused = true)]
async fn one_bad_record_costs_its_call_alone() {
    let store = Remote::new();
    let a = desk(&store, "a", OnFault::Degrade);
    store.fail("x", Some(StoreFault::of_record("WRONGTYPE")));
    for _ in 0..3 {
        assert_eq!(claim(&a, &call("x")).await, Grant::Unasked("WRONGTYPE".into()));
    }
    assert_eq!(claim(&a, &call("y")).await, Grant::Yours);
    store.fail("z", Some(StoreFault::of_store("refused")));
    for _ in 0..3 {
        assert_eq!(claim(&a, &call("z")).await, Grant::Unasked("refused".into()));
    }
    assert_eq!(claim(&a, &call("v")).await, Grant::Unasked("the store failed a moment ago".into()));
    store.fail("z", None);
}

#[tokio::test(start_paused = true)]
async fn fail_closed_loses_the_call_rather() {
    let store = Remote::new();
    let a = desk(&store, "a", OnFault::FailClosed);
    let here = call("x");
    assert_eq!(claim(&a, &here).await, Grant::Yours);
    store.hang(true);
    assert!(matches!(may_send(&a, &here).await, Grant::Refused(_)));
    assert_eq!(here.told().stage, Stage::Claimed);
    let other = call("y");
    assert!(matches!(claim(&a, &other).await, Grant::Refused(_)));
    assert_eq!((other.told().stage, a.degraded()), (Stage::Seen, 0));
}

#[tokio::test(start_paused = true)]
async fn being_cut_off_makes_nobody_elses_call_ours() {
    let store = Remote::new();
    store.kept.claim(&key("x"), "other", LEASE, BUDGET).await.unwrap();
    let a = desk(&store, "a", OnFault::Degrade);
    let standing_by = tokio::spawn({
        let a = Arc::clone(&a);
        async move { claim(&a, &call("x")).await }
    });
    sleep(millis(10)).await;
    store.hang(true);
    assert_eq!(standing_by.await.unwrap(), Grant::Elsewhere);
}

#[tokio::test(start_paused = true)]
async fn one_slow_answer_leaves_no_call_to_a_worker_that_died() {
    let store = Remote::new();
    store.kept.claim(&key("x"), "dead", LEASE, BUDGET).await.unwrap();
    let b = desk(&store, "b", OnFault::Degrade);
    let standing_by = tokio::spawn({
        let b = Arc::clone(&b);
        async move { claim(&b, &call("x")).await }
    });
    sleep(millis(10)).await;
    store.hang(true);
    sleep(LEASE + Duration::from_secs(3)).await;
    assert!(!standing_by.is_finished());
    store.hang(false);
    assert_eq!(standing_by.await.unwrap(), Grant::Yours);
    assert_eq!((b.degraded(), record(&store, "x").await.fence), (0, 2));
}

#[tokio::test(start_paused = true)]
async fn who_never_got_an_answer_learns_it_from_whoever_is_told_of_the_end() {
    let store = Remote::new();
    let (a, b) = (desk(&store, "a", OnFault::Degrade), desk(&store, "b", OnFault::Degrade));
    for (name, result, expected) in [("x", "", true), ("y", r#", "resultInfo": {"code": 480}"#, false)] {
        let (here, there) = (call(name), call(name));
        claim(&a, &here).await;
        may_send(&a, &here).await;
        here.settle(unknown(!expected));
        Arc::clone(&a).finish(Arc::clone(&here)).await.unwrap();
        Arc::clone(&a).get(Arc::clone(&here)).await.unwrap();
        assert!(!here.told().is_over());
        there.end(ended(name, result));
        assert!(Arc::clone(&b).end(Arc::clone(&there)).await);
        assert_eq!((there.told().stage, record(&store, name).await.stage), (Stage::Unknown, Stage::Unknown));
        Arc::clone(&a).get(Arc::clone(&here)).await.unwrap();
        assert!(here.told().is_over());
        assert_eq!(here.told().settlement, Some(unknown(expected)));
    }
}

fn unknown(likely_delivered: bool) -> Settlement {
    let verdict = Verdict::Unknown { likely_delivered, reason: "the connection broke".into() };
    Settlement::Redirected(Outcome {
        verdict,
        attempts: vec![],
        elapsed: Duration::ZERO,
        client_request_id: String::new(),
    })
}

fn ended(name: &str, result: &str) -> Notification {
    let body = format!(
        r#"[{{"changeType": "deleted", "resourceUrl": "/communications/calls/{name}",
            "resourceData": {{"id": "{name}", "state": "terminated"{result}}}}}]"#
    );
    parse(body.as_bytes(), &ParseOptions::default(), Arrival::now()).unwrap().remove(0)
}

fn stands_by(desk: &Arc<ClaimDesk>, name: &str) -> tokio::task::JoinHandle<Grant> {
    let (desk, call) = (Arc::clone(desk), call(name));
    tokio::spawn(async move { claim(&desk, &call).await })
}

#[tokio::test(start_paused = true)]
async fn a_claim_whose_answer_was_lost_is_held_all_the_same() {
    let store = Remote::new();
    let (a, b) = (desk(&store, "a", OnFault::Degrade), desk(&store, "b", OnFault::Degrade));
    let here = call("x");
    // The store made the claim, and its answer did not come in time.
    store.kept.claim(&key("x"), "a", LEASE, BUDGET).await.unwrap();
    store.hang(true);
    assert!(matches!(claim(&a, &here).await, Grant::Unasked(_)));
    store.hang(false);
    assert_eq!(may_send(&a, &here).await, Grant::Yours);
    // Graph takes its time over what was sent, longer than a claim holds that nobody renews.
    let second = stands_by(&b, "x");
    sleep(LEASE * 3).await;
    assert_eq!(second.await.unwrap(), Grant::Elsewhere);
    assert_eq!((record(&store, "x").await.stage, record(&store, "x").await.fence), (Stage::Sent, 1));
}

#[tokio::test(start_paused = true)]
async fn a_store_that_comes_back_hears_of_what_was_sent_without_its_leave() {
    let store = Remote::new();
    let (a, b) = (desk(&store, "a", OnFault::Degrade), desk(&store, "b", OnFault::Degrade));
    let here = call("x");
    assert_eq!(claim(&a, &here).await, Grant::Yours);
    store.hang(true);
    assert!(matches!(may_send(&a, &here).await, Grant::Unasked(_)));
    store.hang(false);
    sleep(LEASE / 2).await;
    // The worker dies with its request on the way: whoever comes next must not send another.
    here.settle(Settlement::LeftAlone);
    sleep(LEASE * 2).await;
    assert_eq!(claim(&b, &call("x")).await, Grant::Elsewhere);
    assert_eq!(record(&store, "x").await.stage, Stage::Sent);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_one_worker_could_not_send_is_the_next_ones() {
    let store = Remote::new();
    let (a, b) = (desk(&store, "a", OnFault::Degrade), desk(&store, "b", OnFault::Degrade));
    let here = call("x");
    assert_eq!(claim(&a, &here).await, Grant::Yours);
    let second = stands_by(&b, "x");
    sleep(millis(10)).await;
    here.settle(Settlement::Failed("no token".into()));
    Arc::clone(&a).finish(here).await.unwrap();
    assert_eq!(second.await.unwrap(), Grant::Yours);
    assert_eq!((record(&store, "x").await.stage, record(&store, "x").await.fence), (Stage::Claimed, 2));
}

#[tokio::test(start_paused = true)]
async fn nobody_stands_by_while_closing() {
    let store = Remote::new();
    store.kept.claim(&key("x"), "other", LEASE, BUDGET).await.unwrap();
    let a = desk(&store, "a", OnFault::Degrade);
    a.close();
    let here = call("x");
    assert_eq!(claim(&a, &here).await, Grant::Elsewhere);
    assert_eq!(here.arrival().elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_call_redirected_without_the_store_is_told_to_it_later() {
    let store = Remote::new();
    let a = desk(&store, "a", OnFault::Degrade);
    store.hang(true);
    waits(&a, 3).await;
    let here = call("x");
    claim(&a, &here).await;
    here.settle(Settlement::LeftAlone);
    assert!(a.clone().finish(Arc::clone(&here)).await.is_err());
    store.hang(false);
    advance(Duration::from_secs(1)).await;
    a.clone().finish(here).await.unwrap();
    let b = desk(&store, "b", OnFault::Degrade);
    assert_eq!(claim(&b, &call("x")).await, Grant::Elsewhere);
    // What another worker has is not ours to tell.
    let there = call("x");
    there.settle(Settlement::Elsewhere);
    b.finish(there).await.unwrap();
    assert_eq!(record(&store, "x").await.worker, "a");
}
