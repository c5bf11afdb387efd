//! Whether to try again: one pure function.

use std::time::Duration;

use super::budget;

/// Less than this is no attempt: a connection, a request and its answer from another continent.
pub const SHORTEST_ATTEMPT: Duration = Duration::from_millis(250);

/// After an attempt that may have arrived: time for asking about the call and for sending again, or for neither.
pub const SHORTEST_PROBE: Duration = Duration::from_millis(1500);

/// Redirects that may reach Graph. What surely never left does not count, unless Graph turned it away to be spared.
pub const MOST_SENT: u32 = 4;

/// Questions about the call that bring no word, one after the other.
pub const MOST_PROBES: u32 = 4;

/// What to do after an attempt that may have arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnAmbiguous {
    /// Ask Graph for the call: if it still rings, the same bytes are sent again.
    #[default]
    ProbeThenResend,
    /// Nothing: the outcome is unknown.
    Stop,
}

impl OnAmbiguous {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::ProbeThenResend, Self::Stop];

    /// The name in Python.
    pub fn name(self) -> &'static str {
        match self {
            Self::ProbeThenResend => "probe_then_resend",
            Self::Stop => "stop",
        }
    }
}

/// What an attempt came to, as far as trying again is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happened {
    /// Nothing left this machine.
    NotSent,
    /// 429 or 503: Graph did nothing, and may have said how long to wait.
    Throttled(Option<Duration>),
    /// 401.
    TokenRefused,
    /// Any other answer that says what became of the redirect, or an answer about the call that rules out another.
    Settled,
    /// The redirect left, and what came back, if anything, does not say what became of it.
    Ambiguous,
    /// The same, and the server wants fewer requests.
    AmbiguousAndThrottled,
    /// Graph was asked for the call: it rings as before.
    StillRinging,
    /// Graph was asked for the call, and did not say; perhaps it said how long to wait.
    NoWordOfTheCall(Option<Duration>),
}

/// Everything that the decision hangs on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Situation {
    /// The last attempt.
    pub happened: Happened,
    /// Redirects so far that count towards [`MOST_SENT`].
    pub sent: u32,
    /// Attempts of the same kind that came to nothing, this one included; from 1.
    pub in_vain: u32,
    /// Whether this redirect has asked for another token before.
    pub token_renewed: bool,
    /// Until the deadline.
    pub time_left: Duration,
    /// By chance, from 0 up to but not including 1.
    pub jitter: f64,
    /// The setting.
    pub on_ambiguous: OnAmbiguous,
    /// What the client has left for retries.
    pub budget: u32,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Report the outcome.
    Stop,
    /// Wait, then send the same bytes again.
    After(Duration),
    /// Wait, then ask Graph for the call.
    Probe(Duration),
    /// Another token is needed, then the same request again.
    RefreshToken,
}

/// A wait between the two, as chance has it.
struct Wait {
    shortest: Duration,
    longest: Duration,
}

const SOON: Wait = Wait { shortest: Duration::from_millis(50), longest: Duration::from_millis(100) };
/// Nobody is burdened, so often; and short, so that hardly any of the budget is left when it is given up.
const UNSENT: Wait = Wait { shortest: Duration::from_millis(125), longest: Duration::from_millis(250) };

impl Wait {
    fn unsent(nth: u32) -> Self {
        match nth {
            0 | 1 => SOON,
            2 => Self { shortest: SOON.shortest * 2, longest: SOON.longest * 2 },
            _ => UNSENT,
        }
    }

    /// Graph is burdened, so there are few, over all of the time there is: of 13 s the first meets a single bad server,
    /// the second an overload of a second, and with the third an outage of five is over.
    fn answered(nth: u32, left: Duration) -> Self {
        match nth {
            0 | 1 => SOON,
            2 => Self { shortest: left / 24, longest: left / 12 },
            _ => Self { shortest: left * 5 / 12, longest: left / 2 },
        }
    }

    /// No longer than leaves room for what it waits for, though always something.
    fn pick(&self, jitter: f64, room: Duration) -> Duration {
        let jitter = if jitter.is_nan() { 0.0 } else { jitter.clamp(0.0, 1.0) };
        let wait = self.shortest + self.longest.saturating_sub(self.shortest).mul_f64(jitter);
        wait.min(room).max(SOON.shortest)
    }
}

/// The decision. Never a wait that leaves no time for what it waits for.
pub fn next(now: &Situation) -> Next {
    let affordable = now.budget >= budget::cost(now.happened);
    let room = now.sent < MOST_SENT && affordable;
    let fits = |wait: Duration| wait.checked_add(SHORTEST_ATTEMPT).is_some_and(|all| all <= now.time_left);
    let again = |wait| if fits(wait) { Next::After(wait) } else { Next::Stop };
    let probe = |wait: Duration| {
        let fits = wait.checked_add(SHORTEST_PROBE).is_some_and(|all| all <= now.time_left);
        if fits && now.on_ambiguous == OnAmbiguous::ProbeThenResend { Next::Probe(wait) } else { Next::Stop }
    };
    // Where Graph says how long, that is how long; no time at all says nothing.
    let own = |asked: Option<Duration>, nth, need: Duration| {
        let asked = asked.filter(|wait| !wait.is_zero());
        let wait = if asked.is_some() { SOON } else { Wait::answered(nth, now.time_left) };
        wait.pick(now.jitter, now.time_left.saturating_sub(need)).max(asked.unwrap_or_default())
    };
    match now.happened {
        Happened::Settled => Next::Stop,
        Happened::NotSent => again(Wait::unsent(now.in_vain).pick(now.jitter, now.time_left)),
        Happened::TokenRefused if now.token_renewed || !fits(Duration::ZERO) => Next::Stop,
        Happened::TokenRefused => Next::RefreshToken,
        _ if !room => Next::Stop,
        Happened::Throttled(wait) => again(own(wait, now.sent, SHORTEST_ATTEMPT)),
        Happened::Ambiguous => probe(own(None, now.sent, SHORTEST_PROBE)),
        // A step on: about a second.
        Happened::AmbiguousAndThrottled => probe(own(None, now.sent.saturating_add(1), SHORTEST_PROBE)),
        Happened::StillRinging => again(Duration::ZERO),
        Happened::NoWordOfTheCall(_) if now.in_vain >= MOST_PROBES => Next::Stop,
        Happened::NoWordOfTheCall(wait) => probe(own(wait, now.in_vain, SHORTEST_PROBE)),
    }
}
