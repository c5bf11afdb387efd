//! The client's core: what `Client` and `AsyncClient` share.

use std::pin::Pin;
use std::process;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use pyo3::exceptions::{PyRuntimeError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyString;

use super::bridge::{Completion, Mailbox, block_on};
use super::call::Call;
use super::errors::{exception, raise};
use super::outcome;
use super::redirect::{Limits, Redirect, validation_error, version};
use crate::Secret;
use crate::outcome::{Outcome, Verdict};
use crate::send::transport::Transport;
use crate::send::{self as core, Endpoint, Prepared, Unsendable};

/// The moment after which nothing is sent and nobody waits. Counts on the monotonic clock: changes of the wall clock
/// do not move it.
#[pyclass(frozen, eq, ord, hash, module = "callredirect")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Deadline(core::Deadline);

impl From<core::Deadline> for Deadline {
    fn from(deadline: core::Deadline) -> Self {
        Self(deadline)
    }
}

impl Deadline {
    pub(super) fn of(arrival: core::clock::Arrival) -> Self {
        Self(core::Deadline::of(arrival))
    }
}

#[pymethods]
impl Deadline {
    /// So many seconds from now. Raises ``ValueError`` for less than 0.
    #[staticmethod]
    fn after(seconds: f64) -> PyResult<Self> {
        let time = Duration::try_from_secs_f64(seconds).map_err(|_| {
            PyValueError::new_err(format!("a deadline needs seconds from 0 up, not {seconds}"))
        })?;
        Ok(Self(core::Deadline::after(time)))
    }

    /// Seconds left, 0 when it has passed.
    #[getter]
    fn remaining(&self) -> f64 {
        self.0.remaining().as_secs_f64()
    }

    /// Whether it is too late.
    #[getter]
    fn passed(&self) -> bool {
        self.0.passed()
    }

    fn __repr__(&self) -> String {
        format!("Deadline(remaining={:.3})", self.remaining())
    }
}

/// A Microsoft cloud: where Graph is. Tokens of one are worth nothing in another.
///
/// Source: Graph documentation, *national cloud deployments*.
#[pyclass(frozen, eq, hash, from_py_object, module = "callredirect")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::upper_case_acronyms, non_camel_case_types, reason = "constants in Python")]
pub(super) enum Cloud {
    /// Worldwide, and GCC.
    GLOBAL,
    /// US Government L4 (GCC High).
    US_GOV,
    /// US Government L5 (DoD).
    US_GOV_DOD,
    /// China, operated by 21Vianet. Graph has no calls there at the time of writing.
    CHINA,
}

impl From<Cloud> for core::Cloud {
    fn from(cloud: Cloud) -> Self {
        match cloud {
            Cloud::GLOBAL => Self::Global,
            Cloud::US_GOV => Self::UsGov,
            Cloud::US_GOV_DOD => Self::UsGovDod,
            Cloud::CHINA => Self::China,
        }
    }
}

#[pymethods]
#[allow(clippy::trivially_copy_pass_by_ref, reason = "Python objects are shared")]
impl Cloud {
    /// The root of Graph, without version.
    #[getter]
    fn graph_root(&self) -> &'static str {
        core::Cloud::from(*self).graph_root()
    }

    /// The scope that a token for Graph is asked for.
    #[getter]
    fn scope(&self) -> String {
        core::Cloud::from(*self).scope()
    }
}

/// A redirect that passed every rule, ready to be sent.
#[pyclass(frozen, module = "callredirect._native")]
pub(super) struct PreparedRedirect {
    prepared: Prepared,
    deadline: core::Deadline,
    tenant_id: Option<String>,
}

#[pymethods]
impl PreparedRedirect {
    /// The tenant that the token must be of, where it is known.
    #[getter]
    fn tenant_id(&self) -> Option<&str> {
        self.tenant_id.as_deref()
    }

    /// Until when it makes sense.
    #[getter]
    fn deadline(&self) -> Deadline {
        Deadline(self.deadline)
    }

    /// The outcome for a request that was never sent.
    #[pyo3(signature = (reason) -> "Outcome")]
    fn never_sent(&self, py: Python<'_>, reason: String) -> PyResult<Py<PyAny>> {
        let core = Outcome {
            verdict: Verdict::Expired { sent: false, reason },
            attempts: Vec::new(),
            elapsed: Duration::ZERO,
            client_request_id: self.prepared.client_request_id().to_owned(),
        };
        outcome::object(py, core)
    }
}

/// Endpoint, rules and connections of a client.
#[pyclass(frozen, module = "callredirect._native")]
pub(super) struct Sender {
    endpoint: Endpoint,
    /// Connections belong to the process that opened them: after a fork there are new ones.
    transport: Mutex<Option<(u32, Transport)>>,
    closed: AtomicBool,
}

impl Drop for Sender {
    fn drop(&mut self) {
        let kept = self.transport.get_mut().unwrap_or_else(PoisonError::into_inner);
        if kept.as_ref().is_some_and(|(pid, _)| *pid != process::id()) {
            // Closing the parent's connections takes locks that threads of the parent may have held at the fork.
            std::mem::forget(kept.take());
        }
    }
}

impl Sender {
    fn transport(&self) -> PyResult<Transport> {
        let mut kept = self.transport.lock().unwrap_or_else(PoisonError::into_inner);
        match kept.take() {
            Some((pid, transport)) if pid == process::id() => {
                *kept = Some((pid, transport.clone()));
                Ok(transport)
            }
            other => {
                // Dropping the parent's connections would wait for threads that are not here.
                std::mem::forget(other);
                let transport = self.endpoint.transport().map_err(|failure| {
                    PyValueError::new_err(format!("could not set up TLS: {}", failure.0))
                })?;
                *kept = Some((process::id(), transport.clone()));
                Ok(transport)
            }
        }
    }
}

#[pymethods]
impl Sender {
    #[new]
    #[pyo3(signature = (*, api_version: "str", root: "str", limits: "Limits | None" = None))]
    fn new(api_version: &str, root: &str, limits: Option<&Limits>) -> PyResult<Self> {
        let limits = limits.map(|limits| limits.0).unwrap_or_default();
        let endpoint = Endpoint::new(root, version(api_version)?, limits)
            .map_err(|error| PyValueError::new_err(format!("base_url: {error}")))?;
        Ok(Self { endpoint, transport: Mutex::default(), closed: AtomicBool::new(false) })
    }

    /// The root of Graph that requests go to.
    #[getter]
    fn root(&self) -> &str {
        self.endpoint.root()
    }

    /// ``"v1.0"`` or ``"beta"``.
    #[getter]
    fn api_version(&self) -> &'static str {
        self.endpoint.version().as_str()
    }

    /// Checks everything that can be checked before a token is spent.
    #[pyo3(signature = (
        call: "Call | str", redirect: "Redirect", deadline: "Deadline | float | None" = None,
        scenario_id: "str | None" = None,
    ))]
    fn prepare(
        &self,
        call: &Bound<'_, PyAny>,
        redirect: &Redirect,
        deadline: Option<&Bound<'_, PyAny>>,
        scenario_id: Option<&str>,
    ) -> PyResult<PreparedRedirect> {
        let py = call.py();
        if self.closed.load(Ordering::Relaxed) {
            return Err(PyRuntimeError::new_err("the client is closed"));
        }
        let (call_id, tenant_id, of_call) = if let Ok(call) = call.cast::<Call>() {
            let (id, tenant_id, until) = Call::address(call);
            let id =
                id.ok_or_else(|| PyValueError::new_err("the call has no id, so it cannot be redirected"))?;
            (id, tenant_id, Some(until))
        } else if let Ok(id) = call.cast::<PyString>() {
            let id = id.to_str().map_err(|_| unsendable(py, Unsendable::CallId))?;
            (id.to_owned(), None, None)
        } else {
            let name = call.get_type().name()?;
            return Err(PyTypeError::new_err(format!("expected a Call or a call id, not {name}")));
        };
        let deadline = match deadline {
            Some(given) => self::deadline(given)?,
            None => of_call.unwrap_or_else(|| core::Deadline::after(core::BUDGET)),
        };
        let prepared = self.endpoint.prepare(&call_id, &redirect.0, scenario_id);
        let prepared = prepared.map_err(|error| unsendable(py, error))?;
        Ok(PreparedRedirect { prepared, deadline, tenant_id })
    }

    /// Sends and waits, the interpreter released.
    #[pyo3(signature = (request, token) -> "Outcome")]
    fn send(
        &self,
        py: Python<'_>,
        request: &PreparedRedirect,
        token: &Bound<'_, PyString>,
    ) -> PyResult<Py<PyAny>> {
        let future = self.sending(py, request, token)?;
        outcome::object(py, block_on(py, future)?)
    }

    /// Sends; the outcome comes through the mailbox under the ticket returned.
    fn submit(
        &self,
        py: Python<'_>,
        request: &PreparedRedirect,
        token: &Bound<'_, PyString>,
        mailbox: &Mailbox,
    ) -> PyResult<u64> {
        let future = self.sending(py, request, token)?;
        mailbox.spawn(async move { Completion::Redirect(future.await) })
    }

    /// From now on nothing is prepared; connections close when what is under way has ended.
    fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
        let mut kept = self.transport.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.as_ref().is_some_and(|(pid, _)| *pid == process::id()) {
            *kept = None;
        }
    }
}

impl Sender {
    fn sending(
        &self,
        py: Python<'_>,
        request: &PreparedRedirect,
        token: &Bound<'_, PyString>,
    ) -> PyResult<Pin<Box<impl Future<Output = Outcome> + Send + 'static>>> {
        // Python's own complaint about a lone surrogate would carry the token.
        let token = Secret::new(token.to_str().map_err(|_| unsendable(py, Unsendable::Token))?);
        core::check_token(&token).map_err(|error| unsendable(py, error))?;
        let (transport, prepared, deadline) = (self.transport()?, request.prepared.clone(), request.deadline);
        // On the heap at once: it is large, and is handed on several times before it runs.
        Ok(Box::pin(async move { core::send(&transport, &prepared, &token, deadline).await }))
    }
}

fn deadline(given: &Bound<'_, PyAny>) -> PyResult<core::Deadline> {
    if let Ok(deadline) = given.cast::<Deadline>() {
        return Ok(deadline.get().0);
    }
    let seconds: f64 = given.extract().map_err(|_| {
        PyTypeError::new_err("a deadline is a Deadline, such as call.deadline, or seconds from now")
    })?;
    Ok(Deadline::after(seconds)?.0)
}

fn unsendable(py: Python<'_>, error: Unsendable) -> PyErr {
    match error {
        Unsendable::Invalid(violations) => validation_error(py, violations),
        Unsendable::CallId => PyValueError::new_err(error.to_string()),
        Unsendable::Token => raise(exception!(py, "CredentialError"), (error.to_string(),), None),
    }
}
