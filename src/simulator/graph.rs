//! Graph's side: the routes, and the checks in the order the gateway and then the calling service make them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Path, Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, Response, StatusCode, Uri};
use axum::middleware::{self, Next};
use axum::routing::{get, post};

use super::call::{Calls, Refusal, SecondRedirect};
use super::event::{EventKind, Feed};
use super::fault::{Fault, FaultRule, Faults};
use super::log::{Log, ReceivedRedirect, ServedRequest};
use super::reply::{Correlation, GraphError};
use super::token_endpoint::{self, Issuer};
use super::tokens::{Grant, Tokens};
use super::wire::Cut;
use crate::redirect::{ApiVersion, Limits, Redirect, Severity, Violation};
use crate::send::Cloud;

/// 25 targets take about 8 KiB; beyond this nobody means a redirect.
pub(super) const LONGEST_BODY: usize = 256 * 1024;

/// Nobody waits longer than this for an answer that never comes.
const LONGEST_HANG: Duration = Duration::from_secs(120);

/// Headers of a redirect that are worth keeping.
const KEPT_HEADERS: [&str; 4] = ["client-request-id", "scenario-id", "content-type", "user-agent"];

/// What holds for every call.
pub(super) struct Rules {
    pub(super) app_id: String,
    pub(super) tenant_id: String,
    pub(super) cloud: Cloud,
    pub(super) second_redirect: SecondRedirect,
    pub(super) faults: Vec<FaultRule>,
    pub(super) seed: u64,
    /// How many times faster people are than the clock.
    pub(super) speed: f64,
    /// Calls so far: the place of a call among all decides about its faults.
    pub(super) calls: AtomicU64,
}

impl Rules {
    /// The faults of the next call: its own, and those of all.
    pub(super) fn next_faults(&self, own: &[FaultRule], seed: Option<u64>) -> Faults {
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        Faults::new([own, &self.faults].concat(), seed.unwrap_or(self.seed), call)
    }
}

/// What the routes work on.
pub(super) struct Graph {
    pub(super) tokens: Tokens,
    pub(super) issuer: Issuer,
    pub(super) calls: Calls,
    pub(super) redirects: Log<Arc<ReceivedRedirect>>,
    pub(super) requests: Log<ServedRequest>,
    pub(super) feed: Arc<Feed>,
    pub(super) rules: Rules,
    pub(super) base_url: String,
    /// The `OpenID` metadata, made once: it needs the port.
    pub(super) metadata: String,
}

impl Graph {
    /// Where a verifier finds the issuer and the keys.
    pub(super) fn metadata_url(&self) -> String {
        format!("{}/.well-known/OpenIdConfiguration", self.base_url)
    }

    /// Where a person watches.
    pub(super) fn page_url(&self) -> String {
        format!("{}/", self.base_url)
    }
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
    ConnectInfo(cut): ConnectInfo<Cut>,
    Path((version, id)): Path<(String, String)>,
    uri: Uri,
    request: Request,
) -> Response<Body> {
    let correlation = Correlation::of(request.headers());
    let Some(version) = served_version(&version, &uri, graph.rules.cloud) else {
        return correlation.error(&GraphError::unknown_path(uri.path()));
    };
    let (parts, body) = request.into_parts();
    // Read before anything is refused: an unread body would cost the client its connection.
    let Ok(body) = to_bytes(body, LONGEST_BODY).await else {
        return correlation.error(&GraphError::too_large());
    };
    let asked = graph.calls.asked(&id);
    let rule = asked.as_ref().and_then(|asked| asked.fault);
    let fault = rule.map(|rule| rule.fault);
    let unanswered = matches!(fault, Some(Fault::Hang | Fault::Reset | Fault::AnswerLost));
    let mut received = ReceivedRedirect {
        after: asked.as_ref().map(|asked| asked.after),
        call_id: id,
        api_version: version,
        body,
        redirect: None,
        client_request_id: header(&parts.headers, "client-request-id"),
        headers: kept_headers(&parts.headers),
        status: (!unanswered).then(|| StatusCode::ACCEPTED.as_u16()),
        accepted: true,
        code: None,
        message: None,
        violations: Vec::new(),
        fault,
    };
    let has_number = asked.is_some_and(|asked| asked.has_number);
    let verdict = match rule.as_ref().and_then(GraphError::of) {
        Some(error) => Err(error),
        None if matches!(fault, Some(Fault::Hang | Fault::Reset)) => {
            received.accepted = false;
            Ok(())
        }
        None => accept(&graph, &parts.headers, &mut received, has_number),
    };
    if let Err(error) = &verdict {
        received.accepted = false;
        received.status = (!unanswered).then(|| error.status.as_u16());
        received.code = Some(error.code);
        received.message = Some(error.message.clone());
    }
    let received = Arc::new(received);
    graph.redirects.push(Arc::clone(&received));
    graph.feed.tell(&received.call_id, EventKind::RedirectReceived(Arc::clone(&received)));
    match fault {
        Some(Fault::Slow) => tokio::time::sleep(rule.map(|rule| rule.time()).unwrap_or_default()).await,
        Some(Fault::Hang) => {
            tokio::time::sleep(LONGEST_HANG).await;
            cut.cut();
        }
        Some(Fault::Reset | Fault::AnswerLost) => cut.cut(),
        _ => {}
    }
    let mut response = match verdict {
        Ok(()) => correlation.accepted(),
        Err(error) => correlation.error(&error),
    };
    if unanswered {
        response.extensions_mut().insert(Unanswered);
    }
    response
}

/// Marks a response that never leaves.
#[derive(Clone)]
struct Unanswered;

/// Gateway first (who are you, can it be read), then the calling service (may you, is the call still there).
fn accept(
    graph: &Graph,
    headers: &HeaderMap,
    received: &mut ReceivedRedirect,
    has_number: bool,
) -> Result<(), GraphError> {
    let grant = authenticate(graph, headers)?;
    if !is_json(headers) {
        return Err(GraphError::bad_request(
            "Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid \
             JSON format.",
        ));
    }
    let redirect = Redirect::from_json(&received.body)
        .map_err(|fault| GraphError::bad_request(format!("Unable to read JSON request payload: {fault}.")))?;
    received.violations = violations(&redirect, received.api_version, has_number);
    received.redirect = Some(Arc::new(redirect));
    refuse(&received.violations)?;
    if !grant.may_redirect {
        return Err(GraphError::missing_permission());
    }
    graph.calls.redirect(received, &grant.tenant_id, graph.rules.second_redirect).map_err(refusal)
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

pub(super) fn is_json(headers: &HeaderMap) -> bool {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    media_type.eq_ignore_ascii_case("application/json")
}

/// Every rule of redirects, and the one that concerns the call: only a call to a number may go on to a number.
fn violations(redirect: &Redirect, version: ApiVersion, has_number: bool) -> Vec<Violation> {
    let mut violations = redirect.violations(version, &Limits::default());
    let phones =
        redirect.targets.iter().enumerate().filter(|(_, target)| target.kind == "phone" && !has_number);
    violations.extend(phones.map(|(index, target)| Violation {
        code: "phone_needs_application_instance",
        path: format!("$.targets[{index}].identity.phone"),
        // How Graph takes it is not known, so it is no error here.
        message: "the call did not come to an application instance with a telephone number, which redirecting to a \
                  phone needs; ring one, as documented example 3 does"
            .to_owned(),
        value: target.id.as_str().into(),
        severity: Severity::Warning,
    }));
    violations
}

/// Every broken rule in one message: whoever tests against this wants to see them all.
fn refuse(violations: &[Violation]) -> Result<(), GraphError> {
    let errors = violations.iter().filter(|violation| violation.severity == Severity::Error);
    let faults: Vec<_> = errors.map(ToString::to_string).collect();
    if faults.is_empty() { Ok(()) } else { Err(GraphError::bad_request(faults.join("; "))) }
}

async fn show(
    State(graph): State<Arc<Graph>>,
    Path((version, id)): Path<(String, String)>,
    uri: Uri,
    headers: HeaderMap,
) -> Response<Body> {
    let correlation = Correlation::of(&headers);
    if served_version(&version, &uri, graph.rules.cloud).is_none() {
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
    Correlation::of(&headers).json(graph.tokens.jwks())
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
    let answered = response.extensions().get::<Unanswered>().is_none();
    let status = answered.then(|| response.status().as_u16());
    graph.requests.push(ServedRequest { method, path, status });
    response
}

/// The legacy path exists in beta only, beta in the worldwide cloud only, and calls in China not at all.
fn served_version(version: &str, uri: &Uri, cloud: Cloud) -> Option<ApiVersion> {
    match (version, cloud) {
        (_, Cloud::China) => None,
        ("v1.0", _) if !uri.path().starts_with("/v1.0/app/") => Some(ApiVersion::V1),
        ("beta", Cloud::Global) => Some(ApiVersion::Beta),
        _ => None,
    }
}

fn refusal(refusal: Refusal) -> GraphError {
    match refusal {
        Refusal::NotFound => GraphError::call_not_found(),
        Refusal::WrongTenant => GraphError::wrong_tenant(),
        Refusal::Conflict => GraphError::conflict(),
    }
}

pub(super) fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}

fn kept_headers(headers: &HeaderMap) -> Vec<(String, String)> {
    KEPT_HEADERS.iter().filter_map(|name| Some(((*name).to_owned(), header(headers, name)?))).collect()
}
