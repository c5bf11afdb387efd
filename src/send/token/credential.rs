//! Who we are, and the request that asks for a token.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use url::form_urlencoded::Serializer;
use url::{Host, Url};

use super::certificate::Certificate;
use super::error::TokenError;
use crate::Secret;
use crate::send::cloud::{BadAddress, Cloud, address};

/// Where a machine in Azure asks for the token of its own identity.
const INSTANCE_METADATA: &str = "http://169.254.169.254/metadata/identity/oauth2/token";
const INSTANCE_METADATA_VERSION: &str = "2018-02-01";
const APP_SERVICE_VERSION: &str = "2019-08-01";

/// An identity that tokens are asked for. Prints ids, no secrets.
#[derive(Clone)]
pub struct Credential {
    client_id: Option<String>,
    proof: Proof,
}

#[derive(Clone)]
enum Proof {
    Secret { secret: Secret, issuer: Issuer },
    Certificate { certificate: Arc<Certificate>, send_chain: bool, issuer: Issuer },
    Machine(Endpoint),
}

#[derive(Clone)]
struct Issuer {
    tenant: String,
    authority: Option<(Url, bool)>,
}

/// Where the token of a managed identity is asked for.
#[derive(Clone)]
pub enum Endpoint {
    /// A virtual machine's or container's instance metadata; `None` for Azure's own address.
    InstanceMetadata(Option<String>),
    /// App Service and Functions: `IDENTITY_ENDPOINT` with its `IDENTITY_HEADER`.
    AppService(String, Secret),
}

/// What is wanted: a token of a tenant (the credential's own if none is named) for Graph of a cloud.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Want {
    /// The call's tenant.
    pub tenant: Option<String>,
    /// Whose Graph.
    pub cloud: Cloud,
}

/// One request for a token.
pub struct TokenRequest {
    /// Where.
    pub url: Url,
    /// Headers, some of them secret.
    pub headers: Vec<(&'static str, Secret)>,
    /// The form to post; without one it is a GET.
    pub form: Option<Bytes>,
    /// Who is asked, and for what: for messages.
    pub whom: String,
}

impl Credential {
    /// An app with a client secret. `authority` is another issuer than the cloud's.
    pub fn secret(
        client_id: &str,
        secret: Secret,
        tenant: &str,
        authority: Option<&str>,
    ) -> Result<Self, BadAddress> {
        if secret.expose().is_empty() {
            return Err(bad("the client secret is empty"));
        }
        let issuer = Issuer::new(tenant, authority)?;
        Ok(Self { client_id: Some(checked_id(client_id)?), proof: Proof::Secret { secret, issuer } })
    }

    /// An app with a certificate. `send_chain` sends the certificates along, for apps that trust their issuer.
    pub fn certificate(
        client_id: &str,
        certificate: Certificate,
        tenant: &str,
        authority: Option<&str>,
        send_chain: bool,
    ) -> Result<Self, BadAddress> {
        let (certificate, issuer) = (Arc::new(certificate), Issuer::new(tenant, authority)?);
        let proof = Proof::Certificate { certificate, send_chain, issuer };
        Ok(Self { client_id: Some(checked_id(client_id)?), proof })
    }

    /// The identity of the Azure machine this runs on; `client_id` picks one of several.
    pub fn managed_identity(client_id: Option<&str>, endpoint: Endpoint) -> Result<Self, BadAddress> {
        machine_address(endpoint.url())?;
        let client_id = client_id.map(checked_id).transpose()?;
        Ok(Self { client_id, proof: Proof::Machine(endpoint) })
    }

    /// The app's id, or that of the managed identity if one was picked.
    pub fn client_id(&self) -> Option<&str> {
        self.client_id.as_deref()
    }

    /// The tenant of tokens when none is named.
    pub fn tenant(&self) -> Option<&str> {
        self.issuer().map(|issuer| issuer.tenant.as_str())
    }

    /// The certificate's thumbprint, where there is one.
    pub fn thumbprint(&self) -> Option<&str> {
        match &self.proof {
            Proof::Certificate { certificate, .. } => Some(certificate.thumbprint()),
            _ => None,
        }
    }

    fn issuer(&self) -> Option<&Issuer> {
        match &self.proof {
            Proof::Secret { issuer, .. } | Proof::Certificate { issuer, .. } => Some(issuer),
            Proof::Machine(_) => None,
        }
    }

    /// Whether requests stay on this machine or its network, and so may be plain http and go past every proxy.
    pub(super) fn nearby(&self) -> bool {
        match self.issuer() {
            Some(issuer) => issuer.authority.as_ref().is_some_and(|(_, loopback)| *loopback),
            None => true,
        }
    }

    /// The token that will really be asked for: a managed identity has a tenant of its own, whatever the call's.
    pub(super) fn want(&self, tenant: Option<&str>, cloud: Cloud) -> Want {
        let tenant = self.issuer().map(|issuer| tenant.unwrap_or(&issuer.tenant).to_ascii_lowercase());
        Want { tenant, cloud }
    }

    /// The request for a token; `now` in seconds since 1970.
    pub fn request(&self, want: &Want, now: f64) -> Result<TokenRequest, TokenError> {
        let client_id = self.client_id.as_deref();
        match &self.proof {
            Proof::Secret { secret, issuer } => {
                issuer.request(want, client_id, &[("client_secret", secret.clone())])
            }
            Proof::Certificate { certificate, send_chain, issuer } => {
                let audience = issuer.url(want)?.0;
                let id = client_id.unwrap_or_default();
                let assertion = certificate.assertion(id, audience.as_str(), now, *send_chain)?;
                let kind = Secret::new("urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
                issuer.request(
                    want,
                    client_id,
                    &[("client_assertion_type", kind), ("client_assertion", assertion)],
                )
            }
            Proof::Machine(endpoint) => endpoint.request(want, client_id),
        }
    }
}

impl Issuer {
    fn new(tenant: &str, authority: Option<&str>) -> Result<Self, BadAddress> {
        if !is_tenant(tenant) {
            return Err(bad(NO_TENANT));
        }
        let authority = authority.map(address).transpose();
        let authority = authority.map_err(|error| bad(&format!("authority: {error}")))?;
        Ok(Self { tenant: tenant.to_owned(), authority })
    }

    /// The token endpoint, and its host.
    fn url(&self, want: &Want) -> Result<(Url, String), TokenError> {
        let tenant = want.tenant.as_deref().unwrap_or(&self.tenant);
        if !is_tenant(tenant) {
            return Err(TokenError::new(format!("no token: {NO_TENANT}")));
        }
        let mut url = match &self.authority {
            Some((url, _)) => url.clone(),
            None => Url::parse(want.cloud.authority())
                .map_err(|error| TokenError::new(format!("authority: {error}")))?,
        };
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend([tenant, "oauth2", "v2.0", "token"]);
        }
        let whom = format!("{} for tenant {tenant}", url.host_str().unwrap_or_default());
        Ok((url, whom))
    }

    fn request(
        &self,
        want: &Want,
        client_id: Option<&str>,
        proof: &[(&str, Secret)],
    ) -> Result<TokenRequest, TokenError> {
        let (url, whom) = self.url(want)?;
        let mut form = Serializer::new(String::new());
        form.append_pair("grant_type", "client_credentials")
            .append_pair("client_id", client_id.unwrap_or_default())
            .append_pair("scope", &want.cloud.scope());
        for (name, value) in proof {
            form.append_pair(name, value.expose());
        }
        let kind = Secret::new("application/x-www-form-urlencoded");
        Ok(TokenRequest {
            url,
            headers: vec![("content-type", kind)],
            form: Some(form.finish().into()),
            whom,
        })
    }
}

impl Endpoint {
    fn url(&self) -> &str {
        match self {
            Self::InstanceMetadata(url) => url.as_deref().unwrap_or(INSTANCE_METADATA),
            Self::AppService(url, _) => url,
        }
    }

    fn request(&self, want: &Want, client_id: Option<&str>) -> Result<TokenRequest, TokenError> {
        let mut url = machine_address(self.url())
            .map_err(|error| TokenError::new(format!("managed identity: {error}")))?;
        let (version, header) = match self {
            Self::InstanceMetadata(_) => (INSTANCE_METADATA_VERSION, ("metadata", Secret::new("true"))),
            Self::AppService(_, secret) => (APP_SERVICE_VERSION, ("x-identity-header", secret.clone())),
        };
        url.query_pairs_mut()
            .append_pair("api-version", version)
            .append_pair("resource", want.cloud.graph_root())
            .extend_pairs(client_id.map(|id| ("client_id", id)));
        let whom = format!("the managed identity endpoint {}", url.host_str().unwrap_or_default());
        Ok(TokenRequest { url, headers: vec![header], form: None, whom })
    }
}

const NO_TENANT: &str =
    "a tenant is named by its id or by one of its domains; `common` and `organizations` are none";

fn bad(reason: &str) -> BadAddress {
    BadAddress { reason: reason.to_owned() }
}

fn is_tenant(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
    let shared = ["common", "organizations", "consumers"].iter().any(|name| text.eq_ignore_ascii_case(name));
    // A tenant of dots alone would climb out of its path.
    (1..=253).contains(&text.len()) && text.bytes().all(plain) && !text.starts_with('.') && !shared
}

fn checked_id(client_id: &str) -> Result<String, BadAddress> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if (1..=128).contains(&client_id.len()) && client_id.bytes().all(plain) {
        Ok(client_id.to_owned())
    } else {
        Err(bad("client_id is the app's Application (client) ID, a GUID"))
    }
}

/// Azure gives these addresses as plain http: they are on the machine, or on the link to its host and go no further.
fn machine_address(text: &str) -> Result<Url, BadAddress> {
    if let Ok((url, _)) = address(text) {
        return Ok(url);
    }
    let url = Url::parse(text).map_err(|error| bad(&format!("not a URL ({error})")))?;
    let nearby = matches!(url.host(), Some(Host::Ipv4(ip)) if ip.is_link_local());
    let plain = url.username().is_empty() && url.password().is_none() && url.query().is_none();
    if nearby && plain && url.scheme() == "http" {
        Ok(url)
    } else {
        Err(bad("http is for loopback and 169.254.0.0/16 only"))
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential")
            .field("client_id", &self.client_id)
            .field("tenant", &self.tenant())
            .finish_non_exhaustive()
    }
}
