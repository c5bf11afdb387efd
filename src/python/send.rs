//! The client's core: what `Client` and `AsyncClient` share.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pyo3::exceptions::{PyConnectionError, PyRuntimeError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyString;

use super::bridge::{Mailbox, block_on};
use super::call::Call;
use super::credential::{self, credential_error};
use super::errors::{exception, raise};
use super::outcome;
use super::redirect::{Limits, Redirect, validation_error, version};
use crate::Secret;
use crate::outcome::{Outcome, Verdict};
use crate::send::retry::OnAmbiguous;
use crate::send::token::{self, NoToken, TokenError, TokenProvider};
use crate::send::transport::Transport;
use crate::send::{self as core, Endpoint, PerProcess, Prepared, Retries, Sending, Step, Unsendable};

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
    prepared: Arc<Prepared>,
    deadline: core::Deadline,
    tenant_id: Option<String>,
    retries: Retries,
    /// Between two tokens: what became of it so far.
    under_way: Arc<Mutex<Option<Sending>>>,
    /// What our own credential gave for it, fetched ahead.
    token: Arc<Mutex<Option<Secret>>>,
}

impl PreparedRedirect {
    fn sending(&self) -> Sending {
        let kept = self.under_way.lock().unwrap_or_else(PoisonError::into_inner).take();
        kept.unwrap_or_else(|| Sending::new(Arc::clone(&self.prepared), self.deadline, &self.retries))
    }
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
        outcome::object(py, never_sent(&self.prepared, reason))
    }

    /// The outcome when nobody waits for an answer any more, and the request may be on its way.
    #[pyo3(signature = (reason) -> "Outcome")]
    fn never_heard(&self, py: Python<'_>, reason: String) -> PyResult<Py<PyAny>> {
        let verdict = Verdict::Unknown { likely_delivered: false, reason };
        outcome::object(py, Outcome { verdict, ..never_sent(&self.prepared, String::new()) })
    }

    /// The outcome when Graph did not take the token and there is no other.
    #[pyo3(signature = () -> "Outcome")]
    fn give_up(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        outcome::object(py, self.sending().give_up())
    }
}

fn never_sent(prepared: &Prepared, reason: String) -> Outcome {
    Outcome {
        verdict: Verdict::Expired { sent: false, reason },
        attempts: Vec::new(),
        elapsed: Duration::ZERO,
        client_request_id: prepared.client_request_id().to_owned(),
    }
}

/// What sending came to.
enum Sent {
    Done(Outcome),
    /// Another token may be tried.
    TokenRefused,
    /// Nothing was sent.
    NoToken(TokenError),
}

impl Sent {
    fn object(self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        match self {
            Self::Done(outcome) => outcome::object(py, outcome),
            Self::TokenRefused => Ok(py.None()),
            Self::NoToken(error) => Err(credential_error(py, error)),
        }
    }
}

/// Why a client is not warm.
enum Cold {
    NoToken(NoToken),
    NoConnection(String),
}

impl Cold {
    fn error(self, py: Python<'_>) -> PyErr {
        match self {
            Self::NoToken(NoToken::Refused(error)) => credential_error(py, error),
            Self::NoToken(NoToken::Late(why)) => credential_error(py, TokenError::new(why)),
            Self::NoConnection(why) => PyConnectionError::new_err(why),
        }
    }
}

const NO_TOKEN: &str = "there is no token to send";

type Work<T> = Pin<Box<dyn Future<Output = T> + Send + 'static>>;

/// Endpoint, rules and connections of a client.
#[pyclass(frozen, module = "callredirect._native")]
pub(super) struct Sender {
    endpoint: Endpoint,
    cloud: core::Cloud,
    /// Of our own credentials; those in Python are asked by Python.
    tokens: Option<Arc<TokenProvider>>,
    /// The last one of Python's: most redirects bring the same, and it is long.
    token: Mutex<Option<Secret>>,
    retries: Retries,
    transport: PerProcess<Transport>,
    closed: AtomicBool,
}

impl Sender {
    fn transport(&self) -> PyResult<Transport> {
        self.transport.get_or_make(|| {
            self.endpoint
                .transport()
                .map_err(|failure| PyValueError::new_err(format!("could not set up TLS: {}", failure.0)))
        })
    }
}

#[pymethods]
impl Sender {
    #[new]
    #[pyo3(signature = (
        *, api_version: "str", root: "str", limits: "Limits | None" = None, cloud: "Cloud" = Cloud::GLOBAL,
        credential: "ClientSecret | ClientCertificate | ManagedIdentity | None" = None,
        on_ambiguous: "str" = "probe_then_resend",
    ))]
    fn new(
        api_version: &str,
        root: &str,
        limits: Option<&Limits>,
        cloud: Cloud,
        credential: Option<&Bound<'_, PyAny>>,
        on_ambiguous: &str,
    ) -> PyResult<Self> {
        let on_ambiguous = self::on_ambiguous(on_ambiguous)?;
        let limits = limits.map(|limits| limits.0).unwrap_or_default();
        let endpoint = Endpoint::new(root, version(api_version)?, limits)
            .map_err(|error| PyValueError::new_err(format!("base_url: {error}")))?;
        Ok(Self {
            endpoint,
            cloud: cloud.into(),
            tokens: credential.and_then(credential::own),
            token: Mutex::default(),
            retries: Retries::by_chance(on_ambiguous),
            transport: PerProcess::default(),
            closed: AtomicBool::new(false),
        })
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
        scenario_id: "str | None" = None, tenant_id: "str | None" = None,
    ))]
    fn prepare(
        &self,
        call: &Bound<'_, PyAny>,
        redirect: &Redirect,
        deadline: Option<&Bound<'_, PyAny>>,
        scenario_id: Option<&str>,
        tenant_id: Option<String>,
    ) -> PyResult<PreparedRedirect> {
        let py = call.py();
        if self.closed.load(Ordering::Relaxed) {
            return Err(PyRuntimeError::new_err("the client is closed"));
        }
        let (call_id, told_tenant, of_call) = if let Ok(call) = call.cast::<Call>() {
            let (id, tenant, until) = Call::address(call);
            let id =
                id.ok_or_else(|| PyValueError::new_err("the call has no id, so it cannot be redirected"))?;
            (id, tenant, Some(until))
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
        let tenant_id = tenant_id.or(told_tenant);
        let prepared = prepared.of_tenant(tenant_id.as_deref());
        let retries = self.retries.clone();
        Ok(PreparedRedirect {
            prepared: Arc::new(prepared),
            deadline,
            tenant_id,
            retries,
            under_way: Arc::default(),
            token: Arc::default(),
        })
    }

    /// Sends and waits, the interpreter released. Without a token the credential given at first is asked. ``None``:
    /// Graph did not take the token, another may be tried.
    #[pyo3(signature = (request, token = None) -> "Outcome | None")]
    fn send(
        &self,
        py: Python<'_>,
        request: &PreparedRedirect,
        token: Option<&Bound<'_, PyString>>,
    ) -> PyResult<Py<PyAny>> {
        block_on(py, self.sending(py, request, token)?)?.object(py)
    }

    /// Sends; what ``send`` returns or raises comes through the mailbox under the ticket returned.
    #[pyo3(signature = (request, token, mailbox))]
    fn submit(
        &self,
        py: Python<'_>,
        request: &PreparedRedirect,
        token: Option<&Bound<'_, PyString>>,
        mailbox: &Mailbox,
    ) -> PyResult<u64> {
        let future = self.sending(py, request, token)?;
        mailbox.spawn(future, |py, sent| sent.object(py))
    }

    /// Keeps our own credential's token for the request, if there is one that needs no fetching.
    fn take_token(&self, request: &PreparedRedirect) -> bool {
        let tenant = request.tenant_id.as_deref();
        let token = self.tokens.as_ref().and_then(|tokens| tokens.at_hand(tenant, self.cloud));
        let found = token.is_some();
        if found {
            *request.token.lock().unwrap_or_else(PoisonError::into_inner) = token;
        }
        found
    }

    /// Has our own credential fetch a token and keeps it for the request. ``None``, or the outcome if there is none in
    /// time, comes through the mailbox under the ticket returned.
    fn submit_token(&self, request: &PreparedRedirect, mailbox: &Mailbox) -> PyResult<u64> {
        let tokens = self.tokens.clone().ok_or_else(|| PyValueError::new_err(NO_TOKEN))?;
        let (tenant, cloud, deadline) = (request.tenant_id.clone(), self.cloud, request.deadline);
        let (kept, prepared) = (Arc::clone(&request.token), Arc::clone(&request.prepared));
        let fetching = async move { tokens.token(tenant.as_deref(), cloud, deadline).await };
        mailbox.spawn(fetching, move |py, fetched| match fetched {
            Ok(token) => {
                *kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(token);
                Ok(py.None())
            }
            Err(NoToken::Late(reason)) => outcome::object(py, never_sent(&prepared, reason)),
            Err(NoToken::Refused(error)) => Err(credential_error(py, error)),
        })
    }

    /// Opens a connection, and has a token fetched if the credential is our own.
    #[pyo3(signature = (tenant_id, seconds))]
    fn warm_up(&self, py: Python<'_>, tenant_id: Option<String>, seconds: f64) -> PyResult<()> {
        block_on(py, self.warming(tenant_id, seconds, false)?)?.map_err(|cold| cold.error(py))
    }

    /// The same, through the mailbox under the ticket returned. Of a client that was warm before, a connection that is
    /// in use is left alone.
    #[pyo3(signature = (tenant_id, seconds, again, mailbox))]
    fn submit_warm_up(
        &self,
        tenant_id: Option<String>,
        seconds: f64,
        again: bool,
        mailbox: &Mailbox,
    ) -> PyResult<u64> {
        mailbox.spawn(self.warming(tenant_id, seconds, again)?, |py, warm| {
            warm.map(|()| py.None()).map_err(|cold| cold.error(py))
        })
    }

    /// From now on nothing is prepared; connections close when what is under way has ended.
    fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
        self.transport.clear();
    }
}

impl Sender {
    fn checked(&self, token: &Bound<'_, PyString>) -> Result<Secret, Unsendable> {
        // Python's own complaint about a lone surrogate would carry the token.
        let text = token.to_str().map_err(|_| Unsendable::Token)?;
        let mut last = self.token.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(token) = last.as_ref().filter(|token| token.expose() == text) {
            return Ok(token.clone());
        }
        let token = Secret::new(text);
        core::check_token(&token)?;
        Ok(last.insert(token).clone())
    }

    fn sending(
        &self,
        py: Python<'_>,
        request: &PreparedRedirect,
        token: Option<&Bound<'_, PyString>>,
    ) -> PyResult<Work<Sent>> {
        let token = token.map(|token| self.checked(token)).transpose();
        let token = token.map_err(|error| unsendable(py, error))?;
        let (transport, mut sending) = (self.transport()?, request.sending());
        // On the heap at once: a redirect is large, and is handed on several times before it runs.
        if let Some(token) = token {
            let under_way = Arc::clone(&request.under_way);
            return Ok(Box::pin(async move {
                match sending.run(&transport, &token).await {
                    Step::Done(outcome) => Sent::Done(outcome),
                    Step::TokenRefused => {
                        *under_way.lock().unwrap_or_else(PoisonError::into_inner) = Some(sending);
                        Sent::TokenRefused
                    }
                }
            }));
        }
        let tokens = self.tokens.clone().ok_or_else(|| PyValueError::new_err(NO_TOKEN))?;
        let (tenant, cloud, deadline) = (request.tenant_id.clone(), self.cloud, request.deadline);
        let ahead = request.token.lock().unwrap_or_else(PoisonError::into_inner).take();
        Ok(Box::pin(async move {
            let source = token::Source { tokens: &tokens, tenant: tenant.as_deref(), cloud, deadline };
            let sent = token::send(sending, &transport, source, ahead).await;
            sent.map_or_else(Sent::NoToken, Sent::Done)
        }))
    }

    fn warming(
        &self,
        tenant_id: Option<String>,
        seconds: f64,
        again: bool,
    ) -> PyResult<Work<Result<(), Cold>>> {
        if self.closed.load(Ordering::Relaxed) {
            return Err(PyRuntimeError::new_err("the client is closed"));
        }
        let deadline = Deadline::after(seconds)?.0;
        let (transport, tokens, cloud) = (self.transport()?, self.tokens.clone(), self.cloud);
        let url = self.endpoint.url();
        Ok(Box::pin(async move {
            let token = async {
                match tokens {
                    Some(tokens) => tokens.token(tenant_id.as_deref(), cloud, deadline).await.map(drop),
                    None => Ok(()),
                }
            };
            let connection =
                async { if again { transport.keep_warm(&url).await } else { transport.warm_up(&url).await } };
            let (token, connection) = tokio::join!(token, tokio::time::timeout_at(deadline.at(), connection));
            token.map_err(Cold::NoToken)?;
            match connection {
                Ok(Ok(())) => Ok(()),
                Ok(Err(failure)) => {
                    Err(Cold::NoConnection(format!("Graph cannot be reached: {}", failure.0)))
                }
                Err(_) => Err(Cold::NoConnection("Graph could not be reached in time".to_owned())),
            }
        }))
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

fn on_ambiguous(name: &str) -> PyResult<OnAmbiguous> {
    OnAmbiguous::ALL.into_iter().find(|setting| setting.name() == name).ok_or_else(|| {
        let names = OnAmbiguous::ALL.map(|setting| format!("\"{}\"", setting.name())).join(" or ");
        PyValueError::new_err(format!("on_ambiguous must be {names}, not {name:?}"))
    })
}

fn unsendable(py: Python<'_>, error: Unsendable) -> PyErr {
    match error {
        Unsendable::Invalid(violations) => validation_error(py, violations),
        Unsendable::CallId => PyValueError::new_err(error.to_string()),
        Unsendable::Token => raise(exception!(py, "CredentialError"), (error.to_string(),), None),
    }
}
