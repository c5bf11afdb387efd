//! Proxies that the environment names. It belongs to a whole process, and is read when connections are first made: so
//! each case here is a process of its own, running the one test that is ignored otherwise.

use std::env;
use std::io;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use callredirect::Secret;
use callredirect::redirect::{ApiVersion, Limits, Redirect, Target};
use callredirect::send::transport::{Found, Settings};
use callredirect::send::{Deadline, Endpoint, Retries, Sending, Step};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

use crate::graph::{Fault, Graph, Weather};
use crate::{TOKEN, certificates};

const URL: &str = "CALLREDIRECT_TEST_URL";
const CALL: &str = "CALLREDIRECT_TEST_CALL";
const AUTHORITY: &str = "CALLREDIRECT_TEST_AUTHORITY";
const VARIABLES: [&str; 8] = [
    "HTTP_PROXY",
    "http_proxy",
    "HTTPS_PROXY",
    "https_proxy",
    "ALL_PROXY",
    "all_proxy",
    "NO_PROXY",
    "no_proxy",
];

/// Opens tunnels to wherever it is asked, or refuses to.
struct Proxy {
    url: String,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    async fn start(refusal: Option<&'static str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://user:a-canary@{}", listener.local_addr().unwrap());
        let heads = Arc::<Mutex<Vec<String>>>::default();
        let seen = Arc::clone(&heads);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let seen = Arc::clone(&seen);
                tokio::spawn(async move {
                    let head = head(&mut stream).await?;
                    seen.lock().unwrap().push(head.clone());
                    if let Some(refusal) = refusal {
                        return stream.write_all(refusal.as_bytes()).await;
                    }
                    let port = head.split(' ').nth(1).unwrap().rsplit(':').next().unwrap().parse().unwrap();
                    let mut onward = TcpStream::connect(("127.0.0.1", port)).await?;
                    stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await?;
                    copy_bidirectional(&mut stream, &mut onward).await.map(drop)
                });
            }
        });
        Self { url, heads }
    }

    fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

async fn head(stream: &mut TcpStream) -> io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

/// One redirect to that Graph, from a process with these variables and no others of their kind.
async fn redirect_with(graph: &Graph, variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", "proxies::redirects_once", "--ignored", "--nocapture", "--test-threads=1"]);
    for name in VARIABLES {
        command.env_remove(name);
    }
    let authority = String::from_utf8(certificates::authority().pem.clone()).unwrap();
    command.env(URL, graph.url()).env(CALL, graph.call()).env(AUTHORITY, authority);
    command.envs(variables.iter().copied());
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

/// The child: does nothing on its own.
#[tokio::test]
#[ignore = "run by the others, with an environment of its own"]
async fn redirects_once() {
    let Ok(url) = env::var(URL) else { return };
    let port = url.rsplit(':').next().unwrap().parse().unwrap();
    let found =
        move |_: String| -> Found { Box::pin(async move { Ok(vec![([127, 0, 0, 1], port).into()]) }) };
    let settings = Settings {
        loopback: false,
        private_ca: Some(env::var(AUTHORITY).unwrap().into_bytes()),
        lookup: Some(Arc::new(found)),
    };
    let transport = callredirect::send::transport::Transport::with(settings).unwrap();
    let endpoint = Endpoint::new(&url, ApiVersion::V1, Limits::default()).unwrap();
    let target = Target::user("98da8a1a-1b87-452c-a713-65d3f10b1253");
    let prepared = endpoint.prepare(&env::var(CALL).unwrap(), &Redirect::to([target]), None).unwrap();
    // Long enough for a busy machine, and for more than one attempt where all are refused.
    let deadline = Deadline::after(Duration::from_secs(4));
    let mut sending = Sending::new(prepared, deadline, &Retries::default());
    let Step::Done(outcome) = sending.run(&transport, &Secret::new(TOKEN)).await else { panic!("refused") };
    println!("{:?} after {} attempts", outcome.verdict, outcome.attempts.len());
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_environment_names_a_proxy() {
    for name in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"] {
        let (graph, proxy) = (Graph::start(Fault::None, Weather::Once), Proxy::start(None).await);
        let said = said(&redirect_with(&graph, &[(name, &proxy.url)]).await);
        assert!(said.contains("Accepted { status: 202 }"), "{name}: {said}");
        assert_eq!(graph.wire(), "POST 202");
        let [head] = &proxy.heads()[..] else { panic!("{:?}", proxy.heads()) };
        let first = format!("CONNECT {}:{} HTTP/1.1\r\n", certificates::NAME, graph.port);
        assert!(head.starts_with(&first), "{head}");
        // `user:a-canary`: the proxy's own credentials, and nobody else's.
        assert!(head.to_ascii_lowercase().contains("proxy-authorization: basic "), "{head}");
        assert!(head.contains("dXNlcjphLWNhbmFyeQ==") && !head.contains(TOKEN), "{head}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_environment_names_hosts_that_need_none() {
    for except in ["graph.test", "example.com, .test", "*"] {
        let (graph, proxy) = (Graph::start(Fault::None, Weather::Once), Proxy::start(None).await);
        let variables = [("HTTPS_PROXY", proxy.url.as_str()), ("NO_PROXY", except)];
        let said = said(&redirect_with(&graph, &variables).await);
        assert!(said.contains("Accepted { status: 202 }"), "{except}: {said}");
        assert_eq!((graph.wire().as_str(), proxy.heads().len()), ("POST 202", 0), "{except}");
    }
}

/// Nothing left, so it is tried until the end; and what the proxy wanted to know is told to nobody.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proxy_that_refuses_has_not_sent_it() {
    for refusal in [
        "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n",
        "",
    ] {
        let (graph, proxy) = (Graph::start(Fault::None, Weather::Once), Proxy::start(Some(refusal)).await);
        let said = said(&redirect_with(&graph, &[("HTTPS_PROXY", &proxy.url)]).await);
        assert!(said.contains("Expired { sent: false, reason: \"could not connect: "), "{said}");
        assert!(proxy.heads().len() > 3 && graph.wire().is_empty(), "{said}");
        assert!(!said.contains("a-canary") && !said.contains(TOKEN), "{said}");
    }
}
