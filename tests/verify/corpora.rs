//! Attacks that others collected.

use std::time::{Duration, Instant};

use callredirect::verify::{KeySet, Reason, Verifier};
use serde_json::{Value, json};

use crate::common::corpus;
use crate::signing::{APP, NOW};

/// `tenants` and the rest as the policy of the corpus says.
#[test]
#[allow(clippy::disallowed_methods, reason = "measures how long a verdict really takes")]
fn the_corpus_of_attacks() {
    let Some(folder) = corpus("jwt_attacks_open") else { return };
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let json = |name: &str| serde_json::from_str::<Value>(&read(name)).unwrap();
    let policy = json("policy.json");
    let list = |name: &str| {
        policy[name]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item.as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let audience = policy["audience"].as_str().unwrap();
    let now = policy["now"].as_f64().unwrap();
    let before = KeySet::from_json(&read("jwks.json")).unwrap();
    let verifier = Verifier::new(audience, Some(list("tenants")), Some(list("issuers")), before);

    let vectors = json("vectors.json");
    let mut refreshed = Vec::new();
    let mut wrong = Vec::new();
    for row in vectors.as_array().unwrap() {
        let authorization = format!("Bearer {}", row["token"].as_str().unwrap());
        let started = Instant::now();
        let verdict = verifier.verify(&authorization, now);
        assert!(started.elapsed() < Duration::from_millis(50), "{}", row["id"]);
        let expected = row["expect"].as_str().unwrap();
        let right = if row["needs_refresh"] == true {
            refreshed.push((authorization, expected));
            verdict.is_err_and(|error| error.reason == Reason::UnknownKey)
        } else {
            expected == "either" || verdict.is_ok() == (expected == "accept")
        };
        if !right {
            wrong.push(row["id"].clone());
        }
    }
    verifier.replace_keys(KeySet::from_json(&read("jwks_after_rotation.json")).unwrap());
    for (authorization, expected) in refreshed {
        assert_eq!(verifier.verify(&authorization, now).is_ok(), expected == "accept");
    }
    assert!(wrong.is_empty(), "{wrong:?}");
    eprintln!("{} vectors, all verdicts right", vectors.as_array().unwrap().len());
}

/// Project Wycheproof signs `foo`, which is no claims object: a signature that was accepted ends at the claims.
#[test]
fn wycheproof_signatures() {
    let Some(folder) = corpus("wycheproof/testvectors_v1") else { return };
    let mut accepted = 0;
    for file in ["json_web_signature_test.json", "json_web_key_test.json", "json_web_crypto_test.json"] {
        let vectors: Value =
            serde_json::from_str(&std::fs::read_to_string(folder.join(file)).unwrap()).unwrap();
        for group in vectors["testGroups"].as_array().unwrap() {
            let key = group.get("public").unwrap_or(&group["private"]);
            let set = if key.get("keys").is_some() { key.clone() } else { json!({ "keys": [key] }) };
            let verifier = Verifier::new(APP, None, None, KeySet::from_json(&set.to_string()).unwrap());
            for test in group["tests"].as_array().unwrap() {
                let Some(jws) = test["jws"].as_str() else { continue };
                let reason = verifier.verify(&format!("Bearer {jws}"), NOW).unwrap_err().reason;
                if reason == Reason::Claims {
                    accepted += 1;
                    // A weak generator leaves its mark in the modulus. Microsoft's own published keys are trusted
                    // to come from a sound one.
                    let weak = test["comment"] == "rejectsKeyWithRocaVulnerability";
                    assert!(weak || test["result"] == "valid", "{file} {}", test["tcId"]);
                }
            }
        }
    }
    assert!(accepted > 8, "{accepted}");
}

/// The examples of RFC 7520 and RFC 7797 that are signed with RSA: PKCS #1 signatures over prose, and PSS.
#[test]
fn the_jose_cookbook() {
    let Some(folder) = corpus("ietf-jose-cookbook") else { return };
    let mut verdicts = Vec::new();
    for part in ["jws", "rfc7797"] {
        let mut files: Vec<_> =
            std::fs::read_dir(folder.join(part)).unwrap().map(|file| file.unwrap().path()).collect();
        files.sort();
        for file in files {
            let Ok(example) = serde_json::from_slice::<Value>(&std::fs::read(&file).unwrap()) else {
                continue;
            };
            let key = example["input"]["key"].clone();
            let verifier = Verifier::new(
                APP,
                None,
                None,
                KeySet::from_json(&json!({ "keys": [key] }).to_string()).unwrap(),
            );
            let Some(jws) = example["output"]["compact"].as_str() else { continue };
            let reason = verifier.verify(&format!("Bearer {jws}"), NOW).unwrap_err().reason;
            verdicts.push((file.file_stem().unwrap().to_string_lossy().into_owned(), reason));
        }
    }
    // The RS256 example's signature is right, so it is the prose under it that is refused.
    assert!(
        verdicts.iter().any(|(name, reason)| name.contains("rsa_v15") && *reason == Reason::Claims),
        "{verdicts:?}"
    );
    for (name, reason) in verdicts.iter().filter(|(name, _)| !name.contains("rsa_v15")) {
        assert!(
            matches!(reason, Reason::Malformed | Reason::Header | Reason::Algorithm),
            "{name}: {reason:?}"
        );
    }
    assert!(verdicts.len() >= 5, "{verdicts:?}");
}
