//! What must hold for any token at all, decided a second time, slowly and by other means than the verifier's.
//! The fuzz target and `replay.rs` both call [`check`].

use std::collections::HashSet;
use std::sync::LazyLock;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair, RsaPublicKeyComponents,
};
use base64::Engine as _;
use base64::prelude::{BASE64_URL_SAFE, BASE64_URL_SAFE_NO_PAD};
use callredirect::verify::{Claims, KeySet, Verifier};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Value, json};

const APP: &str = "24701998-1a73-4d42-8085-bf46ed0ae039";
const TENANT: &str = "632899f8-2ea1-4604-8413-27bd2892079f";
const NOW: f64 = 1_790_000_000.0;

static KEY: LazyLock<RsaKeyPair> = LazyLock::new(|| RsaKeyPair::generate(KeySize::Rsa2048).unwrap());
static VERIFIER: LazyLock<Verifier> = LazyLock::new(|| {
    let encode = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
    let (modulus, exponent) = components();
    let jwk = json!({"kty": "RSA", "kid": "k1", "n": encode(&modulus), "e": encode(&exponent)});
    let keys = KeySet::from_json(&json!({ "keys": [jwk] }).to_string()).unwrap();
    Verifier::new(APP, Some(vec![TENANT.into()]), None, keys)
});

fn components() -> (Vec<u8>, Vec<u8>) {
    let public = KEY.public_key();
    let bytes = |number: &[u8]| number.to_vec();
    (
        bytes(public.modulus().big_endian_without_leading_zero()),
        bytes(public.exponent().big_endian_without_leading_zero()),
    )
}

/// Two lines are a header and a payload, which are signed; anything else is the value of `Authorization` itself.
pub(crate) fn check(bytes: &[u8]) {
    if let Some(at) = bytes.iter().position(|byte| *byte == b'\n') {
        judge(&format!("Bearer {}", sign(&bytes[..at], &bytes[at + 1..])));
    }
    judge(&String::from_utf8_lossy(bytes));
}

/// The verifier's verdict, which must be the oracle's.
pub(crate) fn judge(authorization: &str) -> Option<Claims> {
    let verdict = VERIFIER.verify(authorization, NOW);
    assert_eq!(verdict.is_ok(), acceptable(authorization).is_some(), "{verdict:?} for {authorization:?}");
    verdict.ok()
}

pub(crate) fn sign(header: &[u8], payload: &[u8]) -> String {
    let encode = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
    let signed = format!("{}.{}", encode(header), encode(payload));
    let mut signature = vec![0; KEY.public_modulus_len()];
    KEY.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature).unwrap();
    format!("{signed}.{}", encode(&signature))
}

fn acceptable(authorization: &str) -> Option<()> {
    let token = authorization.get(7..)?;
    holds(
        authorization[..7].to_lowercase() == "bearer " && authorization.is_ascii() && token.len() <= 16_384,
    )?;
    let parts: Vec<_> = token.split('.').collect();
    let [header, payload, signature] = parts.as_slice() else { return None };
    // Padding is added for a decoder that wants it: the verifier's wants none.
    let decode = |part: &str| {
        let padded = format!("{part}{}", "=".repeat((4 - part.len() % 4) % 4));
        let bytes = BASE64_URL_SAFE.decode(padded).ok()?;
        (BASE64_URL_SAFE_NO_PAD.encode(&bytes) == part).then_some(bytes)
    };
    let (header, payload, signature) = (decode(header)?, decode(payload)?, decode(signature)?);
    let (n, e) = components();
    let signed = &token[..token.rfind('.')?];
    RsaPublicKeyComponents { n, e }
        .verify(&RSA_PKCS1_2048_8192_SHA256, signed.as_bytes(), &signature)
        .ok()?;

    let header = object(&header)?;
    holds(header["alg"] == "RS256" && header["kid"] == "k1")?;
    holds(["crit", "zip", "b64"].iter().all(|name| header.get(name).is_none()))?;
    holds(["typ", "cty"].iter().all(|name| header.get(name).is_none_or(Value::is_string)))?;

    let claims = object(&payload)?;
    holds(claims["iss"] == "https://api.botframework.com" || claims["iss"] == "https://graph.microsoft.com")?;
    holds(claims["aud"] == APP && claims["tid"] == TENANT)?;
    holds(claims.get("appid").is_none_or(|id| id.as_str().is_some_and(|id| !id.is_empty())))?;
    holds(claims["exp"].as_f64()? + 300.0 > NOW)?;
    holds(claims.get("nbf").is_none_or(|nbf| nbf.as_f64().is_some_and(|nbf| nbf <= NOW + 300.0)))?;
    holds(claims.get("iat").is_none_or(Value::is_number))
}

fn holds(condition: bool) -> Option<()> {
    condition.then_some(())
}

/// An object without duplicate members anywhere in it, at most 64 deep.
fn object(bytes: &[u8]) -> Option<Value> {
    serde_json::from_slice::<Unique>(bytes).ok()?;
    let value: Value = serde_json::from_slice(bytes).ok()?;
    (value.is_object() && depth(&value) <= 64).then_some(value)
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// Anything at all, as long as no object in it says one name twice.
struct Unique;

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for Unique {
    type Value = Self;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JSON without duplicate members")
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self, A::Error> {
        while items.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self, A::Error> {
        let mut names = HashSet::new();
        while let Some(name) = members.next_key::<String>()? {
            if !names.insert(name) {
                return Err(serde::de::Error::custom("one name twice"));
            }
            members.next_value::<Self>()?;
        }
        Ok(self)
    }
}
