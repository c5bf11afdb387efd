//! What goes over the wire, byte for byte.

use std::collections::BTreeMap;

use callredirect::redirect::{ApiVersion, Limits, Redirect};
use callredirect::send::{Deadline, Endpoint};
use callredirect::{Secret, outcome::Verdict};
use uuid::Uuid;

use crate::server::{Server, accepted, answering};
use crate::{CALL, Still, TOKEN, seconds, send, to_user};

struct Received {
    line: String,
    headers: BTreeMap<String, Vec<String>>,
    body: Vec<u8>,
}

impl Received {
    fn read(request: &[u8]) -> Self {
        let end = request.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
        let head = std::str::from_utf8(&request[..end]).unwrap();
        let (line, fields) = head.split_once("\r\n").unwrap();
        let mut headers = BTreeMap::<String, Vec<String>>::new();
        for field in fields.split("\r\n") {
            let (name, value) = field.split_once(": ").unwrap();
            headers.entry(name.to_ascii_lowercase()).or_default().push(value.to_owned());
        }
        Self { line: line.to_owned(), headers, body: request[end + 4..].to_vec() }
    }

    fn only(&self, name: &str) -> &str {
        let [value] = &self.headers[name][..] else { panic!("{name}: {:?}", self.headers[name]) };
        value
    }
}

async fn received(
    base: &str,
    version: ApiVersion,
    redirect: &Redirect,
    scenario_id: Option<&str>,
) -> (Received, String) {
    let still = Still::new();
    let server = Server::start(vec![answering(accepted())]);
    let root = format!("{}{base}", server.url());
    let endpoint = Endpoint::new(&root, version, Limits::default()).unwrap();
    let prepared = endpoint.prepare(CALL, redirect, scenario_id).unwrap();
    let transport = endpoint.transport().unwrap();
    let outcome = send(&transport, &prepared, &Secret::new(TOKEN), Deadline::after(seconds(13.0))).await;
    drop(still);
    assert_eq!(outcome.verdict, Verdict::Accepted { status: 202 });
    let [request] = &server.requests()[..] else { panic!("{} requests", server.requests().len()) };
    (Received::read(request), outcome.client_request_id)
}

#[tokio::test(start_paused = true)]
async fn the_request() {
    let (request, client_request_id) = received("", ApiVersion::V1, &to_user(), None).await;
    assert_eq!(request.line, format!("POST /v1.0/communications/calls/{CALL}/redirect HTTP/1.1"));
    let names: Vec<_> = request.headers.keys().map(String::as_str).collect();
    // Exactly these: no cookies, no compression asked for, no referer.
    assert_eq!(
        names,
        [
            "accept",
            "authorization",
            "client-request-id",
            "content-length",
            "content-type",
            "host",
            "user-agent"
        ]
    );
    assert_eq!(request.only("authorization"), format!("Bearer {TOKEN}"));
    assert_eq!(request.only("content-type"), "application/json");
    assert!(request.only("host").starts_with("127.0.0.1:"));
    assert_eq!(request.only("user-agent"), concat!("callredirect/", env!("CARGO_PKG_VERSION")));
    assert_eq!(request.only("accept"), "*/*");
    assert_eq!(request.only("client-request-id"), client_request_id);
    assert_eq!(Uuid::parse_str(&client_request_id).unwrap().get_version_num(), 4);
    assert_eq!(request.body, to_user().to_json().into_bytes());
}

#[tokio::test(start_paused = true)]
async fn versions_paths_and_the_scenario() {
    for base in ["/", "/base", "/base/", "/a%20b/c"] {
        let (request, _) = received(base, ApiVersion::Beta, &to_user(), None).await;
        let base = base.trim_end_matches('/');
        assert_eq!(request.line, format!("POST {base}/beta/communications/calls/{CALL}/redirect HTTP/1.1"));
    }
    let (request, _) = received("", ApiVersion::V1, &to_user(), Some("a-scenario_1")).await;
    assert_eq!(request.only("scenario-id"), "a-scenario_1");
    for hostile in ["a\r\nHost: evil", "", "caf\u{e9}", "a b"] {
        let (request, _) = received("", ApiVersion::V1, &to_user(), Some(hostile)).await;
        assert!(!request.headers.contains_key("scenario-id"), "{hostile:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn bodies_are_the_wire_form_as_it_is() {
    for text in [
        include_str!("../fixtures/redirect/forward_to_bot.json"),
        include_str!("../fixtures/redirect/forward_to_phone.json"),
        include_str!("../fixtures/redirect/ring_two_users.json"),
    ] {
        let redirect = Redirect::from_json(text.as_bytes()).unwrap();
        let (request, _) = received("", ApiVersion::Beta, &redirect, None).await;
        assert_eq!(request.body, redirect.to_json().into_bytes());
        assert_eq!(request.only("content-length"), request.body.len().to_string());
    }
}

#[tokio::test(start_paused = true)]
async fn every_request_has_an_id_of_its_own() {
    let (_, first) = received("", ApiVersion::V1, &to_user(), None).await;
    let (_, second) = received("", ApiVersion::V1, &to_user(), None).await;
    assert_ne!(first, second);
}
