//! What stands in a recording for what must not: the same for the same value, and of no use without the key.

use aws_lc_rs::hmac;

/// Of a key, in bytes.
pub(super) const KEY_LENGTH: usize = 32;

/// Enough that a million numbers share none, and a number of fifteen digits at most, as E.164 has them.
const PHONE_DIGITS: u32 = 11;

/// Replaces values. A plain hash would not do: there are few telephone numbers, and all of them are soon tried.
#[derive(Debug)]
pub struct Pseudonyms(hmac::Key);

impl Pseudonyms {
    /// Made of a key that is kept elsewhere than the recording.
    pub fn new(key: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    /// For a value of any kind.
    pub(super) fn word(&self, value: &str) -> String {
        format!("{:010x}", self.number(value) >> 24)
    }

    /// For a telephone number, however it is spelled: country code 999 is nobody's, so that it is never dialled.
    pub(super) fn phone(&self, number: &str) -> String {
        let digits: String = number.chars().filter(char::is_ascii_digit).collect();
        let digits = if digits.is_empty() { number } else { &digits };
        let width = PHONE_DIGITS as usize;
        let own = self.number(digits) % 10_u64.pow(PHONE_DIGITS);
        format!("{}999{own:0width$}", if number.starts_with('+') { "+" } else { "" })
    }

    /// For a number of so many digits.
    pub(super) fn digits(&self, value: &str, count: u32) -> String {
        let least = 10_u64.pow(count.clamp(1, 18) - 1);
        (least + self.number(value) % (least * 9)).to_string()
    }

    fn number(&self, value: &str) -> u64 {
        let tag = hmac::sign(&self.0, value.as_bytes());
        tag.as_ref().iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
    }
}
