//! The notifications of one call on their way to the bot, and what goes wrong with them on purpose.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::json;
use url::Url;
use uuid::Uuid;

use super::event::{EventKind, SentNotification};
use super::fault::{Fault, FaultRule, Faults};
use super::graph::Graph;
use super::line::{Line, NoReply, Reply};
use super::payload::CallFacts;
use super::ring::{NotificationToken, RingError};

/// How long a bot may take over a notification that is not the call itself.
const LATER_REPLY: Duration = Duration::from_secs(5);

/// A notification to be sent.
pub(super) struct Note {
    pub(super) change_type: &'static str,
    pub(super) state: &'static str,
    pub(super) body: Vec<u8>,
    pub(super) token: NotificationToken,
}

/// A notification ready to be posted.
#[derive(Clone)]
pub(super) struct Letter {
    pub(super) url: Url,
    pub(super) token: Option<String>,
    pub(super) body: Bytes,
    pub(super) message_id: String,
    change_type: &'static str,
    state: &'static str,
    faults: Vec<Fault>,
}

/// What became of a notification.
pub(super) enum Delivered {
    Replied(Reply),
    /// Lost, or held back.
    Not,
    Failed(NoReply),
}

/// The way of one call's notifications.
pub(super) struct Delivery {
    graph: Arc<Graph>,
    line: Arc<Line>,
    facts: Arc<CallFacts>,
    faults: Faults,
    scenario_id: String,
    chain_id: String,
    sent: u32,
    held: Vec<Letter>,
}

impl Delivery {
    pub(super) fn new(graph: Arc<Graph>, line: Arc<Line>, facts: Arc<CallFacts>, faults: Faults) -> Self {
        let (scenario_id, chain_id) = (new_id(), new_id());
        Self { graph, line, facts, faults, scenario_id, chain_id, sent: 0, held: Vec::new() }
    }

    /// Sends a notification and waits for the reply.
    pub(super) async fn deliver(&mut self, note: Note, url: Url) -> Result<Delivered, RingError> {
        self.sent += 1;
        let strikes = self.faults.on_notification(self.sent, note.change_type);
        let has = |fault| strikes.iter().any(|rule: &FaultRule| rule.fault == fault);
        if let Some(delay) = strikes.iter().find(|rule| rule.fault == Fault::Delay) {
            tokio::time::sleep(delay.time()).await;
        }
        let letter = self.letter(note, url, &strikes).await?;
        if has(Fault::LoseDeleted) {
            self.tell_sent(&letter);
            return Ok(Delivered::Not);
        }
        if has(Fault::Reorder) {
            self.held.push(letter);
            return Ok(Delivered::Not);
        }
        if has(Fault::LegacyFirst) {
            let body = self.facts.legacy().into();
            let legacy = Letter { body, message_id: new_id(), ..letter.clone() };
            match self.post(&legacy).await {
                Delivered::Replied(reply) if reply.status == 204 => {}
                other => return Ok(other),
            }
        }
        let delivered = if has(Fault::Duplicate) {
            tokio::join!(self.post(&letter), self.post(&letter)).0
        } else {
            self.post(&letter).await
        };
        self.deliver_held().await;
        Ok(delivered)
    }

    /// Sends what was held back, in the order in which it was.
    pub(super) async fn deliver_held(&mut self) {
        for letter in std::mem::take(&mut self.held) {
            self.post(&letter).await;
        }
    }

    async fn letter(&self, note: Note, url: Url, strikes: &[FaultRule]) -> Result<Letter, RingError> {
        let has = |fault| strikes.iter().any(|rule| rule.fault == fault);
        if has(Fault::RotatedKeys) {
            let graph = Arc::clone(&self.graph);
            // Making a key takes a good part of a second, in which others are served.
            let rotated = tokio::task::spawn_blocking(move || graph.tokens.rotate()).await;
            rotated.map_err(|_| RingError::Stopped)?.map_err(|_| RingError::Signing)?;
        }
        let (app_id, tenant_id) = (&self.graph.rules.app_id, &self.facts.tenant_id);
        let tokens = &self.graph.tokens;
        let genuine = || tokens.notification(app_id, tenant_id).map_err(|_| RingError::Signing);
        let token = match note.token {
            NotificationToken::Given(token) => Some(token),
            NotificationToken::Missing => None,
            NotificationToken::Genuine if has(Fault::WrongToken) => Some(tampered(&genuine()?)),
            NotificationToken::Genuine if has(Fault::ExpiredToken) => {
                let hour_ago = super::tokens::unix_seconds().saturating_sub(3600);
                let changes = json!({"exp": hour_ago, "nbf": hour_ago.saturating_sub(300)});
                let changes = changes.as_object().cloned().unwrap_or_default();
                let expired = tokens.notification_with(app_id, tenant_id, &changes);
                Some(expired.map_err(|_| RingError::Signing)?)
            }
            NotificationToken::Genuine => Some(genuine()?),
        };
        Ok(Letter {
            url,
            token,
            body: if has(Fault::EmptyBody) { Bytes::new() } else { note.body.into() },
            message_id: new_id(),
            change_type: note.change_type,
            state: note.state,
            faults: strikes.iter().map(|rule| rule.fault).collect(),
        })
    }

    async fn post(&self, letter: &Letter) -> Delivered {
        self.tell_sent(letter);
        let posted = self.line.post(letter, &self.scenario_id, &self.chain_id);
        let replied = if letter.change_type == "created" {
            posted.await
        } else {
            let late =
                |_| NoReply { unsent: false, why: format!("no reply within {} s", LATER_REPLY.as_secs()) };
            tokio::time::timeout(LATER_REPLY, posted).await.unwrap_or_else(|late_by| Err(late(late_by)))
        };
        let (status, problem) = match &replied {
            Ok(reply) => (Some(reply.status), None),
            Err(error) => (None, Some(error.why.clone())),
        };
        let change_type = letter.change_type;
        self.graph.feed.tell(&self.facts.id, EventKind::BotReplied { change_type, status, problem });
        replied.map_or_else(Delivered::Failed, Delivered::Replied)
    }

    fn tell_sent(&self, letter: &Letter) {
        let sent = SentNotification {
            change_type: letter.change_type,
            state: letter.state,
            url: letter.url.to_string(),
            body: letter.body.clone(),
            faults: letter.faults.clone(),
        };
        self.graph.feed.tell(&self.facts.id, EventKind::NotificationSent(sent));
    }
}

/// The token with another signature.
fn tampered(token: &str) -> String {
    let (signed, signature) = token.rsplit_once('.').unwrap_or((token, ""));
    let turned: String = signature.chars().map(|c| if c == 'A' { 'B' } else { 'A' }).collect();
    format!("{signed}.{turned}")
}

pub(super) fn new_id() -> String {
    Uuid::new_v4().to_string()
}
