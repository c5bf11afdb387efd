//! HTTP, and nothing else: the only place that names the HTTP client.
//!
//! Never follows a redirect (the body holds phone numbers), never decompresses, never keeps cookies, and reads at
//! most [`ANSWER_LIMIT`] bytes of an answer.

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use reqwest::{Body, Method, Response, redirect};
use tokio::time::timeout_at;
use url::Url;

use super::clock::{self, Instant};
use crate::Secret;

const ANSWER_LIMIT: usize = 64 * 1024;
/// How long the body of a refusal is waited for: it only explains what the status has settled.
const ANSWER_PATIENCE: Duration = Duration::from_secs(1);
const GET_TIMEOUT: Duration = Duration::from_secs(5);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
// Below the 60 s after which common proxies drop an idle connection without a word.
const IDLE_TIMEOUT: Duration = Duration::from_secs(50);

/// A pool of connections.
#[derive(Debug, Clone)]
pub struct Transport {
    http: Arc<RwLock<reqwest::Client>>,
    loopback: bool,
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

/// Whether any part of a request may have reached the server: settled once, by whoever comes first. Either a
/// connection takes the body, or the sender takes the request back.
#[derive(Debug, Clone, Default)]
pub struct SentFlag {
    state: Arc<AtomicU8>,
    until: Option<Instant>,
}

const WAITING: u8 = 0;
const TAKEN: u8 = 1;
const WITHDRAWN: u8 = 2;

impl SentFlag {
    /// From that moment on no connection may take the body, however late whoever waits for it notices: a machine
    /// that slept wakes up with a connection and a deadline both ready.
    pub fn until(moment: Instant) -> Self {
        Self { state: Arc::default(), until: Some(moment) }
    }

    /// Takes the request back. True: it has not been sent and never will be, even if a connection gets hold of it
    /// later. False: a connection had taken the body, so it may have arrived.
    pub fn withdraw(&self) -> bool {
        self.settle(WITHDRAWN)
    }

    fn take(&self) -> bool {
        let late = self.until.is_some_and(|moment| clock::now() >= moment);
        if late { !self.withdraw() } else { self.settle(TAKEN) }
    }

    fn settle(&self, to: u8) -> bool {
        let settled = self.state.compare_exchange(WAITING, to, Ordering::AcqRel, Ordering::Acquire);
        settled.map_or_else(|before| before == to, |_| true)
    }
}

/// The head of an answer. The status settles what became of the request.
#[derive(Debug)]
pub struct Head(Response);

impl Head {
    /// The answer as far as it matters: the body of a success is not read, that of a refusal for a second at most and
    /// never past `until`.
    pub async fn answer(self, until: Instant) -> Answer {
        let limit = if self.0.status().is_success() { 0 } else { ANSWER_LIMIT };
        read(self.0, limit, until.min(clock::now() + ANSWER_PATIENCE)).await
    }
}

impl Transport {
    /// `loopback` goes past any proxy of the environment and may use plain http; all else is https.
    pub fn new(loopback: bool) -> Result<Self, Failure> {
        Ok(Self { http: Arc::new(RwLock::new(client(loopback)?)), loopback })
    }

    /// From now on requests go over new connections; those under way are not cut off.
    pub fn renew(&self) {
        // Building failed never before; if it does, the old connections are better than none.
        if let Ok(fresh) = client(self.loopback) {
            *self.http.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        }
    }

    fn http(&self) -> reqwest::Client {
        self.http.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// One POST of a JSON body, one attempt.
    pub async fn post_json(
        &self,
        url: Url,
        token: &Secret,
        headers: &[(&'static str, &str)],
        body: Bytes,
        sent: &SentFlag,
    ) -> Result<Head, Failure> {
        let watched = Watched { body: Some(body), sent: sent.clone() };
        let mut request = self
            .http()
            .request(Method::POST, url)
            .bearer_auth(token.expose())
            .header(CONTENT_TYPE, "application/json")
            .body(Body::wrap(watched));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.map(Head).map_err(|error| failure(&error))
    }

    /// One GET of a JSON document, one attempt.
    pub async fn get_json(
        &self,
        url: Url,
        token: &Secret,
        headers: &[(&'static str, &str)],
        until: Instant,
    ) -> Result<Answer, Failure> {
        let mut request = self.http().request(Method::GET, url).bearer_auth(token.expose());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.map_err(|error| failure(&error))?;
        Ok(read(response, ANSWER_LIMIT, until).await)
    }

    /// One GET of a public document, of which at most `limit` bytes are read.
    pub async fn get(&self, url: Url, limit: usize) -> Result<Answer, Failure> {
        let until = clock::now() + GET_TIMEOUT;
        let request = self.http().request(Method::GET, url).timeout(GET_TIMEOUT);
        let response = request.send().await.map_err(|error| failure(&error))?;
        Ok(read(response, limit, until).await)
    }
}

fn client(loopback: bool) -> Result<reqwest::Client, Failure> {
    let builder = reqwest::Client::builder()
        .user_agent(concat!("callredirect/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .referer(false)
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(IDLE_TIMEOUT)
        .https_only(!loopback);
    let builder = if loopback { builder.no_proxy() } else { builder };
    builder.build().map_err(|error| failure(&error))
}

/// A body that breaks off, dawdles or overflows only costs what it would have explained.
async fn read(mut response: Response, limit: usize, until: Instant) -> Answer {
    let status = response.status().as_u16();
    let request_id = header(response.headers(), "request-id");
    let retry_after = header(response.headers(), "retry-after");
    let mut body = Vec::new();
    while body.len() < limit
        && let Ok(Ok(Some(chunk))) = timeout_at(until, response.chunk()).await
    {
        let room = limit.saturating_sub(body.len());
        body.extend(chunk.iter().take(room));
    }
    Answer { status, request_id, retry_after, body }
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

/// The request was taken back before a connection took it.
#[derive(Debug)]
struct Withdrawn;

impl fmt::Display for Withdrawn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the request was taken back")
    }
}

impl Error for Withdrawn {}

impl http_body::Body for Watched {
    type Data = Bytes;
    type Error = Withdrawn;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Withdrawn>>> {
        // Head and body go out in one write: without the body nothing of the request leaves.
        let taken = self.sent.take();
        let frame = self.body.take().map(|bytes| if taken { Ok(Frame::data(bytes)) } else { Err(Withdrawn) });
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.body.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}
