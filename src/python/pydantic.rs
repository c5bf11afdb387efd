//! Pydantic's two questions, answered by `callredirect._pydantic`, which nobody else imports.

use pyo3::prelude::*;
use pyo3::types::PyType;

/// How pydantic reads and writes the class.
pub(super) fn core_schema<'py>(cls: &Bound<'py, PyType>) -> PyResult<Bound<'py, PyAny>> {
    answer("core_schema", cls)
}

/// What pydantic tells others of the class.
pub(super) fn json_schema<'py>(cls: &Bound<'py, PyType>) -> PyResult<Bound<'py, PyAny>> {
    answer("json_schema", cls)
}

fn answer<'py>(question: &str, cls: &Bound<'py, PyType>) -> PyResult<Bound<'py, PyAny>> {
    cls.py().import("callredirect._pydantic")?.call_method1(question, (cls,))
}
