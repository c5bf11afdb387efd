//! What the simulated Graph was asked, for tests to assert.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;

use crate::redirect::ApiVersion;

/// Entries of each log; a load test must not eat the memory.
const KEPT: usize = 10_000;

/// One request as it was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServedRequest {
    /// `GET`, `POST`, ...
    pub method: String,
    /// Path without the query.
    pub path: String,
    /// HTTP status it was answered with.
    pub status: u16,
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
    /// The `client-request-id` header.
    pub client_request_id: Option<String>,
    /// Headers that correlate or identify: `client-request-id`, `scenario-id`, `content-type`, `user-agent`.
    pub headers: Vec<(String, String)>,
    /// HTTP status it was answered with: 202 when accepted.
    pub status: u16,
    /// How long the call had been ringing; `None` when the call is unknown.
    pub after: Option<Duration>,
}

/// The newest entries, oldest first.
pub(super) struct Log<T>(Mutex<VecDeque<T>>);

impl<T> Default for Log<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Clone> Log<T> {
    pub(super) fn push(&self, entry: T) {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= KEPT {
            entries.pop_front();
        }
        entries.push_back(entry);
    }

    pub(super) fn entries(&self) -> Vec<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}
