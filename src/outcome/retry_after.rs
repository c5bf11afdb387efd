//! `Retry-After`: seconds, which Graph writes with fractions, too, or a date.

use std::time::{Duration, UNIX_EPOCH};

/// How long to wait. `now` is the wall clock in seconds since 1970; a date that has passed is no wait. Anything else
/// is as if it were not there.
pub(crate) fn read(text: &str, now: f64) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let date = httpdate::parse_http_date(text).ok()?.duration_since(UNIX_EPOCH).ok()?;
    Duration::try_from_secs_f64((date.as_secs_f64() - now).max(0.0)).ok()
}
