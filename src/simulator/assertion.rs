//! Whether a signed assertion comes from a registered certificate: checked for real.

use aws_lc_rs::digest::{self, SHA1_FOR_LEGACY_USE_ONLY, SHA256};
use aws_lc_rs::signature::{
    RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256, RsaParameters, UnparsedPublicKey,
};
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use serde_json::Value;

/// How far clocks may differ, in seconds.
const SKEW: f64 = 300.0;

/// A certificate as an app registration keeps it: the public half.
#[derive(Debug)]
pub(super) struct Registered {
    /// `SubjectPublicKeyInfo`, DER.
    key: Vec<u8>,
    sha1: String,
    sha256: String,
}

pub(super) enum BadAssertion {
    /// Unknown certificate, or not signed by it.
    Signature,
    /// Too old, or not yet valid.
    Time,
    /// For another endpoint, or of another app.
    Claims,
}

impl Registered {
    /// The first certificate of a PEM text; `None` if there is none that can be read.
    pub(super) fn from_pem(pem: &str) -> Option<Self> {
        let body = pem.split_once("-----BEGIN CERTIFICATE-----")?.1.split_once("-----END")?.0;
        let text: String = body.split_ascii_whitespace().collect();
        let der = BASE64_STANDARD.decode(text).ok()?;
        let thumbprint = |algorithm| BASE64_URL_SAFE_NO_PAD.encode(digest::digest(algorithm, &der));
        Some(Self {
            key: public_key(&der)?.to_vec(),
            sha1: thumbprint(&SHA1_FOR_LEGACY_USE_ONLY),
            sha256: thumbprint(&SHA256),
        })
    }

    /// `endpoint` is host and path of the token endpoint, `now` in seconds since 1970.
    pub(super) fn check(
        registered: &[Self],
        assertion: &str,
        app_id: &str,
        endpoint: &str,
        now: f64,
    ) -> Result<(), BadAssertion> {
        let claims = signed_claims(registered, assertion).ok_or(BadAssertion::Signature)?;
        let time = |name: &str| claims.get(name).and_then(Value::as_f64);
        let begun = time("nbf").or_else(|| time("iat")).is_none_or(|begins| begins <= now + SKEW);
        if !begun || time("exp").is_none_or(|ends| ends + SKEW < now) {
            return Err(BadAssertion::Time);
        }
        let is = |name: &str, wanted: &str| claims.get(name).and_then(Value::as_str) == Some(wanted);
        let here = |scheme: &str| is("aud", &format!("{scheme}://{endpoint}"));
        if is("iss", app_id)
            && is("sub", app_id)
            && (here("https") || here("http"))
            && claims.contains_key("jti")
        {
            Ok(())
        } else {
            Err(BadAssertion::Claims)
        }
    }
}

fn signed_claims(registered: &[Registered], assertion: &str) -> Option<serde_json::Map<String, Value>> {
    let (message, signature) = assertion.rsplit_once('.')?;
    let (header, claims) = message.split_once('.')?;
    // Microsoft's own Python library leaves the padding in, which has no place there.
    let decode = |part: &str| BASE64_URL_SAFE_NO_PAD.decode(part.trim_end_matches('=')).ok();
    let header: Value = serde_json::from_slice(&decode(header)?).ok()?;
    let named = |name: &str| header.get(name).and_then(Value::as_str);
    let has = |name: &str, known: &str| named(name).is_some_and(|given| given.trim_end_matches('=') == known);
    let certificate =
        registered.iter().find(|known| has("x5t#S256", &known.sha256) || has("x5t", &known.sha1))?;
    let algorithm: &RsaParameters = match named("alg")? {
        "PS256" => &RSA_PSS_2048_8192_SHA256,
        "RS256" => &RSA_PKCS1_2048_8192_SHA256,
        _ => return None,
    };
    let key = UnparsedPublicKey::new(algorithm, &certificate.key);
    key.verify(message.as_bytes(), &decode(signature)?).ok()?;
    serde_json::from_slice(&decode(claims)?).ok()
}

/// `Certificate ::= { TBSCertificate ::= { [0] version?, serial, algorithm, issuer, validity, subject, key, ... } ... }`
fn public_key(der: &[u8]) -> Option<&[u8]> {
    let certificate = element(der)?.content;
    let mut rest = element(certificate)?.content;
    if rest.first() == Some(&0xa0) {
        rest = element(rest)?.after;
    }
    for _ in 0..5 {
        rest = element(rest)?.after;
    }
    Some(element(rest)?.whole)
}

struct Element<'a> {
    whole: &'a [u8],
    content: &'a [u8],
    after: &'a [u8],
}

/// The first DER element of some bytes.
fn element(der: &[u8]) -> Option<Element<'_>> {
    let (&first, rest) = der.get(1..)?.split_first()?;
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
        (
            bytes
                .iter()
                .try_fold(0_usize, |sum, byte| sum.checked_mul(256)?.checked_add(usize::from(*byte)))?,
            rest,
        )
    };
    let (content, after) = rest.split_at_checked(length)?;
    let (whole, _) = der.split_at_checked(der.len() - after.len())?;
    Some(Element { whole, content, after })
}
