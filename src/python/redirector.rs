//! The receiving half of `Redirector`, and what it knows of each call.

use std::borrow::Cow;
use std::sync::Arc;

use pyo3::exceptions::{PyNotImplementedError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString, PyTuple};

use super::bridge::{Completion, Mailbox};
use super::call::Call;
use super::hint::{As, HeaderDict, hint};
use super::notification::arrival;
use super::operation::ResultInfo;
use super::outcome;
use super::participant::ParticipantInfo;
use super::value::{json_text, text};
use super::verify::Verifier;
use super::view::View;
use crate::calls::{self as core, MemoryStore, Settlement, Step};
use crate::notification::ParseOptions;
use crate::outcome::Outcome;
use crate::redirector::{self, Receipt as CoreReceipt, Request, Work};
use crate::verify::fetch_keys;

hint! {
    Steps = "tuple[tuple[str, float], ...]";
    Tracked = "tuple[TrackedCall, ...]";
    MaybeOutcome = "Outcome | None";
}

/// A byte no UTF-8 has.
const UNREADABLE: &[u8] = b"\xff";

/// Calls remembered by one process.
const REMEMBERED: usize = 10_000;

/// What to answer the webhook request with. The body is always empty: a stranger learns nothing.
#[pyclass(frozen, module = "callredirect")]
pub(super) struct Reply(redirector::Reply);

#[pymethods]
impl Reply {
    /// HTTP status: 202 accepted, 204 for the old Skype format, else 400, 401, 403, 413, 415 or 503.
    #[getter]
    fn status(&self) -> u16 {
        self.0.status
    }

    /// Headers to send.
    #[getter]
    fn headers(&self) -> As<HeaderDict, std::collections::BTreeMap<&'static str, &'static str>> {
        self.0.headers.iter().copied().collect::<std::collections::BTreeMap<_, _>>().into()
    }

    /// Empty.
    #[getter]
    #[allow(clippy::unused_self, reason = "a property in Python")]
    fn body<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, b"")
    }

    fn __repr__(&self) -> String {
        format!("Reply(status={})", self.0.status)
    }
}

/// One call from its arrival to its end: every step with its time, the outcome, who answered.
#[pyclass(frozen, module = "callredirect")]
pub(super) struct TrackedCall(Arc<core::TrackedCall>);

#[pymethods]
impl TrackedCall {
    /// The call's id.
    #[getter]
    fn call_id(&self) -> &str {
        self.0.call_id()
    }

    /// The call as it came in; ``None`` if this process never saw that.
    #[getter]
    fn call(&self, py: Python<'_>) -> PyResult<Option<Py<Call>>> {
        self.0.told().incoming.map(|incoming| Call::of_notification(py, &incoming)).transpose()
    }

    /// How the redirect went; ``None`` while it is under way, or if there was none.
    #[getter]
    fn outcome(&self, py: Python<'_>) -> PyResult<As<MaybeOutcome, Option<Py<PyAny>>>> {
        let outcome = match self.0.told().settlement {
            Some(Settlement::Redirected(outcome)) => Some(outcome::object(py, outcome)?),
            _ => None,
        };
        Ok(outcome.into())
    }

    /// Why there is no outcome, if there is none: the handler raised, the redirect broke rules, no token came, ...
    #[getter]
    fn failure(&self) -> Option<String> {
        match self.0.told().settlement {
            Some(Settlement::Failed(reason)) => Some(reason),
            _ => None,
        }
    }

    /// Whether the handler left the call alone.
    #[getter]
    fn left_alone(&self) -> bool {
        matches!(self.0.told().settlement, Some(Settlement::LeftAlone))
    }

    /// Whether the notification of its end came.
    #[getter]
    fn ended(&self) -> bool {
        self.0.told().ended.is_some()
    }

    /// Who picked up, where Graph says it; after a redirect to a phone only an ``encrypted`` identity.
    #[getter]
    fn answered_by(&self, py: Python<'_>) -> PyResult<Option<Py<ParticipantInfo>>> {
        self.of_end(py, "answeredBy")
    }

    /// How the call ended, where Graph says it.
    #[getter]
    fn result_info(&self, py: Python<'_>) -> PyResult<Option<Py<ResultInfo>>> {
        self.of_end(py, "resultInfo")
    }

    /// Every step in order, as name and seconds since the call's first notification arrived: ``received``,
    /// ``verified``, ``parsed``, ``claimed``, ``decided``, ``validated``, ``sent``, ``replied``, ``settled``, ``ended``.
    #[getter]
    fn steps(&self) -> As<Steps, StepTuple> {
        StepTuple(self.0.told().steps.iter().map(|(step, at)| (step.name(), at.as_secs_f64())).collect())
            .into()
    }

    /// One readable line per step, with milliseconds since arrival.
    fn timeline(&self) -> String {
        self.0.timeline()
    }

    fn __str__(&self) -> String {
        self.0.timeline()
    }

    fn __repr__(&self) -> String {
        let told = self.0.told();
        let settled = told.settlement.map_or_else(|| "under way".to_owned(), |settled| settled.summary());
        format!(
            "<TrackedCall {} {settled}{}>",
            self.0.call_id(),
            if told.ended.is_some() { ", ended" } else { "" }
        )
    }

    fn _decided(&self) {
        self.0.mark(Step::Decided);
    }

    fn _validated(&self) {
        self.0.mark(Step::Validated);
    }

    fn _left_alone(&self) -> bool {
        self.0.settle(Settlement::LeftAlone)
    }

    fn _failed(&self, reason: String) -> bool {
        self.0.settle(Settlement::Failed(reason))
    }

    fn _redirected(&self, outcome: &Bound<'_, outcome::Outcome>) -> bool {
        let outcome: Outcome = outcome.get().core().clone();
        self.0.settle(Settlement::Redirected(outcome))
    }
}

impl TrackedCall {
    /// An object member of the call as it ended.
    fn of_end<C: View>(&self, py: Python<'_>, wire: &str) -> PyResult<Option<Py<C>>> {
        let Some(ended) = self.0.told().ended else { return Ok(None) };
        let node = ended.call().and_then(|call| call.0.object(wire));
        node.map(|node| C::of(py, super::json::JsonObject::new(ended.json.at(node)))).transpose()
    }
}

struct StepTuple(Vec<(&'static str, f64)>);

impl<'py> IntoPyObject<'py> for StepTuple {
    type Target = PyTuple;
    type Output = Bound<'py, PyTuple>;
    type Error = PyErr;

    fn into_pyobject(self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.0)
    }
}

/// What receiving a request came to.
#[pyclass(frozen, get_all, module = "callredirect._native")]
pub(super) struct Receipt {
    /// The reply; ``None`` if Microsoft's keys must be fetched first.
    reply: Option<Py<Reply>>,
    /// Why the request was refused, for logs.
    reason: Option<String>,
    /// Calls to redirect.
    incoming: Vec<Py<TrackedCall>>,
    /// The request's ``Scenario-Id``, for the redirects: it ties the logs of both sides together.
    scenario_id: Option<String>,
    /// Calls that ended.
    ended: Vec<Py<TrackedCall>>,
}

/// Verifies, reads and claims; knows the calls.
#[pyclass(frozen, module = "callredirect._native")]
pub(super) struct Receiver {
    core: Arc<redirector::Redirector>,
    verifier: Arc<crate::verify::Verifier>,
    metadata_url: Option<String>,
}

#[pymethods]
impl Receiver {
    #[new]
    #[pyo3(signature = (verifier: "Verifier", *, store: "str"))]
    fn new(verifier: &Verifier, store: &str) -> PyResult<Self> {
        let store = match store {
            "memory" => Box::new(MemoryStore::new(REMEMBERED)),
            later if later.starts_with("sqlite:") || later.starts_with("redis") => {
                return Err(PyNotImplementedError::new_err("only store=\"memory\" is there yet"));
            }
            other => return Err(PyValueError::new_err(format!("store must be \"memory\", not {other:?}"))),
        };
        let (core, metadata_url) = (Arc::clone(&verifier.core), verifier.metadata_url.clone());
        if metadata_url.is_none() && core.keys().is_empty() {
            return Err(PyValueError::new_err(
                "the verifier has no keys and no metadata_url to fetch any from",
            ));
        }
        let fetches = metadata_url.is_some();
        let options = ParseOptions::default();
        let core = redirector::Redirector::new(core, fetches, store, options, REMEMBERED);
        Ok(Self { core: Arc::new(core), verifier: Arc::clone(&verifier.core), metadata_url })
    }

    /// The longest body that is read, in bytes: a host need not read more.
    #[getter]
    fn max_bytes(&self) -> usize {
        self.core.max_bytes()
    }

    /// Verifies, reads and claims.
    #[pyo3(signature = (
        body: "bytes | str | Mapping[str, Any]",
        headers: "Mapping[str, str] | Iterable[tuple[str, str] | tuple[bytes, bytes]]",
        received_at: "float | None",
    ))]
    fn receive(
        &self,
        py: Python<'_>,
        body: &Bound<'_, PyAny>,
        headers: &Bound<'_, PyAny>,
        received_at: Option<f64>,
    ) -> PyResult<Receipt> {
        let headers = RequestHeaders::read(headers)?;
        let request = Request {
            body: &body_text(body)?,
            authorization: &headers.authorization,
            content_type: headers.content_type.last().map(String::as_str),
            arrival: arrival(py, received_at)?,
        };
        let mut receipt = Receipt {
            reply: None,
            reason: None,
            incoming: Vec::new(),
            scenario_id: headers.scenario_id.last().cloned(),
            ended: Vec::new(),
        };
        match self.core.receive(&request) {
            CoreReceipt::NeedsKeys => {}
            CoreReceipt::Refused(reply, reason) => {
                receipt.reply = Some(Py::new(py, Reply(reply))?);
                receipt.reason = Some(reason);
            }
            CoreReceipt::Accepted(reply, work) => {
                receipt.reply = Some(Py::new(py, Reply(reply))?);
                for item in work {
                    match item {
                        Work::Redirect(call) => receipt.incoming.push(Py::new(py, TrackedCall(call))?),
                        Work::Ended(call) => receipt.ended.push(Py::new(py, TrackedCall(call))?),
                    }
                }
            }
        }
        Ok(receipt)
    }

    /// Fetches Microsoft's keys; ``None`` or the reason of the failure comes through the mailbox.
    fn fetch_keys(&self, mailbox: &Mailbox) -> PyResult<u64> {
        let (core, verifier) = (Arc::clone(&self.core), Arc::clone(&self.verifier));
        let url = self.metadata_url.clone().unwrap_or_default();
        let spawned = mailbox.spawn(async move {
            let fetched = fetch_keys(&url).await.map(|keys| verifier.replace_keys(keys));
            core.keys_fetched();
            Completion::Keys(fetched)
        });
        spawned.inspect_err(|_| self.core.keys_fetched())
    }

    /// The calls of this process, oldest first.
    #[getter]
    fn calls<'py>(&self, py: Python<'py>) -> PyResult<As<Tracked, Bound<'py, PyTuple>>> {
        let calls = self.core.calls().recent().into_iter().map(|call| Py::new(py, TrackedCall(call)));
        Ok(PyTuple::new(py, calls.collect::<PyResult<Vec<_>>>()?)?.into())
    }

    /// From now on every request is answered 503.
    fn close(&self) {
        self.core.close();
    }
}

/// The headers that matter, out of whatever mapping or list of pairs a host has.
#[derive(Default)]
struct RequestHeaders {
    authorization: Vec<String>,
    content_type: Vec<String>,
    scenario_id: Vec<String>,
}

impl RequestHeaders {
    fn read(headers: &Bound<'_, PyAny>) -> PyResult<Self> {
        let pairs = if headers.hasattr("items")? { headers.call_method0("items")? } else { headers.clone() };
        if pairs.is_instance_of::<PyString>() || pairs.is_instance_of::<PyBytes>() {
            return Err(wrong_headers(headers));
        }
        let mut read = Self::default();
        for pair in pairs.try_iter().map_err(|_| wrong_headers(headers))? {
            // A tuple, or ASGI's "two-item iterable", which some servers make a list.
            let pair = pair?.try_iter().map_err(|_| wrong_headers(headers))?.collect::<PyResult<Vec<_>>>()?;
            let [name, value] = pair.as_slice() else { return Err(wrong_headers(headers)) };
            let name = header_text(name)?;
            let list = match () {
                () if name.eq_ignore_ascii_case("authorization") => &mut read.authorization,
                () if name.eq_ignore_ascii_case("content-type") => &mut read.content_type,
                () if name.eq_ignore_ascii_case("scenario-id") => &mut read.scenario_id,
                () => continue,
            };
            // What `headers.get(name)` gave for a header that was not there.
            if !value.is_none() {
                list.push(header_text(value)?);
            }
        }
        Ok(read)
    }
}

/// Whatever a stranger put into it, there is a text: the checks refuse what is not one they accept.
fn header_text(value: &Bound<'_, PyAny>) -> PyResult<String> {
    if let Ok(text) = value.cast::<PyString>() {
        return Ok(text.to_string_lossy().into_owned());
    }
    Ok(String::from_utf8_lossy(&text(value)?).into_owned())
}

fn wrong_headers(headers: &Bound<'_, PyAny>) -> PyErr {
    match headers.get_type().name() {
        Ok(name) => {
            PyTypeError::new_err(format!("headers must be a mapping or name-value pairs, not {name}"))
        }
        Err(error) => error,
    }
}

/// The body as text. What no text can be made of (lone surrogates, endless nesting) is for the reader to refuse, in
/// its turn: a body is looked at only once its sender is known.
fn body_text<'a>(body: &'a Bound<'_, PyAny>) -> PyResult<Cow<'a, [u8]>> {
    json_text(body).or_else(|error| {
        if error.is_instance_of::<PyValueError>(body.py()) {
            Ok(Cow::Borrowed(UNREADABLE))
        } else {
            Err(error)
        }
    })
}
