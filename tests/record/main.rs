//! Recordings: what is in them, what is not, and what becomes of them when everything goes wrong.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod files;
mod redaction;
mod replaying;

use std::path::PathBuf;
use std::time::Duration;

use callredirect::record::{Options, Recorder, Seen};

pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A folder of its own, gone at the end.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        let path = std::env::temp_dir().join(format!("callredirect-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.0.join("calls.jsonl")
    }

    pub(crate) fn recorder(&self, max_bytes: Option<u64>, redact: bool) -> Recorder {
        Recorder::new(Options { path: self.file(), max_bytes, keep: 1000, redact })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub(crate) fn seen(body: impl Into<Vec<u8>>) -> Seen {
    Seen { body: body.into(), status: Some(202), verified: Some(true), ..Seen::default() }
}
