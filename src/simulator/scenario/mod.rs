//! Scripts of calls: who rings whom, who picks up, what goes wrong. From a TOML file or from Python's dicts.
//!
//! ```
//! use callredirect::simulator::Scenario;
//!
//! let scenario = Scenario::from_toml(
//!     r#"
//!     speed = 100                     # people are 100 times faster, Graph's 15 seconds stay
//!
//!     [[calls]]
//!     name = "the second of two picks up"
//!     source = { user = "ec040873-8235-45fd-a403-c7259a5a548e" }
//!     callees = { "98da8a1a-1b87-452c-a713-65d3f10b1253" = "busy", "*" = 3.0 }
//!     faults = ["duplicate", { name = "throttled", nth = 1, seconds = 0.5 }]
//!     "#,
//!     "calls.toml",
//! )?;
//! assert_eq!(scenario.calls.len(), 1);
//! # Ok::<(), callredirect::ParseError>(())
//! ```

mod file;
mod read;
mod table;

use std::time::Duration;

use serde_json::Value;

pub(super) use table::{Wrong, fault};

use super::fault::FaultRule;
use super::ring::RingOptions;
use crate::ParseError;

/// Calls of one file may be repeated, and yet not beyond this many in all.
const MOST_CALLS: usize = 1_000_000;

/// Graph's own limit of calls at once per app.
pub(super) const TOGETHER: usize = 100;

/// Calls to be rung.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// The calls, in the order in which they begin when they begin together.
    pub calls: Vec<ScenarioCall>,
    /// How many times faster people are; the simulator's when `None`.
    pub speed: Option<f64>,
    /// What decides about faults with a probability; the simulator's when `None`.
    pub seed: Option<u64>,
    /// Faults of every call, beside the call's own.
    pub faults: Vec<FaultRule>,
    /// Calls beyond this many wait until others have ended; 100, Graph's own limit for an app, when not said.
    pub together: usize,
}

/// One call of a scenario, or many alike.
#[derive(Debug, Clone, PartialEq)]
pub struct ScenarioCall {
    /// How to ring.
    pub options: RingOptions,
    /// When, from the beginning of the scenario; as fast as people are.
    pub start: Duration,
    /// How many such calls.
    pub count: usize,
}

impl Scenario {
    /// Reads a file's text; `name` is the file's, for messages.
    pub fn from_toml(text: &str, name: &str) -> Result<Self, ParseError> {
        file::read(text, name)
    }

    /// Reads what Python has as dicts and lists.
    pub fn from_value(value: &Value) -> Result<Self, ParseError> {
        Ok(read::scenario(value)?)
    }

    /// How many calls will ring.
    pub fn count(&self) -> usize {
        self.calls.iter().map(|call| call.count).sum()
    }
}

impl RingOptions {
    /// Reads the script of one call, as a scenario has it. `$` in messages is this call.
    pub fn from_value(value: &Value) -> Result<Self, ParseError> {
        Ok(read::call(value, "$")?.options)
    }
}

/// Reads a list of faults, as a scenario has it. `$` in messages is the list.
#[cfg(feature = "python")]
pub(crate) fn faults(value: &Value) -> Result<Vec<FaultRule>, ParseError> {
    Ok(read::faults(value, "$")?)
}

/// A call asked for over HTTP.
pub(super) struct Asked {
    /// The bot's.
    pub(super) url: String,
    pub(super) speed: Option<f64>,
    pub(super) seed: Option<u64>,
    /// How long to wait for the bot to listen.
    pub(super) patience: Option<Duration>,
    pub(super) call: ScenarioCall,
}

/// Reads what was asked for. `$` in messages is the request's body.
pub(super) fn asked(value: &Value) -> Result<Asked, Wrong> {
    read::asked(value)
}
