//! What a token must be: every check by itself.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::RSA_PKCS1_SHA512;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL;
use callredirect::verify::{Claims, KeySet, Reason, VerificationError, Verifier};
use serde_json::{Value, json};

use crate::signing::{APP, KEY, NOW, OTHER, TENANT, header, jwk, keys, payload, sign, token, verifier, with};

fn check(token: &str) -> Result<Claims, Reason> {
    verifier().verify(&format!("Bearer {token}"), NOW).map_err(|error| error.reason)
}

fn check_claims(changes: Value) -> Result<Claims, Reason> {
    check(&token(&header(), &with(payload(), changes)))
}

fn check_header(changes: Value) -> Result<Claims, Reason> {
    check(&token(&with(header(), changes), &payload()))
}

#[test]
fn a_real_token_is_accepted() {
    let claims = check(&token(&header(), &payload())).unwrap();
    assert_eq!(
        claims,
        Claims {
            tenant_id: TENANT.into(),
            app_id: Some("26a18ebc-cdf7-4a6a-91cb-beb352805e81".into()),
            issuer: "https://api.botframework.com".into(),
            audience: APP.into(),
            expires_at: 1_790_000_298.0,
            not_before: Some(1_789_999_998.0),
        }
    );
}

#[test]
fn the_header_of_the_request() {
    let token = token(&header(), &payload());
    for scheme in ["Bearer", "bearer", "BEARER"] {
        assert!(verifier().verify(&format!("{scheme} {token}"), NOW).is_ok());
    }
    for authorization in [
        String::new(),
        "Bearer".into(),
        token.clone(),
        format!("Basic {token}"),
        format!("Bearer\t{token}"),
        format!(" Bearer {token}"),
        format!("Bearer  {token}"),
        format!("Bearer {token} "),
        format!("Bearer {token}\r\n"),
        format!("Bearer {token}, Bearer {token}"),
        format!("Bearer {token},{token}"),
        format!("Bearer Bearer {token}"),
    ] {
        let reason = verifier().verify(&authorization, NOW).unwrap_err().reason;
        assert!(matches!(reason, Reason::Missing | Reason::Malformed), "{authorization:.20}: {reason:?}");
    }
}

#[test]
fn the_form_of_the_token() {
    let good = token(&header(), &payload());
    let parts: Vec<_> = good.split('.').collect();
    // 256 bytes leave four unused bits in the last character: its successor decodes to the same bytes.
    let stray = char::from(good.as_bytes()[good.len() - 1] + 1);
    for bad in [
        format!("{good}="),
        format!("{good}=="),
        format!("{good}."),
        format!("{good}.x"),
        format!(".{good}"),
        format!("{}.{}", parts[0], parts[1]),
        format!("{}..{}", parts[0], parts[2]),
        format!("{}{stray}", &good[..good.len() - 1]),
        format!("{}\n{}", &good[..9], &good[9..]),
        good.replace('.', "%2e"),
        good.replace('.', "．"),
        ".".into(),
        "..".into(),
        "...".into(),
        format!("{good}{}", "A".repeat(16_384)),
    ] {
        assert!(check(&bad).is_err(), "{bad:.40}");
    }
}

#[test]
fn the_header_of_the_token() {
    assert!(
        check_header(json!({"jku": "https://evil.example/", "x5u": "file:///", "x5c": [], "new": {}}))
            .is_ok()
    );
    for name in ["crit", "zip", "b64"] {
        for value in [json!(null), json!(true), json!([]), json!(["exp"]), json!("DEF")] {
            assert_eq!(check_header(json!({ name: value })), Err(Reason::Header), "{name}");
        }
    }
    for alg in [json!("none"), json!("rs256"), json!("RS512"), json!("HS256"), json!(["RS256"]), json!(null)]
    {
        assert_eq!(check_header(json!({"alg": alg})), Err(Reason::Algorithm));
    }
    for kid in [json!(""), json!(null), json!(7), json!(["k1"]), json!("k".repeat(257))] {
        assert_eq!(check_header(json!({"kid": kid})), Err(Reason::Header));
    }
    for kid in ["K1", "k1 ", "k1\0", "../k1"] {
        assert_eq!(check_header(json!({"kid": kid})), Err(Reason::UnknownKey));
    }
    for name in ["typ", "cty"] {
        assert_eq!(check_header(json!({ name: 7 })), Err(Reason::Header));
    }
    let body = payload().to_string();
    for header in [
        "",
        "[]",
        "null",
        "\"x\"",
        "{\"alg\":\"RS256\"}",
        "{\"alg\":\"RS256\",\"kid\":\"k1\"",
        "{\"alg\":\"none\",\"alg\":\"RS256\",\"kid\":\"k1\"}",
        "{\"alg\":\"RS256\",\"kid\":\"k1\",\"kid\":\"k1\"}",
        "{\"alg\":\"RS256\",\"kid\":\"k1\",\"x\":{\"y\":1,\"y\":2}}",
        "\u{feff}{\"alg\":\"RS256\",\"kid\":\"k1\"}",
    ] {
        assert_eq!(check(&sign(&KEY, header, body.as_bytes())), Err(Reason::Header), "{header}");
    }
    let deep = format!("{{\"alg\":\"RS256\",\"kid\":\"k1\",\"x\":{}{}}}", "[".repeat(2000), "]".repeat(2000));
    assert_eq!(check(&sign(&KEY, &deep, body.as_bytes())), Err(Reason::Header));
}

#[test]
fn the_signature() {
    let good = token(&header(), &payload());
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let bytes = BASE64URL.decode(signature).unwrap();
    let resigned = |bytes: &[u8]| format!("{signed}.{}", BASE64URL.encode(bytes));
    assert!(check(&resigned(&bytes)).is_ok());
    let mut flipped = bytes.clone();
    flipped[0] ^= 1;
    let longer = [&[0], bytes.as_slice()].concat();
    for bad in [&[][..], &[0; 256], &flipped, &bytes[1..], &longer, &[0xff; 256]] {
        assert_eq!(check(&resigned(bad)), Err(Reason::Signature));
    }
    // The right form, the wrong key; and the key of another id.
    let (header_text, body) = (header().to_string(), payload().to_string());
    assert_eq!(check(&sign(&OTHER, &header_text, body.as_bytes())), Err(Reason::Signature));
    assert_eq!(check_header(json!({"kid": "k2"})), Err(Reason::Signature));
    // A key the token brings along.
    let own = with(header(), json!({"jwk": jwk("k1", &OTHER)}));
    assert_eq!(check(&sign(&OTHER, &own.to_string(), body.as_bytes())), Err(Reason::Signature));
    // Another hash under the same name.
    let mut sha512 = vec![0; 256];
    KEY.sign(&RSA_PKCS1_SHA512, &SystemRandom::new(), signed.as_bytes(), &mut sha512).unwrap();
    assert_eq!(check(&resigned(&sha512)), Err(Reason::Signature));
    // Claims under somebody else's signature.
    let other = token(&header(), &with(payload(), json!({"x": 1})));
    let body = other.split('.').nth(1).unwrap();
    let head = signed.split('.').next().unwrap();
    assert_eq!(check(&format!("{head}.{body}.{signature}")), Err(Reason::Signature));
}

#[test]
fn the_payload() {
    let good = payload().to_string();
    let shorter = &good[..good.len() - 1];
    for text in [
        "",
        "[]",
        "1",
        "null",
        "\"x\"",
        shorter,
        &format!("{good}x"),
        &format!("{good}{good}"),
        &format!("{good}\0"),
        &format!("\u{feff}{good}"),
        &format!("{shorter},\"x\":1,\"x\":1}}"),
        &format!("{shorter},\"tid\":\"{TENANT}\"}}"),
        &format!("{shorter},\"x\":\"\\ud800\"}}"),
        &format!("{shorter},\"x\":1e999}}"),
        &format!("{shorter},\"x\":{}{}}}", "[".repeat(99), "]".repeat(99)),
    ] {
        assert_eq!(check(&sign(&KEY, &header().to_string(), text.as_bytes())), Err(Reason::Claims), "{text}");
    }
    let utf16: Vec<u8> = good.encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(check(&sign(&KEY, &header().to_string(), &utf16)), Err(Reason::Claims));
    assert_eq!(check(&sign(&KEY, &header().to_string(), b"{\"x\":\"\xff\"}")), Err(Reason::Claims));
}

#[test]
fn issuer_and_audience_are_exact_strings() {
    assert!(check_claims(json!({"iss": "https://graph.microsoft.com"})).is_ok());
    for issuer in [
        json!(null),
        json!(true),
        json!(1),
        json!(""),
        json!(["https://api.botframework.com"]),
        json!({}),
        json!("https://api.botframework.com/"),
        json!("HTTPS://api.botframework.com"),
        json!("https://api.botframework.us"),
        // The Bot Framework's emulator and Microsoft Entra: a token that anybody's app can get for this bot's.
        json!("https://sts.windows.net/d6d49420-f39b-4df7-a1dc-d59a935871db/"),
        json!("https://sts.windows.net/f8cdef31-a31e-4b4a-93e4-5f571e91255a/"),
        json!("https://login.microsoftonline.com/d6d49420-f39b-4df7-a1dc-d59a935871db/v2.0"),
        json!(format!("https://sts.windows.net/{TENANT}/")),
        json!(format!("https://login.microsoftonline.com/{TENANT}/v2.0")),
        json!(" https://api.botframework.com"),
        json!("https://api.botframework.com\0"),
        json!("https://api.botframewоrk.com"),
    ] {
        assert_eq!(check_claims(json!({"iss": issuer})), Err(Reason::Issuer), "{issuer}");
    }
    for audience in [
        json!(null),
        json!(true),
        json!(1),
        json!(""),
        json!([APP]),
        json!([]),
        json!({}),
        json!("*"),
        json!(APP.to_uppercase()),
        json!(format!("api://{APP}")),
        json!(format!("{APP} ")),
        json!(&APP[1..]),
        json!("https://graph.microsoft.com"),
    ] {
        assert_eq!(check_claims(json!({"aud": audience})), Err(Reason::Audience), "{audience}");
    }
    // Configured in whatever case, it is the same GUID.
    let upper =
        Verifier::new(APP.to_uppercase(), Some(vec![TENANT.to_uppercase()]), None, keys(&[jwk("k1", &KEY)]));
    assert!(upper.verify(&format!("Bearer {}", token(&header(), &payload())), NOW).is_ok());
    let nameless = Verifier::new("", None, Some(vec![String::new()]), keys(&[jwk("k1", &KEY)]));
    let token = token(&header(), &with(payload(), json!({"aud": "", "iss": ""})));
    assert_eq!(nameless.verify(&format!("Bearer {token}"), NOW).unwrap_err().reason, Reason::Issuer);
    let accepts = |configured: &str, issuer: &str| {
        let own = Verifier::new(APP, None, Some(vec![configured.into()]), keys(&[jwk("k1", &KEY)]));
        let token = crate::signing::token(&header(), &with(payload(), json!({ "iss": issuer })));
        own.verify(&format!("Bearer {token}"), NOW).is_ok()
    };
    let (plain, slash) = ("https://issuer.example", "https://issuer.example/");
    assert!(accepts(plain, plain) && accepts(slash, slash) && accepts(slash, plain));
    assert!(!accepts(plain, slash) && !accepts(slash, "https://issuer.example//"));
    assert!(!accepts("/", "") && !accepts(slash, "https://issuer.exampl"));
}

#[test]
fn times_may_be_five_minutes_off() {
    let at = |now: f64| {
        let token = token(&header(), &with(payload(), json!({"nbf": 1000, "exp": 2000})));
        verifier().verify(&format!("Bearer {token}"), now).map_err(|error| error.reason)
    };
    for (now, expected) in [
        (699.0, Err(Reason::NotYetValid)),
        (700.0, Ok(())),
        (2299.0, Ok(())),
        (2300.0, Err(Reason::Expired)),
        (f64::NAN, Err(Reason::Expired)),
        (f64::INFINITY, Err(Reason::Expired)),
        (f64::NEG_INFINITY, Err(Reason::NotYetValid)),
    ] {
        assert_eq!(at(now).map(drop), expected, "{now}");
    }
    for name in ["exp", "nbf", "iat"] {
        for value in
            [json!("1790000298"), json!(true), json!(null), json!([]), json!({}), json!([1_790_000_298])]
        {
            assert_eq!(check_claims(json!({ name: value })), Err(Reason::Claims), "{name} {value}");
        }
    }
    let mut endless = payload();
    endless.as_object_mut().unwrap().remove("exp");
    assert_eq!(check(&token(&header(), &endless)), Err(Reason::Claims));
    assert_eq!(check_claims(json!({"exp": -1})), Err(Reason::Expired));
    assert!(check_claims(json!({"exp": 1_790_000_298.5})).is_ok());
}

#[test]
fn the_tenant_is_a_string_and_served() {
    for tenant in [
        json!(null),
        json!(1),
        json!(""),
        json!([TENANT]),
        json!({}),
        json!(format!("{TENANT} ")),
        json!("common"),
        json!("ffffffff-ffff-4fff-8fff-ffffffffffff"),
    ] {
        assert_eq!(check_claims(json!({"tid": tenant})), Err(Reason::Tenant), "{tenant}");
    }
    let with_tenants = |tenants, tenant: Value| {
        let verifier = Verifier::new(APP, tenants, None, keys(&[jwk("k1", &KEY)]));
        let token = token(&header(), &with(payload(), json!({"tid": tenant})));
        verifier.verify(&format!("Bearer {token}"), NOW).is_ok()
    };
    assert!(with_tenants(None, json!("ffffffff-ffff-4fff-8fff-ffffffffffff")));
    assert!(!with_tenants(None, json!(null)) && !with_tenants(None, json!("a\nb")));
    assert!(with_tenants(None, json!("x".repeat(256))) && !with_tenants(None, json!("x".repeat(257))));
    assert!(!with_tenants(Some(vec![]), json!(TENANT)));
}

#[test]
fn unusable_keys_are_passed_over() {
    let good = jwk("good", &KEY);
    let unusable = [
        json!({"kty": "EC"}),
        json!({"kty": "FUTURE"}),
        json!({"kty": null}),
        json!({"use": "enc"}),
        json!({"use": 1}),
        json!({"alg": "PS256"}),
        json!({"alg": "rs256"}),
        json!({"key_ops": ["sign"]}),
        json!({"key_ops": "verify"}),
        json!({"key_ops": []}),
        json!({"n": "AQAB"}),
        json!({"n": BASE64URL.encode([0xff; 128])}),
        json!({"n": BASE64URL.encode([0xff; 1025])}),
        json!({"n": "!"}),
        json!({"n": BASE64URL.encode([0xfe; 256])}),
        json!({"n": ""}),
        json!({"e": "AQ"}),
        json!({"e": "Ag"}),
        json!({"e": ""}),
        json!({"e": "AA"}),
        json!({"e": BASE64URL.encode([0, 1])}),
        json!({"e": BASE64URL.encode([1, 0, 0, 0, 1])}),
        json!({"kid": ""}),
        json!({"kid": null}),
        json!({"kid": ["good"]}),
    ];
    for change in unusable {
        assert!(keys(&[with(good.clone(), change.clone())]).is_empty(), "{change}");
    }
    let fine = json!({"use": "sig", "alg": "RS256", "key_ops": ["verify"], "x5c": [1]});
    assert!(keys(&[json!(7), json!({}), with(good, fine)]).has_key("good"));
    for text in ["", "[]", "{}", "{\"keys\": {}}", "{\"keys\": [], \"keys\": []}", "null"] {
        assert!(KeySet::from_json(text).is_err(), "{text}");
    }
    let text = json!({"keys": [jwk("good", &KEY)]}).to_string();
    let padded = |length: usize| text.clone() + &" ".repeat(length - text.len());
    assert!(
        KeySet::from_json(&padded(256 * 1024)).is_ok() && KeySet::from_json(&padded(256 * 1024 + 1)).is_err()
    );
}

#[test]
fn keys_of_one_id_and_new_keys() {
    let both = Verifier::new(APP, None, None, keys(&[jwk("k1", &OTHER), jwk("k1", &KEY)]));
    let authorization = format!("Bearer {}", token(&header(), &payload()));
    assert!(both.verify(&authorization, NOW).is_ok());
    // No more than four are tried.
    for (others, fine) in [(3, true), (4, false)] {
        let many = [vec![jwk("k1", &OTHER); others], vec![jwk("k1", &KEY)]].concat();
        assert_eq!(Verifier::new(APP, None, None, keys(&many)).verify(&authorization, NOW).is_ok(), fine);
    }

    let verifier = Verifier::new(APP, None, None, KeySet::default());
    let reason =
        |verifier: &Verifier| verifier.verify(&authorization, NOW).map_err(|error| error.reason).err();
    assert_eq!(reason(&verifier), Some(Reason::NoKeys));
    verifier.replace_keys(keys(&[jwk("k2", &OTHER)]));
    assert_eq!(reason(&verifier), Some(Reason::UnknownKey));
    verifier.replace_keys(keys(&[jwk("k1", &KEY)]));
    assert_eq!(reason(&verifier), None);
    assert!(verifier.has_key("k1") && !verifier.has_key("k2"));
}

#[test]
fn errors_hold_nothing_of_the_token() {
    let error = verifier().verify("Bearer secret.secret.secret", NOW).unwrap_err();
    assert_eq!(error, VerificationError { reason: Reason::Malformed });
    assert!(!format!("{error} {error:?} {:?}", verifier()).contains("secret"));
}
