//! Recordings: every webhook request as one line of JSON, to be read, counted and replayed later.
//!
//! ```text
//! {"version":1,"receivedAt":"2026-11-24T21:05:00.123456Z","headers":{"content-type":"application/json"},
//!  "body":"{...}","redacted":true,"verdict":{"status":202,"verified":true,"calls":["491f0b00-..."]}}
//! ```
//!
//! Several workers may append to one file. Nothing that goes wrong with a recording harms a call.

mod file;
mod line;
mod pseudonym;
mod read;
mod recorder;
mod redact;
mod replay;
mod rules;
mod stamp;

pub use line::{Recorded, Verdict};
pub use pseudonym::Pseudonyms;
pub use read::{Reading, read};
pub use recorder::{Options, Recorder, Seen, check, flush_all};
pub use redact::redact;
pub use replay::{Answer, News, Plan, replay, target};
