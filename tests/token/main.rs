//! Tokens: how long one is used, how many requests go out for one, what is asked and what is made of the answers.
//!
//! Time is tokio's and paused: it moves only where a test moves it, so an hour costs nothing and is exact.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::sync::mpsc;
use std::time::Duration;

use callredirect::Secret;
use callredirect::send::token::{Credential, Endpoint, NoToken, TokenProvider};
use callredirect::send::{Cloud, Deadline};
use std::sync::Arc;
use tokio::task::yield_now;

mod cache;
mod errors;
mod life;
mod outage;
mod redirect;
mod request;
mod secrets;
mod simulator;

#[allow(dead_code, reason = "shared with the tests of sending")]
#[path = "../send/server.rs"]
mod server;

use server::{Server, Step, response};

const APP: &str = "24701998-1a73-4d42-8085-bf46ed0ae039";
const TENANT: &str = "632899f8-2ea1-4604-8413-27bd2892079f";
const OTHER: &str = "72f988bf-86f1-41af-91ab-2d7cd011db47";
const SECRET: &str = "canary~secret&of+the=app";
/// A key and its certificate, made for these tests and worth nothing.
const PEM: &str = include_str!("../fixtures/token/certificate.pem");

/// No randomness.
fn still() -> f64 {
    0.0
}

fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

fn provider(authority: &str) -> Arc<TokenProvider> {
    let credential = Credential::secret(APP, Secret::new(SECRET), TENANT, Some(authority)).unwrap();
    TokenProvider::new(credential, still)
}

fn managed_identity(endpoint: &str) -> Arc<TokenProvider> {
    let endpoint = Endpoint::InstanceMetadata(Some(endpoint.to_owned()));
    TokenProvider::new(Credential::managed_identity(None, endpoint).unwrap(), still)
}

async fn ask(provider: &Arc<TokenProvider>, budget: f64) -> Result<String, NoToken> {
    let deadline = Deadline::after(seconds(budget));
    provider.token(None, Cloud::Global, deadline).await.map(|token| token.expose().to_owned())
}

/// An issuer's answer with a token that lives for an hour.
fn issued(token: &str) -> Vec<u8> {
    let body = format!(r#"{{"token_type": "Bearer", "expires_in": 3600, "access_token": "{token}"}}"#);
    response("200 OK", "Connection: close\r\n", body)
}

/// Answers each connection in turn, one request on each.
fn issuer(answers: impl IntoIterator<Item = Vec<u8>>) -> Server {
    Server::start(
        answers.into_iter().map(|answer| vec![Step::Read, Step::Write(answer), Step::Close]).collect(),
    )
}

/// Keeps paused time from running ahead while all that is left to wait for is a socket.
struct Still(#[allow(dead_code, reason = "dropping it is the signal")] mpsc::Sender<()>);

impl Still {
    fn new() -> Self {
        let (end, ended) = mpsc::channel();
        // Tokio holds its clock while a blocking task runs; a test that hangs gets time back after ten real seconds.
        tokio::task::spawn_blocking(move || ended.recv_timeout(Duration::from_secs(10)));
        Self(end)
    }
}

/// Gives everything that is ready on either end of a socket its turn.
async fn settle() {
    for _ in 0..40 {
        yield_now().await;
    }
}

/// Runs a future to its end while no time passes.
async fn at_once<T>(future: impl Future<Output = T>) -> T {
    let still = Still::new();
    let value = future.await;
    settle().await;
    drop(still);
    value
}

/// Runs a future to its end while time passes in small steps, the sockets being served between them.
async fn as_time_passes<T>(future: impl Future<Output = T>) -> T {
    let still = Still::new();
    tokio::pin!(future);
    for _ in 0..3600 * 100 {
        tokio::select! {
            biased;
            value = &mut future => {
                settle().await;
                drop(still);
                return value;
            }
            () = settle() => tokio::time::advance(Duration::from_millis(10)).await,
        }
    }
    panic!("it never ended");
}
