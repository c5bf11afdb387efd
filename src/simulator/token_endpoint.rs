//! The issuer's side: what Microsoft Entra and the identity endpoints of Azure's machines do, as far as apps that ask
//! for their own tokens see it.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, RawQuery, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, Uri};
use axum::routing::{get, post};
use serde_json::{Value, json};
use url::form_urlencoded;
use uuid::Uuid;

use super::assertion::{BadAssertion, Registered};
use super::graph::{Graph, header};
use super::tokens::{AccessOptions, unix_seconds};
use crate::send::clock;

/// How long a token lives that nobody gave another life.
pub(super) const LIFETIME: Duration = Duration::from_secs(3600);

/// What an issuer knows of the one app it has, beside its ids.
pub(super) struct Issuer {
    pub(super) client_secret: String,
    pub(super) identity_header: String,
    pub(super) certificates: RwLock<Vec<Registered>>,
    pub(super) lifetime: Duration,
}

impl Issuer {
    pub(super) fn new(lifetime: Duration, client_secret: Option<String>) -> Self {
        // With the characters that a form has to encode, as real ones have them.
        let invented = || format!("Sim~&+{}=", Uuid::new_v4().simple());
        Self {
            client_secret: client_secret.unwrap_or_else(invented),
            identity_header: Uuid::new_v4().simple().to_string(),
            certificates: RwLock::default(),
            lifetime,
        }
    }
}

/// An error as Entra words it: OAuth's word, Microsoft's code, its text.
struct Refusal(StatusCode, &'static str, u32, &'static str);

const NO_TENANT: Refusal = Refusal(StatusCode::BAD_REQUEST, "invalid_request", 90_002, "Tenant not found.");
const NO_GRANT: Refusal = Refusal(
    StatusCode::BAD_REQUEST,
    "unsupported_grant_type",
    70_003,
    "The app requested an unsupported grant type.",
);
const NO_APP: Refusal = Refusal(
    StatusCode::BAD_REQUEST,
    "unauthorized_client",
    700_016,
    "Application with this identifier was not found in the directory.",
);
const BAD_SCOPE: Refusal = Refusal(
    StatusCode::BAD_REQUEST,
    "invalid_scope",
    1_002_012,
    "The provided value for scope is not valid: client credential flows must have a scope of /.default.",
);
const NO_PROOF: Refusal = Refusal(
    StatusCode::UNAUTHORIZED,
    "invalid_client",
    7_000_218,
    "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
);
const BAD_SECRET: Refusal =
    Refusal(StatusCode::UNAUTHORIZED, "invalid_client", 7_000_215, "Invalid client secret provided.");
const BAD_SIGNATURE: Refusal = Refusal(
    StatusCode::UNAUTHORIZED,
    "invalid_client",
    700_027,
    "The certificate with identifier used to sign the client assertion is not registered on application.",
);
const BAD_TIME: Refusal = Refusal(
    StatusCode::UNAUTHORIZED,
    "invalid_client",
    700_024,
    "Client assertion is not within its valid time range.",
);
const BAD_CLAIMS: Refusal = Refusal(
    StatusCode::UNAUTHORIZED,
    "invalid_client",
    700_023,
    "Client assertion audience, issuer or subject claim does not match.",
);

pub(super) fn routes() -> Router<Arc<Graph>> {
    Router::new()
        .route("/{tenant}/oauth2/v2.0/token", post(token))
        .route("/{tenant}/v2.0/.well-known/openid-configuration", get(tenant_metadata))
        .route("/metadata/identity/oauth2/token", get(instance_metadata))
        .route("/msi/token", get(app_service))
}

async fn token(
    State(graph): State<Arc<Graph>>,
    Path(tenant): Path<String>,
    headers: HeaderMap,
    uri: Uri,
    body: Bytes,
) -> Response<Body> {
    let form: HashMap<_, _> = form_urlencoded::parse(&body).into_owned().collect();
    let host = header(&headers, "host").unwrap_or_default();
    match check(&graph, &tenant, &format!("{host}{}", uri.path()), &form) {
        Ok(()) => issue(
            &graph,
            &tenant,
            |token, seconds| json!({"token_type": "Bearer", "expires_in": seconds, "ext_expires_in": seconds, "access_token": token}),
        ),
        Err(refusal) => refused(&refusal),
    }
}

/// In the order Entra checks: the tenant, the grant, the app, what it wants, and at last whether it is the app.
fn check(graph: &Graph, tenant: &str, endpoint: &str, form: &HashMap<String, String>) -> Result<(), Refusal> {
    let field = |name: &str| form.get(name).map(String::as_str);
    if Uuid::parse_str(tenant).is_err() {
        return Err(NO_TENANT);
    }
    if field("grant_type") != Some("client_credentials") {
        return Err(NO_GRANT);
    }
    if !field("client_id").is_some_and(|id| id.eq_ignore_ascii_case(&graph.rules.app_id)) {
        return Err(NO_APP);
    }
    // Microsoft's own library adds scopes of OpenID, which mean nothing here.
    let mut scopes = field("scope").unwrap_or_default().split_ascii_whitespace();
    if !scopes.any(|scope| scope.ends_with("/.default")) {
        return Err(BAD_SCOPE);
    }
    match (field("client_secret"), field("client_assertion")) {
        (_, Some(assertion)) => {
            let registered = graph.issuer.certificates.read().unwrap_or_else(PoisonError::into_inner);
            match Registered::check(&registered, assertion, &graph.rules.app_id, endpoint, clock::unix()) {
                Ok(()) => Ok(()),
                Err(BadAssertion::Signature) => Err(BAD_SIGNATURE),
                Err(BadAssertion::Time) => Err(BAD_TIME),
                Err(BadAssertion::Claims) => Err(BAD_CLAIMS),
            }
        }
        (Some(secret), None) if secret == graph.issuer.client_secret => Ok(()),
        (Some(_), None) => Err(BAD_SECRET),
        (None, None) => Err(NO_PROOF),
    }
}

fn refused(refusal: &Refusal) -> Response<Body> {
    let Refusal(status, word, code, text) = *refusal;
    let (trace, correlation) = (Uuid::new_v4(), Uuid::new_v4());
    let description = format!("AADSTS{code}: {text} Trace ID: {trace} Correlation ID: {correlation}");
    answer(
        status,
        &json!({
            "error": word, "error_description": description, "error_codes": [code],
            "trace_id": trace.to_string(), "correlation_id": correlation.to_string(),
            "error_uri": format!("https://login.microsoftonline.com/error?code={code}"),
        }),
    )
}

/// What clients look up first. Always https: no client of Microsoft's takes anything else.
async fn tenant_metadata(Path(tenant): Path<String>, headers: HeaderMap) -> Response<Body> {
    if Uuid::parse_str(&tenant).is_err() {
        return refused(&NO_TENANT);
    }
    let host = header(&headers, "host").unwrap_or_default();
    let root = format!("https://{host}/{tenant}");
    answer(
        StatusCode::OK,
        &json!({
            "token_endpoint": format!("{root}/oauth2/v2.0/token"),
            "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
            "issuer": format!("{root}/v2.0"),
            "authorization_endpoint": format!("{root}/oauth2/v2.0/authorize"),
            "device_authorization_endpoint": format!("{root}/oauth2/v2.0/devicecode"),
            "jwks_uri": format!("https://{host}/keys"),
            "response_types_supported": ["code"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }),
    )
}

async fn instance_metadata(
    State(graph): State<Arc<Graph>>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response<Body> {
    let asked = headers.get("metadata").is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"true"));
    managed(&graph, asked, query.as_deref(), StatusCode::BAD_REQUEST)
}

async fn app_service(
    State(graph): State<Arc<Graph>>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response<Body> {
    let header = headers.get("x-identity-header").map(HeaderValue::as_bytes);
    let asked = header == Some(graph.issuer.identity_header.as_bytes());
    managed(&graph, asked, query.as_deref(), StatusCode::UNAUTHORIZED)
}

/// Numbers come as text here.
fn managed(graph: &Graph, asked: bool, query: Option<&str>, unasked: StatusCode) -> Response<Body> {
    let query: HashMap<_, _> =
        form_urlencoded::parse(query.unwrap_or_default().as_bytes()).into_owned().collect();
    let error =
        |status, word: &str, text: &str| answer(status, &json!({"error": word, "error_description": text}));
    if !asked {
        return error(unasked, "invalid_request", "Required metadata header not specified");
    }
    let Some(resource) = query.get("resource").filter(|_| query.contains_key("api-version")) else {
        return error(StatusCode::BAD_REQUEST, "invalid_request", "Required query variable is missing");
    };
    if query.get("client_id").is_some_and(|id| !id.eq_ignore_ascii_case(&graph.rules.app_id)) {
        return error(StatusCode::BAD_REQUEST, "invalid_request", "Identity not found");
    }
    issue(graph, &graph.rules.tenant_id, |token, seconds| {
        json!({
            "access_token": token, "client_id": graph.rules.app_id, "expires_in": seconds.to_string(),
            "expires_on": (unix_seconds() + seconds).to_string(), "resource": resource, "token_type": "Bearer",
        })
    })
}

fn issue(graph: &Graph, tenant: &str, shape: impl FnOnce(String, u64) -> Value) -> Response<Body> {
    let mut options = AccessOptions::for_tenant(tenant.to_ascii_lowercase());
    options.lifetime = graph.issuer.lifetime;
    let seconds = options.lifetime.as_secs();
    match graph.tokens.access(options) {
        Ok(token) => answer(StatusCode::OK, &shape(token, seconds)),
        Err(_) => answer(StatusCode::INTERNAL_SERVER_ERROR, &json!({"error": "server_error"})),
    }
}

fn answer(status: StatusCode, body: &Value) -> Response<Body> {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    if let Ok(kind) = "application/json; charset=utf-8".parse() {
        response.headers_mut().insert(CONTENT_TYPE, kind);
    }
    response
}
