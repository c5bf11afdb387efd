//! Tokens of notifications, for a recording that is replayed by another process: whoever may ring a bot may sign.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode};
use serde::Deserialize;
use serde_json::json;

use super::{Door, answer, refused};
use crate::simulator::RingOptions;
use crate::simulator::call::LONGEST_WINDOW;
use crate::simulator::graph::{LONGEST_BODY, is_json};

/// Whom a token is for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// The tenant of the call; the simulator's own if it is not said.
    tenant_id: Option<String>,
    /// A call that comes: it rings at Graph from now on, so that its redirect is taken.
    call_id: Option<String>,
}

pub(super) async fn token(State(door): State<Arc<Door>>, request: Request) -> Response<Body> {
    // A form of another site can post anything but this type.
    if !is_json(request.headers()) {
        let message = "tokens are asked for with a JSON body and Content-Type: application/json";
        return refused(StatusCode::UNSUPPORTED_MEDIA_TYPE, message, None, None);
    }
    let asked = match to_bytes(request.into_body(), LONGEST_BODY).await {
        Ok(body) => serde_json::from_slice::<Asked>(&body).map_err(|error| error.to_string()),
        Err(_) => Err(format!("the body is longer than {LONGEST_BODY} bytes")),
    };
    let (graph, rules) = (&door.graph, &door.graph.rules);
    match asked {
        Err(why) => refused(StatusCode::BAD_REQUEST, &why, Some("$"), None),
        Ok(Asked { tenant_id, call_id }) => {
            let tenant_id = tenant_id.unwrap_or_else(|| rules.tenant_id.clone());
            if call_id.is_some() {
                let call =
                    RingOptions { call_id, tenant_id: Some(tenant_id.clone()), ..RingOptions::default() };
                let faults = rules.next_faults(&[], None);
                // One that rings already was told of twice.
                graph.calls.add(call.facts(&rules.app_id, &rules.tenant_id), LONGEST_WINDOW, faults, None);
            }
            match graph.tokens.notification(&rules.app_id, &tenant_id) {
                Ok(token) => answer(StatusCode::OK, "application/json", json!({"token": token}).to_string()),
                Err(_) => refused(StatusCode::INTERNAL_SERVER_ERROR, "signing failed", None, None),
            }
        }
    }
}
