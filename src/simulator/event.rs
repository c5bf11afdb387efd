//! What happens in a simulator, as it happens: for a page that shows it live, and for tests.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::Notify;

use super::callee::Ending;
use super::fault::Fault;
use super::log::ReceivedRedirect;
use crate::redirect::Target;

/// Events kept for readers who come late or read slowly.
const KEPT: usize = 10_000;

/// Bytes of bodies kept with them.
const KEPT_BYTES: usize = 32 * 1024 * 1024;

/// Something that happened to a call.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// 0 for the first of a simulator, then one more each time: a gap means that the reader was too slow.
    pub number: u64,
    /// Time since the simulator started.
    pub at: Duration,
    /// Call id.
    pub call_id: String,
    /// What happened.
    pub what: EventKind,
}

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub enum EventKind {
    /// A notification left for the bot, or was lost on the way.
    NotificationSent(SentNotification),
    /// The bot answered a notification, or did not.
    BotReplied {
        /// `changeType` of the notification.
        change_type: &'static str,
        /// HTTP status; `None` when no answer came.
        status: Option<u16>,
        /// Why no answer came.
        problem: Option<String>,
    },
    /// A redirect arrived at Graph, with the verdict.
    RedirectReceived(Arc<ReceivedRedirect>),
    /// The call is over.
    CallFinished {
        /// How it ended.
        ending: Ending,
        /// Who picked up.
        answered_by: Option<Box<Target>>,
    },
}

/// A notification as it left.
#[derive(Debug, Clone, PartialEq)]
pub struct SentNotification {
    /// `created`, `updated` or `deleted`.
    pub change_type: &'static str,
    /// State of the call in it.
    pub state: &'static str,
    /// Where it went.
    pub url: String,
    /// The body, byte for byte.
    pub body: Bytes,
    /// What was done to it.
    pub faults: Vec<Fault>,
}

impl EventKind {
    fn bytes(&self) -> usize {
        match self {
            Self::NotificationSent(sent) => sent.body.len(),
            Self::RedirectReceived(received) => received.body.len(),
            Self::BotReplied { .. } | Self::CallFinished { .. } => 0,
        }
    }
}

struct Kept {
    events: VecDeque<Arc<Event>>,
    next: u64,
    bytes: usize,
    closed: bool,
}

/// Where events are written and read.
pub(super) struct Feed {
    started: Instant,
    kept: Mutex<Kept>,
    for_threads: Condvar,
    for_tasks: Notify,
}

impl Feed {
    pub(super) fn new() -> Self {
        let kept = Kept { events: VecDeque::new(), next: 0, bytes: 0, closed: false };
        Self {
            started: Instant::now(),
            kept: Mutex::new(kept),
            for_threads: Condvar::new(),
            for_tasks: Notify::new(),
        }
    }

    pub(super) fn tell(&self, call_id: &str, what: EventKind) {
        let mut kept = self.kept();
        kept.bytes += what.bytes();
        while kept.events.len() >= KEPT || (kept.bytes > KEPT_BYTES && !kept.events.is_empty()) {
            let oldest = kept.events.pop_front();
            kept.bytes -= oldest.map_or(0, |event| event.what.bytes());
        }
        let event =
            Event { number: kept.next, at: self.started.elapsed(), call_id: call_id.to_owned(), what };
        kept.next += 1;
        kept.events.push_back(Arc::new(event));
        drop(kept);
        self.wake();
    }

    /// No more events come: readers reach the end.
    pub(super) fn close(&self) {
        self.kept().closed = true;
        self.wake();
    }

    pub(super) fn next(&self) -> u64 {
        self.kept().next
    }

    fn wake(&self) {
        self.for_threads.notify_all();
        self.for_tasks.notify_waiters();
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    /// The first event from this number on that is still kept.
    fn from(&self, number: u64) -> Option<&Arc<Event>> {
        let oldest = self.events.front()?.number;
        self.events.get(usize::try_from(number.saturating_sub(oldest)).ok()?)
    }
}

/// What a reader meets.
#[derive(Debug, Clone, PartialEq)]
pub enum Read {
    /// The next event.
    Event(Arc<Event>),
    /// Nothing happened in the time given.
    Nothing,
    /// The simulator is stopped, and every event has been read.
    End,
}

/// A reader of events. Several read independently, each at its own pace.
pub struct Events {
    pub(super) feed: Arc<Feed>,
    pub(super) number: u64,
}

impl Events {
    /// Waits for the next event, on a thread.
    pub fn read(&mut self, patience: Duration) -> Read {
        let feed = Arc::clone(&self.feed);
        let waiting = |kept: &mut Kept| kept.from(self.number).is_none() && !kept.closed;
        let waited = feed.for_threads.wait_timeout_while(feed.kept(), patience, waiting);
        let (kept, _) = waited.unwrap_or_else(PoisonError::into_inner);
        self.take(&kept)
    }

    /// Waits for the next event, in a task; `None` at the end.
    pub async fn next(&mut self) -> Option<Arc<Event>> {
        let feed = Arc::clone(&self.feed);
        loop {
            // Asked for before looking, so that nothing told in between is missed.
            let told = feed.for_tasks.notified();
            let read = self.take(&feed.kept());
            match read {
                Read::Event(event) => return Some(event),
                Read::End => return None,
                Read::Nothing => told.await,
            }
        }
    }

    fn take(&mut self, kept: &Kept) -> Read {
        match kept.from(self.number) {
            Some(event) => {
                self.number = event.number + 1;
                Read::Event(Arc::clone(event))
            }
            None if kept.closed => Read::End,
            None => Read::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(feed: &Feed, count: usize) {
        for _ in 0..count {
            feed.tell("c", EventKind::CallFinished { ending: Ending::Expired, answered_by: None });
        }
    }

    fn number(read: Read) -> Option<u64> {
        match read {
            Read::Event(event) => Some(event.number),
            Read::Nothing | Read::End => None,
        }
    }

    #[test]
    fn a_slow_reader_sees_a_gap_and_the_end() {
        let feed = Arc::new(Feed::new());
        let mut reader = Events { feed: Arc::clone(&feed), number: 0 };
        assert_eq!(reader.read(Duration::ZERO), Read::Nothing);
        ended(&feed, 1);
        assert_eq!(number(reader.read(Duration::ZERO)), Some(0));
        ended(&feed, KEPT + 5);
        assert_eq!(number(reader.read(Duration::ZERO)), Some(6));
        assert_eq!(number(reader.read(Duration::ZERO)), Some(7));
        feed.close();
        let mut late = Events { feed: Arc::clone(&feed), number: feed.next() - 1 };
        assert_eq!(number(late.read(Duration::MAX)), Some(KEPT as u64 + 5));
        assert_eq!(late.read(Duration::MAX), Read::End);
    }

    #[test]
    fn long_bodies_push_old_events_out() {
        let feed = Feed::new();
        for _ in 0..100 {
            let body = Bytes::from(vec![0; 1024 * 1024]);
            let (change_type, state, url) = ("created", "incoming", String::new());
            let sent = SentNotification { change_type, state, url, body, faults: Vec::new() };
            feed.tell("c", EventKind::NotificationSent(sent));
        }
        assert_eq!(feed.kept().events.len(), 32);
        assert_eq!(feed.kept().bytes, KEPT_BYTES);
    }

    #[tokio::test]
    async fn a_waiting_task_is_woken() {
        let feed = Arc::new(Feed::new());
        let mut reader = Events { feed: Arc::clone(&feed), number: 0 };
        let waiting = tokio::spawn(async move { (reader.next().await, reader.next().await) });
        tokio::task::yield_now().await;
        ended(&feed, 1);
        tokio::task::yield_now().await;
        feed.close();
        let (event, end) = waiting.await.unwrap();
        assert_eq!((event.unwrap().number, end), (0, None));
    }
}
