//! Moments as RFC 3339 writes them: `2026-11-24T21:05:00.123456Z`.

const DAY: i64 = 86_400_000_000;

/// A moment, given in microseconds since 1970, in UTC.
pub(super) fn written(micros: i64) -> String {
    let (days, within) = (micros.div_euclid(DAY), micros.rem_euclid(DAY));
    let (year, month, day) = civil(days);
    let (seconds, fraction) = (within / 1_000_000, within % 1_000_000);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{fraction:06}Z")
}

/// Microseconds since 1970 of a moment with a time zone; `None` if it is none.
pub(super) fn read(text: &str) -> Option<i64> {
    let (date, rest) = text.split_once(['T', 't', ' '])?;
    let (time, offset) = rest.split_at(rest.find(['Z', 'z', '+', '-'])?);
    let mut date = date.splitn(3, '-').map(|part| part.parse::<i64>().ok());
    let days = days(date.next()??, within(date.next()??, 1, 12)?, within(date.next()??, 1, 31)?);
    let (clock, fraction) = time.split_once('.').unwrap_or((time, ""));
    let seconds = seconds(clock)? * 1_000_000 + micros(fraction)?;
    let ahead = match offset.split_at_checked(1)? {
        ("Z" | "z", "") => 0,
        ("+", ahead) => self::seconds(ahead)?,
        ("-", behind) => -self::seconds(behind)?,
        _ => return None,
    };
    Some(days * DAY + seconds - ahead * 1_000_000)
}

/// `21:05:00` or `21:05`
fn seconds(clock: &str) -> Option<i64> {
    let mut parts = clock.splitn(3, ':').map(|part| part.parse::<i64>().ok());
    let (hour, minute) = (within(parts.next()??, 0, 23)?, within(parts.next()??, 0, 59)?);
    let second = parts.next().map_or(Some(0), |second| within(second?, 0, 60))?;
    Some(hour * 3600 + minute * 60 + second)
}

/// What stands behind the point, of which no more than six digits count.
fn micros(fraction: &str) -> Option<i64> {
    let digits = fraction.bytes().all(|byte| byte.is_ascii_digit());
    format!("{fraction:0<6}").get(..6)?.parse().ok().filter(|_| digits)
}

fn within(value: i64, least: i64, most: i64) -> Option<i64> {
    (least..=most).contains(&value).then_some(value)
}

/// Year, month and day of a number of days since 1970. Years begin in March here, so that the leap day is the last.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let (era, day) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let date = day - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (era * 400 + year + next, month, date)
}

/// The inverse of [`civil`].
fn days(year: i64, month: i64, date: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let (era, year) = (year.div_euclid(400), year.rem_euclid(400));
    let day = year * 365 + year / 4 - year / 100 + (153 * month + 2) / 5 + date - 1;
    era * 146_097 + day - 719_468
}

#[cfg(test)]
mod tests {
    use super::{read, written};

    #[test]
    fn every_day_of_eight_centuries_is_read_as_written() {
        for day in -135_000..160_000_i64 {
            let micros = day * super::DAY + day.rem_euclid(86_400) * 1_000_001;
            assert_eq!(read(&written(micros)), Some(micros));
        }
    }

    #[test]
    fn moments_are_those_of_everybody_else() {
        assert_eq!(written(0), "1970-01-01T00:00:00.000000Z");
        assert_eq!(written(951_782_400_000_001), "2000-02-29T00:00:00.000001Z");
        for (text, micros) in [
            ("2000-02-29T00:00:00Z", 951_782_400_000_000),
            ("2000-02-29T01:30:00.5+01:30", 951_782_400_500_000),
            ("2000-02-28 22:00:00.1234567-02:00", 951_782_400_123_456),
        ] {
            assert_eq!(read(text), Some(micros), "{text}");
        }
        for text in
            ["", "2000", "2000-02-29", "2000-02-29T00:00:00", "2000-13-01T00:00:00Z", "2000-02-01T00:00:0xZ"]
        {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
