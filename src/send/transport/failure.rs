//! Why nothing came back, and whether the server said that it had not looked.

use std::error::Error;
use std::fmt::Display;

use hyper_util::client::legacy;

/// Nothing came back: why, in words without addresses or secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure(pub String);

impl Failure {
    /// The innermost cause, which is the one that tells ("Connection refused"), and the stage it happened in.
    pub(super) fn of(error: &legacy::Error) -> Self {
        let stage = match () {
            () if error.is_connect() => "could not connect",
            () if Word::of(error).unread => "the server turned it away unread",
            () => "the connection broke",
        };
        let cause = causes(error).last();
        Self(cause.map_or_else(|| stage.to_owned(), |cause| format!("{stage}: {cause}")))
    }

    pub(super) fn unsendable(error: impl Display) -> Self {
        Self(format!("could not build the request: {error}"))
    }
}

/// What a server says of a request that it does not answer, in HTTP/2's terms.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Word {
    /// It did not and will not act on it (RFC 9113, 8.7): it refused the stream, or it goes away having looked at
    /// earlier streams only. Its reason for going does not matter then.
    pub(super) unread: bool,
    /// It has had enough of them for now.
    pub(super) busy: bool,
}

impl Word {
    pub(super) fn of(error: &legacy::Error) -> Self {
        match causes(error).find_map(|cause| cause.downcast_ref::<h2::Error>()) {
            Some(error) if error.is_remote() => Self {
                // A stream that the server's last one covers ends in an I/O error instead of its going away.
                unread: error.is_go_away()
                    || error.is_reset() && error.reason() == Some(h2::Reason::REFUSED_STREAM),
                busy: error.reason() == Some(h2::Reason::ENHANCE_YOUR_CALM),
            },
            _ => Self::default(),
        }
    }
}

fn causes(error: &legacy::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    let mut next = error.source();
    std::iter::from_fn(move || {
        let cause = next?;
        next = cause.source();
        Some(cause)
    })
}
