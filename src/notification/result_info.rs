//! Result codes: how a call or an operation ended, in words.
//!
//! Sources: *call: delete*, call end reason codes; threads of people who met the others. The lists are incomplete, so
//! a code without words is no error.

use crate::json::Node;

/// A result code with its subcode.
#[derive(Clone, Copy)]
pub struct ResultInfo<'a>(pub Node<'a>);

impl<'a> ResultInfo<'a> {
    /// Like an HTTP status; `None` if it is no number.
    pub fn code(self) -> Option<i64> {
        self.0.get("code")?.as_int()
    }

    /// The subcode as it came, under either of its names.
    pub fn subcode(self) -> Option<Node<'a>> {
        self.0.get("subcode").or_else(|| self.0.get("subCode"))
    }

    /// What the codes mean.
    pub fn reason(self) -> Option<&'static str> {
        reason(self.code()?, self.subcode().and_then(Node::as_int))
    }
}

/// What a code and subcode mean.
pub fn reason(code: i64, subcode: Option<i64>) -> Option<&'static str> {
    let exact = subcode.and_then(|subcode| {
        REASONS.iter().find(|(c, s, _)| (*c, *s) == (code, subcode)).map(|(_, _, words)| *words)
    });
    exact.or(match code {
        200 => Some("ended normally"),
        408 => Some("nobody answered in time"),
        410 => Some("the media connection failed"),
        480 => Some("the callee could not be reached"),
        500..=599 => Some("the service or the bot failed"),
        _ => None,
    })
}

const REASONS: [(i64, i64, &str); 48] = [
    (0, 5002, "all others left"),
    (0, 7015, "the transfer completed"),
    (200, 0, "completed"),
    (200, 4097, "ended by another participant"),
    (200, 4521, "the other party ended the call"),
    (200, 5000, "removed by another participant"),
    (200, 5001, "the conversation ended"),
    (200, 5002, "all others left"),
    (200, 5003, "the conversation ended"),
    (200, 5007, "the one who started the group call left"),
    (200, 5010, "only one participant was left"),
    (200, 5012, "no participants in the incoming roster"),
    (200, 5013, "nobody joined"),
    (200, 5014, "nobody who could be the host was left"),
    (200, 5020, "only hidden participants were left"),
    (200, 5030, "the longest duration of a call was reached"),
    (200, 5300, "removed by another participant"),
    (200, 5855, "waited too long in the lobby"),
    (200, 7000, "ended by the bot"),
    (200, 7015, "the transfer completed"),
    (200, 8515, "the longest duration of a recording was reached"),
    (200, 10550, "ended by the bot"),
    (200, 18503, "the other party left"),
    (200, 540_000, "ended by the person on the phone"),
    (200, 560_000, "ended by the person on the phone"),
    (400, 2203, "not documented; people met it with calls that hung up for no visible reason"),
    (400, 8508, "the operation was cancelled"),
    (400, 8541, "the callee could not be reached"),
    (403, 10151, "the call lacks what dialling a phone needs"),
    (404, 8522, "the call was not found: it has ended"),
    (408, 1106, "the acceptance of the call was never confirmed"),
    (408, 8537, "no keepAlive came in time"),
    (408, 8544, "the callee could not be reached: the bot did not answer in time"),
    (408, 10057, "no signal from the callee's devices"),
    (408, 13025, "not documented; a time-out"),
    (410, 301_005, "the media connection failed"),
    (412, 9999, "the phone could not be invited"),
    (412, 10073, "the one who pays for the phone call has no calling plan"),
    (480, 10037, "the callee has no device signed in"),
    (480, 10076, "the callee could not be reached"),
    (480, 10134, "the call could not be routed"),
    (480, 10199, "the callee does not take private calls"),
    (500, 1005, "the bot's media connection failed"),
    (500, 3003, "not documented; people met it with calls that hung up for no visible reason"),
    (500, 7000, "the transfer failed"),
    (500, 7106, "not documented; people met it right after answering a call"),
    (500, 7700, "the transfer failed"),
    (500, 560_500, "not documented; people met it with phone calls"),
];
