//! One redirect from prepared request to outcome, with as many attempts as are safe.

use super::client::Prepared;
use super::clock::{self, Instant};
use super::deadline::Deadline;
use super::retry::{self, Ending, Next};
use super::transport::{Answer, Failure, SentFlag, Transport};
use crate::outcome::{Attempt, Outcome, Verdict};
use crate::secret::Secret;

/// What the redirects of one client share: how they try again.
#[derive(Debug, Clone, Default)]
pub struct Retries {}

/// A redirect under way. It stops for another token at most once, and keeps what it knows meanwhile.
#[derive(Debug)]
pub struct Sending {
    request: Prepared,
    deadline: Deadline,
    start: Instant,
    attempts: Vec<Attempt>,
    refused: Option<(Secret, Verdict)>,
}

/// Where a redirect stands.
#[derive(Debug, Clone, PartialEq)]
#[must_use = "a redirect that is not done needs another token, or to be given up"]
pub enum Step {
    /// It is over.
    Done(Outcome),
    /// Graph did not take the token. Run again with a new one; with the same one, or given up, it ends there.
    TokenRefused,
}

impl Sending {
    /// Nothing is sent yet.
    pub fn new(request: Prepared, deadline: Deadline, _retries: &Retries) -> Self {
        Self { request, deadline, start: clock::now(), attempts: Vec::new(), refused: None }
    }

    /// Sends until there is an outcome, or the token is refused for the first time. Never past the deadline.
    pub async fn run(&mut self, transport: &Transport, token: &Secret) -> Step {
        if let Some((used, verdict)) = &self.refused
            && used.expose() == token.expose()
        {
            return Step::Done(self.outcome(verdict.clone()));
        }
        let verdict = self.verdict(transport, token).await;
        let first_refusal =
            self.refused.is_none() && matches!(&verdict, Verdict::Rejected(no) if no.status == 401);
        if first_refusal {
            self.refused = Some((token.clone(), verdict));
            return Step::TokenRefused;
        }
        Step::Done(self.outcome(verdict))
    }

    /// There is no other token: ends as it stands.
    pub fn give_up(self) -> Outcome {
        let reason = "it was given up before anything was sent".to_owned();
        let verdict = self.refused.as_ref().map(|(_, verdict)| verdict.clone());
        self.outcome(verdict.unwrap_or(Verdict::Expired { sent: false, reason }))
    }

    fn outcome(&self, verdict: Verdict) -> Outcome {
        Outcome {
            verdict,
            attempts: self.attempts.clone(),
            elapsed: clock::now().saturating_duration_since(self.start),
            client_request_id: self.request.client_request_id().to_owned(),
        }
    }

    async fn verdict(&mut self, transport: &Transport, token: &Secret) -> Verdict {
        let mut reason = String::from("the deadline had passed before anything could be sent");
        for attempt in 1.. {
            if self.deadline.passed() {
                break;
            }
            let (result, late) = self.attempt(transport, token).await;
            let sent = self.attempts.last().is_some_and(|attempt| attempt.sent);
            match result {
                Ok(answer) => return Verdict::of(&answer),
                Err(Failure(why)) if sent && late => return Verdict::Expired { sent: true, reason: why },
                Err(Failure(why)) if sent => {
                    return Verdict::Unknown { likely_delivered: false, reason: why };
                }
                Err(Failure(why)) => reason = why,
            }
            match retry::next(attempt, Ending::NotSent, self.deadline.remaining()) {
                Next::After(wait) => tokio::time::sleep(wait).await,
                Next::Stop => break,
            }
        }
        Verdict::Expired { sent: false, reason }
    }

    async fn attempt(&mut self, transport: &Transport, token: &Secret) -> (Result<Answer, Failure>, bool) {
        let began = clock::now();
        let flag = SentFlag::default();
        let (request, headers) = (&self.request, self.request.headers());
        let post = transport.post_json(request.url().clone(), token, &headers, request.body(), &flag);
        let result = tokio::time::timeout_at(self.deadline.at(), post).await;
        let late = result.is_err();
        let result = match result {
            Ok(Ok(head)) => Ok(head.answer(self.deadline.at()).await),
            Ok(Err(failure)) => Err(failure),
            Err(_) => Err(Failure("no answer before the deadline".to_owned())),
        };
        self.attempts.push(Attempt {
            started: began.saturating_duration_since(self.start),
            duration: clock::now().saturating_duration_since(began),
            sent: result.is_ok() || !flag.withdraw(),
            status: result.as_ref().ok().map(|answer| answer.status),
            error: result.as_ref().err().map(|failure| failure.0.clone()),
            request_id: result.as_ref().ok().and_then(|answer| answer.request_id.clone()),
        });
        (result, late)
    }
}
