//! Claims of one process, bounded; forgotten oldest first.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use crate::calls::claim::{Claim, ClaimStore};

/// Claims in this process. They do not reach other workers and do not survive a restart.
#[derive(Debug)]
pub struct MemoryStore {
    kept: Mutex<Kept>,
    capacity: usize,
}

#[derive(Debug, Default)]
struct Kept {
    ended: HashMap<String, bool>,
    order: VecDeque<String>,
}

impl MemoryStore {
    /// Keeps the last `capacity` calls.
    pub fn new(capacity: usize) -> Self {
        Self { kept: Mutex::default(), capacity }
    }
}

impl Kept {
    fn insert(&mut self, key: &str, ended: bool, capacity: usize) {
        if self.ended.insert(key.to_owned(), ended).is_none() {
            self.order.push_back(key.to_owned());
        }
        while self.order.len() > capacity {
            if let Some(oldest) = self.order.pop_front() {
                self.ended.remove(&oldest);
            }
        }
    }
}

impl ClaimStore for MemoryStore {
    fn claim(&self, key: &str) -> Claim {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        match kept.ended.get(key) {
            Some(true) => Claim::Ended,
            Some(false) => Claim::Taken,
            None => {
                kept.insert(key, false, self.capacity);
                Claim::Won
            }
        }
    }

    fn end(&self, key: &str) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.insert(key, true, self.capacity);
    }
}
