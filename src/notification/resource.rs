//! `resourceUrl`: which call a notification is about, and which part of it.

/// What follows `/calls/{id}` in a resource URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part<'a> {
    /// The call itself.
    Call,
    /// Its roster.
    Participants,
    /// The operation of that id.
    Operation(&'a str),
    /// Something else, such as `contentsharingsessions`.
    Other(&'a str),
}

/// `/communications/calls/{id}...`, also the older `/app/calls/{id}` and `/applications/{app}/calls/{id}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resource<'a> {
    /// The call id as it stands in the URL.
    pub call_id: &'a str,
    /// The part of the call.
    pub part: Part<'a>,
}

impl<'a> Resource<'a> {
    /// Reads a relative resource URL; anything absolute or with an id that could steer a request elsewhere is `None`.
    pub fn parse(url: &'a str) -> Option<Self> {
        // What nearly all are, as Graph spells it; the rest of this took a tenth of the whole reading.
        if let Some(call_id) = url.strip_prefix("/communications/calls/").filter(|rest| is_id(rest)) {
            return Some(Self { call_id, part: Part::Call });
        }
        let mut segments = url.strip_prefix('/').unwrap_or(url).split('/');
        match segments.next()? {
            root if root.eq_ignore_ascii_case("communications") || root.eq_ignore_ascii_case("app") => {}
            root if root.eq_ignore_ascii_case("applications") => {
                segments.next()?;
            }
            _ => return None,
        }
        if !segments.next()?.eq_ignore_ascii_case("calls") {
            return None;
        }
        let call_id = segments.next().filter(|id| is_id(id))?;
        let part = match (segments.next(), segments.next()) {
            (None | Some(""), None) => Part::Call,
            (Some(name), _) if name.eq_ignore_ascii_case("participants") => Part::Participants,
            (Some(name), Some(id)) if name.eq_ignore_ascii_case("operations") && is_id(id) => {
                Part::Operation(id)
            }
            (Some(name), _) if !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric()) => {
                Part::Other(name)
            }
            _ => return None,
        };
        Some(Self { call_id, part })
    }
}

/// Whether it is a plain path of something that is not a call: `/communications/onlineMeetings/1`, `/users/1`.
pub(super) fn is_other_resource(url: &str) -> bool {
    let plain = |segment: &str| {
        !segment.is_empty() && segment.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
    };
    url.len() <= 1024
        && url.strip_prefix('/').is_some_and(|path| path.split('/').all(plain))
        && !url.to_ascii_lowercase().contains("/calls")
}

/// Whether an id may become a path segment: letters, digits, `-`, `_`, at most 128 of them.
pub fn is_id(id: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    // All of it, without stopping: the compiler makes this a few instructions for many bytes.
    (1..=128).contains(&id.len()) && id.bytes().fold(true, |all, byte| all & fits(byte))
}

/// The id as a key: Graph writes the same GUID with and without dashes, in either case.
pub fn id_key(id: &str) -> String {
    id.chars().filter(|&c| c != '-').map(|c| c.to_ascii_lowercase()).collect()
}
