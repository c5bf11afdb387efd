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
mod call;
mod caller;
mod graph;
mod keys;
mod log;
mod payload;
mod reply;
mod ring;
mod server;
mod token_endpoint;
mod tokens;

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use serde_json::{Map, Value, json};

pub use log::{ReceivedRedirect, ServedRequest};
pub use ring::{NotificationToken, RingError, RingOptions, Ringing, RungCall};
pub use tokens::AccessOptions;

use call::LONGEST_WINDOW;
use caller::{Caller, Line};
use graph::Graph;
use keys::SigningKey;
use server::Server;
use token_endpoint::Issuer;
use tokens::{ISSUER, Tokens};

/// What a simulator is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimulatorOptions {
    /// The bot's app id: the audience of its notifications.
    pub app_id: String,
    /// Tenant of calls and tokens that name no other.
    pub tenant_id: String,
    /// Port on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// Sign with a new key instead of the one all simulators of this process share.
    pub own_key: bool,
    /// How long the tokens live that the token endpoint issues.
    pub token_lifetime: Duration,
}

impl Default for SimulatorOptions {
    /// Bot and tenant of Microsoft's documentation, a free port.
    fn default() -> Self {
        Self {
            app_id: payload::EXAMPLE_APP.to_owned(),
            tenant_id: payload::EXAMPLE_TENANT.to_owned(),
            port: 0,
            own_key: false,
            token_lifetime: token_endpoint::LIFETIME,
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
    options: SimulatorOptions,
    base_url: String,
    graph: Arc<Graph>,
    line: Line,
    server: Server,
}

impl Simulator {
    /// Starts serving; when it returns, requests are answered.
    pub fn start(options: SimulatorOptions) -> Result<Self, SimulatorError> {
        let key = if options.own_key { Arc::new(SigningKey::generate()?) } else { SigningKey::shared()? };
        let line = caller::line().map_err(SimulatorError::Client)?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, options.port));
        let listener = std::net::TcpListener::bind(address).map_err(SimulatorError::Io)?;
        let address = listener.local_addr().map_err(SimulatorError::Io)?;
        let base_url = format!("http://{address}");
        let graph = Arc::new(Graph {
            tokens: Tokens::new(key, options.app_id.clone()),
            issuer: Issuer::new(options.app_id.clone(), options.tenant_id.clone(), options.token_lifetime),
            calls: call::Calls::default(),
            redirects: log::Log::default(),
            requests: log::Log::default(),
            metadata: metadata(&base_url),
        });
        let server =
            Server::start(listener, graph::router(Arc::clone(&graph))).map_err(SimulatorError::Io)?;
        Ok(Self { options, base_url, graph, line, server })
    }

    /// `http://127.0.0.1:PORT`, in place of `https://graph.microsoft.com`.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// Where a verifier finds the issuer and the keys.
    pub fn metadata_url(&self) -> String {
        format!("{}/.well-known/OpenIdConfiguration", self.base_url)
    }

    /// The key set, for verifying without the network.
    pub fn jwks(&self) -> &str {
        self.graph.tokens.jwks()
    }

    /// The bot's app id.
    pub fn app_id(&self) -> &str {
        &self.options.app_id
    }

    /// The tenant of calls and tokens that name no other.
    pub fn tenant_id(&self) -> &str {
        &self.options.tenant_id
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
        let url = caller::bot_url(url)?;
        let facts = options.facts(&self.options.app_id, &self.options.tenant_id);
        let token = match options.token {
            NotificationToken::Genuine => {
                let token = self.graph.tokens.notification(&self.options.app_id, &facts.tenant_id);
                Some(token.map_err(|_| RingError::Signing)?)
            }
            NotificationToken::Given(token) => Some(token),
            NotificationToken::Missing => None,
        };
        let caller = Caller {
            graph: Arc::clone(&self.graph),
            line: self.line.clone(),
            app_id: self.options.app_id.clone(),
            token,
            body: options.body.unwrap_or_else(|| facts.incoming()),
            window: options.wait.unwrap_or(LONGEST_WINDOW).min(LONGEST_WINDOW),
            facts,
        };
        let (finish, finished) = std::sync::mpsc::channel();
        let task = self.server.spawn(async move {
            // Nobody listens when the caller hung up.
            let _ = finish.send(caller.ring(url).await);
        });
        Ok(Ringing { finished, task: task.ok_or(RingError::Stopped)? })
    }

    /// Makes a call known to Graph as if it rang from now on, and rings nobody. Returns its id.
    pub fn place_call(&self, options: &RingOptions) -> Result<String, RingError> {
        let facts = options.facts(&self.options.app_id, &self.options.tenant_id);
        let id = facts.id.clone();
        let window = options.wait.unwrap_or(LONGEST_WINDOW);
        if self.graph.calls.add(facts, window, None) { Ok(id) } else { Err(RingError::AlreadyRinging(id)) }
    }

    /// The last 10,000 redirects received, refused ones too, oldest first.
    pub fn redirects(&self) -> Vec<ReceivedRedirect> {
        self.graph.redirects.entries()
    }

    /// The last 10,000 requests served, oldest first.
    pub fn requests(&self) -> Vec<ServedRequest> {
        self.graph.requests.entries()
    }

    /// Stops serving and ends every call; harmless when stopped already. Returns within a second.
    pub fn stop(&self) {
        self.server.stop();
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
