//! How a class reads its attributes out of a JSON object: one table per class, see [`view!`].

use std::marker::PhantomData;

use pyo3::PyClass;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString, PyTuple};

use super::hint::{As, Hint, JsonDict, hint};
use super::json::JsonObject;
use super::value::{extra, quoted, to_python};
use crate::mask_phones;
use crate::notification::{Kind, Node, OpenSet};
use crate::redirect::masked_uri;

/// A class over a JSON object that adds nothing to it but attributes.
pub(super) trait View: PyClass<BaseType = JsonObject> + Sized {
    /// Python name and wire name of each attribute.
    const FIELDS: &'static [(&'static str, &'static str)];

    /// The object of this class.
    fn of(py: Python<'_>, object: JsonObject) -> PyResult<Py<Self>>;
}

/// How one attribute is read. A value of another type than documented reads as `None` and stays in `to_dict()`.
pub(super) trait Read {
    /// What Python gets.
    type Value<'py>: IntoPyObject<'py>;

    /// Reads the value, a member of `of` that may be absent.
    fn read<'py>(py: Python<'py>, of: &JsonObject, value: Option<Node<'_>>) -> PyResult<Self::Value<'py>>;
}

/// A string.
pub(super) struct Text;
/// An integer, also one that came as a string of digits.
pub(super) struct Int;
/// A boolean, also one that came as a string.
pub(super) struct Flag;
/// A string out of a set that may grow: known values in their documented spelling, others as they came.
pub(super) struct OneOf<V>(PhantomData<V>);
/// A list of such strings.
pub(super) struct ManyOf<V>(PhantomData<V>);
/// An object of a class.
pub(super) struct One<C>(PhantomData<C>);
/// A list of objects of a class; what is not an object is left out.
pub(super) struct Many<C>(PhantomData<C>);
/// A list of strings; what is none is left out.
pub(super) struct Texts;
/// Anything, as Python's `json` reads it.
pub(super) struct Anything;

/// Which open set it is.
pub(super) trait Values {
    /// The set.
    const SET: OpenSet;

    /// The string object of each known value. There is one of each: comparing them is comparing pointers.
    fn objects(py: Python<'_>) -> &'static [Py<PyString>];
}

/// Names a type for each open set.
macro_rules! values {
    ($($name:ident = $set:ident;)*) => {$(
        pub(super) struct $name;
        impl Values for $name {
            const SET: OpenSet = $set;

            fn objects(py: pyo3::Python<'_>) -> &'static [pyo3::Py<pyo3::types::PyString>] {
                use pyo3::types::PyString;
                static OBJECTS: pyo3::sync::PyOnceLock<Vec<pyo3::Py<PyString>>> =
                    pyo3::sync::PyOnceLock::new();
                OBJECTS.get_or_init(py, || $set.known.iter().map(|value| PyString::intern(py, value).unbind()).collect())
            }
        }
    )*};
}
pub(super) use values;

impl Read for Text {
    type Value<'py> = Option<Bound<'py, PyString>>;

    fn read<'py>(py: Python<'py>, _: &JsonObject, value: Option<Node<'_>>) -> PyResult<Self::Value<'py>> {
        Ok(value.and_then(Node::as_str).map(|text| PyString::new(py, &text)))
    }
}

impl Read for Texts {
    type Value<'py> = As<Strings, Bound<'py, PyTuple>>;

    fn read<'py>(py: Python<'py>, _: &JsonObject, value: Option<Node<'_>>) -> PyResult<Self::Value<'py>> {
        let items = value.into_iter().flat_map(Node::items).filter_map(Node::as_str);
        Ok(PyTuple::new(py, items.collect::<Vec<_>>())?.into())
    }
}

impl Read for Int {
    type Value<'py> = Option<i64>;

    fn read<'py>(_: Python<'py>, _: &JsonObject, value: Option<Node<'_>>) -> PyResult<Self::Value<'py>> {
        Ok(value.and_then(Node::as_int))
    }
}

impl Read for Flag {
    type Value<'py> = Option<bool>;

    fn read<'py>(_: Python<'py>, _: &JsonObject, value: Option<Node<'_>>) -> PyResult<Self::Value<'py>> {
        Ok(value.and_then(|value| match value.kind() {
            Kind::True => Some(true),
            Kind::False => Some(false),
            _ => value.as_str().and_then(|text| text.to_ascii_lowercase().parse().ok()),
        }))
    }
}

impl<V: Values> Read for OneOf<V> {
    type Value<'py> = As<OneHint<V>, Option<Bound<'py, PyString>>>;

    fn read<'py>(py: Python<'py>, _: &JsonObject, value: Option<Node<'_>>) -> PyResult<Self::Value<'py>> {
        Ok(value.and_then(|value| spelled::<V>(py, value)).into())
    }
}

impl<V: Values> Read for ManyOf<V> {
    type Value<'py> = As<ManyHint<V>, Bound<'py, PyTuple>>;

    fn read<'py>(py: Python<'py>, _: &JsonObject, value: Option<Node<'_>>) -> PyResult<Self::Value<'py>> {
        let items = value.into_iter().flat_map(Node::items).filter_map(|item| spelled::<V>(py, item));
        Ok(PyTuple::new(py, items.collect::<Vec<_>>())?.into())
    }
}

/// Known values in their documented spelling, others as they came.
pub(super) fn spelled<'py, V: Values>(py: Python<'py>, value: Node<'_>) -> Option<Bound<'py, PyString>> {
    let text = value.as_str()?;
    let known = V::SET.place(&text).and_then(|place| V::objects(py).get(place));
    Some(known.map_or_else(|| PyString::new(py, &text), |known| known.bind(py).clone()))
}

impl<C: View> Read for One<C> {
    type Value<'py> = Option<Py<C>>;

    fn read<'py>(py: Python<'py>, of: &JsonObject, value: Option<Node<'_>>) -> PyResult<Self::Value<'py>> {
        let object = value.filter(|value| value.kind() == Kind::Object);
        object.map(|object| C::of(py, of.at(object))).transpose()
    }
}

impl<C: View> Read for Many<C> {
    type Value<'py> = As<Tuple<C>, Bound<'py, PyTuple>>;

    fn read<'py>(py: Python<'py>, of: &JsonObject, value: Option<Node<'_>>) -> PyResult<Self::Value<'py>> {
        let objects = value.into_iter().flat_map(Node::items).filter(|item| item.kind() == Kind::Object);
        let objects = objects.map(|object| C::of(py, of.at(object))).collect::<PyResult<Vec<_>>>()?;
        Ok(PyTuple::new(py, objects)?.into())
    }
}

/// `Literal[...] | str | None`
pub(super) struct OneHint<V>(PhantomData<V>);
/// `tuple[Literal[...] | str, ...]`
pub(super) struct ManyHint<V>(PhantomData<V>);
/// `tuple[C, ...]`
pub(super) struct Tuple<C>(PhantomData<C>);

#[cfg(feature = "stubs")]
mod hints {
    use pyo3::inspect::{PyStaticConstant, PyStaticExpr};
    use pyo3::type_object::PyTypeInfo;
    use pyo3::types::PyTuple;

    use super::{Hint, ManyHint, OneHint, Tuple, Values, View};

    impl<V: Values> Hint for OneHint<V> {
        const HINT: PyStaticExpr = PyStaticExpr::Constant { value: PyStaticConstant::Str(V::SET.one) };
    }

    impl<V: Values> Hint for ManyHint<V> {
        const HINT: PyStaticExpr = PyStaticExpr::Constant { value: PyStaticConstant::Str(V::SET.many) };
    }

    impl<C: View> Hint for Tuple<C> {
        const HINT: PyStaticExpr = PyStaticExpr::Subscript {
            value: &PyTuple::TYPE_HINT,
            slice: &PyStaticExpr::Tuple {
                elts: &[C::TYPE_HINT, PyStaticExpr::Constant { value: PyStaticConstant::Ellipsis }],
            },
        };
    }
}

#[cfg(not(feature = "stubs"))]
impl<V: Values> Hint for OneHint<V> {}
#[cfg(not(feature = "stubs"))]
impl<V: Values> Hint for ManyHint<V> {}
#[cfg(not(feature = "stubs"))]
impl<C: View> Hint for Tuple<C> {}

impl Read for Anything {
    type Value<'py> = As<AnyValue, Bound<'py, PyAny>>;

    fn read<'py>(py: Python<'py>, _: &JsonObject, value: Option<Node<'_>>) -> PyResult<Self::Value<'py>> {
        Ok(value.map_or_else(|| Ok(py.None().into_bound(py)), |value| to_python(py, value))?.into())
    }
}

hint! {
    AnyValue = "Any";
    Strings = "tuple[str, ...]";
}

/// The attribute `wire` of the object, read as `R`.
pub(super) fn read<'py, R: Read>(slf: &Bound<'py, JsonObject>, wire: &str) -> PyResult<R::Value<'py>> {
    let object = slf.get();
    R::read(slf.py(), object, member(object.json.node(), wire))
}

/// The member of that name, or of the name it once had.
fn member<'a>(object: Node<'a>, wire: &str) -> Option<Node<'a>> {
    object.get(wire).or_else(|| object.get(old_name(wire)?))
}

/// What the documentation of 2018 and 2019 called it.
pub(super) fn old_name(wire: &str) -> Option<&'static str> {
    Some(match wire {
        "subcode" => "subCode",
        "resourceUrl" => "resource",
        "recordingLocation" => "recordResourceLocation",
        "recordingAccessToken" => "recordResourceAccessToken",
        _ => return None,
    })
}

/// `Name(field=value, ...)`: what is there, in the order of the table, secrets hidden.
pub(super) fn view_repr<V: View>(slf: &Bound<'_, V>) -> PyResult<String> {
    let mut shown = Vec::new();
    for (field, wire) in V::FIELDS {
        if SECRETS.contains(wire) {
            let secret = member(slf.as_super().get().json.node(), wire);
            if secret.is_some_and(|secret| secret.kind() != Kind::Null) {
                shown.push(format!("{field}='***'"));
            }
            continue;
        }
        let value = hidden(&slf.as_any().getattr(*field)?)?;
        if let Ok(text) = value.cast::<PyString>() {
            // The query of an address may open it.
            let text = text.to_cow()?;
            let text = if text.contains("://") { masked_uri(&text).into() } else { text };
            shown.push(format!("{field}={}", quoted(&text)));
        } else if let Ok(list) = value.cast::<PyTuple>() {
            let items = list.iter().take(SHOWN).map(|item| Ok(item.repr()?.to_string()));
            let items = items.collect::<PyResult<Vec<_>>>()?.join(", ");
            let more = if list.len() > SHOWN { ", ..." } else { "," };
            if !list.is_empty() {
                shown.push(format!("{field}=({items}{more})"));
            }
        } else if !value.is_none() {
            shown
                .push(format!("{field}={}", value.repr()?.to_string().chars().take(400).collect::<String>()));
        }
    }
    Ok(format!("{}({})", slf.as_any().get_type().name()?, shown.join(", ")))
}

/// How many items of a list are shown.
const SHOWN: usize = 4;

/// The value as it may be shown, at any depth of what [`Anything`] reads: phone numbers masked, secrets hidden.
fn hidden<'py>(value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = value.py();
    if let Ok(text) = value.cast::<PyString>() {
        Ok(PyString::new(py, &mask_phones(&text.to_cow()?)).into_any())
    } else if let Ok(dict) = value.cast::<PyDict>() {
        let shown = PyDict::new(py);
        for (name, value) in dict {
            let plain = name.cast::<PyString>().ok().and_then(|name| name.to_cow().ok());
            let named = |secret: &&str| plain.as_ref().is_none_or(|name| name.eq_ignore_ascii_case(secret));
            let secret = SECRETS.iter().any(named) && !value.is_none();
            let value = if secret { PyString::new(py, "***").into_any() } else { hidden(&value)? };
            shown.set_item(hidden(&name)?, value)?;
        }
        Ok(shown.into_any())
    } else if let Ok(list) = value.cast::<PyList>() {
        let items = list.iter().map(|item| hidden(&item)).collect::<PyResult<Vec<_>>>()?;
        Ok(PyList::new(py, items)?.into_any())
    } else if let Ok(list) = value.cast::<PyTuple>() {
        let items = list.iter().map(|item| hidden(&item)).collect::<PyResult<Vec<_>>>()?;
        Ok(PyTuple::new(py, items)?.into_any())
    } else {
        Ok(value.clone())
    }
}

/// Members that open something: never shown, never logged.
const SECRETS: [&str; 6] =
    ["token", "passcode", "recordingAccessToken", "recordResourceAccessToken", "blob", "botData"];

/// The members with an attribute, under all their names.
pub(super) fn known(fields: &[(&str, &'static str)]) -> Vec<&'static str> {
    let names = fields.iter().flat_map(|(_, wire)| [Some(*wire), old_name(wire)]);
    names.flatten().chain(["@odata.type"]).collect()
}

/// The members without an attribute.
pub(super) fn view_extra<'py, V: View>(
    slf: &Bound<'py, V>,
) -> PyResult<As<JsonDict, Bound<'py, pyo3::types::PyDict>>> {
    Ok(extra(slf.py(), slf.as_super().get().json.node(), &known(V::FIELDS))?.into())
}

/// Declares classes over JSON objects: `attribute: how it is read = "wire name";`, and methods of their own after `+`.
macro_rules! view {
    ($(
        $(#[$doc:meta])*
        $name:ident {
            $( $(#[$about:meta])* $field:ident: $read:ty = $wire:literal; )*
        } $( + { $($method:tt)* } )?
    )*) => {
        /// The object of the class of that name, if it is one of these.
        pub(super) fn restore(py: Python<'_>, kind: &str, object: JsonObject) -> PyResult<Option<Py<PyAny>>> {
            Ok(Some(match kind {
                $( stringify!($name) => <$name as View>::of(py, object)?.into_any(), )*
                _ => return Ok(None),
            }))
        }

        /// The table of the class of that name, if it is one of these.
        pub(super) fn fields(kind: &str) -> Option<&'static [(&'static str, &'static str)]> {
            match kind {
                $( stringify!($name) => Some(<$name as View>::FIELDS), )*
                _ => None,
            }
        }

        $(
            $(#[$doc])*
            #[pyclass(frozen, extends = JsonObject, module = "callredirect")]
            pub(super) struct $name;

            impl View for $name {
                const FIELDS: &'static [(&'static str, &'static str)] = &[$((stringify!($field), $wire)),*];

                fn of(py: Python<'_>, object: JsonObject) -> PyResult<Py<Self>> {
                    Py::new(py, PyClassInitializer::from(object).add_subclass(Self))
                }
            }

            #[pymethods]
            impl $name {
                $(
                    $(#[$about])*
                    #[getter]
                    fn $field<'py>(slf: &Bound<'py, Self>) -> PyResult<<$read as Read>::Value<'py>> {
                        read::<$read>(slf.as_super(), $wire)
                    }
                )*

                $( $($method)* )?

                /// Members without an attribute here, as Python values. A new dict each time.
                #[getter]
                fn extra<'py>(slf: &Bound<'py, Self>) -> PyResult<As<JsonDict, Bound<'py, PyDict>>> {
                    view_extra(slf)
                }

                fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
                    view_repr(slf)
                }
            }
        )*
    };
}
pub(super) use view;
