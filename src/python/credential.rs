//! Our own credentials, and the rule of age for everybody else's.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pyo3::exceptions::{PyOSError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

use super::errors::{exception, raise};
use super::hint::{As, hint};
use crate::Secret;
use crate::send::clock;
use crate::send::token::{
    Advice, Certificate, Credential, Endpoint, Life, TokenError, TokenProvider, patience,
};

hint! {
    AdviceWord = "Literal['use', 'refresh', 'wait']";
}

/// An app's identity with its client secret: asks Microsoft Entra for tokens of each call's tenant.
///
/// Tokens are fetched once for all clients that share this object, kept while they live, and renewed in the background
/// from half their life on. Nothing is fetched before it is needed; see ``Client.warm_up``.
///
/// Args:
///     client_id: The app registration's *Application (client) ID*.
///     secret: The client secret's value (not its id).
///     tenant_id: The tenant of tokens when the call names none, by id or domain. The tenant of the call goes first.
///     authority: Another issuer than the cloud's, such as a simulator's ``base_url``; plain http on loopback only.
///
/// Raises:
///     ValueError: One of these cannot be right.
///
/// Source: Microsoft identity platform, *OAuth 2.0 client credentials flow*.
#[pyclass(frozen, module = "callredirect")]
pub(super) struct ClientSecret(Arc<TokenProvider>);

#[pymethods]
impl ClientSecret {
    #[new]
    #[pyo3(signature = (client_id, secret: "str", tenant_id, *, authority = None))]
    fn new(
        client_id: &str,
        secret: &Bound<'_, PyString>,
        tenant_id: &str,
        authority: Option<&str>,
    ) -> PyResult<Self> {
        // Python's own complaint about a lone surrogate would carry the secret.
        let secret = secret.to_str().map_err(|_| PyValueError::new_err("the client secret is not text"))?;
        let credential = Credential::secret(client_id, Secret::new(secret), tenant_id, authority);
        Ok(Self(provider(credential.map_err(|error| PyValueError::new_err(error.reason))?)))
    }

    /// The app's id.
    #[getter]
    fn client_id(&self) -> &str {
        self.0.credential().client_id().unwrap_or_default()
    }

    /// The tenant of tokens when the call names none.
    #[getter]
    fn tenant_id(&self) -> &str {
        self.0.credential().tenant().unwrap_or_default()
    }

    fn __repr__(&self) -> String {
        format!("ClientSecret(client_id='{}', tenant_id='{}')", self.client_id(), self.tenant_id())
    }

    #[pyo3(signature = () -> "NoReturn")]
    #[allow(clippy::unused_self, reason = "a method in Python")]
    fn __reduce__(&self) -> PyResult<()> {
        Err(not_pickled("ClientSecret"))
    }
}

/// An app's identity with a certificate: like ``ClientSecret``, but what goes out is a signature, not the secret.
///
/// Args:
///     client_id: The app registration's *Application (client) ID*.
///     certificate: A PEM file's path, or PEM text or bytes, with the certificate **and** its RSA private key, not
///         encrypted. Further certificates in it count as the chain.
///     tenant_id: The tenant of tokens when the call names none, by id or domain.
///     authority: Another issuer than the cloud's, such as a simulator's ``base_url``; plain http on loopback only.
///     send_chain: Send the certificates along, for apps that trust a certificate by its issuer and subject name.
///
/// Raises:
///     ValueError: One of these cannot be right; the message says what to do.
///     OSError: The file cannot be read.
///
/// Source: Microsoft identity platform, *application authentication certificate credentials*.
#[pyclass(frozen, module = "callredirect")]
pub(super) struct ClientCertificate(Arc<TokenProvider>);

#[pymethods]
impl ClientCertificate {
    #[new]
    #[pyo3(signature = (
        client_id, certificate: "str | bytes | PathLike[str]", tenant_id, *, authority = None, send_chain = false,
    ))]
    fn new(
        client_id: &str,
        certificate: &Bound<'_, PyAny>,
        tenant_id: &str,
        authority: Option<&str>,
        send_chain: bool,
    ) -> PyResult<Self> {
        let wrong = |error: TokenError| PyValueError::new_err(error.message);
        let certificate = Certificate::from_pem(&pem(certificate)?).map_err(wrong)?;
        let credential = Credential::certificate(client_id, certificate, tenant_id, authority, send_chain);
        Ok(Self(provider(credential.map_err(|error| PyValueError::new_err(error.reason))?)))
    }

    /// The app's id.
    #[getter]
    fn client_id(&self) -> &str {
        self.0.credential().client_id().unwrap_or_default()
    }

    /// The tenant of tokens when the call names none.
    #[getter]
    fn tenant_id(&self) -> &str {
        self.0.credential().tenant().unwrap_or_default()
    }

    /// The certificate's SHA-256 thumbprint, base64url, to compare with that of the app registration.
    #[getter]
    fn thumbprint(&self) -> &str {
        self.0.credential().thumbprint().unwrap_or_default()
    }

    fn __repr__(&self) -> String {
        let (id, tenant, thumbprint) = (self.client_id(), self.tenant_id(), self.thumbprint());
        format!("ClientCertificate(client_id='{id}', tenant_id='{tenant}', thumbprint='{thumbprint}')")
    }

    #[pyo3(signature = () -> "NoReturn")]
    #[allow(clippy::unused_self, reason = "a method in Python")]
    fn __reduce__(&self) -> PyResult<()> {
        Err(not_pickled("ClientCertificate"))
    }
}

/// The identity of the Azure machine the bot runs on: a virtual machine, container, App Service or Functions app.
///
/// Its tokens are of the machine's own tenant, whatever the call's: calls of other tenants are refused by Graph.
///
/// Args:
///     client_id: Which of several user-assigned identities; ``None`` for the system-assigned one.
///     endpoint: The machine's instance metadata, if not where Azure has it; plain http on this machine and its link
///         only. By default App Service's ``IDENTITY_ENDPOINT`` and ``IDENTITY_HEADER`` out of the environment, and
///         where they are not set ``http://169.254.169.254/metadata/identity/oauth2/token``.
///
/// Raises:
///     ValueError: The environment is one of Azure Arc or Service Fabric, whose protocols are not spoken here: use
///         azure-identity's ``ManagedIdentityCredential`` there.
///
/// Source: Azure documentation, *managed identities for Azure resources: get a token over HTTP*.
#[pyclass(frozen, module = "callredirect")]
pub(super) struct ManagedIdentity(Arc<TokenProvider>);

#[pymethods]
impl ManagedIdentity {
    #[new]
    #[pyo3(signature = (client_id = None, *, endpoint = None))]
    fn new(client_id: Option<&str>, endpoint: Option<String>) -> PyResult<Self> {
        let endpoint = match endpoint {
            Some(url) => Endpoint::InstanceMetadata(Some(url)),
            None => machine()?,
        };
        let credential = Credential::managed_identity(client_id, endpoint);
        let wrong =
            |error: crate::send::BadAddress| PyValueError::new_err(format!("ManagedIdentity: {error}"));
        Ok(Self(provider(credential.map_err(wrong)?)))
    }

    /// Which of several identities, if one was picked.
    #[getter]
    fn client_id(&self) -> Option<&str> {
        self.0.credential().client_id()
    }

    fn __repr__(&self) -> String {
        let id = self.client_id().map(|id| format!("client_id='{id}'")).unwrap_or_default();
        format!("ManagedIdentity({id})")
    }

    #[pyo3(signature = () -> "NoReturn")]
    #[allow(clippy::unused_self, reason = "a method in Python")]
    fn __reduce__(&self) -> PyResult<()> {
        Err(not_pickled("ManagedIdentity"))
    }
}

/// The tokens of one of the three; `None` for any other object.
pub(super) fn own(credential: &Bound<'_, PyAny>) -> Option<Arc<TokenProvider>> {
    let secret = credential.cast::<ClientSecret>().map(|this| Arc::clone(&this.get().0));
    let secret =
        secret.or_else(|_| credential.cast::<ClientCertificate>().map(|this| Arc::clone(&this.get().0)));
    secret.or_else(|_| credential.cast::<ManagedIdentity>().map(|this| Arc::clone(&this.get().0))).ok()
}

pub(super) fn credential_error(py: Python<'_>, error: TokenError) -> PyErr {
    let code = error.code.map(|code| format!("AADSTS{code}"));
    let args = (error.message, code, error.status, error.error, error.trace_id);
    raise(exception!(py, "CredentialError"), args, None)
}

fn provider(credential: Credential) -> Arc<TokenProvider> {
    TokenProvider::new(credential, fastrand::f64)
}

fn not_pickled(class: &str) -> PyErr {
    PyTypeError::new_err(format!(
        "{class} is not pickled: it would take the secret along; make it in each process"
    ))
}

fn machine() -> PyResult<Endpoint> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let other = |what: &str| {
        Err(PyValueError::new_err(format!(
            "{what} has a protocol of its own for managed identities: use ManagedIdentityCredential of azure-identity"
        )))
    };
    match (variable("IDENTITY_ENDPOINT"), variable("IDENTITY_HEADER")) {
        (Some(_), Some(_)) if variable("IDENTITY_SERVER_THUMBPRINT").is_some() => other("Service Fabric"),
        (Some(url), Some(header)) => Ok(Endpoint::AppService(url, Secret::new(header))),
        (Some(_), None) if variable("IMDS_ENDPOINT").is_some() => other("Azure Arc"),
        _ => Ok(Endpoint::InstanceMetadata(None)),
    }
}

fn pem(given: &Bound<'_, PyAny>) -> PyResult<Secret> {
    let not_text =
        || PyValueError::new_err("the certificate is not PEM: PKCS#12 and DER are converted with openssl");
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).map(Secret::new).map_err(|_| not_text());
    if let Ok(bytes) = given.cast::<PyBytes>() {
        return text(bytes.as_bytes());
    }
    if let Ok(string) = given.cast::<PyString>() {
        let string = string.to_str().map_err(|_| not_text())?;
        if string.contains("-----BEGIN") {
            return Ok(Secret::new(string));
        }
        return text(&read(Path::new(string), "a path, or PEM text with its BEGIN lines, is needed")?);
    }
    let path: std::path::PathBuf = given
        .extract()
        .map_err(|_| PyTypeError::new_err("a certificate is the path of a PEM file, or PEM text or bytes"))?;
    text(&read(&path, &path.display().to_string())?)
}

/// `what` instead of the path: what was given as text may be half a key.
fn read(path: &Path, what: &str) -> PyResult<Vec<u8>> {
    std::fs::read(path).map_err(|error| match error.raw_os_error() {
        Some(number) => {
            PyOSError::new_err((number, format!("the certificate's file cannot be read ({error}): {what}")))
        }
        None => PyValueError::new_err(format!("the certificate's file cannot be read: {what}")),
    })
}

/// How long a token is used that a credential in Python gave: the same rule as for our own.
#[pyclass(frozen, module = "callredirect._native")]
pub(super) struct Freshness(Mutex<Life>);

#[pymethods]
impl Freshness {
    /// ``expires_on`` in seconds since 1970, as azure-core's ``AccessToken`` has it.
    #[new]
    fn new(expires_on: f64) -> Self {
        let seconds = (expires_on - clock::unix()).clamp(0.0, 1e9);
        let lifetime = Duration::try_from_secs_f64(seconds).unwrap_or_default();
        Self(Mutex::new(Life::new(clock::now(), lifetime, fastrand::f64())))
    }

    /// Use it; use it and fetch the next one beside it; or wait for another.
    #[getter]
    fn advice(&self) -> As<AdviceWord, &'static str> {
        match self.life().advice(clock::now()) {
            Advice::Use => "use",
            Advice::UseAndRefresh => "refresh",
            Advice::Wait => "wait",
        }
        .into()
    }

    /// Whether it has not ended: good enough when there is no other.
    #[getter]
    fn alive(&self) -> bool {
        self.life().alive(clock::now())
    }

    /// Seconds that a newer one is waited for, of those that are left for a call, while this one has not ended.
    #[staticmethod]
    fn patience(seconds: f64) -> f64 {
        patience(Duration::try_from_secs_f64(seconds).unwrap_or_default()).as_secs_f64()
    }

    /// A refresh failed or brought the same token.
    fn put_off(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).put_off(clock::now(), fastrand::f64());
    }
}

impl Freshness {
    fn life(&self) -> Life {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
