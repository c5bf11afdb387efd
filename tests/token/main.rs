//! Tokens: how long one is used, how many requests go out for one, what is asked and what is made of the answers.
//!
//! Time is tokio's and paused: it moves only where a test moves it, so an hour costs nothing and is exact.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::time::Duration;

use callredirect::Secret;
use callredirect::send::token::{Credential, Endpoint, NoToken, TokenProvider};
use callredirect::send::{Cloud, Deadline};
use std::sync::Arc;

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
#[path = "../common/time.rs"]
mod time;

use server::{Server, Step, response};
use time::{Still, settle};

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

/// Runs a future to its end while no time passes.
async fn at_once<T>(future: impl Future<Output = T>) -> T {
    let still = Still::new();
    let value = future.await;
    settle().await;
    drop(still);
    value
}

async fn as_time_passes<T>(future: impl Future<Output = T>) -> T {
    time::as_time_passes(Duration::from_millis(10), future).await
}
