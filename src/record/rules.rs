//! Which value may stay. What is not known to be harmless goes: these objects are open, and may hold anything.

/// What becomes of a string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    /// One of a few words, or a number: stays.
    Word,
    /// Stays, unless it is somebody's telephone number or address.
    Id,
    /// The id of a call, a participant or an operation.
    OwnId,
    /// A path of ids.
    Path,
    /// An address of the bot: its query may hold a key.
    Callback,
    /// The chat of a meeting, which is the way into the meeting.
    Thread,
    /// A result in words, of which the diagnostic codes stay.
    Message,
    /// Somebody's number.
    Phone,
    /// Somebody's name.
    Name,
    /// Goes, even if it looks like an id.
    Secret,
    /// Anything else.
    Unknown,
}

const WORDS: &[&str] = &[
    "@odata.type",
    "@odata.context",
    "@odata.etag",
    "changeType",
    "state",
    "direction",
    "status",
    "code",
    "subcode",
    "audio",
    "video",
    "endpointType",
    "region",
    "mediaHostedRegion",
    "countryCode",
    "language",
    "languageId",
    "identityProvider",
    "requestedModalities",
    "acceptedModalities",
    "activeModalities",
    "presentedModalityTypes",
    "mediaType",
    "sourceId",
    "recordingStatus",
    "routingType",
    "routingPolicies",
    "routingMode",
    "targetDisposition",
    "terminationReason",
    "tone",
    "sequenceId",
    "rosterSequenceNumber",
    "completionReason",
    "meetingRole",
    "meetingCapability",
    "clientVersion",
    "callState",
    "operationOutcome",
    "type",
    "outcome",
];

const NAMES: &[&str] =
    &["displayName", "preferredDisplayName", "givenName", "surname", "name", "userPrincipalName"];

const SECRETS: &[&str] =
    &["token", "secret", "pass", "pin", "joinMeetingId", "joinUrl", "joinWebUrl", "teleconference"];

/// The rule for the member `name` of an object that is itself the member `parent`.
pub(super) fn rule(parent: &str, name: &str) -> Rule {
    let lower = name.to_ascii_lowercase();
    let any = |names: &[&str]| names.iter().any(|known| known.eq_ignore_ascii_case(name));
    match () {
        () if SECRETS.iter().any(|word| lower.contains(&word.to_ascii_lowercase())) => Rule::Secret,
        () if parent.eq_ignore_ascii_case("phone") && !lower.starts_with('@') => Rule::Phone,
        () if lower.contains("phone") => Rule::Phone,
        () if any(NAMES) => Rule::Name,
        () if any(WORDS) || lower.ends_with("datetime") => Rule::Word,
        () if any(&["resourceUrl", "resource", "@odata.id"]) => Rule::Path,
        () if lower == "callbackuri" => Rule::Callback,
        () if lower == "threadid" => Rule::Thread,
        () if lower == "message" => Rule::Message,
        () if lower == "id" && parent.eq_ignore_ascii_case("resourceData") => Rule::OwnId,
        () if lower.ends_with("id") => Rule::Id,
        () => Rule::Unknown,
    }
}

/// Whether a member's name says what it is, and not whose.
pub(super) fn is_plain_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"@._-#$".contains(&byte);
    name.len() <= 64 && name.bytes().all(plain) && (is_guid(name) || longest_number(name) < 7)
}

/// Whether it could be a word of an enumeration, a type, a version, a time or an id: nothing with a space or an `@` is.
pub(super) fn is_word(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:#/=+~$\"".contains(&byte);
    text.len() <= 256 && text.bytes().all(plain)
}

/// With or without dashes.
pub(super) fn is_guid(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_hexdigit).count();
    let dashes = text
        .bytes()
        .enumerate()
        .all(|(at, byte)| byte.is_ascii_hexdigit() || (byte == b'-' && [8, 13, 18, 23].contains(&at)));
    digits == 32 && dashes && (text.len() == 32 || text.len() == 36)
}

/// Of digits in a row.
pub(super) fn longest_number(text: &str) -> usize {
    text.split(|c: char| !c.is_ascii_digit()).map(str::len).max().unwrap_or_default()
}
