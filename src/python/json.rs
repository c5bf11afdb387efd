//! `JsonObject`: what all parsed classes have in common, and JSON values as Python values.

use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyInt, PyList, PyType};

use super::{notification, party, value};
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
        read(cls, &value::dumped(value)?, ParseError::without_place)
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
    Ok((restore, (object.get_type().name()?.to_string(), text, arrival.unix, url_id)))
}

/// Rebuilds a pickled object. The age of a call survives, so that its deadline does.
#[pyfunction]
#[pyo3(signature = (kind, text, received_at, url_id = None))]
pub(super) fn _restore(
    py: Python<'_>,
    kind: &str,
    text: &str,
    received_at: f64,
    url_id: Option<String>,
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

fn restore(py: Python<'_>, kind: &str, json: Json, url_id: Option<String>) -> PyResult<Py<PyAny>> {
    match party::restore(py, kind, &json, url_id)? {
        Some(object) => Ok(object),
        None => notification::restore(py, kind, json),
    }
}

/// A JSON value as Python's `json` would read it.
pub(super) fn to_python<'py>(py: Python<'py>, node: Node<'_>) -> PyResult<Bound<'py, PyAny>> {
    match node.kind() {
        Kind::Object => {
            let dict = PyDict::new(py);
            for (key, value) in node.members() {
                dict.set_item(key.as_str().unwrap_or_default(), to_python(py, value)?)?;
            }
            dict.into_bound_py_any(py)
        }
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

fn float(raw: &str) -> f64 {
    raw.parse().unwrap_or(f64::NAN)
}

fn number<'py>(py: Python<'py>, raw: &str) -> PyResult<Bound<'py, PyAny>> {
    if raw.contains(['.', 'e', 'E']) {
        return float(raw).into_bound_py_any(py);
    }
    match raw.parse::<i64>() {
        Ok(small) => small.into_bound_py_any(py),
        // Thousands of digits are too many for Python's `int`: then infinity, as for `1e400`.
        Err(_) => py.get_type::<PyInt>().call1((raw,)).or_else(|_| float(raw).into_bound_py_any(py)),
    }
}

/// The members without an attribute of their own.
pub(super) fn extra<'py>(py: Python<'py>, node: Node<'_>, known: &[&str]) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    for (key, value) in node.members() {
        if !known.iter().any(|name| key.is(name)) {
            dict.set_item(key.as_str().unwrap_or_default(), to_python(py, value)?)?;
        }
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
