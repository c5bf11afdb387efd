//! The five outcomes as classes.

use std::time::Duration;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use super::hint::{As, hint};
use super::value::{Reduced, reduce, replace, repr_fields};
use crate::outcome::{Attempt as CoreAttempt, Outcome as CoreOutcome, Refused, Verdict};

hint! {
    Attempts = "tuple[Attempt, ...]";
    MatchAccepted = "tuple[Literal['status']]";
    MatchRefused = "tuple[Literal['status'], Literal['code'], Literal['message']]";
    MatchExpired = "tuple[Literal['sent']]";
    MatchUnknown = "tuple[Literal['likely_delivered']]";
}

/// The Python object of an outcome.
pub(super) fn object(py: Python<'_>, core: CoreOutcome) -> PyResult<Py<PyAny>> {
    let verdict = core.verdict.clone();
    let base = PyClassInitializer::from(Outcome { core });
    Ok(match verdict {
        Verdict::Accepted { .. } => Py::new(py, base.add_subclass(Accepted))?.into_any(),
        Verdict::Rejected(_) => Py::new(py, base.add_subclass(Rejected))?.into_any(),
        Verdict::CallGone(_) => Py::new(py, base.add_subclass(CallGone))?.into_any(),
        Verdict::Expired { .. } => Py::new(py, base.add_subclass(Expired))?.into_any(),
        Verdict::Unknown { .. } => Py::new(py, base.add_subclass(Unknown))?.into_any(),
    })
}

/// One try at sending a redirect.
#[pyclass(frozen, eq, from_py_object, module = "callredirect")]
#[derive(Clone, PartialEq)]
pub(super) struct Attempt {
    core: CoreAttempt,
}

#[pymethods]
impl Attempt {
    #[new]
    #[pyo3(signature = (
        *, probe = false, started = 0.0, duration = 0.0, sent = true, status: "int | None" = None, error = None,
        request_id = None,
    ))]
    fn new(
        probe: bool,
        started: f64,
        duration: f64,
        sent: bool,
        status: Option<u16>,
        error: Option<String>,
        request_id: Option<String>,
    ) -> PyResult<Self> {
        let (started, duration) = (seconds(started)?, seconds(duration)?);
        Ok(Self { core: CoreAttempt { probe, started, duration, sent, status, error, request_id } })
    }

    /// Not a redirect, but the question to Graph whether the call still rings: asked after an attempt that may have
    /// arrived.
    #[getter]
    fn probe(&self) -> bool {
        self.core.probe
    }

    /// Seconds from the start of the first attempt.
    #[getter]
    fn started(&self) -> f64 {
        self.core.started.as_secs_f64()
    }

    /// Seconds it took.
    #[getter]
    fn duration(&self) -> f64 {
        self.core.duration.as_secs_f64()
    }

    /// Whether any part of the request may have reached Graph.
    #[getter]
    fn sent(&self) -> bool {
        self.core.sent
    }

    /// HTTP status; ``None`` if no answer came.
    #[getter]
    fn status(&self) -> Option<u16> {
        self.core.status
    }

    /// Why no answer came.
    #[getter]
    fn error(&self) -> Option<&str> {
        self.core.error.as_deref()
    }

    /// ``request-id`` of the answer.
    #[getter]
    fn request_id(&self) -> Option<&str> {
        self.core.request_id.as_deref()
    }

    fn __hash__(&self) -> u64 {
        self.core.duration.as_nanos().try_into().unwrap_or_default()
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        repr_fields("Attempt", &self.fields(py)?)
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

impl Attempt {
    fn fields<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let fields = PyDict::new(py);
        fields.set_item("probe", self.core.probe)?;
        fields.set_item("started", self.started())?;
        fields.set_item("duration", self.duration())?;
        fields.set_item("sent", self.core.sent)?;
        fields.set_item("status", self.core.status)?;
        fields.set_item("error", self.error())?;
        fields.set_item("request_id", self.request_id())?;
        Ok(fields)
    }
}

fn seconds(value: f64) -> PyResult<Duration> {
    Duration::try_from_secs_f64(value)
        .map_err(|_| pyo3::exceptions::PyValueError::new_err(format!("not a time in seconds: {value}")))
}

/// What became of a redirect: one of ``Accepted``, ``Rejected``, ``CallGone``, ``Expired``, ``Unknown``.
#[pyclass(frozen, subclass, module = "callredirect")]
pub(super) struct Outcome {
    core: CoreOutcome,
}

#[pymethods]
impl Outcome {
    /// Every attempt in order.
    #[getter]
    fn attempts<'py>(&self, py: Python<'py>) -> PyResult<As<Attempts, Bound<'py, PyTuple>>> {
        let attempts = self.core.attempts.iter().map(|core| Py::new(py, Attempt { core: core.clone() }));
        Ok(PyTuple::new(py, attempts.collect::<PyResult<Vec<_>>>()?)?.into())
    }

    /// Seconds from the start of the first attempt to the end.
    #[getter]
    fn elapsed(&self) -> f64 {
        self.core.elapsed.as_secs_f64()
    }

    /// What was sent as ``client-request-id``: Microsoft's support asks for it.
    #[getter]
    fn client_request_id(&self) -> &str {
        &self.core.client_request_id
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> bool {
        other.cast::<Outcome>().is_ok_and(|other| self.core == other.get().core)
    }

    fn __hash__(&self) -> u64 {
        self.core.elapsed.as_nanos().try_into().unwrap_or_default()
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        let fields = slf.get().fields(slf.py())?;
        if let Verdict::Rejected(no) | Verdict::CallGone(no) = &slf.get().core.verdict {
            // Graph may repeat what it was sent: names, numbers.
            let hidden = |message: &String| format!("<{} characters>", message.chars().count());
            fields.set_item("message", no.message.as_ref().map(hidden))?;
        }
        repr_fields(&slf.get_type().name()?.to_string(), &fields)
    }

    /// One line for people: what became of it, Graph's code, what it means and what to do. Graph's own words are in
    /// ``message`` only: they may repeat a name.
    fn __str__(&self) -> String {
        self.core.verdict.to_string()
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

impl Outcome {
    pub(super) fn core(&self) -> &CoreOutcome {
        &self.core
    }

    fn fields<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let fields = PyDict::new(py);
        match &self.core.verdict {
            Verdict::Accepted { status } => fields.set_item("status", status)?,
            Verdict::Rejected(no) | Verdict::CallGone(no) => {
                fields.set_item("status", no.status)?;
                fields.set_item("code", &no.code)?;
                fields.set_item("message", &no.message)?;
                fields.set_item("request_id", &no.request_id)?;
                fields.set_item("retry_after", no.retry_after.map(|wait| wait.as_secs_f64()))?;
                fields.set_item("token_tenant", &no.token_tenant)?;
                fields.set_item("call_tenant", &no.call_tenant)?;
            }
            Verdict::Expired { sent, reason } => {
                fields.set_item("sent", sent)?;
                fields.set_item("reason", reason)?;
            }
            Verdict::Unknown { likely_delivered, reason } => {
                fields.set_item("likely_delivered", likely_delivered)?;
                fields.set_item("reason", reason)?;
            }
        }
        fields.set_item("attempts", self.attempts(py)?)?;
        fields.set_item("elapsed", self.elapsed())?;
        fields.set_item("client_request_id", self.client_request_id())?;
        Ok(fields)
    }
}

/// Makes the base of an outcome that a test or a pickle asks for.
fn outcome(
    verdict: Verdict,
    attempts: Vec<Attempt>,
    elapsed: f64,
    client_request_id: String,
) -> PyResult<PyClassInitializer<Outcome>> {
    let attempts = attempts.into_iter().map(|attempt| attempt.core).collect();
    let core = CoreOutcome { verdict, attempts, elapsed: seconds(elapsed)?, client_request_id };
    Ok(PyClassInitializer::from(Outcome { core }))
}

/// Graph took the redirect: 202 as documented, or another 2xx without a body or with one of JSON. The targets ring now; who picks up comes with the notification
/// that the call ended.
#[pyclass(frozen, extends = Outcome, module = "callredirect")]
pub(super) struct Accepted;

#[pymethods]
impl Accepted {
    #[new]
    #[pyo3(signature = (
        status: "int" = 202, *, attempts: "Sequence[Attempt]" = Vec::new(), elapsed = 0.0,
        client_request_id = String::new(),
    ))]
    fn new(
        status: u16,
        attempts: Vec<Attempt>,
        elapsed: f64,
        client_request_id: String,
    ) -> PyResult<PyClassInitializer<Self>> {
        Ok(outcome(Verdict::Accepted { status }, attempts, elapsed, client_request_id)?.add_subclass(Self))
    }

    #[classattr]
    fn __match_args__() -> As<MatchAccepted, (&'static str,)> {
        ("status",).into()
    }

    /// HTTP status.
    #[getter]
    fn status(slf: &Bound<'_, Self>) -> u16 {
        match slf.as_super().get().core.verdict {
            Verdict::Accepted { status } => status,
            _ => 0,
        }
    }
}

macro_rules! refused {
    ($($(#[$doc:meta])* $name:ident = $status:literal;)*) => {$(
        $(#[$doc])*
        #[pyclass(frozen, extends = Outcome, module = "callredirect")]
        pub(super) struct $name;

        impl $name {
            fn refused<'a>(slf: &'a Bound<'_, Self>) -> Option<&'a Refused> {
                match &slf.as_super().get().core.verdict {
                    Verdict::Rejected(no) | Verdict::CallGone(no) => Some(no),
                    _ => None,
                }
            }
        }

        #[pymethods]
        impl $name {
            #[new]
            #[allow(clippy::too_many_arguments, reason = "keyword arguments in Python")]
            #[pyo3(signature = (
                status: "int" = $status, code = None, message = None, *, request_id = None,
                retry_after: "float | None" = None, token_tenant = None, call_tenant = None, attempts: "Sequence[Attempt]" = Vec::new(), elapsed = 0.0,
                client_request_id = String::new(),
            ))]
            fn new(
                status: u16,
                code: Option<String>,
                message: Option<String>,
                request_id: Option<String>,
                retry_after: Option<f64>,
                token_tenant: Option<String>,
                call_tenant: Option<String>,
                attempts: Vec<Attempt>,
                elapsed: f64,
                client_request_id: String,
            ) -> PyResult<PyClassInitializer<Self>> {
                let retry_after = retry_after.map(seconds).transpose()?;
                let refused = Refused {
                    status, code, message, request_id, retry_after, token_tenant, call_tenant,
                };
                Ok(outcome(Verdict::$name(refused), attempts, elapsed, client_request_id)?.add_subclass(Self))
            }

            #[classattr]
            fn __match_args__() -> As<MatchRefused, (&'static str, &'static str, &'static str)> {
                ("status", "code", "message").into()
            }

            /// HTTP status.
            #[getter]
            fn status(slf: &Bound<'_, Self>) -> u16 {
                Self::refused(slf).map_or(0, |no| no.status)
            }

            /// Graph's error code: a word, or digits for a code of the calling service such as ``"7505"``.
            #[getter]
            fn code<'a>(slf: &'a Bound<'_, Self>) -> Option<&'a str> {
                Self::refused(slf)?.code.as_deref()
            }

            /// Graph's message.
            #[getter]
            fn message<'a>(slf: &'a Bound<'_, Self>) -> Option<&'a str> {
                Self::refused(slf)?.message.as_deref()
            }

            /// ``request-id`` of the answer: Microsoft's support asks for it.
            #[getter]
            fn request_id<'a>(slf: &'a Bound<'_, Self>) -> Option<&'a str> {
                Self::refused(slf)?.request_id.as_deref()
            }

            /// Seconds that Graph asked to wait, counted from its answer.
            #[getter]
            fn retry_after(slf: &Bound<'_, Self>) -> Option<f64> {
                Some(Self::refused(slf)?.retry_after?.as_secs_f64())
            }

            /// The tenant that the refused token says it is of (``tid``), if the token was the trouble and can be
            /// read.
            #[getter]
            fn token_tenant<'a>(slf: &'a Bound<'_, Self>) -> Option<&'a str> {
                Self::refused(slf)?.token_tenant.as_deref()
            }

            /// The tenant of the call, if the token was the trouble and the notification told.
            #[getter]
            fn call_tenant<'a>(slf: &'a Bound<'_, Self>) -> Option<&'a str> {
                Self::refused(slf)?.call_tenant.as_deref()
            }

            /// What the refusal means in plain words; ``None`` for codes that no source explains.
            #[getter]
            fn explanation(slf: &Bound<'_, Self>) -> Option<String> {
                Some(Self::refused(slf)?.advice()?.explanation)
            }

            /// What to do about it.
            #[getter]
            fn cure(slf: &Bound<'_, Self>) -> Option<String> {
                Some(Self::refused(slf)?.advice()?.cure)
            }
        }
    )*};
}

refused! {
    /// Graph said no; nothing rings.
    Rejected = 400;
    /// The call is not there any more: it ended, was answered, or 15 seconds had passed (404 with code 8522, or 410).
    CallGone = 404;
}

/// The time is up. ``sent`` says whether a request ever left: if so, the redirect may still have taken effect; if not,
/// no connection came about, however often it was tried until then, and ``reason`` says why.
#[pyclass(frozen, extends = Outcome, module = "callredirect")]
pub(super) struct Expired;

#[pymethods]
impl Expired {
    #[new]
    #[pyo3(signature = (
        sent = false, *, reason = String::new(), attempts: "Sequence[Attempt]" = Vec::new(), elapsed = 0.0,
        client_request_id = String::new(),
    ))]
    fn new(
        sent: bool,
        reason: String,
        attempts: Vec<Attempt>,
        elapsed: f64,
        client_request_id: String,
    ) -> PyResult<PyClassInitializer<Self>> {
        let verdict = Verdict::Expired { sent, reason };
        Ok(outcome(verdict, attempts, elapsed, client_request_id)?.add_subclass(Self))
    }

    #[classattr]
    fn __match_args__() -> As<MatchExpired, (&'static str,)> {
        ("sent",).into()
    }

    /// Whether a request ever left.
    #[getter]
    fn sent(slf: &Bound<'_, Self>) -> bool {
        matches!(slf.as_super().get().core.verdict, Verdict::Expired { sent: true, .. })
    }

    /// What held it up.
    #[getter]
    fn reason<'a>(slf: &'a Bound<'_, Self>) -> &'a str {
        match &slf.as_super().get().core.verdict {
            Verdict::Expired { reason, .. } => reason,
            _ => "",
        }
    }
}

/// A request left, and nobody knows whether it took effect: the connection broke before the answer, no answer came in
/// time, or a server error came that does not say. Where the client's ``on_ambiguous`` allows it, the same bytes were
/// sent again only after Graph had said that the call still rings. The notification that the call ended will tell.
///
/// No source says what Graph answers to a second redirect of a call. An answer that the call is gone or in another
/// state is therefore no failure here: it makes ``likely_delivered`` true.
#[pyclass(frozen, extends = Outcome, module = "callredirect")]
pub(super) struct Unknown;

#[pymethods]
impl Unknown {
    #[new]
    #[pyo3(signature = (
        likely_delivered = false, *, reason = String::new(), attempts: "Sequence[Attempt]" = Vec::new(),
        elapsed = 0.0, client_request_id = String::new(),
    ))]
    fn new(
        likely_delivered: bool,
        reason: String,
        attempts: Vec<Attempt>,
        elapsed: f64,
        client_request_id: String,
    ) -> PyResult<PyClassInitializer<Self>> {
        let verdict = Verdict::Unknown { likely_delivered, reason };
        Ok(outcome(verdict, attempts, elapsed, client_request_id)?.add_subclass(Self))
    }

    #[classattr]
    fn __match_args__() -> As<MatchUnknown, (&'static str,)> {
        ("likely_delivered",).into()
    }

    /// Whether the evidence speaks for it.
    #[getter]
    fn likely_delivered(slf: &Bound<'_, Self>) -> bool {
        matches!(slf.as_super().get().core.verdict, Verdict::Unknown { likely_delivered: true, .. })
    }

    /// What happened.
    #[getter]
    fn reason<'a>(slf: &'a Bound<'_, Self>) -> &'a str {
        match &slf.as_super().get().core.verdict {
            Verdict::Unknown { reason, .. } => reason,
            _ => "",
        }
    }
}
