//! What the value classes share: JSON values both ways, and what a dataclass would have.

use std::borrow::Cow;
use std::fmt::Display;

use pyo3::IntoPyObjectExt;
use pyo3::exceptions::{PyRecursionError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{
    IntoPyDict, PyBool, PyByteArray, PyBytes, PyDict, PyInt, PyList, PyMapping, PyMemoryView, PyString,
    PyType,
};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::notification::{Document, Kind, Node};
use crate::{ParseError, json};

/// `bytes`, `bytearray`, `memoryview` or `str` as bytes; those of `bytes` and `str` in place.
pub(super) fn text<'a>(value: &'a Bound<'_, PyAny>) -> PyResult<Cow<'a, [u8]>> {
    if let Ok(bytes) = value.cast::<PyBytes>() {
        return Ok(Cow::Borrowed(bytes.as_bytes()));
    }
    if let Ok(text) = value.cast::<PyString>() {
        return match text.to_cow() {
            Ok(Cow::Borrowed(text)) => Ok(Cow::Borrowed(text.as_bytes())),
            Ok(Cow::Owned(text)) => Ok(Cow::Owned(text.into_bytes())),
            Err(_) => {
                Err(ParseError::unplaced("the string holds lone surrogates, which no JSON text can").into())
            }
        };
    }
    if value.is_instance_of::<PyByteArray>() || value.is_instance_of::<PyMemoryView>() {
        return value.py().get_type::<PyBytes>().call1((value,))?.extract().map(Cow::Owned);
    }
    Err(PyTypeError::new_err(format!("expected bytes or str, not {}", value.get_type().name()?)))
}

/// A Python value as JSON text, by Python's own `json`: it knows subclasses, enums and integers of any size.
pub(super) fn dumped(value: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
    dumped_with(value, None)
}

/// The same; what JSON has no word for is turned into something else first.
pub(super) fn dumped_with(value: &Bound<'_, PyAny>, turn: Option<&Bound<'_, PyAny>>) -> PyResult<Vec<u8>> {
    let py = value.py();
    let options = turn.map(|turn| [("default", turn)].into_py_dict(py)).transpose()?;
    let dumped = py.import("json")?.call_method("dumps", (value,), options.as_ref()).map_err(|error| {
        if error.is_instance_of::<PyRecursionError>(py) {
            ParseError::unplaced("nested too deeply").into()
        } else if error.is_instance_of::<PyValueError>(py) {
            ParseError::unplaced("holds itself").into()
        } else {
            error
        }
    })?;
    text(&dumped).map(Cow::into_owned)
}

/// A mapping of another class as the dict that `json` knows.
pub(super) fn plain_dict<'py>(value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    if value.is_instance_of::<PyDict>() || value.cast::<PyMapping>().is_err() {
        return Ok(value.clone());
    }
    value.py().get_type::<PyDict>().call1((value,))
}

/// JSON text as it came, or what `json.loads` made of it as text again.
pub(super) fn json_text<'a>(value: &'a Bound<'_, PyAny>) -> PyResult<Cow<'a, [u8]>> {
    // Asking whether something is a mapping takes longer than reading a short text: the usual types come first.
    if value.is_instance_of::<PyBytes>() || value.is_instance_of::<PyString>() {
        text(value)
    } else if value.is_instance_of::<PyList>() || value.cast::<PyMapping>().is_ok() {
        dumped(&plain_dict(value)?).map(Cow::Owned)
    } else {
        text(value)
    }
}

/// What is read from JSON text or from what `json.loads` made of it.
pub(super) fn read_json<T>(
    value: &Bound<'_, PyAny>,
    read: impl FnOnce(&[u8]) -> Result<T, ParseError>,
) -> PyResult<T> {
    let read = read(&json_text(value)?).map_err(|error| {
        let seen = value.cast::<PyList>().is_err() && value.cast::<PyMapping>().is_err();
        if seen { error } else { error.without_place() }
    });
    Ok(read?)
}

/// A Python value as a JSON value. Raises `ParseError` for what JSON has no word for.
pub(super) fn from_python(value: &Bound<'_, PyAny>) -> PyResult<Value> {
    Ok(json::parse(&dumped(value)?).map_err(ParseError::without_place)?)
}

/// The members of a `dict`.
pub(super) fn members(value: Option<&Bound<'_, PyDict>>) -> PyResult<Map<String, Value>> {
    match value.map(|dict| from_python(dict)).transpose()? {
        Some(Value::Object(members)) => Ok(members),
        _ => Ok(Map::new()),
    }
}

/// A JSON value as Python's `json` would read it.
pub(super) fn to_python<'py>(py: Python<'py>, node: Node<'_>) -> PyResult<Bound<'py, PyAny>> {
    match node.kind() {
        Kind::Object => extra(py, node, &[])?.into_bound_py_any(py),
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

pub(super) fn number<'py>(py: Python<'py>, raw: &str) -> PyResult<Bound<'py, PyAny>> {
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

/// A value of the Rust side as Python's `json` would read it.
pub(super) fn value_to_python<'py>(py: Python<'py>, value: &impl Serialize) -> PyResult<Bound<'py, PyAny>> {
    let text = serde_json::to_string(value).unwrap_or_default();
    to_python(py, Document::parse(&text, usize::MAX)?.root())
}

/// What `__reduce__` returns: a function and its arguments.
pub(super) type Reduced<'py> = (Bound<'py, PyAny>, (Bound<'py, PyType>, (), Bound<'py, PyDict>));

/// An object that its constructor makes again from these keyword arguments.
pub(super) fn reduce<'py>(class: Bound<'py, PyType>, fields: Bound<'py, PyDict>) -> PyResult<Reduced<'py>> {
    let rebuild = class.py().import("copyreg")?.getattr("__newobj_ex__")?;
    Ok((rebuild, (class, (), fields)))
}

/// The same object with some keyword arguments changed, as `copy.replace` wants it.
pub(super) fn replace<'py>(
    class: &Bound<'py, PyType>,
    fields: &Bound<'py, PyDict>,
    changes: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyAny>> {
    if let Some(changes) = changes {
        fields.update(changes.as_mapping())?;
    }
    class.call((), Some(fields))
}

/// `Name(field='value', ...)`, fields without a value left out.
pub(super) fn repr(name: &str, fields: &[(impl Display, Option<String>)]) -> String {
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

/// The same of the keyword arguments that would make it again, empty dictionaries left out, too.
pub(super) fn repr_fields(name: &str, fields: &Bound<'_, PyDict>) -> PyResult<String> {
    let mut shown = Vec::new();
    for (field, value) in fields {
        let empty = value.is_none() || value.cast::<PyDict>().is_ok_and(PyDictMethods::is_empty);
        shown.push((field, if empty { None } else { Some(value.repr()?.to_string()) }));
    }
    Ok(repr(name, &shown))
}
