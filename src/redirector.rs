//! The flow composed: a webhook request in; a reply, and the work that outlives it, out.
//!
//! ```text
//! receive: verify -> parse -> reply        then, within the deadline: claim -> decide -> validate -> send -> outcome
//! ```
//!
//! The reply waits for no store. The second half calls the bot's own code, so whoever holds that code runs it (see the Python package).

use std::sync::Arc;
mod legacy;
mod regions;

use std::sync::atomic::{AtomicBool, Ordering};

use legacy::Announced;

pub use regions::Regions;

use crate::calls::{Calls, ClaimDesk, Step, TrackedCall};
use crate::notification::{Event, Notification, ParseOptions, Refusal, parse};
use crate::send::clock::{self, Arrival, Instant};
use crate::verify::{Binding, Claims, Reason, Verifier};

/// A webhook request, as the host's adapter hands it over.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The body, uninterpreted.
    pub body: &'a [u8],
    /// Every `Authorization` header; more than one is refused.
    pub authorization: &'a [String],
    /// `Content-Type`.
    pub content_type: Option<&'a str>,
    /// `X-Microsoft-Skype-Caller-Region`.
    pub region: Option<&'a str>,
    /// When its first byte was seen.
    pub arrival: Arrival,
}

/// What the host answers. Tells a stranger nothing but the status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Headers.
    pub headers: &'static [(&'static str, &'static str)],
    /// `Location`: the webhook of the caller's region.
    pub location: Option<Arc<str>>,
}

impl Reply {
    const fn status(status: u16) -> Self {
        Self { status, headers: &[], location: None }
    }
}

/// What `receive` came to.
#[derive(Debug, Clone)]
pub enum Receipt {
    /// Microsoft's keys are needed first: [`Verifier::fetch_keys`], then receive the same request again.
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

/// The receiving half of a bot.
pub struct Redirector {
    verifier: Arc<Verifier>,
    binding: Binding,
    regions: Regions,
    announced: Announced,
    claims: Arc<ClaimDesk>,
    calls: Calls,
    options: ParseOptions,
    closing: AtomicBool,
}

impl Redirector {
    /// `remembered` bounds the calls kept.
    pub fn new(
        verifier: Arc<Verifier>,
        binding: Binding,
        claims: Arc<ClaimDesk>,
        options: ParseOptions,
        remembered: usize,
    ) -> Self {
        Self {
            verifier,
            binding,
            regions: Regions::default(),
            announced: Announced::default(),
            claims,
            calls: Calls::new(remembered),
            options,
            closing: AtomicBool::new(false),
        }
    }

    /// With calls that other regions take.
    #[must_use]
    pub fn leaving_to(self, regions: Regions) -> Self {
        Self { regions, ..self }
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
        let mut notifications = match parse(request.body, &self.options, request.arrival) {
            Ok(notifications) => notifications,
            Err(refusal) => {
                let status = match refusal {
                    Refusal::TooLarge(_) => 413,
                    Refusal::Legacy(_) => {
                        self.announced.keep(request.body, self.options.max_depth, request.arrival);
                        204
                    }
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
        let foreign = notifications.iter().find_map(|note| self.binding.refusal(note, &claims));
        if let Some(reason) = foreign {
            return Receipt::Refused(Reply::status(403), reason.into());
        }
        let mut incoming =
            notifications.iter_mut().filter(|note| note.event == Event::IncomingCall).peekable();
        if incoming.peek().is_some()
            && let Some(webhook) = self.regions.webhook(request.region)
        {
            let reply = Reply { location: Some(webhook), ..Reply::status(302) };
            return Receipt::Refused(reply, "another region takes the call".into());
        }
        for note in incoming {
            note.json.arrival = self.announced.take(note).unwrap_or(request.arrival);
        }
        Receipt::Accepted(Reply::status(202), self.work(notifications, request.arrival, verified, &claims))
    }

    fn verify(&self, request: &Request<'_>) -> Result<Claims, Receipt> {
        let refuse = |reason: &str| {
            let reply = Reply { headers: &[("WWW-Authenticate", "Bearer")], ..Reply::status(401) };
            Receipt::Refused(reply, reason.to_owned())
        };
        let authorization = match request.authorization {
            [authorization] => authorization,
            _ if self.verifier.accepts_anyone() => "",
            _ => return Err(refuse("not exactly one Authorization header")),
        };
        match self.verifier.verify_or_fetch(authorization, clock::unix()) {
            None => Err(Receipt::NeedsKeys),
            Some(Ok(claims)) => Ok(claims),
            Some(Err(error)) => Err(match error.reason {
                Reason::NoKeys => Receipt::Refused(Reply::status(503), error.to_string()),
                Reason::Tenant => Receipt::Refused(Reply::status(403), error.to_string()),
                _ => refuse(&error.to_string()),
            }),
        }
    }

    /// Ends first: a call that came and went within one body must not be redirected.
    fn work(
        &self,
        notifications: Vec<Notification>,
        arrival: Arrival,
        verified: Instant,
        claims: &Claims,
    ) -> Vec<Work> {
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
            let call = self.calls.track(&call_id, notification.json.arrival);
            // Duplicates end here: a store is asked once for each call and process.
            if call.begin(notification) {
                call.of_tenant(&claims.tenant_id);
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
