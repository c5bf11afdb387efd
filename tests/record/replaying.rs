//! Replays: in time, in order, and with a word when nobody is there.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use callredirect::record::{Answer, News, Plan, Recorded, Verdict, replay, target};
use callredirect::send::clock;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::{Notify, mpsc};

fn at(seconds: i64, body: &str, call: &str) -> Arc<Recorded> {
    Arc::new(Recorded {
        received_at: seconds * 1_000_000,
        method: None,
        path: None,
        headers: BTreeMap::from([("scenario-id".to_owned(), body.to_owned())]),
        body: body.into(),
        redacted: true,
        verdict: Verdict { status: Some(202), calls: vec![call.to_owned()], ..Verdict::default() },
    })
}

fn plan(url: &str, requests: Vec<Arc<Recorded>>, speed: Option<f64>) -> Plan {
    let (timeout, patience) = (Duration::from_secs(30), Duration::from_millis(50));
    Plan { requests, url: target(url).unwrap(), speed, concurrency: 16, timeout, patience, ask: false }
}

/// A bot that tells when each request came, and does not answer `slow` before `another` has come.
async fn bot() -> (String, mpsc::UnboundedReceiver<(clock::Instant, String)>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/calls", listener.local_addr().unwrap());
    let (tell, told) = mpsc::unbounded_channel();
    let came = Arc::new(Notify::new());
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let (tell, came) = (tell.clone(), Arc::clone(&came));
            tokio::spawn(async move {
                let mut text = Vec::new();
                let mut buffer = [0; 4096];
                while let Ok(count @ 1..) = socket.read(&mut buffer).await {
                    text.extend_from_slice(&buffer[..count]);
                    let request = String::from_utf8_lossy(&text).into_owned();
                    let Some((head, body)) = request.split_once("\r\n\r\n") else { continue };
                    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
                    if body.len() < length.map_or(0, |length| length.parse().unwrap()) {
                        continue;
                    }
                    tell.send((clock::now(), body.to_owned())).unwrap();
                    if body == "another" {
                        came.notify_one();
                    }
                    if body == "slow" {
                        came.notified().await;
                    }
                    tell.send((clock::now(), format!("{body} answered"))).unwrap();
                    socket.write_all(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n").await.unwrap();
                    text.clear();
                }
            });
        }
    });
    (url, told)
}

async fn run(plan: Plan) -> Vec<Answer> {
    let (tell, mut news) = mpsc::unbounded_channel();
    tokio::spawn(replay(plan, tell));
    let mut answers = Vec::new();
    while let Some(heard) = news.recv().await {
        match heard {
            News::Done(answer) => answers.push(answer),
            other => panic!("{other:?}"),
        }
    }
    answers
}

#[tokio::test]
async fn at_ten_times_the_speed_the_proportions_stay() {
    let (url, mut told) = bot().await;
    let requests = vec![at(100, "a", "1"), at(101, "b", "2"), at(113, "c", "3")];
    let start = clock::now();
    let answers = run(plan(&url, requests, Some(10.0))).await;
    assert!(answers.iter().all(|answer| answer.status == Some(202)), "{answers:?}");
    let mut came = Vec::new();
    while let Ok((when, what)) = told.try_recv() {
        if !what.ends_with("answered") {
            came.push(((when - start).as_secs_f64(), what));
        }
    }
    assert_eq!(came.iter().map(|(_, what)| what.as_str()).collect::<Vec<_>>(), ["a", "b", "c"]);
    // Never earlier than recorded. How much later is the machine's affair.
    assert!(came[1].0 >= 0.1 && came[2].0 >= 1.3, "{came:?}");
    assert!(came[2].0 < 13.0, "{came:?}");
}

#[tokio::test]
async fn those_of_one_call_wait_for_each_other_and_nobody_else() {
    let (url, mut told) = bot().await;
    // Dashes and case do not make another call of it.
    let one = "491f0b00-ffff-4bc9-a43e-b226498ec22a";
    let same = "491F0B00FFFF4BC9A43EB226498EC22A";
    let requests = vec![at(0, "slow", one), at(0, "second", same), at(0, "another", "2")];
    let answers = run(plan(&url, requests, None)).await;
    assert!(answers.len() == 3 && answers.iter().all(|answer| answer.status == Some(202)), "{answers:?}");
    let mut heard = Vec::new();
    while let Ok((_, what)) = told.try_recv() {
        heard.push(what);
    }
    let place = |what: &str| heard.iter().position(|heard| heard == what).unwrap();
    assert!(place("slow answered") < place("second"), "{heard:?}");
}

#[tokio::test]
async fn a_thousand_requests_of_one_call_with_little_room_all_come_in_order() {
    let (url, mut told) = bot().await;
    let requests = (0..1000).map(|number| at(0, &number.to_string(), "1")).collect();
    let answers = run(Plan { concurrency: 2, ..plan(&url, requests, None) }).await;
    assert_eq!(answers.len(), 1000);
    let mut numbers = Vec::new();
    while let Ok((_, what)) = told.try_recv() {
        numbers.extend(what.parse::<usize>());
    }
    assert_eq!(numbers, (0..1000).collect::<Vec<_>>());
}

#[tokio::test]
async fn nobody_there_is_said_in_words() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/calls?code=KEY", listener.local_addr().unwrap());
    drop(listener);
    let (tell, mut news) = mpsc::unbounded_channel();
    replay(plan(&url, vec![at(0, "a", "1")], None), tell).await;
    match news.recv().await.unwrap() {
        News::Unreachable(why) => {
            assert!(why.contains("/calls: ") && why.contains("refused") && !why.contains("KEY"), "{why}");
        }
        other => panic!("{other:?}"),
    }
    assert!(news.recv().await.is_none());
}

#[test]
fn only_safe_addresses_are_posted_to() {
    for url in ["http://bot.contoso.com/", "ftp://localhost/", "bot", "http://user:pw@localhost/"] {
        assert!(target(url).is_err(), "{url}");
    }
    assert_eq!(target("http://localhost:7071/api?code=1").unwrap().query(), Some("code=1"));
}
