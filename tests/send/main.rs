//! Sending over real sockets: what goes out byte for byte, what is made of every answer and every fault, and that
//! nothing goes out twice.
//!
//! Time is tokio's and paused: it moves only where a test moves it, so seconds cost nothing and are exact.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::time::Duration;

use callredirect::Secret;
use callredirect::outcome::{Outcome, Refused, Verdict};
use callredirect::redirect::{ApiVersion, Limits, Redirect, Target};
use callredirect::send::retry::OnAmbiguous;
use callredirect::send::transport::Transport;
use callredirect::send::{Deadline, Endpoint, Prepared, Retries, Sending, Step};

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/time.rs"]
mod time;

mod address;
mod answers;
mod connections;
mod deadline;
mod graph_errors;
mod luck;
mod prepare;
mod request;
mod resend;
mod retry;
mod secrets;
mod server;
mod tokens;
mod verdict;

use server::Server;
use time::{Still, as_time_passes, settle};

const CALL: &str = "491f0b00-ffff-4bc9-a43e-b226498ec22a";
const TOKEN: &str = "eyJ-a-canary.of.a-token";

fn to_user() -> Redirect {
    Redirect::to([Target::user("98da8a1a-1b87-452c-a713-65d3f10b1253")])
}

fn endpoint(root: &str) -> Endpoint {
    Endpoint::new(root, ApiVersion::V1, Limits::default()).unwrap()
}

fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

/// Sends with one token, there being no other, and nothing again that may have arrived.
async fn send(transport: &Transport, request: &Prepared, token: &Secret, deadline: Deadline) -> Outcome {
    send_with(&Retries::new(OnAmbiguous::Stop, 1), transport, request, token, deadline).await
}

async fn send_with(
    retries: &Retries,
    transport: &Transport,
    request: &Prepared,
    token: &Secret,
    deadline: Deadline,
) -> Outcome {
    let mut sending = Sending::new(request.clone(), deadline, retries);
    match sending.run(transport, token).await {
        Step::Done(outcome) => outcome,
        Step::TokenRefused => sending.give_up(),
    }
}

/// Sends one redirect to a port on loopback.
async fn send_to(port: u16, budget: Duration) -> Outcome {
    let endpoint = endpoint(&format!("http://127.0.0.1:{port}"));
    let prepared = endpoint.prepare(CALL, &to_user(), None).unwrap();
    let transport = endpoint.transport().unwrap();
    send(&transport, &prepared, &Secret::new(TOKEN), Deadline::after(budget)).await
}

/// The same, asking about the call where that is allowed and sending again.
async fn resend_to(port: u16, budget: Duration, seed: u64) -> Outcome {
    let endpoint = endpoint(&format!("http://127.0.0.1:{port}"));
    let prepared = endpoint.prepare(CALL, &to_user(), None).unwrap();
    let transport = endpoint.transport().unwrap();
    let retries = Retries::new(OnAmbiguous::ProbeThenResend, seed);
    send_with(&retries, &transport, &prepared, &Secret::new(TOKEN), Deadline::after(budget)).await
}

/// Sends one redirect and lets no time pass meanwhile.
async fn send_at_once(server: &Server) -> Outcome {
    let still = Still::new();
    let outcome = send_to(server.port, seconds(13.0)).await;
    settle().await;
    drop(still);
    assert_eq!(outcome.elapsed, Duration::ZERO);
    outcome
}

fn refused(status: u16, code: Option<&str>, message: Option<&str>) -> Refused {
    let (code, message) = (code.map(str::to_owned), message.map(str::to_owned));
    Refused { status, code, message, ..Refused::default() }
}

fn is_unknown(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Unknown { likely_delivered: false, .. })
}
