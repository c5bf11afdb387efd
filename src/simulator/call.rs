//! The calls Graph knows, and the one question about each: may it still be redirected?

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::sync::oneshot;

use super::fault::{FaultRule, Faults};
use super::log::ReceivedRedirect;
use super::payload::CallFacts;
use crate::notification::id_key;

/// Calls kept at once. Calls that rang a bot leave when they end; the others leave when pushed out by newer ones.
const KEPT: usize = 100_000;

/// Graph's own window; no call rings longer.
pub(super) const LONGEST_WINDOW: Duration = Duration::from_secs(15);

/// Takes the accepted redirect.
pub(super) type Waiting = oneshot::Sender<ReceivedRedirect>;

/// What Graph says to a second redirect of a call that was redirected and is not over. No public source tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum SecondRedirect {
    /// 404, code 8522: the likeliest, as the same is said of answering such a call.
    #[default]
    NotFound,
    /// 202, and the first redirect stays as it is.
    Accepted,
    /// 409.
    Conflict,
}

impl SecondRedirect {
    /// Their names in Python.
    pub const WORDS: [(&'static str, Self); 3] =
        [("not_found", Self::NotFound), ("accepted", Self::Accepted), ("conflict", Self::Conflict)];
}

struct Call {
    /// Its place among all calls by age.
    place: u64,
    facts: Arc<CallFacts>,
    rang: Instant,
    window: Duration,
    redirected: bool,
    /// Redirects that came for it, whatever became of them.
    redirects: u32,
    faults: Faults,
    /// Wakes whoever rings; nobody does for a call placed without ringing.
    waiting: Option<Waiting>,
}

#[derive(Default)]
struct Table {
    by_id: HashMap<String, Call>,
    /// Ids by age. Calls leave in any order, so this is a tree and not a queue.
    oldest_first: BTreeMap<u64, String>,
    next_place: u64,
}

/// All calls of one simulator.
#[derive(Default)]
pub(super) struct Calls(Mutex<Table>);

/// Why Graph will not redirect a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Unknown, ended, redirected already, or rang too long: Graph says the same to all.
    NotFound,
    /// The token is for another tenant.
    WrongTenant,
    /// Redirected already, and told so.
    Conflict,
}

/// What a redirect meets.
pub(super) struct Asked {
    pub(super) after: Duration,
    pub(super) has_number: bool,
    pub(super) fault: Option<FaultRule>,
}

impl Calls {
    /// Adds a call that rings from now on; `false` when a call of that id is there already.
    pub(super) fn add(
        &self,
        facts: Arc<CallFacts>,
        window: Duration,
        faults: Faults,
        waiting: Option<Waiting>,
    ) -> bool {
        let id = id_key(&facts.id);
        let window = window.min(LONGEST_WINDOW);
        let mut table = self.table();
        if table.by_id.contains_key(&id) {
            return false;
        }
        if table.oldest_first.len() >= KEPT
            && let Some((_, oldest)) = table.oldest_first.pop_first()
        {
            table.by_id.remove(&oldest);
        }
        let place = table.next_place;
        table.next_place += 1;
        table.oldest_first.insert(place, id.clone());
        table.by_id.insert(
            id,
            Call {
                place,
                facts,
                rang: Instant::now(),
                window,
                redirected: false,
                redirects: 0,
                faults,
                waiting,
            },
        );
        true
    }

    /// Whether a call of this id rings, or waits to be redirected.
    pub(super) fn has(&self, id: &str) -> bool {
        self.table().by_id.contains_key(&id_key(id))
    }

    /// Forgets a call that is over: from now on Graph does not know it.
    pub(super) fn remove(&self, id: &str) {
        let mut table = self.table();
        if let Some(call) = table.by_id.remove(&id_key(id)) {
            table.oldest_first.remove(&call.place);
        }
    }

    /// Counts a redirect of a call: how long it has been ringing, whether it came in through a telephone number of the
    /// bot's, and what is to go wrong. `None` for a call nobody knows.
    pub(super) fn asked(&self, id: &str) -> Option<Asked> {
        let mut table = self.table();
        let call = table.by_id.get_mut(&id_key(id))?;
        call.redirects = call.redirects.saturating_add(1);
        Some(Asked {
            after: call.rang.elapsed(),
            has_number: call.facts.has_number(),
            fault: call.faults.on_redirect(call.redirects),
        })
    }

    /// Takes the call for this redirect, or says why not. Of many at once exactly one takes it.
    pub(super) fn redirect(
        &self,
        redirect: &ReceivedRedirect,
        tenant_id: &str,
        second: SecondRedirect,
    ) -> Result<(), Refusal> {
        let mut table = self.table();
        let call = table.by_id.get_mut(&id_key(&redirect.call_id)).ok_or(Refusal::NotFound)?;
        if !call.facts.tenant_id.eq_ignore_ascii_case(tenant_id) {
            return Err(Refusal::WrongTenant);
        }
        if call.redirected {
            return match second {
                SecondRedirect::NotFound => Err(Refusal::NotFound),
                SecondRedirect::Accepted => Ok(()),
                SecondRedirect::Conflict => Err(Refusal::Conflict),
            };
        }
        if call.rang.elapsed() >= call.window {
            return Err(Refusal::NotFound);
        }
        call.redirected = true;
        if let Some(waiting) = call.waiting.take() {
            // Fails only when the caller has hung up in this moment; the redirect counts all the same.
            let _ = waiting.send(redirect.clone());
        }
        Ok(())
    }

    /// The call as Graph shows it. A call that nobody redirected in time is gone.
    pub(super) fn show(&self, id: &str, tenant_id: &str) -> Result<Value, Refusal> {
        let table = self.table();
        let call = table.by_id.get(&id_key(id)).ok_or(Refusal::NotFound)?;
        if !call.facts.tenant_id.eq_ignore_ascii_case(tenant_id) {
            return Err(Refusal::WrongTenant);
        }
        match (call.redirected, call.rang.elapsed() < call.window) {
            (true, _) => Ok(call.facts.to_json("redirecting", None)),
            (false, true) => Ok(call.facts.to_json("incoming", None)),
            (false, false) => Err(Refusal::NotFound),
        }
    }

    fn table(&self) -> std::sync::MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
