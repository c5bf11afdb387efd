//! Values that must not be printed: tokens behind a type that cannot be, phone numbers masked.

use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};

/// A token or client secret. `Debug` prints `[REDACTED]`; clones share the memory, and the last one to go wipes it.
#[derive(Debug, Clone)]
pub struct Secret(Arc<SecretString>);

impl Secret {
    /// Takes the value over.
    pub fn new(value: impl Into<String>) -> Self {
        Self(Arc::new(SecretString::from(value.into())))
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

/// Free text with every phone number in it (`+` and seven digits or more) masked.
pub fn mask_phones(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('+') {
        let digits = after.bytes().take_while(u8::is_ascii_digit).count();
        let (number, following) = after.split_at(digits);
        masked.push_str(before);
        let number = format!("+{number}");
        masked.push_str(&if digits < 7 { number } else { mask_phone(&number) });
        rest = following;
    }
    masked + rest
}
