//! A Graph of your own on loopback, and a caller who rings your bot.
//!
//! Both sides speak real HTTP: what works against the simulator has crossed a socket, carried a signed token and met
//! the rules of the specification. `start` it, give [`Simulator::base_url`] to the client under test, `ring` the bot.
//!
//! ```
//! use callredirect::simulator::{AccessOptions, Simulator, SimulatorOptions};
//!
//! let graph = Simulator::start(SimulatorOptions::default())?;
//! let call_id = graph.place_call(&Default::default())?; // rings nobody: for tests of a client alone
//! let token = graph.access_token(AccessOptions::for_tenant(graph.tenant_id()))?;
//! println!("POST {}/v1.0/communications/calls/{call_id}/redirect", graph.base_url());
//! # let _ = token;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

// A simulator of a deadline has to keep the real time: its bot lives outside, where no clock can be handed in.
#![allow(clippy::disallowed_methods)]

mod assertion;
mod board;
mod call;
mod callee;
mod caller;
mod delivery;
mod diagnosis;
mod event;
mod fault;
mod graph;
mod keys;
mod kept;
mod line;
mod log;
mod page;
mod payload;
mod play;
mod reply;
mod ring;
mod scenario;
mod server;
mod token_endpoint;
mod tokens;
mod wire;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::send::Cloud;

pub use call::SecondRedirect;
pub use callee::{Callee, EVERYBODY, Ending};
pub use event::{Event, EventKind, Events, Rang, Read, SentNotification};
pub use fault::{Fault, FaultRule, Side};
pub use log::{ReceivedRedirect, ServedRequest};
pub use ring::{NotificationToken, RingError, RingOptions, Ringing, RungCall, Timeline};
#[cfg(feature = "python")]
pub(crate) use scenario::faults as read_faults;
pub use scenario::{Scenario, ScenarioCall};
pub use tokens::AccessOptions;

use call::LONGEST_WINDOW;
use event::Feed;
use graph::{Graph, Rules};
use keys::SigningKey;
use line::Line;
use server::Server;
use token_endpoint::Issuer;
use tokens::{ISSUER, Tokens};

/// What a simulator is made of.
#[derive(Debug, Clone, PartialEq)]
pub struct SimulatorOptions {
    /// The bot's app id: the audience of its notifications.
    pub app_id: String,
    /// Tenant of calls and tokens that name no other.
    pub tenant_id: String,
    /// Where to listen: 127.0.0.1, and so for this machine only. ANY OTHER ADDRESS LETS STRANGERS IN: whoever reaches it
    /// reads the client secret and makes this machine ring its bots.
    pub host: IpAddr,
    /// Port; 0 takes a free one.
    pub port: u16,
    /// Sign with a new key instead of the one all simulators of this process share.
    pub own_key: bool,
    /// How long the tokens live that the token endpoint issues.
    pub token_lifetime: Duration,
    /// The app's client secret; a new one when `None`. For a bot that was configured before.
    pub client_secret: Option<String>,
    /// Which cloud's Graph: beta is served worldwide only, and calls not at all in China.
    pub cloud: Cloud,
    /// How many times faster people are than the clock: they pick up and hang up, and telephones give up ringing, in
    /// so much less time. Graph's 15 seconds and the faults keep theirs, for the bot under test lives in real time.
    pub speed: f64,
    /// Decides about faults with a probability: the same seed, the same calls, the same faults.
    pub seed: u64,
    /// What goes wrong with every call, after the call's own faults.
    pub faults: Vec<FaultRule>,
    /// What a second redirect of a call is told.
    pub second_redirect: SecondRedirect,
}

impl Default for SimulatorOptions {
    /// Bot and tenant of Microsoft's documentation, a free port.
    fn default() -> Self {
        Self {
            app_id: payload::EXAMPLE_APP.to_owned(),
            tenant_id: payload::EXAMPLE_TENANT.to_owned(),
            host: Ipv4Addr::LOCALHOST.into(),
            port: 0,
            own_key: false,
            token_lifetime: token_endpoint::LIFETIME,
            client_secret: None,
            cloud: Cloud::Global,
            speed: 1.0,
            seed: 0,
            faults: Vec::new(),
            second_redirect: SecondRedirect::default(),
        }
    }
}

/// Why a simulator cannot start or sign.
#[derive(Debug)]
pub enum SimulatorError {
    /// The port is taken, or a thread could not be started.
    Io(std::io::Error),
    /// The cryptography library refused to make a key or to sign.
    Crypto,
    /// The HTTP client of the caller's side could not be made.
    Client(String),
}

impl fmt::Display for SimulatorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "the simulator cannot listen: {error}"),
            Self::Crypto => f.write_str("the simulator cannot make or use its key"),
            Self::Client(why) => write!(f, "the simulator cannot make its HTTP client: {why}"),
        }
    }
}

impl std::error::Error for SimulatorError {}

impl From<aws_lc_rs::error::Unspecified> for SimulatorError {
    fn from(_: aws_lc_rs::error::Unspecified) -> Self {
        Self::Crypto
    }
}

/// A simulated Graph with a caller, on a thread of its own until stopped or dropped.
pub struct Simulator {
    graph: Arc<Graph>,
    line: Arc<Line>,
    server: Server,
}

impl Simulator {
    /// Starts serving; when it returns, requests are answered.
    pub fn start(options: SimulatorOptions) -> Result<Self, SimulatorError> {
        let key = if options.own_key { Arc::new(SigningKey::generate()?) } else { SigningKey::shared()? };
        let line = Arc::new(Line::new().map_err(SimulatorError::Client)?);
        let listener =
            std::net::TcpListener::bind((options.host, options.port)).map_err(SimulatorError::Io)?;
        let port = listener.local_addr().map_err(SimulatorError::Io)?.port();
        let base_url = format!("http://{}", SocketAddr::new(reached_at(options.host), port));
        let SimulatorOptions { app_id, tenant_id, .. } = options;
        let graph = Arc::new(Graph {
            tokens: Tokens::new(key, app_id.clone(), options.cloud.graph_root()),
            issuer: Issuer::new(options.token_lifetime, options.client_secret),
            calls: call::Calls::default(),
            redirects: log::Log::default(),
            requests: log::Log::default(),
            feed: Arc::new(Feed::new()),
            rules: Rules {
                app_id,
                tenant_id,
                cloud: options.cloud,
                second_redirect: options.second_redirect,
                faults: options.faults,
                seed: options.seed,
                speed: options.speed,
                calls: AtomicU64::new(0),
            },
            metadata: metadata(&base_url),
            base_url,
        });
        let door = page::Door::new(Arc::clone(&graph), Arc::clone(&line), page::Reach(options.host));
        let router = graph::router(Arc::clone(&graph)).merge(page::router(door));
        let server = Server::start(listener, router).map_err(SimulatorError::Io)?;
        Ok(Self { graph, line, server })
    }

    /// `http://127.0.0.1:PORT`, in place of `https://graph.microsoft.com`.
    pub fn base_url(&self) -> &str {
        &self.graph.base_url
    }

    /// Where a verifier finds the issuer and the keys.
    pub fn metadata_url(&self) -> String {
        self.graph.metadata_url()
    }

    /// The live page: every call with its timeline and payloads, and a form to place calls.
    pub fn page_url(&self) -> String {
        self.graph.page_url()
    }

    /// The key set, for verifying without the network.
    pub fn jwks(&self) -> String {
        self.graph.tokens.jwks()
    }

    /// The bot's app id.
    pub fn app_id(&self) -> &str {
        &self.graph.rules.app_id
    }

    /// The tenant of calls and tokens that name no other.
    pub fn tenant_id(&self) -> &str {
        &self.graph.rules.tenant_id
    }

    /// The app's client secret, which the token endpoint `{base_url}/{tenant}/oauth2/v2.0/token` takes.
    pub fn client_secret(&self) -> &str {
        &self.graph.issuer.client_secret
    }

    /// Registers a certificate for the app, PEM; false if it cannot be read. Its key stays where it is.
    pub fn register_certificate(&self, pem: &str) -> bool {
        let registered = assertion::Registered::from_pem(pem);
        let known = registered.is_some();
        let mut certificates = self.graph.issuer.certificates.write().unwrap_or_else(PoisonError::into_inner);
        certificates.extend(registered);
        known
    }

    /// What Azure's `IDENTITY_HEADER` is on this machine; `{base_url}/msi/token` is its `IDENTITY_ENDPOINT`.
    pub fn identity_header(&self) -> &str {
        &self.graph.issuer.identity_header
    }

    /// From now on a new key signs, published beside the one before.
    pub fn rotate_keys(&self) -> Result<(), SimulatorError> {
        Ok(self.graph.tokens.rotate()?)
    }

    /// A token that this Graph accepts.
    pub fn access_token(&self, options: AccessOptions) -> Result<String, SimulatorError> {
        Ok(self.graph.tokens.access(options)?)
    }

    /// The token of a notification, as a bot receives it.
    pub fn notification_token(&self, app_id: &str, tenant_id: &str) -> Result<String, SimulatorError> {
        Ok(self.graph.tokens.notification(app_id, tenant_id)?)
    }

    /// The same, really signed, with claims changed, added, or (`null`) removed.
    pub fn notification_token_with(
        &self,
        app_id: &str,
        tenant_id: &str,
        changes: &Map<String, Value>,
    ) -> Result<String, SimulatorError> {
        Ok(self.graph.tokens.notification_with(app_id, tenant_id, changes)?)
    }

    /// Rings the bot at `url` and returns at once; the call goes on by itself.
    pub fn ring(&self, url: &str, options: RingOptions) -> Result<Ringing, RingError> {
        let url = line::bot_url(url)?;
        let caller = play::caller(&self.graph, &self.line, options, None);
        self.spawn(caller.ring(url))
    }

    /// Rings the bot with every call of a scenario and returns at once. The results come in the scenario's order; a
    /// call that cannot ring at all ends the others.
    pub fn play(&self, url: &str, scenario: &Scenario) -> Result<Ringing<Vec<RungCall>>, RingError> {
        let url = line::bot_url(url)?;
        self.spawn(play::play(Arc::clone(&self.graph), Arc::clone(&self.line), url, scenario.clone()))
    }

    /// Waits until somebody listens at an address, for a bot that has just been started.
    pub fn wait_until_listening(&self, url: &str, patience: Duration) -> Result<Ringing<()>, RingError> {
        let url = line::bot_url(url)?;
        let line = Arc::clone(&self.line);
        self.spawn(async move { line.wait_until_listening(&url, patience).await })
    }

    fn spawn<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, RingError>> + Send + 'static,
    ) -> Result<Ringing<T>, RingError> {
        let (finish, finished) = std::sync::mpsc::channel();
        let task = self.server.spawn(async move {
            // Nobody listens when the caller hung up.
            let _ = finish.send(work.await);
        });
        Ok(Ringing { finished, task: task.ok_or(RingError::Stopped)? })
    }

    /// Makes a call known to Graph as if it rang from now on, and rings nobody. Returns its id.
    pub fn place_call(&self, options: &RingOptions) -> Result<String, RingError> {
        let rules = &self.graph.rules;
        let facts = options.facts(&rules.app_id, &rules.tenant_id);
        let id = facts.id.clone();
        let window = options.wait.unwrap_or(LONGEST_WINDOW);
        let faults = rules.next_faults(&options.faults, None);
        if self.graph.calls.add(facts, window, faults, None) {
            Ok(id)
        } else {
            Err(RingError::AlreadyRinging(id))
        }
    }

    /// What happens from now on, or from the event of this number on if it is still kept: the last 10,000 are.
    pub fn events(&self, from: Option<u64>) -> Events {
        let number = from.unwrap_or_else(|| self.graph.feed.next());
        Events { feed: Arc::clone(&self.graph.feed), number }
    }

    /// The last 10,000 redirects received, refused ones too, oldest first.
    pub fn redirects(&self) -> Vec<ReceivedRedirect> {
        self.graph.redirects.all().iter().map(|redirect| redirect.as_ref().clone()).collect()
    }

    /// The last 10,000 requests served, oldest first.
    pub fn requests(&self) -> Vec<ServedRequest> {
        self.graph.requests.all()
    }

    /// Stops serving and ends every call; harmless when stopped already. Returns within a second.
    pub fn stop(&self) {
        self.server.stop();
        self.graph.feed.close();
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.stop();
    }
}

/// An address of this machine for a simulator that listens at all of them.
fn reached_at(host: IpAddr) -> IpAddr {
    match host {
        IpAddr::V4(address) if address.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(address) if address.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        _ => host,
    }
}

/// The real document with our key address: the issuer is another host and `RSA256` is no algorithm's name, in both.
fn metadata(base_url: &str) -> String {
    json!({
        "issuer": ISSUER,
        "authorization_endpoint": "https://invalid.botframework.com",
        "jwks_uri": format!("{base_url}/keys"),
        "id_token_signing_alg_values_supported": ["RSA256"],
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
    })
    .to_string()
}
