//! Bytes to typed events: tolerant of what the wire sends, nothing lost.

mod call;
mod envelope;
mod held;
mod identity;
mod lenient;
mod open_set;
mod operation;
mod resource;
mod result_info;

pub use crate::json::{Children, Document, Kind, Members, Node};
pub use call::Call;
pub use envelope::{Event, Notification, ParseOptions, Problem, Refusal, parse};
pub use held::Json;
pub use identity::{IDENTITY_KINDS, Identity, ParticipantInfo};
pub(crate) use lenient::blank_documentation_slips;
pub use open_set::*;
pub use operation::Operation;
pub use resource::{Part, Resource, id_key, is_id};
pub use result_info::{ResultInfo, reason};
