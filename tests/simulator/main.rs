//! The simulator over real HTTP: Graph's side asked by a plain client, the caller's side answered by a bot of our own.
#![cfg(feature = "simulator")]
// How long stopping takes is real time.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::disallowed_methods)]

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use callredirect::simulator::{
    AccessOptions, NotificationToken, RingError, RingOptions, RungCall, Simulator, SimulatorOptions,
};
use serde_json::{Value, json};

mod events;
mod faults;
mod page;
mod scenario;

const FORWARD: &str = r##"{"targets": [{"@odata.type": "#microsoft.graph.invitationParticipantInfo", "identity": {
    "@odata.type": "#microsoft.graph.identitySet", "application": {"@odata.type": "#microsoft.graph.identity",
    "displayName": "test bot 2", "id": "22bfd41f-550e-477d-8789-f6f7bd2a5e8b"}}}],
    "callbackUri": "https://bot.contoso.com/api/calls/24701998-1a73-4d42-8085-bf46ed0ae039"}"##;
const TO_PHONE: &str = r##"{"targets": [{"@odata.type": "#microsoft.graph.invitationParticipantInfo", "identity": {
    "@odata.type": "#microsoft.graph.identitySet", "phone": {"@odata.type": "#microsoft.graph.identity",
    "id": "+12345678901"}}}]}"##;

fn simulator() -> Simulator {
    Simulator::start(SimulatorOptions::default()).unwrap()
}

fn plain_client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

/// A redirect that would be accepted, to be spoilt one part at a time.
struct Asking {
    http: reqwest::Client,
    url: String,
    token: Option<String>,
    content_type: &'static str,
    body: String,
}

impl Asking {
    fn of(graph: &Simulator, call_id: &str) -> Self {
        Self {
            http: plain_client(),
            url: format!("{}/beta/communications/calls/{call_id}/redirect", graph.base_url()),
            token: Some(graph.access_token(AccessOptions::for_tenant(graph.tenant_id())).unwrap()),
            content_type: "application/json",
            body: FORWARD.to_owned(),
        }
    }

    async fn send(&self) -> reqwest::Response {
        let mut request =
            self.http.post(&self.url).header("client-request-id", "our-id").body(self.body.clone());
        if !self.content_type.is_empty() {
            request = request.header("content-type", self.content_type);
        }
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        request.send().await.unwrap()
    }

    /// Status, code and message of the refusal, after checking the envelope and the headers.
    async fn refused(&self) -> (u16, String, String) {
        let response = self.send().await;
        let status = response.status().as_u16();
        let request_id = response.headers()["request-id"].to_str().unwrap().to_owned();
        assert_eq!(response.headers()["client-request-id"], "our-id");
        assert_eq!(response.headers()["content-type"], "application/json");
        let body: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
        let inner = &body["error"]["innerError"];
        assert_eq!(inner["request-id"], request_id);
        assert_eq!(inner["client-request-id"], "our-id");
        assert_eq!(inner["date"].as_str().unwrap().len(), "2026-01-31T12:00:00".len());
        let text = |name: &str| body["error"][name].as_str().unwrap().to_owned();
        (status, text("code"), text("message"))
    }
}

#[tokio::test]
async fn a_redirect_is_accepted_once() {
    let graph = simulator();
    let id = graph.place_call(&RingOptions::default()).unwrap();
    let asking = Asking::of(&graph, &id);
    let response = asking.send().await;
    assert_eq!(response.status(), 202);
    assert_eq!(response.headers()["client-request-id"], "our-id");
    assert!(response.headers().contains_key("request-id"));
    assert_eq!(response.bytes().await.unwrap().len(), 0);
    assert_eq!(asking.refused().await, (404, "8522".to_owned(), "Call not found.".to_owned()));

    let redirects = graph.redirects();
    assert_eq!(redirects.iter().map(|redirect| redirect.status).collect::<Vec<_>>(), [Some(202), Some(404)]);
    assert_eq!(redirects[0].call_id, id);
    assert_eq!(redirects[0].body, FORWARD.as_bytes());
    assert_eq!(redirects[0].api_version.as_str(), "beta");
    assert_eq!(redirects[0].client_request_id.as_deref(), Some("our-id"));
    assert!(redirects[0].after.unwrap() < Duration::from_secs(15));
    let requests: Vec<_> = graph.requests().into_iter().map(|r| (r.method, r.path, r.status)).collect();
    let path = format!("/beta/communications/calls/{id}/redirect");
    assert_eq!(
        requests,
        [("POST".to_owned(), path.clone(), Some(202)), ("POST".to_owned(), path, Some(404))]
    );
}

#[tokio::test]
async fn of_many_at_once_one_is_accepted() {
    let graph = simulator();
    let id = graph.place_call(&RingOptions::default()).unwrap();
    let asking = Arc::new(Asking::of(&graph, &id));
    let mut all = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let asking = Arc::clone(&asking);
        all.spawn(async move { asking.send().await.status().as_u16() });
    }
    let statuses = all.join_all().await;
    assert_eq!(statuses.iter().filter(|status| **status == 202).count(), 1);
    assert_eq!(statuses.iter().filter(|status| **status == 404).count(), 19);
}

#[tokio::test]
async fn ids_match_in_any_spelling_and_both_versions_and_the_old_path_work() {
    let graph = simulator();
    for path in ["v1.0/communications", "beta/communications", "beta/app"] {
        let id = graph.place_call(&RingOptions::default()).unwrap();
        let mut asking = Asking::of(&graph, &id);
        let spelling = id.replace('-', "").to_uppercase();
        asking.url = format!("{}/{path}/calls/{spelling}/redirect", graph.base_url());
        assert_eq!(asking.send().await.status(), 202, "{path}");
    }
}

#[tokio::test]
async fn who_may_not_is_told_why() {
    const UNKNOWN: (u16, &str, &str) =
        (401, "InvalidAuthenticationToken", "Access token validation failure. Invalid signature.");
    let graph = simulator();
    let id = graph.place_call(&RingOptions::default()).unwrap();
    let access = |change: fn(&mut AccessOptions)| {
        let mut options = AccessOptions::for_tenant(graph.tenant_id());
        change(&mut options);
        Some(graph.access_token(options).unwrap())
    };
    let cases = [
        (None, (401, "InvalidAuthenticationToken", "Access token is empty.")),
        (access(|_| ()).map(|token| token + "x"), UNKNOWN),
        // Signed by the same key, and yet not issued for Graph.
        (graph.notification_token(graph.app_id(), graph.tenant_id()).ok(), UNKNOWN),
        (
            access(|options| options.lifetime = Duration::ZERO),
            (401, "InvalidAuthenticationToken", "Lifetime validation failed, the token is expired."),
        ),
        (
            access(|options| options.tenant_id = "11111111-1111-1111-1111-111111111111".to_owned()),
            (403, "7505", "Request authorization tenant mismatch."),
        ),
        (
            access(|options| options.roles = vec!["Calls.AccessMedia.All".to_owned()]),
            (403, "7504", "Insufficient enterprise tenant permissions, cannot access this API."),
        ),
    ];
    for (token, (status, code, message)) in cases {
        let asking = Asking { token, ..Asking::of(&graph, &id) };
        assert_eq!(asking.refused().await, (status, code.to_owned(), message.to_owned()));
    }
    assert_eq!(Asking::of(&graph, &id).send().await.status(), 202, "no refusal has used the call up");
}

#[tokio::test]
async fn what_cannot_be_read_is_a_bad_request() {
    let graph = simulator();
    let id = graph.place_call(&RingOptions::default()).unwrap();
    for content_type in ["", "text/plain", "application/jsonp"] {
        let asking = Asking { content_type, ..Asking::of(&graph, &id) };
        let (status, code, _) = asking.refused().await;
        assert_eq!((status, code.as_str()), (400, "BadRequest"), "{content_type:?}");
    }
    let huge = Asking { body: " ".repeat(300 * 1024), ..Asking::of(&graph, &id) };
    assert_eq!(huge.refused().await.0, 413);
    let charset = Asking { content_type: "application/json; charset=utf-8", ..Asking::of(&graph, &id) };
    assert_eq!(charset.send().await.status(), 202);
}

#[tokio::test]
async fn a_body_against_the_rules_names_every_fault() {
    let graph = simulator();
    let id = graph.place_call(&RingOptions::default()).unwrap();
    let broken = Asking { body: "{\"targets\": [".to_owned(), ..Asking::of(&graph, &id) };
    let (status, code, _) = broken.refused().await;
    assert_eq!((status, code.as_str()), (400, "BadRequest"));
    let body = json!({"targets": [], "timeout": 99, "callbackUri": "http://bot.contoso.com"}).to_string();
    let (status, code, message) = Asking { body, ..Asking::of(&graph, &id) }.refused().await;
    assert_eq!((status, code.as_str()), (400, "BadRequest"));
    for place in ["$.targets", "$.timeout", "$.callbackUri"] {
        assert!(message.contains(place), "{place} is missing in {message}");
    }
}

#[tokio::test]
async fn too_late_is_call_not_found() {
    let graph = simulator();
    let options = RingOptions { wait: Some(Duration::from_millis(50)), ..RingOptions::default() };
    let id = graph.place_call(&options).unwrap();
    tokio::time::sleep(Duration::from_millis(80)).await;
    assert_eq!(Asking::of(&graph, &id).refused().await.1, "8522");
    assert_eq!(Asking::of(&graph, "unknown").refused().await.1, "8522");
}

#[tokio::test]
async fn the_call_can_be_looked_at() {
    let graph = simulator();
    let id = graph.place_call(&RingOptions::default()).unwrap();
    let asking = Asking::of(&graph, &id);
    let url = format!("{}/v1.0/communications/calls/{id}", graph.base_url());
    let show = async |token: Option<&String>| -> (u16, Value) {
        let mut request = asking.http.get(&url);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let response = request.send().await.unwrap();
        (response.status().as_u16(), serde_json::from_str(&response.text().await.unwrap()).unwrap())
    };
    let (status, call) = show(asking.token.as_ref()).await;
    assert_eq!((status, &call["state"], &call["id"]), (200, &json!("incoming"), &json!(id)));
    asking.send().await;
    assert_eq!(show(asking.token.as_ref()).await.1["state"], "redirecting");
    assert_eq!(show(None).await.0, 401);
    let other = graph.access_token(AccessOptions::for_tenant("other")).unwrap();
    assert_eq!(show(Some(&other)).await.1["error"]["code"], "7505");
}

#[tokio::test]
async fn unknown_paths_and_methods_are_errors_in_graphs_form() {
    let graph = simulator();
    let mut asking = Asking::of(&graph, "x");
    for path in
        ["/nowhere", "/v1.0/users", "/v2.0/communications/calls/x/redirect", "/v1.0/app/calls/x/redirect"]
    {
        asking.url = format!("{}{path}", graph.base_url());
        let (status, code, _) = asking.refused().await;
        assert_eq!((status, code.as_str()), (404, "ResourceNotFound"), "{path}");
    }
    asking.url = format!("{}/v1.0/communications/calls/x", graph.base_url());
    assert_eq!(asking.refused().await.0, 405);
    assert_eq!(graph.requests().last().unwrap().status, Some(405));
}

#[tokio::test]
async fn the_published_key_verifies_a_notification_token() {
    let graph = simulator();
    let http = plain_client();
    let get = async |url: &str| http.get(url).send().await.unwrap().text().await.unwrap();
    let metadata: Value = serde_json::from_str(&get(&graph.metadata_url()).await).unwrap();
    assert_eq!(metadata["issuer"], "https://api.botframework.com");
    assert_eq!(metadata["id_token_signing_alg_values_supported"], json!(["RSA256"]));
    let jwks = get(metadata["jwks_uri"].as_str().unwrap()).await;
    assert_eq!(jwks, graph.jwks());

    let token = graph.notification_token(graph.app_id(), graph.tenant_id()).unwrap();
    let claims = verify(&token, &jwks, graph.app_id()).unwrap();
    assert_eq!(claims["tid"], graph.tenant_id());
    assert_eq!(claims["appid"], graph.app_id());
    assert_eq!(claims["exp"].as_u64().unwrap() - claims["nbf"].as_u64().unwrap(), 300);
    let names: Vec<_> = claims.as_object().unwrap().keys().cloned().collect();
    assert_eq!(names, ["tid", "appid", "nbf", "exp", "iss", "aud"], "and no iat");
    let header = jsonwebtoken::decode_header(&token).unwrap();
    assert_eq!(header.cty.as_deref(), Some("JWT"));
    assert_eq!(header.x5t, header.kid);

    let changes = json!({"aud": "another app", "tid": null});
    let odd = graph.notification_token_with("a", "t", changes.as_object().unwrap()).unwrap();
    assert!(verify(&odd, &jwks, "a").is_err());
    assert!(verify(&odd, &jwks, "another app").unwrap().get("tid").is_none());
}

#[test]
fn keys_are_shared_unless_asked_otherwise() {
    let (one, two) = (simulator(), simulator());
    let other = Simulator::start(SimulatorOptions { own_key: true, ..SimulatorOptions::default() }).unwrap();
    assert_eq!(one.jwks(), two.jwks());
    assert_ne!(one.jwks(), other.jwks());
    let forged = other.notification_token("app", "tenant").unwrap();
    assert!(verify(&forged, &one.jwks(), "app").is_err());
}

fn verify(token: &str, jwks: &str, app_id: &str) -> Result<Value, jsonwebtoken::errors::Error> {
    let keys: jsonwebtoken::jwk::JwkSet = serde_json::from_str(jwks).unwrap();
    let key = jsonwebtoken::DecodingKey::from_jwk(&keys.keys[0]).unwrap();
    let mut checks = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::RS256);
    checks.set_audience(&[app_id]);
    checks.set_issuer(&["https://api.botframework.com"]);
    Ok(jsonwebtoken::decode::<Value>(token, &key, &checks)?.claims)
}

/// What the bot does, and what it got.
#[derive(Clone)]
struct Bot {
    graph: String,
    token: String,
    /// Sent for each incoming call before replying.
    redirect: Option<&'static str>,
    status: StatusCode,
    received: Arc<Mutex<Vec<(HeaderMap, Bytes)>>>,
}

/// Starts a bot that trusts everybody and does what it is told.
async fn bot(graph: &Simulator, redirect: Option<&'static str>, status: StatusCode) -> (String, Bot) {
    let bot = Bot {
        graph: graph.base_url().to_owned(),
        token: graph.access_token(AccessOptions::for_tenant(graph.tenant_id())).unwrap(),
        redirect,
        status,
        received: Arc::default(),
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/api/calls", listener.local_addr().unwrap());
    let router = Router::new()
        .route("/api/calls", post(on_call))
        .route("/api/calls/{app}", post(on_call))
        .with_state(bot.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, bot)
}

async fn on_call(
    State(bot): State<Bot>,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, [(&'static str, &'static str); 1], &'static str) {
    bot.received.lock().unwrap().push((headers, body.clone()));
    let note: Value = serde_json::from_slice(&body).unwrap_or_default();
    if let (Some(redirect), Some("created")) = (bot.redirect, note["value"][0]["changeType"].as_str()) {
        let url = format!("{}/v1.0{}/redirect", bot.graph, note["value"][0]["resourceUrl"].as_str().unwrap());
        let request =
            plain_client().post(url).bearer_auth(&bot.token).header("content-type", "application/json");
        assert_eq!(request.body(redirect).send().await.unwrap().status(), 202);
    }
    (bot.status, [("x-bot", "ours")], "noted")
}

async fn ring(graph: &Simulator, url: &str, options: RingOptions) -> Result<RungCall, RingError> {
    let ringing = graph.ring(url, options).unwrap();
    tokio::task::spawn_blocking(move || ringing.wait()).await.unwrap()
}

fn step_names(rung: &RungCall) -> Vec<&'static str> {
    assert!(rung.steps.is_sorted_by_key(|(_, time)| *time));
    rung.steps.iter().map(|(name, _)| *name).collect()
}

#[tokio::test]
async fn a_call_rings_is_redirected_and_ends() {
    let graph = simulator();
    let (url, bot) = bot(&graph, Some(FORWARD), StatusCode::ACCEPTED).await;
    let rung = ring(&graph, &url, RingOptions::example(1).unwrap()).await.unwrap();

    assert_eq!(rung.reply_status, Some(202));
    assert!(rung.reply_headers.contains(&("x-bot".to_owned(), "ours".to_owned())));
    assert_eq!(rung.reply_body, "noted");
    assert_eq!(rung.redirect.as_ref().unwrap().body, FORWARD);
    assert_eq!(rung.ended_status, Some(202));
    assert_eq!(step_names(&rung), ["rang", "redirected", "replied", "answered", "ended"]);

    let received = bot.received.lock().unwrap().clone();
    assert_eq!(received.len(), 2);
    for (headers, _) in &received {
        let token = headers["authorization"].to_str().unwrap().strip_prefix("Bearer ").unwrap();
        verify(token, &graph.jwks(), graph.app_id()).unwrap();
        assert_eq!(headers["user-agent"], "Microsoft-Skype/3.0,(Calling/1.0)");
        assert!(headers["content-type"].to_str().unwrap().starts_with("application/json"));
    }
    let same = |name: &str| received[0].0[name] == received[1].0[name];
    assert!(same("scenario-id") && same("x-microsoft-skype-chain-id"));
    assert!(!same("x-microsoft-skype-message-id"));

    let mut expected = documented(1, &rung.call_id);
    assert_eq!(serde_json::from_slice::<Value>(&received[0].1).unwrap(), expected);
    expected["value"][0]["changeType"] = "deleted".into();
    expected["value"][0]["resourceData"]["state"] = "terminated".into();
    assert_eq!(serde_json::from_slice::<Value>(&received[1].1).unwrap(), expected);

    assert_eq!(Asking::of(&graph, &rung.call_id).refused().await.1, "8522", "the call is over");
}

#[tokio::test]
async fn a_phone_answers_encrypted() {
    let graph = simulator();
    let (url, bot) = bot(&graph, Some(TO_PHONE), StatusCode::ACCEPTED).await;
    let rung = ring(&graph, &url, RingOptions::example(3).unwrap()).await.unwrap();
    assert!(rung.redirect.is_some());
    let ended: Value = serde_json::from_slice(&bot.received.lock().unwrap()[1].1).unwrap();
    let answered_by = json!({
        "@odata.type": "#microsoft.graph.participantInfo",
        "identity": {
            "@odata.type": "#microsoft.graph.identitySet",
            "encrypted": {
                "@odata.type": "#microsoft.graph.identity",
                "id": "1xt4uextl99sdzwdxuvdxrvgrv8gehcq7jdgf9yhzeto",
            },
        },
        "endpointType": "default",
    });
    assert_eq!(ended["value"][0]["resourceData"]["answeredBy"], answered_by);
}

#[tokio::test]
async fn without_a_redirect_the_call_expires_and_the_bot_hears_of_it() {
    let graph = simulator();
    let (url, bot) = bot(&graph, None, StatusCode::ACCEPTED).await;
    let wait = Duration::from_millis(100);
    let rung = ring(&graph, &url, RingOptions { wait: Some(wait), ..RingOptions::default() }).await.unwrap();
    assert_eq!(rung.redirect, None);
    assert_eq!(step_names(&rung), ["rang", "replied", "expired", "ended"]);
    assert!(rung.steps[2].1 >= wait && rung.steps[2].1 < 3 * wait);
    assert_eq!(bot.received.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn a_bot_that_refuses_is_not_told_of_the_end() {
    let graph = simulator();
    let (url, bot) = bot(&graph, None, StatusCode::UNAUTHORIZED).await;
    for (token, header) in [
        (NotificationToken::Given("forged".to_owned()), Some("Bearer forged")),
        (NotificationToken::Missing, None),
    ] {
        let options = RingOptions { token, body: Some(b"{not json".to_vec()), ..RingOptions::default() };
        let rung = ring(&graph, &url, options).await.unwrap();
        assert_eq!((rung.reply_status, rung.ended_status), (Some(401), None));
        let (headers, body) = bot.received.lock().unwrap().pop().unwrap();
        assert_eq!(headers.get("authorization").map(|value| value.to_str().unwrap()), header);
        assert_eq!(body, "{not json");
        assert!(bot.received.lock().unwrap().is_empty());
    }
}

#[tokio::test]
async fn only_bots_on_this_machine_are_rung() {
    let graph = simulator();
    for url in ["http://bot.contoso.com/", "http://10.0.0.1/", "ftp://127.0.0.1/", "nonsense"] {
        let refused = graph.ring(url, RingOptions::default()).unwrap_err();
        assert_eq!(refused, RingError::NotLoopback(url.to_owned()));
    }
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let patience = Some(Duration::ZERO);
    let unreachable =
        ring(&graph, &format!("http://{nobody}"), RingOptions { patience, ..RingOptions::default() }).await;
    assert!(matches!(unreachable, Err(RingError::Unreachable(..))));
}

#[tokio::test]
async fn hanging_up_and_stopping_are_quick() {
    let graph = simulator();
    let (url, _) = bot(&graph, None, StatusCode::ACCEPTED).await;
    let known = RingOptions { call_id: Some("known".to_owned()), ..RingOptions::default() };
    let ringing = graph.ring(&url, known.clone()).unwrap();
    assert!(ringing.wait_for(Duration::from_millis(100)).is_none());
    let second = ring(&graph, &url, known.clone()).await;
    assert_eq!(second, Err(RingError::AlreadyRinging("known".to_owned())));
    drop(ringing);
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(graph.place_call(&known).is_ok(), "the caller hung up, so the id is free");

    let ringing = graph.ring(&url, RingOptions::default()).unwrap();
    let start = Instant::now();
    graph.stop();
    graph.stop();
    assert_eq!(ringing.wait(), Err(RingError::Stopped));
    assert!(start.elapsed() < Duration::from_secs(1));
    assert_eq!(graph.ring(&url, RingOptions::default()).unwrap_err(), RingError::Stopped);
    assert!(std::net::TcpStream::connect(graph.base_url().trim_start_matches("http://")).is_err());
}

#[tokio::test]
async fn the_examples_are_those_of_the_documentation() {
    let graph = simulator();
    let (url, bot) = bot(&graph, None, StatusCode::NO_CONTENT).await;
    for number in 1..=3 {
        let wait = Some(Duration::from_millis(20));
        let options = RingOptions { wait, ..RingOptions::example(number).unwrap() };
        let rung = ring(&graph, &url, options).await.unwrap();
        let received = std::mem::take(&mut *bot.received.lock().unwrap());
        let incoming: Value = serde_json::from_slice(&received[0].1).unwrap();
        assert_eq!(incoming, documented(number, &rung.call_id), "example {number}");
    }
    assert!(RingOptions::example(0).is_none() && RingOptions::example(4).is_none());
}

/// An incoming notification of the documentation, typed in from it rather than taken from the code under test.
fn documented(number: u8, call_id: &str) -> Value {
    let tenant = "632899f8-2ea1-4604-8413-27bd2892079f";
    let (caller, me) = if number == 2 {
        ("ec040873-8235-45fd-a403-c7259a5a548e", "f540f1b6-994b-4866-be95-8aad34c4f4dc")
    } else {
        ("8d1e6ab6-26c5-4e22-a1bc-06ea7343958e", "c339cede-4bd6-4f20-ab9f-3a13e65f6d00")
    };
    let bot = json!({
        "@odata.type": "#microsoft.graph.participantInfo",
        "identity": {
            "@odata.type": "#microsoft.graph.identitySet",
            "application": {
                "@odata.type": "#microsoft.graph.identity",
                "displayName": "test bot",
                "id": "24701998-1a73-4d42-8085-bf46ed0ae039",
            },
        },
    });
    let instance = json!({
        "@odata.type": "#microsoft.graph.invitationParticipantInfo",
        "identity": {
            "@odata.type": "#microsoft.graph.identitySet",
            "applicationInstance": {
                "@odata.type": "#microsoft.graph.identity",
                "displayName": "PstnAppInstance",
                "id": "7629bdce-046c-4903-86b4-a8f718277e1a",
                "tenantId": tenant,
            },
        },
        "endpointType": "default",
        "id": "c339cede-4bd6-4f20-ab9f-3a13e65f6d00",
        "region": "amer",
        "languageId": null,
    });
    json!({
        "@odata.type": "#microsoft.graph.commsNotifications",
        "value": [{
            "@odata.type": "#microsoft.graph.commsNotification",
            "changeType": "created",
            "resourceUrl": format!("/communications/calls/{call_id}"),
            "resourceData": {
                "@odata.type": "#microsoft.graph.call",
                "state": "incoming",
                "direction": "incoming",
                "callbackUri": "https://bot.contoso.com/api/calls/24701998-1a73-4d42-8085-bf46ed0ae039",
                "source": {
                    "@odata.type": "#microsoft.graph.participantInfo",
                    "identity": {
                        "@odata.type": "#microsoft.graph.identitySet",
                        "user": {"@odata.type": "#microsoft.graph.identity", "id": caller, "tenantId": tenant},
                    },
                    "region": "amer",
                },
                "targets": [if number == 3 { instance } else { bot }],
                "tenantId": tenant,
                "myParticipantId": me,
                "id": call_id,
            },
        }],
    })
}
