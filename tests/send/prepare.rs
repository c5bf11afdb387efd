//! Nothing that could steer a request elsewhere becomes one.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use callredirect::Secret;
use callredirect::redirect::{ApiVersion, Limits, Redirect, Target};
use callredirect::send::{Endpoint, Unsendable, check_token};
use serde_json::Value;

use crate::common::corpus;
use crate::{CALL, endpoint, to_user};

/// The rule said another way than the code says it.
fn harmless(id: &str) -> bool {
    let allowed = ('a'..='z').chain('A'..='Z').chain('0'..='9').chain(['-', '_']).collect::<String>();
    !id.is_empty() && id.len() <= 128 && id.chars().all(|c| allowed.contains(c))
}

/// Whether it was prepared; if it was, the address has the shape it must have.
fn prepared(endpoint: &Endpoint, id: &str) -> bool {
    match endpoint.prepare(id, &to_user(), None) {
        Ok(prepared) => {
            let url = prepared.url();
            assert_eq!(
                url.as_str(),
                format!("https://graph.microsoft.com/v1.0/communications/calls/{id}/redirect")
            );
            assert_eq!(url.path_segments().unwrap().count(), 5);
            true
        }
        Err(error) => {
            assert_eq!(error, Unsendable::CallId);
            assert!(id.len() < 5 || !error.to_string().contains(id), "{error}");
            false
        }
    }
}

#[test]
fn hostile_call_ids() {
    let endpoint = endpoint("https://graph.microsoft.com");
    let long = "a".repeat(128);
    for id in [CALL, "a", "A-b_0", "0", "-", &long] {
        assert!(prepared(&endpoint, id), "{id}");
    }
    let too_long = "a".repeat(129);
    for id in [
        "",
        ".",
        "..",
        "a/b",
        "/",
        "a\\b",
        "a?b",
        "a#b",
        "a b",
        " a",
        "a ",
        "a\n",
        "\r\n",
        "a\0",
        "%2e%2e",
        "a%2fb",
        "a;b",
        "a:b",
        "@",
        "a.b",
        "{id}",
        "\u{ff11}",
        "caf\u{e9}",
        "\u{202e}a",
        "a\u{2028}",
        "\u{130}",
        &too_long,
    ] {
        assert!(!prepared(&endpoint, id), "{id:?}");
    }
}

#[test]
fn call_ids_of_the_corpora() {
    let endpoint = endpoint("https://graph.microsoft.com");
    let mut ids = Vec::new();
    if let Some(folder) = corpus("notification_bodies") {
        let rows: Vec<Value> =
            serde_json::from_slice(&std::fs::read(folder.join("bodies.json")).unwrap()).unwrap();
        for row in rows.iter().filter(|row| row["cls"] == "callid") {
            let body: Value =
                serde_json::from_slice(&STANDARD.decode(row["body_b64"].as_str().unwrap()).unwrap()).unwrap();
            if let Value::String(id) = &body["value"][0]["resourceData"]["id"] {
                ids.push(id.clone());
            }
        }
        assert!(ids.len() >= 26);
    }
    if let Some(folder) = corpus("blns") {
        let strings = std::fs::read(folder.join("blns.json")).unwrap();
        ids.extend(serde_json::from_slice::<Vec<String>>(&strings).unwrap());
    }
    for id in &ids {
        assert_eq!(prepared(&endpoint, id), harmless(id), "{id:?}");
    }
}

#[test]
fn a_redirect_that_breaks_rules_is_not_prepared() {
    let endpoint = endpoint("https://graph.microsoft.com");
    let Err(Unsendable::Invalid(violations)) = endpoint.prepare(CALL, &Redirect::default(), None) else {
        panic!("no targets");
    };
    assert!(!violations.is_empty());
    // A warning alone is none of our business.
    let policies = Redirect { routing_policies: Some(vec!["none".into()]), ..to_user() };
    let beta = Endpoint::new("https://graph.microsoft.com", ApiVersion::Beta, Limits::default()).unwrap();
    assert!(!policies.violations(ApiVersion::Beta, &Limits::default()).is_empty());
    assert!(beta.prepare(CALL, &policies, None).is_ok());
    // What only the beta knows is refused elsewhere, not dropped.
    let masked = Redirect { mask_callee: Some(true), ..to_user() };
    assert!(beta.prepare(CALL, &masked, None).is_ok());
    assert!(matches!(endpoint.prepare(CALL, &masked, None), Err(Unsendable::Invalid(_))));
    let few = Endpoint::new(
        "https://graph.microsoft.com",
        ApiVersion::V1,
        Limits { max_targets: 1, ..Limits::default() },
    );
    let two = Redirect::to([Target::user(CALL), Target::user("98da8a1a-1b87-452c-a713-65d3f10b1253")]);
    assert!(matches!(few.unwrap().prepare(CALL, &two, None), Err(Unsendable::Invalid(_))));
}

#[test]
fn tokens_that_cannot_stand_in_a_header() {
    for good in ["a", "eyJ.a-b_c", "~+/=", "!"] {
        assert_eq!(check_token(&Secret::new(good)), Ok(()), "{good}");
    }
    for bad in ["", " ", "a b", "a\n", "\r\na", "a\0", "caf\u{e9}", "\u{7f}", "a\t"] {
        assert_eq!(check_token(&Secret::new(bad)), Err(Unsendable::Token), "{bad:?}");
    }
}
