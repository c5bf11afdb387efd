//! `Target`.

use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::hint::{As, JsonDict, hint};
use super::value::{Reduced, members, reduce, replace, repr_fields, value_to_python};
use crate::redirect as core;

hint! {
    MatchTarget = "tuple[Literal['kind'], Literal['id']]";
}

/// Who to ring. Usually made by one of the static methods: ``Target.user(...)``, ``Target.phone(...)``.
///
/// Anything can be expressed, also what Graph refuses; `Redirect.violations` tells which it is.
///
/// Args:
///     kind: Member name inside the identity set: ``"user"``, ``"application"``, ``"phone"``, ...
///     id: Object id, or E.164 number for ``"phone"``.
///     display_name: Shown to people; Graph does not need it.
///     tenant_id: The target's tenant.
///     endpoint_type: ``"default"``, ``"voicemail"``, ...
///     extra: Further members of the identity, sent as they are.
///     participant_extra: Further members of the ``invitationParticipantInfo``, such as ``replacesCallId``.
///     identity_set_extra: Further members of the identity set.
#[pyclass(frozen, eq, hash, module = "callredirect")]
#[derive(PartialEq, Eq, Hash)]
pub(super) struct Target(pub(super) core::Target);

impl Target {
    fn fields<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let fields = PyDict::new(py);
        fields.set_item("kind", &self.0.kind)?;
        fields.set_item("id", &self.0.id)?;
        fields.set_item("display_name", &self.0.display_name)?;
        fields.set_item("tenant_id", &self.0.tenant_id)?;
        fields.set_item("endpoint_type", &self.0.endpoint_type)?;
        fields.set_item("extra", self.extra(py)?)?;
        fields.set_item("participant_extra", self.participant_extra(py)?)?;
        fields.set_item("identity_set_extra", self.identity_set_extra(py)?)?;
        Ok(fields)
    }
}

fn named(target: core::Target, display_name: Option<String>, tenant_id: Option<String>) -> Target {
    Target(core::Target { display_name, tenant_id, ..target })
}

#[pymethods]
impl Target {
    #[classattr]
    fn __match_args__() -> As<MatchTarget, (&'static str, &'static str)> {
        ("kind", "id").into()
    }

    #[new]
    #[pyo3(signature = (
        kind, id, *, display_name = None, tenant_id = None, endpoint_type = None,
        extra: "dict[str, Any] | None" = None,
        participant_extra: "dict[str, Any] | None" = None, identity_set_extra: "dict[str, Any] | None" = None,
    ))]
    #[expect(clippy::too_many_arguments, reason = "keywords in Python")]
    fn new(
        kind: String,
        id: String,
        display_name: Option<String>,
        tenant_id: Option<String>,
        endpoint_type: Option<String>,
        extra: Option<&Bound<'_, PyDict>>,
        participant_extra: Option<&Bound<'_, PyDict>>,
        identity_set_extra: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        Ok(Self(core::Target {
            kind,
            id,
            display_name,
            tenant_id,
            endpoint_type,
            extra: members(extra)?,
            participant_extra: members(participant_extra)?,
            identity_set_extra: members(identity_set_extra)?,
        }))
    }

    /// A person, by Microsoft Entra object id.
    #[staticmethod]
    #[pyo3(signature = (id, *, display_name = None, tenant_id = None))]
    fn user(id: String, display_name: Option<String>, tenant_id: Option<String>) -> Self {
        named(core::Target::user(id), display_name, tenant_id)
    }

    /// Another bot, by application id.
    #[staticmethod]
    #[pyo3(signature = (id, *, display_name = None, tenant_id = None))]
    fn application(id: String, display_name: Option<String>, tenant_id: Option<String>) -> Self {
        named(core::Target::application(id), display_name, tenant_id)
    }

    /// A resource account. Graph sends this kind in notifications but documents it nowhere as a target.
    #[staticmethod]
    #[pyo3(signature = (id, *, display_name = None, tenant_id = None))]
    fn application_instance(id: String, display_name: Option<String>, tenant_id: Option<String>) -> Self {
        named(core::Target::application_instance(id), display_name, tenant_id)
    }

    /// A telephone number in E.164 form: ``+`` and 7 to 15 digits.
    ///
    /// The called bot needs an application instance with a number of its own.
    #[staticmethod]
    #[pyo3(signature = (number, *, display_name = None, tenant_id = None))]
    fn phone(number: String, display_name: Option<String>, tenant_id: Option<String>) -> Self {
        named(core::Target::phone(number), display_name, tenant_id)
    }

    /// The voicemail of a user. People report that it stopped working in 2022.
    #[staticmethod]
    #[pyo3(signature = (user_id, *, display_name = None, tenant_id = None))]
    fn voicemail(user_id: String, display_name: Option<String>, tenant_id: Option<String>) -> Self {
        named(core::Target::voicemail(user_id), display_name, tenant_id)
    }

    /// Any identity, for kinds without a method of their own; keywords become members of the identity.
    #[staticmethod]
    #[pyo3(signature = (kind, id, *, display_name = None, tenant_id = None, **extra: "Any"))]
    fn identity(
        kind: String,
        id: String,
        display_name: Option<String>,
        tenant_id: Option<String>,
        extra: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        let target = core::Target { extra: members(extra)?, ..core::Target::identity(kind, id) };
        Ok(named(target, display_name, tenant_id))
    }

    /// Member name inside the identity set: ``"user"``, ``"application"``, ``"phone"``, ...
    #[getter]
    fn kind(&self) -> &str {
        &self.0.kind
    }

    /// Object id, or E.164 number for ``"phone"``.
    #[getter]
    fn id(&self) -> &str {
        &self.0.id
    }

    /// Shown to people; Graph does not need it.
    #[getter]
    fn display_name(&self) -> Option<&str> {
        self.0.display_name.as_deref()
    }

    /// The target's tenant.
    #[getter]
    fn tenant_id(&self) -> Option<&str> {
        self.0.tenant_id.as_deref()
    }

    /// ``"default"``, ``"voicemail"``, ...
    #[getter]
    fn endpoint_type(&self) -> Option<&str> {
        self.0.endpoint_type.as_deref()
    }

    /// Members of the identity without an attribute here. A new dict each time.
    #[getter]
    fn extra<'py>(&self, py: Python<'py>) -> PyResult<As<JsonDict, Bound<'py, PyAny>>> {
        Ok(value_to_python(py, &self.0.extra)?.into())
    }

    /// Members of the ``invitationParticipantInfo`` without an attribute here. A new dict each time.
    #[getter]
    fn participant_extra<'py>(&self, py: Python<'py>) -> PyResult<As<JsonDict, Bound<'py, PyAny>>> {
        Ok(value_to_python(py, &self.0.participant_extra)?.into())
    }

    /// Members of the identity set without an attribute here. A new dict each time.
    #[getter]
    fn identity_set_extra<'py>(&self, py: Python<'py>) -> PyResult<As<JsonDict, Bound<'py, PyAny>>> {
        Ok(value_to_python(py, &self.0.identity_set_extra)?.into())
    }

    /// With telephone numbers masked.
    pub(super) fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let fields = self.fields(py)?;
        fields.set_item("id", self.0.masked_id())?;
        repr_fields("Target", &fields)
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
