//! The caller's side: rings a bot, waits for its redirect, lets the targets ring, and tells the bot that it is over.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::oneshot;
use url::Url;

use super::call::LONGEST_WINDOW;
use super::callee::{self, Ending};
use super::delivery::{Delivered, Delivery, Note};
use super::diagnosis;
use super::event::{EventKind, Rang};
use super::fault::Faults;
use super::graph::Graph;
use super::line::{self, Line};
use super::log::ReceivedRedirect;
use super::payload::CallFacts;
use super::play::PATIENCE;
use super::ring::{NotificationToken, RingError, RingOptions, RungCall, Timeline};

/// From the redirect to the end of the call, at least: long enough for the 202 to reach the bot first.
const PICKUP: Duration = Duration::from_millis(20);

/// Beyond this nobody waits, however slow people are made.
const LONGEST: Duration = Duration::from_secs(3600);

/// One call as the caller's side has it, ready to ring.
pub(super) struct Caller {
    pub(super) graph: Arc<Graph>,
    pub(super) line: Arc<Line>,
    pub(super) facts: Arc<CallFacts>,
    pub(super) options: RingOptions,
    pub(super) faults: Faults,
    /// How many times faster people are than the clock.
    pub(super) speed: f64,
}

/// What ended the waiting for the bot.
#[derive(PartialEq)]
enum Followed {
    Redirected,
    Over(Ending),
}

impl Caller {
    pub(super) async fn ring(self, url: Url) -> Result<RungCall, RingError> {
        let mut last_word = LastWord {
            graph: Arc::clone(&self.graph),
            call_id: self.facts.id.clone(),
            problem: Some("whoever rang has gone, and the call with them".to_owned()),
            ours: true,
        };
        let rung = self.ring_to_the_end(url).await;
        last_word.problem = rung.as_ref().err().map(ToString::to_string);
        last_word.ours = !matches!(rung, Err(RingError::AlreadyRinging(_)));
        rung
    }

    async fn ring_to_the_end(mut self, url: Url) -> Result<RungCall, RingError> {
        self.line.wait_until_listening(&url, self.options.patience.unwrap_or(PATIENCE)).await?;
        let (waiting, mut redirect) = oneshot::channel();
        let start = Instant::now();
        let window = self.options.wait.unwrap_or(LONGEST_WINDOW).min(LONGEST_WINDOW);
        if !self.graph.calls.add(Arc::clone(&self.facts), window, self.faults.clone(), Some(waiting)) {
            return Err(RingError::AlreadyRinging(self.facts.id.clone()));
        }
        self.tell(EventKind::CallRang(Box::new(Rang {
            name: self.options.name.clone(),
            source: self.facts.source.clone(),
            targets: self.facts.targets.clone(),
            url: url.to_string(),
            window,
        })));
        // Also when this task is dropped half way: the caller hung up.
        let known = Known { graph: Arc::clone(&self.graph), id: self.facts.id.clone() };
        let mut rung = self.rung();
        let mut delivery = Delivery::new(
            Arc::clone(&self.graph),
            Arc::clone(&self.line),
            Arc::clone(&self.facts),
            std::mem::take(&mut self.faults),
        );
        let note = Note {
            change_type: "created",
            state: "incoming",
            body: self.options.body.take().unwrap_or_else(|| self.facts.incoming()),
            token: std::mem::take(&mut self.options.token),
        };
        let mut followed = self
            .follow(&mut rung, &url, delivery.deliver(note, url.clone()), &mut redirect, start, window)
            .await?;
        let mut known = Some(known);
        if followed != Followed::Redirected {
            // From here on Graph does not know it; until here it may have taken a redirect that we have not seen.
            known = None;
            rung.redirect = redirect.try_recv().ok();
            if rung.redirect.is_some() {
                rung.steps.push(("redirected", start.elapsed()));
                followed = Followed::Redirected;
            }
        }
        let redirected = rung.redirect.as_ref().and_then(|received| received.redirect.as_deref());
        let callback =
            line::callback_url(redirected.and_then(|redirect| redirect.callback_uri.as_deref()), &url);
        match followed {
            Followed::Redirected => self.targets_ring(&mut rung, &mut delivery, &callback, start).await?,
            Followed::Over(ending) => {
                rung.ending = ending;
                rung.problem = diagnosis::problem(&rung, &self.graph, &url, window);
            }
        }
        // Before the bot is told of the end, for a bot that asks Graph at once.
        drop(known);
        let (ending, answered_by) = (rung.ending, rung.answered_by.clone().map(Box::new));
        self.tell(EventKind::CallFinished { ending, answered_by, problem: rung.problem.clone() });
        if rung.ending != Ending::Refused {
            let body = self.facts.terminated(self.options.timeline, rung.ending, rung.answered_by.as_ref());
            if let Delivered::Replied(reply) =
                delivery.deliver(later("deleted", "terminated", body), callback).await?
            {
                rung.ended_status = Some(reply.status);
                rung.steps.push(("ended", start.elapsed()));
            }
        }
        delivery.deliver_held().await;
        Ok(rung)
    }

    /// Waits for the reply and for the redirect, in whichever order they come, while the call rings.
    async fn follow(
        &self,
        rung: &mut RungCall,
        url: &Url,
        incoming: impl Future<Output = Result<Delivered, RingError>>,
        redirect: &mut oneshot::Receiver<ReceivedRedirect>,
        start: Instant,
        window: Duration,
    ) -> Result<Followed, RingError> {
        tokio::pin!(incoming);
        let hang_up = self.options.hang_up.map(|after| self.real(after)).filter(|after| *after < window);
        let over = tokio::time::sleep_until((start + hang_up.unwrap_or(window)).into());
        tokio::pin!(over);
        let (mut replied, mut watching) = (false, true);
        while !(replied && rung.redirect.is_some()) {
            tokio::select! {
                // In this order, so that a redirect accepted in the last moment is not lost.
                biased;
                received = &mut *redirect, if watching => {
                    // An error means that newer calls pushed this one out of the table: nothing will come.
                    watching = false;
                    rung.redirect = received.ok();
                    if rung.redirect.is_some() {
                        rung.steps.push(("redirected", start.elapsed()));
                    }
                }
                delivered = &mut incoming, if !replied => match delivered? {
                    Delivered::Replied(reply) => {
                        replied = true;
                        rung.steps.push(("replied", start.elapsed()));
                        rung.reply_status = Some(reply.status);
                        rung.reply_headers = reply.headers;
                        rung.reply_body = reply.body;
                        if !(200..300).contains(&reply.status) && rung.redirect.is_none() {
                            return Ok(Followed::Over(Ending::Refused));
                        }
                    }
                    Delivered::Not => replied = true,
                    // It redirected and then broke the connection: odd, and yet a redirected call.
                    Delivered::Failed(_) if rung.redirect.is_some() => replied = true,
                    Delivered::Failed(error) if error.unsent => {
                        return Err(RingError::Unreachable(line::shown_address(url), start.elapsed(), error.why));
                    }
                    Delivered::Failed(error) => {
                        rung.problem = Some(error.why);
                        return Ok(Followed::Over(Ending::Refused));
                    }
                },
                () = &mut over => {
                    if rung.redirect.is_some() {
                        return Ok(Followed::Redirected);
                    }
                    let (step, ending) = match hang_up {
                        Some(_) => ("hung_up", Ending::HungUp),
                        None => ("expired", Ending::Expired),
                    };
                    rung.steps.push((step, start.elapsed()));
                    return Ok(Followed::Over(ending));
                }
            }
        }
        Ok(Followed::Redirected)
    }

    /// Lets the targets of the redirect ring until one picks up, all give up, or the caller hangs up.
    async fn targets_ring(
        &self,
        rung: &mut RungCall,
        delivery: &mut Delivery,
        callback: &Url,
        start: Instant,
    ) -> Result<(), RingError> {
        // Graph took it, so it has been read.
        let redirect =
            rung.redirect.as_ref().and_then(|redirect| redirect.redirect.clone()).unwrap_or_default();
        let begun = Instant::now();
        if self.options.timeline == Timeline::Redirecting {
            let note = later("updated", "redirecting", self.facts.redirecting());
            delivery.deliver(note, callback.clone()).await?;
        }
        let ringing = callee::ring(&redirect, &self.options.callees);
        let ends = begun + self.real(ringing.after).max(PICKUP);
        let hangs_up = self.options.hang_up.map(|after| start + self.real(after)).filter(|at| *at < ends);
        tokio::time::sleep_until(hangs_up.unwrap_or(ends).into()).await;
        if hangs_up.is_some() {
            rung.ending = Ending::HungUp;
            rung.steps.push(("hung_up", start.elapsed()));
        } else {
            rung.ending = ringing.ending;
            rung.answered_by = ringing.answered_by;
            if rung.ending == Ending::Answered {
                rung.steps.push(("answered", start.elapsed()));
            }
        }
        Ok(())
    }

    /// What people take this long for, on the clock.
    fn real(&self, time: Duration) -> Duration {
        on_the_clock(time, self.speed)
    }

    fn tell(&self, what: EventKind) {
        self.graph.feed.tell(&self.facts.id, what);
    }

    fn rung(&self) -> RungCall {
        RungCall {
            name: self.options.name.clone(),
            call_id: self.facts.id.clone(),
            reply_status: None,
            reply_headers: Vec::new(),
            reply_body: Bytes::new(),
            redirect: None,
            ending: Ending::Expired,
            answered_by: None,
            problem: None,
            ended_status: None,
            steps: vec![("rang", Duration::ZERO)],
        }
    }
}

/// What people so many times faster take this long for.
pub(super) fn on_the_clock(time: Duration, speed: f64) -> Duration {
    Duration::try_from_secs_f64(time.as_secs_f64() / speed).unwrap_or(LONGEST).min(LONGEST)
}

/// A notification after the first: always with a genuine token, unless a fault says otherwise.
fn later(change_type: &'static str, state: &'static str, body: Vec<u8>) -> Note {
    Note { change_type, state, body, token: NotificationToken::Genuine }
}

/// Keeps Graph's table of calls in step with what rings.
struct Known {
    graph: Arc<Graph>,
    id: String,
}

impl Drop for Known {
    fn drop(&mut self) {
        self.graph.calls.remove(&self.id);
    }
}

/// Ends the story of a call, also when its task is dropped half way.
struct LastWord {
    graph: Arc<Graph>,
    call_id: String,
    /// Why the call came to nothing, if it did.
    problem: Option<String>,
    /// False when the story of this id is another call's.
    ours: bool,
}

impl Drop for LastWord {
    fn drop(&mut self) {
        if !self.ours {
            return;
        }
        if let Some(problem) = self.problem.take() {
            self.graph.feed.tell(&self.call_id, EventKind::CallFailed { problem });
        }
        self.graph.feed.board.over(&self.call_id);
        self.graph.feed.wake();
    }
}
