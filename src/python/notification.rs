//! `parse` and the events it gives.

use std::borrow::Cow;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyTuple, PyType};

use super::call::Call;
use super::hint::{As, hint};
use super::json::{DEEPEST, JsonObject, Reduced, reduce};
use super::operation::Operation;
use super::participant::{ContentSharingSession, Participant};
use super::pydantic::{core_schema, json_schema};
use super::value::{quoted, read_json, repr};
use super::view::{Many, OneOf, Read, Values, View, spelled, values};
use crate::ParseError;
use crate::notification::{self as core, CHANGE_TYPE, Event, Json, Kind, Node, OpenSet, ParseOptions};
use crate::send::clock::Arrival;

hint! {
    MatchCall = "tuple[Literal['call']]";
    MatchPeople = "tuple[Literal['participants']]";
    MatchSessions = "tuple[Literal['sessions']]";
    MatchOperation = "tuple[Literal['operation']]";
    MatchRaw = "tuple[Literal['raw'], Literal['problem']]";
    Notes = "Iterator[Notification]";
}

values! {
    ChangeType = CHANGE_TYPE;
}

/// Reads a webhook body: every notification in it, typed. One malformed item never loses the rest.
///
/// ``body`` is the body as it came, or what ``json.loads`` made of it. ``lenient`` also accepts the trailing commas
/// and comments of pasted documentation. ``max_bytes`` and ``max_depth`` bound what is read. ``received_at`` is the
/// ``time.monotonic()`` of its arrival, for ``call.deadline``; now, if it is not given.
///
/// Raises ``ParseError`` for a body that is not JSON, not notifications, or beyond the bounds.
#[pyfunction]
#[pyo3(signature = (
    body: "bytes | str | Mapping[str, Any] | list[Any]", *, lenient = false, max_bytes: "int" = 262_144,
    max_depth: "int" = 64, received_at: "float | None" = None,
) -> "Notifications")]
pub(super) fn parse(
    body: &Bound<'_, PyAny>,
    lenient: bool,
    max_bytes: i64,
    max_depth: i64,
    received_at: Option<f64>,
) -> PyResult<Notifications> {
    let bounded = |name: &str, value: i64, most: usize| {
        let limit = usize::try_from(value).ok().filter(|limit| *limit <= most);
        limit.ok_or_else(|| PyValueError::new_err(format!("{name} must be from 0 to {most}, not {value}")))
    };
    let max_bytes = bounded("max_bytes", max_bytes, usize::MAX)?;
    let options = ParseOptions { lenient, max_bytes, max_depth: bounded("max_depth", max_depth, DEEPEST)? };
    let arrival = arrival(body.py(), received_at)?;
    let items = read_json(body, |text| core::parse(text, &options, arrival).map_err(ParseError::from))?;
    Ok(Notifications { items })
}

/// A point of `time.monotonic()` as a moment.
pub(super) fn arrival(py: Python<'_>, received_at: Option<f64>) -> PyResult<Arrival> {
    let Some(received_at) = received_at else { return Ok(Arrival::now()) };
    let now: f64 = py.import("time")?.call_method0("monotonic")?.extract()?;
    Ok(Arrival::ago(now - received_at))
}

/// The Python object of one notification.
pub(super) fn object(py: Python<'_>, core: &core::Notification) -> PyResult<Py<PyAny>> {
    let base = PyClassInitializer::from(JsonObject::new(core.json.clone()))
        .add_subclass(Notification { core: core.clone() });
    Ok(match core.event {
        Event::IncomingCall => Py::new(py, base.add_subclass(IncomingCall))?.into_any(),
        Event::CallUpdated => Py::new(py, base.add_subclass(CallUpdated))?.into_any(),
        Event::CallEnded => Py::new(py, base.add_subclass(CallEnded))?.into_any(),
        Event::ParticipantsChanged => Py::new(py, base.add_subclass(ParticipantsChanged))?.into_any(),
        Event::OperationUpdated => Py::new(py, base.add_subclass(OperationUpdated))?.into_any(),
        Event::OperationEnded => Py::new(py, base.add_subclass(OperationEnded))?.into_any(),
        Event::ContentSharingChanged => Py::new(py, base.add_subclass(ContentSharingChanged))?.into_any(),
        Event::Other => Py::new(py, base.add_subclass(OtherNotification))?.into_any(),
    })
}

/// Python name and wire name of what a notification of that class has.
pub(super) fn fields(class: &str) -> Option<&'static [(&'static str, &'static str)]> {
    const CHANGE: (&str, &str) = ("change_type", "changeType");
    const URL: (&str, &str) = ("resource_url", "resourceUrl");
    Some(match class {
        "IncomingCall" | "CallUpdated" | "CallEnded" => &[CHANGE, URL, ("call", "resourceData")],
        "ParticipantsChanged" => &[CHANGE, URL, ("participants", "resourceData")],
        "ContentSharingChanged" => &[CHANGE, URL, ("sessions", "resourceData")],
        "OperationUpdated" | "OperationEnded" => &[CHANGE, URL, ("operation", "resourceData")],
        "OtherNotification" => &[CHANGE, URL],
        _ => return None,
    })
}

/// One notification read from JSON, whatever class its text calls for, or a pickled list of them.
pub(super) fn restore(py: Python<'_>, kind: &str, json: Json) -> PyResult<Py<PyAny>> {
    if kind == "Notifications" {
        let items = json.node().items().map(|item| core::Notification::read(json.at(item))).collect();
        return Ok(Py::new(py, Notifications { items })?.into_any());
    }
    object(py, &core::Notification::read(json))
}

/// The notifications of one body, in order. A ``Sequence``.
#[pyclass(frozen, sequence, module = "callredirect")]
pub(super) struct Notifications {
    pub(super) items: Vec<core::Notification>,
}

impl Notifications {
    fn nodes(&self) -> impl Iterator<Item = Node<'_>> {
        self.items.iter().map(|item| item.json.node())
    }

    fn tuple<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let items = self.items.iter().map(|item| object(py, item)).collect::<PyResult<Vec<_>>>()?;
        Ok(PyTuple::new(py, items)?.into_any())
    }
}

#[pymethods]
impl Notifications {
    fn __len__(&self) -> usize {
        self.items.len()
    }

    fn __getitem__<'py>(&self, py: Python<'py>, index: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let place = index.extract::<usize>().ok();
        match place.and_then(|place| self.items.get(place)) {
            Some(item) => Ok(object(py, item)?.into_bound(py)),
            // Slices, counting from the end, and what is wrong with anything else: as a tuple has it.
            None => self.tuple(py)?.get_item(index),
        }
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<As<Notes, Bound<'py, PyAny>>> {
        Ok(self.tuple(py)?.try_iter()?.into_any().into())
    }

    /// Position of the first notification equal to ``value``. Raises ``ValueError`` if there is none.
    #[pyo3(signature = (value: "object", *range: "int") -> "int")]
    fn index<'py>(
        &self,
        py: Python<'py>,
        value: &Bound<'py, PyAny>,
        range: &Bound<'py, PyTuple>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let args = PyTuple::new(py, [value.clone()])?.add(range)?;
        self.tuple(py)?.getattr("index")?.call1(args.cast_into::<PyTuple>()?)
    }

    /// How many notifications are equal to ``value``.
    #[pyo3(signature = (value: "object") -> "int")]
    fn count<'py>(&self, py: Python<'py>, value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        self.tuple(py)?.call_method1("count", (value,))
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> bool {
        other.cast::<Self>().is_ok_and(|other| self.nodes().eq(other.get().nodes()))
    }

    fn __hash__(&self, py: Python<'_>) -> PyResult<isize> {
        self.tuple(py)?.hash()
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
        let raws: Vec<_> = slf.get().nodes().map(Node::raw).collect();
        let arrival = slf.get().items.first().map_or_else(Arrival::now, |item| item.json.arrival);
        reduce(slf.as_any(), format!("[{}]", raws.join(",")), arrival, None)
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

    fn __repr__(&self) -> String {
        format!("<Notifications: {}>", self.items.len())
    }
}

/// One notification. Its class tells what happened: ``IncomingCall``, ``CallUpdated``, ``CallEnded``,
/// ``ParticipantsChanged``, ``OperationEnded`` or ``OtherNotification``.
#[pyclass(frozen, subclass, extends = JsonObject, module = "callredirect")]
pub(super) struct Notification {
    core: core::Notification,
}

#[pymethods]
impl Notification {
    /// ``"created"``, ``"updated"``, ``"deleted"``, or as it came.
    #[getter]
    fn change_type<'py>(&self, py: Python<'py>) -> <OneOf<ChangeType> as Read>::Value<'py> {
        let value = self.core.json.node().get("changeType");
        value.and_then(|value| spelled::<ChangeType>(py, value)).into()
    }

    /// The resource it is about, such as ``/communications/calls/{id}``. Never to be used as a request path.
    #[getter]
    fn resource_url(&self) -> Option<Cow<'_, str>> {
        self.core.resource_url()
    }

    /// The call it is about: the id in the call object if it has one, else the one in the resource URL.
    #[getter]
    fn call_id(&self) -> Option<String> {
        self.core.call_id()
    }

    /// The call id in the resource URL. Differs from ``call_id`` only where the sender contradicts itself,
    /// as the specification's own second example does.
    #[getter]
    fn url_call_id(&self) -> Option<String> {
        self.core.url_call_id()
    }

    /// The notification's JSON as it came.
    #[getter]
    fn raw(&self) -> &str {
        self.core.json.node().raw()
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        let core = &slf.get().core;
        Ok(repr(
            &slf.get_type().name()?.to_string(),
            &[
                ("change_type", core.change_type().map(|change| quoted(&change))),
                ("resource_url", core.resource_url().map(|url| quoted(&url))),
                ("call_id", core.call_id().map(|id| quoted(&id))),
                ("problem", core.problem.as_ref().map(|problem| quoted(&problem.to_string()))),
            ],
        ))
    }
}

macro_rules! call_event {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[pyclass(frozen, extends = Notification, module = "callredirect")]
        pub(super) struct $name;

        #[pymethods]
        impl $name {
            #[classattr]
            fn __match_args__() -> As<MatchCall, (&'static str,)> {
                ("call",).into()
            }

            /// The call.
            #[getter]
            fn call(slf: &Bound<'_, Self>) -> PyResult<Py<Call>> {
                Call::of_notification(slf.py(), &slf.as_super().get().core)
            }
        }
    )*};
}

call_event! {
    /// Somebody rings: created, state ``incoming``. The one event that may be redirected.
    IncomingCall;
    /// A call changed: established, transferring, a tone, ...
    CallUpdated;
    /// A call is over: state ``terminated``, or deleted.
    CallEnded;
}

/// The roster of a call changed.
#[pyclass(frozen, extends = Notification, module = "callredirect")]
pub(super) struct ParticipantsChanged;

#[pymethods]
impl ParticipantsChanged {
    #[classattr]
    fn __match_args__() -> As<MatchPeople, (&'static str,)> {
        ("participants",).into()
    }

    /// Everybody in the call now; only the changes where the call asked for a delta roster.
    #[getter]
    fn participants<'py>(slf: &Bound<'py, Self>) -> PyResult<<Many<Participant> as Read>::Value<'py>> {
        resources::<Participant>(slf.as_super())
    }
}

/// Somebody began or stopped sharing content.
#[pyclass(frozen, extends = Notification, module = "callredirect")]
pub(super) struct ContentSharingChanged;

#[pymethods]
impl ContentSharingChanged {
    #[classattr]
    fn __match_args__() -> As<MatchSessions, (&'static str,)> {
        ("sessions",).into()
    }

    /// The sessions; empty where the notification came without them.
    #[getter]
    fn sessions<'py>(slf: &Bound<'py, Self>) -> PyResult<<Many<ContentSharingSession> as Read>::Value<'py>> {
        resources::<ContentSharingSession>(slf.as_super())
    }
}

/// `resourceData` as a list, also where it came as one object.
fn resources<'py, C: View>(slf: &Bound<'py, Notification>) -> PyResult<<Many<C> as Read>::Value<'py>> {
    let (py, object) = (slf.py(), slf.as_super().get());
    let data = object.json.node().get("resourceData");
    if let Some(single) = data.filter(|data| data.kind() == Kind::Object) {
        return Ok(PyTuple::new(py, [C::of(py, object.at(single))?])?.into());
    }
    Many::<C>::read(py, object, data)
}

macro_rules! operation_event {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[pyclass(frozen, extends = Notification, module = "callredirect")]
        pub(super) struct $name;

        #[pymethods]
        impl $name {
            #[classattr]
            fn __match_args__() -> As<MatchOperation, (&'static str,)> {
                ("operation",).into()
            }

            /// The operation; ``None`` if the notification came without it.
            #[getter]
            fn operation(slf: &Bound<'_, Self>) -> PyResult<Option<Py<Operation>>> {
                let object = slf.as_super().as_super().get();
                // Also the only one of a list, as with a call.
                let data = object.json.node().get("resourceData");
                let all = data.into_iter().chain(data.into_iter().flat_map(Node::items));
                let mut objects = all.filter(|data| data.kind() == Kind::Object);
                let data = objects.next().filter(|_| objects.next().is_none());
                data.map(|data| Operation::of(slf.py(), object.at(data))).transpose()
            }
        }
    )*};
}

operation_event! {
    /// An operation of a call was asked for, or runs.
    OperationUpdated;
    /// An operation of a call completed or failed.
    OperationEnded;
}

/// A notification of a kind unknown here, or malformed: then ``problem`` says what is wrong.
#[pyclass(frozen, extends = Notification, module = "callredirect")]
pub(super) struct OtherNotification;

#[pymethods]
impl OtherNotification {
    #[classattr]
    fn __match_args__() -> As<MatchRaw, (&'static str, &'static str)> {
        ("raw", "problem").into()
    }

    /// What is wrong and where, as ``reason at JSON path``; ``None`` for a well-formed item of an unknown kind.
    #[getter]
    fn problem(slf: &Bound<'_, Self>) -> Option<String> {
        slf.as_super().get().core.problem.as_ref().map(ToString::to_string)
    }
}
