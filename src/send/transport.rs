//! HTTP, and nothing else: the only place that names the HTTP client.
//!
//! Never follows a redirect (the body holds phone numbers), never decompresses, never keeps cookies, and reads at
//! most [`ANSWER_LIMIT`] bytes of an answer.

use std::convert::Infallible;
use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use reqwest::{Body, Method, RequestBuilder, redirect};
use url::Url;

use crate::Secret;

const ANSWER_LIMIT: usize = 64 * 1024;
const GET_TIMEOUT: Duration = Duration::from_secs(5);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
// Below the 60 s after which common proxies drop an idle connection without a word.
const IDLE_TIMEOUT: Duration = Duration::from_secs(50);

/// A pool of connections.
#[derive(Debug, Clone)]
pub struct Transport {
    http: reqwest::Client,
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// `request-id` header.
    pub request_id: Option<String>,
    /// `Retry-After` header as it came.
    pub retry_after: Option<String>,
    /// The body, up to the limit.
    pub body: Vec<u8>,
}

/// Nothing came back: why, in words without addresses or secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure(pub String);

/// Whether any part of a request may have reached the server. Set by the connection itself when it takes the body.
#[derive(Debug, Clone, Default)]
pub struct SentFlag(Arc<AtomicBool>);

impl SentFlag {
    /// True once a connection was there and took the body.
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

impl Transport {
    /// `loopback` goes past any proxy of the environment and may use plain http; all else is https.
    pub fn new(loopback: bool) -> Result<Self, Failure> {
        let builder = reqwest::Client::builder()
            .user_agent(concat!("callredirect/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .referer(false)
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .https_only(!loopback);
        let builder = if loopback { builder.no_proxy() } else { builder };
        Ok(Self { http: builder.build().map_err(|error| failure(&error))? })
    }

    /// One POST of a JSON body, one attempt.
    pub async fn post_json(
        &self,
        url: Url,
        token: &Secret,
        headers: &[(&'static str, &str)],
        body: Bytes,
        sent: &SentFlag,
    ) -> Result<Answer, Failure> {
        let watched = Watched { body: Some(body), sent: sent.clone() };
        let mut request = self
            .http
            .request(Method::POST, url)
            .bearer_auth(token.expose())
            .header(CONTENT_TYPE, "application/json")
            .body(Body::wrap(watched));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        answer(request, ANSWER_LIMIT).await
    }

    /// One GET of a public document, of which at most `limit` bytes are read.
    pub async fn get(&self, url: Url, limit: usize) -> Result<Answer, Failure> {
        answer(self.http.request(Method::GET, url).timeout(GET_TIMEOUT), limit).await
    }
}

async fn answer(request: RequestBuilder, limit: usize) -> Result<Answer, Failure> {
    let mut response = request.send().await.map_err(|error| failure(&error))?;
    let status = response.status().as_u16();
    let request_id = header(response.headers(), "request-id");
    let retry_after = header(response.headers(), "retry-after");
    let mut body = Vec::new();
    // The status line has settled the matter: a body that breaks off or overflows only costs its explanation.
    while let Ok(Some(chunk)) = response.chunk().await {
        let room = limit.saturating_sub(body.len());
        body.extend(chunk.iter().take(room));
        if chunk.len() > room {
            break;
        }
    }
    Ok(Answer { status, request_id, retry_after, body })
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(|value| value.chars().take(200).collect())
}

/// The innermost cause, which is the one that tells ("Connection refused"), and the stage it happened in.
fn failure(error: &reqwest::Error) -> Failure {
    let stage = match () {
        () if error.is_connect() => "could not connect",
        () if error.is_timeout() => "timed out",
        () if error.is_builder() => "could not build the request",
        () => "the connection broke",
    };
    let mut cause = error.source();
    while let Some(inner) = cause.and_then(Error::source) {
        cause = Some(inner);
    }
    Failure(cause.map_or_else(|| stage.to_owned(), |cause| format!("{stage}: {cause}")))
}

/// The body, telling when a connection takes it: that is the difference between "not sent" and "perhaps delivered".
struct Watched {
    body: Option<Bytes>,
    sent: SentFlag,
}

impl http_body::Body for Watched {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.sent.0.store(true, Ordering::Release);
        Poll::Ready(self.body.take().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.body.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}
