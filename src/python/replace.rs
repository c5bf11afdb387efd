//! `copy.replace` of what was parsed: some members of the text are exchanged, all else stays as it came.

use std::borrow::Cow;
use std::collections::HashMap;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyMapping, PyString, PyTuple};

use super::json::{DEEPEST, JsonObject, restore};
use super::participant::Identity;
use super::value::{dumped, dumped_with, to_python};
use super::view::{View, known, old_name};
use super::{call, notification, operation, participant};
use crate::ParseError;
use crate::notification::{Document, Identity as Filled, Json, Kind, Node};

/// Python name and wire name of each attribute.
type Fields = &'static [(&'static str, &'static str)];

/// Members to exchange: name and new text, or nothing to take the member away.
type Edits = Vec<(Cow<'static, str>, Option<String>)>;

/// The same object with other values. Raises `TypeError` for what is no attribute of its own.
pub(super) fn replaced<'py>(
    slf: &Bound<'py, JsonObject>,
    changes: &Bound<'py, PyDict>,
) -> PyResult<Bound<'py, PyAny>> {
    let (py, object) = (slf.py(), slf.get());
    let class = slf.get_type().name()?.to_string();
    let fields = fields(&class);
    let node = object.json.node();
    let text = if class == "Identity" {
        identity(node, fields, changes)?
    } else {
        exchange(node, edits(&class, node, fields, changes)?)
    };
    let json =
        Json::new(Document::parse(&text, DEEPEST).map_err(ParseError::without_place)?, object.json.arrival);
    // An id that is set or taken away is not the one in the URL.
    let url_id = if changes.contains("id")? { None } else { object.url_id.as_deref() };
    let made = restore(py, &class, json, url_id)?.into_bound(py);
    if made.get_type().is(slf.get_type()) {
        return Ok(made);
    }
    let found = made.get_type().name()?;
    Err(ParseError::unplaced(format!("with these values it is no longer {class} but {found}")).into())
}

fn fields(class: &str) -> Fields {
    let tables = [call::fields, participant::fields, operation::fields, notification::fields];
    tables.iter().find_map(|fields| fields(class)).unwrap_or(Identity::FIELDS)
}

/// The edits that these keywords ask for.
fn edits(class: &str, node: Node<'_>, fields: Fields, changes: &Bound<'_, PyDict>) -> PyResult<Edits> {
    let mut edits = Edits::new();
    for (name, value) in changes {
        let name = name.cast::<PyString>()?.to_cow()?;
        if let Some((_, wire)) = fields.iter().find(|(field, _)| *field == name) {
            // One of the two names it may have; none is left when it is taken away.
            let text = optional(&value).map_err(|error| named(&value, &name, error))?;
            let old = old_name(wire).filter(|old| node.get(old).is_some());
            match old {
                Some(old) if text.is_none() => edits.extend([(old.into(), None), ((*wire).into(), None)]),
                Some(old) if node.get(wire).is_none() => edits.push((old.into(), text)),
                _ => edits.push(((*wire).into(), text)),
            }
        } else if name == "odata_type" {
            edits.push(("@odata.type".into(), odata_type(&value)?));
        } else if name == "extra" && has_extra(class) {
            extra(class, node, fields, &value, &mut edits)?;
        } else {
            return Err(unknown(class, fields, &name));
        }
    }
    Ok(edits)
}

/// Notifications have none.
fn has_extra(class: &str) -> bool {
    notification::fields(class).is_none()
}

fn unknown(class: &str, fields: Fields, name: &str) -> PyErr {
    let more = [
        "odata_type",
        if class == "Identity" { "kind" } else { "" },
        if has_extra(class) { "extra" } else { "" },
    ];
    let names = fields.iter().map(|(field, _)| *field).chain(more).filter(|name| !name.is_empty());
    let names = names.collect::<Vec<_>>().join(", ");
    PyTypeError::new_err(format!("{class} can replace {names}; not {name}"))
}

/// All members without an attribute at once. Those that stay the same keep their spelling.
fn extra(
    class: &str,
    node: Node<'_>,
    fields: Fields,
    value: &Bound<'_, PyAny>,
    edits: &mut Edits,
) -> PyResult<()> {
    let given = value.cast::<PyMapping>().map_err(|_| PyTypeError::new_err("extra is a dict"))?;
    let given = value.py().get_type::<PyDict>().call1((given,))?.cast_into::<PyDict>()?;
    let known = known(fields);
    let before = node.by_name();
    for (name, _) in node.members() {
        let name = name.as_str().unwrap_or_default();
        if !known.contains(&name.as_ref()) && !given.contains(name.as_ref())? {
            edits.push((name.into_owned().into(), None));
        }
    }
    for (name, value) in given {
        let name = name.cast::<PyString>()?.to_cow()?.into_owned();
        if known.contains(&name.as_str()) {
            return Err(PyTypeError::new_err(format!(
                "{name} has an attribute of {class}, and is not extra"
            )));
        }
        let text = text(&value).map_err(|error| named(&value, &name, error))?;
        let same = match before.get(name.as_str()) {
            Some(old) => dumped(&to_python(value.py(), *old)?)? == text.as_bytes(),
            None => false,
        };
        if !same {
            edits.push((name.into(), Some(text)));
        }
    }
    Ok(())
}

/// The identity set with another identity in it: attributes are those of the identity that is filled in. A new `kind`
/// moves it to the member of that name, and leaves no other identity in the set.
fn identity(set: Node<'_>, fields: Fields, changes: &Bound<'_, PyDict>) -> PyResult<String> {
    let mut changes = changes.copy()?;
    let take = |changes: &mut Bound<'_, PyDict>, name: &str| -> PyResult<Option<Py<PyAny>>> {
        let value = changes.get_item(name)?.map(Bound::unbind);
        if value.is_some() {
            changes.del_item(name)?;
        }
        Ok(value)
    };
    let mut outer = Edits::new();
    let py = changes.py();
    if let Some(name) = take(&mut changes, "odata_type")? {
        outer.push(("@odata.type".into(), odata_type(name.bind(py))?));
    }
    let filled = Filled::of_set(set);
    let kind = match take(&mut changes, "kind")? {
        Some(kind) => Some(kind.bind(py).cast::<PyString>()?.to_cow()?.into_owned()),
        None => None,
    };
    if kind.is_none() && changes.is_empty() {
        return Ok(exchange(set, outer));
    }
    let nothing = Document::parse("{}", 1)?;
    let inner = filled.as_ref().map_or_else(|| nothing.root(), |filled| filled.node);
    let text = exchange(inner, edits("Identity", inner, fields, &changes)?);
    let Some(kind) = kind.or_else(|| filled.map(|filled| filled.kind.into_owned())) else {
        return Err(PyTypeError::new_err("an empty identity needs kind, such as kind=\"user\""));
    };
    let others = set.members().filter(|(name, value)| value.kind() == Kind::Object && !name.is(&kind));
    if changed_kind(set, &kind) {
        outer.extend(others.filter_map(|(name, _)| Some((name.as_str()?.into_owned().into(), None))));
    }
    outer.push((kind.into(), Some(text)));
    Ok(exchange(set, outer))
}

/// Whether the set is read through another member now.
fn changed_kind(set: Node<'_>, kind: &str) -> bool {
    Filled::of_set(set).is_some_and(|filled| filled.kind != kind)
}

/// The text of the object with those members exchanged; new ones come last.
fn exchange(object: Node<'_>, edits: Edits) -> String {
    let places: HashMap<_, _> =
        edits.iter().enumerate().map(|(place, (name, _))| (name.clone(), place)).collect();
    let mut edits: Vec<_> = edits.into_iter().map(|(name, text)| (name, text, false)).collect();
    let mut members = Vec::new();
    for (name, value) in object.members() {
        let place = name.as_str().and_then(|name| places.get(&name).copied());
        match place.and_then(|place| edits.get_mut(place)) {
            // A member that came twice comes once.
            Some((_, text, done)) => {
                if let Some(text) = text.as_deref().filter(|_| !*done) {
                    members.push(format!("{}:{text}", name.raw()));
                }
                *done = true;
            }
            None => members.push(format!("{}:{}", name.raw(), value.raw())),
        }
    }
    for (name, text, done) in edits {
        if let Some(text) = text.filter(|_| !done) {
            members.push(format!("{}:{text}", serde_json::Value::from(name.into_owned())));
        }
    }
    format!("{{{}}}", members.join(","))
}

/// What is wrong with the value of that attribute or member.
fn named(value: &Bound<'_, PyAny>, name: &str, error: PyErr) -> PyErr {
    if !error.is_instance_of::<PyTypeError>(value.py()) {
        return error;
    }
    let class = value.get_type();
    let class = class.name().map_or_else(|_| "value".to_owned(), |class| class.to_string());
    PyTypeError::new_err(format!(
        "{name} takes what JSON can hold, or an object of this package; this {class} is neither, or has such inside"
    ))
}

fn optional(value: &Bound<'_, PyAny>) -> PyResult<Option<String>> {
    if value.is_none() { Ok(None) } else { text(value).map(Some) }
}

/// The `#` that the wire has in front of it.
fn odata_type(value: &Bound<'_, PyAny>) -> PyResult<Option<String>> {
    if value.is_none() {
        return Ok(None);
    }
    let name = value.cast::<PyString>()?.to_cow()?.into_owned();
    Ok(Some(serde_json::Value::from(format!("#{}", name.trim_start_matches('#'))).to_string()))
}

/// A Python value as JSON text. What was parsed goes in as it came, also in a list; deeper inside, as its values.
fn text(value: &Bound<'_, PyAny>) -> PyResult<String> {
    if value.is_instance_of::<PyTuple>() || value.is_instance_of::<PyList>() {
        let items = value.try_iter()?.collect::<PyResult<Vec<_>>>()?;
        if items.iter().any(PyAnyMethods::is_instance_of::<JsonObject>) {
            let texts = items.iter().map(item_text).collect::<PyResult<Vec<_>>>()?;
            return Ok(format!("[{}]", texts.join(",")));
        }
    }
    item_text(value)
}

fn item_text(value: &Bound<'_, PyAny>) -> PyResult<String> {
    if let Ok(object) = value.cast::<JsonObject>() {
        return Ok(object.get().json.node().raw().to_owned());
    }
    let to_dict = value.py().get_type::<JsonObject>().getattr("to_dict")?;
    let text = dumped_with(value, Some(&to_dict))?;
    String::from_utf8(text).map_err(|error| ParseError::unplaced(error.to_string()).into())
}
