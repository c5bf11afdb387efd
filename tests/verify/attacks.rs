//! Attacks of our own, made when the test runs: every class with every value, and the genuine token beside them.

use std::time::{Duration, Instant};

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine as _;
use base64::prelude::{
    BASE64_STANDARD, BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE, BASE64_URL_SAFE_NO_PAD as BASE64URL,
};
use serde_json::{Value, json};

use crate::signing::{APP, KEY, NOW, OTHER, TENANT, header, jwk, payload, sign, token, verifier, with};

/// Class and value, for the report; the token; whether it must be accepted.
struct Row(String, String, bool);

#[derive(Default)]
struct Rows(Vec<Row>);

impl Rows {
    fn raw(&mut self, class: &str, value: impl ToString, token: String, accept: bool) {
        self.0.push(Row(format!("{class} {:.60}", value.to_string()), token, accept));
    }

    fn signed(&mut self, class: &str, header: &str, payload: &[u8], accept: bool) {
        let value = format!("{header} {}", String::from_utf8_lossy(payload));
        self.raw(class, value, sign(&KEY, header, payload), accept);
    }

    fn header(&mut self, class: &str, changes: Value, accept: bool) {
        let value = changes.to_string();
        self.raw(class, value, token(&with(header(), changes), &payload()), accept);
    }

    fn claims(&mut self, class: &str, changes: Value, accept: bool) {
        let value = changes.to_string();
        self.raw(class, value, token(&header(), &with(payload(), changes)), accept);
    }
}

/// One of every type of JSON, and texts that look like nothing.
fn oddities() -> Vec<Value> {
    vec![
        json!(null),
        json!(true),
        json!(false),
        json!(0),
        json!(1),
        json!(-1),
        json!(1.5),
        json!(1e300),
        json!(u64::MAX),
        json!(""),
        json!(" "),
        json!("\0"),
        json!("null"),
        json!("*"),
        json!("%"),
        json!("\u{feff}"),
        json!("\u{202e}"),
        json!([]),
        json!([[]]),
        json!([null]),
        json!({}),
        json!({"": ""}),
        json!("a".repeat(2048)),
    ]
}

fn types(rows: &mut Rows) {
    for odd in oddities() {
        for name in ["tid", "iss", "aud", "exp"] {
            // A time far ahead is a time.
            let ahead = name == "exp" && odd.as_f64().is_some_and(|number| number > NOW);
            rows.claims(name, json!({ name: odd }), ahead);
        }
        for name in ["nbf", "iat"] {
            let fine = odd.as_f64().is_some_and(|number| name == "iat" || number < NOW);
            rows.claims(name, json!({ name: odd }), fine);
        }
        rows.claims("appid", json!({"appid": odd}), odd.as_str().is_some_and(|text| !text.is_empty()));
        rows.header("kid", json!({"kid": odd}), false);
        rows.header("alg", json!({"alg": odd}), false);
        for name in ["typ", "cty"] {
            rows.header(name, json!({ name: odd }), odd.is_string());
        }
        for name in ["crit", "zip", "b64"] {
            rows.header(name, json!({ name: odd }), false);
        }
        // What nobody reads may be anything.
        rows.header("unknown header", json!({"x5c": odd, "jku": odd, "new": odd}), true);
        rows.claims("unknown claim", json!({"new": odd}), true);
    }
    for crit in [json!(["exp"]), json!(["b64"]), json!(["crit"]), json!(["alg", "alg"]), json!("exp")] {
        rows.header("crit", json!({"crit": crit, "exp": 1}), false);
    }
    for name in ["Crit", "crit ", "CRIT", "\u{441}rit"] {
        rows.header("not crit", json!({ name: ["exp"] }), true);
    }
}

fn strings(rows: &mut Rows) {
    for (name, right) in [("tid", TENANT), ("aud", APP), ("iss", "https://api.botframework.com")] {
        for wrong in [
            format!("{right}\0"),
            format!("\0{right}"),
            format!("{right} "),
            format!("{right}\n"),
            format!("{right}/"),
            format!("{right}#"),
            format!("{right},{right}"),
            right.to_uppercase(),
            right[1..].to_owned(),
            format!("{right}{right}"),
            right.replace('o', "\u{3bf}").replace('2', "\u{ff12}"),
            format!("{right}\u{200b}"),
        ] {
            rows.claims(name, json!({ name: wrong }), false);
        }
        rows.claims("list", json!({ name: [right] }), false);
        rows.claims("object", json!({ name: {"value": right} }), false);
        let escaped: Vec<_> = right.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect();
        let escaped = escaped.concat();
        let text = payload().to_string().replace(&format!("\"{right}\""), &format!("\"{escaped}\""));
        rows.signed("escaped, and so the same", &header().to_string(), text.as_bytes(), true);
    }
    for kid in [
        "K1",
        "k1\0",
        "\0k1",
        "k1 ",
        "k1/../k1",
        "' OR 1=1 --",
        "../../dev/null",
        "k\u{661}",
        "k2\0k1",
        "http://k1/",
    ] {
        rows.header("kid", json!({"kid": kid}), false);
    }
}

fn duplicates(rows: &mut Rows) {
    let (good_header, good) = (header().to_string(), payload().to_string());
    let again = |text: &str, member: &str, first: bool| {
        if first {
            text.replacen('{', &format!("{{{member},"), 1)
        } else {
            format!("{},{member}}}", &text[..text.len() - 1])
        }
    };
    for first in [true, false] {
        for member in [
            "\"alg\":\"none\"",
            "\"alg\":\"RS256\"",
            "\"\\u0061lg\":\"HS256\"",
            "\"kid\":\"k2\"",
            "\"kid\":\"k1\"",
            "\"typ\":\"JWT\"",
            "\"x\":{\"y\":1,\"y\":1}",
            "\"x\":[{\"\":1,\"\":2}]",
            "\"x5t\":1",
        ] {
            rows.signed("twice in the header", &again(&good_header, member, first), good.as_bytes(), false);
        }
        for member in [
            "\"tid\":\"x\"",
            "\"aud\":\"x\"",
            "\"iss\":\"x\"",
            "\"exp\":9999999999",
            "\"\\u0065xp\":1",
            "\"nbf\":0",
            "\"appid\":\"x\"",
            "\"x\":{\"y\":1,\"y\":1}",
        ] {
            rows.signed("twice in the claims", &good_header, again(&good, member, first).as_bytes(), false);
        }
    }
}

fn encodings(rows: &mut Rows) {
    let (good_header, good) = (header().to_string(), payload().to_string());
    let sixteen = |text: &str, big: bool| -> Vec<u8> {
        text.encode_utf16()
            .flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() })
            .collect()
    };
    let overlong = [&good.as_bytes()[..good.len() - 1], b",\"x\":\"\xc0\xaf\"}"].concat();
    for bytes in [
        sixteen(&good, true),
        sixteen(&good, false),
        [b"\xff\xfe".to_vec(), sixteen(&good, false)].concat(),
        overlong,
        [b"\xef\xbb\xbf", good.as_bytes()].concat(),
        [good.as_bytes(), b"\0"].concat(),
        [b"\0", good.as_bytes()].concat(),
        [good.as_bytes(), b"\x0b"].concat(),
        [b"\x0c", good.as_bytes()].concat(),
        good.replace('"', "'").into_bytes(),
        good.replace(',', ",,").into_bytes(),
        good.replace('}', ",}").into_bytes(),
        format!("/**/{good}").into_bytes(),
        format!("[{good}]").into_bytes(),
        format!("{good}{good}").into_bytes(),
        serde_json::to_vec(&good).unwrap(),
        good.replace("1790000298", "01790000298").into_bytes(),
        good.replace("1790000298", "+1790000298").into_bytes(),
        good.replace("1790000298", "0x6AB0E9EA").into_bytes(),
        good.replace("1790000298", "1790000298.").into_bytes(),
        good.replace("1790000298", "NaN").into_bytes(),
        good.replace("1790000298", "Infinity").into_bytes(),
        good.replace("1790000298", "1e999").into_bytes(),
        good.replace("1790000298", "-0").into_bytes(),
        good.replace("1790000298", "\"1790000298\"").into_bytes(),
    ] {
        rows.signed("encoding of the claims", &good_header, &bytes, false);
    }
    for bytes in [
        format!(" \t\r\n{good}\n"),
        good.replace(',', " ,\n"),
        good.replace("1790000298", "1.790000298E+9"),
        good.replace("1790000298", "1e15"),
    ] {
        rows.signed("the same claims", &good_header, bytes.as_bytes(), true);
    }
    for depth in [10, 60, 66, 1000, 5000] {
        let deep = format!("{},\"x\":{}{}}}", &good[..good.len() - 1], "[".repeat(depth), "]".repeat(depth));
        rows.signed("depth", &good_header, deep.as_bytes(), depth < 64);
    }
    for digits in [30, 300, 3000, 10_000] {
        let long = format!("{},\"x\":{}}}", &good[..good.len() - 1], "9".repeat(digits));
        rows.signed("digits", &good_header, long.as_bytes(), digits <= 300);
    }
    rows.claims("huge", json!({"x": "x".repeat(11_000)}), true);
    rows.claims("too huge", json!({"x": "x".repeat(13_000)}), false);
    rows.header("huge", json!({"x": vec![0; 5000]}), true);
    rows.raw("endless", "", "A".repeat(1_000_000), false);
    rows.raw("dots", "", ".".repeat(16_000), false);
}

fn forms(rows: &mut Rows) {
    let good = token(&header(), &payload());
    let parts: Vec<_> = good.split('.').collect();
    let bytes = BASE64URL.decode(parts[2]).unwrap();
    rows.raw("genuine", "", good.clone(), true);
    for (index, part) in parts.iter().enumerate() {
        let decoded = BASE64URL.decode(part).unwrap();
        for encoded in [
            BASE64_STANDARD.encode(&decoded),
            BASE64_STANDARD_NO_PAD.encode(&decoded),
            BASE64_URL_SAFE.encode(&decoded),
            format!("{part}="),
            format!("{part}%3d"),
            format!(" {part}"),
            format!("{part}\n"),
            format!("{part}\0"),
            format!("{part}A"),
            part[..part.len() - 1].to_owned(),
            String::new(),
            part.replace('A', "\u{ff21}"),
        ] {
            let mut other: Vec<String> = parts.iter().map(ToString::to_string).collect();
            if encoded != parts[index] {
                other[index].clone_from(&encoded);
                rows.raw("encoding of a part", encoded, other.join("."), false);
            }
        }
    }
    for (value, token) in [
        ("JWE", format!("{good}.AAAA.AAAA")),
        ("two parts", format!("{}.{}", parts[0], parts[1])),
        ("detached", format!("{}..{}", parts[0], parts[2])),
        ("reversed", format!("{}.{}.{}", parts[2], parts[1], parts[0])),
        ("JSON", json!({"protected": parts[0], "payload": parts[1], "signature": parts[2]}).to_string()),
        ("quoted", format!("\"{good}\"")),
        ("of others", format!("{good} {good}")),
        ("token=", format!("token={good}")),
    ] {
        rows.raw("form", value, token, false);
    }
    // A token in a token, which `cty` promises.
    rows.signed("nested", &header().to_string(), good.as_bytes(), false);
    // Signatures of other lengths that are equal as numbers.
    for signature in [
        [&[0], bytes.as_slice()].concat(),
        [bytes.as_slice(), &[0]].concat(),
        bytes[..255].to_vec(),
        vec![0; 256],
        vec![1],
        vec![],
    ] {
        rows.raw(
            "signature",
            signature.len(),
            format!("{}.{}.{}", parts[0], parts[1], BASE64URL.encode(signature)),
            false,
        );
    }
    // The modulus as a signature, and one less: 0 and -1 to any power. It is odd, so nothing is borrowed.
    let modulus = KEY.public_key().modulus().big_endian_without_leading_zero().to_vec();
    let mut before = modulus.clone();
    *before.last_mut().unwrap() -= 1;
    for signature in [modulus, before] {
        rows.raw(
            "signature",
            "modulus",
            format!("{}.{}.{}", parts[0], parts[1], BASE64URL.encode(signature)),
            false,
        );
    }
}

fn confusions(rows: &mut Rows) {
    let jwk = jwk("k1", &KEY);
    let secrets = [
        jwk.to_string().into_bytes(),
        jwk["n"].to_string().into_bytes(),
        BASE64URL.decode(jwk["n"].as_str().unwrap()).unwrap(),
        b"k1".to_vec(),
        vec![],
    ];
    for alg in ["HS256", "hs256", "RS256"] {
        for secret in &secrets {
            let head = BASE64URL.encode(with(header(), json!({"alg": alg})).to_string());
            let signed = format!("{head}.{}", BASE64URL.encode(payload().to_string()));
            let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), signed.as_bytes());
            rows.raw("HMAC with the public key", alg, format!("{signed}.{}", BASE64URL.encode(tag)), false);
            let hash = digest(&SHA256, signed.as_bytes());
            rows.raw("a hash for a signature", alg, format!("{signed}.{}", BASE64URL.encode(hash)), false);
        }
    }
    for alg in [
        "none", "None", "NONE", "nOnE", "RS384", "RS512", "PS256", "ES256", "EdDSA", "RSA256", "RS256 ", "",
        "RSA1_5", "dir",
    ] {
        let head = with(header(), json!({"alg": alg})).to_string();
        rows.signed("alg", &head, payload().to_string().as_bytes(), false);
        let signed = format!("{}.{}", BASE64URL.encode(&head), BASE64URL.encode(payload().to_string()));
        rows.raw("alg unsigned", alg, format!("{signed}."), false);
    }
    // A key, or where to find one, that the token brings along; the dial would be seen by nobody, the verdict is.
    for changes in [
        json!({"jwk": crate::signing::jwk("k1", &OTHER)}),
        json!({"jku": "http://127.0.0.1:1/keys"}),
        json!({"x5u": "http://127.0.0.1:1/key.pem"}),
        json!({"x5c": ["AAAA"]}),
        json!({"kid": "k1", "jwks": {"keys": []}}),
        json!({"epk": {}, "enc": "A256GCM"}),
    ] {
        let head = with(header(), changes).to_string();
        rows.raw("own key", &head, sign(&OTHER, &head, payload().to_string().as_bytes()), false);
    }
}

#[test]
#[allow(clippy::disallowed_methods, reason = "measures how long a verdict really takes")]
fn every_class_of_attack_gets_its_verdict() {
    let mut rows = Rows::default();
    for class in [types, strings, duplicates, encodings, forms, confusions] {
        class(&mut rows);
    }
    let verifier = verifier();
    let mut wrong = Vec::new();
    let mut slowest = Duration::ZERO;
    for Row(name, token, accept) in &rows.0 {
        let started = Instant::now();
        let verdict = verifier.verify(&format!("Bearer {token}"), NOW);
        slowest = slowest.max(started.elapsed());
        if verdict.is_ok() != *accept {
            wrong.push(format!("{name}: {verdict:?}"));
        }
    }
    let accepted = rows.0.iter().filter(|row| row.2).count();
    println!("{} tokens of our own, {accepted} genuine; the slowest verdict took {slowest:?}", rows.0.len());
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), rows.0.len(), wrong.join("\n"));
    assert!(rows.0.len() > 500 && accepted > 50);
}
