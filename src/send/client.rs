//! Where requests go, and what is checked before one is sent.

use std::fmt;

use bytes::Bytes;
use url::Url;
use uuid::Uuid;

use super::cloud::{BadAddress, address};
use super::transport::{Failure, Transport};
use crate::notification::is_id;
use crate::redirect::{ApiVersion, Limits, Redirect, Severity, Violation};
use crate::secret::Secret;

/// Everything about a client but its connections.
#[derive(Debug, Clone)]
pub struct Endpoint {
    root: Url,
    calls: Url,
    loopback: bool,
    version: ApiVersion,
    limits: Limits,
}

/// A request that may be sent: its rules checked, its bytes fixed. A second attempt sends the same bytes.
#[derive(Clone)]
pub struct Prepared {
    url: Url,
    body: Bytes,
    client_request_id: String,
    scenario_id: Option<String>,
    tenant_id: Option<String>,
}

/// Why nothing was sent: the caller's mistake.
#[derive(Debug, Clone, PartialEq)]
pub enum Unsendable {
    /// The redirect breaks rules.
    Invalid(Vec<Violation>),
    /// The call id could steer the request elsewhere.
    CallId,
    /// The token cannot stand in a header.
    Token,
}

impl fmt::Display for Unsendable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(violations) => {
                let first = violations.first().map_or("", |violation| violation.message.as_str());
                write!(f, "{} violation(s), the first: {first}", violations.len())
            }
            Self::CallId => f.write_str(
                "not a call id: letters, digits, - and _ only, at most 128 of them; take it from call.id",
            ),
            Self::Token => {
                f.write_str("the credential gave an empty token, or one with characters no token has")
            }
        }
    }
}

impl std::error::Error for Unsendable {}

impl Endpoint {
    /// Requests go to `{root}/{version}/communications/calls/...` and nowhere else.
    pub fn new(root: &str, version: ApiVersion, limits: Limits) -> Result<Self, BadAddress> {
        let (root, loopback) = address(root)?;
        let path = root.path().trim_end_matches('/');
        if ApiVersion::ALL.iter().any(|version| path.ends_with(&format!("/{}", version.as_str()))) {
            let reason = "the root of Graph comes without its version: give that as api_version";
            return Err(BadAddress { reason: reason.into() });
        }
        let calls = below(&root, [version.as_str(), "communications", "calls"]);
        Ok(Self { root, calls, loopback, version, limits })
    }

    /// The version of Graph.
    pub fn version(&self) -> ApiVersion {
        self.version
    }

    /// The root of Graph.
    pub fn root(&self) -> &str {
        self.root.as_str().trim_end_matches('/')
    }

    /// The address that everything is below, with the version: what connections are opened for.
    pub fn url(&self) -> Url {
        below(&self.root, [self.version.as_str()])
    }

    /// Connections for it.
    pub fn transport(&self) -> Result<Transport, Failure> {
        Transport::new(self.loopback)
    }

    /// Checks everything that can be checked before a token is spent.
    pub fn prepare(
        &self,
        call_id: &str,
        redirect: &Redirect,
        scenario_id: Option<&str>,
    ) -> Result<Prepared, Unsendable> {
        if !is_id(call_id) {
            return Err(Unsendable::CallId);
        }
        let violations = redirect.violations(self.version, &self.limits);
        if violations.iter().any(|violation| violation.severity == Severity::Error) {
            return Err(Unsendable::Invalid(violations));
        }
        Ok(Prepared {
            url: below(&self.calls, [call_id, "redirect"]),
            body: redirect.to_json().into(),
            client_request_id: Uuid::new_v4().to_string(),
            scenario_id: scenario_id.filter(|id| is_id(id)).map(str::to_owned),
            tenant_id: None,
        })
    }
}

fn below<'a>(url: &Url, path: impl IntoIterator<Item = &'a str>) -> Url {
    let mut url = url.clone();
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(path);
    }
    url
}

impl Prepared {
    /// Sent as `client-request-id`.
    pub fn client_request_id(&self) -> &str {
        &self.client_request_id
    }

    /// Where it goes.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Remembers the tenant of the call, which a refusal of the token is explained with.
    #[must_use]
    pub fn of_tenant(self, tenant_id: Option<&str>) -> Self {
        Self { tenant_id: tenant_id.filter(|id| is_id(id)).map(str::to_owned), ..self }
    }

    pub(super) fn tenant_id(&self) -> Option<&str> {
        self.tenant_id.as_deref()
    }

    /// The call itself, to ask about it.
    pub(super) fn call(&self) -> Url {
        let mut url = self.url.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop();
        }
        url
    }

    pub(super) fn body(&self) -> Bytes {
        self.body.clone()
    }

    pub(super) fn headers(&self) -> Vec<(&'static str, &str)> {
        let mut headers = vec![("client-request-id", self.client_request_id.as_str())];
        headers.extend(self.scenario_id.as_deref().map(|id| ("Scenario-Id", id)));
        headers
    }
}

/// Without the body: it holds phone numbers.
impl fmt::Debug for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prepared")
            .field("url", &self.url.as_str())
            .field("client_request_id", &self.client_request_id)
            .finish_non_exhaustive()
    }
}

/// Whether a token may stand in an `Authorization` header.
pub fn check_token(token: &Secret) -> Result<(), Unsendable> {
    let text = token.expose();
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Unsendable::Token);
    }
    Ok(())
}
