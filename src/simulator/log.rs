//! What the simulated Graph was asked, for tests to assert.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;

use super::fault::Fault;
use super::kept::{Kept, Weighed};
use crate::redirect::{ApiVersion, Redirect, Violation};

/// One request as it was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServedRequest {
    /// `GET`, `POST`, ...
    pub method: String,
    /// Path without the query.
    pub path: String,
    /// HTTP status it was answered with; `None` when it was not.
    pub status: Option<u16>,
}

/// One redirect as it arrived, accepted or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivedRedirect {
    /// Call id in the path.
    pub call_id: String,
    /// API version in the path.
    pub api_version: ApiVersion,
    /// The request body, byte for byte.
    pub body: Bytes,
    /// The body as Graph read it; `None` when it cannot be read, or was not.
    pub redirect: Option<Arc<Redirect>>,
    /// The `client-request-id` header.
    pub client_request_id: Option<String>,
    /// Headers that correlate or identify: `client-request-id`, `scenario-id`, `content-type`, `user-agent`.
    pub headers: Vec<(String, String)>,
    /// HTTP status it was answered with: 202 when accepted; `None` when a fault kept the answer back.
    pub status: Option<u16>,
    /// Whether the call was redirected, answered or not.
    pub accepted: bool,
    /// Graph's error code, such as `8522`.
    pub code: Option<&'static str>,
    /// Graph's words for it.
    pub message: Option<String>,
    /// Every rule of redirects it breaks, warnings included, with the place in the JSON.
    pub violations: Vec<Violation>,
    /// What went wrong on purpose.
    pub fault: Option<Fault>,
    /// How long the call had been ringing; `None` when the call is unknown.
    pub after: Option<Duration>,
}

impl Weighed for ServedRequest {
    fn bytes(&self) -> usize {
        self.path.len()
    }
}

impl Weighed for Arc<ReceivedRedirect> {
    fn bytes(&self) -> usize {
        self.body.len()
    }
}

/// The newest entries, oldest first.
pub(super) struct Log<T>(Mutex<Kept<T>>);

impl<T> Default for Log<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Clone + Weighed> Log<T> {
    pub(super) fn push(&self, entry: T) {
        self.entries().push(entry);
    }

    pub(super) fn all(&self) -> Vec<T> {
        self.entries().iter().cloned().collect()
    }

    /// The newest entry of which this is true.
    pub(super) fn newest(&self, wanted: impl Fn(&T) -> bool) -> Option<T> {
        self.entries().iter().rev().find(|entry| wanted(entry)).cloned()
    }

    fn entries(&self) -> MutexGuard<'_, Kept<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
