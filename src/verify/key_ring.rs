//! The keys in use, and how newer ones take their place.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

use super::KeySet;
use super::schedule::{Advice, Schedule};
use crate::send::clock;

/// Longer than any fetch lasts.
const PATIENCE: Duration = Duration::from_secs(6);

/// The present keys with the schedule of fetching. Old keys serve until new ones are there.
#[derive(Debug)]
pub(super) struct KeyRing {
    keys: RwLock<Arc<KeySet>>,
    schedule: Mutex<Schedule>,
    last: watch::Sender<Result<(), String>>,
}

impl KeyRing {
    pub(super) fn new(keys: KeySet) -> Self {
        Self {
            keys: RwLock::new(Arc::new(keys)),
            schedule: Mutex::default(),
            last: watch::Sender::new(Ok(())),
        }
    }

    pub(super) fn keys(&self) -> Arc<KeySet> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn replace(&self, keys: KeySet) {
        self.put(keys);
        self.schedule().replaced(clock::now());
    }

    pub(super) fn expired(&self) -> bool {
        self.schedule().expired(clock::now())
    }

    pub(super) fn no_keys(&self) -> Advice {
        self.schedule().no_keys(clock::now())
    }

    pub(super) fn unknown_key(&self, kid: &str) -> Advice {
        self.schedule().unknown_key(kid, clock::now())
    }

    pub(super) fn due(&self) -> bool {
        self.schedule().due(clock::now())
    }

    /// Makes the fetch that is wanted, or waits for it if somebody else is making it, or says how the last one ended.
    pub(super) async fn fetch(
        &self,
        keys: impl Future<Output = Result<KeySet, String>>,
    ) -> Result<(), String> {
        // Before looking whether one is under way: its end must not be missed.
        let mut ended = self.last.subscribe();
        if self.schedule().begin(clock::now()) {
            let fetched = keys.await.map(|keys| self.put(keys));
            self.schedule().end(fetched.is_ok(), clock::now());
            let _ = self.last.send_replace(fetched.clone());
            return fetched;
        }
        let under_way = self.schedule().under_way(clock::now());
        if under_way && !matches!(timeout(PATIENCE, ended.changed()).await, Ok(Ok(()))) {
            return Err("the fetch that was under way did not end".to_owned());
        }
        ended.borrow().clone()
    }

    fn put(&self, keys: KeySet) {
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
    }

    fn schedule(&self) -> MutexGuard<'_, Schedule> {
        self.schedule.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
