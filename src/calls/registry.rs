//! The calls this process has heard of.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use super::lifecycle::TrackedCall;
use crate::notification::id_key;
use crate::send::clock::Arrival;

/// The calls of this process, bounded; forgotten oldest first.
#[derive(Debug)]
pub struct Calls {
    kept: Mutex<Kept>,
    capacity: usize,
}

#[derive(Debug, Default)]
struct Kept {
    calls: HashMap<String, Arc<TrackedCall>>,
    order: VecDeque<String>,
}

impl Calls {
    /// Keeps the last `capacity` calls.
    pub fn new(capacity: usize) -> Self {
        Self { kept: Mutex::default(), capacity }
    }

    /// The call of that id, new if it was not known.
    pub fn track(&self, call_id: &str, arrival: Arrival) -> Arc<TrackedCall> {
        let key = id_key(call_id);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(call) = kept.calls.get(&key) {
            return Arc::clone(call);
        }
        let call = Arc::new(TrackedCall::new(call_id.to_owned(), arrival));
        kept.calls.insert(key.clone(), Arc::clone(&call));
        kept.order.push_back(key);
        while kept.order.len() > self.capacity {
            if let Some(oldest) = kept.order.pop_front() {
                kept.calls.remove(&oldest);
            }
        }
        call
    }

    /// The call of that id, in whatever spelling.
    pub fn find(&self, call_id: &str) -> Option<Arc<TrackedCall>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.calls.get(&id_key(call_id)).cloned()
    }

    /// Every call kept, oldest first.
    pub fn recent(&self) -> Vec<Arc<TrackedCall>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.order.iter().filter_map(|key| kept.calls.get(key).cloned()).collect()
    }
}
