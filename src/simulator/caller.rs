//! The caller's side: rings a bot, waits for its redirect, and tells it that the call is over.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use reqwest::{Client, Response, redirect};
use serde_json::Value;
use tokio::sync::oneshot;
use url::{Host, Url};
use uuid::Uuid;

use super::graph::Graph;
use super::log::ReceivedRedirect;
use super::payload::{self, CallFacts};
use super::ring::{RingError, RungCall};

/// Of a bot's reply no more is kept.
const LONGEST_REPLY: usize = 64 * 1024;

/// From the redirect to the end of the call: long enough for the 202 to reach the bot first.
const PICKUP: Duration = Duration::from_millis(20);

/// How long a bot may take over the notification that the call has ended.
const END_REPLY: Duration = Duration::from_secs(5);

/// What the calls of one simulator share: it keeps connections to the bot open.
pub(super) type Line = Client;

/// One call as the caller's side has it, ready to ring.
pub(super) struct Caller {
    pub(super) graph: Arc<Graph>,
    pub(super) line: Line,
    pub(super) app_id: String,
    pub(super) facts: CallFacts,
    pub(super) token: Option<String>,
    pub(super) body: Vec<u8>,
    pub(super) window: Duration,
}

impl Caller {
    pub(super) async fn ring(self, url: Url) -> Result<RungCall, RingError> {
        let (waiting, mut redirect) = oneshot::channel();
        let start = Instant::now();
        if !self.graph.calls.add(self.facts.clone(), self.window, Some(waiting)) {
            return Err(RingError::AlreadyRinging(self.facts.id));
        }
        // Also when this task is dropped half way: the caller hung up.
        let known = Known { graph: Arc::clone(&self.graph), id: self.facts.id.clone() };
        let correlation = Scenario { id: new_id(), chain_id: new_id() };
        let mut rung = RungCall {
            call_id: self.facts.id.clone(),
            reply_status: None,
            reply_headers: Vec::new(),
            reply_body: Bytes::new(),
            redirect: None,
            ended_status: None,
            steps: vec![("rang", Duration::ZERO)],
        };
        let incoming = self.post(url.clone(), self.token.as_deref(), self.body.clone(), &correlation);
        if !follow(&mut rung, incoming, &mut redirect, start, self.window).await? {
            return Ok(rung);
        }
        if rung.redirect.is_some() {
            tokio::time::sleep(PICKUP).await;
        }
        // Before the bot is told of the end, for a bot that asks Graph at once.
        drop(known);
        if rung.redirect.is_none() {
            // Graph knew the call for an instant longer than we waited.
            rung.redirect = redirect.try_recv().ok();
        }
        let (answered_by, end_url) = match &rung.redirect {
            Some(redirect) => (payload::answered_by(&redirect.body), end_url(&redirect.body, url)),
            None => (None, url),
        };
        let token = self
            .graph
            .tokens
            .notification(&self.app_id, &self.facts.tenant_id)
            .map_err(|_| RingError::Signing)?;
        let terminated = self.post(end_url, Some(&token), self.facts.terminated(answered_by), &correlation);
        if let Ok(Ok(reply)) = tokio::time::timeout(END_REPLY, terminated).await {
            rung.ended_status = Some(reply.status);
            rung.steps.push(("ended", start.elapsed()));
        }
        Ok(rung)
    }

    /// Posts a notification with the headers real ones have.
    async fn post(
        &self,
        url: Url,
        token: Option<&str>,
        body: Vec<u8>,
        scenario: &Scenario,
    ) -> Result<Reply, reqwest::Error> {
        let mut request = self
            .line
            .post(url)
            .header(CONTENT_TYPE, "application/json; charset=utf-8")
            .header(USER_AGENT, "Microsoft-Skype/3.0,(Calling/1.0)")
            .header("Scenario-Id", &scenario.id)
            .header("X-Microsoft-Skype-Message-ID", new_id())
            .header("X-Microsoft-Skype-Chain-ID", &scenario.chain_id)
            .body(body);
        if let Some(token) = token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        Reply::read(request.send().await?).await
    }
}

/// Waits for the reply and for the redirect, in whichever order they come, while the call rings. Returns whether
/// the bot is to be told of the end: not when it refused the call in the first place.
async fn follow(
    rung: &mut RungCall,
    incoming: impl Future<Output = Result<Reply, reqwest::Error>>,
    redirect: &mut oneshot::Receiver<ReceivedRedirect>,
    start: Instant,
    window: Duration,
) -> Result<bool, RingError> {
    tokio::pin!(incoming);
    let expired = tokio::time::sleep_until((start + window).into());
    tokio::pin!(expired);
    let (mut replied, mut watching) = (false, true);
    while !(replied && rung.redirect.is_some()) {
        tokio::select! {
            // In this order, so that a redirect accepted in the last moment is not lost.
            biased;
            received = &mut *redirect, if watching => {
                // An error means that newer calls pushed this one out of the table: nothing will come.
                watching = false;
                rung.redirect = received.ok();
                if rung.redirect.is_some() {
                    rung.steps.push(("redirected", start.elapsed()));
                }
            }
            reply = &mut incoming, if !replied => match reply {
                Ok(reply) => {
                    replied = true;
                    rung.steps.push(("replied", start.elapsed()));
                    rung.reply_status = Some(reply.status);
                    rung.reply_headers = reply.headers;
                    rung.reply_body = reply.body;
                    if !(200..300).contains(&reply.status) && rung.redirect.is_none() {
                        return Ok(false);
                    }
                }
                Err(error) if rung.redirect.is_none() => return Err(RingError::Unreachable(cause(&error))),
                // It redirected and then broke the connection: odd, and yet a redirected call.
                Err(_) => return Ok(true),
            },
            () = &mut expired => {
                if rung.redirect.is_none() {
                    rung.steps.push(("expired", start.elapsed()));
                }
                return Ok(true);
            }
        }
    }
    Ok(true)
}

/// Keeps Graph's table of calls in step with what rings.
struct Known {
    graph: Arc<Graph>,
    id: String,
}

impl Drop for Known {
    fn drop(&mut self) {
        self.graph.calls.remove(&self.id);
    }
}

/// Ids that all notifications of one call share.
struct Scenario {
    id: String,
    chain_id: String,
}

struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: Bytes,
}

impl Reply {
    async fn read(mut response: Response) -> Result<Self, reqwest::Error> {
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await? {
            let room = LONGEST_REPLY.saturating_sub(body.len()).min(chunk.len());
            body.extend_from_slice(&chunk.slice(..room));
            if body.len() >= LONGEST_REPLY {
                break;
            }
        }
        let headers = response
            .headers()
            .iter()
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect();
        Ok(Self { status: response.status().as_u16(), headers, body: body.freeze() })
    }
}

/// The client that rings. It reaches this machine only, so it needs neither proxies nor certificate roots, and an
/// `https://localhost` bot may sign its own certificate.
pub(super) fn line() -> Result<Line, String> {
    Client::builder()
        .no_proxy()
        .redirect(redirect::Policy::none())
        .tls_danger_accept_invalid_certs(true)
        // Spelled as the real service does; a bot that compares names by case meets the same ones here.
        .http1_title_case_headers()
        // Common servers close idle connections after 5 s; leave before them.
        .pool_idle_timeout(Duration::from_secs(2))
        .build()
        .map_err(|error| cause(&error))
}

/// The bot's URL, if it is on this machine.
pub(super) fn bot_url(text: &str) -> Result<Url, RingError> {
    let refused = || RingError::NotLoopback(text.to_owned());
    let url = Url::parse(text).map_err(|_| refused())?;
    let loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    if loopback && matches!(url.scheme(), "http" | "https") { Ok(url) } else { Err(refused()) }
}

/// Where the end of the call is told: the redirect's `callbackUri`. One that is not on this machine stands for the bot
/// that was rung, so only its path is taken: a path nobody serves must show here, not in production.
fn end_url(redirect: &[u8], mut rung: Url) -> Url {
    let redirect: Value = serde_json::from_slice(redirect).unwrap_or_default();
    let callback = redirect.get("callbackUri").and_then(Value::as_str);
    let Some(callback) = callback.and_then(|text| Url::parse(text).ok()) else { return rung };
    if bot_url(callback.as_str()).is_ok() {
        return callback;
    }
    rung.set_path(callback.path());
    rung.set_query(callback.query());
    rung
}

/// The innermost reason, such as "Connection refused": the outer ones repeat the URL.
fn cause(error: &reqwest::Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

pub(super) fn new_id() -> String {
    Uuid::new_v4().to_string()
}
