//! Key ids that the published keys did not have.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use super::schedule::UNKNOWN_KEY_PAUSE;
use crate::send::clock::Instant;

const MOST: usize = 1000;

/// A genuine key may be used a little before it is published, so even a key that is none is asked for again.
const LONGEST: Duration = Duration::from_secs(300);

/// For each id the fetch that lacked it, and how long that counts: 30 s, then twice as long each time, 5 minutes at most.
/// The oldest are forgotten when there are too many.
#[derive(Debug, Default)]
pub(super) struct UnknownKeys {
    known: HashMap<String, (Instant, Duration)>,
    oldest_first: VecDeque<String>,
}

impl UnknownKeys {
    /// Whether this id need not be asked for now.
    pub(super) fn holds(&self, kid: &str, now: Instant) -> bool {
        self.known.get(kid).is_some_and(|(asked, pause)| now.saturating_duration_since(*asked) < *pause)
    }

    /// The fetch that ended at `asked` did not bring this id.
    pub(super) fn insert(&mut self, kid: &str, asked: Instant) {
        if let Some(entry) = self.known.get_mut(kid) {
            // Many requests of one id may meet the same fetch.
            if entry.0 != asked {
                *entry = (asked, (entry.1 * 2).min(LONGEST));
            }
            return;
        }
        if self.oldest_first.len() >= MOST
            && let Some(oldest) = self.oldest_first.pop_front()
        {
            self.known.remove(&oldest);
        }
        self.known.insert(kid.to_owned(), (asked, UNKNOWN_KEY_PAUSE));
        self.oldest_first.push_back(kid.to_owned());
    }

    pub(super) fn clear(&mut self) {
        self.known.clear();
        self.oldest_first.clear();
    }
}
