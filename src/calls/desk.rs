//! Claims as a worker lives with them: asked for within a time, held while they are needed, done without in need.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use uuid::Uuid;

use super::claim::{ClaimStore, Owed, StoreFault};
use super::lifecycle::TrackedCall;
use super::protocol::{Claim, Record, Stage, TAKEOVER, Ticket};
use super::store::Place;
use crate::send::PerProcess;
use crate::send::clock::{self, Instant};

/// How long a claim outlives its worker.
pub const LEASE: Duration = Duration::from_secs(2);

/// How long the store may take for one answer.
pub const PATIENCE: Duration = Duration::from_millis(300);

/// After so many faults in a row the store is left alone: one slow answer is no reason to go without it.
const FAULTS: u32 = 3;

/// For so long; then one call tries it again.
const REST: Duration = Duration::from_secs(1);

/// Long enough after another's lease that both clocks agree on it.
const MARGIN: Duration = Duration::from_millis(50);

/// What to do when the store gives no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnFault {
    /// Redirect all the same: a lost call is certain harm, and Graph refuses to redirect a call twice.
    Degrade,
    /// Lose the call rather than redirect it unclaimed.
    FailClosed,
}

/// What a worker may do with a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grant {
    /// Go on.
    Yours,
    /// Go on, although the store gave no answer: why.
    Unasked(String),
    /// Another worker has the call.
    Elsewhere,
    /// The call ended.
    Ended,
    /// Stop, because the store gave no answer: why.
    Refused(String),
}

/// The claims of this process. Opened on first use and anew after a fork.
pub struct ClaimDesk {
    place: Place,
    capacity: usize,
    on_fault: OnFault,
    opened: PerProcess<Arc<Opened>>,
    closing: AtomicBool,
    degraded: AtomicU64,
}

/// A store, and who asks it.
struct Opened {
    worker: String,
    store: Arc<dyn ClaimStore>,
    health: Mutex<Health>,
}

#[derive(Default)]
struct Health {
    /// In a row.
    faults: u32,
    /// The store is left alone until then.
    rests: Option<Instant>,
}

impl ClaimDesk {
    /// Claims at that place; `capacity` bounds those of one process.
    pub fn new(place: Place, on_fault: OnFault, capacity: usize) -> Self {
        Self {
            place,
            capacity,
            on_fault,
            opened: PerProcess::new(),
            closing: AtomicBool::new(false),
            degraded: AtomicU64::new(0),
        }
    }

    /// Claims in a store that is open already, as that worker.
    pub fn of(store: Arc<dyn ClaimStore>, worker: String, on_fault: OnFault) -> Self {
        let claims = Self::new(Place::Memory, on_fault, 0);
        let opened = Arc::new(Opened { worker, store, health: Mutex::default() });
        let _ = claims.opened.get_or_make(|| Ok::<_, StoreFault>(opened));
        claims
    }

    /// Whether they reach no further than this process: then every answer is there at once.
    pub fn are_local(&self) -> bool {
        self.opened().is_ok_and(|opened| opened.store.is_local())
    }

    /// Calls that went on without the store since the start.
    pub fn degraded(&self) -> u64 {
        self.degraded.load(Ordering::Relaxed)
    }

    /// From now on nobody waits for another worker's lease.
    pub fn close(&self) {
        self.closing.store(true, Ordering::Relaxed);
    }

    /// Claims a call. A worker that finds it claimed stands by until the claim is used or lapses: somebody sent the
    /// notification twice, which is all there is to replace a worker that died.
    pub async fn claim(self: Arc<Self>, call: Arc<TrackedCall>) -> Grant {
        let mut stands_by = false;
        loop {
            let opened = match self.opened() {
                Ok(opened) => opened,
                Err(fault) => return self.without(None, call, fault),
            };
            let left = call.deadline().remaining();
            let asked = opened.ask(|store| store.claim(&call.key(), &opened.worker, LEASE, left)).await;
            match asked {
                Ok(Claim::Won { fence, budget }) => {
                    let ticket = Ticket { worker: opened.worker.clone(), fence };
                    call.claimed(Some(ticket.clone()), budget);
                    if !opened.store.is_local() {
                        tokio::spawn(hold(opened, call, Some(ticket)));
                    }
                    return Grant::Yours;
                }
                Ok(Claim::Ended) => return Grant::Ended,
                Ok(Claim::Taken { again: Some(wait) }) if !self.closing.load(Ordering::Relaxed) => {
                    stands_by = true;
                    tokio::time::sleep(wait + MARGIN).await;
                }
                Ok(Claim::Taken { .. }) => return Grant::Elsewhere,
                // Somebody else was seen to have it: being cut off from the store does not make it ours. Once the store
                // answers again, it may.
                Err(_) if stands_by && left >= TAKEOVER && !self.closing.load(Ordering::Relaxed) => {
                    tokio::time::sleep(LEASE / 4).await;
                }
                Err(_) if stands_by => return Grant::Elsewhere,
                Err(fault) => return self.without(Some(opened), call, fault),
            }
        }
    }

    /// Asks leave to send: written down before anything leaves, and refused to who lost the claim meanwhile.
    pub async fn may_send(self: Arc<Self>, call: Arc<TrackedCall>) -> Grant {
        let Some(ticket) = call.ask(|told| told.ticket.clone()) else {
            call.sending();
            return Grant::Yours;
        };
        let asked = match self.opened() {
            // Asked even when it failed a moment ago: the claim was won there, and may have been lost there.
            Ok(opened) => opened.insist(opened.store.extend(&call.key(), &ticket, LEASE, Stage::Sent)).await,
            Err(fault) => Err(fault),
        };
        let grant = match asked {
            Ok(Claim::Won { .. }) => Grant::Yours,
            Ok(Claim::Taken { .. }) => Grant::Elsewhere,
            Ok(Claim::Ended) => Grant::Ended,
            Err(fault) => self.refuse_or_go_on(fault),
        };
        if matches!(grant, Grant::Yours | Grant::Unasked(_)) {
            call.sending();
        }
        grant
    }

    /// Writes down how a call of this worker was settled.
    pub async fn finish(self: Arc<Self>, call: Arc<TrackedCall>) -> Result<(), StoreFault> {
        let settled =
            call.ask(|told| told.settlement.as_ref().and_then(|it| Some((it.stage()?, it.attempts()))));
        let Some((stage, attempts)) = settled else { return Ok(()) };
        let opened = self.opened()?;
        opened.ask(|store| store.finish(&call.key(), &opened.worker, stage, attempts)).await.map(drop)
    }

    /// Writes down that a call ended. Whether this is the first worker to know; yes, if nobody can be asked.
    pub async fn end(self: Arc<Self>, call: Arc<TrackedCall>) -> bool {
        let Ok(opened) = self.opened() else { return true };
        let redirected = call.ask(|told| told.redirected);
        let first = match opened.ask(|store| store.end(&call.key(), redirected)).await {
            Ok(claim) => claim != Claim::Ended,
            Err(_) => true,
        };
        if first
            && !opened.store.is_local()
            && let Ok(Some(record)) = opened.ask(|store| store.get(&call.key().key)).await
        {
            call.heard(record.stage);
        }
        first
    }

    /// What the store has of a call; its end, of which another worker was told, is noted.
    pub async fn get(self: Arc<Self>, call: Arc<TrackedCall>) -> Result<Option<Record>, StoreFault> {
        let opened = self.opened()?;
        let record = opened.ask(|store| store.get(&call.key().key)).await?;
        if let Some(Record { ended: true, redirected, .. }) = record {
            call.end_elsewhere(redirected);
        }
        Ok(record)
    }

    /// Calls whose worker is gone and never said how they ended: claimed and lost, or sent and unknown.
    pub async fn unfinished(self: Arc<Self>) -> Result<Vec<Record>, StoreFault> {
        let opened = self.opened()?;
        // Looked for at leisure, and a slow search is no reason to leave the store alone.
        opened.store.unfinished().await
    }

    fn without(&self, opened: Option<Arc<Opened>>, call: Arc<TrackedCall>, fault: StoreFault) -> Grant {
        let grant = self.refuse_or_go_on(fault);
        if matches!(grant, Grant::Unasked(_)) {
            call.claimed(None, call.deadline().remaining());
            if let Some(opened) = opened {
                tokio::spawn(hold(opened, call, None));
            }
        }
        grant
    }

    fn refuse_or_go_on(&self, fault: StoreFault) -> Grant {
        match self.on_fault {
            OnFault::FailClosed => Grant::Refused(fault.reason),
            OnFault::Degrade => {
                self.degraded.fetch_add(1, Ordering::Relaxed);
                Grant::Unasked(fault.reason)
            }
        }
    }

    fn opened(&self) -> Result<Arc<Opened>, StoreFault> {
        self.opened.get_or_make(|| {
            let store = self.place.open(self.capacity)?;
            Ok(Arc::new(Opened { worker: Uuid::new_v4().to_string(), store, health: Mutex::default() }))
        })
    }
}

impl Opened {
    /// What the store answers in time. While it is down one call in a while tries again; the others do not wait.
    async fn ask<'a, T>(
        &'a self,
        question: impl FnOnce(&'a dyn ClaimStore) -> Owed<'a, T>,
    ) -> Result<T, StoreFault> {
        {
            let mut health = self.health();
            if let Some(until) = health.rests {
                if clock::now() < until {
                    return Err(StoreFault::of_store("the store failed a moment ago"));
                }
                health.rests = Some(clock::now() + REST);
            }
        }
        self.insist(question(&*self.store)).await
    }

    async fn insist<T>(&self, owed: Owed<'_, T>) -> Result<T, StoreFault> {
        if self.store.is_local() {
            return owed.await;
        }
        let answer = tokio::time::timeout(PATIENCE, owed).await.unwrap_or_else(|_| {
            let patience = PATIENCE.as_millis();
            Err(StoreFault::of_store(format!("the store gave no answer within {patience} ms")))
        });
        let mut health = self.health();
        if answer.as_ref().is_err_and(|fault| !fault.of_record) {
            health.faults += 1;
            health.rests = (health.faults >= FAULTS).then(|| clock::now() + REST);
        } else {
            *health = Health::default();
        }
        drop(health);
        answer
    }

    fn health(&self) -> MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps a claim alive until the call is settled or its time is up; a worker that dies stops doing so. Without a ticket
/// the store owes an answer, and may have made the claim all the same: it is asked again, lest that claim lapse and
/// another worker take over what is being sent.
async fn hold(opened: Arc<Opened>, call: Arc<TrackedCall>, mut ticket: Option<Ticket>) {
    loop {
        tokio::time::sleep(LEASE / 4).await;
        let left = call.deadline().remaining();
        if call.is_settled() || left.is_zero() {
            return;
        }
        let moved = match &ticket {
            // A request may have left without leave, when the store was down: once it is back it must know.
            Some(ticket) => {
                let stage = call.ask(|told| told.stage).min(Stage::Sent);
                opened.ask(|store| store.extend(&call.key(), ticket, LEASE, stage)).await
            }
            None => opened.ask(|store| store.claim(&call.key(), &opened.worker, LEASE, left)).await,
        };
        match moved {
            Ok(Claim::Won { fence, .. }) if ticket.is_none() => {
                ticket = Some(Ticket { worker: opened.worker.clone(), fence });
            }
            Ok(Claim::Taken { .. } | Claim::Ended) => return,
            Ok(Claim::Won { .. }) | Err(_) => {}
        }
    }
}
