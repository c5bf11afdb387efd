//! The caller's side: rings a bot, waits for its redirect, and tells it that the call is over.

use std::fmt;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use reqwest::{Client, Response, redirect};
use serde_json::Value;
use tokio::sync::oneshot;
use tokio::task::AbortHandle;
use url::{Host, Url};
use uuid::Uuid;

use super::graph::Graph;
use super::log::ReceivedRedirect;
use super::payload::{self, CallFacts};

/// Of a bot's reply no more is kept.
const LONGEST_REPLY: usize = 64 * 1024;

/// From the redirect to the end of the call: long enough for the 202 to reach the bot first.
const PICKUP: Duration = Duration::from_millis(20);

/// How long a bot may take over the notification that the call has ended.
const END_REPLY: Duration = Duration::from_secs(5);

/// Which token the notification carries.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum NotificationToken {
    /// A genuine one for the simulator's app and the call's tenant.
    #[default]
    Genuine,
    /// This text behind `Bearer `.
    Given(String),
    /// No `Authorization` header at all.
    Missing,
}

/// How to ring. The default is a Teams user who rings the simulator's app.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RingOptions {
    /// Call id; a new GUID when `None`.
    pub call_id: Option<String>,
    /// Who rings: an identity set such as `{"user": {"id": "..."}}`, or a whole participant with an `identity`.
    pub source: Option<Value>,
    /// Who is rung, in the same form; the simulator's app when empty.
    pub targets: Vec<Value>,
    /// Tenant of the call; the simulator's when `None`.
    pub tenant_id: Option<String>,
    /// `callbackUri` of the call; `https://bot.contoso.com/...` as in the documentation when `None`.
    pub callback_uri: Option<String>,
    /// `myParticipantId` of the call; a new GUID when `None`.
    pub my_participant_id: Option<String>,
    /// Token of the incoming notification.
    pub token: NotificationToken,
    /// Sent instead of the incoming notification, byte for byte; it need not be JSON.
    pub body: Option<Vec<u8>>,
    /// How long the call rings: at most, and when `None`, 15 s.
    pub wait: Option<Duration>,
}

impl RingOptions {
    /// Documented example 1, 2 or 3 with a call id of its own; `None` for any other number.
    pub fn example(number: u8) -> Option<Self> {
        let (source, targets, my_participant_id) = payload::example(number)?;
        Some(Self {
            source: Some(source),
            targets,
            tenant_id: Some(payload::EXAMPLE_TENANT.to_owned()),
            callback_uri: Some(payload::callback_uri(payload::EXAMPLE_APP)),
            my_participant_id: Some(my_participant_id.to_owned()),
            ..Self::default()
        })
    }

    /// The call these options describe.
    pub(super) fn facts(&self, app_id: &str, tenant_id: &str) -> CallFacts {
        let tenant_id = self.tenant_id.clone().unwrap_or_else(|| tenant_id.to_owned());
        let targets = if self.targets.is_empty() {
            vec![payload::bot(app_id)]
        } else {
            self.targets.iter().cloned().map(payload::participant).collect()
        };
        CallFacts {
            id: self.call_id.clone().unwrap_or_else(new_id),
            callback_uri: self.callback_uri.clone().unwrap_or_else(|| payload::callback_uri(app_id)),
            source: self
                .source
                .clone()
                .map_or_else(|| payload::default_caller(&tenant_id), payload::participant),
            targets,
            my_participant_id: self.my_participant_id.clone().unwrap_or_else(new_id),
            tenant_id,
        }
    }
}

/// What happened to a call that rang.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RungCall {
    /// Call id.
    pub call_id: String,
    /// HTTP status of the bot's reply; `None` when it did not reply while the call rang.
    pub reply_status: Option<u16>,
    /// Headers of the bot's reply.
    pub reply_headers: Vec<(String, String)>,
    /// The first 64 KiB of the bot's reply.
    pub reply_body: Bytes,
    /// The redirect that Graph accepted.
    pub redirect: Option<ReceivedRedirect>,
    /// HTTP status of the bot's reply to the notification of the end; `None` when it got none or did not reply.
    pub ended_status: Option<u16>,
    /// `rang`, then `replied`, `redirected`, `expired`, `ended` as they happened, each with the time since ringing.
    pub steps: Vec<(&'static str, Duration)>,
}

/// Why a call could not ring.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RingError {
    /// Only bots on this machine are rung; a token that looks genuine must not leave it.
    NotLoopback(String),
    /// Nobody answers at the bot's URL.
    Unreachable(String),
    /// A call of this id is ringing already.
    AlreadyRinging(String),
    /// The simulator was stopped, or belongs to the process this one was forked from.
    Stopped,
    /// The token could not be signed.
    Signing,
}

impl fmt::Display for RingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotLoopback(url) => {
                write!(
                    f,
                    "only http(s) URLs on this machine (localhost, 127.0.0.1, [::1]) can be rung, not {url:?}"
                )
            }
            Self::Unreachable(why) => write!(f, "the bot cannot be reached: {why}"),
            Self::AlreadyRinging(id) => write!(f, "call {id} is ringing already"),
            Self::Stopped => f.write_str("the simulator is stopped"),
            Self::Signing => f.write_str("the notification token could not be signed"),
        }
    }
}

impl std::error::Error for RingError {}

/// A call that is ringing. Dropping it hangs up.
#[derive(Debug)]
pub struct Ringing {
    pub(super) finished: Receiver<Result<RungCall, RingError>>,
    pub(super) task: AbortHandle,
}

impl Ringing {
    /// Waits until the call is over.
    pub fn wait(self) -> Result<RungCall, RingError> {
        self.finished.recv().unwrap_or(Err(RingError::Stopped))
    }

    /// Waits a while; `None` when the call is still going on.
    pub fn wait_for(&self, time: Duration) -> Option<Result<RungCall, RingError>> {
        match self.finished.recv_timeout(time) {
            Ok(result) => Some(result),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => Some(Err(RingError::Stopped)),
        }
    }
}

impl Drop for Ringing {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// One call as the caller's side has it, ready to ring.
pub(super) struct Caller {
    pub(super) graph: Arc<Graph>,
    pub(super) client: Client,
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
        let _known = Known { graph: Arc::clone(&self.graph), id: self.facts.id.clone() };
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
        if rung.redirect.is_none() {
            // Graph knows the call for an instant longer than we wait: look once more when it no longer does.
            self.graph.calls.remove(&self.facts.id);
            rung.redirect = redirect.try_recv().ok();
        }
        let (answered_by, end_url) = match &rung.redirect {
            Some(redirect) => {
                tokio::time::sleep(PICKUP).await;
                (
                    payload::answered_by(&redirect.body),
                    callback_on_this_machine(&redirect.body).unwrap_or(url),
                )
            }
            None => (None, url),
        };
        // Nobody but the bot may know the call once it is told of its end.
        self.graph.calls.remove(&self.facts.id);
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
            .client
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
pub(super) fn client() -> Result<Client, reqwest::Error> {
    Client::builder()
        .no_proxy()
        .redirect(redirect::Policy::none())
        .tls_danger_accept_invalid_certs(true)
        // Spelled as the real service does; a bot that compares names by case meets the same ones here.
        .http1_title_case_headers()
        // Common servers close idle connections after 5 s; leave before them.
        .pool_idle_timeout(Duration::from_secs(2))
        .build()
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

fn callback_on_this_machine(redirect: &[u8]) -> Option<Url> {
    let redirect: Value = serde_json::from_slice(redirect).ok()?;
    bot_url(redirect.get("callbackUri")?.as_str()?).ok()
}

/// The innermost reason, such as "Connection refused": the outer ones repeat the URL.
fn cause(error: &reqwest::Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

fn new_id() -> String {
    Uuid::new_v4().to_string()
}
