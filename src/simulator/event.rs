//! What happens in a simulator, as it happens: for a page that shows it live, and for tests.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::Value;
use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use super::board::Board;
use super::callee::Ending;
use super::fault::Fault;
use super::kept::{Kept, Weighed};
use super::log::ReceivedRedirect;
use crate::redirect::Target;

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
    /// A call began: from now on it rings, for Graph's 15 seconds.
    CallRang(Box<Rang>),
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
        /// What is wrong with a bot that did not redirect it, as [`RungCall::problem`](super::RungCall::problem).
        problem: Option<String>,
    },
    /// The call came to nothing: nobody listens at the bot's address, or whoever rang has gone.
    CallFailed {
        /// Why, in one line.
        problem: String,
    },
}

/// A call as it began.
#[derive(Debug, Clone, PartialEq)]
pub struct Rang {
    /// The scenario's name for the call.
    pub name: Option<String>,
    /// Who rings: a participant.
    pub source: Value,
    /// Who is rung: participants.
    pub targets: Vec<Value>,
    /// The bot's address.
    pub url: String,
    /// How long it rings at most.
    pub window: Duration,
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

impl Weighed for Arc<Event> {
    fn bytes(&self) -> usize {
        match &self.what {
            EventKind::NotificationSent(sent) => sent.body.len(),
            EventKind::RedirectReceived(received) => received.body.len(),
            EventKind::CallRang(_)
            | EventKind::BotReplied { .. }
            | EventKind::CallFinished { .. }
            | EventKind::CallFailed { .. } => 0,
        }
    }
}

#[derive(Default)]
struct Told {
    events: Kept<Arc<Event>>,
    closed: bool,
}

/// Where events are written and read.
pub(super) struct Feed {
    started: Instant,
    told: Mutex<Told>,
    /// The same by call, for the page.
    pub(super) board: Board,
    for_threads: Condvar,
    for_tasks: Notify,
}

impl Feed {
    pub(super) fn new() -> Self {
        Self {
            started: Instant::now(),
            told: Mutex::default(),
            board: Board::default(),
            for_threads: Condvar::new(),
            for_tasks: Notify::new(),
        }
    }

    pub(super) fn tell(&self, call_id: &str, what: EventKind) {
        let at = self.started.elapsed();
        let mut told = self.told();
        let event = Arc::new(Event { number: told.events.next(), at, call_id: call_id.to_owned(), what });
        told.events.push(Arc::clone(&event));
        drop(told);
        self.board.told(event);
        self.wake();
    }

    /// No more events come: readers reach the end.
    pub(super) fn close(&self) {
        self.told().closed = true;
        self.wake();
    }

    pub(super) fn next(&self) -> u64 {
        self.told().events.next()
    }

    /// Time since the simulator started.
    pub(super) fn now(&self) -> Duration {
        self.started.elapsed()
    }

    /// No more events come.
    pub(super) fn closed(&self) -> bool {
        self.told().closed
    }

    /// Waits until something happens after this was called, for a task.
    pub(super) fn happens(&self) -> Notified<'_> {
        self.for_tasks.notified()
    }

    /// Readers look again.
    pub(super) fn wake(&self) {
        self.for_threads.notify_all();
        self.for_tasks.notify_waiters();
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
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
        let waiting = |told: &mut Told| told.events.from(self.number).is_none() && !told.closed;
        let waited = feed.for_threads.wait_timeout_while(feed.told(), patience, waiting);
        let (told, _) = waited.unwrap_or_else(PoisonError::into_inner);
        self.take(&told)
    }

    /// Waits for the next event, in a task; `None` at the end.
    pub async fn next(&mut self) -> Option<Arc<Event>> {
        let feed = Arc::clone(&self.feed);
        loop {
            // Asked for before looking, so that nothing told in between is missed.
            let woken = feed.for_tasks.notified();
            let read = self.take(&feed.told());
            match read {
                Read::Event(event) => return Some(event),
                Read::End => return None,
                Read::Nothing => woken.await,
            }
        }
    }

    fn take(&mut self, told: &Told) -> Read {
        match told.events.from(self.number) {
            Some(event) => {
                self.number = event.number + 1;
                Read::Event(Arc::clone(event))
            }
            None if told.closed => Read::End,
            None => Read::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulator::kept::KEPT;

    fn ended(feed: &Feed, count: usize) {
        for _ in 0..count {
            feed.tell("c", EventKind::CallFailed { problem: String::new() });
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
