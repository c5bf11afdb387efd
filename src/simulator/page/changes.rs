//! Server-sent events: every call first, then whatever changes, gathered for a moment.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Response, StatusCode};
use bytes::Bytes;
use http_body::Frame;
use serde::Serialize;
use tokio::sync::mpsc;

use super::{Door, answer, refused, story};
use crate::simulator::graph::header;

/// Calls that a page lists.
const LISTED: usize = 300;

/// What happens in this time is told together: eyes are no faster, and thousands of calls a second stay bearable.
const GATHER: Duration = Duration::from_millis(50);

/// A sign of life, for whatever stands between.
const ALIVE: Duration = Duration::from_secs(15);

pub(super) async fn events(State(door): State<Arc<Door>>, headers: HeaderMap) -> Response<Body> {
    let Ok(place) = Arc::clone(&door.readers).try_acquire_owned() else {
        let message = "too many pages of this simulator are open; close some";
        return refused(StatusCode::SERVICE_UNAVAILABLE, message, None, None);
    };
    let seen = header(&headers, "last-event-id").and_then(|id| resumed(&id, &door.run));
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        // Ends when the reader has gone, or the simulator stops.
        let _ = tell(&door, seen, &sender).await;
        drop(place);
    });
    answer(StatusCode::OK, "text/event-stream", Body::new(Chunks(receiver)))
}

/// The change after which a reader comes back. The changes of another simulator are none of ours.
fn resumed(id: &str, run: &str) -> Option<u64> {
    let (of, change) = id.split_once('.')?;
    change.parse().ok().filter(|_| of == run)
}

#[derive(Serialize)]
struct Changes<'a> {
    run: &'a str,
    /// Seconds since the simulator started, as the times of calls are.
    now: f64,
    calls: Vec<story::Call<'a>>,
}

async fn tell(
    door: &Door,
    mut seen: Option<u64>,
    reader: &mpsc::Sender<Bytes>,
) -> Result<(), mpsc::error::SendError<Bytes>> {
    let feed = &door.graph.feed;
    reader.send(Bytes::from_static(b"retry: 500\n\n")).await?;
    loop {
        // Asked for before looking, so that nothing in between is missed.
        let happens = feed.happens();
        let (last, stories) = feed.board.since(seen.unwrap_or(0), LISTED);
        if seen.is_none() || !stories.is_empty() {
            let event = if seen.is_none() { "state" } else { "changes" };
            let calls = stories.iter().map(story::summary).collect();
            let data = Changes { run: &door.run, now: feed.now().as_secs_f64(), calls };
            // Numbers and texts can always be written.
            let data = serde_json::to_string(&data).unwrap_or_default();
            let text = format!("event: {event}\nid: {}.{last}\ndata: {data}\n\n", door.run);
            reader.send(text.into()).await?;
        }
        seen = Some(last);
        if feed.closed() {
            return Ok(());
        }
        tokio::select! {
            () = happens => tokio::time::sleep(GATHER).await,
            () = tokio::time::sleep(ALIVE) => reader.send(Bytes::from_static(b":\n\n")).await?,
            () = reader.closed() => return Ok(()),
        }
    }
}

/// What a task writes, as a body.
struct Chunks(mpsc::Receiver<Bytes>);

impl http_body::Body for Chunks {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(context).map(|chunk| chunk.map(|chunk| Ok(Frame::data(chunk))))
    }
}
