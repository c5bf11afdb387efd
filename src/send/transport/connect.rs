//! One connection: name, TCP, the tunnel of a proxy, TLS.

use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::Uri;
use hyper::header::{HeaderMap, USER_AGENT};
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tower_service::Service;

use super::OURSELVES;
use super::names::Resolver;

/// Name, TCP and TLS together.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// When the kernel begins to ask whether a silent peer is still there, how often, and how many times.
const KEEPALIVE: Duration = Duration::from_secs(15);
const KEEPALIVES: u32 = 3;
/// How long the kernel waits for what it sent to be acknowledged.
#[cfg(target_os = "linux")]
const UNACKNOWLEDGED: Duration = Duration::from_secs(5);

type Fault = Box<dyn Error + Send + Sync>;
type Connecting<T> = Pin<Box<dyn Future<Output = Result<T, Fault>> + Send>>;
type Reached = MaybeHttpsStream<TokioIo<TcpStream>>;

/// Opens connections to the service, in no more than [`CONNECT_TIMEOUT`] each.
#[derive(Clone)]
pub(super) struct Connector(HttpsConnector<Way>);

/// How the service is reached: straight, or through the proxy that the environment names for it.
#[derive(Clone)]
struct Way {
    tcp: HttpConnector<Resolver>,
    proxies: Option<Arc<Matcher>>,
    to_proxy: Arc<ClientConfig>,
}

impl Connector {
    /// `loopback` goes past any proxy and may do without TLS.
    pub(super) fn new(loopback: bool, resolver: Resolver, tls: ClientConfig) -> Self {
        let mut tcp = HttpConnector::new_with_resolver(resolver);
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
        tcp.set_keepalive(Some(KEEPALIVE));
        tcp.set_keepalive_interval(Some(KEEPALIVE));
        tcp.set_keepalive_retries(Some(KEEPALIVES));
        #[cfg(target_os = "linux")]
        tcp.set_tcp_user_timeout(Some(UNACKNOWLEDGED));
        let proxies = (!loopback).then(|| Arc::new(Matcher::from_env()));
        // A tunnel is asked for in HTTP/1.1.
        let mut to_proxy = tls.clone();
        to_proxy.alpn_protocols.clear();
        let mut https = HttpsConnector::from((Way { tcp, proxies, to_proxy: Arc::new(to_proxy) }, tls));
        if !loopback {
            https.enforce_https();
        }
        Self(https)
    }
}

impl Service<Uri> for Connector {
    type Response = MaybeHttpsStream<Reached>;
    type Error = Fault;
    type Future = Connecting<Self::Response>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let connecting = self.0.call(to);
        Box::pin(async move {
            let connected = timeout(CONNECT_TIMEOUT, connecting).await;
            connected.map_err(|_| format!("not within {CONNECT_TIMEOUT:?}"))?
        })
    }
}

impl Service<Uri> for Way {
    type Response = Reached;
    type Error = Fault;
    type Future = Connecting<Reached>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        self.tcp.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let Some(proxy) = self.proxies.as_ref().and_then(|proxies| proxies.intercept(&to)) else {
            let straight = self.tcp.call(to);
            return Box::pin(async move { Ok(MaybeHttpsStream::Http(straight.await?)) });
        };
        let tunnel = Tunnel::new(
            proxy.uri().clone(),
            HttpsConnector::from((self.tcp.clone(), Arc::clone(&self.to_proxy))),
        );
        let mut tunnel = tunnel.with_headers(HeaderMap::from_iter([(USER_AGENT, OURSELVES)]));
        if let Some(own) = proxy.basic_auth() {
            tunnel = tunnel.with_auth(own.clone());
        }
        Box::pin(async move { Ok(tunnel.call(to).await?) })
    }
}
