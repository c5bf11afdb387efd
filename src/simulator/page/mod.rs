//! The live page and what it is made of: every call as JSON, changes as they happen, and a door to place calls by.
//!
//! For people and for the command line, beside Graph on the same port; Graph's log does not see them.

mod changes;
mod guard;
mod place;
mod story;
mod token;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, Response, StatusCode};
use axum::middleware;
use axum::routing::{get, post};
use serde::Serialize;
use serde_json::json;
use tokio::sync::Semaphore;

use super::board::CALLS;
use super::delivery::new_id;
use super::fault::{Fault, Side};
use super::graph::Graph;
use super::line::Line;
use super::scenario::TOGETHER;
pub(super) use guard::Reach;

/// Who may watch at once; each has a task and a connection.
const READERS: usize = 32;

/// Calls asked for that have not ended.
const QUEUE: usize = 10_000;

/// What the routes work on.
pub(super) struct Door {
    graph: Arc<Graph>,
    line: Arc<Line>,
    reach: Reach,
    /// Tells one simulator from the next on the same port.
    run: String,
    readers: Arc<Semaphore>,
    queue: Arc<Semaphore>,
    together: Arc<Semaphore>,
}

impl Door {
    pub(super) fn new(graph: Arc<Graph>, line: Arc<Line>, reach: Reach) -> Self {
        Self {
            graph,
            line,
            reach,
            run: new_id(),
            readers: Arc::new(Semaphore::new(READERS)),
            queue: Arc::new(Semaphore::new(QUEUE)),
            together: Arc::new(Semaphore::new(TOGETHER)),
        }
    }
}

pub(super) fn router(door: Door) -> Router {
    let door = Arc::new(door);
    let mut router = Router::new()
        .route("/simulator/settings", get(settings))
        .route("/simulator/events", get(changes::events))
        .route("/simulator/calls", get(calls).post(place::place))
        .route("/simulator/calls/{id}", get(call))
        .route("/simulator/token", post(token::token));
    for (path, content_type, text) in ASSETS {
        router = router.route(path, get(async || answer(StatusCode::OK, content_type, text.to_owned())));
    }
    router
        .method_not_allowed_fallback(async || {
            refused(StatusCode::METHOD_NOT_ALLOWED, "this address has no such method", None, None)
        })
        .layer(middleware::from_fn_with_state(Arc::clone(&door), guard::guard))
        .with_state(door)
}

const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

const ASSETS: [(&str, &str, &str); 9] = [
    ("/", "text/html; charset=utf-8", include_str!("index.html")),
    ("/simulator/app.js", JAVASCRIPT, include_str!("app.js")),
    ("/simulator/detail.js", JAVASCRIPT, include_str!("detail.js")),
    ("/simulator/form.js", JAVASCRIPT, include_str!("form.js")),
    ("/simulator/payload.js", JAVASCRIPT, include_str!("payload.js")),
    ("/simulator/timeline.js", JAVASCRIPT, include_str!("timeline.js")),
    ("/simulator/words.js", JAVASCRIPT, include_str!("words.js")),
    ("/simulator/style.css", "text/css; charset=utf-8", include_str!("style.css")),
    ("/simulator/icon.svg", "image/svg+xml", include_str!("icon.svg")),
];

async fn settings(State(door): State<Arc<Door>>) -> Response<Body> {
    let (graph, rules) = (&door.graph, &door.graph.rules);
    let fault = |fault: &Fault| {
        let mut options = vec!["nth", "probability"];
        options.extend(fault.default_seconds().map(|_| "seconds"));
        let side = match fault.side() {
            Side::Notification => "notification",
            Side::Graph => "graph",
        };
        json!({"name": fault.name(), "meaning": fault.meaning(), "side": side, "options": options})
    };
    json(&json!({
        "app_id": rules.app_id,
        "client_secret": graph.issuer.client_secret,
        "tenant_id": rules.tenant_id,
        "base_url": graph.base_url,
        "metadata_url": graph.metadata_url(),
        "authority": graph.base_url,
        "speed": rules.speed,
        "faults": Fault::ALL.iter().map(fault).collect::<Vec<_>>(),
    }))
}

#[derive(Serialize)]
struct Listed<'a> {
    calls: Vec<story::Call<'a>>,
}

async fn calls(State(door): State<Arc<Door>>) -> Response<Body> {
    let (_, stories) = door.graph.feed.board.since(0, CALLS);
    json(&Listed { calls: stories.iter().map(story::summary).collect() })
}

async fn call(State(door): State<Arc<Door>>, Path(id): Path<String>) -> Response<Body> {
    if let Some(story) = door.graph.feed.board.get(&id) {
        return json(&story::whole(&story));
    }
    let message = format!("no call has this id, or it was long ago: the last {CALLS} are kept");
    refused(StatusCode::NOT_FOUND, &message, Some("call_id"), None)
}

fn json(value: &impl Serialize) -> Response<Body> {
    match serde_json::to_vec(value) {
        Ok(body) => answer(StatusCode::OK, "application/json", body),
        Err(error) => refused(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string(), None, None),
    }
}

fn refused(status: StatusCode, message: &str, key: Option<&str>, nearest: Option<&str>) -> Response<Body> {
    let error = json!({"error": {"message": message, "key": key, "nearest": nearest}});
    answer(status, "application/json", error.to_string())
}

fn answer(status: StatusCode, content_type: &'static str, body: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
