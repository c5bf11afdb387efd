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
            () if disowned(error) => "the server turned it away unread",
            () => "the connection broke",
        };
        let cause = causes(error).last();
        Self(cause.map_or_else(|| stage.to_owned(), |cause| format!("{stage}: {cause}")))
    }
}

/// The server's word, in HTTP/2's terms, that it did not and will not act on the request (RFC 9113, 8.7): it refused
/// the stream, or it went away having looked at earlier streams only. Its reason for going does not matter then.
pub(super) fn disowned(error: &reqwest::Error) -> bool {
    causes(error).filter_map(|cause| cause.downcast_ref::<h2::Error>()).any(|error| {
        // A stream that the server's last one covers ends in an I/O error instead, and is not among these.
        error.is_remote()
            && (error.is_go_away() || error.is_reset() && error.reason() == Some(h2::Reason::REFUSED_STREAM))
    })
}

fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    let mut next = error.source();
    std::iter::from_fn(move || {
        let cause = next?;
        next = cause.source();
        Some(cause)
    })
}
