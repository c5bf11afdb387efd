//! From the `Authorization` header to a payload whose signature is right.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use super::{KeySet, Reason};
use crate::json;

/// Real tokens have 700 bytes.
const MAX_TOKEN: usize = 16 * 1024;
const MAX_KID: usize = 256;

/// A token of acceptable form; nothing in it is trusted yet.
pub(super) struct Token<'a> {
    /// What was signed: header and payload as they came.
    signed: &'a str,
    /// Still encoded.
    signature: &'a str,
    kid: String,
    payload: Vec<u8>,
}

impl<'a> Token<'a> {
    pub(super) fn read(authorization: &'a str) -> Result<Self, Reason> {
        // One space exactly: another parser might see a token where we see none.
        let (scheme, token) = authorization.split_once(' ').ok_or(Reason::Missing)?;
        if !scheme.eq_ignore_ascii_case("Bearer") {
            return Err(Reason::Missing);
        }
        if token.len() > MAX_TOKEN {
            return Err(Reason::Malformed);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(Reason::Malformed)?;
        let (header, payload) = signed.split_once('.').ok_or(Reason::Malformed)?;
        let header = decode(header)?;
        let payload = decode(payload)?;
        decode(signature)?;
        Ok(Self { signed, signature, kid: key_id(&header)?, payload })
    }

    pub(super) fn kid(&self) -> &str {
        &self.kid
    }

    /// The payload, if one of the keys of that id signed it.
    pub(super) fn verified_payload(&self, keys: &KeySet) -> Result<&[u8], Reason> {
        if keys.is_empty() {
            return Err(Reason::NoKeys);
        }
        if !keys.has_key(&self.kid) {
            return Err(Reason::UnknownKey);
        }
        if !keys.verify(&self.kid, self.signed.as_bytes(), self.signature) {
            return Err(Reason::Signature);
        }
        Ok(&self.payload)
    }
}

/// Strict: one text for one value, so no padding, no other alphabet, no stray bits, no fourth part's dot.
fn decode(part: &str) -> Result<Vec<u8>, Reason> {
    BASE64_URL_SAFE_NO_PAD.decode(part).map_err(|_| Reason::Malformed)
}

/// The key id of a header we accept.
///
/// `jku`, `x5u`, `jwk` and `x5c` are passed over: a key comes from the published set or not at all.
fn key_id(header: &[u8]) -> Result<String, Reason> {
    let Ok(Value::Object(header)) = json::parse(header) else { return Err(Reason::Header) };
    // Each of these changes what the signature covers; the sender never uses them.
    if ["crit", "zip", "b64"].iter().any(|name| header.contains_key(*name)) {
        return Err(Reason::Header);
    }
    if !optional_string(&header, "typ") || !optional_string(&header, "cty") {
        return Err(Reason::Header);
    }
    if header.get("alg").and_then(Value::as_str) != Some("RS256") {
        return Err(Reason::Algorithm);
    }
    match header.get("kid") {
        Some(Value::String(kid)) if !kid.is_empty() && kid.len() <= MAX_KID => Ok(kid.clone()),
        _ => Err(Reason::Header),
    }
}

fn optional_string(header: &Map<String, Value>, name: &str) -> bool {
    header.get(name).is_none_or(Value::is_string)
}
