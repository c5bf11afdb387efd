//! Bytes to typed events: tolerant of what the wire sends, nothing lost.

mod call;
mod envelope;
mod held;
mod identity;
mod lenient;
mod operation;
mod resource;

pub use crate::json::{Children, Document, Kind, Members, Node};
pub use call::{CALL_DIRECTIONS, CALL_MEMBERS, CALL_STATES, Call};
pub use envelope::{Event, Notification, ParseOptions, Problem, Refusal, parse};
pub use held::Json;
pub use identity::{IDENTITY_KINDS, Identity, ParticipantInfo};
pub use operation::Operation;
pub use resource::{Part, Resource, id_key, is_id};
