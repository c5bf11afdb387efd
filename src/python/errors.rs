//! Rust errors to the exception classes of `callredirect.exceptions`.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyType};

use crate::ParseError;

/// An exception class of the package, imported once.
macro_rules! exception {
    ($py:expr, $name:literal) => {{
        static CLASS: pyo3::sync::PyOnceLock<pyo3::Py<pyo3::types::PyType>> = pyo3::sync::PyOnceLock::new();
        CLASS.import($py, "callredirect.exceptions", $name)
    }};
}
pub(super) use exception;

/// Makes the exception from a class and its one argument, or the error that came of trying.
pub(super) fn raise<'py>(
    class: PyResult<&Bound<'py, PyType>>,
    args: impl pyo3::call::PyCallArgs<'py>,
    kwargs: Option<&Bound<'py, PyDict>>,
) -> PyErr {
    class.and_then(|class| class.call(args, kwargs)).map_or_else(|error| error, PyErr::from_value)
}

impl From<ParseError> for PyErr {
    fn from(error: ParseError) -> Self {
        Python::attach(|py| {
            raise(exception!(py, "ParseError"), (error.reason, error.path, error.line, error.column), None)
        })
    }
}
