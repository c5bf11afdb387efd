//! Recordings: the writer's end, and what is read back.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyTuple, PyType};

use super::hint::{As, HeaderDict, hint};
use super::notification::{Notifications, arrival};
use super::redirector::{Receipt, body_text, each_header, header_text};
use super::value::{quoted, text};
use crate::ParseError;
use crate::notification::{ParseOptions, parse};
use crate::record::{self, Options, Recorded, Recorder, Seen};
use crate::send::clock::{self, Arrival};

hint! {
    Moment = "datetime";
    CallIds = "tuple[str, ...]";
    Reading = "tuple[list[RecordedRequest], list[str]]";
}

/// A wait at the end of the process must not look like a hang.
const LAST_PATIENCE: Duration = Duration::from_secs(5);

/// Writes requests into a file, behind a queue.
#[pyclass(frozen, module = "callredirect._native")]
pub(super) struct RecordWriter(Recorder);

#[pymethods]
impl RecordWriter {
    #[new]
    #[pyo3(signature = (path: "str", *, max_bytes: "int | None", keep: "int", redact: "bool"))]
    fn new(path: PathBuf, max_bytes: Option<i64>, keep: i64, redact: bool) -> PyResult<Self> {
        let positive = |bytes: i64| u64::try_from(bytes).ok().filter(|bytes| *bytes > 0);
        let wrong =
            |bytes| PyValueError::new_err(format!("max_bytes must be 1 or more, or None, not {bytes}"));
        let max_bytes = max_bytes.map(|bytes| positive(bytes).ok_or_else(|| wrong(bytes))).transpose()?;
        let wrong = || PyValueError::new_err(format!("keep must be from 0 to 1000, not {keep}"));
        let keep = u32::try_from(keep).ok().filter(|keep| *keep <= 1000).ok_or_else(wrong)?;
        record::check(&path).map_err(|error| named(&error, path.clone()))?;
        Ok(Self(Recorder::new(Options { path, max_bytes, keep, redact })))
    }

    /// Takes a request seen elsewhere. A text comes back when a warning is due.
    #[pyo3(signature = (
        body: "bytes | str | Mapping[str, Any]",
        headers: "Mapping[str, str] | Iterable[tuple[str, str] | tuple[bytes, bytes]]",
        *, received_at: "float | None", method: "str | None", path: "str | None", status: "int | None",
        verified: "bool | None", reason: "str | None",
    ))]
    #[allow(clippy::too_many_arguments, reason = "keyword arguments in Python")]
    fn record(
        &self,
        body: &Bound<'_, PyAny>,
        headers: &Bound<'_, PyAny>,
        received_at: Option<f64>,
        method: Option<String>,
        path: Option<String>,
        status: Option<u16>,
        verified: Option<bool>,
        reason: Option<String>,
    ) -> PyResult<Option<String>> {
        let received_at = micros(received_at.unwrap_or_else(clock::unix));
        let (headers, body) = (all_headers(headers)?, body_text(body)?.into_owned());
        let seen = Seen { received_at, method, path, headers, body, status, verified, reason };
        Ok(self.0.record(seen))
    }

    /// Takes a request that a bot has answered; ``received_at`` is of ``time.monotonic()``.
    fn note(
        &self,
        py: Python<'_>,
        body: &Bound<'_, PyAny>,
        headers: &Bound<'_, PyAny>,
        received_at: f64,
        receipt: &Receipt,
        anyone: bool,
    ) -> PyResult<Option<String>> {
        let status = receipt.reply.as_ref().map_or(0, |reply| reply.get().0.status);
        // The token comes first: whatever else a request is refused for, 403 for its tenant too, it was genuine. 503
        // says that nobody looked.
        let verified = (!anyone && status != 503).then_some(status != 401);
        Ok(self.0.record(Seen {
            received_at: micros(arrival(py, Some(received_at))?.unix()),
            headers: all_headers(headers)?,
            body: body_text(body)?.into_owned(),
            status: Some(status),
            verified,
            reason: receipt.reason.clone(),
            ..Seen::default()
        }))
    }

    /// Waits until all is written, so many seconds at most; whether it is.
    fn flush(&self, py: Python<'_>, timeout: f64) -> PyResult<bool> {
        let patience = seconds("timeout", timeout)?;
        Ok(py.detach(|| self.0.flush(patience)))
    }

    /// The same, and lets go of the file.
    fn close(&self, py: Python<'_>, timeout: f64) -> PyResult<bool> {
        let patience = seconds("timeout", timeout)?;
        Ok(py.detach(|| self.0.close(patience)))
    }

    /// What is to be told as a warning, if anything is.
    fn warning(&self) -> Option<String> {
        self.0.warning()
    }

    /// Requests written, and requests lost.
    #[getter]
    fn counts(&self) -> (u64, u64) {
        self.0.counts()
    }
}

/// Writes what waits, at the end of the process.
#[pyfunction]
pub(super) fn _flush_recordings(py: Python<'_>) {
    py.detach(|| record::flush_all(LAST_PATIENCE));
}

type Requests = (Vec<RecordedRequest>, Vec<String>);

/// Reads a recording: the requests, and a word on each line that could not be read.
#[pyfunction]
#[pyo3(signature = (path: "str"))]
pub(super) fn _read_recording(py: Python<'_>, path: PathBuf) -> PyResult<As<Reading, Requests>> {
    let reading = py.detach(|| record::read(&path)).map_err(|error| named(&error, path))?;
    let requests = reading.requests.into_iter().map(|request| RecordedRequest(Arc::new(request)));
    Ok((requests.collect(), reading.skipped).into())
}

/// A webhook request out of a recording.
#[pyclass(frozen, eq, module = "callredirect")]
#[derive(PartialEq)]
pub(super) struct RecordedRequest(pub(super) Arc<Recorded>);

#[pymethods]
impl RecordedRequest {
    /// Reads one line of a recording. Raises ``ParseError``.
    #[classmethod]
    #[pyo3(signature = (line: "bytes | str") -> "RecordedRequest")]
    fn from_json(_cls: &Bound<'_, PyType>, line: &Bound<'_, PyAny>) -> PyResult<Self> {
        let recorded = Recorded::from_line(text(line)?.trim_ascii()).map_err(ParseError::unplaced)?;
        Ok(Self(Arc::new(recorded)))
    }

    /// The request as a line of a recording, without the line's end.
    fn to_json(&self) -> String {
        String::from_utf8_lossy(self.0.to_line().trim_ascii_end()).into_owned()
    }

    /// When it came, in UTC.
    #[getter]
    fn received_at<'py>(&self, py: Python<'py>) -> PyResult<As<Moment, Bound<'py, PyAny>>> {
        let datetime = py.import("datetime")?;
        let options = PyDict::new(py);
        options.set_item("tzinfo", datetime.getattr("timezone")?.getattr("utc")?)?;
        let epoch = datetime.getattr("datetime")?.call((1970, 1, 1), Some(&options))?;
        let since = datetime.getattr("timedelta")?.call1((0, 0, self.0.received_at))?;
        Ok(epoch.call_method1("__add__", (since,))?.into())
    }

    /// The body: byte for byte as it came, unless it was ``redacted``.
    #[getter]
    fn body<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.body)
    }

    /// The headers that are recorded, by their names in lower case; never ``authorization`` or cookies.
    #[getter]
    fn headers(&self) -> As<HeaderDict, BTreeMap<String, String>> {
        self.0.headers.clone().into()
    }

    /// HTTP method, if it was told; a bot records only what it is given.
    #[getter]
    fn method(&self) -> Option<&str> {
        self.0.method.as_deref()
    }

    /// Path of the URL, if it was told.
    #[getter]
    fn path(&self) -> Option<&str> {
        self.0.path.as_deref()
    }

    /// Whether telephone numbers, names, tokens and the like were replaced.
    #[getter]
    fn redacted(&self) -> bool {
        self.0.redacted
    }

    /// What became of it.
    #[getter]
    fn verdict(&self) -> Verdict {
        Verdict(Arc::clone(&self.0))
    }

    /// The notifications in the body. Raises ``ParseError``; ``call.deadline`` is long past.
    fn parse(&self) -> PyResult<Notifications> {
        #[allow(clippy::cast_precision_loss, reason = "seconds to the microsecond for some centuries")]
        let age = clock::unix() - self.0.received_at as f64 / 1e6;
        let items =
            parse(&self.0.body, &ParseOptions::default(), Arrival::ago(age)).map_err(ParseError::from)?;
        Ok(Notifications { items })
    }

    fn __hash__(&self) -> i64 {
        self.0.received_at
    }

    fn __copy__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    #[pyo3(signature = (memo: "Any") -> "Self")]
    fn __deepcopy__(slf: Py<Self>, memo: &Bound<'_, PyAny>) -> Py<Self> {
        let _ = memo;
        slf
    }

    #[pyo3(signature = () -> "tuple[Any, ...]")]
    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, (String,))> {
        Ok((slf.get_type().getattr("from_json")?, (slf.get().to_json(),)))
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let at = self.received_at(py)?.into_pyobject(py)?.call_method0("isoformat")?;
        let (bytes, shown) = (self.0.body.len(), shown_verdict(&self.0));
        Ok(format!("<RecordedRequest {at}: {bytes} bytes, {shown}>"))
    }
}

/// What became of a recorded request.
#[pyclass(frozen, eq, module = "callredirect")]
pub(super) struct Verdict(Arc<Recorded>);

impl PartialEq for Verdict {
    fn eq(&self, other: &Self) -> bool {
        self.0.verdict == other.0.verdict
    }
}

#[pymethods]
impl Verdict {
    /// The HTTP status answered.
    #[getter]
    fn status(&self) -> Option<u16> {
        self.0.verdict.status
    }

    /// Whether its token was genuine and for this bot; ``None`` where nothing was verified.
    #[getter]
    fn verified(&self) -> Option<bool> {
        self.0.verdict.verified
    }

    /// Why it was refused.
    #[getter]
    fn reason(&self) -> Option<&str> {
        self.0.verdict.reason.as_deref()
    }

    /// The calls it is about.
    #[getter]
    fn call_ids<'py>(&self, py: Python<'py>) -> PyResult<As<CallIds, Bound<'py, PyTuple>>> {
        Ok(PyTuple::new(py, &self.0.verdict.calls)?.into())
    }

    fn __hash__(&self) -> u64 {
        self.0.verdict.status.unwrap_or_default().into()
    }

    fn __repr__(&self) -> String {
        format!("<Verdict {}>", shown_verdict(&self.0))
    }
}

pub(super) fn shown_verdict(recorded: &Recorded) -> String {
    let record::Verdict { status, reason, calls, .. } = &recorded.verdict;
    let mut shown = status.map_or("not answered".to_owned(), |status| format!("answered {status}"));
    if let Some(reason) = reason {
        let _ = write!(shown, " ({})", quoted(reason));
    }
    if !calls.is_empty() {
        let _ = write!(shown, ", call {}", calls.join(" and "));
    }
    shown
}

fn all_headers(headers: &Bound<'_, PyAny>) -> PyResult<Vec<(String, String)>> {
    let mut all = Vec::new();
    each_header(headers, |name, value| {
        // Secrets are not even copied.
        if !name.eq_ignore_ascii_case("authorization") {
            all.push((name, header_text(value)?));
        }
        Ok(())
    })?;
    Ok(all)
}

#[allow(clippy::cast_possible_truncation, reason = "no moment that a clock shows is so far away")]
fn micros(unix: f64) -> i64 {
    (unix * 1e6).round() as i64
}

pub(super) fn seconds(name: &str, seconds: f64) -> PyResult<Duration> {
    Duration::try_from_secs_f64(seconds).map(|time| time.min(clock::YEAR)).map_err(|_| {
        PyValueError::new_err(format!("{name} must be a number of seconds from 0 on, not {seconds}"))
    })
}

/// With the file's name, as `open` has it.
fn named(error: &std::io::Error, path: PathBuf) -> PyErr {
    let words = error.to_string();
    let words = words.split(" (os error").next().unwrap_or_default().to_owned();
    let code = match error.kind() {
        // Found out without asking the system.
        std::io::ErrorKind::NotFound => 2,
        std::io::ErrorKind::IsADirectory => 21,
        _ => error.raw_os_error().unwrap_or(5),
    };
    PyOSError::new_err((code, words, path))
}
