//! `Violation` and `Limits`.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use serde_json::Value;

use super::hint::{As, hint};
use super::value::{Reduced, from_python, reduce, replace, repr_fields, value_to_python};
use crate::redirect as core;

hint! {
    MatchViolation = "tuple[Literal['code'], Literal['path'], Literal['message'], Literal['value'], Literal['severity']]";
    MatchLimits = "tuple[Literal['max_targets'], Literal['min_timeout'], Literal['max_timeout']]";
}

/// One broken rule of a redirect. `Redirect.violations` makes these.
#[pyclass(frozen, eq, hash, module = "callredirect")]
#[derive(PartialEq, Eq, Hash)]
pub(super) struct Violation {
    /// Stable name of the rule, such as ``"timeout_out_of_range"``.
    #[pyo3(get)]
    code: String,
    /// JSON path in what Graph would get, such as ``"$.targets[0].identity.phone.id"``.
    #[pyo3(get)]
    path: String,
    /// What is wrong and what to do, in one line. Telephone numbers are masked.
    #[pyo3(get)]
    message: String,
    /// ``"error"``: Graph would refuse the redirect, or do something else than asked. ``"warning"``: worth a look.
    #[pyo3(get)]
    severity: &'static str,
    value: Value,
}

impl From<core::Violation> for Violation {
    fn from(found: core::Violation) -> Self {
        let core::Violation { code, path, message, value, severity } = found;
        Self { code: code.to_owned(), path, message, severity: severity.as_str(), value }
    }
}

impl Violation {
    fn fields<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let fields = PyDict::new(py);
        fields.set_item("code", &self.code)?;
        fields.set_item("path", &self.path)?;
        fields.set_item("message", &self.message)?;
        fields.set_item("severity", self.severity)?;
        Ok(fields)
    }

    fn all_fields<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let fields = self.fields(py)?;
        fields.set_item("value", self.value(py)?)?;
        Ok(fields)
    }
}

#[pymethods]
impl Violation {
    #[classattr]
    fn __match_args__()
    -> As<MatchViolation, (&'static str, &'static str, &'static str, &'static str, &'static str)> {
        ("code", "path", "message", "value", "severity").into()
    }

    #[new]
    #[pyo3(signature = (code, path, message, value = None, severity = "error"))]
    fn new(
        code: String,
        path: String,
        message: String,
        value: Option<&Bound<'_, PyAny>>,
        severity: &str,
    ) -> PyResult<Self> {
        let known = [core::Severity::Error, core::Severity::Warning].map(core::Severity::as_str);
        let Some(severity) = known.into_iter().find(|known| *known == severity) else {
            return Err(PyValueError::new_err(format!("severity is 'error' or 'warning', not {severity:?}")));
        };
        let value = value.map(from_python).transpose()?.unwrap_or_default();
        Ok(Self { code, path, message, severity, value })
    }

    /// The offending value as it is in the JSON, telephone numbers unmasked.
    #[getter]
    fn value<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        value_to_python(py, &self.value)
    }

    /// Without the value, which may be a telephone number.
    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        repr_fields("Violation", &self.fields(py)?)
    }

    fn __str__(&self) -> String {
        format!("{}: {}", self.path, self.message)
    }

    #[pyo3(signature = () -> "tuple[Any, ...]")]
    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Reduced<'py>> {
        reduce(slf.get_type(), slf.get().all_fields(slf.py())?)
    }

    #[pyo3(signature = (**changes: "Any") -> "Self")]
    fn __replace__<'py>(
        slf: &Bound<'py, Self>,
        changes: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        replace(&slf.get_type(), &slf.get().all_fields(slf.py())?, changes)
    }
}

/// The numbers of the rules, which Microsoft calls "subject to change".
///
/// Args:
///     max_targets: How many targets may ring at once.
///     min_timeout: Shortest time to ring, in seconds.
///     max_timeout: Longest time to ring, in seconds.
#[pyclass(frozen, eq, hash, module = "callredirect")]
#[derive(PartialEq, Eq, Hash)]
pub(super) struct Limits(pub(super) core::Limits);

impl Limits {
    fn fields<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let fields = PyDict::new(py);
        fields.set_item("max_targets", self.0.max_targets)?;
        fields.set_item("min_timeout", self.0.min_timeout)?;
        fields.set_item("max_timeout", self.0.max_timeout)?;
        Ok(fields)
    }
}

#[pymethods]
impl Limits {
    #[classattr]
    fn __match_args__() -> As<MatchLimits, (&'static str, &'static str, &'static str)> {
        ("max_targets", "min_timeout", "max_timeout").into()
    }

    #[new]
    #[pyo3(signature = (max_targets = 25, min_timeout = 15, max_timeout = 90))]
    fn new(max_targets: usize, min_timeout: i64, max_timeout: i64) -> Self {
        Self(core::Limits { max_targets, min_timeout, max_timeout })
    }

    /// How many targets may ring at once.
    #[getter]
    fn max_targets(&self) -> usize {
        self.0.max_targets
    }

    /// Shortest time to ring, in seconds.
    #[getter]
    fn min_timeout(&self) -> i64 {
        self.0.min_timeout
    }

    /// Longest time to ring, in seconds.
    #[getter]
    fn max_timeout(&self) -> i64 {
        self.0.max_timeout
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        repr_fields("Limits", &self.fields(py)?)
    }

    #[pyo3(signature = () -> "tuple[Any, ...]")]
    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Reduced<'py>> {
        reduce(slf.get_type(), slf.get().fields(slf.py())?)
    }

    #[pyo3(signature = (**changes: "Any") -> "Self")]
    fn __replace__<'py>(
        slf: &Bound<'py, Self>,
        changes: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        replace(&slf.get_type(), &slf.get().fields(slf.py())?, changes)
    }
}
