//! Whether to try again: the whole table, without a network.

use std::time::Duration;

use callredirect::send::retry::Happened::{
    Ambiguous, AmbiguousAndThrottled, NoWordOfTheCall, NotSent, Settled, StillRinging, Throttled,
    TokenRefused,
};
use callredirect::send::retry::Next::{After, Probe, RefreshToken, Stop};
use callredirect::send::retry::{
    Happened, MOST_SENT, Next, OnAmbiguous, SHORTEST_ATTEMPT, SHORTEST_PROBE, Situation, next,
};

/// One redirect has left, all else is as good as can be, and chance says the shortest wait.
const NOW: Situation = Situation {
    happened: Settled,
    sent: 1,
    in_vain: 1,
    token_renewed: false,
    time_left: Duration::from_secs(13),
    jitter: 0.0,
    on_ambiguous: OnAmbiguous::ProbeThenResend,
    budget: 500,
};

const ALL: [Happened; 10] = [
    NotSent,
    Throttled(None),
    Throttled(Some(Duration::from_secs(2))),
    TokenRefused,
    Settled,
    Ambiguous,
    AmbiguousAndThrottled,
    StillRinging,
    NoWordOfTheCall(None),
    NoWordOfTheCall(Some(Duration::from_secs(2))),
];

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

#[test]
fn the_table() {
    let rows = [
        // What never left is sent again, however often, with waits that stay short.
        (Situation { happened: NotSent, sent: 0, ..NOW }, After(ms(50))),
        (Situation { happened: NotSent, sent: 0, jitter: 0.5, ..NOW }, After(ms(75))),
        (Situation { happened: NotSent, sent: 0, in_vain: 2, ..NOW }, After(ms(100))),
        (Situation { happened: NotSent, sent: 0, in_vain: 3, ..NOW }, After(ms(125))),
        (Situation { happened: NotSent, sent: 0, in_vain: 40, ..NOW }, After(ms(125))),
        (Situation { happened: NotSent, sent: 0, in_vain: u32::MAX, jitter: 1.0, ..NOW }, After(ms(250))),
        (Situation { happened: NotSent, sent: 9, budget: 0, ..NOW }, After(ms(50))),
        (Situation { happened: NotSent, time_left: ms(300), ..NOW }, After(ms(50))),
        (Situation { happened: NotSent, time_left: ms(299), ..NOW }, Stop),
        (Situation { happened: NotSent, time_left: ms(0), ..NOW }, Stop),
        // Graph did nothing: again when it says, or else at growing distances.
        (Situation { happened: Throttled(None), ..NOW }, After(ms(50))),
        (Situation { happened: Throttled(None), sent: 2, ..NOW }, After(ms(13_000) / 24)),
        (Situation { happened: Throttled(None), sent: 2, jitter: 1.0, ..NOW }, After(ms(13_000) / 12)),
        (Situation { happened: Throttled(None), sent: 2, time_left: ms(600), ..NOW }, After(ms(50))),
        (Situation { happened: Throttled(None), sent: 3, ..NOW }, After(ms(13_000) * 5 / 12)),
        (Situation { happened: Throttled(None), sent: 3, jitter: 1.0, ..NOW }, After(ms(6500))),
        (Situation { happened: Throttled(None), sent: 3, time_left: ms(400), ..NOW }, After(ms(150))),
        (Situation { happened: Throttled(None), sent: 4, ..NOW }, Stop),
        (Situation { happened: Throttled(Some(ms(0))), ..NOW }, After(ms(50))),
        (Situation { happened: Throttled(Some(ms(0))), sent: 3, jitter: 1.0, ..NOW }, After(ms(6500))),
        (Situation { happened: Throttled(Some(ms(1))), sent: 3, ..NOW }, After(ms(50))),
        (Situation { happened: Throttled(Some(ms(2128))), ..NOW }, After(ms(2128))),
        (Situation { happened: Throttled(Some(ms(2128))), sent: 3, ..NOW }, After(ms(2128))),
        (Situation { happened: Throttled(Some(ms(12_750))), ..NOW }, After(ms(12_750))),
        (Situation { happened: Throttled(Some(ms(12_751))), ..NOW }, Stop),
        (Situation { happened: Throttled(Some(Duration::MAX)), ..NOW }, Stop),
        (Situation { happened: Throttled(Some(ms(1000))), time_left: ms(1250), ..NOW }, After(ms(1000))),
        (Situation { happened: Throttled(Some(ms(1000))), time_left: ms(1249), ..NOW }, Stop),
        (Situation { happened: Throttled(None), budget: 4, ..NOW }, Stop),
        (Situation { happened: Throttled(None), budget: 5, ..NOW }, After(ms(50))),
        (Situation { happened: Throttled(None), on_ambiguous: OnAmbiguous::Stop, ..NOW }, After(ms(50))),
        // Another token, once, and whatever else is going on.
        (Situation { happened: TokenRefused, ..NOW }, RefreshToken),
        (Situation { happened: TokenRefused, budget: 0, sent: 9, ..NOW }, RefreshToken),
        (Situation { happened: TokenRefused, token_renewed: true, ..NOW }, Stop),
        (Situation { happened: TokenRefused, time_left: ms(250), ..NOW }, RefreshToken),
        (Situation { happened: TokenRefused, time_left: ms(249), ..NOW }, Stop),
        // It may have arrived: ask first, or leave it.
        (Situation { happened: Ambiguous, ..NOW }, Probe(ms(50))),
        (Situation { happened: Ambiguous, sent: 2, ..NOW }, Probe(ms(13_000) / 24)),
        (Situation { happened: Ambiguous, sent: 3, time_left: ms(2000), ..NOW }, Probe(ms(500))),
        (Situation { happened: Ambiguous, sent: 4, ..NOW }, Stop),
        (Situation { happened: Ambiguous, time_left: ms(1550), ..NOW }, Probe(ms(50))),
        (Situation { happened: Ambiguous, time_left: ms(1549), ..NOW }, Stop),
        (Situation { happened: Ambiguous, budget: 4, ..NOW }, Stop),
        (Situation { happened: Ambiguous, on_ambiguous: OnAmbiguous::Stop, ..NOW }, Stop),
        (Situation { happened: AmbiguousAndThrottled, ..NOW }, Probe(ms(13_000) / 24)),
        (Situation { happened: AmbiguousAndThrottled, on_ambiguous: OnAmbiguous::Stop, ..NOW }, Stop),
        // It rings as before: at once, for the answer grows old.
        (Situation { happened: StillRinging, ..NOW }, After(ms(0))),
        (Situation { happened: StillRinging, budget: 0, ..NOW }, After(ms(0))),
        (Situation { happened: StillRinging, sent: 4, ..NOW }, Stop),
        (Situation { happened: StillRinging, time_left: ms(249), ..NOW }, Stop),
        // The question itself went wrong: it may be repeated.
        (Situation { happened: NoWordOfTheCall(None), ..NOW }, Probe(ms(50))),
        (Situation { happened: NoWordOfTheCall(None), in_vain: 3, ..NOW }, Probe(ms(13_000) * 5 / 12)),
        (Situation { happened: NoWordOfTheCall(None), in_vain: 4, ..NOW }, Stop),
        (Situation { happened: NoWordOfTheCall(Some(ms(1000))), ..NOW }, Probe(ms(1000))),
        (Situation { happened: NoWordOfTheCall(Some(ms(11_501))), ..NOW }, Stop),
        (Situation { happened: NoWordOfTheCall(None), budget: 4, ..NOW }, Stop),
        (Situation { happened: NoWordOfTheCall(None), time_left: ms(1549), ..NOW }, Stop),
        // It is settled.
        (NOW, Stop),
        (Situation { sent: 0, ..NOW }, Stop),
    ];
    for (situation, expected) in rows {
        assert_eq!(next(&situation), expected, "{situation:?}");
    }
}

/// Every combination of the inputs, in steps: the promises that hold for all of them.
#[test]
fn what_always_holds() {
    let mut seen = 0;
    for happened in ALL {
        for sent in 0..6 {
            for in_vain in [0, 1, 2, 3, 5, 50] {
                for left in [0, 50, 249, 250, 300, 301, 1500, 1549, 1600, 2250, 2251, 5000, 13_000] {
                    for jitter in [0.0, 0.3, 0.999_999, 1.0, f64::NAN, -5.0, 7.0] {
                        for (on_ambiguous, budget, token_renewed) in
                            [(OnAmbiguous::ProbeThenResend, 500, false), (OnAmbiguous::Stop, 4, true)]
                        {
                            let time_left = ms(left);
                            let situation = Situation {
                                happened,
                                sent,
                                in_vain,
                                token_renewed,
                                time_left,
                                jitter,
                                on_ambiguous,
                                budget,
                            };
                            holds(&situation, next(&situation));
                            seen += 1;
                        }
                    }
                }
            }
        }
    }
    assert!(seen > 60_000, "{seen}");
}

fn holds(now: &Situation, next: Next) {
    let says = format!("{now:?} {next:?}");
    match next {
        After(wait) => assert!(wait + SHORTEST_ATTEMPT <= now.time_left, "sleeps into the deadline: {says}"),
        Probe(wait) => assert!(wait + SHORTEST_PROBE <= now.time_left, "sleeps into the deadline: {says}"),
        RefreshToken => assert!(now.time_left >= SHORTEST_ATTEMPT && !now.token_renewed, "{says}"),
        Stop => {}
    }
    let may_have_arrived = matches!(now.happened, Ambiguous | AmbiguousAndThrottled | NoWordOfTheCall(_));
    assert!(!(may_have_arrived && matches!(next, After(_))), "sent again unasked: {says}");
    assert!(now.happened != Settled || next == Stop, "{says}");
    assert!((now.happened == TokenRefused) >= (next == RefreshToken), "{says}");
    if now.happened != NotSent && matches!(next, After(_) | Probe(_)) {
        assert!(now.sent < MOST_SENT, "{says}");
    }
    if matches!(next, Probe(_)) {
        assert!(may_have_arrived && now.on_ambiguous == OnAmbiguous::ProbeThenResend, "{says}");
    }
    if let (Throttled(Some(asked)), After(wait)) | (NoWordOfTheCall(Some(asked)), Probe(wait)) =
        (now.happened, next)
    {
        assert!(wait >= asked, "sooner than Graph allows: {says}");
    }
    if let (NotSent | Throttled(_), After(wait)) = (now.happened, next) {
        assert!(wait >= ms(50), "{says}");
    }
}

/// However chance has it, the last attempt comes after five seconds, and in time for its answer.
#[test]
fn an_outage_of_five_seconds_is_survived() {
    let chances = [0.0, 0.3, 0.999_999];
    for happened in [Throttled(None), Ambiguous, NoWordOfTheCall(None)] {
        for first in chances {
            for second in chances {
                for third in chances {
                    let mut time_left = ms(13_000);
                    for (jitter, nth) in [first, second, third].into_iter().zip(1..) {
                        let sent = if matches!(happened, NoWordOfTheCall(_)) { 1 } else { nth };
                        let now = Situation { happened, sent, in_vain: nth, time_left, jitter, ..NOW };
                        let (After(wait) | Probe(wait)) = next(&now) else { panic!("{now:?}") };
                        time_left -= wait;
                    }
                    assert!(time_left <= ms(8000) && time_left > ms(5000), "{happened:?} {time_left:?}");
                }
            }
        }
    }
}

#[test]
fn settings_have_names() {
    assert_eq!(OnAmbiguous::ALL.map(OnAmbiguous::name), ["probe_then_resend", "stop"]);
    assert_eq!(OnAmbiguous::default(), OnAmbiguous::ProbeThenResend);
}
