//! The calls Graph knows, and the one question about each: may it still be redirected?

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::sync::oneshot;

use super::log::ReceivedRedirect;
use super::payload::CallFacts;

/// Calls kept at once. Calls that rang a bot leave when they end; the others leave when pushed out by newer ones.
const KEPT: usize = 100_000;

/// Graph's own window; no call rings longer.
pub(super) const LONGEST_WINDOW: Duration = Duration::from_secs(15);

struct Call {
    facts: CallFacts,
    rang: Instant,
    window: Duration,
    redirected: bool,
    /// Wakes whoever rings; nobody does for a call placed without ringing.
    waiting: Option<oneshot::Sender<ReceivedRedirect>>,
}

#[derive(Default)]
struct Table {
    by_id: HashMap<String, Call>,
    oldest_first: VecDeque<String>,
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
}

impl Calls {
    /// Adds a call that rings from now on; `false` when a call of that id is there already.
    pub(super) fn add(
        &self,
        facts: CallFacts,
        window: Duration,
        waiting: Option<oneshot::Sender<ReceivedRedirect>>,
    ) -> bool {
        let id = normal_id(&facts.id);
        let window = window.min(LONGEST_WINDOW);
        let mut table = self.table();
        if table.by_id.contains_key(&id) {
            return false;
        }
        if table.oldest_first.len() >= KEPT
            && let Some(oldest) = table.oldest_first.pop_front()
        {
            table.by_id.remove(&oldest);
        }
        table.oldest_first.push_back(id.clone());
        table.by_id.insert(id, Call { facts, rang: Instant::now(), window, redirected: false, waiting });
        true
    }

    /// Forgets a call that is over: from now on Graph does not know it.
    pub(super) fn remove(&self, id: &str) {
        let id = normal_id(id);
        let mut table = self.table();
        table.by_id.remove(&id);
        // Calls end in about the order they began, so the search is short.
        if let Some(place) = table.oldest_first.iter().position(|other| *other == id) {
            table.oldest_first.remove(place);
        }
    }

    /// How long a call has been ringing.
    pub(super) fn since_ringing(&self, id: &str) -> Option<Duration> {
        self.table().by_id.get(&normal_id(id)).map(|call| call.rang.elapsed())
    }

    /// Takes the call for this redirect, or says why not. Of many at once exactly one succeeds.
    pub(super) fn redirect(&self, redirect: &ReceivedRedirect, tenant_id: &str) -> Result<(), Refusal> {
        let mut table = self.table();
        let call = table.by_id.get_mut(&normal_id(&redirect.call_id)).ok_or(Refusal::NotFound)?;
        if !call.facts.tenant_id.eq_ignore_ascii_case(tenant_id) {
            return Err(Refusal::WrongTenant);
        }
        if call.redirected || call.rang.elapsed() >= call.window {
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
        let call = table.by_id.get(&normal_id(id)).ok_or(Refusal::NotFound)?;
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

/// Ids come in any case, with and without dashes, and mean the same call.
fn normal_id(id: &str) -> String {
    id.chars().filter(|c| *c != '-').map(|c| c.to_ascii_lowercase()).collect()
}
