//! `Redirect`.

use pyo3::exceptions::{PyOverflowError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple, PyType};

use super::errors::{exception, raise};
use super::hint::{As, JsonDict, MaybeStrings, Targets, hint};
use super::pydantic::{core_schema, json_schema};
pub(super) use super::target::Target;
use super::value::{Reduced, dumped, members, reduce, replace, repr_fields, text, value_to_python};
pub(super) use super::violation::{Limits, Violation};
use crate::ParseError;
use crate::redirect as core;

hint! {
    MatchRedirect = "tuple[Literal['targets']]";
}

/// Where a call should go: what Graph gets.
///
/// Source: Graph action *call: redirect*, parameter table. Whatever is left out is not sent, and Graph uses
/// its default. Nothing is checked here; see `violations` and `validate`.
///
/// Args:
///     targets: 1 to 25 targets. One is a forward; several ring at once and the first to pick up is connected.
///     timeout: How long to ring, in seconds, 15 to 90. Graph's default is 55 for one target, 60 for several.
///     callback_uri: Where later notifications of this call go; https. Default: the bot's own callback.
///     mask_callee: Show the caller the bot instead of who is called. Beta only.
///     mask_caller: Show who is called the bot instead of the caller. Beta only.
///     routing_policies: Undocumented, such as ``["disableForwarding"]``; passed through.
///     target_disposition: Deprecated, beta only; Graph counts the targets instead.
///     extra: Further members, sent as they are.
#[pyclass(frozen, eq, hash, module = "callredirect")]
#[derive(PartialEq, Eq, Hash)]
pub(super) struct Redirect(pub(super) core::Redirect);

impl Redirect {
    fn fields<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let fields = PyDict::new(py);
        fields.set_item("targets", self.targets(py)?)?;
        fields.set_item("timeout", self.0.timeout)?;
        fields.set_item("callback_uri", &self.0.callback_uri)?;
        fields.set_item("mask_callee", self.0.mask_callee)?;
        fields.set_item("mask_caller", self.0.mask_caller)?;
        fields.set_item("routing_policies", self.routing_policies(py)?)?;
        fields.set_item("target_disposition", &self.0.target_disposition)?;
        fields.set_item("extra", self.extra(py)?)?;
        Ok(fields)
    }

    /// Refuses fields that the version, if one is named, does not have.
    fn check_version(&self, py: Python<'_>, api_version: Option<&str>) -> PyResult<()> {
        let Some(api_version) = api_version else { return Ok(()) };
        let unsupported = self.0.unsupported_fields(version(api_version)?);
        if unsupported.is_empty() { Ok(()) } else { Err(validation_error(py, unsupported)) }
    }
}

/// The version of that name; `ValueError` lists those there are.
pub(super) fn version(name: &str) -> PyResult<core::ApiVersion> {
    core::ApiVersion::from_name(name).ok_or_else(|| {
        let known = core::ApiVersion::ALL.map(core::ApiVersion::as_str).join("' or '");
        PyValueError::new_err(format!("api_version is '{known}', not {name:?}"))
    })
}

/// `ValidationError` with these violations.
pub(super) fn validation_error(py: Python<'_>, violations: Vec<core::Violation>) -> PyErr {
    match PyTuple::new(py, violations.into_iter().map(Violation::from)) {
        Ok(violations) => raise(exception!(py, "ValidationError"), (violations,), None),
        Err(error) => error,
    }
}

/// A number no rule could ever accept is a `ValueError` like every other wrong number.
fn seconds(value: &Bound<'_, PyAny>) -> PyResult<i64> {
    value.extract().map_err(|error: PyErr| {
        if error.is_instance_of::<PyOverflowError>(value.py()) {
            PyValueError::new_err("timeout is a number of seconds, and this one is beyond 64 bits")
        } else {
            error
        }
    })
}

#[pymethods]
impl Redirect {
    #[classattr]
    fn __match_args__() -> As<MatchRedirect, (&'static str,)> {
        ("targets",).into()
    }

    #[new]
    #[pyo3(signature = (
        targets: "Iterable[Target]", *, timeout: "int | None" = None, callback_uri = None, mask_callee = None, mask_caller = None,
        routing_policies = None, target_disposition = None, extra: "dict[str, Any] | None" = None
    ))]
    #[expect(clippy::too_many_arguments, clippy::similar_names, reason = "keywords in Python")]
    fn new(
        targets: &Bound<'_, PyAny>,
        timeout: Option<&Bound<'_, PyAny>>,
        callback_uri: Option<String>,
        mask_callee: Option<bool>,
        mask_caller: Option<bool>,
        routing_policies: Option<Vec<String>>,
        target_disposition: Option<String>,
        extra: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        Ok(Self(core::Redirect {
            targets: listed(targets)?,
            target_disposition,
            timeout: timeout.map(seconds).transpose()?,
            mask_callee,
            mask_caller,
            routing_policies,
            callback_uri,
            extra: members(extra)?,
        }))
    }

    /// Reads what `to_json` wrote, or anybody else's redirect; unknown members are kept.
    ///
    /// Raises:
    ///     ParseError: The text is no such JSON. Has the path, line and column of the fault.
    #[staticmethod]
    #[pyo3(signature = (text: "bytes | str") -> "Redirect")]
    fn from_json(text: &Bound<'_, PyAny>) -> PyResult<Self> {
        Ok(Self(core::Redirect::from_json(&self::text(text)?)?))
    }

    /// The same as `from_json`, for JSON that was read already.
    ///
    /// Raises:
    ///     ParseError: The dict is no redirect. Has the path of the fault.
    #[staticmethod]
    #[pyo3(signature = (value: "dict[str, Any]") -> "Redirect")]
    fn from_dict(value: &Bound<'_, PyDict>) -> PyResult<Self> {
        Ok(Self(core::Redirect::from_json(&dumped(value)?).map_err(ParseError::without_place)?))
    }

    /// The JSON that Graph gets: compact, members in the order of the documentation, only what is set.
    ///
    /// Args:
    ///     api_version: ``"v1.0"`` or ``"beta"``: refuse fields that this version does not have.
    ///
    /// Raises:
    ///     ValidationError: A field does not exist in that version.
    #[pyo3(signature = (api_version = None))]
    fn to_json(&self, py: Python<'_>, api_version: Option<&str>) -> PyResult<String> {
        self.check_version(py, api_version)?;
        Ok(self.0.to_json())
    }

    /// The same as `to_json`, as a dict.
    #[pyo3(signature = (api_version = None) -> "dict[str, Any]")]
    fn to_dict<'py>(&self, py: Python<'py>, api_version: Option<&str>) -> PyResult<Bound<'py, PyAny>> {
        self.check_version(py, api_version)?;
        value_to_python(py, &self.0)
    }

    /// Every broken rule, errors and warnings, in the order of the JSON. Empty if there is nothing to say.
    ///
    /// Args:
    ///     api_version: ``"v1.0"`` or ``"beta"``; v1.0 has no masks and no target disposition.
    ///     limits: Other numbers than Microsoft's.
    #[pyo3(signature = (api_version = "beta", limits = None))]
    fn violations(&self, api_version: &str, limits: Option<&Bound<'_, Limits>>) -> PyResult<Vec<Violation>> {
        let limits = limits.map(|limits| limits.get().0).unwrap_or_default();
        Ok(self.0.violations(version(api_version)?, &limits).into_iter().map(Violation::from).collect())
    }

    /// Raises if Graph would refuse the redirect. Warnings alone do not raise.
    ///
    /// Raises:
    ///     ValidationError: With every violation, warnings included, in ``.violations``.
    #[pyo3(signature = (api_version = "beta", limits = None))]
    fn validate(
        &self,
        py: Python<'_>,
        api_version: &str,
        limits: Option<&Bound<'_, Limits>>,
    ) -> PyResult<()> {
        let limits = limits.map(|limits| limits.get().0).unwrap_or_default();
        let found = self.0.violations(version(api_version)?, &limits);
        if found.iter().any(|violation| violation.severity == core::Severity::Error) {
            return Err(validation_error(py, found));
        }
        Ok(())
    }

    /// Who to ring.
    #[getter]
    fn targets<'py>(&self, py: Python<'py>) -> PyResult<As<Targets, Bound<'py, PyTuple>>> {
        Ok(PyTuple::new(py, self.0.targets.iter().cloned().map(Target))?.into())
    }

    /// How long to ring, in seconds.
    #[getter]
    fn timeout(&self) -> Option<i64> {
        self.0.timeout
    }

    /// Where later notifications of this call go.
    #[getter]
    fn callback_uri(&self) -> Option<&str> {
        self.0.callback_uri.as_deref()
    }

    /// Whether the caller is shown the bot instead of who is called.
    #[getter]
    fn mask_callee(&self) -> Option<bool> {
        self.0.mask_callee
    }

    /// Whether who is called is shown the bot instead of the caller.
    #[getter]
    fn mask_caller(&self) -> Option<bool> {
        self.0.mask_caller
    }

    /// Undocumented; passed through.
    #[getter]
    fn routing_policies<'py>(
        &self,
        py: Python<'py>,
    ) -> PyResult<As<MaybeStrings, Option<Bound<'py, PyTuple>>>> {
        let policies = self.0.routing_policies.as_ref();
        Ok(policies.map(|policies| PyTuple::new(py, policies)).transpose()?.into())
    }

    /// Deprecated: Graph counts the targets instead.
    #[getter]
    fn target_disposition(&self) -> Option<&str> {
        self.0.target_disposition.as_deref()
    }

    /// Members without an attribute here. A new dict each time.
    #[getter]
    fn extra<'py>(&self, py: Python<'py>) -> PyResult<As<JsonDict, Bound<'py, PyAny>>> {
        Ok(value_to_python(py, &self.0.extra)?.into())
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

    /// With telephone numbers, and the parts of the callback URI that may hold keys, masked.
    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let fields = self.fields(py)?;
        fields.set_item("callback_uri", self.0.masked_callback_uri())?;
        repr_fields("Redirect", &fields)
    }

    #[pyo3(signature = () -> "tuple[Any, ...]")]
    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Reduced<'py>> {
        reduce(slf.get_type(), slf.get().fields(slf.py())?)
    }

    #[pyo3(signature = (**changes: "Any") -> "Self")]
    fn __replace__<'py>(
        slf: &Bound<'py, Self>,
        changes: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        replace(&slf.get_type(), &slf.get().fields(slf.py())?, changes)
    }
}

/// The targets of a list; what else people give is answered with what a list of targets looks like.
fn listed(targets: &Bound<'_, PyAny>) -> PyResult<Vec<core::Target>> {
    let wrong = |value: &Bound<'_, PyAny>| -> PyResult<PyErr> {
        let class = value.get_type().name()?;
        Ok(PyTypeError::new_err(format!(
            "targets is a list of Target, such as [Target.user(id)]; not {class}"
        )))
    };
    let items = match targets.try_iter() {
        Ok(items) => items,
        Err(error) if error.is_instance_of::<PyTypeError>(targets.py()) => return Err(wrong(targets)?),
        Err(error) => return Err(error),
    };
    let target = |value: PyResult<Bound<'_, PyAny>>| {
        let value = value?;
        match value.cast::<Target>() {
            Ok(target) => Ok(target.get().0.clone()),
            Err(_) => Err(wrong(&value)?),
        }
    };
    items.map(target).collect()
}
