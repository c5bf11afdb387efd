//! `JsonObject`: what all parsed classes have in common, and JSON values as Python values.

use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyInt, PyList, PyType};

use super::value::{self, unplaced};
use super::{call, notification, operation, participant};
use crate::notification::{Document, Json, Kind, Node};
use crate::send::clock::Arrival;

/// Deepest nesting that any text may have, whatever a caller asks for: values are built by recursion.
pub(super) const DEEPEST: usize = 512;

/// A JSON object as it came. Attributes are read out of it when asked for; nothing is lost or changed.
#[pyclass(frozen, subclass, module = "callredirect._native")]
pub(super) struct JsonObject {
    pub(super) json: Json,
    /// The call id in the URL of the notification it came in, for call objects without one.
    pub(super) url_id: Option<Box<str>>,
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
        read_as(cls, &value::text(text)?)
    }

    /// Reads an object of this class from a dict as ``json`` makes it. Raises ``ParseError``.
    #[classmethod]
    #[pyo3(signature = (value: "Mapping[str, Any]") -> "Self")]
    fn from_dict(cls: &Bound<'_, PyType>, value: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        read_as(cls, &value::dumped(value)?)
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
        let same = |other: &JsonObject| {
            let own = slf.get();
            own.json.node() == other.json.node() && own.url_id == other.url_id
        };
        slf.get_type().is(other.get_type()) && other.cast::<JsonObject>().is_ok_and(|other| same(other.get()))
    }

    fn __hash__(&self) -> u64 {
        self.json.node().fingerprint()
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
    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, Pickled)> {
        let JsonObject { json, url_id } = slf.get();
        let node = json.node();
        let restore = slf.py().import("callredirect._native")?.getattr("_restore")?;
        let class = slf.get_type().name()?.to_string();
        let url_id = url_id.as_deref().map(str::to_owned);
        Ok((restore, (class, node.raw().to_owned(), node.arrival().unix(), url_id)))
    }
}

/// Class, text, seconds since 1970 of its arrival, call id in the URL.
type Pickled = (String, String, f64, Option<String>);

/// Rebuilds a pickled object. The age of a call survives, so that its deadline does.
#[pyfunction]
#[pyo3(signature = (kind, text, received_at, url_id))]
pub(super) fn _restore(
    py: Python<'_>,
    kind: &str,
    text: &str,
    received_at: f64,
    url_id: Option<&str>,
) -> PyResult<Py<PyAny>> {
    let age = crate::send::clock::unix() - received_at;
    restore(py, kind, text.as_bytes(), Arrival::ago(age), url_id)
}

fn read_as(class: &Bound<'_, PyType>, text: &[u8]) -> PyResult<Py<PyAny>> {
    let wanted = class.name()?.to_string();
    let object = restore(class.py(), &wanted, text, Arrival::now(), None)?;
    let object = object.bind(class.py());
    if !object.is_instance(class)? {
        return Err(unplaced(format!("a {}, not {wanted}", object.get_type().name()?)).into());
    }
    Ok(object.clone().unbind())
}

fn restore(
    py: Python<'_>,
    kind: &str,
    text: &[u8],
    arrival: Arrival,
    url_id: Option<&str>,
) -> PyResult<Py<PyAny>> {
    let text = std::str::from_utf8(text).map_err(|_| unplaced("not UTF-8"))?;
    let doc = Document::parse(text, DEEPEST, arrival)?;
    let json = Json::new(doc, 0);
    if json.node().kind() != Kind::Object {
        return Err(unplaced("expected a JSON object").into());
    }
    let object = || JsonObject { json: json.clone(), url_id: url_id.map(Box::from) };
    for restore in [call::restore, participant::restore, participant::restore_identity, operation::restore] {
        if let Some(object) = restore(py, kind, object())? {
            return Ok(object);
        }
    }
    notification::object(py, &crate::notification::Notification::read(json))
}

/// A JSON value as Python's `json` would read it.
pub(super) fn to_python<'py>(py: Python<'py>, node: Node<'_>) -> PyResult<Bound<'py, PyAny>> {
    match node.kind() {
        Kind::Object => members(py, node, |_| true)?.into_bound_py_any(py),
        Kind::Array => {
            let items = node.items().map(|item| to_python(py, item)).collect::<PyResult<Vec<_>>>()?;
            PyList::new(py, items)?.into_bound_py_any(py)
        }
        Kind::Plain | Kind::Escaped => node.as_str().unwrap_or_default().into_bound_py_any(py),
        Kind::Number => number(py, node.raw()),
        Kind::True => PyBool::new(py, true).into_bound_py_any(py),
        Kind::False => PyBool::new(py, false).into_bound_py_any(py),
        Kind::Null => Ok(py.None().into_bound(py)),
    }
}

pub(super) fn number<'py>(py: Python<'py>, raw: &str) -> PyResult<Bound<'py, PyAny>> {
    if raw.contains(['.', 'e', 'E']) {
        return raw.parse::<f64>().unwrap_or(f64::NAN).into_bound_py_any(py);
    }
    match raw.parse::<i64>() {
        Ok(small) => small.into_bound_py_any(py),
        Err(_) => py.get_type::<PyInt>().call1((raw,)),
    }
}

/// The members whose name is wanted, as a dict.
pub(super) fn members<'py>(
    py: Python<'py>,
    node: Node<'_>,
    wanted: impl Fn(Node<'_>) -> bool,
) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    for (key, value) in node.members().filter(|(key, _)| wanted(*key)) {
        dict.set_item(key.as_str().unwrap_or_default(), to_python(py, value)?)?;
    }
    Ok(dict)
}

/// `Name(field='value', ...)`, fields without a value left out.
pub(super) fn repr(name: &str, fields: &[(&str, Option<String>)]) -> String {
    let shown: Vec<String> = fields
        .iter()
        .filter_map(|(field, value)| value.as_ref().map(|value| format!("{field}={value}")))
        .collect();
    format!("{name}({})", shown.join(", "))
}

/// A string as Python would show it, near enough: quoted, control characters escaped, at most 80 characters.
pub(super) fn quoted(text: &str) -> String {
    let short: String = text.chars().take(80).collect();
    let dots = if short.len() < text.len() { "..." } else { "" };
    let escaped: String =
        short.chars().flat_map(|c| if c == '"' { vec!['"'] } else { c.escape_debug().collect() }).collect();
    format!("'{escaped}{dots}'")
}
