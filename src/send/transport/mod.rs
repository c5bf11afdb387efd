//! HTTP, and nothing else: the only place that names the HTTP client.
//!
//! Never follows a redirect (the body holds phone numbers), never decompresses, never keeps cookies, and reads at
//! most [`ANSWER_LIMIT`] bytes of an answer.

mod body;
mod connect;
mod failure;
mod names;
mod pool;
mod tls;

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body::Body as _;
use hyper::body::Incoming;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
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
/// How often more what is no redirect is sent where the server turned it away unread. A redirect is sent again by
/// others, who know what it costs.
const UNREAD_AGAIN: u8 = 2;
const OURSELVES: HeaderValue = HeaderValue::from_static(concat!("callredirect/", env!("CARGO_PKG_VERSION")));

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
pub struct Head(Response<Incoming>);

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
        url: &Url,
        token: &Secret,
        headers: &[(&'static str, &str)],
        body: Bytes,
        sent: &SentFlag,
    ) -> Result<Head, Failure> {
        let mut named = authorised(token, headers)?;
        named.insert(header::CONTENT_TYPE, JSON);
        let request = request(Method::POST, url, named, body, sent)?;
        self.send(&request, 0, sent).await.map(Head)
    }

    /// One GET of a JSON document, one attempt, unless it is turned away unread. The flag is withdrawn if no connection came about.
    pub async fn get_json(
        &self,
        url: &Url,
        token: &Secret,
        headers: &[(&'static str, &str)],
        until: Instant,
        sent: &SentFlag,
    ) -> Result<Answer, Failure> {
        let request = request(Method::GET, url, authorised(token, headers)?, Bytes::new(), sent)?;
        let response = self.send(&request, UNREAD_AGAIN, sent).await?;
        Ok(read(response, ANSWER_LIMIT, until).await)
    }

    /// One GET of a public document, of which at most `limit` bytes are read.
    pub async fn get(&self, url: &Url, limit: usize) -> Result<Answer, Failure> {
        self.ask(Method::GET, url, HeaderMap::new(), Bytes::new(), GET_TIMEOUT, limit).await
    }

    /// Asks for a token: a POST of the form, or a GET without one. The headers may be secret.
    pub async fn ask_token(
        &self,
        url: &Url,
        headers: &[(&'static str, Secret)],
        form: Option<Bytes>,
    ) -> Result<Answer, Failure> {
        let mut named = HeaderMap::new();
        for (name, value) in headers {
            let value = secret(value.expose())
                .ok_or_else(|| Failure("a header holds characters no header has".to_owned()))?;
            named.insert(*name, value);
        }
        let method = if form.is_some() { Method::POST } else { Method::GET };
        self.ask(method, url, named, form.unwrap_or_default(), TOKEN_TIMEOUT, ANSWER_LIMIT).await
    }

    /// One request as somebody else once made it, for its replay. A header that no request can have is left out.
    pub async fn repeat(
        &self,
        method: &str,
        url: &Url,
        headers: &[(String, Secret)],
        body: Bytes,
        timeout: Duration,
    ) -> Result<Answer, Failure> {
        let method = method.parse().map_err(|_| Failure("it has no such method".to_owned()))?;
        let named = headers
            .iter()
            .filter_map(|(name, value)| Some((name.parse::<HeaderName>().ok()?, secret(value.expose())?)));
        self.ask(method, url, named.collect(), body, timeout, 0).await
    }

    /// Opens a connection to the service, or finds the open one alive, so that the next request need not wait for
    /// that. Asks for the head of `url`, without a token; the answer does not matter.
    pub async fn warm_up(&self, url: &Url) -> Result<(), Failure> {
        let nothing = Bytes::new();
        self.ask(Method::HEAD, url, HeaderMap::new(), nothing, WARM_UP_TIMEOUT, 0).await.map(drop)
    }

    /// The same for a connection that has been in use. While a request is under way that one keeps it: a second over
    /// HTTP/1.1 would only open another.
    pub async fn keep_warm(&self, url: &Url) -> Result<(), Failure> {
        if self.0.current()?.busy() { Ok(()) } else { self.warm_up(url).await }
    }

    /// What is no redirect: the request, and what came back within that time.
    async fn ask(
        &self,
        method: Method,
        url: &Url,
        headers: HeaderMap,
        body: Bytes,
        time: Duration,
        limit: usize,
    ) -> Result<Answer, Failure> {
        let (until, sent) = (clock::now() + time, SentFlag::default());
        let request = request(method, url, headers, body, &sent)?;
        let response = timeout_at(until, self.send(&request, UNREAD_AGAIN, &sent)).await;
        let response = response.map_err(|_| Failure(format!("timed out: no answer within {time:?}")))?;
        Ok(read(response?, limit, until).await)
    }

    /// Sends it; so many times `again` where the server says that it has not looked at it.
    async fn send(
        &self,
        request: &Request<Watched>,
        mut again: u8,
        sent: &SentFlag,
    ) -> Result<Response<Incoming>, Failure> {
        loop {
            let pool = self.0.current()?;
            let using = pool.used();
            let error = match pool.http.request(request.clone()).await {
                Ok(response) => {
                    // Graph asks for a new connection after a 503.
                    if response.status() != StatusCode::SERVICE_UNAVAILABLE {
                        using.ended_well();
                    }
                    return Ok(response);
                }
                Err(error) => error,
            };
            let word = Word::of(&error);
            if error.is_connect() {
                sent.withdraw();
                using.ended_well();
            } else if word.unread && !word.busy && again > 0 {
                again -= 1;
                continue;
            } else {
                sent.heard(word);
            }
            return Err(Failure::of(&error));
        }
    }
}

const JSON: HeaderValue = HeaderValue::from_static("application/json");

fn request(
    method: Method,
    url: &Url,
    mut headers: HeaderMap,
    body: Bytes,
    sent: &SentFlag,
) -> Result<Request<Watched>, Failure> {
    headers.entry(header::ACCEPT).or_insert(HeaderValue::from_static("*/*"));
    headers.entry(header::USER_AGENT).or_insert(OURSELVES);
    let mut request = Request::new(Watched::new(body, sent));
    *request.method_mut() = method;
    *request.uri_mut() = url.as_str().parse().map_err(Failure::unsendable)?;
    *request.headers_mut() = headers;
    Ok(request)
}

fn authorised(token: &Secret, headers: &[(&'static str, &str)]) -> Result<HeaderMap, Failure> {
    let bearer = format!("Bearer {}", token.expose());
    let bearer = secret(&bearer).ok_or_else(|| Failure::unsendable("the token cannot stand in a header"))?;
    let mut named = HeaderMap::from_iter([(header::AUTHORIZATION, bearer)]);
    for (name, value) in headers {
        named.insert(*name, HeaderValue::from_str(value).map_err(Failure::unsendable)?);
    }
    Ok(named)
}

/// A value that nothing prints.
fn secret(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// A body that breaks off, dawdles or overflows only costs what it would have explained.
async fn read(response: Response<Incoming>, limit: usize, until: Instant) -> Answer {
    let (head, mut rest) = response.into_parts();
    let named = |name: &str| {
        let value = head.headers.get(name)?.to_str().ok()?;
        Some(value.chars().take(200).collect())
    };
    let mut body = Vec::new();
    while body.len() < limit
        && let Ok(Some(Ok(frame))) =
            timeout_at(until, poll_fn(|context| Pin::new(&mut rest).poll_frame(context))).await
    {
        let room = limit.saturating_sub(body.len());
        body.extend(frame.data_ref().into_iter().flatten().take(room));
    }
    Answer {
        status: head.status.as_u16(),
        request_id: named("request-id"),
        retry_after: named("retry-after"),
        body,
    }
}
