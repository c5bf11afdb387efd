//! Why nothing came back, and whether the server said that it had not looked.

use std::error::Error;

/// Nothing came back: why, in words without addresses or secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure(pub String);

impl Failure {
    /// The innermost cause, which is the one that tells ("Connection refused"), and the stage it happened in.
    pub(super) fn of(error: &reqwest::Error) -> Self {
        let stage = match () {
            () if error.is_connect() => "could not connect",
            () if error.is_timeout() => "timed out",
            () if error.is_builder() => "could not build the request",
            () => match Word::of(error) {
                Some(Word::Unread) => "the server turned it away unread",
                Some(Word::Busy) => "the server wants fewer requests",
                None => "the connection broke",
            },
        };
        let cause = causes(error).last();
        Self(cause.map_or_else(|| stage.to_owned(), |cause| format!("{stage}: {cause}")))
    }
}

/// What a server says of a request that it does not answer, in HTTP/2's terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    /// It did not and will not act on it (RFC 9113, 8.7): it refused the stream, or it goes away having looked at
    /// earlier streams only. Its reason for going does not matter then.
    Unread,
    /// It has had enough of them. Whether it acted on this one it does not say.
    Busy,
}

impl Word {
    pub(super) fn of(error: &reqwest::Error) -> Option<Self> {
        let error = causes(error).find_map(|cause| cause.downcast_ref::<h2::Error>())?;
        match error.reason() {
            _ if !error.is_remote() => None,
            // A stream that the server's last one covers ends in an I/O error instead.
            _ if error.is_go_away() => Some(Self::Unread),
            Some(h2::Reason::REFUSED_STREAM) if error.is_reset() => Some(Self::Unread),
            Some(h2::Reason::ENHANCE_YOUR_CALM) => Some(Self::Busy),
            _ => None,
        }
    }
}

fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    let mut next = error.source();
    std::iter::from_fn(move || {
        let cause = next?;
        next = cause.source();
        Some(cause)
    })
}
