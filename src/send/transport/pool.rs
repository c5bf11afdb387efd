//! Connections: kept open while they serve, and replaced all at once when they are old or in doubt.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use super::body::Watched;
use super::connect::Connector;
use super::failure::Failure;
use super::names::{Lookup, Names, Resolver};
use super::tls::Tls;
use crate::send::clock::{self, Instant};

// Below the 60 s after which common proxies drop an idle connection without a word.
const IDLE_TIMEOUT: Duration = Duration::from_secs(50);
/// So that a service that moved to other addresses is followed there.
const MAX_AGE: Duration = Duration::from_secs(5 * 60);
const PING_EVERY: Duration = Duration::from_secs(10);
const PING_TIMEOUT: Duration = Duration::from_secs(3);

/// What a transport cannot find out by itself.
#[derive(Clone, Default)]
pub struct Settings {
    /// Goes past any proxy of the environment and may use plain http; all else is https.
    pub loopback: bool,
    /// Certificates of an authority of your own, in PEM form, trusted beside those the system trusts.
    pub private_ca: Option<Vec<u8>>,
    /// In place of the system's resolver.
    pub lookup: Option<Lookup>,
}

/// The connections of a transport, a generation of them at a time.
pub(super) struct Pools {
    loopback: bool,
    tls: Tls,
    names: Arc<Names>,
    current: Mutex<Option<Arc<Pool>>>,
}

/// Connections that were made under the same circumstances. Requests under way keep theirs to their end.
pub(super) struct Pool {
    pub(super) http: Client<Connector, Watched>,
    born: Instant,
    doubtful: AtomicBool,
    busy: AtomicUsize,
}

impl Pools {
    pub(super) fn new(settings: Settings) -> Result<Self, Failure> {
        Ok(Self {
            loopback: settings.loopback,
            tls: Tls::new(settings.private_ca.as_deref())?,
            names: Arc::new(Names::new(settings.lookup)),
            current: Mutex::default(),
        })
    }

    /// The connections to use now.
    pub(super) fn current(&self) -> Result<Arc<Pool>, Failure> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        match &*current {
            Some(pool) if pool.serves() => Ok(Arc::clone(pool)),
            _ => {
                let http = self.client()?;
                let (doubtful, busy) = (AtomicBool::default(), AtomicUsize::default());
                let pool = Arc::new(Pool { http, born: clock::now(), doubtful, busy });
                *current = Some(Arc::clone(&pool));
                Ok(pool)
            }
        }
    }

    fn client(&self) -> Result<Client<Connector, Watched>, Failure> {
        let resolver = Resolver(Arc::clone(&self.names));
        let connector = Connector::new(self.loopback, resolver, self.tls.config()?);
        let mut builder = Client::builder(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .http2_keep_alive_interval(PING_EVERY)
            .http2_keep_alive_timeout(PING_TIMEOUT)
            .http2_keep_alive_while_idle(true);
        Ok(builder.build(connector))
    }
}

impl Pool {
    fn serves(&self) -> bool {
        !self.doubtful.load(Ordering::Acquire) && clock::now().saturating_duration_since(self.born) < MAX_AGE
    }

    /// Whether a request is under way.
    pub(super) fn busy(&self) -> bool {
        self.busy.load(Ordering::Acquire) > 0
    }

    /// Watches over one request.
    pub(super) fn used(self: &Arc<Self>) -> Use {
        self.busy.fetch_add(1, Ordering::AcqRel);
        Use { pool: Arc::clone(self), well: false }
    }
}

/// One request's use of the connections. Unless it ends well, the next request gets new ones: a server that is
/// overloaded or silent may be one of many behind the name, and whoever gave up waiting drops this.
pub(super) struct Use {
    pool: Arc<Pool>,
    well: bool,
}

impl Use {
    pub(super) fn ended_well(mut self) {
        self.well = true;
    }
}

impl Drop for Use {
    fn drop(&mut self) {
        self.pool.busy.fetch_sub(1, Ordering::AcqRel);
        if !self.well {
            self.pool.doubtful.store(true, Ordering::Release);
        }
    }
}

impl fmt::Debug for Pools {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pools").field("loopback", &self.loopback).finish_non_exhaustive()
    }
}
