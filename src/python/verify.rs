//! `Verifier` and `Claims`.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use super::bridge::block_on;
use super::errors::{exception, raise};
use super::hint::{As, hint};
use super::value::{Reduced, read_json, reduce, replace, repr_fields};
use crate::ParseError;
use crate::verify as core;

hint! {
    MatchClaims = "tuple[Literal['tenant_id'], Literal['issuer'], Literal['audience']]";
}

/// What a verified token says. `Verifier.verify` makes these.
#[pyclass(frozen, eq, module = "callredirect")]
#[derive(PartialEq)]
pub(super) struct Claims(core::Claims);

impl Claims {
    fn fields<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let fields = PyDict::new(py);
        fields.set_item("tenant_id", &self.0.tenant_id)?;
        fields.set_item("issuer", &self.0.issuer)?;
        fields.set_item("audience", &self.0.audience)?;
        fields.set_item("expires_at", self.0.expires_at)?;
        fields.set_item("not_before", self.0.not_before)?;
        fields.set_item("app_id", &self.0.app_id)?;
        Ok(fields)
    }
}

#[pymethods]
impl Claims {
    #[classattr]
    fn __match_args__() -> As<MatchClaims, (&'static str, &'static str, &'static str)> {
        ("tenant_id", "issuer", "audience").into()
    }

    #[new]
    #[pyo3(signature = (tenant_id, issuer, audience, *, expires_at, not_before = None, app_id = None))]
    fn new(
        tenant_id: String,
        issuer: String,
        audience: String,
        expires_at: f64,
        not_before: Option<f64>,
        app_id: Option<String>,
    ) -> Self {
        Self(core::Claims { tenant_id, app_id, issuer, audience, expires_at, not_before })
    }

    /// The tenant the call belongs to. Compare it with the notification's tenant.
    #[getter]
    fn tenant_id(&self) -> &str {
        &self.0.tenant_id
    }

    /// Who issued the token.
    #[getter]
    fn issuer(&self) -> &str {
        &self.0.issuer
    }

    /// Whom the token is for: the bot's application id.
    #[getter]
    fn audience(&self) -> &str {
        &self.0.audience
    }

    /// When the token ends, in seconds since 1970.
    #[getter]
    fn expires_at(&self) -> f64 {
        self.0.expires_at
    }

    /// When the token begins, in seconds since 1970.
    #[getter]
    fn not_before(&self) -> Option<f64> {
        self.0.not_before
    }

    /// The application that sent the notification: Microsoft's own.
    #[getter]
    fn app_id(&self) -> Option<&str> {
        self.0.app_id.as_deref()
    }

    fn __hash__(&self) -> u64 {
        // Times stay out: equal numbers can have different bits.
        let mut hasher = DefaultHasher::new();
        (&self.0.tenant_id, &self.0.issuer, &self.0.audience, &self.0.app_id).hash(&mut hasher);
        hasher.finish()
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        repr_fields("Claims", &self.fields(py)?)
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

/// Tells whether Microsoft sent a notification. Safe to use from many threads.
///
/// A `Redirector` sees to the keys by itself: it fetches them for the first call, anew every hour in the background, and
/// for a token whose key is not among them, for these at most once in 30 seconds. Old keys serve while a fetch fails, for
/// 24 hours.
///
/// The defaults are those of the public cloud. Government clouds differ, and what they send is not settled: in GCC High the
/// issuer was seen to be ``https://api.botframework.com/``, with a slash, signed by a key that this cloud's metadata did
/// not have. Set ``issuers`` and ``metadata_url`` to what you see.
///
/// Args:
///     app_id: The bot's application id, the audience of every token.
///     tenants: Tenant ids whose calls are taken; ``None`` takes any, an empty list none.
///     issuers: Accepted issuers, exact, except that one given with a slash at its end is accepted without it, too;
///         ``None`` for the two of the public cloud.
///     metadata_url: Where the keys are published: OpenID metadata whose ``jwks_uri`` is followed; https, or http on
///         loopback. ``None`` for the public cloud's, unless there are ``jwks``.
///     jwks: Keys to use, a JSON Web Key Set as JSON text or dict. Keys that cannot have signed a notification
///         are passed over. With a ``metadata_url`` too, they serve until the first fetch.
///     key_hosts: Hosts that the metadata may send us to for the keys, besides its own.
///
/// Raises:
///     ParseError: ``jwks`` is no key set.
///     ValueError: ``app_id`` is empty, or ``metadata_url`` is neither https nor on loopback.
#[pyclass(frozen, module = "callredirect")]
pub(super) struct Verifier {
    pub(super) core: Arc<core::Verifier>,
}

#[pymethods]
impl Verifier {
    #[new]
    #[allow(clippy::needless_pass_by_value, reason = "what comes from Python comes by value")]
    #[pyo3(signature = (
        app_id, tenants: "Sequence[str] | None" = None, issuers: "Sequence[str] | None" = None, metadata_url = None,
        jwks: "bytes | str | dict[str, Any] | None" = None, *, key_hosts: "Sequence[str]" = Vec::new()
    ))]
    fn new(
        app_id: String,
        tenants: Option<Vec<String>>,
        issuers: Option<Vec<String>>,
        metadata_url: Option<String>,
        jwks: Option<&Bound<'_, PyAny>>,
        key_hosts: Vec<String>,
    ) -> PyResult<Self> {
        check_app_id(&app_id)?;
        let keys = jwks.map(key_set).transpose()?.unwrap_or_default();
        let verifier = core::Verifier::new(app_id, tenants, issuers, keys);
        // Keys that were handed over are not to be replaced behind the caller's back.
        let url = metadata_url.or_else(|| jwks.is_none().then(|| core::DEFAULT_METADATA_URL.to_owned()));
        let Some(url) = url else { return Ok(Self { core: Arc::new(verifier) }) };
        let source = core::KeySource::new(&url, &key_hosts)
            .map_err(|error| PyValueError::new_err(format!("metadata_url: {error}")))?;
        Ok(Self { core: Arc::new(verifier.fetching_from(source)) })
    }

    /// A verifier that verifies nothing, for experiments on your own machine: whoever reaches the webhook can make
    /// this bot redirect calls. A `Redirector` with it says so in the log, as a ``WARNING``.
    ///
    /// Raises:
    ///     ValueError: ``app_id`` is empty.
    #[staticmethod]
    fn dangerously_accepting_anyone(app_id: String) -> PyResult<Self> {
        check_app_id(&app_id)?;
        Ok(Self { core: Arc::new(core::Verifier::dangerously_accepting_anyone(app_id)) })
    }

    /// Checks the value of the ``Authorization`` header of a notification.
    ///
    /// Takes anything; what is not one valid Bearer token for this bot raises `VerificationError` and nothing else.
    /// Answer such a request with a plain 401.
    ///
    /// Args:
    ///     authorization_header: ``"Bearer ..."`` as it came.
    ///     now: Seconds since 1970; ``None`` asks the clock. The token's times may be 300 seconds off.
    ///
    /// Raises:
    ///     VerificationError: ``reason`` names the check that failed. ``"unknown_key"`` and ``"no_keys"`` may pass
    ///         after `set_jwks` with newer keys.
    #[pyo3(signature = (authorization_header: "object", now = None))]
    fn verify(
        &self,
        py: Python<'_>,
        authorization_header: &Bound<'_, PyAny>,
        now: Option<f64>,
    ) -> PyResult<Claims> {
        let now = match now {
            Some(now) => now,
            // Python's clock, so that tests that set it are obeyed.
            None => py.import("time")?.call_method0("time")?.extract()?,
        };
        let header = authorization_header.cast::<PyString>().ok().and_then(|text| text.to_str().ok());
        let verdict = match header {
            Some(header) => py.detach(|| self.core.verify(header, now)),
            None if self.core.accepts_anyone() => self.core.verify("", now),
            None => Err(core::Reason::Missing.into()),
        };
        verdict.map(Claims).map_err(|error| {
            let words = match error.reason {
                core::Reason::NoKeys => format!("{error}: call fetch_keys(), or give jwks"),
                _ => error.to_string(),
            };
            raise(exception!(py, "VerificationError"), (error.reason.as_str(), words), None)
        })
    }

    /// Uses these keys from now on, instead of those before.
    ///
    /// Raises:
    ///     ParseError: It is no key set; the keys stay as they were.
    #[pyo3(signature = (jwks: "bytes | str | dict[str, Any]"))]
    fn set_jwks(&self, jwks: &Bound<'_, PyAny>) -> PyResult<()> {
        self.core.replace_keys(key_set(jwks)?);
        Ok(())
    }

    /// Fetches the keys now, which a `Redirector` does by itself: for a verifier used alone. Blocks, at most 5 seconds
    /// or so; another thread's fetch that is under way is waited for instead. Nothing happens within a second of
    /// the last fetch.
    ///
    /// Raises:
    ///     OSError: The keys could not be had; those before stay in use.
    fn fetch_keys(&self, py: Python<'_>) -> PyResult<()> {
        let core = Arc::clone(&self.core);
        block_on(py, async move { core.fetch_keys_now().await })?
            .map_err(|reason| PyOSError::new_err(format!("the keys could not be fetched: {reason}")))
    }

    /// The bot's application id.
    #[getter]
    fn app_id(&self) -> &str {
        self.core.app_id()
    }

    /// Tenant ids whose calls are taken; ``None`` for any.
    #[getter]
    fn tenants(&self) -> Option<Vec<&str>> {
        self.core.tenants().map(|tenants| tenants.iter().map(String::as_str).collect())
    }

    /// Accepted issuers.
    #[getter]
    fn issuers(&self) -> Vec<&str> {
        self.core.issuers().iter().map(String::as_str).collect()
    }

    /// Where the keys are published, if it was said.
    #[getter]
    fn metadata_url(&self) -> Option<&str> {
        self.core.source().map(core::KeySource::metadata_url)
    }

    /// Whether nothing is verified: see `dangerously_accepting_anyone`.
    #[getter]
    fn accepts_anyone(&self) -> bool {
        self.core.accepts_anyone()
    }

    /// Ids of the usable keys, sorted.
    #[getter]
    fn key_ids(&self) -> Vec<String> {
        let keys = self.core.keys();
        let mut ids: Vec<_> = keys.key_ids().map(str::to_owned).collect();
        ids.sort();
        ids
    }

    fn __repr__(&self) -> String {
        if self.core.accepts_anyone() {
            return format!("Verifier.dangerously_accepting_anyone({:?})", self.core.app_id());
        }
        format!("Verifier(app_id={:?}, keys={})", self.core.app_id(), self.core.keys().key_ids().count())
    }
}

fn check_app_id(app_id: &str) -> PyResult<()> {
    if app_id.is_empty() {
        return Err(PyValueError::new_err("app_id is empty: it is the bot's application id"));
    }
    // As read from a file with its line end: no token would ever be for this app.
    if app_id.contains(char::is_whitespace) {
        return Err(PyValueError::new_err(
            "app_id holds white space, which no application id does: strip it",
        ));
    }
    Ok(())
}

fn key_set(jwks: &Bound<'_, PyAny>) -> PyResult<core::KeySet> {
    read_json(jwks, |text| {
        let text = std::str::from_utf8(text).map_err(|_| ParseError::unplaced("the key set is not UTF-8"))?;
        core::KeySet::from_json(text)
    })
}
