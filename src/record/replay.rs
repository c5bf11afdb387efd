//! Posts recorded requests to a bot: as far apart as they came, or faster, and those of one call one after another.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio::task::JoinSet;
use url::Url;

use super::line::Recorded;
use super::recorder::call_ids;
use crate::Secret;
use crate::notification::id_key;
use crate::send::clock;
use crate::send::transport::Transport;
use crate::send::{BadAddress, address};

/// Between two looks whether the bot listens.
const LOOK: Duration = Duration::from_millis(20);

/// What to replay, and how.
#[derive(Debug)]
pub struct Plan {
    /// In the order they came.
    pub requests: Vec<Arc<Recorded>>,
    /// The bot's webhook; see [`target`].
    pub url: Url,
    /// How many times faster than they came; `None` does not wait at all.
    pub speed: Option<f64>,
    /// Requests under way at a time.
    pub concurrency: usize,
    /// How long the bot may take over one.
    pub timeout: Duration,
    /// How long to wait for a bot on this machine to listen.
    pub patience: Duration,
    /// Ask for an `Authorization` for each request.
    pub ask: bool,
}

/// What happens during a replay.
#[derive(Debug)]
pub enum News {
    /// The request of this number is about to be posted: what is its `Authorization`?
    Ask(usize, oneshot::Sender<Option<Secret>>),
    /// The bot answered, or did not.
    Done(Answer),
    /// Nobody listens; nothing was posted.
    Unreachable(String),
}

/// What a bot answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Number of the request.
    pub index: usize,
    /// HTTP status.
    pub status: Option<u16>,
    /// Why there is none.
    pub error: Option<String>,
    /// Until the answer, or until it was given up.
    pub elapsed: Duration,
}

/// Reads the address of a bot: https, or http on loopback. A query is allowed, for some hosts have a key there.
pub fn target(text: &str) -> Result<Url, BadAddress> {
    let (plain, query) = text.split_once('?').map_or((text, None), |(plain, query)| (plain, Some(query)));
    let (mut url, _) = address(plain)?;
    url.set_query(query);
    Ok(url)
}

/// Replays; stops when nobody listens to the news any more.
pub async fn replay(plan: Plan, news: mpsc::UnboundedSender<News>) {
    let shown = shown(&plan.url);
    let loopback = address(&shown).is_ok_and(|(_, loopback)| loopback);
    if loopback && let Err(why) = wait_until_listening(&plan.url, plan.patience).await {
        let _ = news.send(News::Unreachable(format!("no bot at {shown}: {why}")));
        return;
    }
    let transport = match Transport::new(loopback) {
        Ok(transport) => transport,
        Err(failure) => {
            let _ = news.send(News::Unreachable(failure.0));
            return;
        }
    };
    let (start, first) = (clock::now(), plan.requests.first().map_or(0, |request| request.received_at));
    let permits = Arc::new(Semaphore::new(plan.concurrency.max(1)));
    let mut last_of = HashMap::<String, watch::Receiver<()>>::new();
    let mut posting = JoinSet::new();
    for (index, request) in plan.requests.into_iter().enumerate() {
        if let Some(speed) = plan.speed {
            let micros = u64::try_from(request.received_at.saturating_sub(first)).unwrap_or_default();
            let apart = Duration::from_micros(micros).as_secs_f64() / speed;
            tokio::time::sleep_until(start + Duration::try_from_secs_f64(apart).unwrap_or(Duration::MAX / 4))
                .await;
        }
        let Ok(permit) = Arc::clone(&permits).acquire_owned().await else { return };
        if news.is_closed() {
            return;
        }
        // Open as long as the request is under way. Those before it have their permits already: none waits for ever.
        let (under_way, over) = watch::channel(());
        let calls: BTreeSet<String> = calls(&request).iter().map(|id| id_key(id)).collect();
        let before: Vec<_> =
            calls.into_iter().filter_map(|call| last_of.insert(call, over.clone())).collect();
        let post = Post {
            index,
            request,
            transport: transport.clone(),
            url: plan.url.clone(),
            timeout: plan.timeout,
            ask: plan.ask,
        };
        let news = news.clone();
        posting.spawn(async move {
            for mut earlier in before {
                // An error says that it is over: its sender is gone.
                let _ = earlier.changed().await;
            }
            post.send(&news).await;
            drop((under_way, permit));
        });
        while posting.try_join_next().is_some() {}
    }
    while posting.join_next().await.is_some() {}
}

/// One request to be posted.
struct Post {
    index: usize,
    request: Arc<Recorded>,
    transport: Transport,
    url: Url,
    timeout: Duration,
    ask: bool,
}

impl Post {
    async fn send(self, news: &mpsc::UnboundedSender<News>) {
        let mut headers: Vec<_> = self
            .request
            .headers
            .iter()
            .map(|(name, value)| (name.clone(), Secret::new(value.as_str())))
            .collect();
        if self.ask {
            let (answer, answered) = oneshot::channel();
            let _ = news.send(News::Ask(self.index, answer));
            // Whoever does not answer has stopped listening.
            let Ok(authorization) = answered.await else { return };
            headers.extend(authorization.map(|value| ("authorization".to_owned(), value)));
        }
        let method = self.request.method.as_deref().unwrap_or("POST");
        let (shown, began) = (shown(&self.url), clock::now());
        let body = self.request.body.clone().into();
        let result = self.transport.repeat(method, &self.url, &headers, body, self.timeout).await;
        let (status, error) = match result {
            Ok(answer) => (Some(answer.status), None),
            Err(failure) => (None, Some(format!("{shown}: {}", failure.0))),
        };
        let elapsed = clock::now().saturating_duration_since(began);
        let _ = news.send(News::Done(Answer { index: self.index, status, error, elapsed }));
    }
}

/// The calls that a request is about.
fn calls(request: &Recorded) -> Vec<String> {
    if request.verdict.calls.is_empty() { call_ids(&request.body) } else { request.verdict.calls.clone() }
}

/// Without the query, which may hold a key.
fn shown(url: &Url) -> String {
    let mut shown = url.clone();
    shown.set_query(None);
    shown.into()
}

/// Waits for the bot to have started, so that nobody else has to.
async fn wait_until_listening(url: &Url, patience: Duration) -> Result<(), String> {
    let until = clock::now() + patience;
    let addresses = url.socket_addrs(|| None).unwrap_or_default();
    loop {
        let mut why = "the name has no address".to_owned();
        for address in &addresses {
            match TcpStream::connect(address).await {
                Ok(_) => return Ok(()),
                Err(error) => why = error.to_string(),
            }
        }
        if clock::now() + LOOK > until {
            return Err(why);
        }
        tokio::time::sleep(LOOK).await;
    }
}
