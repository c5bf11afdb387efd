//! The Python extension module: glue, no rules. The only place that knows pyo3.

#![allow(clippy::doc_markdown, reason = "doc comments become Python docstrings")]

mod errors;
mod redirect;
mod target;
mod value;
mod verify;
mod violation;

use pyo3::prelude::*;

#[pymodule(gil_used = true)]
mod _native {
    #[pymodule_export]
    use super::redirect::{Limits, Redirect, Target, Violation};
    #[pymodule_export]
    use super::verify::{Claims, Verifier};
}
