//! What the simulator reports of a call and of a redirect.

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyTuple};

use crate::python::hint::{As, HeaderDict, MaybeDict, hint};
use crate::python::target::Target;
use crate::python::violation::Violation;
use crate::simulator::{Fault, ReceivedRedirect as Received, RungCall as Rung};

hint! {
    EndingName = "Ending";
    MaybeFault = "FaultName | None";
    Steps = "list[tuple[Step, float]]";
    Violations = "tuple[Violation, ...]";
}

/// What happened to a call that rang.
#[pyclass(frozen, module = "callredirect._native")]
pub(in crate::python) struct RungCall(pub(super) Rung);

#[pymethods]
impl RungCall {
    /// The scenario's name for the call.
    #[getter]
    fn name(&self) -> Option<&str> {
        self.0.name.as_deref()
    }

    /// Call id.
    #[getter]
    fn call_id(&self) -> &str {
        &self.0.call_id
    }

    /// HTTP status of the bot's reply; `None` when it did not reply while the call rang.
    #[getter]
    fn reply_status(&self) -> Option<u16> {
        self.0.reply_status
    }

    /// Headers of the bot's reply, names in lower case.
    #[getter]
    fn reply_headers<'py>(&self, py: Python<'py>) -> PyResult<As<HeaderDict, Bound<'py, PyDict>>> {
        Ok(headers(py, &self.0.reply_headers)?.into())
    }

    /// The first 64 KiB of the bot's reply.
    #[getter]
    fn reply_body<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.reply_body)
    }

    /// The JSON of the redirect that Graph accepted; `None` when there was none.
    #[getter]
    fn redirect<'py>(&self, py: Python<'py>) -> PyResult<As<MaybeDict, Option<Bound<'py, PyAny>>>> {
        let redirect = self.0.redirect.as_ref();
        Ok(redirect.map(|redirect| from_json(py, &redirect.body)).transpose()?.into())
    }

    /// `"v1.0"` or `"beta"`, as the redirect was sent.
    #[getter]
    fn api_version(&self) -> Option<&'static str> {
        self.0.redirect.as_ref().map(|redirect| redirect.api_version.as_str())
    }

    /// The `client-request-id` of the redirect.
    #[getter]
    fn client_request_id(&self) -> Option<&str> {
        self.0.redirect.as_ref().and_then(|redirect| redirect.client_request_id.as_deref())
    }

    /// HTTP status of the bot's reply to the notification of the end; `None` when it got none or did not reply.
    #[getter]
    fn ended_status(&self) -> Option<u16> {
        self.0.ended_status
    }

    /// How the call ended: ``"answered"``, ``"no_answer"``, ``"busy"``, ``"unreachable"``, ``"hung_up"`` by the caller,
    /// ``"expired"`` without a redirect, or ``"refused"`` by the bot.
    #[getter]
    fn ending(&self) -> As<EndingName, &'static str> {
        self.0.ending.as_str().into()
    }

    /// The target of the redirect that picked up.
    #[getter]
    fn answered_by(&self) -> Option<Target> {
        self.0.answered_by.as_ref().map(target)
    }

    /// What is wrong with the bot and where to look, in one line; `None` when its call was redirected, or the caller
    /// hung up.
    #[getter]
    fn problem(&self) -> Option<&str> {
        self.0.problem.as_deref()
    }

    /// What happened when, in seconds since ringing: `rang`, then `replied`, `redirected`, `answered`, `hung_up`,
    /// `expired`, `ended`.
    #[getter]
    fn steps(&self) -> As<Steps, Vec<(&'static str, f64)>> {
        self.0.steps.iter().map(|(name, time)| (*name, time.as_secs_f64())).collect::<Vec<_>>().into()
    }

    fn __repr__(&self) -> String {
        let status =
            |status: Option<u16>| status.map_or_else(|| "None".to_owned(), |status| status.to_string());
        let problem = self.0.problem.as_ref().map(|problem| format!("; {problem}")).unwrap_or_default();
        format!(
            "<RungCall {}: {}, reply_status={}, ended_status={}{problem}>",
            self.0.call_id,
            self.0.ending.as_str(),
            status(self.0.reply_status),
            status(self.0.ended_status)
        )
    }
}

/// One redirect as Graph received it, accepted or not.
#[pyclass(frozen, module = "callredirect._native")]
pub(in crate::python) struct ReceivedRedirect(pub(super) Received);

#[pymethods]
impl ReceivedRedirect {
    /// Call id in the path.
    #[getter]
    fn call_id(&self) -> &str {
        &self.0.call_id
    }

    /// `"v1.0"` or `"beta"`.
    #[getter]
    fn api_version(&self) -> &'static str {
        self.0.api_version.as_str()
    }

    /// The request body, byte for byte.
    #[getter]
    fn body<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.body)
    }

    /// The `client-request-id` header.
    #[getter]
    fn client_request_id(&self) -> Option<&str> {
        self.0.client_request_id.as_deref()
    }

    /// Headers that correlate or identify: `client-request-id`, `scenario-id`, `content-type`, `user-agent`.
    #[getter]
    fn headers<'py>(&self, py: Python<'py>) -> PyResult<As<HeaderDict, Bound<'py, PyDict>>> {
        Ok(headers(py, &self.0.headers)?.into())
    }

    /// HTTP status it was answered with: 202 when accepted; `None` when a fault kept the answer back.
    #[getter]
    fn status(&self) -> Option<u16> {
        self.0.status
    }

    /// Whether the call was redirected, answered or not.
    #[getter]
    fn accepted(&self) -> bool {
        self.0.accepted
    }

    /// Graph's error code, such as ``"8522"``.
    #[getter]
    fn code(&self) -> Option<&'static str> {
        self.0.code
    }

    /// Graph's words for it.
    #[getter]
    fn message(&self) -> Option<&str> {
        self.0.message.as_deref()
    }

    /// Every rule it breaks, warnings included, each with its place in the JSON.
    #[getter]
    fn violations<'py>(&self, py: Python<'py>) -> PyResult<As<Violations, Bound<'py, PyTuple>>> {
        let violations: Vec<_> = self.0.violations.iter().cloned().map(Violation::from).collect();
        Ok(PyTuple::new(py, violations)?.into())
    }

    /// What went wrong on purpose, by name.
    #[getter]
    fn fault(&self) -> As<MaybeFault, Option<&'static str>> {
        self.0.fault.map(Fault::name).into()
    }

    /// Seconds the call had been ringing; `None` when the call is unknown.
    #[getter]
    fn after(&self) -> Option<f64> {
        self.0.after.map(|after| after.as_secs_f64())
    }

    fn __repr__(&self) -> String {
        let status = self.0.status.map_or("None".to_owned(), |status| status.to_string());
        let code = self.0.code.map(|code| format!(", code={code}")).unwrap_or_default();
        let fault = self.0.fault.map(|fault| format!(", fault={}", fault.name())).unwrap_or_default();
        format!("<ReceivedRedirect {}: status={status}{code}{fault}>", self.0.call_id)
    }
}

/// The Python form of a target.
pub(super) fn target(target: &crate::redirect::Target) -> Target {
    Target(target.clone())
}

fn from_json<'py>(py: Python<'py>, text: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    py.import("json")?.call_method1("loads", (PyBytes::new(py, text),))
}

/// As a dict; a header sent several times has its values joined, which is what HTTP says it means.
fn headers<'py>(py: Python<'py>, headers: &[(String, String)]) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    for (name, value) in headers {
        match dict.get_item(name)? {
            Some(before) => dict.set_item(name, format!("{}, {value}", before.extract::<String>()?))?,
            None => dict.set_item(name, value)?,
        }
    }
    Ok(dict)
}
