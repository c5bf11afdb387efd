//! `callredirect.testing`: the simulator for Python.

use std::time::Duration;

use pyo3::exceptions::{PyConnectionError, PyOSError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use serde_json::Value;

use super::hint::{As, hint};
use super::send::Cloud;
use super::value::from_python;
use crate::simulator::{
    AccessOptions, Fault, RingError, Ringing, Simulator as Core, SimulatorError, SimulatorOptions,
};
use options::{ring_options, seconds};

mod events;
mod options;
mod results;
mod scenario;
pub(super) use events::{
    BotReplied, CallFailed, CallFinished, CallRang, Events, NotificationSent, RedirectReceived,
    SimulatorEvent,
};
pub(super) use results::{ReceivedRedirect, RungCall};
pub(super) use scenario::Scenario;

hint! {
    Meanings = "dict[FaultName, str]";
}

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
/// issues, in seconds; `client_secret` is the one it takes, for a bot that was configured before, and a new one when
/// `None`. `cloud` says which cloud's Graph it is: beta is served worldwide only, calls in China not at all.
///
/// `speed` makes people so many times faster than the clock: they pick up and hang up, and telephones give up ringing,
/// in so much less time; Graph's 15 seconds and the times of faults stay, for the bot lives in real time. `faults` go
/// wrong with every call, after the call's own (see `Simulator.faults`); `seed` decides about those with a probability.
/// `second_redirect` is what a second redirect of a call is told: no public source says what Graph tells.
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
        host = "127.0.0.1",
        own_key = false,
        token_lifetime = 3600.0,
        client_secret: "str | None" = None,
        cloud: "Cloud" = Cloud::GLOBAL,
        speed = 1.0,
        seed = 0,
        faults: "Sequence[Fault] | None" = None,
        second_redirect: "Literal['not_found', 'accepted', 'conflict']" = "not_found",
    ) -> "Self")]
    #[allow(clippy::too_many_arguments, clippy::similar_names, reason = "keyword arguments in Python")]
    fn new(
        py: Python<'_>,
        app_id: &str,
        tenant_id: &str,
        port: u16,
        host: &str,
        own_key: bool,
        token_lifetime: f64,
        client_secret: Option<String>,
        cloud: Cloud,
        speed: f64,
        seed: u64,
        faults: Option<&Bound<'_, PyAny>>,
        second_redirect: &str,
    ) -> PyResult<Self> {
        let options = SimulatorOptions {
            app_id: app_id.to_owned(),
            tenant_id: tenant_id.to_owned(),
            host: options::host(py, host)?,
            port,
            own_key,
            token_lifetime: seconds(token_lifetime)?,
            client_secret,
            cloud: cloud.into(),
            speed: options::speed(speed)?,
            seed,
            faults: options::faults(faults)?,
            second_redirect: options::second_redirect(second_redirect)?,
        };
        // What ringing needs of Python is loaded before a thread may be ringing while the interpreter goes away.
        py.import("json")?;
        Ok(Self { core: py.detach(|| Core::start(options))? })
    }

    /// `http://127.0.0.1:PORT`, in place of `https://graph.microsoft.com`.
    #[getter]
    fn base_url(&self) -> &str {
        self.core.base_url()
    }

    /// The live page for a browser: every call with its timeline and payloads, and a form to place calls.
    #[getter]
    fn page_url(&self) -> String {
        self.core.page_url()
    }

    /// Where a verifier finds the issuer and the keys.
    #[getter]
    fn metadata_url(&self) -> String {
        self.core.metadata_url()
    }

    /// The signing keys as JSON text, for verifying without the network.
    #[getter]
    fn jwks(&self) -> String {
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

    /// From now on a new key signs, published beside the one before.
    fn rotate_keys(&self, py: Python<'_>) -> PyResult<()> {
        py.detach(|| self.core.rotate_keys()).map_err(PyErr::from)
    }

    /// Every fault by name, with what happens in words.
    #[staticmethod]
    fn faults(py: Python<'_>) -> PyResult<As<Meanings, Bound<'_, PyDict>>> {
        let meanings = PyDict::new(py);
        for fault in Fault::ALL {
            meanings.set_item(fault.name(), fault.meaning())?;
        }
        Ok(meanings.into())
    }

    /// Rings the bot at `url` and waits until the call is over.
    ///
    /// Args:
    ///     url: The bot's webhook. Only addresses on this machine are rung.
    ///     name: Yours for the call, in its result.
    ///     call_id: A new GUID when `None`.
    ///     source: Who rings: an identity set such as `{"user": "..."}` or `{"phone": {"id": "+14255550100"}}`, or a whole
    ///         participant with an `identity`. A Teams user when `None`.
    ///     targets: Who is rung, in the same form; the bot when `None`. A call to the bot's telephone number has an
    ///         `applicationInstance` here.
    ///     tenant_id: Tenant of the call; the simulator's when `None`.
    ///     callback_uri: `callbackUri` of the call.
    ///     token: Genuine when `None`, the text given, or with `False` no `Authorization` at all.
    ///     body: Sent instead of the notification, byte for byte.
    ///     wait: Seconds Graph gives the bot, 15 at most.
    ///     callees: What the targets of the redirect do, by id or number: pick up after so many seconds, or `"no_answer"`,
    ///         `"busy"`, `"unreachable"`. `"*"` stands for all others. Whoever nothing is said of picks up at once.
    ///     hang_up: Seconds after which the caller hangs up.
    ///     timeline: `"specification"`: incoming, then terminated, as documented. `"redirecting"`: as documented in 2019,
    ///         with a state in between, who picked up, and a termination reason.
    ///     faults: What goes wrong on purpose, as names or as tables such as
    ///         `{"name": "throttled", "nth": 1, "seconds": 0.5}`; `Simulator.faults` lists them. Without `nth` and
    ///         `probability` a fault strikes each time.
    ///     patience: Seconds to wait for somebody to listen at `url`.
    ///
    /// Raises:
    ///     ParseError: A value that cannot be; `path` says which.
    ///     ValueError: The bot is not on this machine, or a call of this id is ringing.
    ///     ConnectionError: Nothing listens at `url`.
    #[pyo3(signature = (
        url, *, name: "str | None" = None, call_id: "str | None" = None, source: "Party | None" = None,
        targets: "Sequence[Party] | None" = None, tenant_id: "str | None" = None, callback_uri: "str | None" = None,
        token: "str | Literal[False] | None" = None, body: "bytes | str | None" = None, wait = 15.0,
        callees: "Mapping[str, Callee] | None" = None, hang_up: "float | None" = None,
        timeline: "Timeline" = "specification", faults: "Sequence[Fault] | None" = None, patience = 5.0,
    ))]
    #[allow(clippy::too_many_arguments, reason = "keyword arguments in Python")]
    fn ring(
        &self,
        py: Python<'_>,
        url: &str,
        name: Option<&Bound<'_, PyAny>>,
        call_id: Option<&Bound<'_, PyAny>>,
        source: Option<&Bound<'_, PyAny>>,
        targets: Option<&Bound<'_, PyAny>>,
        tenant_id: Option<&Bound<'_, PyAny>>,
        callback_uri: Option<&Bound<'_, PyAny>>,
        token: Option<&Bound<'_, PyAny>>,
        body: Option<&Bound<'_, PyAny>>,
        wait: f64,
        callees: Option<&Bound<'_, PyAny>>,
        hang_up: Option<&Bound<'_, PyAny>>,
        timeline: &str,
        faults: Option<&Bound<'_, PyAny>>,
        patience: f64,
    ) -> PyResult<RungCall> {
        let script = PyDict::new(py);
        let given = [
            ("name", name),
            ("call_id", call_id),
            ("source", source),
            ("targets", targets),
            ("tenant_id", tenant_id),
            ("callback_uri", callback_uri),
            ("callees", callees),
            ("hang_up", hang_up),
            ("faults", faults),
        ];
        for (key, value) in given {
            if let Some(value) = value {
                script.set_item(key, value)?;
            }
        }
        script.set_item("wait", seconds(wait)?.as_secs_f64())?;
        script.set_item("timeline", timeline)?;
        let options = ring_options(&script, token, body, patience)?;
        let ringing = py.detach(|| self.core.ring(url, options))?;
        wait_for(py, ringing).map(RungCall)
    }

    /// Rings the bot with the incoming call of Microsoft's documented example 1 (forward to an application),
    /// 2 (two users at once) or 3 (to a phone number). The rest as in `ring`.
    #[pyo3(signature = (
        number: "int", url, *, call_id: "str | None" = None, token: "str | Literal[False] | None" = None, wait = 15.0,
        callees: "Mapping[str, Callee] | None" = None, faults: "Sequence[Fault] | None" = None, patience = 5.0,
    ))]
    #[allow(clippy::too_many_arguments, reason = "keyword arguments in Python")]
    fn ring_example(
        &self,
        py: Python<'_>,
        number: u8,
        url: &str,
        call_id: Option<&Bound<'_, PyAny>>,
        token: Option<&Bound<'_, PyAny>>,
        wait: f64,
        callees: Option<&Bound<'_, PyAny>>,
        faults: Option<&Bound<'_, PyAny>>,
        patience: f64,
    ) -> PyResult<RungCall> {
        if !(1..=3).contains(&number) {
            return Err(PyValueError::new_err(format!("the examples are 1, 2 and 3, not {number}")));
        }
        let script = PyDict::new(py);
        script.set_item("example", number)?;
        script.set_item("call_id", call_id)?;
        script.set_item("wait", seconds(wait)?.as_secs_f64())?;
        script.set_item("callees", callees)?;
        script.set_item("faults", faults)?;
        let options = ring_options(&script, token, None, patience)?;
        let ringing = py.detach(|| self.core.ring(url, options))?;
        wait_for(py, ringing).map(RungCall)
    }

    /// Rings the bot at `url` with every call of a scenario, and waits until all are over. The results come in the
    /// scenario's order.
    #[pyo3(signature = (url, scenario))]
    fn play(&self, py: Python<'_>, url: &str, scenario: &Scenario) -> PyResult<Vec<RungCall>> {
        let playing = py.detach(|| self.core.play(url, &scenario.0))?;
        Ok(wait_for(py, playing)?.into_iter().map(RungCall).collect())
    }

    /// Waits until somebody listens at `url`, for a bot that has just been started; `ring` does so by itself.
    ///
    /// Raises `ConnectionError` when nobody does within `timeout` seconds.
    #[pyo3(signature = (url, timeout = 5.0))]
    fn wait_until_listening(&self, py: Python<'_>, url: &str, timeout: f64) -> PyResult<()> {
        let waiting = self.core.wait_until_listening(url, seconds(timeout)?)?;
        wait_for(py, waiting)
    }

    /// Iterates over what happens from now on: notifications, replies, redirects with their verdict, ends of calls.
    ///
    /// The iterator waits for the next event and ends when the simulator is closed, or when nothing happens for
    /// `timeout` seconds: with 0 it gives what has happened and stops. `start` is the number of the event to begin
    /// with; the last 10,000 are kept, so 0 gives all of a short test.
    #[pyo3(signature = (*, start: "int | None" = None, timeout: "float | None" = None))]
    fn events(&self, start: Option<u64>, timeout: Option<f64>) -> PyResult<Events> {
        Events::new(self.core.events(start), timeout)
    }

    /// Makes a call known to Graph as if it rang from now on, and rings nobody: for tests of a client alone.
    /// Returns its id. `faults` are of Graph's answers only.
    #[pyo3(signature = (
        *, call_id: "str | None" = None, tenant_id: "str | None" = None, wait = 15.0,
        faults: "Sequence[Fault] | None" = None,
    ))]
    fn place_call(
        &self,
        py: Python<'_>,
        call_id: Option<&Bound<'_, PyAny>>,
        tenant_id: Option<&Bound<'_, PyAny>>,
        wait: f64,
        faults: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<String> {
        let script = PyDict::new(py);
        script.set_item("call_id", call_id)?;
        script.set_item("tenant_id", tenant_id)?;
        script.set_item("wait", seconds(wait)?.as_secs_f64())?;
        script.set_item("faults", faults)?;
        self.core.place_call(&ring_options(&script, None, None, 0.0)?).map_err(PyErr::from)
    }

    /// The last 10,000 redirects Graph received, refused ones too, oldest first.
    #[getter]
    fn redirects(&self) -> Vec<ReceivedRedirect> {
        self.core.redirects().into_iter().map(ReceivedRedirect).collect()
    }

    /// The last 10,000 requests Graph served, oldest first: method, path, status; `None` for one left unanswered.
    #[getter]
    fn requests(&self) -> Vec<(String, String, Option<u16>)> {
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

/// How long to wait without looking up. Signals are the main thread's; another, if it is a daemon, must not come back
/// to an interpreter that is going away.
fn slice(py: Python<'_>) -> PyResult<Duration> {
    let threading = py.import("threading")?;
    let main: u64 = threading.call_method0("main_thread")?.getattr("ident")?.extract()?;
    let this: u64 = threading.call_method0("get_ident")?.extract()?;
    Ok(if main == this { SIGNAL_CHECK } else { Duration::from_secs(3600) })
}

/// Waits without the GIL, and looks up for Ctrl-C; leaving early hangs up.
fn wait_for<T: Send>(py: Python<'_>, mut ringing: Ringing<T>) -> PyResult<T> {
    let slice = slice(py)?;
    loop {
        // Moved in and out: the receiving end belongs to one thread at a time.
        let (back, result) = py.detach(move || {
            let result = ringing.wait_for(slice);
            (ringing, result)
        });
        ringing = back;
        if let Some(result) = result {
            return result.map_err(PyErr::from);
        }
        py.check_signals()?;
    }
}

impl From<RingError> for PyErr {
    fn from(error: RingError) -> Self {
        let message = error.to_string();
        match error {
            RingError::NotLoopback(_) | RingError::AlreadyRinging(_) => PyValueError::new_err(message),
            RingError::Unreachable(..) => PyConnectionError::new_err(message),
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
