//! Microsoft's keys over the network: a server of our own answers byte for byte what a test says.
#![allow(clippy::unwrap_used)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use callredirect::send::clock;
use callredirect::verify::{KeySet, KeySource};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

const JWKS: &str = r#"{"keys": [{"kty": "RSA", "kid": "bilbo", "use": "sig", "e": "AQAB", "n":
    "n4EPtAOCc9AlkeQHPzHStgAbgs7bTZLwUBZdR8_KuKPEHLd4rHVTeT-O-XV2jRojdNhxJWTDvNd7nqQ0VEiZQHz_AJmSCpMaJMRBSFKrKb2wqVwGU_NsYOYL-QtiWN2lbzcEe6XC0dApr5ydQLrHqkHHig3RBordaZ6Aj-oBHqFEHYpPe7Tpe-OfVfHd1E6cS6M1FZcD1NNLYD5lFHpPI9bTwJlsde3uhGqC0ZCuEHg8lhzwOHrtIQbS0FVbb9k3-tVTU4fg_3L_vniUFAKwuCLqKnS2BYwdq_mzSnbLY7h_qixoR7jig3__kRhuaxwUkRz5iaiQkqgc5gHdrNP5zw"}]}"#;

/// Serves one answer per path; without an answer, a 404. Remembers what it was asked.
struct Server {
    root: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    async fn start(answers: impl Fn(&str, &str) -> Option<String> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let root = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (answers, seen, own) = (Arc::new(answers), Arc::clone(&asked), root.clone());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (answers, seen, own) = (Arc::clone(&answers), Arc::clone(&seen), own.clone());
                tokio::spawn(async move {
                    let mut request = Vec::new();
                    while !request.ends_with(b"\r\n\r\n") {
                        request.push(stream.read_u8().await?);
                    }
                    let request = String::from_utf8_lossy(&request).into_owned();
                    let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
                    seen.lock().unwrap().push(path.clone());
                    let answer = answers(&path, &own).unwrap_or_else(|| status("404 Not Found"));
                    let sent = answer.strip_suffix(HANGS).unwrap_or(&answer);
                    let sent = match sent.strip_suffix(SLOWLY) {
                        Some(sent) => {
                            tokio::time::sleep(Duration::from_secs(3)).await;
                            sent
                        }
                        None => sent,
                    };
                    if stream.write_all(sent.as_bytes()).await.is_err() {
                        seen.lock().unwrap().push(CUT_OFF.into());
                    }
                    if answer.ends_with(HANGS) {
                        tokio::time::sleep(Duration::from_secs(3600)).await;
                    }
                    stream.shutdown().await
                });
            }
        });
        Self { root, asked }
    }

    /// Metadata that names the keys beside it, and whatever is said for these.
    async fn with_keys(keys: impl Fn() -> String + Send + Sync + 'static) -> Self {
        Self::start(move |path, root| match path {
            "/metadata" => Some(ok(&json!({"jwks_uri": format!("{root}/keys")}).to_string())),
            "/keys" => Some(keys()),
            _ => None,
        })
        .await
    }

    /// Why the keys could not be fetched.
    async fn failure(&self) -> String {
        fetch_keys(&format!("{}/metadata", self.root)).await.unwrap_err()
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

async fn fetch_keys(metadata_url: &str) -> Result<KeySet, String> {
    KeySource::new(metadata_url, &[]).unwrap().fetch().await
}

/// At the end of an answer: the rest never comes.
const HANGS: &str = "...";

/// At the end of an answer: it comes after 3 seconds.
const SLOWLY: &str = "~";

/// Among what was asked: the client left before it had everything.
const CUT_OFF: &str = "cut off";

fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
}

fn status(status: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{{}}")
}

#[tokio::test]
async fn keys_come_from_where_the_metadata_says() {
    let server = Server::with_keys(|| ok(JWKS)).await;
    let keys = fetch_keys(&format!("{}/metadata", server.root)).await.unwrap();
    assert!(keys.has_key("bilbo") && !keys.has_key("frodo"));
    assert_eq!(server.asked(), ["/metadata", "/keys"]);
}

#[tokio::test]
async fn a_key_that_cannot_be_used_does_not_spoil_the_others() {
    let keys = JWKS.replace("\"keys\": [", "\"keys\": [{\"kty\": \"FUTURE\"}, null, ");
    let server = Server::with_keys(move || ok(&keys)).await;
    assert!(fetch_keys(&format!("{}/metadata", server.root)).await.unwrap().has_key("bilbo"));
}

#[tokio::test]
async fn an_error_is_no_key_set() {
    for line in ["404 Not Found", "500 Internal Server Error", "204 No Content", "503 Later"] {
        let number = &line[..3];
        let broken = Server::start(move |_, _| Some(status(line))).await;
        assert_eq!(broken.failure().await, format!("127.0.0.1 answered {number}"));
        assert_eq!(broken.asked(), ["/metadata"]);
        let half = Server::with_keys(move || status(line)).await;
        assert_eq!(half.failure().await, format!("127.0.0.1 answered {number}"));
    }
}

#[tokio::test]
async fn redirects_are_not_followed() {
    for line in ["301 Moved", "302 Found", "307 Temporary Redirect"] {
        let moved = move |root: &str| {
            format!("HTTP/1.1 {line}\r\nLocation: {root}/keys\r\nContent-Length: 0\r\n\r\n")
        };
        let server = Server::start(move |path, root| match path {
            "/keys" => Some(ok(JWKS)),
            _ => Some(moved(root)),
        })
        .await;
        assert_eq!(server.failure().await, format!("127.0.0.1 answered {}", &line[..3]));
        assert_eq!(server.asked(), ["/metadata"]);
    }
}

#[tokio::test]
async fn what_is_no_key_set_is_refused() {
    for body in ["", "<html>", "{", "[]", "{}", "{\"keys\": 1}", "null", "\u{feff}{\"keys\": []}"] {
        let server = Server::with_keys(move || ok(body)).await;
        assert!(server.failure().await.starts_with("keys: "), "{body}");
    }
    for body in ["{\"keys\": []}", "{\"keys\": [{\"kty\": \"EC\"}]}"] {
        let server = Server::with_keys(move || ok(body)).await;
        assert_eq!(server.failure().await, "the key set holds no usable key", "{body}");
    }
}

#[tokio::test]
async fn what_is_no_metadata_is_refused() {
    for (body, why) in [
        ("", "the OpenID metadata is not JSON"),
        ("<html>", "the OpenID metadata is not JSON"),
        ("[]", "the OpenID metadata names no jwks_uri"),
        ("{\"jwks_uri\": 7}", "the OpenID metadata names no jwks_uri"),
        ("{\"jwks_uri\": null}", "the OpenID metadata names no jwks_uri"),
    ] {
        let server = Server::start(move |_, _| Some(ok(body))).await;
        assert_eq!(server.failure().await, why, "{body}");
        assert_eq!(server.asked(), ["/metadata"]);
    }
}

#[tokio::test]
async fn a_huge_answer_is_not_read_to_its_end() {
    let padded = format!("{{\"x\": \"{}\", {}", "x".repeat(256 * 1024), JWKS.trim_start_matches('{'));
    let server = Server::with_keys(move || ok(&padded)).await;
    assert!(server.failure().await.starts_with("keys: "));
    let huge = format!("{{{}", " ".repeat(64 * 1024 * 1024));
    let server = Server::with_keys(move || ok(&huge)).await;
    assert!(server.failure().await.starts_with("keys: "));
    while server.asked() != ["/metadata", "/keys", CUT_OFF] {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn keys_of_another_host_are_not_asked_for() {
    let elsewhere = Server::with_keys(|| ok(JWKS)).await;
    let port = elsewhere.root.rsplit(':').next().unwrap().to_owned();
    for (uri, why) in [
        (format!("{}/keys", elsewhere.root), "another host"),
        (format!("http://localhost:{port}/keys"), "another host"),
        ("https://evil.example/keys".into(), "another host"),
        ("http://evil.example/keys".into(), "jwks_uri: "),
        ("file:///etc/passwd".into(), "jwks_uri: "),
        ("/keys".into(), "jwks_uri: "),
        (String::new(), "jwks_uri: "),
        (format!("http://user:pw@127.0.0.1:{port}/keys"), "jwks_uri: "),
    ] {
        let metadata = json!({"jwks_uri": uri}).to_string();
        let server = Server::start(move |_, _| Some(ok(&metadata))).await;
        let failure = server.failure().await;
        assert!(failure.contains(why), "{uri}: {failure}");
        assert_eq!(server.asked(), ["/metadata"]);
    }
    assert!(elsewhere.asked().is_empty());
}

#[tokio::test]
async fn keys_of_a_host_that_was_named_are() {
    let elsewhere = Server::with_keys(|| ok(JWKS)).await;
    let port = elsewhere.root.rsplit(':').next().unwrap();
    let metadata = json!({"jwks_uri": format!("http://localhost:{port}/keys")}).to_string();
    let server = Server::start(move |_, _| Some(ok(&metadata))).await;
    let fetch = async |hosts: &[&str]| {
        let hosts: Vec<_> = hosts.iter().map(ToString::to_string).collect();
        KeySource::new(&format!("{}/metadata", server.root), &hosts).unwrap().fetch().await
    };
    assert!(fetch(&["LOCALHOST"]).await.unwrap().has_key("bilbo"));
    for others in [&[][..], &["keys.example"], &["localhost.example"], &["host"]] {
        assert!(fetch(others).await.unwrap_err().contains("another host"));
    }
    assert_eq!(elsewhere.asked(), ["/keys"]);
    // What this machine says leads to no other, not even to one that was named.
    let server = Server::start(|_, _| Some(ok(r#"{"jwks_uri": "https://keys.example/keys"}"#))).await;
    let source = KeySource::new(&format!("{}/metadata", server.root), &["keys.example".to_owned()]).unwrap();
    assert!(source.fetch().await.unwrap_err().contains("another host"));
}

#[test]
fn plain_http_is_for_this_machine() {
    for url in [
        "http://keys.example/metadata",
        "http://10.0.0.1/metadata",
        "ftp://127.0.0.1/metadata",
        "file:///metadata",
        "metadata",
        "",
    ] {
        assert!(KeySource::new(url, &[]).is_err(), "{url}");
    }
}

#[tokio::test]
async fn nobody_there_is_said_in_words() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/metadata", listener.local_addr().unwrap());
    drop(listener);
    assert!(fetch_keys(&url).await.unwrap_err().starts_with("127.0.0.1: could not connect"));
}

#[tokio::test(start_paused = true)]
async fn a_slow_server_is_given_up() {
    let start = clock::now();
    let silent = Server::start(|_, _| Some(HANGS.into())).await;
    let failure = silent.failure().await;
    assert!(failure.starts_with("127.0.0.1: "), "{failure}");
    assert_eq!(start.elapsed().as_secs(), 5);
    // The headers came, the body never does.
    let half =
        Server::with_keys(|| format!("HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n{{\"keys\": {HANGS}"))
            .await;
    half.failure().await;
    assert_eq!(start.elapsed().as_secs(), 10);
    // Both documents share the time.
    let slow = Server::start(|path, root| match path {
        "/metadata" => Some(ok(&json!({"jwks_uri": format!("{root}/keys")}).to_string()) + SLOWLY),
        _ => Some(HANGS.into()),
    })
    .await;
    assert_eq!(slow.failure().await, "127.0.0.1: no keys within 5 s");
    assert_eq!((start.elapsed().as_secs(), slow.asked().len()), (15, 2));
}
