//! One redirect from prepared request to outcome, with as many attempts as are safe.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{sleep, timeout_at};
use uuid::Uuid;

use super::answer::{Word, tenant_of, without_token};
use super::budget::{Bucket, cost};
use super::client::Prepared;
use super::clock::{self, Instant};
use super::deadline::Deadline;
use super::retry::{self, Happened, Next, OnAmbiguous, Situation};
use super::transport::{Answer, Failure, SentFlag, Transport};
use crate::outcome::{Attempt, Outcome, Refused, Verdict};
use crate::secret::Secret;

/// How long one attempt may take, connecting included. Graph answers in well under a second, but for a few in ten
/// thousand.
const LONGEST_ATTEMPT: Duration = Duration::from_secs(3);

/// What the redirects of one client share: how they try again.
#[derive(Debug, Clone)]
pub struct Retries {
    on_ambiguous: OnAmbiguous,
    bucket: Arc<Bucket>,
    chance: Arc<Mutex<fastrand::Rng>>,
}

/// By chance, and asking Graph before sending again.
impl Default for Retries {
    fn default() -> Self {
        Self::by_chance(OnAmbiguous::default())
    }
}

impl Retries {
    /// Waits that nobody can foretell.
    pub fn by_chance(on_ambiguous: OnAmbiguous) -> Self {
        Self::new(on_ambiguous, Uuid::new_v4().as_u64_pair().0)
    }

    /// The seed decides every wait.
    pub fn new(on_ambiguous: OnAmbiguous, seed: u64) -> Self {
        let chance = Arc::new(Mutex::new(fastrand::Rng::with_seed(seed)));
        Self { on_ambiguous, bucket: Arc::default(), chance }
    }

    fn chance(&self) -> fastrand::Rng {
        self.chance.lock().unwrap_or_else(PoisonError::into_inner).fork()
    }
}

/// A redirect under way. It stops for another token at most once, and keeps what it knows meanwhile.
#[derive(Debug)]
pub struct Sending {
    request: Arc<Prepared>,
    deadline: Deadline,
    retries: Retries,
    chance: fastrand::Rng,
    /// Of the first attempt.
    start: Option<Instant>,
    attempts: Vec<Attempt>,
    /// What to do when run.
    doing: Doing,
    /// What the outcome is if nothing more comes.
    standing: Verdict,
    /// Why nobody knows whether an earlier attempt arrived, if there was one like that.
    doubt: Option<String>,
    refused_token: Option<Secret>,
    sent: u32,
    in_vain: u32,
    paid: u32,
}

/// Where a redirect stands.
#[derive(Debug, Clone, PartialEq)]
#[allow(clippy::large_enum_variant, reason = "one for each redirect, and taken apart at once")]
#[must_use = "a redirect that is not done needs another token, or to be given up"]
pub enum Step {
    /// It is over.
    Done(Outcome),
    /// Graph did not take the token. Run again with a new one; with the same one, or given up, it ends there.
    TokenRefused,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doing {
    Redirect,
    Probe,
    Nothing,
}

impl Sending {
    /// Nothing is sent yet.
    pub fn new(request: impl Into<Arc<Prepared>>, deadline: Deadline, retries: &Retries) -> Self {
        let reason = "the deadline had passed before anything could be sent".to_owned();
        Self {
            request: request.into(),
            deadline,
            retries: retries.clone(),
            chance: retries.chance(),
            start: None,
            attempts: Vec::new(),
            doing: Doing::Redirect,
            standing: Verdict::Expired { sent: false, reason },
            doubt: None,
            refused_token: None,
            sent: 0,
            in_vain: 0,
            paid: 0,
        }
    }

    /// Sends until there is an outcome, or the token is refused for the first time. Never past the deadline, and
    /// never again what may have arrived, unless Graph says that it did not and the setting allows it.
    pub async fn run(&mut self, transport: &Transport, token: &Secret) -> Step {
        let same = self.refused_token.as_ref().is_some_and(|refused| refused.expose() == token.expose());
        while !same && !self.deadline.passed() {
            let happened = match self.doing {
                Doing::Redirect => self.redirect(transport, token).await,
                Doing::Probe => self.probe(transport, token).await,
                Doing::Nothing => break,
            };
            let next = self.next(happened);
            self.doing = match next {
                Next::After(_) => Doing::Redirect,
                Next::Probe(_) => Doing::Probe,
                Next::Stop => Doing::Nothing,
                Next::RefreshToken => {
                    self.refused_token = Some(token.clone());
                    return Step::TokenRefused;
                }
            };
            if let Next::After(wait) | Next::Probe(wait) = next {
                self.paid += cost(happened);
                self.retries.bucket.take(cost(happened));
                sleep(wait).await;
            }
        }
        self.doing = Doing::Nothing;
        Step::Done(self.outcome())
    }

    /// There is no other token: ends as it stands.
    pub fn give_up(self) -> Outcome {
        self.outcome()
    }

    fn outcome(&self) -> Outcome {
        Outcome {
            verdict: self.standing.clone(),
            attempts: self.attempts.clone(),
            elapsed: self.start.map_or(Duration::ZERO, |start| clock::now().saturating_duration_since(start)),
            client_request_id: self.request.client_request_id().to_owned(),
        }
    }

    fn next(&mut self, happened: Happened) -> Next {
        let in_vain = matches!(happened, Happened::NotSent | Happened::NoWordOfTheCall(_));
        self.in_vain = if in_vain { self.in_vain.saturating_add(1) } else { 0 };
        retry::next(&Situation {
            happened,
            sent: self.sent,
            in_vain: self.in_vain,
            token_renewed: self.refused_token.is_some(),
            time_left: self.deadline.remaining(),
            jitter: self.chance.f64(),
            on_ambiguous: self.retries.on_ambiguous,
            budget: self.retries.bucket.left(),
        })
    }

    async fn redirect(&mut self, transport: &Transport, token: &Secret) -> Happened {
        let (began, until) = (clock::now(), self.until());
        let flag = SentFlag::until(until);
        let (request, headers) = (&self.request, self.request.headers());
        let post = transport.post_json(request.url(), token, &headers, request.body(), &flag);
        let result = timeout_at(until, post).await;
        let sent = matches!(result, Ok(Ok(_))) || !flag.withdraw();
        let result = match result {
            Ok(Ok(head)) => Ok(without_token(head.answer(self.deadline.at()).await, token)),
            Ok(Err(failure)) => Err(failure),
            Err(_) => Err(self.too_slow(until, if sent { "no answer" } else { "no connection" })),
        };
        self.keep_attempt(false, began, sent, &result);
        match result {
            Ok(answer) => {
                self.sent += 1;
                self.answered(&answer, token)
            }
            Err(Failure(why)) if sent => {
                self.sent += 1;
                self.doubt.get_or_insert_with(|| why.clone());
                self.standing = if self.deadline.passed() {
                    Verdict::Expired { sent: true, reason: why }
                } else {
                    Verdict::Unknown { likely_delivered: false, reason: why }
                };
                if flag.throttled() { Happened::AmbiguousAndThrottled } else { Happened::Ambiguous }
            }
            Err(Failure(why)) => {
                if let Verdict::Expired { sent: false, reason } = &mut self.standing {
                    *reason = why;
                }
                if flag.throttled() {
                    self.sent += 1;
                    return Happened::Throttled(None);
                }
                Happened::NotSent
            }
        }
    }

    fn answered(&mut self, answer: &Answer, token: &Secret) -> Happened {
        let mut verdict = Verdict::of(answer, clock::unix());
        if let Verdict::Rejected(no) = &mut verdict
            && matches!(no.status, 401 | 403)
        {
            no.token_tenant = tenant_of(token);
            no.call_tenant = self.request.tenant_id().map(str::to_owned);
        }
        let happened = match &verdict {
            Verdict::Accepted { .. } => {
                self.retries.bucket.refill(self.paid);
                Happened::Settled
            }
            Verdict::Unknown { reason, .. } => {
                self.doubt.get_or_insert_with(|| reason.clone());
                Happened::Ambiguous
            }
            Verdict::Rejected(no) if no.status == 401 => Happened::TokenRefused,
            Verdict::Rejected(no) if matches!(no.status, 429 | 503) => Happened::Throttled(no.retry_after),
            _ => Happened::Settled,
        };
        self.standing = self.in_doubt(verdict);
        happened
    }

    /// What Graph says of a repetition is not the whole truth when an earlier attempt may have arrived.
    fn in_doubt(&self, verdict: Verdict) -> Verdict {
        let Some(doubt) = &self.doubt else { return verdict };
        let unknown = |likely_delivered, no: &Refused| {
            let reason = format!("an earlier attempt may have arrived ({doubt}); then {no}");
            Verdict::Unknown { likely_delivered, reason }
        };
        match &verdict {
            Verdict::CallGone(no) => unknown(true, no),
            Verdict::Rejected(no) => unknown(matches!(no.status, 404 | 409), no),
            _ => verdict,
        }
    }

    async fn probe(&mut self, transport: &Transport, token: &Secret) -> Happened {
        let (began, until) = (clock::now(), self.until());
        let (call, headers) = (self.request.call(), self.request.headers());
        let flag = SentFlag::default();
        let get = transport.get_json(&call, token, &headers, until, &flag);
        let result = match timeout_at(until, get).await {
            Ok(result) => result.map(|answer| without_token(answer, token)),
            Err(_) => Err(self.too_slow(until, "no answer")),
        };
        self.keep_attempt(true, began, !flag.withdrawn(), &result);
        let Ok(answer) = result else { return Happened::NoWordOfTheCall(None) };
        match (Word::of(&answer), Verdict::of(&answer, clock::unix())) {
            (Word::Rings, _) => Happened::StillRinging,
            (Word::RingsNoMore(why), _) => {
                let doubt = self.doubt.as_deref().unwrap_or_default();
                let reason = format!("an earlier attempt may have arrived ({doubt}); since then {why}");
                self.standing = Verdict::Unknown { likely_delivered: true, reason };
                Happened::Settled
            }
            (Word::None, Verdict::Rejected(no)) if no.status == 401 => Happened::TokenRefused,
            (Word::None, Verdict::Rejected(no)) if matches!(no.status, 429 | 503) => {
                Happened::NoWordOfTheCall(no.retry_after)
            }
            (Word::None, Verdict::Unknown { .. }) => Happened::NoWordOfTheCall(None),
            (Word::None, _) => Happened::Settled,
        }
    }

    fn until(&self) -> Instant {
        self.deadline.at().min(clock::now() + LONGEST_ATTEMPT)
    }

    fn too_slow(&self, until: Instant, what: &str) -> Failure {
        Failure(if until == self.deadline.at() {
            format!("{what} before the deadline")
        } else {
            format!("{what} within {} s", LONGEST_ATTEMPT.as_secs())
        })
    }

    fn keep_attempt(&mut self, probe: bool, began: Instant, sent: bool, result: &Result<Answer, Failure>) {
        let start = *self.start.get_or_insert(began);
        self.attempts.push(Attempt {
            probe,
            started: began.saturating_duration_since(start),
            duration: clock::now().saturating_duration_since(began),
            sent,
            status: result.as_ref().ok().map(|answer| answer.status),
            error: result.as_ref().err().map(|failure| failure.0.clone()),
            request_id: result.as_ref().ok().and_then(|answer| answer.request_id.clone()),
        });
    }
}
