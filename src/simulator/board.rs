//! What happened, call by call: what the page shows and the command line waits for.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::event::{Event, EventKind};
use super::kept::{KEPT_BYTES, Weighed};
use crate::notification::id_key;

/// Calls kept.
pub(super) const CALLS: usize = 2_000;

/// Events kept of each: a client that redirects one call again and again must not eat the memory.
const LONGEST_STORY: usize = 64;

/// Everything that happened to one call.
#[derive(Clone)]
pub(super) struct Story {
    pub(super) call_id: String,
    pub(super) name: Option<String>,
    pub(super) events: Vec<Arc<Event>>,
    /// Nothing more comes: the bot has been told of the end, too.
    pub(super) over: bool,
    /// The number of its last change.
    pub(super) changed: u64,
}

#[derive(Default)]
struct Stories {
    by_id: HashMap<String, Story>,
    oldest_first: VecDeque<String>,
    bytes: usize,
    changes: u64,
}

/// The newest calls.
#[derive(Default)]
pub(super) struct Board(Mutex<Stories>);

impl Board {
    /// A call is going to ring under this id.
    pub(super) fn expect(&self, call_id: &str, name: Option<&str>) {
        let mut stories = self.stories();
        stories.story(call_id, true).name = name.map(str::to_owned);
        stories.trim();
    }

    pub(super) fn told(&self, event: Arc<Event>) {
        let mut stories = self.stories();
        let bytes = event.bytes();
        let begins = matches!(event.what, EventKind::CallRang(_));
        let story = stories.story(&event.call_id, begins);
        if let EventKind::CallRang(rang) = &event.what {
            story.name.clone_from(&rang.name);
        }
        if story.events.len() < LONGEST_STORY {
            story.events.push(event);
            stories.bytes += bytes;
        }
        stories.trim();
    }

    /// Nothing more comes of a call.
    pub(super) fn over(&self, call_id: &str) {
        let mut stories = self.stories();
        // One that was pushed out meanwhile must not come back as a call of which nothing is known.
        if stories.by_id.contains_key(&id_key(call_id)) {
            stories.story(call_id, false).over = true;
        }
    }

    pub(super) fn get(&self, call_id: &str) -> Option<Story> {
        self.stories().by_id.get(&id_key(call_id)).cloned()
    }

    /// The number of the last change, and the newest calls that changed after another number: oldest first, and no
    /// more than `most`.
    pub(super) fn since(&self, change: u64, most: usize) -> (u64, Vec<Story>) {
        let stories = self.stories();
        let newest_first = stories.oldest_first.iter().rev().filter_map(|id| stories.by_id.get(id));
        let mut changed: Vec<_> =
            newest_first.filter(|story| story.changed > change).take(most).cloned().collect();
        changed.reverse();
        (stories.changes, changed)
    }

    fn stories(&self) -> MutexGuard<'_, Stories> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stories {
    /// The story of a call, which changes with this; a call that begins again under an old id has a new one.
    fn story(&mut self, call_id: &str, begins: bool) -> &mut Story {
        self.changes += 1;
        let id = id_key(call_id);
        if begins && self.by_id.get(&id).is_some_and(|story| story.over) {
            self.forget(&id);
            self.oldest_first.retain(|known| *known != id);
        }
        let (by_id, oldest_first) = (&mut self.by_id, &mut self.oldest_first);
        let story = by_id.entry(id).or_insert_with_key(|id| {
            oldest_first.push_back(id.clone());
            Story { call_id: call_id.to_owned(), name: None, events: Vec::new(), over: false, changed: 0 }
        });
        story.changed = self.changes;
        story
    }

    fn trim(&mut self) {
        while self.oldest_first.len() > CALLS || (self.bytes > KEPT_BYTES && self.oldest_first.len() > 1) {
            let Some(oldest) = self.oldest_first.pop_front() else { return };
            self.forget(&oldest);
        }
    }

    fn forget(&mut self, id: &str) {
        let events = self.by_id.remove(id).map(|story| story.events).unwrap_or_default();
        self.bytes -= events.iter().map(Weighed::bytes).sum::<usize>();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;

    use super::*;
    use crate::simulator::event::SentNotification;

    fn sent(call_id: &str, bytes: usize) -> Arc<Event> {
        let sent = SentNotification {
            change_type: "created",
            state: "incoming",
            url: String::new(),
            body: Bytes::from(vec![0; bytes]),
            faults: Vec::new(),
        };
        let what = EventKind::NotificationSent(sent);
        Arc::new(Event { number: 0, at: Duration::ZERO, call_id: call_id.to_owned(), what })
    }

    fn ids(board: &Board, change: u64) -> (u64, Vec<String>) {
        let (last, stories) = board.since(change, 3);
        (last, stories.into_iter().map(|story| story.call_id).collect())
    }

    #[test]
    fn a_reader_gets_what_changed_since() {
        let board = Board::default();
        board.expect("a", Some("the first"));
        for id in ["b", "c", "a", "d"] {
            board.told(sent(id, 1));
        }
        assert_eq!(ids(&board, 0), (5, ["b", "c", "d"].map(str::to_owned).to_vec()), "the newest three");
        assert_eq!(ids(&board, 3), (5, vec!["a".to_owned(), "d".to_owned()]));
        assert_eq!(ids(&board, 5), (5, Vec::new()));
        board.over("C");
        assert_eq!(ids(&board, 5), (6, vec!["c".to_owned()]), "ids match in any spelling");
        assert_eq!(board.get("a").unwrap().name.as_deref(), Some("the first"));
    }

    #[test]
    fn calls_events_and_bytes_are_bounded() {
        let board = Board::default();
        for number in 0..CALLS + 10 {
            board.told(sent(&number.to_string(), 10));
        }
        assert!(board.get("9").is_none() && board.get("10").is_some());
        board.over("9");
        assert!(board.get("9").is_none(), "what was pushed out stays out");
        for _ in 0..2 * LONGEST_STORY {
            board.told(sent("busy", 10));
        }
        assert_eq!(board.get("busy").unwrap().events.len(), LONGEST_STORY);
        let counted = |board: &Board| {
            let stories = board.stories();
            let weigh = |story: &Story| story.events.iter().map(Weighed::bytes).sum::<usize>();
            (
                stories.by_id.len(),
                stories.oldest_first.len(),
                stories.by_id.values().map(weigh).sum::<usize>(),
            )
        };
        assert_eq!(counted(&board), (CALLS, CALLS, board.stories().bytes));
        board.told(sent("long", KEPT_BYTES - 100));
        assert!(counted(&board).0 < 15, "long bodies push calls out");
        assert_eq!(counted(&board).2, board.stories().bytes);
    }

    #[test]
    fn a_call_that_begins_again_has_a_new_story() {
        let board = Board::default();
        board.told(sent("a", 7));
        board.expect("a", None);
        assert_eq!(board.get("a").unwrap().events.len(), 1, "it is not over");
        board.over("a");
        board.expect("a", None);
        let story = board.get("a").unwrap();
        assert!(story.events.is_empty() && !story.over);
        let stories = board.stories();
        assert_eq!((stories.bytes, stories.oldest_first.len()), (0, 1));
    }
}
