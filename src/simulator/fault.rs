//! What goes wrong on purpose: every fault by its name, and when it strikes.

use std::time::Duration;

/// Where a fault strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// On a notification to the bot.
    Notification,
    /// On Graph's answer to a redirect.
    Graph,
}

macro_rules! faults {
    ($($(#[doc = $meaning:literal])* $fault:ident = $name:literal, $side:ident, $seconds:expr;)*) => {
        /// Something that goes wrong on purpose.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Fault {$(
            $(#[doc = $meaning])*
            $fault,
        )*}

        impl Fault {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$fault),*];

            /// The name in scenarios and in Python.
            pub fn name(self) -> &'static str {
                match self { $(Self::$fault => $name,)* }
            }

            /// What happens, in words.
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$fault => concat!($($meaning),*).trim_ascii(),)* }
            }

            /// Where it strikes.
            pub fn side(self) -> Side {
                match self { $(Self::$fault => Side::$side,)* }
            }

            /// The time it has when none is given; `None` for a fault that has no time to give.
            pub(super) fn default_seconds(self) -> Option<Duration> {
                match self { $(Self::$fault => $seconds.map(Duration::from_secs),)* }
            }
        }
    };
}

faults! {
    /// The notification comes twice at once, with one `X-Microsoft-Skype-Message-ID`.
    Duplicate = "duplicate", Notification, None;
    /// The notification comes after the next one of its call.
    Reorder = "reorder", Notification, None;
    /// The notification comes so many seconds late, while Graph's 15 seconds run.
    Delay = "delay", Notification, Some(2);
    /// The notification of the end never comes.
    LoseDeleted = "lose_deleted", Notification, None;
    /// The notification comes without a body.
    EmptyBody = "empty_body", Notification, None;
    /// The call comes in the Skype format from before Graph first; only a bot that answers 204 gets Graph's.
    LegacyFirst = "legacy_first", Notification, None;
    /// The notification's token has a signature that is not genuine.
    WrongToken = "wrong_token", Notification, None;
    /// The notification's token ended an hour ago.
    ExpiredToken = "expired_token", Notification, None;
    /// The notification is signed with a new key, published in this moment beside the old one.
    RotatedKeys = "rotated_keys", Notification, None;
    /// 429 with a `Retry-After` of so many seconds.
    Throttled = "throttled", Graph, Some(1);
    /// 503 with a `Retry-After` of so many seconds; none with 0.
    Unavailable = "unavailable", Graph, Some(0);
    /// 500, and nothing was done.
    ServerError = "server_error", Graph, None;
    /// 502, and nothing was done.
    BadGateway = "bad_gateway", Graph, None;
    /// 504, and nothing was done.
    GatewayTimeout = "gateway_timeout", Graph, None;
    /// Graph does what it was asked to and answers so many seconds late.
    Slow = "slow", Graph, Some(2);
    /// Graph reads the request, does nothing and never answers.
    Hang = "hang", Graph, None;
    /// Graph reads the request, does nothing and resets the connection.
    Reset = "reset", Graph, None;
    /// Graph redirects the call and resets the connection instead of saying so.
    AnswerLost = "answer_lost", Graph, None;
    /// 401: Graph does not take the token.
    Unauthorized = "unauthorized", Graph, None;
    /// 403, code 7503: the app is not registered for calls.
    NotRegistered = "not_registered", Graph, None;
    /// 403, code 7504: the tenant has not consented.
    MissingPermission = "missing_permission", Graph, None;
    /// 403, code 7505: the token is of another tenant than the call.
    WrongTenant = "wrong_tenant", Graph, None;
    /// 404, code 8522: the call is over.
    CallNotFound = "call_not_found", Graph, None;
}

/// A fault and when it strikes: each time when neither `nth` nor `probability` says otherwise.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FaultRule {
    /// What goes wrong.
    pub fault: Fault,
    /// Only on the nth notification of a call, or the nth redirect of it, counted from 1.
    pub nth: Option<u32>,
    /// In so many of the cases it might strike in, 0 to 1; which ones, the seed decides.
    pub probability: Option<f64>,
    /// How long or how late, for the faults that take a time.
    pub seconds: Option<Duration>,
}

impl FaultRule {
    /// Strikes each time.
    pub fn always(fault: Fault) -> Self {
        Self { fault, nth: None, probability: None, seconds: None }
    }

    /// How long or how late.
    pub(super) fn time(&self) -> Duration {
        self.seconds.or(self.fault.default_seconds()).unwrap_or_default()
    }
}

/// The faults of one call. Which of them strike depends on the seed, the call's place among all calls and the count
/// within the call, and on nothing that happens at the same time.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Faults {
    rules: Vec<FaultRule>,
    seed: u64,
}

impl Faults {
    pub(super) fn new(rules: Vec<FaultRule>, seed: u64, call: u64) -> Self {
        Self { rules, seed: mixed(seed ^ mixed(call)) }
    }

    /// Those that strike on the nth notification of the call, whose `changeType` is given.
    pub(super) fn on_notification(&self, nth: u32, change_type: &str) -> Vec<FaultRule> {
        let fits = |fault| match fault {
            Fault::LoseDeleted => change_type == "deleted",
            Fault::LegacyFirst => change_type == "created",
            _ => true,
        };
        self.striking(Side::Notification, nth).filter(|rule| fits(rule.fault)).collect()
    }

    /// The one that strikes on the nth redirect of the call.
    pub(super) fn on_redirect(&self, nth: u32) -> Option<FaultRule> {
        self.striking(Side::Graph, nth).next()
    }

    fn striking(&self, side: Side, nth: u32) -> impl Iterator<Item = FaultRule> + '_ {
        self.rules.iter().zip(0_u64..).filter_map(move |(rule, index)| {
            let strikes = rule.fault.side() == side
                && rule.nth.is_none_or(|wanted| wanted == nth)
                && rule.probability.is_none_or(|probability| self.chance(index, nth) < probability);
            strikes.then_some(*rule)
        })
    }

    /// A number from 0 to 1 that is the same in every run of the same seed.
    fn chance(&self, rule: u64, nth: u32) -> f64 {
        fastrand::Rng::with_seed(mixed(self.seed ^ mixed((rule << 32) | u64::from(nth)))).f64()
    }
}

/// `SplitMix64`: neighbouring seeds must not give neighbouring numbers.
fn mixed(seed: u64) -> u64 {
    let mut mixed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn struck(seed: u64, rule: FaultRule) -> Vec<u64> {
        let strikes = |call: &u64| Faults::new(vec![rule], seed, *call).on_redirect(1).is_some();
        (0..1000).filter(strikes).collect()
    }

    #[test]
    fn a_seed_decides_once_and_for_all_and_about_as_often_as_asked() {
        let rule = FaultRule { probability: Some(0.1), ..FaultRule::always(Fault::Reset) };
        assert_eq!(struck(7, rule), struck(7, rule));
        assert_ne!(struck(7, rule), struck(8, rule));
        assert!((70..130).contains(&struck(7, rule).len()), "{}", struck(7, rule).len());
        assert_eq!(struck(7, FaultRule { probability: Some(0.0), ..rule }).len(), 0);
        assert_eq!(struck(7, FaultRule { probability: Some(1.0), ..rule }).len(), 1000);
    }

    #[test]
    fn the_nth_is_counted_from_one_and_sides_do_not_mix() {
        let second = FaultRule { nth: Some(2), ..FaultRule::always(Fault::Throttled) };
        let faults = Faults::new(vec![FaultRule::always(Fault::LoseDeleted), second], 0, 0);
        let struck: Vec<_> = (1..4).map(|nth| faults.on_redirect(nth).is_some()).collect();
        assert_eq!(struck, [false, true, false]);
        assert_eq!(faults.on_notification(1, "created"), []);
        assert_eq!(faults.on_notification(2, "deleted"), [FaultRule::always(Fault::LoseDeleted)]);
    }

    #[test]
    fn names_are_unlike_and_have_a_meaning() {
        let names: std::collections::HashSet<_> = Fault::ALL.iter().map(|fault| fault.name()).collect();
        assert_eq!(names.len(), Fault::ALL.len());
        assert!(Fault::ALL.iter().all(|fault| fault.meaning().ends_with('.')));
    }
}
