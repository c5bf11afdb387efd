//! Values that must not be printed: tokens behind a type that cannot be, phone numbers masked.

use secrecy::{ExposeSecret, SecretString};

/// A token or client secret. `Debug` prints `[REDACTED]`; the memory is wiped on drop.
#[derive(Debug, Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// Takes the value over.
    pub fn new(value: impl Into<String>) -> Self {
        Self(SecretString::from(value.into()))
    }

    /// The value itself, for the one place that sends it.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

/// `+12345678901` becomes `+*********01`: enough to recognise, not enough to dial.
pub fn mask_phone(number: &str) -> String {
    let shown_from = number.chars().count().saturating_sub(2);
    number
        .chars()
        .enumerate()
        .map(|(i, c)| if i >= shown_from || (i == 0 && c == '+') { c } else { '*' })
        .collect()
}
