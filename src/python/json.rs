//! `JsonObject`: what all parsed classes have in common, and JSON values as Python values.

use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyInt, PyList, PyString, PyType};

use super::{notification, party};
use crate::ParseError;
use crate::notification::{Document, Json, Kind, Node};
use crate::send::clock::Arrival;

/// Deepest nesting that any text may have, whatever a caller asks for: values are built by recursion.
pub(super) const DEEPEST: usize = 512;

/// A JSON object as it came. Attributes are read out of it when asked for; nothing is lost or changed.
#[pyclass(frozen, subclass, module = "callredirect._native")]
pub(super) struct JsonObject {
    pub(super) json: Json,
}

#[pymethods]
impl JsonObject {
    /// Reads an object of this class from JSON text. Raises ``ParseError``.
    #[classmethod]
    #[pyo3(signature = (text: "bytes | str") -> "Self")]
    fn from_json(cls: &Bound<'_, PyType>, text: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        restore(cls.py(), &cls.name()?.to_string(), &Text::of(text)?, Arrival::now())
    }

    /// Reads an object of this class from a dict as ``json`` makes it. Raises ``ParseError``.
    #[classmethod]
    #[pyo3(signature = (value: "Mapping[str, Any]") -> "Self")]
    fn from_dict(cls: &Bound<'_, PyType>, value: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        restore(cls.py(), &cls.name()?.to_string(), &Text::dumped(value)?, Arrival::now())
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
        slf.get_type().is(other.get_type())
            && other.cast::<JsonObject>().is_ok_and(|other| slf.get().json.node() == other.get().json.node())
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
    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, (String, String, f64))> {
        let node = slf.get().json.node();
        let restore = slf.py().import("callredirect._native")?.getattr("_restore")?;
        Ok((restore, (slf.get_type().name()?.to_string(), node.raw().to_owned(), node.arrival().unix)))
    }
}

/// Rebuilds a pickled object. The age of a call survives, so that its deadline does.
#[pyfunction]
pub(super) fn _restore(py: Python<'_>, kind: &str, text: &str, received_at: f64) -> PyResult<Py<PyAny>> {
    let age = crate::send::clock::unix() - received_at;
    restore(py, kind, text.as_bytes(), Arrival::ago(age))
}

fn restore(py: Python<'_>, kind: &str, text: &[u8], arrival: Arrival) -> PyResult<Py<PyAny>> {
    let fail = |reason: &str| ParseError { reason: reason.into(), path: "$".into(), line: 0, column: 0 };
    let text = std::str::from_utf8(text).map_err(|_| fail("not UTF-8"))?;
    let doc = Document::parse(text, DEEPEST, arrival)?;
    let json = Json::new(doc, 0);
    if json.node().kind() != Kind::Object {
        return Err(fail("expected a JSON object").into());
    }
    match party::restore(py, kind, json.clone())? {
        Some(object) => Ok(object),
        None => notification::restore(py, kind, json),
    }
}

/// Text handed over from Python, without a copy where it can be.
pub(super) enum Text<'a> {
    Borrowed(&'a [u8]),
    Owned(Vec<u8>),
}

impl std::ops::Deref for Text<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Borrowed(bytes) => bytes,
            Self::Owned(bytes) => bytes,
        }
    }
}

impl<'a> Text<'a> {
    /// `bytes`, `bytearray`, `memoryview` or `str`.
    pub(super) fn of(value: &'a Bound<'_, PyAny>) -> PyResult<Self> {
        if let Ok(bytes) = value.cast::<PyBytes>() {
            return Ok(Self::Borrowed(bytes.as_bytes()));
        }
        if let Ok(text) = value.cast::<PyString>() {
            // A string with lone surrogates is no text; as JSON it could not have been sent.
            return text.to_cow().map(|text| Self::Owned(text.into_owned().into_bytes())).map_err(|_| {
                let reason = "the string holds lone surrogates, which no JSON text can".into();
                ParseError { reason, path: "$".into(), line: 0, column: 0 }.into()
            });
        }
        value.extract::<Vec<u8>>().map(Self::Owned).map_err(|_| {
            let name = value.get_type().name().map_or_else(|_| "?".to_owned(), |name| name.to_string());
            pyo3::exceptions::PyTypeError::new_err(format!("expected bytes or str, not {name}"))
        })
    }

    /// A Python value as JSON text, by Python's own `json`.
    pub(super) fn dumped(value: &'a Bound<'_, PyAny>) -> PyResult<Self> {
        let text = value.py().import("json")?.call_method1("dumps", (value,))?;
        Ok(Self::Owned(text.cast::<PyString>()?.to_cow()?.into_owned().into_bytes()))
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

fn number<'py>(py: Python<'py>, raw: &str) -> PyResult<Bound<'py, PyAny>> {
    if raw.contains(['.', 'e', 'E']) {
        return raw.parse::<f64>().unwrap_or(f64::NAN).into_bound_py_any(py);
    }
    match raw.parse::<i64>() {
        Ok(small) => small.into_bound_py_any(py),
        Err(_) => py.get_type::<PyInt>().call1((raw,)),
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
    let shown: Vec<String> =
        fields.iter().filter_map(|(field, value)| value.as_ref().map(|value| format!("{field}={value}"))).collect();
    format!("{name}({})", shown.join(", "))
}

/// A string as Python would show it, near enough: quoted, control characters escaped, at most 80 characters.
pub(super) fn quoted(text: &str) -> String {
    let short: String = text.chars().take(80).collect();
    let dots = if short.len() < text.len() { "..." } else { "" };
    let escaped: String = short.chars().flat_map(|c| if c == '"' { vec!['"'] } else { c.escape_debug().collect() }).collect();
    format!("'{escaped}{dots}'")
}
