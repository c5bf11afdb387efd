//! The flow composed: a webhook request in; a reply, and the work that outlives it, out.
//!
//! ```text
//! receive: verify -> parse -> reply        then, within the deadline: claim -> decide -> validate -> send -> outcome
//! ```
//!
//! The reply waits for no store. The second half calls the bot's own code, so whoever holds that code runs it (see the Python package).

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::calls::{Calls, ClaimDesk, Step, TrackedCall};
use crate::notification::{Event, Notification, ParseOptions, ParticipantInfo, Refusal, id_key, parse};
use crate::send::clock::{self, Arrival, Instant};
use crate::verify::{Claims, Reason, Verifier};

/// Unknown key ids are cheap to invent: keys are fetched for them this often at most.
const KEY_REFRESH: Duration = Duration::from_secs(30);

/// Without any key every call is lost, so a fetch that failed is tried again sooner.
const FIRST_KEYS_RETRY: Duration = Duration::from_secs(1);

/// A webhook request, as the host's adapter hands it over.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The body, uninterpreted.
    pub body: &'a [u8],
    /// Every `Authorization` header; more than one is refused.
    pub authorization: &'a [String],
    /// `Content-Type`.
    pub content_type: Option<&'a str>,
    /// When its first byte was seen.
    pub arrival: Arrival,
}

/// What the host answers. Tells a stranger nothing but the status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Headers.
    pub headers: &'static [(&'static str, &'static str)],
}

impl Reply {
    const fn status(status: u16) -> Self {
        Self { status, headers: &[] }
    }
}

/// What `receive` came to.
#[derive(Debug, Clone)]
pub enum Receipt {
    /// Microsoft's keys are needed first. Fetch them, unless a fetch is under way, and say so with
    /// [`Redirector::keys_fetched`]; then receive the same request again.
    NeedsKeys,
    /// Refused: nothing to do but reply. The reason is for logs.
    Refused(Reply, String),
    /// Accepted.
    Accepted(Reply, Vec<Work>),
}

/// What is to be done after the reply.
#[derive(Debug, Clone)]
pub enum Work {
    /// Claim the call, decide where it goes, and redirect it.
    Redirect(Arc<TrackedCall>),
    /// Tell the bot that the call ended.
    Ended(Arc<TrackedCall>),
}

#[derive(Debug, Default)]
struct KeyFetch {
    asked: Option<Instant>,
    under_way: bool,
}

/// The receiving half of a bot.
pub struct Redirector {
    verifier: Arc<Verifier>,
    fetches_keys: bool,
    fetch: Mutex<KeyFetch>,
    claims: Arc<ClaimDesk>,
    calls: Calls,
    options: ParseOptions,
    closing: AtomicBool,
}

impl Redirector {
    /// `fetches_keys` says whether [`Receipt::NeedsKeys`] can be answered. `remembered` bounds the calls kept.
    pub fn new(
        verifier: Arc<Verifier>,
        fetches_keys: bool,
        claims: Arc<ClaimDesk>,
        options: ParseOptions,
        remembered: usize,
    ) -> Self {
        Self {
            verifier,
            fetches_keys,
            fetch: Mutex::default(),
            claims,
            calls: Calls::new(remembered),
            options,
            closing: AtomicBool::new(false),
        }
    }

    /// The calls of this process.
    pub fn calls(&self) -> &Calls {
        &self.calls
    }

    /// The claims of this process.
    pub fn claims(&self) -> &Arc<ClaimDesk> {
        &self.claims
    }

    /// The longest body that is read.
    pub fn max_bytes(&self) -> usize {
        self.options.max_bytes
    }

    /// From now on new requests get 503; the platform brings them to another worker.
    pub fn close(&self) {
        self.closing.store(true, Ordering::Relaxed);
        self.claims.close();
    }

    /// Verifies and reads. Takes microseconds: the reply must not wait for anything slow.
    pub fn receive(&self, request: &Request<'_>) -> Receipt {
        if self.closing.load(Ordering::Relaxed) {
            return Receipt::Refused(Reply::status(503), "shutting down".into());
        }
        let claims = match self.verify(request) {
            Ok(claims) => claims,
            Err(receipt) => return receipt,
        };
        let verified = clock::now();
        if !request.content_type.is_none_or(is_json) {
            return Receipt::Refused(Reply::status(415), "the content type is not JSON".into());
        }
        let notifications = match parse(request.body, &self.options, request.arrival) {
            Ok(notifications) => notifications,
            Err(refusal) => {
                let status = match refusal {
                    Refusal::TooLarge(_) => 413,
                    Refusal::Legacy(_) => 204,
                    Refusal::Malformed(_) => 400,
                };
                return Receipt::Refused(Reply::status(status), crate::ParseError::from(refusal).to_string());
            }
        };
        if let Some(first) = notifications.first().and_then(|first| first.problem.as_ref())
            && notifications.iter().all(|notification| notification.problem.is_some())
        {
            return Receipt::Refused(Reply::status(400), format!("nothing readable; the first: {first}"));
        }
        let foreign = notifications.iter().find_map(|note| foreign(note, &claims));
        if let Some(reason) = foreign {
            return Receipt::Refused(Reply::status(403), reason.into());
        }
        Receipt::Accepted(Reply::status(202), self.work(notifications, request.arrival, verified))
    }

    fn verify(&self, request: &Request<'_>) -> Result<Claims, Receipt> {
        let refuse = |reason: &str| {
            let reply = Reply { status: 401, headers: &[("WWW-Authenticate", "Bearer")] };
            Receipt::Refused(reply, reason.to_owned())
        };
        let [authorization] = request.authorization else {
            return Err(refuse("not exactly one Authorization header"));
        };
        match self.verifier.verify(authorization, clock::unix()) {
            Ok(claims) => Ok(claims),
            Err(error) if self.awaits_keys(error.reason) => Err(Receipt::NeedsKeys),
            Err(error) => Err(match error.reason {
                Reason::NoKeys => Receipt::Refused(Reply::status(503), error.to_string()),
                Reason::Tenant => Receipt::Refused(Reply::status(403), error.to_string()),
                _ => refuse(&error.to_string()),
            }),
        }
    }

    /// The fetch that [`Receipt::NeedsKeys`] asked for is over, well or badly: nobody waits for it any more.
    pub fn keys_fetched(&self) {
        let mut fetch = self.fetch.lock().unwrap_or_else(PoisonError::into_inner);
        *fetch = KeyFetch { asked: Some(clock::now()), under_way: false };
    }

    /// Only requests that need the keys wait for them: a stranger's invented key id must not hold up genuine calls.
    fn awaits_keys(&self, reason: Reason) -> bool {
        let pause = match reason {
            Reason::NoKeys => FIRST_KEYS_RETRY,
            Reason::UnknownKey => KEY_REFRESH,
            _ => return false,
        };
        if !self.fetches_keys {
            return false;
        }
        let mut fetch = self.fetch.lock().unwrap_or_else(PoisonError::into_inner);
        if fetch.asked.is_none_or(|asked| clock::now().saturating_duration_since(asked) >= pause) {
            *fetch = KeyFetch { asked: Some(clock::now()), under_way: true };
        }
        fetch.under_way
    }

    /// Ends first: a call that came and went within one body must not be redirected.
    fn work(&self, notifications: Vec<Notification>, arrival: Arrival, verified: Instant) -> Vec<Work> {
        let parsed = clock::now();
        let mut work = Vec::new();
        let (ended, others): (Vec<_>, Vec<_>) =
            notifications.into_iter().partition(|note| note.event == Event::CallEnded);
        for notification in ended {
            let Some(call_id) = notification.call_id() else { continue };
            let call = self.calls.track(&call_id, arrival);
            if call.end(notification) {
                work.push(Work::Ended(call));
            }
        }
        for notification in others {
            let incoming = notification.event == Event::IncomingCall;
            let Some(call_id) = notification.call_id().filter(|_| incoming) else { continue };
            let call = self.calls.track(&call_id, arrival);
            // Duplicates end here: a store is asked once for each call and process.
            if call.begin(notification) {
                call.mark_at(Step::Verified, verified);
                call.mark_at(Step::Parsed, parsed);
                work.push(Work::Redirect(call));
            }
        }
        work
    }
}

fn is_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

/// The token does not sign the body: a token of one tenant or bot must not move a call of another.
///
/// A call that rings applications must ring this one. A call to an application instance (a phone number, a resource
/// account) does not name the application, so it passes.
fn foreign(notification: &Notification, claims: &Claims) -> Option<&'static str> {
    let call = notification.call()?;
    if call.tenant_id().is_some_and(|tenant| !tenant.eq_ignore_ascii_case(&claims.tenant_id)) {
        return Some("the token is of another tenant than the call");
    }
    let rung: Vec<_> = call.targets().filter_map(ParticipantInfo::identity).collect();
    let own = id_key(&claims.audience);
    let others = rung.iter().all(|rung| {
        rung.kind == "application" && rung.id().is_some_and(|id| !id.is_empty() && id_key(&id) != own)
    });
    let incoming = notification.event == Event::IncomingCall;
    (incoming && !rung.is_empty() && others).then_some("the call rings another application")
}
