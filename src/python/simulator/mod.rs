//! `callredirect.testing`: the simulator for Python.

use std::borrow::Cow;
use std::time::Duration;

use pyo3::exceptions::{PyConnectionError, PyOSError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyTuple};
use serde_json::Value;

use super::value::{from_python, text};
use crate::simulator::{
    AccessOptions, NotificationToken, RingError, RingOptions, Simulator as Core, SimulatorError,
    SimulatorOptions,
};

mod results;
pub(super) use results::{ReceivedRedirect, RungCall};

/// How long Ctrl-C may go unnoticed while a call rings.
const SIGNAL_CHECK: Duration = Duration::from_millis(50);

/// A Microsoft Graph of your own on this machine, with a caller who rings your bot.
///
/// Everything is real HTTP on a free port of 127.0.0.1: signed notification tokens, Graph's checks and errors, and the
/// 15 seconds. Give `base_url` to the client under test and `metadata_url` or `jwks` to the verifier. Use it in a
/// `with` statement, or `close()` it.
///
/// `port=0` takes a free port. `own_key=True` signs with a new key instead of the one all simulators of a process
/// share, which makes its tokens forgeries to the others. `token_lifetime` is that of the tokens that the token endpoint
/// issues, in seconds.
#[pyclass(frozen, subclass, module = "callredirect._native")]
pub(super) struct Simulator {
    core: Core,
}

#[pymethods]
impl Simulator {
    #[new]
    #[pyo3(signature = (
        app_id = "24701998-1a73-4d42-8085-bf46ed0ae039",
        tenant_id = "632899f8-2ea1-4604-8413-27bd2892079f",
        port = 0,
        *,
        own_key = false,
        token_lifetime = 3600.0,
    ) -> "Self")]
    fn new(
        py: Python<'_>,
        app_id: &str,
        tenant_id: &str,
        port: u16,
        own_key: bool,
        token_lifetime: f64,
    ) -> PyResult<Self> {
        let (app_id, tenant_id) = (app_id.to_owned(), tenant_id.to_owned());
        let token_lifetime = seconds(token_lifetime)?;
        let options = SimulatorOptions { app_id, tenant_id, port, own_key, token_lifetime };
        Ok(Self { core: py.detach(|| Core::start(options))? })
    }

    /// `http://127.0.0.1:PORT`, in place of `https://graph.microsoft.com`.
    #[getter]
    fn base_url(&self) -> &str {
        self.core.base_url()
    }

    /// Where a verifier finds the issuer and the keys.
    #[getter]
    fn metadata_url(&self) -> String {
        self.core.metadata_url()
    }

    /// The signing keys as JSON text, for verifying without the network.
    #[getter]
    fn jwks(&self) -> &str {
        self.core.jwks()
    }

    /// The bot's app id: the audience of its notifications.
    #[getter]
    fn app_id(&self) -> &str {
        self.core.app_id()
    }

    /// The tenant of calls and tokens that name no other.
    #[getter]
    fn tenant_id(&self) -> &str {
        self.core.tenant_id()
    }

    /// The app's client secret. The simulator is an issuer of tokens, too: `{base_url}/{tenant}/oauth2/v2.0/token`
    /// takes it, and `base_url` is the `authority` of credentials that are to ask here.
    #[getter]
    fn client_secret(&self) -> &str {
        self.core.client_secret()
    }

    /// What `IDENTITY_HEADER` is in Azure App Service; `{base_url}/msi/token` is `IDENTITY_ENDPOINT`. The instance
    /// metadata of a virtual machine is at `{base_url}/metadata/identity/oauth2/token`.
    #[getter]
    fn identity_header(&self) -> &str {
        self.core.identity_header()
    }

    /// Registers a certificate (PEM text) for the app, so that assertions signed with its key are taken.
    ///
    /// Raises `ValueError` if it is no certificate.
    fn register_certificate(&self, pem: &str) -> PyResult<()> {
        if self.core.register_certificate(pem) {
            return Ok(());
        }
        Err(PyValueError::new_err("there is no certificate in it that can be read: give PEM text"))
    }

    /// A token this Graph accepts for calls of the tenant.
    ///
    /// `lifetime` is in seconds; 0 makes a token that has expired already. Without `"Calls.Initiate.All"` among the
    /// `roles` (it is the default) Graph refuses to redirect.
    #[pyo3(signature = (tenant_id = None, *, lifetime = 3600.0, roles: "Sequence[str] | None" = None))]
    fn access_token(
        &self,
        py: Python<'_>,
        tenant_id: Option<&str>,
        lifetime: f64,
        roles: Option<Vec<String>>,
    ) -> PyResult<String> {
        let mut options = AccessOptions::for_tenant(tenant_id.unwrap_or(self.core.tenant_id()));
        options.lifetime = seconds(lifetime)?;
        if let Some(roles) = roles {
            options.roles = roles;
        }
        py.detach(|| self.core.access_token(options)).map_err(PyErr::from)
    }

    /// The signed token of a notification, as a bot receives it behind `Bearer `.
    ///
    /// `claims` changes or adds claims, and removes those given as `None`: really signed, and wrong.
    #[pyo3(signature = (app_id = None, tenant_id = None, *, claims: "dict[str, Any] | None" = None))]
    fn notification_token(
        &self,
        py: Python<'_>,
        app_id: Option<&str>,
        tenant_id: Option<&str>,
        claims: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<String> {
        let app_id = app_id.unwrap_or(self.core.app_id());
        let tenant_id = tenant_id.unwrap_or(self.core.tenant_id());
        let token = match claims.map(|claims| from_python(claims)).transpose()? {
            Some(Value::Object(changes)) => {
                py.detach(|| self.core.notification_token_with(app_id, tenant_id, &changes))
            }
            _ => py.detach(|| self.core.notification_token(app_id, tenant_id)),
        };
        Ok(token?)
    }

    /// Rings the bot at `url` and waits until the call is over: redirected and ended, or not answered within `wait`
    /// seconds (15 at most), or refused by the bot.
    ///
    /// `source` and each of `targets` are identity sets such as `{"user": {"id": "..."}}`, or whole participants with
    /// an `identity`. `token` is a genuine one when `None`, the text given, or with `False` no `Authorization` at all;
    /// `body` is sent instead of the notification, byte for byte. Only URLs on this machine are rung (`ValueError`);
    /// a bot nobody answers for is a `ConnectionError`.
    #[pyo3(signature = (
        url, *, call_id = None, source: "dict[str, Any] | None" = None,
        targets: "Sequence[dict[str, Any]] | None" = None, tenant_id = None, callback_uri = None,
        token: "str | Literal[False] | None" = None, body: "bytes | str | None" = None, wait = 15.0,
    ))]
    #[allow(clippy::too_many_arguments, reason = "keyword arguments in Python")]
    fn ring(
        &self,
        py: Python<'_>,
        url: &str,
        call_id: Option<String>,
        source: Option<&Bound<'_, PyDict>>,
        targets: Option<Vec<Bound<'_, PyDict>>>,
        tenant_id: Option<String>,
        callback_uri: Option<String>,
        token: Option<&Bound<'_, PyAny>>,
        body: Option<&Bound<'_, PyAny>>,
        wait: f64,
    ) -> PyResult<RungCall> {
        let options = RingOptions {
            call_id,
            source: source.map(|source| from_python(source)).transpose()?,
            targets: targets
                .unwrap_or_default()
                .iter()
                .map(|target| from_python(target))
                .collect::<PyResult<_>>()?,
            tenant_id,
            callback_uri,
            my_participant_id: None,
            token: to_token(token)?,
            body: body.map(text).transpose()?.map(Cow::into_owned),
            wait: Some(seconds(wait)?),
        };
        self.wait_for(py, url, options)
    }

    /// Rings the bot with the incoming call of Microsoft's documented example 1 (forward to an application),
    /// 2 (two users at once) or 3 (to a phone number). The rest as in `ring`.
    #[pyo3(signature = (
        number: "int", url, *, call_id = None, token: "str | Literal[False] | None" = None, wait = 15.0,
    ))]
    fn ring_example(
        &self,
        py: Python<'_>,
        number: u8,
        url: &str,
        call_id: Option<String>,
        token: Option<&Bound<'_, PyAny>>,
        wait: f64,
    ) -> PyResult<RungCall> {
        let example = RingOptions::example(number)
            .ok_or_else(|| PyValueError::new_err(format!("the examples are 1, 2 and 3, not {number}")))?;
        let options = RingOptions { call_id, token: to_token(token)?, wait: Some(seconds(wait)?), ..example };
        self.wait_for(py, url, options)
    }

    /// Makes a call known to Graph as if it rang from now on, and rings nobody: for tests of a client alone.
    /// Returns its id.
    #[pyo3(signature = (*, call_id = None, tenant_id = None, wait = 15.0))]
    fn place_call(&self, call_id: Option<String>, tenant_id: Option<String>, wait: f64) -> PyResult<String> {
        let options =
            RingOptions { call_id, tenant_id, wait: Some(seconds(wait)?), ..RingOptions::default() };
        self.core.place_call(&options).map_err(PyErr::from)
    }

    /// The last 10,000 redirects Graph received, refused ones too, oldest first.
    #[getter]
    fn redirects(&self) -> Vec<ReceivedRedirect> {
        self.core.redirects().into_iter().map(ReceivedRedirect).collect()
    }

    /// The last 10,000 requests Graph served, oldest first: method, path, status.
    #[getter]
    fn requests(&self) -> Vec<(String, String, u16)> {
        let requests = self.core.requests().into_iter();
        requests.map(|request| (request.method, request.path, request.status)).collect()
    }

    /// Stops serving and ends every call. Harmless when closed already; returns within a second.
    fn close(&self, py: Python<'_>) {
        py.detach(|| self.core.stop());
    }

    #[pyo3(signature = () -> "Self")]
    fn __enter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    #[pyo3(signature = (*_exception: "Any"))]
    fn __exit__(&self, py: Python<'_>, _exception: &Bound<'_, PyTuple>) {
        self.close(py);
    }

    fn __repr__(&self) -> String {
        format!("Simulator(base_url='{}')", self.core.base_url())
    }
}

impl Simulator {
    /// Waits without the GIL, and looks up for Ctrl-C; leaving early hangs up.
    fn wait_for(&self, py: Python<'_>, url: &str, options: RingOptions) -> PyResult<RungCall> {
        let mut ringing = py.detach(|| self.core.ring(url, options))?;
        loop {
            // Moved in and out: the receiving end belongs to one thread at a time.
            let (back, result) = py.detach(move || {
                let result = ringing.wait_for(SIGNAL_CHECK);
                (ringing, result)
            });
            ringing = back;
            if let Some(result) = result {
                return result.map(RungCall).map_err(PyErr::from);
            }
            py.check_signals()?;
        }
    }
}

fn seconds(value: f64) -> PyResult<Duration> {
    Duration::try_from_secs_f64(value)
        .map_err(|_| PyValueError::new_err(format!("{value} is not a number of seconds, 0 or more")))
}

/// `None`: genuine; text: that; `False`: no header.
fn to_token(token: Option<&Bound<'_, PyAny>>) -> PyResult<NotificationToken> {
    match token {
        None => Ok(NotificationToken::Genuine),
        Some(token) if token.is(&*PyBool::new(token.py(), false)) => Ok(NotificationToken::Missing),
        Some(token) => Ok(NotificationToken::Given(token.extract()?)),
    }
}

impl From<RingError> for PyErr {
    fn from(error: RingError) -> Self {
        let message = error.to_string();
        match error {
            RingError::NotLoopback(_) | RingError::AlreadyRinging(_) => PyValueError::new_err(message),
            RingError::Unreachable(_) => PyConnectionError::new_err(message),
            RingError::Stopped | RingError::Signing => PyRuntimeError::new_err(message),
        }
    }
}

impl From<SimulatorError> for PyErr {
    fn from(error: SimulatorError) -> Self {
        let message = error.to_string();
        match error {
            SimulatorError::Io(_) => PyOSError::new_err(message),
            SimulatorError::Crypto | SimulatorError::Client(_) => PyRuntimeError::new_err(message),
        }
    }
}
