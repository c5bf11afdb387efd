//! `JsonObject`: what all parsed classes have in common.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyType};

use super::pydantic::{core_schema, json_schema};
use super::replace::replaced;
use super::value::{self, to_python};
use super::{call, notification, operation, participant};
use crate::ParseError;
use crate::json::utf8;
use crate::notification::{Document, Json, Kind, Node};
use crate::send::clock::Arrival;

/// Deepest nesting that any text may have, whatever a caller asks for: values are built by recursion.
pub(super) const DEEPEST: usize = 512;

/// A JSON object as it came. Attributes are read out of it when asked for; nothing is lost or changed.
#[pyclass(frozen, subclass, module = "callredirect._native")]
pub(super) struct JsonObject {
    pub(super) json: Json,
    /// Of a call that came without an id: the one in its notification's URL.
    pub(super) url_id: Option<String>,
}

impl JsonObject {
    pub(super) fn new(json: Json) -> Self {
        Self { json, url_id: None }
    }

    /// An object inside this one.
    pub(super) fn at(&self, node: Node<'_>) -> Self {
        Self::new(self.json.at(node))
    }
}

#[pymethods]
impl JsonObject {
    /// Reads an object of this class from JSON text. Raises ``ParseError``.
    #[classmethod]
    #[pyo3(signature = (text: "bytes | str") -> "Self")]
    fn from_json(cls: &Bound<'_, PyType>, text: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        read(cls, &value::text(text)?, |error| error)
    }

    /// Reads an object of this class from a dict as ``json`` makes it. Raises ``ParseError``.
    #[classmethod]
    #[pyo3(signature = (value: "Mapping[str, Any]") -> "Self")]
    fn from_dict(cls: &Bound<'_, PyType>, value: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        read(cls, &value::dumped(&value::plain_dict(value)?)?, ParseError::without_place)
    }

    /// The type the sender named, such as ``"microsoft.graph.call"``, without the ``#``.
    #[getter]
    fn odata_type(&self) -> Option<String> {
        let name = self.json.node().str("@odata.type")?;
        Some(name.strip_prefix('#').unwrap_or(&name).to_owned())
    }

    /// The JSON text as it came.
    fn to_json(&self) -> &str {
        self.json.node().raw()
    }

    /// The whole object as Python values: unknown members, nulls and big integers included.
    #[pyo3(signature = () -> "dict[str, Any]")]
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        to_python(py, self.json.node())
    }

    fn __eq__(slf: &Bound<'_, Self>, other: &Bound<'_, PyAny>) -> bool {
        let same =
            |other: &Self| (slf.get().json.node(), &slf.get().url_id) == (other.json.node(), &other.url_id);
        slf.get_type().is(other.get_type()) && other.cast::<Self>().is_ok_and(|other| same(other.get()))
    }

    fn __hash__(&self) -> u64 {
        self.json.node().fingerprint()
    }

    /// The same object with other values of some attributes, as ``copy.replace`` wants it. ``None`` takes the member
    /// away; ``extra`` replaces all members without an attribute. Everything else stays as it came.
    #[pyo3(signature = (**changes: "Any") -> "Self")]
    fn __replace__<'py>(
        slf: &Bound<'py, Self>,
        changes: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        match changes {
            Some(changes) => replaced(slf, changes),
            None => Ok(slf.clone().into_any()),
        }
    }

    /// Lets pydantic read and write the class: instances, dicts and JSON text in, dicts out.
    #[classmethod]
    #[pyo3(signature = (_source: "Any", _handler: "Any") -> "Any")]
    fn __get_pydantic_core_schema__<'py>(
        cls: &Bound<'py, PyType>,
        _source: &Bound<'py, PyAny>,
        _handler: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        core_schema(cls)
    }

    #[classmethod]
    #[pyo3(signature = (_schema: "Any", _handler: "Any") -> "dict[str, Any]")]
    fn __get_pydantic_json_schema__<'py>(
        cls: &Bound<'py, PyType>,
        _schema: &Bound<'py, PyAny>,
        _handler: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        json_schema(cls)
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
    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Reduced<'py>> {
        let Self { json, url_id } = slf.get();
        reduce(slf.as_any(), json.node().raw().to_owned(), json.arrival, url_id.clone())
    }
}

/// What `__reduce__` returns: a function and its arguments.
pub(super) type Reduced<'py> = (Bound<'py, PyAny>, (String, String, f64, Option<String>));

pub(super) fn reduce<'py>(
    object: &Bound<'py, PyAny>,
    text: String,
    arrival: Arrival,
    url_id: Option<String>,
) -> PyResult<Reduced<'py>> {
    let restore = object.py().import("callredirect._native")?.getattr("_restore")?;
    Ok((restore, (object.get_type().name()?.to_string(), text, arrival.unix(), url_id)))
}

/// Rebuilds a pickled object. The age of a call survives, so that its deadline does.
#[pyfunction]
#[pyo3(signature = (kind, text, received_at, url_id = None))]
pub(super) fn _restore(
    py: Python<'_>,
    kind: &str,
    text: &str,
    received_at: f64,
    url_id: Option<&str>,
) -> PyResult<Py<PyAny>> {
    let arrival = Arrival::ago(crate::send::clock::unix() - received_at);
    restore(py, kind, Json::new(Document::parse(text, DEEPEST)?, arrival), url_id)
}

/// An object of that class, and of no other.
fn read(cls: &Bound<'_, PyType>, text: &[u8], tell: fn(ParseError) -> ParseError) -> PyResult<Py<PyAny>> {
    let py = cls.py();
    let doc = utf8(text).and_then(|text| Document::parse(text, DEEPEST)).map_err(tell)?;
    let json = Json::new(doc, Arrival::now());
    if json.node().kind() != Kind::Object {
        return Err(ParseError::unplaced("expected a JSON object").into());
    }
    let object = restore(py, &cls.name()?.to_string(), json, None)?.into_bound(py);
    if object.is_instance(cls)? {
        return Ok(object.unbind());
    }
    let found = object.get_type().name()?;
    Err(ParseError::unplaced(format!("expected {}, found {found}", cls.name()?)).into())
}

pub(super) fn restore(py: Python<'_>, kind: &str, json: Json, url_id: Option<&str>) -> PyResult<Py<PyAny>> {
    let object = || JsonObject { json: json.clone(), url_id: url_id.map(str::to_owned) };
    for restore in [call::restore, participant::restore, participant::restore_identity, operation::restore] {
        if let Some(object) = restore(py, kind, object())? {
            return Ok(object);
        }
    }
    notification::restore(py, kind, json)
}
