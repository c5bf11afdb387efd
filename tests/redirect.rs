//! The redirect request: its JSON, its rules, what it does with what nobody expects.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::path::PathBuf;

use callredirect::redirect::{ApiVersion, Limits, Redirect, Severity, Target, Violation, masked_uri};
use serde_json::{Value, json};

const ALICE: &str = "98da8a1a-1b87-452c-a713-65d3f10b1253";
const BOB: &str = "bf5aae9a-d11d-47a8-93b1-782504c9c3f3";
const CALLBACK: &str = "https://bot.contoso.com/api/calls/24701998-1a73-4d42-8085-bf46ed0ae039";

fn check(redirect: &Redirect) -> Vec<Violation> {
    redirect.violations(ApiVersion::Beta, &Limits::default())
}

fn codes(redirect: &Redirect) -> Vec<&'static str> {
    check(redirect).iter().map(|violation| violation.code).collect()
}

fn one(target: Target) -> Redirect {
    Redirect::to([target])
}

/// The three worked examples of the documentation.
fn examples() -> [(&'static str, Redirect); 3] {
    let callback_uri = Some(CALLBACK.to_owned());
    [
        (
            include_str!("fixtures/redirect/forward_to_bot.json"),
            Redirect {
                callback_uri: callback_uri.clone(),
                ..one(Target::application("22bfd41f-550e-477d-8789-f6f7bd2a5e8b")
                    .with_display_name("test bot 2"))
            },
        ),
        (
            include_str!("fixtures/redirect/ring_two_users.json"),
            Redirect {
                routing_policies: Some(vec!["disableForwarding".into()]),
                callback_uri: callback_uri.clone(),
                ..Redirect::to([
                    Target::user(ALICE).with_display_name("test user"),
                    Target::user(BOB).with_display_name("test user 2"),
                ])
            },
        ),
        (
            include_str!("fixtures/redirect/forward_to_phone.json"),
            Redirect { callback_uri, ..one(Target::phone("+12345678901")) },
        ),
    ]
}

#[test]
fn the_documented_examples_key_for_key() {
    for (text, redirect) in examples() {
        // `Value` keeps the order of members, so equal text means equal order.
        let documented: Value = serde_json::from_str(text).unwrap();
        assert_eq!(redirect.to_json(), documented.to_string());
        assert_eq!(Redirect::from_json(text.as_bytes()).unwrap(), redirect);
        assert!(check(&redirect).iter().all(|violation| violation.severity == Severity::Warning));
    }
}

#[test]
fn the_shape_of_2019_is_read() {
    let text = json!({
        "targets": [{
            "endpointType": "default",
            "identity": {"user": {"id": ALICE, "tenantId": BOB, "displayName": "Heidi Steen"}},
            "languageId": "en-US",
            "region": "westus"
        }],
        "targetDisposition": "default", "timeout": 99, "maskCallee": false, "maskCaller": false
    });
    let redirect = Redirect::from_json(text.to_string().as_bytes()).unwrap();
    assert_eq!(redirect.targets[0].participant_extra["languageId"], "en-US");
    assert_eq!(
        codes(&redirect),
        ["unknown_field", "unknown_field", "target_disposition_deprecated", "timeout_out_of_range"]
    );
    assert_eq!(Redirect::from_json(redirect.to_json().as_bytes()).unwrap(), redirect);
}

#[test]
fn nothing_is_lost_on_a_round_trip() {
    let text = json!({
        "targets": [{
            "@odata.type": "#microsoft.graph.invitationParticipantInfo",
            "identity": {
                "@odata.type": "#microsoft.graph.communicationsIdentitySet",
                "guest": {"@odata.type": "#microsoft.graph.identity", "id": "x y", "email": null, "n": 0.1},
                "endpointType": "default",
                "application": null
            },
            "endpointType": "strange",
            "hidden": true,
            "replacesCallId": "7"
        }],
        "timeout": -9_223_372_036_854_775_808_i64,
        "maskCaller": true,
        "routingPolicies": [],
        "callbackUri": "\u{0}",
        "zeta": {"b": [1, {"c": null}], "a": ""},
        "alpha": 18_446_744_073_709_551_615_u64
    });
    let read = Redirect::from_json(text.to_string().as_bytes()).unwrap();
    assert_eq!(read.to_json(), text.to_string());
}

#[test]
fn null_is_as_good_as_absent() {
    let text = r#"{"targets": null, "targetDisposition": null, "timeout": null, "maskCallee": null,
        "maskCaller": null, "routingPolicies": null, "callbackUri": null}"#;
    assert_eq!(Redirect::from_json(text.as_bytes()).unwrap(), Redirect::default());
}

#[test]
fn what_cannot_be_read_is_placed() {
    for (text, path, line, reason) in [
        ("", "$", 1, "empty text"),
        ("[]", "$", 1, "expected an object, found an array"),
        ("{\"timeout\": 30,\n \"timeout\": 30}", "$.timeout", 2, "given twice"),
        ("{\n\n\"timeout\": \"30\"}", "$.timeout", 3, "expected a whole number"),
        ("{\"timeout\": 30.5}", "$.timeout", 1, "a fraction"),
        ("{\"timeout\": 99999999999999999999}", "$.timeout", 1, "beyond 64 bits"),
        ("{\"maskCaller\": 1}", "$.maskCaller", 1, "true or false"),
        ("{\"targets\": {}}", "$.targets", 1, "expected an array"),
        ("{\"targets\": [\n{}]}", "$.targets[0]", 2, "`identity` is missing"),
        ("{\"targets\": [{\"identity\": {}}]}", "$.targets[0].identity", 1, "exactly one identity"),
        (
            "{\"targets\": [{\"identity\": {\"user\": {}, \"a\\nb\": {}}}]}",
            "$.targets[0].identity",
            1,
            r#"["user", "a\nb"]"#,
        ),
        (
            "{\"targets\": [{\"identity\": {\"user\": {}}}]}",
            "$.targets[0].identity.user",
            1,
            "`id` is missing",
        ),
        (
            "{\"targets\": [{\"identity\":\n {\"user\":\n {\"id\": 7}}}]}",
            "$.targets[0].identity.user.id",
            3,
            "expected a string, found a number",
        ),
        ("{\"targets\": [{\"@odata.type\": 7}]}", "$.targets[0][\"@odata.type\"]", 1, "expected a string"),
        ("{\"targets\": [{\"@odata.type\": null}]}", "$.targets[0][\"@odata.type\"]", 1, "found null"),
        ("{\"x\": [{\"y\": \"\\ud800\"}]}", "$.x[0].y", 1, "half a surrogate pair"),
        ("{\"routingPolicies\": [null]}", "$.routingPolicies[0]", 1, "found null"),
    ] {
        let error = Redirect::from_json(text.as_bytes()).unwrap_err();
        assert_eq!((error.path.as_str(), error.line), (path, line), "{text}");
        assert!(error.reason.contains(reason), "{text}: {}", error.reason);
        assert!(error.column > 0 && !error.to_string().contains('\n'), "{text}");
    }
}

#[test]
fn all_faults_at_once_in_wire_order() {
    let redirect = Redirect {
        targets: vec![
            Target::phone("1234567"),
            Target::identity("guest", ""),
            Target::user("not a guid"),
            Target::voicemail(ALICE).with_tenant_id("contoso"),
        ],
        target_disposition: Some("all".into()),
        timeout: Some(14),
        routing_policies: Some(vec!["always".into()]),
        callback_uri: Some("http://bot.contoso.com/".into()),
        extra: json!({"color": 1, "timeout": 2}).as_object().unwrap().clone(),
        ..Redirect::default()
    };
    let found = check(&redirect);
    let listed: Vec<_> = found.iter().map(|v| (v.code, v.path.as_str(), v.severity.as_str())).collect();
    assert_eq!(
        listed,
        [
            ("phone_not_e164", "$.targets[0].identity.phone.id", "error"),
            ("phone_among_several", "$.targets[0]", "warning"),
            ("target_kind_unsupported", "$.targets[1].identity.guest", "error"),
            ("target_id_empty", "$.targets[1].identity.guest.id", "error"),
            ("target_id_invalid", "$.targets[2].identity.user.id", "error"),
            ("tenant_id_not_guid", "$.targets[3].identity.user.tenantId", "warning"),
            ("voicemail_unreliable", "$.targets[3].endpointType", "warning"),
            ("target_disposition_deprecated", "$.targetDisposition", "warning"),
            ("target_disposition_unknown", "$.targetDisposition", "error"),
            ("timeout_out_of_range", "$.timeout", "error"),
            ("routing_policies_undocumented", "$.routingPolicies", "warning"),
            ("routing_policy_unknown", "$.routingPolicies[0]", "warning"),
            ("callback_uri_not_https", "$.callbackUri", "error"),
            ("unknown_field", "$.color", "warning"),
            ("extra_shadows_field", "$.timeout", "error"),
        ]
    );
    assert_eq!(found[0].value, "1234567");
    assert!(found[0].message.contains("*****67"), "{}", found[0].message);
}

#[test]
fn limits_are_inclusive_and_can_be_changed() {
    let with = |timeout| Redirect { timeout: Some(timeout), ..one(Target::user(ALICE)) };
    for (timeout, fine) in
        [(i64::MIN, false), (14, false), (15, true), (90, true), (91, false), (i64::MAX, false)]
    {
        assert_eq!(check(&with(timeout)).is_empty(), fine, "{timeout}");
    }
    let crowd = |count: u32| {
        Redirect::to((0..count).map(|n| Target::user(format!("{n:08x}-1b87-452c-a713-65d3f10b1253"))))
    };
    assert_eq!(codes(&crowd(0)), ["targets_missing"]);
    assert!(codes(&crowd(25)).is_empty());
    assert_eq!(codes(&crowd(26)), ["targets_too_many"]);
    let wide = Limits { max_targets: 26, min_timeout: 1, max_timeout: 100 };
    assert!(crowd(26).violations(ApiVersion::Beta, &wide).is_empty());
    assert!(with(99).violations(ApiVersion::V1, &wide).is_empty());
}

#[test]
fn a_version_without_the_field_is_an_error_not_a_drop() {
    let redirect = Redirect {
        target_disposition: Some("forward".into()),
        mask_callee: Some(false),
        mask_caller: Some(true),
        timeout: Some(30),
        ..one(Target::user(ALICE))
    };
    let missing = redirect.unsupported_fields(ApiVersion::V1);
    let paths: Vec<_> = missing.iter().map(|violation| violation.path.as_str()).collect();
    assert_eq!(paths, ["$.targetDisposition", "$.maskCallee", "$.maskCaller"]);
    assert!(missing.iter().all(|violation| violation.severity == Severity::Error));
    assert!(redirect.unsupported_fields(ApiVersion::Beta).is_empty());
    assert!(redirect.to_json().contains("maskCaller"));
    assert_eq!(ApiVersion::from_name("v1.0"), Some(ApiVersion::V1));
    assert_eq!(ApiVersion::from_name("v1"), None);
}

#[test]
fn phone_numbers_are_strictly_e164() {
    for number in ["+1234567", "+12345678901", "+123456789012345", "+4930123456"] {
        assert!(codes(&one(Target::phone(number))).is_empty(), "{number}");
    }
    for number in [
        "+123456",
        "+1234567890123456",
        "12345678901",
        "+02345678901",
        "0012345678901",
        "+1 234 567 8901",
        "+1-234-567-8901",
        "tel:+12345678901",
        "+12345678901;ext=5",
        "+1425555010a",
        "+1234567890\n",
        "\n+12345678901",
        "+１２３４５６７８９０１",
        "+",
        "++12345678901",
        "+12345678901 ",
        "+1234567890\u{0}",
    ] {
        let found = check(&one(Target::phone(number)));
        assert_eq!(found[0].code, "phone_not_e164", "{number:?}");
        assert!(
            !found[0].message.contains(&format!("{number:?} is")) || number == "+",
            "{}",
            found[0].message
        );
        assert!(!found[0].message.contains('\n'));
    }
}

#[test]
fn kinds_and_ids() {
    for (target, expected) in [
        (Target::user(ALICE), vec![]),
        (Target::application(ALICE), vec![]),
        (Target::application_instance(ALICE), vec!["target_kind_undocumented"]),
        (Target::identity("onPremises", "x"), vec!["target_kind_undocumented"]),
        (Target::identity("spoolUser", "x"), vec!["target_kind_unknown"]),
        (Target::identity("encrypted", "x"), vec!["target_kind_unsupported"]),
        (Target::identity("@odata.type", "x"), vec!["target_kind_invalid"]),
        (Target::identity("", "x"), vec!["target_kind_invalid"]),
        (Target::identity("user.x", ALICE), vec!["target_kind_invalid"]),
        (Target::identity("usér", ALICE), vec!["target_kind_invalid"]),
        (Target::user("alice@contoso.com"), vec!["target_id_not_guid"]),
        (Target::user("{98da8a1a-1b87-452c-a713-65d3f10b1253}"), vec!["target_id_not_guid"]),
        (Target::user(""), vec!["target_id_empty"]),
        (Target::user(" "), vec!["target_id_invalid"]),
        (Target::user("a\nb"), vec!["target_id_invalid"]),
        (Target::user("ä"), vec!["target_id_invalid"]),
        (Target::user("x".repeat(257)), vec!["target_id_invalid"]),
        (Target::user(ALICE).with_tenant_id(""), vec!["tenant_id_invalid"]),
        (Target { endpoint_type: Some("skypeForBusiness".into()), ..Target::user(ALICE) }, vec![]),
        (Target { endpoint_type: Some("fax".into()), ..Target::user(ALICE) }, vec!["endpoint_type_unknown"]),
    ] {
        assert_eq!(codes(&one(target.clone())), expected, "{target:?}");
    }
}

#[test]
fn duplicates_are_the_same_destination() {
    let twice = |a: Target, b: Target| codes(&Redirect::to([a, b])).contains(&"target_duplicate");
    assert!(twice(Target::user(ALICE), Target::user(ALICE.to_uppercase()).with_display_name("Alice")));
    assert!(!twice(Target::user(ALICE), Target::application(ALICE)));
    assert!(!twice(Target::user(ALICE), Target::voicemail(ALICE)));
    let default = Target { endpoint_type: Some("default".into()), ..Target::user(ALICE) };
    assert!(twice(Target::user(ALICE), default));
    // Only of GUIDs is it known that case does not matter.
    assert!(!twice(Target::identity("onPremises", "a"), Target::identity("onPremises", "A")));
    let found = check(&Redirect::to([Target::phone("+12345678901"), Target::phone("+12345678901")]));
    assert!(found.iter().all(|violation| !violation.message.contains("2345678901")));
}

#[test]
fn callback_uris() {
    for (uri, expected) in [
        ("https://bot.contoso.com", vec![]),
        ("HTTPS://bot.contoso.com:8443/a?b=c", vec![]),
        ("https://[::1]/", vec![]),
        ("https://bot.contoso.com/#x", vec!["callback_uri_fragment"]),
        ("", vec!["callback_uri_not_https"]),
        ("/api/calls", vec!["callback_uri_not_https"]),
        ("http://bot.contoso.com", vec!["callback_uri_not_https"]),
        ("javascript:alert(1)", vec!["callback_uri_not_https"]),
        ("https://", vec!["callback_uri_host"]),
        ("https:bot.contoso.com", vec!["callback_uri_host"]),
        ("https:///bot.contoso.com", vec!["callback_uri_host"]),
        ("https://bot.contoso.com:99999/", vec!["callback_uri_invalid"]),
        ("https://user:secret@bot.contoso.com/", vec!["callback_uri_user_info"]),
        ("https://@bot.contoso.com/", vec!["callback_uri_user_info"]),
        ("http://user:secret@bot.contoso.com/", vec!["callback_uri_not_https", "callback_uri_user_info"]),
        ("http://:secret@bot.contoso.com/", vec!["callback_uri_not_https", "callback_uri_user_info"]),
        ("https://bot.contoso.com/\u{7f}", vec!["callback_uri_characters"]),
        ("https://bot.contoso.com/\r\nX: y", vec!["callback_uri_characters"]),
        (" https://bot.contoso.com/", vec!["callback_uri_characters"]),
        (" https://user:secret@bot.contoso.com/", vec!["callback_uri_characters", "callback_uri_user_info"]),
        ("ht\ttps://bot.contoso.com/", vec!["callback_uri_characters", "callback_uri_host"]),
        ("https://good.example\\@evil.example/", vec!["callback_uri_characters"]),
    ] {
        let redirect = Redirect { callback_uri: Some(uri.into()), ..one(Target::user(ALICE)) };
        assert_eq!(codes(&redirect), expected, "{uri:?}");
        assert!(check(&redirect).iter().all(|violation| !violation.message.contains("secret")));
    }
}

#[test]
fn nothing_prints_a_phone_number_or_a_key() {
    let redirect = Redirect {
        callback_uri: Some("https://me:p@pw@bot.contoso.com/api?code=key#x".into()),
        ..one(Target::phone("+12345678901"))
    };
    assert_eq!(redirect.masked_callback_uri().unwrap(), "https://***@bot.contoso.com/api?***");
    let printed = format!("{redirect:?}{:?}", check(&redirect));
    for secret in ["2345678901", "pw@", "code=key"] {
        assert!(!printed.contains(secret), "{secret} in {printed}");
    }
}

/// What cannot be sent is printed all the more.
#[test]
fn user_information_is_masked_however_it_is_written() {
    for (uri, shown) in [
        ("http://me:secret@h/x", "http://***@h/x"),
        (" https://me:secret@h:8443/x@y", " https://***@h:8443/x@y"),
        ("https:me:secret@h", "https:***@h"),
        ("https:///me:secret@h/x?secret", "https:///***@h/x?***"),
        ("https://h\\@me:secret@h", "https://***@h"),
        ("//secret@h/x", "//***@h/x"),
        ("me:secret@h/x", "me:***@h/x"),
        ("https://me:se/cret@h/x?secret", "https://***@h/x?***"),
        ("https://me:se?cret@h/x#secret", "https://***@h/x?***"),
        ("https://me:se#c/ret@h", "https://***@h"),
        ("https://h/l/19:meeting@thread.v2/0?secret", "https://h/l/19:meeting@thread.v2/0?***"),
        ("/x?secret:secret@h", "/***@h"),
        ("https://h/19:meeting@thread.v2", "https://h/19:meeting@thread.v2"),
        ("https://h", "https://h"),
    ] {
        assert_eq!(masked_uri(uri), shown);
    }
}

/// Strings from a file of test data that is not part of the project; empty when there is none.
fn corpus(name: &str, pick: impl Fn(&Value) -> Option<String>) -> Vec<String> {
    let corpora = std::env::var_os("CALLREDIRECT_CORPORA")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/corpora"), PathBuf::from);
    let file = corpora.join(name);
    let Ok(text) = std::fs::read_to_string(&file) else {
        eprintln!("skipped: no file {}; set CALLREDIRECT_CORPORA", file.display());
        return Vec::new();
    };
    serde_json::from_str::<Vec<Value>>(&text).unwrap().iter().filter_map(pick).collect()
}

#[test]
fn naughty_strings_survive_and_are_reported_in_one_line() {
    for text in corpus("blns/blns.json", |item| item.as_str().map(str::to_owned)) {
        let target = Target {
            endpoint_type: Some(text.clone()),
            ..Target::identity(&text, &text).with_display_name(&text).with_tenant_id(&text)
        };
        let redirect = Redirect {
            target_disposition: Some(text.clone()),
            routing_policies: Some(vec![text.clone()]),
            callback_uri: Some(text.clone()),
            ..Redirect::to([target, Target::phone(&text)])
        };
        let found = check(&redirect);
        assert!(found.iter().any(|violation| violation.severity == Severity::Error), "{text:?}");
        for violation in found {
            let shown = format!("{violation}");
            assert!(!shown.contains(char::is_control), "{shown:?}");
            assert!(violation.path.starts_with("$."));
        }
        if !text.starts_with('@') {
            assert_eq!(Redirect::from_json(redirect.to_json().as_bytes()).unwrap(), redirect);
        }
    }
}

#[test]
fn of_all_urls_only_plain_https_passes() {
    for uri in corpus("rust-url/url/tests/urltestdata.json", |item| item["input"].as_str().map(str::to_owned))
    {
        let redirect = Redirect { callback_uri: Some(uri.clone()), ..one(Target::user(ALICE)) };
        if check(&redirect).iter().all(|violation| violation.severity == Severity::Warning) {
            let rest = uri.get(8..).unwrap();
            assert!(uri[..8].eq_ignore_ascii_case("https://"), "{uri:?}");
            let authority = rest.split(['/', '?', '#']).next().unwrap();
            assert!(!authority.is_empty() && !authority.contains(['@', '\\', ' ']), "{uri:?}");
        }
    }
}
