//! What must hold for any text that is said to be a key set. The fuzz target and `replay.rs` both call [`check`].

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use callredirect::verify::{KeySet, Verifier};
use serde_json::{Value, json};

pub(crate) fn check(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(keys) = KeySet::from_json(text) else { return };
    assert!(text.len() <= 256 * 1024);
    let published: Value = serde_json::from_str(text).unwrap();
    let published = published["keys"].as_array().unwrap();
    for kid in keys.key_ids() {
        assert!(keys.has_key(kid) && !kid.is_empty());
        assert!(published.iter().any(|key| usable(key, kid)), "{kid:?} is none of the keys");
    }
    assert_eq!(keys.is_empty(), keys.key_ids().next().is_none());
    // Whatever the keys are, nothing that they have not signed is accepted.
    for kid in keys.key_ids().take(4) {
        let header = json!({"alg": "RS256", "kid": kid}).to_string();
        let verifier = Verifier::new("a", None, None, keys.clone());
        for signature in [&[][..], &[0; 256], &[1; 256], &[0xff; 256], &[0; 1024]] {
            let encode = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
            let token = format!("Bearer {}.e30.{}", encode(header.as_bytes()), encode(signature));
            assert!(verifier.verify(&token, 0.0).is_err());
        }
    }
}

fn usable(key: &Value, kid: &str) -> bool {
    let number = |name: &str| {
        BASE64_URL_SAFE_NO_PAD.decode(key[name].as_str().unwrap_or_default()).unwrap_or_default()
    };
    let (modulus, exponent) = (number("n"), number("e"));
    let significant = |bytes: &[u8]| bytes.iter().skip_while(|byte| **byte == 0).count();
    let verifies =
        |operations: &Value| operations.as_array().is_some_and(|list| list.contains(&json!("verify")));
    key["kid"] == kid
        && key["kty"] == "RSA"
        && key.get("use").is_none_or(|usage| usage == "sig")
        && key.get("alg").is_none_or(|alg| alg == "RS256")
        && key.get("key_ops").is_none_or(verifies)
        && (256..=1024).contains(&significant(&modulus))
        && modulus.last().is_some_and(|byte| byte % 2 == 1)
        && (1..=4).contains(&significant(&exponent))
        && exponent.last().is_some_and(|byte| byte % 2 == 1)
        && (significant(&exponent) > 1 || exponent.last() != Some(&1))
}
