//! The receiving half of a bot: what a request is answered with, and the work that comes of it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use std::future::ready;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD as BASE64URL};
use callredirect::calls::{ClaimDesk, OnFault, Place, Step};
use callredirect::notification::{ParseOptions, id_key, is_id};
use callredirect::redirector::{Receipt, Redirector, Regions, Reply, Request, Work};
use callredirect::send::clock::{self, Arrival};
use callredirect::verify::{Binding, KeySet, KeySource, Verifier};
use serde_json::{Value, json};

const APP: &str = "24701998-1a73-4d42-8085-bf46ed0ae039";
const TENANT: &str = "632899f8-2ea1-4604-8413-27bd2892079f";
const ID: &str = "491f0b00-ffff-4bc9-a43e-b226498ec22a";

static KEY: LazyLock<RsaKeyPair> = LazyLock::new(|| RsaKeyPair::generate(KeySize::Rsa2048).unwrap());
static FORGER: LazyLock<RsaKeyPair> = LazyLock::new(|| RsaKeyPair::generate(KeySize::Rsa2048).unwrap());

fn jwks(kid: &str) -> KeySet {
    let public = KEY.public_key();
    let jwk = json!({
        "kty": "RSA", "kid": kid,
        "n": BASE64URL.encode(public.modulus().big_endian_without_leading_zero()),
        "e": BASE64URL.encode(public.exponent().big_endian_without_leading_zero()),
    });
    KeySet::from_json(&json!({ "keys": [jwk] }).to_string()).unwrap()
}

fn signed(key: &RsaKeyPair, kid: &str, changes: &Value) -> String {
    let now = clock::unix();
    let mut claims = json!({
        "tid": TENANT, "appid": APP, "nbf": now - 1.0, "exp": now + 300.0, "iss": "https://api.botframework.com",
        "aud": APP,
    });
    claims.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    let header = json!({"alg": "RS256", "kid": kid, "typ": "JWT", "cty": "JWT", "x5t": kid});
    let text = format!("{}.{}", BASE64URL.encode(header.to_string()), BASE64URL.encode(claims.to_string()));
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature).unwrap();
    format!("Bearer {text}.{}", BASE64URL.encode(signature))
}

fn genuine() -> String {
    signed(&KEY, "k1", &json!({}))
}

struct Bot {
    redirector: Redirector,
    verifier: Arc<Verifier>,
}

impl Bot {
    fn new(keys: Option<KeySet>, tenants: Option<Vec<String>>, fetches: bool) -> Self {
        let mut verifier = Verifier::new(APP, tenants, None, keys.unwrap_or_default());
        if fetches {
            verifier = verifier.fetching_from(KeySource::new("https://keys.example", &[]).unwrap());
        }
        let verifier = Arc::new(verifier);
        let claims = Arc::new(ClaimDesk::new(Place::Memory, OnFault::Degrade, 10_000));
        let options = ParseOptions::default();
        let redirector = Redirector::new(Arc::clone(&verifier), Binding::default(), claims, options, 10_000);
        Self { redirector, verifier }
    }

    fn ready() -> Self {
        Self::new(Some(jwks("k1")), None, true)
    }

    fn with(&self, authorization: &[&str], content_type: Option<&str>, body: &[u8]) -> Receipt {
        let authorization: Vec<String> = authorization.iter().map(ToString::to_string).collect();
        self.redirector.receive(&Request {
            body,
            authorization: &authorization,
            content_type,
            region: None,
            arrival: Arrival::now(),
        })
    }

    fn receive(&self, body: &[u8]) -> Receipt {
        self.with(&[&genuine()], Some("application/json; charset=utf-8"), body)
    }

    /// The work of a body that is accepted: what, and of which call.
    fn work(&self, body: &Value) -> Vec<(&'static str, String)> {
        match self.receive(body.to_string().as_bytes()) {
            Receipt::Accepted(_, work) => work.iter().map(named).collect(),
            other => panic!("{other:?}"),
        }
    }
}

fn named(work: &Work) -> (&'static str, String) {
    match work {
        Work::Redirect(call) => ("redirect", call.call_id().to_owned()),
        Work::Ended(call) => ("ended", call.call_id().to_owned()),
    }
}

fn note(change: &str, state: &str, id: &str) -> Value {
    json!({
        "changeType": change, "resourceUrl": format!("/communications/calls/{id}"),
        "resourceData": {
            "@odata.type": "#microsoft.graph.call", "id": id, "state": state, "direction": "incoming",
            "tenantId": TENANT,
        },
    })
}

fn body(notes: &[Value]) -> Value {
    json!({ "value": notes })
}

fn created(id: &str) -> Value {
    note("created", "incoming", id)
}

fn deleted(id: &str) -> Value {
    note("deleted", "terminated", id)
}

fn incoming() -> Vec<u8> {
    body(&[created(ID)]).to_string().into_bytes()
}

fn accepted() -> Reply {
    Reply { status: 202, headers: &[], location: None }
}

fn refused(receipt: Receipt) -> Reply {
    match receipt {
        Receipt::Refused(reply, reason) => {
            assert!(!reason.is_empty());
            reply
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_genuine_call_is_accepted() {
    let bot = Bot::ready();
    let Receipt::Accepted(reply, work) = bot.receive(&incoming()) else { panic!() };
    assert_eq!(reply, accepted());
    let [Work::Redirect(call)] = work.as_slice() else { panic!("{work:?}") };
    let told = call.told();
    assert_eq!(call.call_id(), ID);
    assert!(told.incoming.is_some() && told.settlement.is_none() && told.ended.is_none());
    let steps: Vec<_> = told.steps.iter().map(|(step, _)| *step).collect();
    assert_eq!(steps, [Step::Received, Step::Verified, Step::Parsed]);
    assert!(told.steps.is_sorted_by_key(|(_, at)| *at));
    assert_eq!(bot.redirector.calls().recent().len(), 1);
}

#[test]
fn every_401_is_the_same() {
    let bot = Bot::ready();
    let good = genuine();
    let forged = signed(&FORGER, "k1", &json!({}));
    let expired = signed(&KEY, "k1", &json!({"exp": clock::unix() - 301.0}));
    let early = signed(&KEY, "k1", &json!({"nbf": clock::unix() + 301.0}));
    let other_app = signed(&KEY, "k1", &json!({"aud": "another"}));
    let other_issuer = signed(&KEY, "k1", &json!({"iss": "https://evil.example"}));
    let cut = &good[..good.len() - 4];
    for authorization in [
        &[][..],
        &[""],
        &["Bearer"],
        &["Bearer x.y.z"],
        &["Basic eDp5"],
        &[&good, &good],
        &[&good, ""],
        &[cut],
        &[&forged],
        &[&expired],
        &[&early],
        &[&other_app],
        &[&other_issuer],
        &["\u{fffd}"],
    ] {
        // Nothing of the body may show through: neither that it is broken nor that it is too long.
        for body in [&incoming()[..], b"{", &vec![b' '; 300_000]] {
            let reply = refused(bot.with(authorization, Some("text/plain"), body));
            assert_eq!(
                reply,
                Reply { status: 401, headers: &[("WWW-Authenticate", "Bearer")], location: None }
            );
        }
    }
    assert!(bot.redirector.calls().recent().is_empty());
    // The same with keys that cannot be fetched, so that nobody waits for them.
    let offline = Bot::new(Some(jwks("k1")), None, false);
    let unknown = signed(&KEY, "k2", &json!({}));
    assert_eq!(refused(offline.with(&[&unknown], None, &incoming())).status, 401);
}

#[test]
fn statuses_for_bodies() {
    let bot = Bot::ready();
    let status = |body: &[u8]| match bot.receive(body) {
        Receipt::Accepted(reply, _) | Receipt::Refused(reply, _) => {
            assert!(reply.headers.is_empty());
            reply.status
        }
        Receipt::NeedsKeys => panic!(),
    };
    let deep = [b"{\"value\":".as_slice(), &b"[".repeat(100_000), &b"]".repeat(100_000), b"}"].concat();
    for (expected, body) in [
        (400, b"".as_slice()),
        (400, b"{"),
        (400, b"<x/>"),
        (400, b"\xff"),
        (400, b"[1]"),
        (400, b"{\"value\":[{}]}"),
        (400, &deep),
        (202, b"[]"),
        (202, b"{\"value\":[]}"),
        (204, b"{\"id\":\"1\",\"callState\":\"incoming\"}"),
        (413, &vec![b' '; 256 * 1024 + 1]),
        (400, &vec![b' '; 256 * 1024]),
    ] {
        assert_eq!(status(body), expected, "{:.40}", String::from_utf8_lossy(body));
    }
    // One item that cannot be read does not lose the call beside it.
    assert_eq!(status(body(&[json!({}), created(ID)]).to_string().as_bytes()), 202);
    assert_eq!(bot.redirector.calls().recent().len(), 1);
}

#[test]
fn the_content_type_is_json_or_not_said() {
    let bot = Bot::ready();
    let token = genuine();
    let status = |content_type| match bot.with(&[&token], content_type, b"[]") {
        Receipt::Accepted(reply, _) | Receipt::Refused(reply, _) => reply.status,
        Receipt::NeedsKeys => panic!(),
    };
    for fine in ["application/json", "Application/JSON ; charset=utf-8", "application/vnd.x+json"] {
        assert_eq!(status(Some(fine)), 202, "{fine}");
    }
    assert_eq!(status(None), 202);
    for wrong in
        ["", "text/plain", "application/jsonx", "text/json+json", "multipart/form-data; x=application/json"]
    {
        assert_eq!(status(Some(wrong)), 415, "{wrong}");
    }
}

#[test]
fn a_token_moves_calls_of_its_own_tenant_only() {
    let bot = Bot::ready();
    let other = signed(&KEY, "k1", &json!({"tid": "another"}));
    assert_eq!(refused(bot.with(&[&other], None, &incoming())).status, 403);
    let ends = body(&[deleted(ID)]).to_string();
    assert_eq!(refused(bot.with(&[&other], None, ends.as_bytes())).status, 403);
    assert_eq!(bot.work(&body(&[created(ID)])).len(), 1);
    // GUIDs are the same in either case; a call that names no tenant is the token's.
    let upper = signed(&KEY, "k1", &json!({"tid": TENANT.to_uppercase()}));
    assert!(matches!(bot.with(&[&upper], None, &incoming()), Receipt::Accepted(..)));
    let served = Bot::new(Some(jwks("k1")), Some(vec![TENANT.into()]), true);
    assert!(matches!(served.receive(&incoming()), Receipt::Accepted(..)));
    assert_eq!(refused(served.with(&[&other], None, b"[]")).status, 403);
}

#[test]
fn a_closed_bot_answers_503_to_everybody() {
    let bot = Bot::ready();
    bot.redirector.close();
    assert_eq!(refused(bot.receive(&incoming())).status, 503);
    assert_eq!(refused(bot.with(&[], None, b"")), Reply { status: 503, ..accepted() });
    assert!(bot.redirector.calls().recent().is_empty());
}

#[tokio::test(start_paused = true)]
async fn without_keys_a_fetch_is_asked_for_and_nobody_is_accused() {
    let bot = Bot::new(None, None, true);
    let needs_keys = || matches!(bot.receive(&incoming()), Receipt::NeedsKeys);
    // Everybody waits for the fetch that is under way.
    assert!(needs_keys() && needs_keys());
    // A token that is none needs no keys.
    assert_eq!(refused(bot.with(&["Bearer x"], None, b"")).status, 401);
    assert!(bot.verifier.fetch_keys_by(ready(Err("down".into()))).await.is_err());
    assert_eq!(refused(bot.receive(&incoming())).status, 503);
    tokio::time::advance(Duration::from_millis(999)).await;
    assert_eq!(refused(bot.receive(&incoming())).status, 503);
    tokio::time::advance(Duration::from_millis(1)).await;
    assert!(needs_keys());
    bot.verifier.replace_keys(jwks("k1"));
    assert!(matches!(bot.receive(&incoming()), Receipt::Accepted(..)));
    let offline = Bot::new(None, None, false);
    assert_eq!(refused(offline.receive(&incoming())).status, 503);
}

#[tokio::test(start_paused = true)]
async fn an_unknown_key_fetches_once_in_30_seconds_and_delays_no_one_else() {
    let bot = Bot::ready();
    let rotated = signed(&KEY, "k2", &json!({}));
    let with_rotated = || bot.with(&[&rotated], None, &incoming());
    assert!(matches!(with_rotated(), Receipt::NeedsKeys));
    assert!(matches!(with_rotated(), Receipt::NeedsKeys));
    assert!(matches!(bot.receive(&incoming()), Receipt::Accepted(..)));
    assert!(bot.verifier.fetch_keys_by(ready(Ok(jwks("k1")))).await.is_ok());
    for _ in 0..30 {
        let invented = signed(&KEY, "invented", &json!({}));
        assert_eq!(refused(bot.with(&[&invented], None, b"[]")).status, 401);
        assert_eq!(refused(with_rotated()).status, 401);
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    assert!(matches!(with_rotated(), Receipt::NeedsKeys));
    assert!(bot.verifier.fetch_keys_by(ready(Ok(jwks("k2")))).await.is_ok());
    assert!(matches!(with_rotated(), Receipt::Accepted(..)));
}

/// The Skype format comes first, then Graph's: the time of the call runs from the first of the two.
#[tokio::test(start_paused = true)]
async fn a_call_announced_in_the_skype_format_keeps_its_time() {
    let bot = Bot::ready();
    let legacy = |id: &str| json!({"id": id, "callState": "incoming", "callChainId": "c-1"}).to_string();
    let chained = |id: &str, chain: &str| {
        let mut note = created(id);
        note["resourceData"]["callChainId"] = chain.into();
        body(&[note]).to_string()
    };
    let age = |body: &str| match bot.receive(body.as_bytes()) {
        Receipt::Accepted(_, work) => {
            let Work::Redirect(call) = &work[0] else { panic!("{work:?}") };
            let incoming = call.told().incoming.unwrap();
            assert_eq!(call.arrival(), incoming.json.arrival);
            call.arrival().elapsed().as_millis()
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(bot.receive(legacy(ID).as_bytes())).status, 204);
    tokio::time::advance(Duration::from_millis(700)).await;
    assert_eq!(age(&chained("another", "c-2")), 0);
    assert_eq!(age(&chained(&ID.to_uppercase(), "c-2")), 700);
    // Found by its chain, and once: the next call of the chain is a call of its own.
    assert_eq!(refused(bot.receive(legacy("x").as_bytes())).status, 204);
    tokio::time::advance(Duration::from_secs(3)).await;
    assert_eq!(age(&chained("by-its-chain", "C-1")), 3000);
    assert_eq!(age(&chained("next-in-the-chain", "c-1")), 0);
    // What was announced too long ago is another ring.
    assert_eq!(refused(bot.receive(legacy("late").as_bytes())).status, 204);
    tokio::time::advance(Duration::from_secs(15)).await;
    assert_eq!(age(&chained("late", "c-1")), 0);
    // Many announcements, ids of any type, none of it kept for ever.
    for odd in [json!(null), json!(7), json!([]), json!("")] {
        let body = json!({"callState": "incoming", "id": odd, "callChainId": odd}).to_string();
        assert_eq!(refused(bot.receive(body.as_bytes())).status, 204);
    }
    for number in 0..3000 {
        bot.receive(legacy(&format!("n-{number}")).as_bytes());
    }
    assert_eq!(age(&chained("n-0", "none")), 0);
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(age(&chained("n-2999", "none")), 1000);
}

#[test]
fn another_region_takes_its_calls() {
    let elsewhere = [("emea".into(), "https://emea.example/api/calls".into())];
    let mut bot = Bot::ready();
    bot.redirector = bot.redirector.leaving_to(Regions::new(elsewhere).unwrap());
    let token = [genuine()];
    let receive = |region: Option<&str>, authorization: &[String], body: &[u8]| {
        bot.redirector.receive(&Request {
            body,
            authorization,
            content_type: None,
            region,
            arrival: Arrival::now(),
        })
    };
    for region in ["emea", "EMEA"] {
        let reply = refused(receive(Some(region), &token, &incoming()));
        assert_eq!((reply.status, reply.location.as_deref()), (302, Some("https://emea.example/api/calls")));
    }
    assert!(bot.redirector.calls().recent().is_empty());
    // Whoever is a stranger is not told of it, and what happens to a call here is told here.
    let stranger = refused(receive(Some("emea"), &["Bearer x".into()], &incoming()));
    assert_eq!((stranger.status, stranger.location), (401, None));
    let ends = body(&[deleted(ID)]).to_string();
    assert!(matches!(receive(Some("emea"), &token, ends.as_bytes()), Receipt::Accepted(..)));
    for region in [None, Some("amer"), Some(""), Some("emea ")] {
        assert!(matches!(receive(region, &token, &incoming()), Receipt::Accepted(..)));
    }
    for bad in ["http://emea.example", "emea.example", "https://a:b@emea.example", ""] {
        assert!(Regions::new([("emea".into(), bad.into())]).is_err(), "{bad}");
    }
}

#[test]
fn a_verifier_that_verifies_nothing_needs_no_token() {
    let verifier = Arc::new(Verifier::dangerously_accepting_anyone(APP));
    let claims = Arc::new(ClaimDesk::new(Place::Memory, OnFault::Degrade, 10));
    let redirector = Redirector::new(verifier, Binding::default(), claims, ParseOptions::default(), 10);
    for authorization in [&[][..], &["x".into()], &["x".into(), "y".into()]] {
        let body = body(&[created(&format!("call-{}", authorization.len()))]).to_string();
        let request = Request {
            body: body.as_bytes(),
            authorization,
            content_type: None,
            region: None,
            arrival: Arrival::now(),
        };
        assert!(matches!(redirector.receive(&request), Receipt::Accepted(..)));
    }
}

#[test]
fn one_call_is_redirected_once() {
    let bot = Bot::ready();
    let redirect = vec![("redirect", ID.to_owned())];
    assert_eq!(bot.work(&body(&[created(ID), created(ID)])), redirect);
    let undashed = ID.replace('-', "");
    for again in [ID, &ID.to_uppercase(), &undashed, &undashed.to_uppercase()] {
        assert_eq!(bot.work(&body(&[created(again)])), []);
    }
    assert_eq!(bot.redirector.calls().recent().len(), 1);
    // Its end is told once, as the id it came in with.
    assert_eq!(bot.work(&body(&[deleted(&undashed)])), [("ended", ID.to_owned())]);
    assert_eq!(bot.work(&body(&[deleted(ID), note("updated", "terminated", ID)])), []);
    assert_eq!(bot.work(&body(&[created(ID)])), []);
    assert!(bot.redirector.calls().recent()[0].told().ended.is_some());
}

#[test]
fn what_came_and_went_is_not_redirected() {
    for notes in [[created(ID), deleted(ID)], [deleted(ID), created(ID)]] {
        assert_eq!(Bot::ready().work(&body(&notes)), [("ended", ID.to_owned())]);
        let late = Bot::ready();
        late.work(&body(&[deleted(&ID.to_uppercase())]));
        assert_eq!(late.work(&body(&notes)), []);
    }
    // An end is often told without the call.
    let bare = json!({"changeType": "deleted", "resourceUrl": format!("/communications/calls/{ID}")});
    let bot = Bot::ready();
    assert_eq!(bot.work(&body(&[bare])), [("ended", ID.to_owned())]);
    assert_eq!(bot.work(&body(&[created(ID)])), []);
}

#[test]
fn many_calls_in_one_body_are_many_calls() {
    let bot = Bot::ready();
    let notes: Vec<_> = (0..50).map(|i| created(&format!("call-{i}"))).collect();
    let expected: Vec<_> = (0..50).map(|i| ("redirect", format!("call-{i}"))).collect();
    assert_eq!(bot.work(&body(&notes)), expected);
}

#[test]
fn other_changes_are_no_work() {
    let bot = Bot::ready();
    for (change, state) in [("updated", "incoming"), ("created", "established"), ("updated", "establishing")]
    {
        assert_eq!(bot.work(&body(&[note(change, state, ID)])), []);
    }
    let people = format!("/communications/calls/{ID}/participants");
    assert_eq!(
        bot.work(&body(&[json!({"changeType": "updated", "resourceUrl": people, "resourceData": []})])),
        []
    );
    // None of it has claimed the call.
    assert_eq!(bot.work(&body(&[created(ID)])).len(), 1);
}

#[test]
fn every_body_of_the_corpus_with_a_genuine_token() {
    let Some(folder) = common::corpus("notification_bodies") else { return };
    let rows = std::fs::read(folder.join("bodies.json")).unwrap();
    let rows: Vec<Value> = serde_json::from_slice(&rows).unwrap();
    assert!(rows.len() >= 173);
    let mut wrong = Vec::new();
    for row in &rows {
        let body = BASE64_STANDARD.decode(row["body_b64"].as_str().unwrap()).unwrap();
        let (status, work) = match Bot::ready().receive(&body) {
            Receipt::Accepted(reply, work) => (reply.status, work),
            Receipt::Refused(reply, _) => (reply.status, Vec::new()),
            Receipt::NeedsKeys => panic!("{row}"),
        };
        let redirects = work.iter().filter(|work| matches!(work, Work::Redirect(_))).count();
        let fits = match row["expect"].as_str().unwrap() {
            "redirectable" => (status, redirects, work.len()) == (202, 1, 1),
            "ignore" => (status, redirects) == (202, 0),
            "legacy" => (status, work.len()) == (204, 0),
            "reject" => matches!(status, 400 | 413) && work.is_empty(),
            "either" => matches!(status, 202 | 204 | 400 | 403 | 413),
            _ => false,
        };
        let mut keys: Vec<_> = work.iter().map(|work| id_key(&named(work).1)).collect();
        assert!(work.iter().all(|work| is_id(&named(work).1)), "{}: {work:?}", row["id"]);
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), work.len(), "{}: twice the same call", row["id"]);
        if !fits {
            wrong.push(format!("{} {} ({}): {status} {work:?}", row["id"], row["expect"], row["why"]));
        }
    }
    assert!(wrong.is_empty(), "{} rows:\n{}", wrong.len(), wrong.join("\n"));
}
