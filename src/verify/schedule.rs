//! When keys are fetched: often enough that no genuine call is lost, seldom enough that no stranger can make us ask.
//!
//! Knows neither the network nor the clock: every question brings the time along.

use std::time::Duration;

use super::unknown::UnknownKeys;
use crate::send::clock::Instant;

/// Older keys are still used, while newer ones are fetched.
pub const REFRESH_AFTER: Duration = Duration::from_secs(3600);

/// Older keys are not used: a key that was withdrawn must end some time.
pub const MAX_AGE: Duration = Duration::from_secs(24 * 3600);

/// Unknown key ids are cheap to invent: keys are fetched for them this often at most.
pub const UNKNOWN_KEY_PAUSE: Duration = Duration::from_secs(30);

/// Without any key every call is lost, so a fetch that failed is tried again sooner.
const NO_KEYS_PAUSE: Duration = Duration::from_secs(1);

/// The old keys serve meanwhile, most of a day long.
const REFRESH_PAUSE: Duration = Duration::from_secs(60);

/// A fetch takes 5 s at most. One that is not over by now was lost: its process forked, its loop was closed.
const LOST: Duration = Duration::from_secs(10);

/// Requests that wait for one fetch. A stranger may send many; each holds a body in memory.
const MAX_WAITING: u32 = 1000;

/// What to do about a token for which there is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Advice {
    /// A fetch is wanted, or under way: wait for it and look again.
    Wait,
    /// Another fetch would tell nothing new.
    Refuse,
    /// Too many wait already.
    Busy,
}

#[derive(Debug, Clone, Copy, Default)]
enum Stage {
    #[default]
    Idle,
    Wanted(Instant),
    UnderWay(Instant),
}

/// When keys were asked for, when they came, and which key ids are known to be none.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    stage: Stage,
    /// When the last fetch was wanted; once it is over, when it ended.
    asked: Option<Instant>,
    came: Option<Instant>,
    /// Whether the last fetch brought keys: only then is a key that is not among them known to be none.
    answered: bool,
    unknown: UnknownKeys,
    waiting: u32,
}

impl Schedule {
    /// Whether the keys are too old to be believed.
    pub(super) fn expired(&self, now: Instant) -> bool {
        self.came.is_some_and(|came| now.saturating_duration_since(came) >= MAX_AGE)
    }

    /// A token came while there are no keys, or none that are believed.
    pub(super) fn no_keys(&mut self, now: Instant) -> Advice {
        self.want(NO_KEYS_PAUSE, now)
    }

    /// A token came whose key is not among the keys.
    pub(super) fn unknown_key(&mut self, kid: &str, now: Instant) -> Advice {
        if self.unknown.holds(kid, now) {
            return Advice::Refuse;
        }
        let advice = self.want(UNKNOWN_KEY_PAUSE, now);
        if advice == Advice::Refuse && self.answered {
            self.unknown.insert(kid, self.asked.unwrap_or(now));
        }
        advice
    }

    /// Whether newer keys should be fetched while the present ones serve. True once: whoever hears it sees to it.
    pub(super) fn due(&mut self, now: Instant) -> bool {
        let old = self.came.is_none_or(|came| now.saturating_duration_since(came) >= REFRESH_AFTER);
        let idle = matches!(self.stage(now), Stage::Idle);
        old && idle && self.want(REFRESH_PAUSE, now) == Advice::Wait
    }

    /// Whether the fetch that is wanted is the caller's to make.
    pub(super) fn begin(&mut self, now: Instant) -> bool {
        let wanted = matches!(self.stage(now), Stage::Wanted(_));
        if wanted {
            self.stage = Stage::UnderWay(now);
        }
        wanted
    }

    pub(super) fn under_way(&self, now: Instant) -> bool {
        matches!(self.stage(now), Stage::UnderWay(_))
    }

    /// The fetch is over: whether it brought keys.
    pub(super) fn end(&mut self, answered: bool, now: Instant) {
        self.stage = Stage::Idle;
        self.asked = Some(now);
        self.waiting = 0;
        self.answered = answered;
        if answered {
            self.came = Some(now);
        }
    }

    /// Keys came by another way.
    pub(super) fn replaced(&mut self, now: Instant) {
        self.came = Some(now);
        self.unknown.clear();
    }

    fn want(&mut self, pause: Duration, now: Instant) -> Advice {
        if matches!(self.stage(now), Stage::Idle) {
            if self.asked.is_some_and(|asked| now.saturating_duration_since(asked) < pause) {
                return Advice::Refuse;
            }
            self.stage = Stage::Wanted(now);
            self.asked = Some(now);
            self.waiting = 0;
        }
        if self.waiting >= MAX_WAITING {
            return Advice::Busy;
        }
        self.waiting += 1;
        Advice::Wait
    }

    fn stage(&self, now: Instant) -> Stage {
        match self.stage {
            Stage::Wanted(since) | Stage::UnderWay(since) if now.saturating_duration_since(since) >= LOST => {
                Stage::Idle
            }
            stage => stage,
        }
    }
}
