//! Graph's side: the routes, and the checks in the order the gateway and then the calling service make them.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Path, Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, Response, StatusCode, Uri};
use axum::middleware::{self, Next};
use axum::routing::{get, post};
use bytes::Bytes;

use super::call::{Calls, Refusal};
use super::log::{Log, ReceivedRedirect, ServedRequest};
use super::reply::{Correlation, GraphError};
use super::token_endpoint::{self, Issuer};
use super::tokens::{Grant, Tokens};
use crate::redirect::{ApiVersion, Limits, Redirect, Severity};

/// 25 targets take about 8 KiB; beyond this nobody means a redirect.
const LONGEST_BODY: usize = 256 * 1024;

/// Headers of a redirect that are worth keeping.
const KEPT_HEADERS: [&str; 4] = ["client-request-id", "scenario-id", "content-type", "user-agent"];

/// What the routes work on.
pub(super) struct Graph {
    pub(super) tokens: Tokens,
    pub(super) issuer: Issuer,
    pub(super) calls: Calls,
    pub(super) redirects: Log<ReceivedRedirect>,
    pub(super) requests: Log<ServedRequest>,
    /// The `OpenID` metadata, made once: it needs the port.
    pub(super) metadata: String,
}

pub(super) fn router(graph: Arc<Graph>) -> Router {
    Router::new()
        .route("/{version}/communications/calls/{id}/redirect", post(redirect))
        // Deprecated, and documented for beta all the same.
        .route("/{version}/app/calls/{id}/redirect", post(redirect))
        .route("/{version}/communications/calls/{id}", get(show))
        .route("/.well-known/OpenIdConfiguration", get(metadata))
        .route("/keys", get(keys))
        .merge(token_endpoint::routes())
        .fallback(unknown_path)
        .method_not_allowed_fallback(wrong_method)
        .layer(middleware::from_fn_with_state(Arc::clone(&graph), log))
        .with_state(graph)
}

async fn redirect(
    State(graph): State<Arc<Graph>>,
    Path((version, id)): Path<(String, String)>,
    uri: Uri,
    request: Request,
) -> Response<Body> {
    let correlation = Correlation::of(request.headers());
    let Some(version) = served_version(&version, &uri) else {
        return correlation.error(&GraphError::unknown_path(uri.path()));
    };
    let (parts, body) = request.into_parts();
    // Read before anything is refused: an unread body would cost the client its connection.
    let Ok(body) = to_bytes(body, LONGEST_BODY).await else {
        return correlation.error(&GraphError::too_large());
    };
    let mut received = ReceivedRedirect {
        after: graph.calls.since_ringing(&id),
        call_id: id,
        api_version: version,
        body,
        client_request_id: header(&parts.headers, "client-request-id"),
        headers: kept_headers(&parts.headers),
        status: StatusCode::ACCEPTED.as_u16(),
    };
    match accept(&graph, &parts.headers, &received) {
        Ok(()) => {
            graph.redirects.push(received);
            correlation.accepted()
        }
        Err(error) => {
            received.status = error.status.as_u16();
            graph.redirects.push(received);
            correlation.error(&error)
        }
    }
}

/// Gateway first (who are you, can it be read), then the calling service (may you, is the call still there).
fn accept(graph: &Graph, headers: &HeaderMap, received: &ReceivedRedirect) -> Result<(), GraphError> {
    let grant = authenticate(graph, headers)?;
    if !is_json(headers) {
        return Err(GraphError::bad_request(
            "Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid \
             JSON format.",
        ));
    }
    check_body(&received.body, received.api_version)?;
    if !grant.may_redirect {
        return Err(GraphError::missing_permission());
    }
    graph.calls.redirect(received, &grant.tenant_id).map_err(refusal)
}

fn authenticate(graph: &Graph, headers: &HeaderMap) -> Result<Arc<Grant>, GraphError> {
    let authorization = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let token = match authorization.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
        _ => "",
    };
    if token.is_empty() {
        return Err(GraphError::unauthenticated("Access token is empty."));
    }
    let grant = graph
        .tokens
        .grant(token)
        .ok_or_else(|| GraphError::unauthenticated("Access token validation failure. Invalid signature."))?;
    if grant.expired() {
        return Err(GraphError::unauthenticated("Lifetime validation failed, the token is expired."));
    }
    Ok(grant)
}

fn is_json(headers: &HeaderMap) -> bool {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    media_type.eq_ignore_ascii_case("application/json")
}

/// Every broken rule in one message: whoever tests against this wants to see them all.
fn check_body(body: &Bytes, version: ApiVersion) -> Result<(), GraphError> {
    let redirect = Redirect::from_json(body)
        .map_err(|fault| GraphError::bad_request(format!("Unable to read JSON request payload: {fault}.")))?;
    let mut faults = String::new();
    for violation in redirect.violations(version, &Limits::default()) {
        if violation.severity == Severity::Error {
            let separator = if faults.is_empty() { "" } else { "; " };
            // Writing to a String cannot fail.
            let _ = write!(faults, "{separator}{}: {}", violation.path, violation.message);
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(GraphError::bad_request(faults)) }
}

async fn show(
    State(graph): State<Arc<Graph>>,
    Path((version, id)): Path<(String, String)>,
    uri: Uri,
    headers: HeaderMap,
) -> Response<Body> {
    let correlation = Correlation::of(&headers);
    if served_version(&version, &uri).is_none() {
        return correlation.error(&GraphError::unknown_path(uri.path()));
    }
    let shown = authenticate(&graph, &headers)
        .and_then(|grant| graph.calls.show(&id, &grant.tenant_id).map_err(refusal));
    match shown {
        Ok(call) => correlation.json(call.to_string()),
        Err(error) => correlation.error(&error),
    }
}

async fn metadata(State(graph): State<Arc<Graph>>, headers: HeaderMap) -> Response<Body> {
    Correlation::of(&headers).json(graph.metadata.clone())
}

async fn keys(State(graph): State<Arc<Graph>>, headers: HeaderMap) -> Response<Body> {
    Correlation::of(&headers).json(graph.tokens.jwks().to_owned())
}

async fn unknown_path(uri: Uri, headers: HeaderMap) -> Response<Body> {
    Correlation::of(&headers).error(&GraphError::unknown_path(uri.path()))
}

async fn wrong_method(headers: HeaderMap) -> Response<Body> {
    Correlation::of(&headers).error(&GraphError::wrong_method())
}

async fn log(State(graph): State<Arc<Graph>>, request: Request, next: Next) -> Response<Body> {
    let (method, path) = (request.method().to_string(), request.uri().path().to_owned());
    let response = next.run(request).await;
    graph.requests.push(ServedRequest { method, path, status: response.status().as_u16() });
    response
}

/// The legacy path exists in beta only.
fn served_version(version: &str, uri: &Uri) -> Option<ApiVersion> {
    match version {
        "v1.0" if !uri.path().starts_with("/v1.0/app/") => Some(ApiVersion::V1),
        "beta" => Some(ApiVersion::Beta),
        _ => None,
    }
}

fn refusal(refusal: Refusal) -> GraphError {
    match refusal {
        Refusal::NotFound => GraphError::call_not_found(),
        Refusal::WrongTenant => GraphError::wrong_tenant(),
    }
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}

fn kept_headers(headers: &HeaderMap) -> Vec<(String, String)> {
    KEPT_HEADERS.iter().filter_map(|name| Some(((*name).to_owned(), header(headers, name)?))).collect()
}
