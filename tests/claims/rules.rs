//! The rules alone: no store, no clock.

use std::time::Duration;

use callredirect::calls::protocol::apply;
use callredirect::calls::{Claim, Move, Record, Stage};

use crate::{BUDGET, FINAL, LEASE, TAKEN, ticket, won};

/// A record and the moves made upon it, at times of the test's choice.
#[derive(Default)]
struct Kept(Option<Record>);

impl Kept {
    fn at(&mut self, now: u64, step: &Move) -> Claim {
        let (claim, new) = apply("x", step, self.0.as_ref(), now);
        if new.is_some() {
            self.0 = new;
        }
        claim
    }

    fn record(&self) -> &Record {
        self.0.as_ref().unwrap()
    }
}

fn claim(worker: &str) -> Move {
    Move::Claim { worker: worker.into(), lease: LEASE, budget: BUDGET }
}

fn extend(worker: &str, fence: u64, stage: Stage) -> Move {
    Move::Extend { ticket: ticket(worker, fence), lease: LEASE, stage }
}

fn finish(worker: &str, stage: Stage, attempts: u32) -> Move {
    Move::Finish { worker: worker.into(), stage, attempts }
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[test]
fn the_first_wins_and_a_repeat_is_the_same_claim() {
    let mut kept = Kept::default();
    assert_eq!(kept.at(1000, &claim("a")), won(1, BUDGET));
    assert_eq!(kept.at(1500, &claim("b")), Claim::Taken { again: Some(millis(1500)) });
    // The answer was lost on its way: asking again is no second claim, and starts no new budget.
    assert_eq!(kept.at(2000, &claim("a")), won(1, millis(12_000)));
    assert_eq!(kept.record().lease_until, 4000);
}

#[test]
fn a_claim_is_taken_over_only_when_lapsed_unsent_and_in_time() {
    let mut kept = Kept::default();
    kept.at(0, &claim("a"));
    assert_eq!(kept.at(1999, &claim("b")), Claim::Taken { again: Some(millis(1)) });
    assert_eq!(kept.at(2000, &claim("b")), won(2, millis(11_000)));
    // The first is fenced off: it may neither hold on, nor send, nor say how it ended.
    for stage in [Stage::Claimed, Stage::Sent] {
        assert_eq!(kept.at(2001, &extend("a", 1, stage)), TAKEN);
    }
    assert_eq!(kept.at(2001, &finish("a", Stage::Accepted, 1)), TAKEN);
    assert_eq!(kept.at(2002, &extend("b", 2, Stage::Sent)), won(2, millis(10_998)));
    // What may have left is never sent again, lapsed or not.
    assert_eq!(kept.at(9000, &claim("a")), TAKEN);
    assert_eq!(kept.record().attempts, 1);
}

#[test]
fn a_claim_that_was_lost_stays_lost_though_its_worker_has_another() {
    let mut kept = Kept::default();
    kept.at(0, &claim("a"));
    kept.at(2000, &claim("b"));
    assert_eq!(kept.at(4000, &claim("a")), won(3, millis(9000)));
    for stage in [Stage::Claimed, Stage::Sent] {
        assert_eq!(kept.at(4001, &extend("a", 1, stage)), TAKEN);
    }
    assert_eq!(kept.at(4002, &extend("a", 3, Stage::Sent)), won(3, millis(8998)));
}

#[test]
fn nobody_takes_over_what_is_too_late() {
    let mut kept = Kept::default();
    kept.at(0, &claim("a"));
    assert_eq!(kept.at(10_001, &claim("b")), TAKEN);
    assert_eq!(kept.at(10_000, &claim("b")), won(2, millis(3000)));
    // Nor stands by for a lease that lapses too late.
    let mut late = Kept::default();
    late.at(0, &claim("a"));
    late.at(8001, &extend("a", 1, Stage::Claimed));
    assert_eq!(late.at(8002, &claim("b")), TAKEN);
    let mut just = Kept::default();
    just.at(0, &claim("a"));
    just.at(8000, &extend("a", 1, Stage::Claimed));
    assert_eq!(just.at(8002, &claim("b")), Claim::Taken { again: Some(millis(1998)) });
}

#[test]
fn an_end_is_told_once_and_ends_everything() {
    let mut first = Kept::default();
    assert!(matches!(first.at(0, &Move::End { redirected: None }), Claim::Won { .. }));
    assert_eq!(first.at(1, &Move::End { redirected: None }), Claim::Ended);
    assert_eq!(first.at(1, &claim("a")), Claim::Ended);
    assert_eq!((first.record().stage, first.record().worker.as_str()), (Stage::Seen, ""));
    let mut between = Kept::default();
    between.at(0, &claim("a"));
    between.at(1, &Move::End { redirected: None });
    assert_eq!(between.at(2, &extend("a", 1, Stage::Sent)), Claim::Ended);
    assert_eq!(between.at(9, &claim("b")), Claim::Ended);
    // The record of how it went is still completed.
    assert!(matches!(between.at(3, &finish("a", Stage::Failed, 0)), Claim::Won { .. }));
    assert_eq!((between.record().stage, between.record().ended), (Stage::Failed, true));
}

#[test]
fn a_record_never_goes_back() {
    for last in FINAL {
        let mut kept = Kept::default();
        kept.at(0, &claim("a"));
        // Holding on says that a request may have left, never how it ended.
        kept.at(1, &extend("a", 1, last));
        assert_eq!(kept.record().stage, Stage::Sent);
        kept.at(1, &extend("a", 1, Stage::Sent));
        // The lease is extended while the request is under way: that makes it no less sent.
        kept.at(2, &extend("a", 1, Stage::Claimed));
        assert_eq!(kept.record().stage, Stage::Sent);
        kept.at(3, &finish("a", last, 2));
        assert_eq!((kept.record().stage, kept.record().attempts), (last, 2));
        for step in [extend("a", 1, Stage::Claimed), extend("a", 1, Stage::Sent), claim("a"), claim("b")] {
            assert_eq!(kept.at(4, &step), TAKEN, "{last:?} {step:?}");
        }
        for earlier in Stage::ALL.into_iter().filter(|stage| *stage < last) {
            kept.at(5, &finish("a", earlier, 9));
            assert_eq!((kept.record().stage, kept.record().attempts), (last, 2));
        }
    }
}

#[test]
fn what_failed_before_anything_was_sent_is_another_workers_to_try() {
    let mut kept = Kept::default();
    kept.at(0, &claim("a"));
    kept.at(1, &finish("a", Stage::Failed, 0));
    // Not its own: it would fail again.
    assert_eq!(kept.at(2, &claim("a")), TAKEN);
    assert_eq!(kept.at(2, &claim("b")), won(2, millis(12_998)));
    assert_eq!(kept.at(3, &finish("a", Stage::Accepted, 1)), TAKEN);
    assert_eq!(kept.at(4, &claim("c")), Claim::Taken { again: Some(millis(1998)) });
    // Nor is it tried when it is too late, or when a request may have left, or the call ended.
    let failed = |sent: bool| {
        let mut kept = Kept::default();
        kept.at(0, &claim("a"));
        if sent {
            kept.at(1, &extend("a", 1, Stage::Sent));
        }
        kept.at(1, &finish("a", Stage::Failed, 0));
        kept
    };
    assert_eq!(failed(false).at(10_001, &claim("b")), TAKEN);
    assert_eq!(failed(true).at(2, &claim("b")), TAKEN);
    let mut ended = failed(false);
    ended.at(2, &Move::End { redirected: None });
    assert_eq!(ended.at(3, &claim("b")), Claim::Ended);
    // The bot's wish is no failure.
    let mut alone = Kept::default();
    alone.at(0, &claim("a"));
    alone.at(1, &finish("a", Stage::LeftAlone, 0));
    assert_eq!(alone.at(2, &claim("b")), TAKEN);
}

#[test]
fn who_went_on_without_the_store_tells_it_afterwards() {
    let mut kept = Kept::default();
    assert!(matches!(kept.at(0, &finish("a", Stage::Accepted, 1)), Claim::Won { .. }));
    assert_eq!(kept.at(1, &claim("b")), TAKEN);
    assert_eq!(kept.record().worker, "a");
}

#[test]
fn a_store_that_lost_its_data_leaves_the_claim_to_who_has_it() {
    let mut kept = Kept::default();
    assert!(matches!(kept.at(0, &extend("a", 3, Stage::Sent)), Claim::Won { fence: 3, .. }));
    assert_eq!(kept.at(1, &claim("b")), TAKEN);
    // Unless another has it already.
    let mut other = Kept::default();
    other.at(0, &claim("b"));
    assert_eq!(other.at(1, &extend("a", 1, Stage::Sent)), TAKEN);
}

#[test]
fn unfinished_is_what_a_dead_worker_left() {
    let mut kept = Kept::default();
    kept.at(0, &claim("a"));
    let unfinished = |kept: &Kept, now| kept.record().is_unfinished(now);
    assert!(!unfinished(&kept, 1999) && unfinished(&kept, 2000));
    kept.at(1000, &extend("a", 1, Stage::Sent));
    assert!(!unfinished(&kept, 2999) && unfinished(&kept, 3000));
    let mut ended = Kept(kept.0.clone());
    ended.at(3000, &Move::End { redirected: None });
    kept.at(3000, &finish("a", Stage::Unknown, 1));
    assert!(!unfinished(&kept, 9000) && !unfinished(&ended, 9000));
}

#[test]
fn stages_have_names_of_their_own() {
    for stage in Stage::ALL {
        assert_eq!(Stage::named(stage.name()), Some(stage));
    }
    assert_eq!(Stage::named("ringing"), None);
    assert_eq!(Stage::ALL.map(Stage::is_final).iter().filter(|last| !**last).count(), 3);
    assert!(Stage::ALL.is_sorted());
}
