//! The Python extension module: glue, no rules. The only place that knows pyo3.

mod simulator;

use pyo3::prelude::*;

#[pymodule(gil_used = true)]
mod _native {
    #[pymodule_export]
    use super::simulator::{ReceivedRedirect, RungCall, Simulator};
}
