//! A certificate with its key, and the assertions it signs instead of telling a secret.

use std::fmt;

use aws_lc_rs::digest::{self, SHA256};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::{KeyPair as _, RSA_PSS_SHA256};
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use serde_json::json;
use uuid::Uuid;

use super::error::TokenError;
use crate::Secret;

/// An assertion is used at once; Microsoft's own libraries give it ten minutes for clocks that differ.
const ASSERTION_SECONDS: u64 = 600;

/// A certificate of an app registration with its private RSA key. Prints as its thumbprint.
pub struct Certificate {
    key: KeyPair,
    thumbprint: String,
    chain: Vec<String>,
}

impl Certificate {
    /// Reads PEM text that holds the certificate and its unencrypted RSA key, in any order; further certificates
    /// count as the chain above it.
    pub fn from_pem(pem: &Secret) -> Result<Self, TokenError> {
        let (mut key, mut certificates) = (None, Vec::new());
        for (label, body) in sections(pem.expose()) {
            match label {
                "CERTIFICATE" => certificates.push(decode(body)?),
                "PRIVATE KEY" => key = Some(KeyPair::from_pkcs8(&decode(body)?)),
                "RSA PRIVATE KEY" if body.contains("ENCRYPTED") => return Err(bad(ENCRYPTED)),
                "RSA PRIVATE KEY" => key = Some(KeyPair::from_der(&decode(body)?)),
                "ENCRYPTED PRIVATE KEY" => return Err(bad(ENCRYPTED)),
                "EC PRIVATE KEY" => return Err(bad(NOT_RSA)),
                _ => {}
            }
        }
        let key = key.ok_or_else(|| bad("it has no private key: put the key into the same PEM"))?;
        let key = key.map_err(|_| bad(NOT_RSA))?;
        // A certificate holds its public key in these very bytes.
        let public = key.public_key().as_ref();
        let of_key = |der: &Vec<u8>| der.windows(public.len()).any(|part| part == public);
        let leaf = certificates.iter().position(of_key);
        let leaf =
            leaf.ok_or_else(|| bad(if certificates.is_empty() { NO_CERTIFICATE } else { OTHER_KEY }))?;
        let leaf = certificates.remove(leaf);
        let thumbprint = BASE64_URL_SAFE_NO_PAD.encode(digest::digest(&SHA256, &leaf));
        let chain =
            std::iter::once(&leaf).chain(&certificates).map(|der| BASE64_STANDARD.encode(der)).collect();
        Ok(Self { key, thumbprint, chain })
    }

    /// The SHA-256 thumbprint, base64url: `x5t#S256`.
    pub fn thumbprint(&self) -> &str {
        &self.thumbprint
    }

    /// A signed assertion that we are the app `client_id`, for the token endpoint `audience` alone; `now` in seconds
    /// since 1970. With the chain, an app may trust a certificate by its issuer and subject name.
    pub(super) fn assertion(
        &self,
        client_id: &str,
        audience: &str,
        now: f64,
        send_chain: bool,
    ) -> Result<Secret, TokenError> {
        let mut header = json!({"alg": "PS256", "typ": "JWT", "x5t#S256": self.thumbprint});
        if send_chain && let Some(header) = header.as_object_mut() {
            header.insert("x5c".to_owned(), json!(self.chain));
        }
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "seconds since 1970")]
        let now = now as u64;
        let claims = json!({
            "aud": audience, "iss": client_id, "sub": client_id, "jti": Uuid::new_v4().to_string(),
            "iat": now, "nbf": now, "exp": now + ASSERTION_SECONDS,
        });
        let encode = |part: serde_json::Value| BASE64_URL_SAFE_NO_PAD.encode(part.to_string());
        let mut assertion = format!("{}.{}", encode(header), encode(claims));
        let mut signature = vec![0; self.key.public_modulus_len()];
        self.key
            .sign(&RSA_PSS_SHA256, &SystemRandom::new(), assertion.as_bytes(), &mut signature)
            .map_err(|_| TokenError::new("the certificate's key could not sign"))?;
        assertion.push('.');
        BASE64_URL_SAFE_NO_PAD.encode_string(signature, &mut assertion);
        Ok(Secret::new(assertion))
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate").field("thumbprint", &self.thumbprint).finish_non_exhaustive()
    }
}

const ENCRYPTED: &str = "its key is encrypted: decrypt it first, such as with `openssl pkey -in key.pem`, and keep \
                         the result where only the bot can read it";
const NOT_RSA: &str = "its key is not an RSA key of 2048 bits or more, which Microsoft Entra needs";

const NO_CERTIFICATE: &str = "it has no certificate: put the certificate into the same PEM";
const OTHER_KEY: &str = "the key is not that of any certificate in it";

fn bad(why: &str) -> TokenError {
    TokenError::new(format!("the certificate cannot be used: {why}"))
}

/// Label and body of each section; what is between them is commentary.
fn sections(pem: &str) -> impl Iterator<Item = (&str, &str)> {
    pem.split("-----BEGIN ").skip(1).filter_map(|section| {
        let (label, rest) = section.split_once("-----")?;
        Some((label, rest.split_once("-----END")?.0))
    })
}

fn decode(body: &str) -> Result<Vec<u8>, TokenError> {
    let text: String = body.split_ascii_whitespace().collect();
    BASE64_STANDARD.decode(text).map_err(|_| bad("it is not PEM: a section is not base64"))
}
