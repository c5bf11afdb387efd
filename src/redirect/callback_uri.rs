//! Rules of `callbackUri`.

use url::{ParseError, Url};

use super::Severity;

const USER_INFO: (&str, &str, Severity) = (
    "callback_uri_user_info",
    "the callback URI carries a user name or password; remove everything up to the @",
    Severity::Error,
);

/// Code, message, severity of each broken rule. No message quotes the URI: it may hold a key.
pub(super) fn faults(uri: &str) -> Vec<(&'static str, &'static str, Severity)> {
    use Severity::{Error, Warning};

    let mut found = Vec::new();
    // Looked for in the text itself: the URL standard repairs these silently, and Graph may repair them otherwise.
    if uri.chars().any(|c| c.is_control() || c.is_whitespace() || c == '\\') {
        found.push((
            "callback_uri_characters",
            "the callback URI contains white space, a control character or a backslash; remove or percent-encode it",
            Error,
        ));
    }
    let url = match Url::parse(uri) {
        Ok(url) => url,
        Err(error) => {
            found.push(match error {
                ParseError::EmptyHost => ("callback_uri_host", "the callback URI has no host", Error),
                ParseError::RelativeUrlWithoutBase => (
                    "callback_uri_not_https",
                    "the callback URI must be absolute and begin with https://",
                    Error,
                ),
                _ => ("callback_uri_invalid", "the callback URI is not a valid URL", Error),
            });
            return found;
        }
    };
    if url.scheme() != "https" {
        found.push(("callback_uri_not_https", "the callback URI must begin with https://", Error));
        if !url.username().is_empty() || url.password().is_some() {
            found.push(USER_INFO);
        }
        return found;
    }
    match authority(uri.trim_start()) {
        None | Some("") => {
            found.push(("callback_uri_host", "the callback URI has no host after https://", Error));
        }
        Some(authority) if authority.contains('@') => found.push(USER_INFO),
        Some(_) => {}
    }
    if url.fragment().is_some() {
        found.push((
            "callback_uri_fragment",
            "the part of the callback URI after # is never sent to you",
            Warning,
        ));
    }
    found
}

/// What stands between `https://` and the path. The URL standard also reads `https:host` and `https:///host`.
fn authority(uri: &str) -> Option<&str> {
    let (scheme, rest) = uri.split_once("://")?;
    if !scheme.eq_ignore_ascii_case("https") {
        return None;
    }
    rest.split(['/', '\\', '?', '#']).next()
}

/// The URI as it may be shown: without user information and query, where keys are kept. Also where it is no valid URL,
/// for whoever prints it wants to know why: a password with a `/`, `?` or `#` in it ends the host too early, so the last
/// `@` of all counts then.
pub fn masked_uri(uri: &str) -> String {
    let broken = Url::parse(uri).is_err();
    let user_end = uri.rfind('@').filter(|_| broken).unwrap_or(0);
    let query =
        uri.get(user_end..).and_then(|rest| rest.find(['?', '#'])).map_or(uri.len(), |at| user_end + at);
    let (shown, hidden) = uri.split_at(query);
    let scheme = shown.split_once(':').filter(|(scheme, _)| !scheme.contains(['/', '?', '#']));
    let rest = scheme.map_or(shown, |(_, rest)| rest).trim_start_matches(['/', '\\']);
    let before = shown.strip_suffix(rest).unwrap_or_default();
    let host = if broken { Some(rest) } else { rest.split('/').next() };
    let shown = match host.and_then(|host| rest.get(host.rfind('@')?..)) {
        Some(host) => format!("{before}***{host}"),
        None => shown.to_owned(),
    };
    if hidden.is_empty() { shown } else { format!("{shown}?***") }
}
