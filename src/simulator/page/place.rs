//! Calls asked for over HTTP.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode};
use serde_json::{Value, json};
use url::Url;

use super::{Door, QUEUE, answer, refused};
use crate::simulator::caller::on_the_clock;
use crate::simulator::delivery::new_id;
use crate::simulator::graph::{LONGEST_BODY, is_json};
use crate::simulator::play::{self, PATIENCE};
use crate::simulator::scenario::{self, Asked, Scenario, TOGETHER, Wrong};
use crate::simulator::{RingError, RingOptions, line};

/// Calls of one request.
const MOST: usize = 1_000;

pub(super) async fn place(State(door): State<Arc<Door>>, request: Request) -> Response<Body> {
    // A form of another site can post anything but this type.
    if !is_json(request.headers()) {
        let message = "calls are placed with a JSON body and Content-Type: application/json";
        return refused(StatusCode::UNSUPPORTED_MEDIA_TYPE, message, None, None);
    }
    let Ok(body) = to_bytes(request.into_body(), LONGEST_BODY).await else {
        let message = format!("the body is longer than {LONGEST_BODY} bytes");
        return refused(StatusCode::PAYLOAD_TOO_LARGE, &message, None, None);
    };
    match checked(&door, &body).await {
        Ok((url, asked)) => start(&door, url, asked),
        Err(Wrong { path, reason, nearest }) => {
            refused(StatusCode::BAD_REQUEST, &reason, Some(&path), nearest.as_deref())
        }
    }
}

/// What can be seen before it rings.
async fn checked(door: &Door, body: &[u8]) -> Result<(Url, Asked), Wrong> {
    let body: Value = serde_json::from_slice(body)
        .map_err(|error| scenario::fault("$", format!("the body is no JSON: {error}")))?;
    let asked = scenario::asked(&body)?;
    if asked.call.count > MOST {
        let reason = format!("at most {MOST} calls are placed at once; for more, play a scenario");
        return Err(scenario::fault("$.count", reason));
    }
    let at = |path: &'static str| move |error: RingError| scenario::fault(path, error.to_string());
    let url = line::bot_url(&asked.url).map_err(at("$.url"))?;
    if let Some(id) = asked.call.options.call_id.as_deref().filter(|id| door.rings(id)) {
        return Err(at("$.call_id")(RingError::AlreadyRinging(id.to_owned())));
    }
    let patience = asked.patience.unwrap_or(PATIENCE);
    door.line.wait_until_listening(&url, patience).await.map_err(at("$.url"))?;
    Ok((url, asked))
}

impl Door {
    fn rings(&self, call_id: &str) -> bool {
        let graph = &self.graph;
        graph.calls.has(call_id) || graph.feed.board.get(call_id).is_some_and(|story| !story.over)
    }
}

/// Rings one after the other, as many together as Graph allows an app.
fn start(door: &Arc<Door>, url: Url, asked: Asked) -> Response<Body> {
    let Asked { call, speed, seed, .. } = asked;
    let count = u32::try_from(call.count).unwrap_or(u32::MAX);
    let Ok(place) = Arc::clone(&door.queue).try_acquire_many_owned(count) else {
        let message = format!("{QUEUE} calls have not ended yet; place more when they have");
        return refused(StatusCode::SERVICE_UNAVAILABLE, &message, Some("$.count"), None);
    };
    let ids: Vec<_> = (0..call.count).map(|_| call.options.call_id.clone().unwrap_or_else(new_id)).collect();
    for id in &ids {
        door.graph.feed.board.expect(id, call.options.name.as_deref());
    }
    door.graph.feed.wake();
    let told: Vec<_> = ids.iter().map(|id| json!({"call_id": id})).collect();
    let door = Arc::clone(door);
    tokio::spawn(async move {
        let scenario = Scenario { calls: Vec::new(), speed, seed, faults: Vec::new(), together: TOGETHER };
        let begins = on_the_clock(call.start, speed.unwrap_or(door.graph.rules.speed));
        tokio::time::sleep(begins).await;
        let place = Arc::new(place);
        for id in ids {
            let Ok(turn) = Arc::clone(&door.together).acquire_owned().await else { return };
            let options = RingOptions { call_id: Some(id), ..call.options.clone() };
            let rings = play::caller(&door.graph, &door.line, options, Some(&scenario)).ring(url.clone());
            let place = Arc::clone(&place);
            tokio::spawn(async move {
                // The page is told of an error as of any other end.
                let _ = rings.await;
                drop((turn, place));
            });
        }
    });
    answer(StatusCode::ACCEPTED, "application/json", json!({"calls": told}).to_string())
}
