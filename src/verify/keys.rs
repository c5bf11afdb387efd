//! The keys Microsoft publishes, as far as they may sign notifications.

use std::collections::HashMap;
use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, crypto};
use serde_json::{Map, Value};

use crate::ParseError;
use crate::json;

/// A published set has a few kilobytes.
const MAX_TEXT: usize = 256 * 1024;
/// Below, RSA is breakable; above, checking costs more than a notification may.
const KEY_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;
/// Two keys of one id happen while keys change; more would be an invitation to make us work.
const MAX_SAME_ID: usize = 4;

/// Public RSA keys by key id.
#[derive(Clone, Default)]
pub struct KeySet {
    keys: HashMap<String, Vec<DecodingKey>>,
}

impl KeySet {
    /// Reads a JSON Web Key Set.
    ///
    /// Keys that cannot have signed a notification are passed over: other types, fewer than 2048 bits, meant for
    /// encryption or another algorithm, without an id. An error means the text is no key set at all.
    pub fn from_json(text: &str) -> Result<Self, ParseError> {
        if text.len() > MAX_TEXT {
            return Err(ParseError::unplaced(format!("a key set of more than {MAX_TEXT} bytes")));
        }
        let doc = json::read(text.as_bytes())?;
        let value = doc.root().strict()?;
        let Some(published) = value.get("keys").and_then(Value::as_array) else {
            let fault = doc.root().get("keys").unwrap_or(doc.root());
            return Err(fault.fault("a key set is an object with an array `keys`"));
        };
        let mut keys: HashMap<_, Vec<_>> = HashMap::new();
        for (kid, key) in published.iter().filter_map(Value::as_object).filter_map(usable_key) {
            let same_id = keys.entry(kid).or_default();
            if same_id.len() < MAX_SAME_ID {
                same_id.push(key);
            }
        }
        Ok(Self { keys })
    }

    /// Whether a usable key has this id.
    pub fn has_key(&self, kid: &str) -> bool {
        self.keys.contains_key(kid)
    }

    /// Ids of the usable keys, in no order.
    pub fn key_ids(&self) -> impl Iterator<Item = &str> {
        self.keys.keys().map(String::as_str)
    }

    /// Whether there is no usable key.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Whether a key of this id made this RS256 signature (base64url) of the message.
    pub(super) fn verify(&self, kid: &str, message: &[u8], signature: &str) -> bool {
        let keys = self.keys.get(kid).map(Vec::as_slice).unwrap_or_default();
        keys.iter().any(|key| crypto::verify(signature, message, key, Algorithm::RS256).unwrap_or(false))
    }
}

/// Ids only: moduli are public but long.
impl fmt::Debug for KeySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.key_ids()).finish()
    }
}

fn usable_key(jwk: &Map<String, Value>) -> Option<(String, DecodingKey)> {
    let text = |name: &str| jwk.get(name).and_then(Value::as_str);
    let absent_or =
        |name: &str, wanted: &str| jwk.get(name).is_none_or(|value| value.as_str() == Some(wanted));
    let may_verify = jwk.get("key_ops").is_none_or(|operations| {
        operations
            .as_array()
            .is_some_and(|operations| operations.iter().any(|name| name.as_str() == Some("verify")))
    });
    if text("kty") != Some("RSA") || !absent_or("use", "sig") || !absent_or("alg", "RS256") || !may_verify {
        return None;
    }
    let kid = text("kid").filter(|kid| !kid.is_empty())?;
    let modulus = unsigned(text("n")?)?;
    let exponent = unsigned(text("e")?)?;
    let bits = modulus.len() * 8 - usize::try_from(modulus.first()?.leading_zeros()).ok()?;
    let odd = |number: &[u8]| number.last().is_some_and(|byte| byte % 2 == 1);
    // With an exponent of 1 everybody can sign.
    if !KEY_BITS.contains(&bits) || !odd(&modulus) || !odd(&exponent) || exponent == [1] || exponent.len() > 4
    {
        return None;
    }
    Some((kid.to_owned(), DecodingKey::from_rsa_raw_components(&modulus, &exponent)))
}

/// Big-endian without leading zeros, which some publishers leave in.
fn unsigned(text: &str) -> Option<Vec<u8>> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
    let significant = bytes.iter().position(|byte| *byte != 0)?;
    bytes.get(significant..).map(<[u8]>::to_vec)
}
