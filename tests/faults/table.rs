//! Every fault with what it must come to and what must be seen on the wire, connection by connection.

use std::time::Duration;

use callredirect::outcome::Verdict;

use crate::certificates::Bad;
use crate::frames::{goaway, rst_stream};
use crate::graph::Ending::{Answer, Close, Gigabyte, Half, Reset, Silence, Trickle};
use crate::graph::Fault::{
    self, BlackHole, Certificate, Frame, Greeting, NoName, Read, Refused, SlowName, Unread,
};
use crate::graph::Weather::{self, Always, Once, OnceActed};

/// How it must end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Accepted,
    Rejected(u16),
    Gone,
    Expired { sent: bool },
    Unknown { likely: bool },
}

impl End {
    pub(crate) fn of(verdict: &Verdict) -> Self {
        match verdict {
            Verdict::Accepted { .. } => Self::Accepted,
            Verdict::Rejected(refused) => Self::Rejected(refused.status),
            Verdict::CallGone(_) => Self::Gone,
            Verdict::Expired { sent, .. } => Self::Expired { sent: *sent },
            Verdict::Unknown { likely_delivered, .. } => Self::Unknown { likely: *likely_delivered },
        }
    }
}

/// One fault in one weather, how it must end and what the server must see: connections parted by `/`, those that
/// come once or more marked with `+`, and `or` where either will do.
pub(crate) type Case = (Weather, End, &'static str);

/// A fault.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) fault: Fault,
    pub(crate) cases: Vec<Case>,
}

const NOT_SENT: End = End::Expired { sent: false };
const LIKELY: End = End::Unknown { likely: true };
const UNSURE: End = End::Unknown { likely: false };

const NO_TLS: [Case; 2] = [(Once, End::Accepted, "no TLS / POST 202"), (Always, NOT_SENT, "no TLS+")];
const NO_CONNECTION: [Case; 2] = [(Once, End::Accepted, "POST 202"), (Always, NOT_SENT, "")];
const TURNED_AWAY: [Case; 2] =
    [(Once, End::Accepted, "POST frame / POST 202"), (Always, NOT_SENT, "POST frame+")];
/// It did not look, and wants to be spared: as often as after 429, not as after a connection that never came about.
const CALMED: [Case; 2] = [
    (Once, End::Accepted, "POST frame / POST 202"),
    (Always, NOT_SENT, "POST frame / POST frame / POST frame / POST frame"),
];
const THROTTLED: [Case; 2] = [
    (Once, End::Accepted, "POST 429 POST 202"),
    (Always, End::Rejected(429), "POST 429 POST 429 POST 429 POST 429"),
];

/// A server that says TLS 1.1 is the best it can.
pub(crate) const TLS_1_1: &[u8] = b"\x16\x03\x02\x00\x2a\x02\x00\x00\x26\x03\x02\
    0123456789abcdef0123456789abcdef\x00\xc0\x14\x00";

macro_rules! row {
    ($name:literal, $fault:expr, $cases:expr) => {
        Row { name: $name, fault: $fault, cases: $cases.to_vec() }
    };
}

pub(crate) fn rows() -> Vec<Row> {
    let early = [
        row!("name unknown", NoName, NO_CONNECTION),
        row!("name slow", SlowName(Duration::from_millis(1500)), NO_CONNECTION),
        row!("refused", Refused, NO_CONNECTION),
        row!("first address a black hole", BlackHole, NO_CONNECTION),
        row!("certificate expired", Certificate(Bad::Expired), NO_TLS),
        row!("certificate for another host", Certificate(Bad::OtherName), NO_TLS),
        row!("certificate signed by itself", Certificate(Bad::SelfSigned), NO_TLS),
        row!("certificate of an unknown authority", Certificate(Bad::UnknownAuthority), NO_TLS),
        row!("TLS 1.1 only", Greeting(TLS_1_1), NO_TLS),
        // Whether the client sees it before it writes is a race.
        row!(
            "closed before reading",
            Unread(Close),
            [(Once, End::Accepted, "close / GET 200 POST 202 or close / POST 202"),]
        ),
        row!(
            "reset before reading",
            Unread(Reset),
            [(Once, End::Accepted, "reset / GET 200 POST 202 or reset / POST 202"),]
        ),
    ];
    let after = [
        row!("closed after reading", Read(Close), ambiguous("POST close", true)),
        row!("reset after reading", Read(Reset), ambiguous("POST reset", true)),
        row!("half a response", Read(Half(b"HTTP/1.1 20")), ambiguous("POST half", true)),
        row!("silence", Read(Silence), until_the_end(ambiguous("POST gone", true))),
        row!("one byte a second", Read(Trickle(ACCEPTED)), until_the_end(ambiguous("POST gone", true))),
    ];
    let answers = [
        row!("429, again in 1 s", Read(Answer(with("429", "Retry-After: 1\r\n"))), THROTTLED),
        row!(
            "429, again in 20 s",
            Read(Answer(with("429", "Retry-After: 20\r\n"))),
            [(Once, End::Rejected(429), "POST 429")]
        ),
        row!("429, again at a date", Read(Answer(with("429", DATE))), THROTTLED),
        row!("429, again at nonsense", Read(Answer(with("429", "Retry-After: soon\r\n"))), THROTTLED),
        row!("500", Read(Answer(with("500", ""))), ambiguous("POST 500", false)),
        row!("502", Read(Answer(with("502", ""))), ambiguous("POST 502", false)),
        row!(
            "503",
            Read(Answer(with("503", ""))),
            [
                (Once, End::Accepted, "POST 503 / POST 202"),
                (Always, End::Rejected(503), "POST 503 / POST 503 / POST 503 / POST 503"),
            ]
        ),
        row!("504", Read(Answer(with("504", ""))), ambiguous("POST 504", false)),
        row!(
            "307 to elsewhere",
            Read(Answer(with("307", "Location: http://127.0.0.1:9/\r\n"))),
            [(Once, End::Rejected(307), "POST 307")]
        ),
        row!("a body of a gigabyte", Read(Gigabyte), [(Once, End::Rejected(403), "POST 403 gone")]),
    ];
    let http2 = [
        row!("GOAWAY below ours", frame(goaway!(last 0, reason 0)), TURNED_AWAY),
        row!("GOAWAY below ours, overloaded", frame(goaway!(last 0, reason 11)), CALMED),
        row!(
            "GOAWAY after ours, then closed",
            Frame { frame: goaway!(last 99, reason 0), close: true },
            ambiguous("POST frame close", true)
        ),
        row!("silence over HTTP/2", frame(&[]), until_the_end(ambiguous("POST frame", true))),
        row!("REFUSED_STREAM", frame(rst_stream!(reason 7)), TURNED_AWAY),
        row!("ENHANCE_YOUR_CALM", frame(rst_stream!(reason 11)), ambiguous("POST frame", true)),
    ];
    early.into_iter().chain(after).chain(answers).chain(http2).collect()
}

const ACCEPTED: &[u8] = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n";
const DATE: &str = "Retry-After: Wed, 21 Oct 2015 07:28:00 GMT\r\n";

fn frame(frame: &'static [u8]) -> Fault {
    Frame { frame, close: false }
}

fn with(status: &str, headers: &str) -> &'static str {
    format!("HTTP/1.1 {status} -\r\n{headers}Content-Length: 0\r\n\r\n").leak()
}

/// Asked whether the call still rings: sent again only if it does, four times at most.
fn ambiguous(seen: &str, new_connection: bool) -> [Case; 3] {
    let next = if new_connection { " / " } else { " " };
    let once = format!("{seen}{next}GET 200 POST 202");
    let acted = format!("{seen}{next}GET 404");
    let always =
        [seen.to_owned(), format!("GET 200 {seen}"), format!("GET 200 {seen}"), format!("GET 200 {seen}")];
    [
        (Once, End::Accepted, once.leak()),
        (OnceActed, LIKELY, acted.leak()),
        (Always, UNSURE, always.join(next).leak()),
    ]
}

/// Three seconds for each of four attempts are nearly all of the time there is: the deadline comes first.
fn until_the_end(mut cases: [Case; 3]) -> [Case; 3] {
    cases[2].1 = End::Expired { sent: true };
    cases
}
