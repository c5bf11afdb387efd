//! The body of a request that must not be sent twice: it tells when a connection takes it.

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::failure::Word;
use crate::send::clock::{self, Instant};

/// What became of a request, as far as its sender can know: settled once, by whoever comes first. Either a connection
/// takes the body, or the sender takes the request back. Only the server can undo the former, by its word.
#[derive(Debug, Clone, Default)]
pub struct SentFlag {
    state: Arc<AtomicU8>,
    busy: Arc<AtomicBool>,
    until: Option<Instant>,
}

const WAITING: u8 = 0;
const TAKEN: u8 = 1;
const WITHDRAWN: u8 = 2;

impl SentFlag {
    /// From that moment on no connection may take the body, however late whoever waits for it notices: a machine
    /// that slept wakes up with a connection and a deadline both ready.
    pub fn until(moment: Instant) -> Self {
        Self { until: Some(moment), ..Self::default() }
    }

    /// Takes the request back. True: it has not been sent and never will be, even if a connection gets hold of it
    /// later; or the server has said that it did not look at it. False: a connection had taken the body, so it may
    /// have arrived.
    pub fn withdraw(&self) -> bool {
        self.settle(WITHDRAWN)
    }

    /// Whether it is known not to have been sent, or not to have been looked at.
    pub fn withdrawn(&self) -> bool {
        self.state.load(Ordering::Acquire) == WITHDRAWN
    }

    /// The server's last word was that it wants fewer requests.
    pub fn throttled(&self) -> bool {
        self.busy.load(Ordering::Acquire)
    }

    fn take(&self) -> bool {
        let late = self.until.is_some_and(|moment| clock::now() >= moment);
        if late { !self.withdraw() } else { self.settle(TAKEN) }
    }

    fn settle(&self, to: u8) -> bool {
        let settled = self.state.compare_exchange(WAITING, to, Ordering::AcqRel, Ordering::Acquire);
        settled.map_or_else(|before| before == to, |_| true)
    }

    /// The server's own account of how it ended.
    pub(super) fn heard(&self, word: Word) {
        self.busy.store(word.busy, Ordering::Release);
        if word.unread {
            self.state.store(WITHDRAWN, Ordering::Release);
        }
    }
}

/// The body, telling when a connection takes it: that is the difference between "not sent" and "perhaps delivered".
#[derive(Clone)]
pub(super) struct Watched {
    body: Option<Bytes>,
    sent: SentFlag,
}

impl Watched {
    pub(super) fn new(body: Bytes, sent: &SentFlag) -> Self {
        Self { body: Some(body).filter(|body| !body.is_empty()), sent: sent.clone() }
    }
}

/// The request was taken back before a connection took it.
#[derive(Debug)]
pub(super) struct Withdrawn;

impl fmt::Display for Withdrawn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the request was taken back")
    }
}

impl Error for Withdrawn {}

impl Body for Watched {
    type Data = Bytes;
    type Error = Withdrawn;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Withdrawn>>> {
        // Without the body nobody can act on a head that went ahead of it.
        let taken = self.sent.take();
        let frame = self.body.take().map(|bytes| if taken { Ok(Frame::data(bytes)) } else { Err(Withdrawn) });
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.body.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}
