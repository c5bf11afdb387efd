//! What happens in a simulator, as typed values.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::results::{ReceivedRedirect, target};
use super::{options, slice};
use crate::python::hint::{As, hint};
use crate::python::target::Target;
use crate::python::value::value_to_python;
use crate::simulator::{Event, EventKind, Events as Reader, Read};

hint! {
    MatchSent = "tuple[Literal['change_type'], Literal['state'], Literal['faults']]";
    MatchReplied = "tuple[Literal['change_type'], Literal['status']]";
    MatchReceived = "tuple[Literal['redirect']]";
    MatchFinished = "tuple[Literal['ending'], Literal['answered_by']]";
    FaultNames = "tuple[FaultName, ...]";
    EndingName = "Ending";
    MatchRang = "tuple[Literal['name'], Literal['url']]";
    MatchFailed = "tuple[Literal['problem']]";
    Parties = "list[Party]";
    AnyParty = "Party";
    AnyEvent = "CallRang | NotificationSent | BotReplied | RedirectReceived | CallFinished | CallFailed";
}

/// Something that happened to a call. Its class tells what: `CallRang`, `NotificationSent`, `BotReplied`,
/// `RedirectReceived`, `CallFinished` or `CallFailed`.
#[pyclass(frozen, subclass, module = "callredirect.testing")]
pub(in crate::python) struct SimulatorEvent(Arc<Event>);

#[pymethods]
impl SimulatorEvent {
    /// 0 for the first of a simulator, then one more each time: a gap means that the reader was too slow.
    #[getter]
    fn number(&self) -> u64 {
        self.0.number
    }

    /// Seconds since the simulator started.
    #[getter]
    fn at(&self) -> f64 {
        self.0.at.as_secs_f64()
    }

    /// Call id.
    #[getter]
    fn call_id(&self) -> &str {
        &self.0.call_id
    }

    fn __repr__(&self) -> String {
        let Event { number, call_id, what, .. } = self.0.as_ref();
        let status = |status: Option<u16>| status.map_or("no answer".to_owned(), |status| status.to_string());
        let what = match what {
            EventKind::CallRang(rang) => format!("CallRang: {}", rang.url),
            EventKind::CallFailed { problem } => format!("CallFailed: {problem}"),
            EventKind::NotificationSent(sent) => {
                let faults: Vec<_> = sent.faults.iter().map(|fault| format!(" {}", fault.name())).collect();
                format!("NotificationSent: {} {}{}", sent.change_type, sent.state, faults.concat())
            }
            EventKind::BotReplied { change_type, status: given, .. } => {
                format!("BotReplied: {} to {change_type}", status(*given))
            }
            EventKind::RedirectReceived(received) => format!("RedirectReceived: {}", status(received.status)),
            EventKind::CallFinished { ending, .. } => format!("CallFinished: {}", ending.as_str()),
        };
        format!("<{number} {what}, call {call_id}>")
    }
}

/// A call began: from now on it rings.
#[pyclass(frozen, extends = SimulatorEvent, module = "callredirect.testing")]
pub(in crate::python) struct CallRang;

/// A notification left for the bot, or was lost on the way.
#[pyclass(frozen, extends = SimulatorEvent, module = "callredirect.testing")]
pub(in crate::python) struct NotificationSent;

/// The bot answered a notification, or did not.
#[pyclass(frozen, extends = SimulatorEvent, module = "callredirect.testing")]
pub(in crate::python) struct BotReplied;

/// A redirect arrived at Graph. It has the verdict with it.
#[pyclass(frozen, extends = SimulatorEvent, module = "callredirect.testing")]
pub(in crate::python) struct RedirectReceived;

/// A call is over.
#[pyclass(frozen, extends = SimulatorEvent, module = "callredirect.testing")]
pub(in crate::python) struct CallFinished;

/// A call came to nothing: nobody listens at the bot's address, or whoever rang has gone.
#[pyclass(frozen, extends = SimulatorEvent, module = "callredirect.testing")]
pub(in crate::python) struct CallFailed;

/// The fields of an event of one kind; another kind has none, and is never in an object of this class.
macro_rules! of {
    ($slf:expr, $pattern:pat => $value:expr) => {
        match &$slf.as_super().get().0.what {
            $pattern => $value,
            _ => Default::default(),
        }
    };
}

#[pymethods]
impl CallRang {
    #[classattr]
    fn __match_args__() -> As<MatchRang, (&'static str, &'static str)> {
        ("name", "url").into()
    }

    /// The scenario's name for the call.
    #[getter]
    fn name(slf: &Bound<'_, Self>) -> Option<String> {
        of!(slf, EventKind::CallRang(rang) => rang.name.clone())
    }

    /// The bot's address.
    #[getter]
    fn url(slf: &Bound<'_, Self>) -> String {
        of!(slf, EventKind::CallRang(rang) => rang.url.clone())
    }

    /// Who rings: a participant, as in the notification.
    #[getter]
    fn source<'py>(slf: &Bound<'py, Self>) -> PyResult<As<AnyParty, Bound<'py, PyAny>>> {
        let source = of!(slf, EventKind::CallRang(rang) => rang.source.clone());
        Ok(value_to_python(slf.py(), &source)?.into())
    }

    /// Who is rung: participants.
    #[getter]
    fn targets<'py>(slf: &Bound<'py, Self>) -> PyResult<As<Parties, Bound<'py, PyAny>>> {
        let targets = of!(slf, EventKind::CallRang(rang) => rang.targets.clone());
        Ok(value_to_python(slf.py(), &targets)?.into())
    }

    /// Seconds it rings at most.
    #[getter]
    fn window(slf: &Bound<'_, Self>) -> f64 {
        of!(slf, EventKind::CallRang(rang) => rang.window.as_secs_f64())
    }
}

#[pymethods]
impl NotificationSent {
    #[classattr]
    fn __match_args__() -> As<MatchSent, (&'static str, &'static str, &'static str)> {
        ("change_type", "state", "faults").into()
    }

    /// ``"created"``, ``"updated"`` or ``"deleted"``.
    #[getter]
    fn change_type(slf: &Bound<'_, Self>) -> &'static str {
        of!(slf, EventKind::NotificationSent(sent) => sent.change_type)
    }

    /// State of the call in it.
    #[getter]
    fn state(slf: &Bound<'_, Self>) -> &'static str {
        of!(slf, EventKind::NotificationSent(sent) => sent.state)
    }

    /// Where it went.
    #[getter]
    fn url(slf: &Bound<'_, Self>) -> String {
        of!(slf, EventKind::NotificationSent(sent) => sent.url.clone())
    }

    /// The body, byte for byte.
    #[getter]
    fn body<'py>(slf: &Bound<'py, Self>) -> Bound<'py, PyBytes> {
        PyBytes::new(slf.py(), of!(slf, EventKind::NotificationSent(sent) => &sent.body))
    }

    /// What was done to it, by name.
    #[getter]
    fn faults<'py>(slf: &Bound<'py, Self>) -> PyResult<As<FaultNames, Bound<'py, pyo3::types::PyTuple>>> {
        let faults: Vec<_> = of!(slf, EventKind::NotificationSent(sent) => sent.faults.iter().map(|fault| fault.name()).collect());
        Ok(pyo3::types::PyTuple::new(slf.py(), faults)?.into())
    }
}

#[pymethods]
impl BotReplied {
    #[classattr]
    fn __match_args__() -> As<MatchReplied, (&'static str, &'static str)> {
        ("change_type", "status").into()
    }

    /// ``changeType`` of the notification.
    #[getter]
    fn change_type(slf: &Bound<'_, Self>) -> &'static str {
        of!(slf, EventKind::BotReplied { change_type, .. } => change_type)
    }

    /// HTTP status; `None` when no answer came.
    #[getter]
    fn status(slf: &Bound<'_, Self>) -> Option<u16> {
        of!(slf, EventKind::BotReplied { status, .. } => *status)
    }

    /// Why no answer came.
    #[getter]
    fn problem(slf: &Bound<'_, Self>) -> Option<String> {
        of!(slf, EventKind::BotReplied { problem, .. } => problem.clone())
    }
}

#[pymethods]
impl RedirectReceived {
    #[classattr]
    fn __match_args__() -> As<MatchReceived, (&'static str,)> {
        ("redirect",).into()
    }

    /// The redirect, with status, code and violations.
    #[getter]
    fn redirect(slf: &Bound<'_, Self>) -> PyResult<ReceivedRedirect> {
        match &slf.as_super().get().0.what {
            EventKind::RedirectReceived(received) => Ok(ReceivedRedirect(received.as_ref().clone())),
            _ => Err(pyo3::exceptions::PyAttributeError::new_err("redirect")),
        }
    }
}

#[pymethods]
impl CallFinished {
    #[classattr]
    fn __match_args__() -> As<MatchFinished, (&'static str, &'static str)> {
        ("ending", "answered_by").into()
    }

    /// How it ended, as `RungCall.ending`.
    #[getter]
    fn ending(slf: &Bound<'_, Self>) -> As<EndingName, &'static str> {
        of!(slf, EventKind::CallFinished { ending, .. } => ending.as_str()).into()
    }

    /// Who picked up.
    #[getter]
    fn answered_by(slf: &Bound<'_, Self>) -> Option<Target> {
        of!(slf, EventKind::CallFinished { answered_by, .. } => answered_by.as_deref().map(target))
    }

    /// What is wrong with a bot that did not redirect it, as `RungCall.problem`.
    #[getter]
    fn problem(slf: &Bound<'_, Self>) -> Option<String> {
        of!(slf, EventKind::CallFinished { problem, .. } => problem.clone())
    }
}

#[pymethods]
impl CallFailed {
    #[classattr]
    fn __match_args__() -> As<MatchFailed, (&'static str,)> {
        ("problem",).into()
    }

    /// Why, in one line.
    #[getter]
    fn problem(slf: &Bound<'_, Self>) -> String {
        of!(slf, EventKind::CallFailed { problem } => problem.clone())
    }
}

/// Iterates over what happens; waits for the next event, and ends when the simulator is closed.
#[pyclass(frozen, module = "callredirect.testing")]
pub(in crate::python) struct Events {
    reader: Mutex<Reader>,
    patience: Option<Duration>,
}

impl Events {
    pub(super) fn new(reader: Reader, timeout: Option<f64>) -> PyResult<Self> {
        Ok(Self { reader: Mutex::new(reader), patience: timeout.map(options::seconds).transpose()? })
    }

    fn read(&self, patience: Duration) -> Read {
        self.reader.lock().unwrap_or_else(PoisonError::into_inner).read(patience)
    }
}

#[pymethods]
impl Events {
    fn __iter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<As<AnyEvent, Bound<'py, PyAny>>>> {
        let mut left = self.patience;
        let longest = slice(py)?;
        loop {
            let slice = left.map_or(longest, |left| left.min(longest));
            match py.detach(|| self.read(slice)) {
                Read::Event(event) => return Ok(Some(object(py, event)?.into())),
                Read::End => return Ok(None),
                Read::Nothing => {}
            }
            left = left.map(|left| left.saturating_sub(slice));
            if left.is_some_and(|left| left.is_zero()) {
                return Ok(None);
            }
            py.check_signals()?;
        }
    }
}

fn object(py: Python<'_>, event: Arc<Event>) -> PyResult<Bound<'_, PyAny>> {
    let kind = Arc::clone(&event);
    let base = PyClassInitializer::from(SimulatorEvent(event));
    Ok(match kind.what {
        EventKind::CallRang(_) => Bound::new(py, base.add_subclass(CallRang))?.into_any(),
        EventKind::CallFailed { .. } => Bound::new(py, base.add_subclass(CallFailed))?.into_any(),
        EventKind::NotificationSent(_) => Bound::new(py, base.add_subclass(NotificationSent))?.into_any(),
        EventKind::BotReplied { .. } => Bound::new(py, base.add_subclass(BotReplied))?.into_any(),
        EventKind::RedirectReceived(_) => Bound::new(py, base.add_subclass(RedirectReceived))?.into_any(),
        EventKind::CallFinished { .. } => Bound::new(py, base.add_subclass(CallFinished))?.into_any(),
    })
}
