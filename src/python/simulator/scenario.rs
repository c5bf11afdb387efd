//! `Scenario`.

use std::path::PathBuf;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyType};

use crate::ParseError;
use crate::python::value::from_python;
use crate::simulator::Scenario as Core;

/// Calls to be rung: who rings, who picks up, what goes wrong. `Simulator.play` rings them.
///
/// ```python
/// Scenario([{"callees": {"98da8a1a-1b87-452c-a713-65d3f10b1253": "busy", "*": 3.0}, "faults": ["duplicate"]}], speed=100)
/// ```
///
/// A file has the same keys, in TOML; `load` reads it.
///
/// Args:
///     calls: The script of each call. Its keys are those of `Simulator.ring`, and `start` (seconds from the beginning),
///         `count` (how many such calls) and `example` (1, 2 or 3 of Microsoft's documentation, as a base).
///     speed: How many times faster people are than the clock; the simulator's when `None`.
///     seed: Decides about faults with a probability; the simulator's when `None`.
///     faults: What goes wrong with every call, beside each call's own.
///     together: Calls at once; others wait. Graph's own limit for an app is 100.
///
/// Raises:
///     ParseError: A key or value that no script has; `path` says where, and the message what was probably meant.
#[pyclass(frozen, eq, module = "callredirect.testing")]
#[derive(PartialEq)]
pub(in crate::python) struct Scenario(pub(super) Core);

#[pymethods]
impl Scenario {
    #[new]
    #[pyo3(signature = (
        calls: "Sequence[CallScript]", *, speed: "float | None" = None, seed: "int | None" = None,
        faults: "Sequence[Fault] | None" = None, together = 100,
    ) -> "Self")]
    #[allow(clippy::similar_names, reason = "the names of the keywords")]
    fn new(
        calls: &Bound<'_, PyAny>,
        speed: Option<&Bound<'_, PyAny>>,
        seed: Option<&Bound<'_, PyAny>>,
        faults: Option<&Bound<'_, PyAny>>,
        together: i64,
    ) -> PyResult<Self> {
        let fields = PyDict::new(calls.py());
        fields.set_item("calls", calls)?;
        fields.set_item("speed", speed)?;
        fields.set_item("seed", seed)?;
        fields.set_item("faults", faults)?;
        fields.set_item("together", together)?;
        Ok(Self(Core::from_value(&from_python(&fields)?)?))
    }

    /// Reads a TOML file.
    ///
    /// Raises `OSError` if it cannot be read, and `ParseError` with file, line and key if something is wrong in it.
    #[classmethod]
    #[pyo3(signature = (path: "str | PathLike[str]") -> "Self")]
    #[allow(clippy::needless_pass_by_value, reason = "what Python gives is made for this call")]
    fn load<'py>(class: &Bound<'py, PyType>, path: PathBuf) -> PyResult<Bound<'py, PyAny>> {
        let text = class.py().detach(|| std::fs::read(&path))?;
        let text = String::from_utf8(text)
            .map_err(|_| ParseError::unplaced(format!("{}: the file is not UTF-8", path.display())))?;
        made(class, Core::from_toml(&text, &path.display().to_string())?)
    }

    /// Reads the text of a TOML file; `name` is the file's, for messages.
    #[classmethod]
    #[pyo3(signature = (text, name = "scenario") -> "Self")]
    fn from_toml<'py>(class: &Bound<'py, PyType>, text: &str, name: &str) -> PyResult<Bound<'py, PyAny>> {
        made(class, Core::from_toml(text, name)?)
    }

    /// How many calls will ring.
    fn __len__(&self) -> usize {
        self.0.count()
    }

    fn __repr__(&self) -> String {
        format!("<Scenario: {} calls>", self.0.count())
    }
}

fn made<'py>(class: &Bound<'py, PyType>, core: Core) -> PyResult<Bound<'py, PyAny>> {
    Ok(Bound::new(class.py(), Scenario(core))?.into_any())
}
