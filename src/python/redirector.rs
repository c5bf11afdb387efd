//! A webhook request as Python hands it over, and what is answered.

use std::borrow::Cow;
use std::collections::BTreeMap;

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

use super::hint::{As, HeaderDict};
use super::tracked::TrackedCall;
use super::value::{json_text, text};
use crate::redirector;

/// A byte no UTF-8 has.
const UNREADABLE: &[u8] = b"\xff";

/// What to answer the webhook request with. The body is always empty: a stranger learns nothing.
#[pyclass(frozen, module = "callredirect")]
pub(super) struct Reply(pub(super) redirector::Reply);

#[pymethods]
impl Reply {
    /// HTTP status: 202 accepted, 204 for the old Skype format, 302 to another region's webhook, else 400, 401, 403, 413, 415 or 503.
    #[getter]
    fn status(&self) -> u16 {
        self.0.status
    }

    /// Headers to send.
    #[getter]
    fn headers(&self) -> As<HeaderDict, BTreeMap<&str, &str>> {
        let location = self.0.location.as_deref().map(|url| ("Location", url));
        self.0.headers.iter().copied().chain(location).collect::<BTreeMap<_, _>>().into()
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

/// What receiving a request came to.
#[pyclass(frozen, get_all, module = "callredirect._native")]
pub(super) struct Receipt {
    /// The reply; ``None`` if Microsoft's keys must be fetched first.
    pub(super) reply: Option<Py<Reply>>,
    /// Why the request was refused, for logs.
    pub(super) reason: Option<String>,
    /// Calls to redirect.
    pub(super) incoming: Vec<Py<TrackedCall>>,
    /// The request's ``Scenario-Id``, for the redirects: it ties the logs of both sides together.
    pub(super) scenario_id: Option<String>,
    /// Calls that ended.
    pub(super) ended: Vec<Py<TrackedCall>>,
    /// Whether newer keys should be fetched now, for later requests.
    pub(super) keys_due: bool,
}

/// The headers that matter, out of whatever mapping or list of pairs a host has.
#[derive(Default)]
pub(super) struct RequestHeaders {
    pub(super) authorization: Vec<String>,
    pub(super) content_type: Vec<String>,
    pub(super) scenario_id: Vec<String>,
    pub(super) region: Vec<String>,
}

impl RequestHeaders {
    pub(super) fn read(headers: &Bound<'_, PyAny>) -> PyResult<Self> {
        let mut read = Self::default();
        each_header(headers, |name, value| {
            let list = match () {
                () if name.eq_ignore_ascii_case("authorization") => &mut read.authorization,
                () if name.eq_ignore_ascii_case("content-type") => &mut read.content_type,
                () if name.eq_ignore_ascii_case("scenario-id") => &mut read.scenario_id,
                () if name.eq_ignore_ascii_case("x-microsoft-skype-caller-region") => &mut read.region,
                () => return Ok(()),
            };
            list.push(header_text(value)?);
            Ok(())
        })?;
        Ok(read)
    }
}

/// Shows every header that has a value. `None` is what `headers.get(name)` gave for one that was not there.
pub(super) fn each_header(
    headers: &Bound<'_, PyAny>,
    mut see: impl FnMut(String, &Bound<'_, PyAny>) -> PyResult<()>,
) -> PyResult<()> {
    let pairs = if headers.hasattr("items")? { headers.call_method0("items")? } else { headers.clone() };
    if pairs.is_instance_of::<PyString>() || pairs.is_instance_of::<PyBytes>() {
        return Err(wrong_headers(headers));
    }
    for pair in pairs.try_iter().map_err(|_| wrong_headers(headers))? {
        // A tuple, or ASGI's "two-item iterable", which some servers make a list.
        let pair = pair?.try_iter().map_err(|_| wrong_headers(headers))?.collect::<PyResult<Vec<_>>>()?;
        let [name, value] = pair.as_slice() else { return Err(wrong_headers(headers)) };
        let name = header_text(name)?;
        if !value.is_none() {
            see(name, value)?;
        }
    }
    Ok(())
}

/// Whatever a stranger put into it, there is a text: the checks refuse what is not one they accept.
pub(super) fn header_text(value: &Bound<'_, PyAny>) -> PyResult<String> {
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
pub(super) fn body_text<'a>(body: &'a Bound<'_, PyAny>) -> PyResult<Cow<'a, [u8]>> {
    json_text(body).or_else(|error| {
        if error.is_instance_of::<PyValueError>(body.py()) {
            Ok(Cow::Borrowed(UNREADABLE))
        } else {
            Err(error)
        }
    })
}
