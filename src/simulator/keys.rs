//! The simulator's RSA key: what Microsoft's signing service is to the real one.

use std::sync::{Arc, OnceLock};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use aws_lc_rs::{digest, error::Unspecified};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// Generating a key takes a good part of a second, so simulators of one process share one unless told not to.
static SHARED: OnceLock<Arc<SigningKey>> = OnceLock::new();

/// A real RSA-2048 key with its published form. The private half never leaves the process.
pub(super) struct SigningKey {
    pair: KeyPair,
    random: SystemRandom,
    header: String,
    /// The published half, as a JSON Web Key.
    pub(super) jwk: Value,
}

impl SigningKey {
    pub(super) fn shared() -> Result<Arc<Self>, Unspecified> {
        if let Some(key) = SHARED.get() {
            return Ok(Arc::clone(key));
        }
        // Two first simulators at once may both generate; the first to finish is kept by both.
        let key = Arc::new(Self::generate()?);
        Ok(Arc::clone(SHARED.get_or_init(|| key)))
    }

    pub(super) fn generate() -> Result<Self, Unspecified> {
        let pair = KeyPair::generate(KeySize::Rsa2048)?;
        let modulus = pair.public_key().modulus().big_endian_without_leading_zero();
        let exponent = pair.public_key().exponent().big_endian_without_leading_zero();
        // Microsoft's kid is a certificate's thumbprint: 20 bytes. There is no certificate here, so the key's own.
        let digest = digest::digest(&digest::SHA256, modulus);
        let kid = URL_SAFE_NO_PAD.encode(digest.as_ref().get(..20).unwrap_or_default());
        let jwk = json!({
            "kty": "RSA", "use": "sig", "kid": kid, "x5t": kid,
            "n": URL_SAFE_NO_PAD.encode(modulus), "e": URL_SAFE_NO_PAD.encode(exponent),
        });
        // `cty` has no business in a token that is not nested; Microsoft sends it all the same.
        let header = json!({"alg": "RS256", "kid": kid, "typ": "JWT", "cty": "JWT", "x5t": kid});
        let header = URL_SAFE_NO_PAD.encode(header.to_string());
        Ok(Self { pair, random: SystemRandom::new(), header, jwk })
    }

    /// Any claims as a signed token: wrong ones too, they are what a verifier has to be tested with.
    ///
    /// Signs with the key in memory; the token library would parse it anew for every token.
    pub(super) fn sign(&self, claims: &Value) -> Result<String, Unspecified> {
        let mut token = format!("{}.{}", self.header, URL_SAFE_NO_PAD.encode(claims.to_string()));
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair.sign(&RSA_PKCS1_SHA256, &self.random, token.as_bytes(), &mut signature)?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token)
    }
}
