//! The line to the bot: posts over HTTP, to this machine only.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use reqwest::{Client, Response, redirect};
use tokio::net::TcpStream;
use url::{Host, Url};

use super::delivery::Letter;
use super::ring::RingError;

/// Of a bot's reply no more is kept.
const LONGEST_REPLY: usize = 64 * 1024;

/// Between two looks whether somebody listens.
const LOOK: Duration = Duration::from_millis(20);

/// What the calls of one simulator share: it keeps connections to the bot open.
pub(super) struct Line {
    client: Client,
    /// Addresses that were seen listening and are not looked at again.
    listening: Mutex<HashSet<SocketAddr>>,
}

/// Why a post came to nothing.
#[derive(Debug)]
pub(super) struct NoReply {
    /// Nothing was sent: nobody listens.
    pub(super) unsent: bool,
    pub(super) why: String,
}

/// What a bot answered.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Bytes,
}

impl Line {
    /// It reaches this machine only, so it needs neither proxies nor certificate roots, and an `https://localhost` bot
    /// may sign its own certificate.
    pub(super) fn new() -> Result<Self, String> {
        let client = Client::builder()
            .no_proxy()
            .redirect(redirect::Policy::none())
            .tls_danger_accept_invalid_certs(true)
            // Spelled as the real service does; a bot that compares names by case meets the same ones here.
            .http1_title_case_headers()
            // Common servers close idle connections after 5 s; leave before them.
            .pool_idle_timeout(Duration::from_secs(2))
            .build()
            .map_err(|error| cause(&error))?;
        Ok(Self { client, listening: Mutex::default() })
    }

    /// Waits for the bot under test to have started, so that no test has to.
    pub(super) async fn wait_until_listening(&self, url: &Url, patience: Duration) -> Result<(), RingError> {
        let start = Instant::now();
        let addresses = url.socket_addrs(|| None).unwrap_or_default();
        if addresses.iter().any(|address| self.listening().contains(address)) {
            return Ok(());
        }
        loop {
            let mut why = "the name has no address".to_owned();
            for address in &addresses {
                match TcpStream::connect(address).await {
                    Ok(_) => {
                        self.listening().insert(*address);
                        return Ok(());
                    }
                    Err(error) => why = error.to_string(),
                }
            }
            if start.elapsed() + LOOK > patience {
                return Err(RingError::Unreachable(shown_address(url), start.elapsed(), why));
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Posts a notification with the headers real ones have.
    pub(super) async fn post(
        &self,
        letter: &Letter,
        scenario_id: &str,
        chain_id: &str,
    ) -> Result<Reply, NoReply> {
        let mut request = self
            .client
            .post(letter.url.clone())
            .header(CONTENT_TYPE, "application/json; charset=utf-8")
            .header(USER_AGENT, "Microsoft-Skype/3.0,(Calling/1.0)")
            .header("Scenario-Id", scenario_id)
            .header("X-Microsoft-Skype-Message-ID", &letter.message_id)
            .header("X-Microsoft-Skype-Chain-ID", chain_id)
            .body(letter.body.clone());
        if let Some(token) = &letter.token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        let failed = |error: reqwest::Error| {
            if error.is_connect() {
                // It listened once and does not any more.
                self.listening().clear();
            }
            NoReply { unsent: error.is_connect(), why: cause(&error) }
        };
        let response = request.send().await.map_err(failed)?;
        Reply::read(response).await.map_err(failed)
    }

    fn listening(&self) -> std::sync::MutexGuard<'_, HashSet<SocketAddr>> {
        self.listening.lock().unwrap_or_else(PoisonError::into_inner)
    }
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

/// Where a redirected call's notifications go: the redirect's `callbackUri`. One that is not on this machine stands for
/// the bot that was rung, so only its path is taken: a path nobody serves must show here, not in production.
pub(super) fn callback_url(callback: Option<&str>, rung: &Url) -> Url {
    let Some(callback) = callback.and_then(|text| Url::parse(text).ok()) else { return rung.clone() };
    if bot_url(callback.as_str()).is_ok() {
        return callback;
    }
    let mut here = rung.clone();
    here.set_path(callback.path());
    here.set_query(callback.query());
    here
}

/// `127.0.0.1:8000`
pub(super) fn shown_address(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port_or_known_default().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// The innermost reason, such as "Connection refused": the outer ones repeat the URL.
fn cause(error: &reqwest::Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
