//! Calls that were announced in the Skype format first: answered 204, they are announced again in Graph's.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::notification::{Document, Notification, id_key};
use crate::send::clock::Arrival;

/// A call that is announced again later has run out of time; the same chain of calls may ring anew.
const KEPT_FOR: Duration = Duration::from_secs(15);

const MOST: usize = 1000;

/// The 15 seconds run from the first announcement, so when it came is kept, under each id that it had.
#[derive(Debug, Default)]
pub(super) struct Announced(Mutex<VecDeque<(String, Arrival)>>);

impl Announced {
    /// A body in the Skype format came.
    pub(super) fn keep(&self, body: &[u8], max_depth: usize, arrival: Arrival) {
        let Some(doc) = std::str::from_utf8(body).ok().and_then(|text| Document::parse(text, max_depth).ok())
        else {
            return;
        };
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(_, arrival)| arrival.elapsed() < KEPT_FOR);
        for id in ["id", "callChainId"].into_iter().filter_map(|name| doc.root().str(name)) {
            if kept.len() >= MOST {
                kept.pop_front();
            }
            kept.push_back((id_key(&id), arrival));
        }
    }

    /// When the call of this notification was first announced, if that was in the Skype format and not long ago.
    pub(super) fn take(&self, notification: &Notification) -> Option<Arrival> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.is_empty() {
            return None;
        }
        let chain = notification.call().and_then(|call| call.0.str("callChainId").map(|id| id_key(&id)));
        let own = notification.call_id().map(|id| id_key(&id));
        let is_of = |key: &String| Some(key) == own.as_ref() || Some(key) == chain.as_ref();
        let first = kept.iter().find(|(key, arrival)| is_of(key) && arrival.elapsed() < KEPT_FOR)?.1;
        // Once: another call of the chain has its own 15 seconds.
        kept.retain(|(_, arrival)| *arrival != first);
        Some(first)
    }
}
