//! A Graph that enacts, loses, delays and refuses by chance, and a client that must tell the truth about it.
//!
//! Each seed is one story. A seed that fails tells the whole of it.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use callredirect::outcome::Verdict;
use callredirect::send::{Deadline, Retries, Sending, Step};
use callredirect::{Secret, send::retry::OnAmbiguous};
use fastrand::Rng;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};

use crate::server::{read_request, response};
use crate::{CALL, as_time_passes, endpoint, seconds, to_user};

const STORIES: u64 = 400;

/// What the server knows: the truth, and everything that happened.
#[derive(Default)]
struct Truth {
    /// A redirect took effect: the call rings no more.
    enacted: u32,
    /// Somebody hung up: the call rings no more.
    ended: bool,
    bodies: Vec<Vec<u8>>,
    log: Vec<Event>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Event {
    Post,
    /// The status of a redirect's answer, as it was written.
    Said(u16),
    Get,
    /// The call was shown, as ringing or not.
    Shown(bool),
}

#[derive(Debug, Clone, Copy)]
enum Fault {
    None,
    /// The answer is lost, the connection closed or left in silence.
    Silence,
    Close,
    /// A gateway's.
    Status(u16),
    /// It takes effect a moment after the answer is lost.
    Late,
}

fn fault(rng: &mut Rng) -> Fault {
    let faults = [
        Fault::None,
        Fault::None,
        Fault::Silence,
        Fault::Close,
        Fault::Late,
        Fault::Status(rng.choice([500, 502, 504]).unwrap()),
        Fault::Status(rng.choice([429, 503, 403, 401]).unwrap()),
    ];
    faults[rng.usize(..faults.len())]
}

async fn serve(listener: TcpListener, truth: Arc<Mutex<Truth>>, mut rng: Rng) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        if rng.u8(..6) == 0 {
            continue; // closed before anything was read
        }
        tokio::spawn(converse(stream, Arc::clone(&truth), rng.fork()));
    }
}

async fn converse(mut stream: TcpStream, truth: Arc<Mutex<Truth>>, mut rng: Rng) {
    while let Some(request) = read_request(&mut stream).await {
        let post = request.starts_with(b"POST");
        let fault = fault(&mut rng);
        let enacts = rng.bool();
        if rng.u8(..12) == 0 {
            truth.lock().unwrap().ended = true;
        }
        let heard = if post { Event::Post } else { Event::Get };
        truth.lock().unwrap().log.push(heard);
        if post {
            let body = request.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
            truth.lock().unwrap().bodies.push(request[body..].to_vec());
        }
        let status = match fault {
            Fault::None if post => enact(&truth),
            Fault::None => show(&truth),
            Fault::Status(status) => {
                if post && status >= 500 && status != 503 && enacts {
                    enact(&truth);
                }
                status
            }
            Fault::Silence | Fault::Close => {
                if post && enacts {
                    enact(&truth);
                }
                if matches!(fault, Fault::Silence) {
                    tokio::time::sleep(seconds(60.0)).await;
                }
                return;
            }
            Fault::Late => {
                let delay = Duration::from_millis(rng.u64(0..4000));
                let truth = Arc::clone(&truth);
                if post {
                    tokio::spawn(async move {
                        tokio::time::sleep(delay).await;
                        enact(&truth);
                    });
                }
                return;
            }
        };
        let rings = status == 200 && rings(&truth);
        truth.lock().unwrap().log.push(if post { Event::Said(status) } else { Event::Shown(rings) });
        let body = match status {
            200 => format!(r#"{{"state": "{}"}}"#, if rings { "incoming" } else { "redirecting" }),
            404 => r#"{"error": {"code": "8522"}}"#.to_owned(),
            _ => String::new(),
        };
        if stream.write_all(&response(&format!("{status} X"), "", body)).await.is_err() {
            return;
        }
    }
}

fn rings(truth: &Mutex<Truth>) -> bool {
    let truth = truth.lock().unwrap();
    truth.enacted == 0 && !truth.ended
}

/// Graph's own rule: only a call that rings can be redirected.
fn enact(truth: &Mutex<Truth>) -> u16 {
    let ringing = rings(truth);
    truth.lock().unwrap().enacted += u32::from(ringing);
    if ringing { 202 } else { 404 }
}

fn show(truth: &Mutex<Truth>) -> u16 {
    if truth.lock().unwrap().ended { 404 } else { 200 }
}

#[tokio::test(start_paused = true)]
async fn the_truth_is_told() {
    let mut endings = std::collections::BTreeMap::<&str, u32>::new();
    for seed in 0..STORIES {
        let (verdict, mut story) = story(seed).await;
        let name = verdict.split_whitespace().next().unwrap().to_owned();
        let known = ["Accepted", "Rejected", "CallGone", "Expired", "Unknown"].into_iter();
        let name = known.into_iter().find(|known| name.starts_with(known)).unwrap();
        *endings.entry(name).or_default() += 1;
        if let Err(fault) = &mut story {
            let _ = write!(fault, "\nseed {seed}: {verdict}");
            panic!("{fault}");
        }
    }
    // The luck was such that everything was told.
    assert!(endings.len() >= 4 && endings["Accepted"] > 100, "{endings:?}");
}

async fn story(seed: u64) -> (String, Result<(), String>) {
    let mut rng = Rng::with_seed(seed);
    let truth = Arc::new(Mutex::new(Truth::default()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(serve(listener, Arc::clone(&truth), rng.fork()));
    let endpoint = endpoint(&url);
    let transport = endpoint.transport().unwrap();
    let request = endpoint.prepare(CALL, &to_user(), None).unwrap();
    // In the steps in which time passes below.
    let budget = 20 * Duration::from_millis(rng.u64(0..650));
    let policy = if rng.u8(..5) == 0 { OnAmbiguous::Stop } else { OnAmbiguous::ProbeThenResend };
    let sending = async {
        let mut sending = Sending::new(request, Deadline::after(budget), &Retries::new(policy, seed));
        for token in ["first", "second"] {
            if let Step::Done(outcome) = sending.run(&transport, &Secret::new(token)).await {
                return outcome;
            }
        }
        panic!("asked for a third token");
    };
    let outcome = as_time_passes(seconds(0.02), Box::pin(sending)).await;
    // What is still under way may yet take effect; then the truth is known.
    as_time_passes(seconds(0.5), tokio::time::sleep(seconds(5.0))).await;
    server.abort();
    let truth = truth.lock().unwrap();
    let checked = check(&truth, &outcome.verdict, policy).and_then(|()| {
        if outcome.elapsed > budget {
            return Err(format!("{:?} in a budget of {budget:?}", outcome.elapsed));
        }
        Ok(())
    });
    let told = format!("{:?}", outcome.verdict);
    (told, checked.map_err(|fault| format!("{fault}\n{:?}\n{:#?}", truth.log, outcome.attempts)))
}

fn check(truth: &Truth, verdict: &Verdict, policy: OnAmbiguous) -> Result<(), String> {
    let posts = truth.bodies.len();
    let holds = |so: bool, what: &str| if so { Ok(()) } else { Err(what.to_owned()) };
    holds(truth.bodies.windows(2).all(|pair| pair[0] == pair[1]), "two redirects differ")?;
    holds(truth.enacted <= 1, "two redirects took effect")?;
    holds(posts <= 5, "more than four redirects and one for another token")?;
    match verdict {
        Verdict::Accepted { .. } => holds(truth.enacted == 1, "accepted, but nothing rings")?,
        Verdict::Rejected(_) | Verdict::CallGone(_) => holds(truth.enacted == 0, "refused, but it rings")?,
        Verdict::Expired { sent: false, .. } => holds(posts == 0, "never sent, but it arrived")?,
        Verdict::Expired { sent: true, .. } | Verdict::Unknown { .. } => {}
    }
    // Between two redirects there is an answer that allows it, or the word that the call rings.
    let mut allowed = true;
    for event in &truth.log {
        match event {
            Event::Post => {
                holds(allowed, "sent again although it may have arrived, or was answered")?;
                allowed = false;
            }
            Event::Said(status) => allowed = matches!(status, 401 | 429 | 503),
            Event::Get => holds(policy == OnAmbiguous::ProbeThenResend, "asked although told not to")?,
            Event::Shown(rings) => allowed = *rings,
        }
    }
    Ok(())
}
