//! The Python extension module: glue, no rules. The only place that knows pyo3.

use pyo3::prelude::*;

#[pymodule(gil_used = true)]
mod _native {}
