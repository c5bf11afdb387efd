//! Keys and tokens of a Microsoft of our own.

use std::sync::LazyLock;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL;
use callredirect::verify::{KeySet, Verifier};
use serde_json::{Value, json};

pub(crate) const NOW: f64 = 1_790_000_000.0;
pub(crate) const APP: &str = "24701998-1a73-4d42-8085-bf46ed0ae039";
pub(crate) const TENANT: &str = "632899f8-2ea1-4604-8413-27bd2892079f";

pub(crate) static KEY: LazyLock<RsaKeyPair> =
    LazyLock::new(|| RsaKeyPair::generate(KeySize::Rsa2048).unwrap());
pub(crate) static OTHER: LazyLock<RsaKeyPair> =
    LazyLock::new(|| RsaKeyPair::generate(KeySize::Rsa3072).unwrap());

pub(crate) fn jwk(kid: &str, key: &RsaKeyPair) -> Value {
    let public = key.public_key();
    json!({
        "kty": "RSA", "kid": kid,
        "n": BASE64URL.encode(public.modulus().big_endian_without_leading_zero()),
        "e": BASE64URL.encode(public.exponent().big_endian_without_leading_zero()),
    })
}

pub(crate) fn with(mut object: Value, changes: Value) -> Value {
    for (name, value) in changes.as_object().unwrap() {
        object[name] = value.clone();
    }
    object
}

pub(crate) fn keys(list: &[Value]) -> KeySet {
    KeySet::from_json(&json!({ "keys": list }).to_string()).unwrap()
}

pub(crate) fn verifier() -> Verifier {
    Verifier::new(APP, Some(vec![TENANT.into()]), None, keys(&[jwk("k1", &KEY), jwk("k2", &OTHER)]))
}

pub(crate) fn header() -> Value {
    json!({"alg": "RS256", "kid": "k1", "typ": "JWT", "cty": "JWT", "x5t": "k1"})
}

pub(crate) fn payload() -> Value {
    json!({
        "tid": TENANT, "appid": "26a18ebc-cdf7-4a6a-91cb-beb352805e81", "nbf": 1_789_999_998, "exp": 1_790_000_298,
        "iss": "https://api.botframework.com", "aud": APP
    })
}

pub(crate) fn sign(key: &RsaKeyPair, header: &str, payload: &[u8]) -> String {
    let signed = format!("{}.{}", BASE64URL.encode(header), BASE64URL.encode(payload));
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature).unwrap();
    format!("{signed}.{}", BASE64URL.encode(signature))
}

pub(crate) fn token(header: &Value, payload: &Value) -> String {
    sign(&KEY, &header.to_string(), payload.to_string().as_bytes())
}
