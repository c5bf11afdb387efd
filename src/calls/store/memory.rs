//! Claims of one process, bounded; forgotten oldest first.

use std::collections::{HashMap, VecDeque};
use std::future::ready;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::calls::claim::{CallKey, ClaimStore, Owed};
use crate::calls::protocol::{Claim, Move, Record, apply, millis};
use crate::send::clock::{self, Instant};

/// Claims in this process. They do not reach other workers and do not survive a restart.
#[derive(Debug)]
pub struct MemoryStore {
    kept: Mutex<Kept>,
    capacity: usize,
    began: Instant,
}

#[derive(Debug, Default)]
struct Kept {
    records: HashMap<String, Record>,
    order: VecDeque<String>,
}

impl MemoryStore {
    /// Keeps the last `capacity` calls.
    pub fn new(capacity: usize) -> Self {
        Self { kept: Mutex::default(), capacity, began: clock::now() }
    }

    fn now(&self) -> u64 {
        millis(clock::now().saturating_duration_since(self.began))
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn write(&mut self, key: &str, record: Record, capacity: usize) {
        if self.records.insert(key.to_owned(), record).is_none() {
            self.order.push_back(key.to_owned());
        }
        while self.order.len() > capacity {
            if let Some(oldest) = self.order.pop_front() {
                self.records.remove(&oldest);
            }
        }
    }
}

impl ClaimStore for MemoryStore {
    fn apply(&self, call: &CallKey, step: Move) -> Owed<'_, Claim> {
        let mut kept = self.lock();
        let (claim, new) = apply(&call.call_id, &step, kept.records.get(&call.key), self.now());
        if let Some(record) = new {
            kept.write(&call.key, record, self.capacity);
        }
        Box::pin(ready(Ok(claim)))
    }

    fn get(&self, key: &str) -> Owed<'_, Option<Record>> {
        Box::pin(ready(Ok(self.lock().records.get(key).cloned())))
    }

    fn unfinished(&self) -> Owed<'_, Vec<Record>> {
        let now = self.now();
        let kept = self.lock();
        let records = kept.order.iter().filter_map(|key| kept.records.get(key));
        Box::pin(ready(Ok(records.filter(|record| record.is_unfinished(now)).cloned().collect())))
    }

    fn is_local(&self) -> bool {
        true
    }
}
