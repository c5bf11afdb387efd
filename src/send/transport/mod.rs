//! HTTP, and nothing else: the only place that names the HTTP client.
//!
//! Never follows a redirect (the body holds phone numbers), never decompresses, never keeps cookies, and reads at
//! most [`ANSWER_LIMIT`] bytes of an answer.

mod body;
mod failure;
mod names;
mod pool;
mod tls;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Body, Client, Method, RequestBuilder, Response, StatusCode};
use tokio::time::timeout_at;
use url::Url;

use self::body::Watched;
use self::failure::Word;
use self::pool::Pools;
use super::clock::{self, Instant};
use crate::Secret;

pub use self::body::SentFlag;
pub use self::failure::Failure;
pub use self::names::{Found, Lookup};
pub use self::pool::Settings;

const ANSWER_LIMIT: usize = 64 * 1024;
/// How long the body of a refusal is waited for: it only explains what the status has settled.
const ANSWER_PATIENCE: Duration = Duration::from_secs(1);
const GET_TIMEOUT: Duration = Duration::from_secs(5);
/// An issuer of tokens may be asked again, so it is not waited for as long as a call lasts.
const TOKEN_TIMEOUT: Duration = Duration::from_secs(3);
const WARM_UP_TIMEOUT: Duration = Duration::from_secs(3);

/// Connections to one service, shared by all clones.
#[derive(Debug, Clone)]
pub struct Transport(Arc<Pools>);

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

/// The head of an answer. The status settles what became of the request.
#[derive(Debug)]
pub struct Head(Response);

impl Head {
    /// The answer as far as it matters: the body of a documented success is not read, any other for a second at most
    /// and never past `until`.
    pub async fn answer(self, until: Instant) -> Answer {
        let settled = matches!(self.0.status(), StatusCode::ACCEPTED | StatusCode::NO_CONTENT);
        let limit = if settled { 0 } else { ANSWER_LIMIT };
        read(self.0, limit, until.min(clock::now() + ANSWER_PATIENCE)).await
    }
}

impl Transport {
    /// `loopback` goes past any proxy of the environment and may use plain http; all else is https.
    pub fn new(loopback: bool) -> Result<Self, Failure> {
        Self::with(Settings { loopback, ..Settings::default() })
    }

    /// Nothing is read or opened before the first request.
    pub fn with(settings: Settings) -> Result<Self, Failure> {
        Ok(Self(Arc::new(Pools::new(settings)?)))
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
        let request = |http: &Client| {
            let request = http
                .request(Method::POST, url)
                .bearer_auth(token.expose())
                .header(CONTENT_TYPE, "application/json")
                .body(Body::wrap(Watched::new(body, sent)));
            headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))
        };
        self.send(request, sent).await.map(Head)
    }

    /// One GET of a JSON document, one attempt. The flag is withdrawn if no connection came about.
    pub async fn get_json(
        &self,
        url: Url,
        token: &Secret,
        headers: &[(&'static str, &str)],
        until: Instant,
        sent: &SentFlag,
    ) -> Result<Answer, Failure> {
        let request = |http: &Client| {
            let request = http.request(Method::GET, url).bearer_auth(token.expose());
            headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))
        };
        let response = self.send(request, sent).await?;
        Ok(read(response, ANSWER_LIMIT, until).await)
    }

    /// One GET of a public document, of which at most `limit` bytes are read.
    pub async fn get(&self, url: Url, limit: usize) -> Result<Answer, Failure> {
        let until = clock::now() + GET_TIMEOUT;
        let request = |http: &Client| http.request(Method::GET, url).timeout(GET_TIMEOUT);
        let response = self.send(request, &SentFlag::default()).await?;
        Ok(read(response, limit, until).await)
    }

    /// Asks for a token: a POST of the form, or a GET without one. The headers may be secret.
    pub async fn ask_token(
        &self,
        url: Url,
        headers: &[(&'static str, Secret)],
        form: Option<Bytes>,
    ) -> Result<Answer, Failure> {
        let until = clock::now() + TOKEN_TIMEOUT;
        let mut named = HeaderMap::new();
        for (name, value) in headers {
            let mut value = HeaderValue::from_str(value.expose())
                .map_err(|_| Failure("a header holds characters no header has".to_owned()))?;
            value.set_sensitive(true);
            named.insert(*name, value);
        }
        let method = if form.is_some() { Method::POST } else { Method::GET };
        let request = |http: &Client| {
            let request = http.request(method, url).timeout(TOKEN_TIMEOUT).headers(named);
            form.into_iter().fold(request, RequestBuilder::body)
        };
        let response = self.send(request, &SentFlag::default()).await?;
        Ok(read(response, ANSWER_LIMIT, until).await)
    }

    /// One request as somebody else once made it, for its replay. A header that no request can have is left out.
    pub async fn repeat(
        &self,
        method: &str,
        url: Url,
        headers: &[(String, Secret)],
        body: Bytes,
        timeout: Duration,
    ) -> Result<Answer, Failure> {
        let method = method.parse().map_err(|_| Failure("it has no such method".to_owned()))?;
        let named: HeaderMap = headers
            .iter()
            .filter_map(|(name, value)| {
                let mut value = HeaderValue::from_str(value.expose()).ok()?;
                value.set_sensitive(true);
                Some((name.parse::<HeaderName>().ok()?, value))
            })
            .collect();
        let request = |http: &Client| http.request(method, url).timeout(timeout).headers(named).body(body);
        let response = self.send(request, &SentFlag::default()).await?;
        Ok(read(response, 0, clock::now()).await)
    }

    /// Opens a connection to the service, or finds the open one alive, so that the next request need not wait for
    /// that. Asks for the head of `url`, without a token; the answer does not matter.
    pub async fn warm_up(&self, url: Url) -> Result<(), Failure> {
        let request = |http: &Client| http.request(Method::HEAD, url).timeout(WARM_UP_TIMEOUT);
        self.send(request, &SentFlag::default()).await.map(drop)
    }

    /// The same for a connection that has been in use. While a request is under way that one keeps it: a second over
    /// HTTP/1.1 would only open another.
    pub async fn keep_warm(&self, url: Url) -> Result<(), Failure> {
        if self.0.current()?.busy() { Ok(()) } else { self.warm_up(url).await }
    }

    async fn send(
        &self,
        request: impl FnOnce(&Client) -> RequestBuilder,
        sent: &SentFlag,
    ) -> Result<Response, Failure> {
        let pool = self.0.current()?;
        let using = pool.used();
        let result = request(&pool.http).send().await;
        match &result {
            // Graph asks for a new connection after a 503.
            Ok(response) if response.status() == StatusCode::SERVICE_UNAVAILABLE => drop(using),
            Ok(_) => using.ended_well(),
            Err(error) if error.is_connect() => {
                sent.withdraw();
                using.ended_well();
            }
            Err(error) => sent.heard(Word::of(error)),
        }
        result.map_err(|error| Failure::of(&error))
    }
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
