//! A call from the outside: how to ring, what came of it, why it could not.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use tokio::task::AbortHandle;

use super::callee::{Callee, Ending};
use super::delivery::new_id;
use super::fault::FaultRule;
use super::log::ReceivedRedirect;
use super::payload::{self, CallFacts};
use crate::redirect::Target;

/// Which token the notification carries.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum NotificationToken {
    /// A genuine one for the simulator's app and the call's tenant.
    #[default]
    Genuine,
    /// This text behind `Bearer `.
    Given(String),
    /// No `Authorization` header at all.
    Missing,
}

/// Which notifications a redirected call sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Timeline {
    /// As the specification shows today: `incoming`, then `terminated`; who picked up is told of a phone only.
    #[default]
    Specification,
    /// As its first version showed in 2019: `incoming`, `redirecting`, then `terminated` with who picked up and a
    /// `terminationReason` of `AppRedirected`.
    Redirecting,
}

impl Timeline {
    pub(super) const WORDS: [(&'static str, Self); 2] =
        [("specification", Self::Specification), ("redirecting", Self::Redirecting)];
}

/// How to ring. The default is a Teams user who rings the simulator's app.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RingOptions {
    /// For people who read a scenario or its results.
    pub name: Option<String>,
    /// Call id; a new GUID when `None`.
    pub call_id: Option<String>,
    /// Who rings: an identity set such as `{"user": {"id": "..."}}`, or a whole participant with an `identity`.
    pub source: Option<Value>,
    /// Who is rung, in the same form; the simulator's app when empty.
    pub targets: Vec<Value>,
    /// Tenant of the call; the simulator's when `None`.
    pub tenant_id: Option<String>,
    /// `callbackUri` of the call; `https://bot.contoso.com/...` as in the documentation when `None`.
    pub callback_uri: Option<String>,
    /// `myParticipantId` of the call; a new GUID when `None`.
    pub my_participant_id: Option<String>,
    /// Token of the incoming notification.
    pub token: NotificationToken,
    /// Sent instead of the incoming notification, byte for byte; it need not be JSON.
    pub body: Option<Vec<u8>>,
    /// How long the call rings: at most, and when `None`, 15 s.
    pub wait: Option<Duration>,
    /// What callees do, by id or telephone number; [`EVERYBODY`](super::EVERYBODY) stands for the others. Whoever
    /// nothing is said of picks up at once.
    pub callees: BTreeMap<String, Callee>,
    /// The caller hangs up this long after ringing.
    pub hang_up: Option<Duration>,
    /// Which notifications come.
    pub timeline: Timeline,
    /// What goes wrong with this call, before the faults of all calls.
    pub faults: Vec<FaultRule>,
    /// How long to wait for somebody to listen at the bot's address; 5 s when `None`.
    pub patience: Option<Duration>,
}

impl RingOptions {
    /// Documented example 1, 2 or 3 with a call id of its own; `None` for any other number.
    pub fn example(number: u8) -> Option<Self> {
        let (source, targets, my_participant_id) = payload::example(number)?;
        Some(Self {
            source: Some(source),
            targets,
            tenant_id: Some(payload::EXAMPLE_TENANT.to_owned()),
            callback_uri: Some(payload::callback_uri(payload::EXAMPLE_APP)),
            my_participant_id: Some(my_participant_id.to_owned()),
            ..Self::default()
        })
    }

    /// The call these options describe.
    pub(super) fn facts(&self, app_id: &str, tenant_id: &str) -> Arc<CallFacts> {
        let tenant_id = self.tenant_id.clone().unwrap_or_else(|| tenant_id.to_owned());
        let targets = if self.targets.is_empty() {
            vec![payload::bot(app_id)]
        } else {
            self.targets.iter().cloned().map(payload::participant).collect()
        };
        Arc::new(CallFacts {
            id: self.call_id.clone().unwrap_or_else(new_id),
            callback_uri: self.callback_uri.clone().unwrap_or_else(|| payload::callback_uri(app_id)),
            source: self
                .source
                .clone()
                .map_or_else(|| payload::default_caller(&tenant_id), payload::participant),
            targets,
            my_participant_id: self.my_participant_id.clone().unwrap_or_else(new_id),
            tenant_id,
        })
    }
}

/// What happened to a call that rang.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RungCall {
    /// The scenario's name for the call.
    pub name: Option<String>,
    /// Call id.
    pub call_id: String,
    /// HTTP status of the bot's reply; `None` when it did not reply while the call rang.
    pub reply_status: Option<u16>,
    /// Headers of the bot's reply.
    pub reply_headers: Vec<(String, String)>,
    /// The first 64 KiB of the bot's reply.
    pub reply_body: Bytes,
    /// The redirect that Graph accepted.
    pub redirect: Option<ReceivedRedirect>,
    /// How the call ended.
    pub ending: Ending,
    /// Who picked up.
    pub answered_by: Option<Target>,
    /// What is wrong with the bot and where to look, when its call was not redirected; `None` when it was, and when
    /// the caller hung up.
    pub problem: Option<String>,
    /// HTTP status of the bot's reply to the notification of the end; `None` when it got none or did not reply.
    pub ended_status: Option<u16>,
    /// `rang`, then `replied`, `redirected`, `answered`, `hung_up`, `expired`, `ended` as they happened, each with the
    /// time since ringing.
    pub steps: Vec<(&'static str, Duration)>,
}

/// Why a call could not ring.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RingError {
    /// Only bots on this machine are rung; a token that looks genuine must not leave it.
    NotLoopback(String),
    /// Nobody listens at the bot's URL: which address, how long it was tried, why not.
    Unreachable(String, Duration, String),
    /// A call of this id is ringing already.
    AlreadyRinging(String),
    /// The simulator was stopped, or belongs to the process this one was forked from.
    Stopped,
    /// The token could not be signed.
    Signing,
}

impl fmt::Display for RingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotLoopback(url) => {
                write!(
                    f,
                    "only http(s) URLs on this machine (localhost, 127.0.0.1, [::1]) can be rung, not {url:?}"
                )
            }
            Self::Unreachable(address, tried, why) => write!(
                f,
                "nothing listens at {address} (tried for {:.1} s: {why}); start the bot before ringing it, or ring the \
                 address it listens at",
                tried.as_secs_f64()
            ),
            Self::AlreadyRinging(id) => write!(f, "call {id} is ringing already"),
            Self::Stopped => f.write_str("the simulator is stopped"),
            Self::Signing => f.write_str("the notification token could not be signed"),
        }
    }
}

impl std::error::Error for RingError {}

/// A call that is ringing, or a scenario that is being played. Dropping it hangs up.
#[derive(Debug)]
pub struct Ringing<T = RungCall> {
    pub(super) finished: Receiver<Result<T, RingError>>,
    pub(super) task: AbortHandle,
}

impl<T> Ringing<T> {
    /// Waits until the call is over.
    pub fn wait(self) -> Result<T, RingError> {
        self.finished.recv().unwrap_or(Err(RingError::Stopped))
    }

    /// Waits a while; `None` when the call is still going on.
    pub fn wait_for(&self, time: Duration) -> Option<Result<T, RingError>> {
        match self.finished.recv_timeout(time) {
            Ok(result) => Some(result),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => Some(Err(RingError::Stopped)),
        }
    }
}

impl<T> Drop for Ringing<T> {
    fn drop(&mut self) {
        self.task.abort();
    }
}
