//! What the simulator reports of a call and of a redirect.

use std::time::Duration;

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use crate::python::hint::{As, HeaderDict, MaybeDict};
use crate::simulator::{ReceivedRedirect as Received, RungCall as Rung};

/// What happened to a call that rang.
#[pyclass(frozen, module = "callredirect._native")]
pub(in crate::python) struct RungCall(pub(super) Rung);

#[pymethods]
impl RungCall {
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

    /// What happened when, in milliseconds since ringing: `rang`, then `replied`, `redirected`, `expired`, `ended`.
    #[getter]
    fn steps(&self) -> Vec<(&'static str, f64)> {
        self.0.steps.iter().map(|(name, time)| (*name, milliseconds(*time))).collect()
    }

    fn __repr__(&self) -> String {
        let redirected = if self.0.redirect.is_some() { "redirected" } else { "not redirected" };
        let status =
            |status: Option<u16>| status.map_or_else(|| "None".to_owned(), |status| status.to_string());
        format!(
            "<RungCall {}: {redirected}, reply_status={}, ended_status={}>",
            self.0.call_id,
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

    /// HTTP status it was answered with: 202 when accepted.
    #[getter]
    fn status(&self) -> u16 {
        self.0.status
    }

    /// Milliseconds the call had been ringing; `None` when the call is unknown.
    #[getter]
    fn after(&self) -> Option<f64> {
        self.0.after.map(milliseconds)
    }

    fn __repr__(&self) -> String {
        format!("<ReceivedRedirect {}: status={}>", self.0.call_id, self.0.status)
    }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
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
