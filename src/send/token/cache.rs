//! A token for each tenant, and at most one request for each under way.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::error::TokenError;
use super::life::{Advice, Life};
use crate::Secret;
use crate::send::clock::{self, Instant};
use crate::send::process::PerProcess;

/// Tenants beyond this cost the one least lately asked for its token.
const KEPT: usize = 1000;

/// Tokens by `K`: a tenant and a cloud.
pub struct TokenCache<K> {
    /// Of each process its own: another's may have been locked when this one was forked off it.
    entries: PerProcess<Arc<Mutex<HashMap<K, Entry>>>>,
    jitter: fn() -> f64,
}

struct Entry {
    kept: Option<(Secret, Life)>,
    /// Of the request under way.
    flight: Option<watch::Receiver<News>>,
    asked: Instant,
}

/// How a flight is going.
#[derive(Debug, Clone)]
pub enum News {
    /// Under way; why the tries so far failed.
    Trying(Option<String>),
    /// What came of it.
    Landed(Result<Secret, TokenError>),
}

/// What the asker is to do.
#[derive(Debug)]
pub enum Ask<K: Key> {
    /// Use this token.
    Use(Secret),
    /// Use this token, and fetch the next one beside it.
    UseAndRefresh(Secret, Ticket<K>),
    /// Fetch one, and wait for it.
    Fetch(Ticket<K>),
    /// Wait for the one that is being fetched.
    Join(watch::Receiver<News>),
}

/// What a cache can be sorted by.
pub trait Key: Clone + Eq + std::hash::Hash {}
impl<T: Clone + Eq + std::hash::Hash> Key for T {}

/// The duty to fetch one token. Dropped without a word, it lets the next asker try.
pub struct Ticket<K: Key> {
    cache: Arc<TokenCache<K>>,
    key: K,
    news: watch::Sender<News>,
}

impl<K: Key> TokenCache<K> {
    /// Empty. `jitter` gives numbers from 0 to 1.
    pub fn new(jitter: fn() -> f64) -> Arc<Self> {
        Arc::new(Self { entries: PerProcess::new(), jitter })
    }

    /// A number from 0 to 1.
    pub(super) fn jitter(&self) -> f64 {
        (self.jitter)()
    }

    /// What to do for a token.
    pub fn ask(self: &Arc<Self>, key: &K) -> Ask<K> {
        self.with(|entries| self.ask_of(entries, key))
    }

    fn ask_of(self: &Arc<Self>, entries: &mut HashMap<K, Entry>, key: &K) -> Ask<K> {
        let now = clock::now();
        if !entries.contains_key(key) {
            make_room(entries, now);
        }
        let entry =
            entries.entry(key.clone()).or_insert_with(|| Entry { kept: None, flight: None, asked: now });
        entry.asked = now;
        let kept = entry.kept.as_ref().map(|(token, life)| (token.clone(), life.advice(now)));
        match (kept, &entry.flight) {
            (Some((token, Advice::Use)), _) | (Some((token, Advice::UseAndRefresh)), Some(_)) => {
                Ask::Use(token)
            }
            (Some((token, Advice::UseAndRefresh)), None) => {
                Ask::UseAndRefresh(token, self.ticket(key, entry))
            }
            (_, Some(news)) => Ask::Join(news.clone()),
            (_, None) => Ask::Fetch(self.ticket(key, entry)),
        }
    }

    /// A token that has not ended, though it may before it arrives.
    pub fn alive(&self, key: &K) -> Option<Secret> {
        let now = clock::now();
        self.with(|entries| {
            let (token, life) = entries.get(key)?.kept.as_ref()?;
            life.alive(now).then(|| token.clone())
        })
    }

    /// Graph refused this token: it is forgotten, unless a newer one has taken its place already.
    pub fn refused(&self, key: &K, token: &Secret) {
        self.with(|entries| {
            if let Some(entry) = entries.get_mut(key)
                && entry.kept.as_ref().is_some_and(|(kept, _)| kept.expose() == token.expose())
            {
                entry.kept = None;
            }
        });
    }

    fn ticket(self: &Arc<Self>, key: &K, entry: &mut Entry) -> Ticket<K> {
        let (news, receiver) = watch::channel(News::Trying(None));
        entry.flight = Some(receiver);
        Ticket { cache: Arc::clone(self), key: key.clone(), news }
    }

    fn with<R>(&self, work: impl FnOnce(&mut HashMap<K, Entry>) -> R) -> R {
        work(&mut self.entries.get().lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn make_room<K: Key>(entries: &mut HashMap<K, Entry>, now: Instant) {
    if entries.len() < KEPT {
        return;
    }
    let alive = |entry: &Entry| entry.kept.as_ref().is_some_and(|(_, life)| life.alive(now));
    entries.retain(|_, entry| entry.flight.is_some() || alive(entry));
    if entries.len() >= KEPT
        && let Some(oldest) = entries.iter().min_by_key(|(_, entry)| entry.asked).map(|(key, _)| key.clone())
    {
        entries.remove(&oldest);
    }
}

impl<K: Key> Ticket<K> {
    /// Whose token is to be fetched.
    pub fn key(&self) -> &K {
        &self.key
    }

    /// Hears of this flight.
    pub fn news(&self) -> watch::Receiver<News> {
        self.news.subscribe()
    }

    /// Whether those who wait could do with the old token.
    pub fn has_another(&self) -> bool {
        self.cache.alive(&self.key).is_some()
    }

    /// Tells those who wait why it takes so long.
    pub fn trying(&self, why: String) {
        self.news.send_replace(News::Trying(Some(why)));
    }

    /// Here is the token and how long it lives.
    pub fn land(self, token: &Secret, lifetime: Duration) {
        let (now, jitter) = (clock::now(), self.cache.jitter());
        self.with_entry(|entry| match &mut entry.kept {
            Some((kept, life)) if kept.expose() == token.expose() => life.put_off(now, jitter),
            kept => *kept = Some((token.clone(), Life::new(now, lifetime, jitter))),
        });
        self.news.send_replace(News::Landed(Ok(token.clone())));
    }

    /// There is none. Whoever waits gets the old one if that has not ended.
    pub fn fail(self, error: TokenError) {
        let (now, jitter) = (clock::now(), self.cache.jitter());
        let mut result = Err(error);
        self.with_entry(|entry| {
            if let Some((kept, life)) = &mut entry.kept {
                life.put_off(now, jitter);
                if life.alive(now) {
                    result = Ok(kept.clone());
                }
            }
        });
        self.news.send_replace(News::Landed(result));
    }
}

impl<K: Key> Ticket<K> {
    fn with_entry(&self, work: impl FnOnce(&mut Entry)) {
        self.cache.with(|entries| entries.get_mut(&self.key).map(work));
    }
}

impl<K: Key> Drop for Ticket<K> {
    fn drop(&mut self) {
        self.with_entry(|entry| {
            // Forgotten for want of room, it may have been asked for anew: that one goes on.
            if entry.flight.as_ref().is_some_and(|news| news.same_channel(&self.news.subscribe())) {
                entry.flight = None;
            }
        });
    }
}

impl<K: Key> fmt::Debug for Ticket<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket").finish_non_exhaustive()
    }
}

impl<K> fmt::Debug for TokenCache<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenCache").finish_non_exhaustive()
    }
}
