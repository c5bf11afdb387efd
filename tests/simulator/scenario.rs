//! Who picks up, who does not, and scripts of it.

use super::*;
use callredirect::ParseError;
use callredirect::simulator::{Callee, Ending, Scenario, SecondRedirect, Timeline};

/// Rings two users at once.
const TO_TWO: &str = r#"{"targets": [{"identity": {"user": {"id": "98da8a1a-1b87-452c-a713-65d3f10b1253"}}},
    {"identity": {"user": {"id": "bf5aae9a-d11d-47a8-93b1-782504c9c3f3"}}}], "timeout": 30}"#;
const ONE: &str = "98da8a1a-1b87-452c-a713-65d3f10b1253";
const TWO: &str = "bf5aae9a-d11d-47a8-93b1-782504c9c3f3";

/// People are a thousand times faster: 30 seconds are 30 ms.
fn fast() -> Simulator {
    Simulator::start(SimulatorOptions { speed: 1000.0, ..SimulatorOptions::default() }).unwrap()
}

fn callees(each: &[(&str, Callee)]) -> RingOptions {
    let callees = each.iter().map(|(id, callee)| ((*id).to_owned(), *callee)).collect();
    RingOptions { callees, ..RingOptions::default() }
}

fn last(bot: &Bot) -> Value {
    let notification: Value =
        serde_json::from_slice(&bot.received.lock().unwrap().last().unwrap().1).unwrap();
    notification["value"][0]["resourceData"].clone()
}

#[tokio::test]
async fn the_first_of_two_picks_up_or_nobody_does() {
    const SECOND: Duration = Duration::from_secs(1);
    let graph = fast();
    let (url, bot) = bot(&graph, Some(TO_TWO), StatusCode::ACCEPTED).await;
    let after = |seconds| Callee::Answers(seconds * SECOND);
    let (busy, gone) = (Callee::Busy, Callee::Unreachable);
    for (each, ending, answered_by, code) in [
        (vec![(ONE, after(9)), (TWO, after(3))], Ending::Answered, Some(TWO), None),
        (vec![(ONE, after(9)), (TWO, busy)], Ending::Answered, Some(ONE), None),
        (vec![("*", after(31))], Ending::NoAnswer, None, Some(408)),
        (vec![(ONE, Callee::NoAnswer), (TWO, busy)], Ending::NoAnswer, None, Some(408)),
        (vec![("*", busy)], Ending::Busy, None, Some(486)),
        (vec![("*", gone)], Ending::Unreachable, None, Some(480)),
    ] {
        let rung = ring(&graph, &url, callees(&each)).await.unwrap();
        assert_eq!(rung.ending, ending);
        assert_eq!(rung.answered_by.as_ref().map(|target| target.id.as_str()), answered_by);
        assert_eq!(rung.problem, None);
        let last = last(&bot);
        assert_eq!(last["state"], "terminated");
        assert_eq!(last["resultInfo"]["code"].as_u64(), code);
        assert_eq!(last.get("answeredBy"), None, "of users the specification tells nothing");
    }
}

#[tokio::test]
async fn people_take_their_time_and_no_more() {
    let graph = fast();
    let (url, _) = bot(&graph, Some(FORWARD), StatusCode::ACCEPTED).await;
    let options = callees(&[("*", Callee::Answers(Duration::from_secs(50)))]);
    let rung = ring(&graph, &url, options).await.unwrap();
    let at = |name| rung.steps.iter().find(|(step, _)| *step == name).unwrap().1;
    assert!(at("answered") >= at("redirected") + Duration::from_millis(50));
}

#[tokio::test]
async fn the_caller_hangs_up() {
    // After a second: the bot has replied and redirected long before, and the telephone would ring on.
    let graph = Simulator::start(SimulatorOptions { speed: 40.0, ..SimulatorOptions::default() }).unwrap();
    let hang_up = Some(Duration::from_secs(40));
    let never = RingOptions { hang_up, ..callees(&[("*", Callee::NoAnswer)]) };
    let rings = async |redirect, steps: &[&str]| {
        let (url, bot) = bot(&graph, redirect, StatusCode::ACCEPTED).await;
        let rung = ring(&graph, &url, never.clone()).await.unwrap();
        assert_eq!((rung.ending, rung.problem.as_deref()), (Ending::HungUp, None));
        assert_eq!(step_names(&rung), steps);
        assert_eq!(last(&bot)["resultInfo"]["code"], 200);
        assert_eq!(Asking::of(&graph, &rung.call_id).refused().await.1, "8522");
    };
    tokio::join!(
        rings(None, &["rang", "replied", "hung_up", "ended"]),
        rings(Some(FORWARD), &["rang", "redirected", "replied", "hung_up", "ended"]),
    );
}

#[tokio::test]
async fn the_older_timeline_says_more() {
    let graph = fast();
    let (url, bot) = bot(&graph, Some(FORWARD), StatusCode::ACCEPTED).await;
    let options = RingOptions { timeline: Timeline::Redirecting, ..RingOptions::example(1).unwrap() };
    let rung = ring(&graph, &url, options).await.unwrap();
    let received = bot.received.lock().unwrap().clone();
    let notes: Vec<Value> = received.iter().map(|(_, body)| serde_json::from_slice(body).unwrap()).collect();
    let each = |key: &str| notes.iter().map(|note| note["value"][0][key].clone()).collect::<Vec<_>>();
    assert_eq!(each("changeType"), ["created", "updated", "deleted"]);
    let calls = each("resourceData");
    assert_eq!(
        calls.iter().map(|call| call["state"].clone()).collect::<Vec<_>>(),
        ["incoming", "redirecting", "terminated"]
    );
    assert_eq!(calls[2]["terminationReason"], "AppRedirected");
    let who = &calls[2]["answeredBy"]["identity"]["application"];
    assert_eq!(
        (who["id"].as_str(), who["displayName"].as_str()),
        (Some("22bfd41f-550e-477d-8789-f6f7bd2a5e8b"), Some("test bot 2"))
    );
    assert_eq!(rung.answered_by.unwrap().kind, "application");
}

#[tokio::test]
async fn a_second_redirect_is_told_what_is_set() {
    for (second_redirect, status) in
        [(SecondRedirect::NotFound, 404), (SecondRedirect::Accepted, 202), (SecondRedirect::Conflict, 409)]
    {
        let options = SimulatorOptions { second_redirect, ..SimulatorOptions::default() };
        let graph = Simulator::start(options).unwrap();
        let id = graph.place_call(&RingOptions::default()).unwrap();
        let asking = Asking::of(&graph, &id);
        assert_eq!(asking.send().await.status(), 202);
        assert_eq!(asking.send().await.status(), status);
    }
}

#[tokio::test]
async fn clouds_serve_what_they_have() {
    use callredirect::send::Cloud;
    for (cloud, v1, beta) in [(Cloud::Global, 202, 202), (Cloud::UsGov, 202, 404), (Cloud::China, 404, 404)] {
        let graph = Simulator::start(SimulatorOptions { cloud, ..SimulatorOptions::default() }).unwrap();
        for (version, status) in [("v1.0", v1), ("beta", beta)] {
            let id = graph.place_call(&RingOptions::default()).unwrap();
            let mut asking = Asking::of(&graph, &id);
            asking.url = format!("{}/{version}/communications/calls/{id}/redirect", graph.base_url());
            assert_eq!(asking.send().await.status(), status, "{cloud:?} {version}");
        }
    }
}

#[tokio::test]
async fn a_call_to_a_bot_without_a_number_does_not_go_on_to_a_phone_unnoticed() {
    let graph = simulator();
    for (options, warnings) in [(RingOptions::default(), 1), (RingOptions::example(3).unwrap(), 0)] {
        let id = graph.place_call(&options).unwrap();
        let asking = Asking { body: TO_PHONE.to_owned(), ..Asking::of(&graph, &id) };
        assert_eq!(asking.send().await.status(), 202);
        let violations = graph.redirects().pop().unwrap().violations;
        assert_eq!(violations.len(), warnings);
        assert!(violations.iter().all(|found| found.path == "$.targets[0].identity.phone"));
    }
}

#[tokio::test]
async fn what_is_wrong_with_the_bot_is_said() {
    let graph = simulator();
    let short = RingOptions { wait: Some(Duration::from_millis(500)), ..RingOptions::default() };
    for (status, words) in [
        (404, "replied 404 to POST /api/calls: is this the path of its webhook?"),
        (500, "replied 500 to POST /api/calls: see its log"),
        (401, "does its verifier have this simulator's app id"),
        (202, "replied 202 to POST /api/calls and sent no redirect to http://127.0.0.1:"),
    ] {
        let (url, _) = bot(&graph, None, StatusCode::from_u16(status).unwrap()).await;
        let rung = ring(&graph, &url, short.clone()).await.unwrap();
        let problem = rung.problem.unwrap();
        assert!(problem.contains(words), "{problem}");
        assert_eq!(rung.ending, if status == 202 { Ending::Expired } else { Ending::Refused });
    }
    let (url, _) = bot(&graph, None, StatusCode::ACCEPTED).await;
    let known = RingOptions { call_id: Some("known".to_owned()), ..RingOptions::default() };
    let ringing = graph.ring(&url, RingOptions { wait: Some(Duration::from_secs(1)), ..known }).unwrap();
    let mut events = graph.events(Some(0));
    while events.next().await.unwrap().call_id != "known" {}
    let refused = Asking { body: "{}".to_owned(), ..Asking::of(&graph, "known") };
    refused.send().await;
    let problem =
        tokio::task::spawn_blocking(move || ringing.wait()).await.unwrap().unwrap().problem.unwrap();
    assert!(problem.contains("Graph refused its redirect with 400 BadRequest: $.targets"), "{problem}");

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            drop(socket);
        }
    });
    let rung = ring(&graph, &url, short).await.unwrap();
    assert_eq!(rung.ending, Ending::Refused);
    assert!(rung.problem.unwrap().contains("closed the connection without a reply to POST /"));
}

#[tokio::test]
async fn a_bot_may_start_after_its_call() {
    let graph = simulator();
    let held = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", held.local_addr().unwrap());
    drop(held);
    let error =
        ring(&graph, &url, RingOptions { patience: Some(Duration::ZERO), ..RingOptions::default() }).await;
    let error = error.unwrap_err().to_string();
    assert!(
        error.starts_with(&format!("nothing listens at {} (tried for ", &url[7..url.len() - 1])),
        "{error}"
    );
    assert!(error.contains("start the bot"), "{error}");

    let ringing = graph.ring(&url, RingOptions::default()).unwrap();
    assert!(ringing.wait_for(Duration::from_millis(50)).is_none());
    let listener = tokio::net::TcpListener::bind(&url[7..url.len() - 1]).await.unwrap();
    let router = Router::new().route("/", post(async || StatusCode::IM_A_TEAPOT));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let rung = tokio::task::spawn_blocking(move || ringing.wait()).await.unwrap().unwrap();
    assert_eq!(rung.reply_status, Some(418));
    let listening = graph.wait_until_listening(&url, Duration::ZERO).unwrap();
    assert_eq!(tokio::task::spawn_blocking(move || listening.wait()).await.unwrap(), Ok(()));
}

const SCRIPT: &str = r#"
    speed = 1000
    together = 3
    faults = ["duplicate"]

    [[calls]]
    name = "late"
    start = 60
    source = { phone = "+14255550100" }
    targets = [{ applicationInstance = { id = "7629bdce-046c-4903-86b4-a8f718277e1a", displayName = "Sales" } }]

    [[calls]]
    name = "many"
    count = 7
    example = 2
    callees = { "22bfd41f-550e-477d-8789-f6f7bd2a5e8b" = "busy" }
"#;

#[tokio::test]
async fn a_file_is_played_in_its_order() {
    let graph = simulator();
    let (url, bot) = bot(&graph, Some(FORWARD), StatusCode::ACCEPTED).await;
    let scenario = Scenario::from_toml(SCRIPT, "calls.toml").unwrap();
    assert_eq!(scenario.count(), 8);
    let playing = graph.play(&url, &scenario).unwrap();
    let rung = tokio::task::spawn_blocking(move || playing.wait()).await.unwrap().unwrap();
    let names: Vec<_> = rung.iter().map(|rung| rung.name.as_deref().unwrap()).collect();
    assert_eq!(names, [&["late"][..], &["many"; 7]].concat());
    let endings: Vec<_> = rung.iter().map(|rung| rung.ending).collect();
    assert_eq!(endings, [&[Ending::Answered][..], &[Ending::Busy; 7]].concat());
    let received = bot.received.lock().unwrap();
    assert_eq!(received.len(), 8 * 4, "everything twice");
    let first: Vec<Value> = received.iter().map(|(_, body)| serde_json::from_slice(body).unwrap()).collect();
    let call = |note: &Value| note["value"][0]["resourceData"].clone();
    let late = first.iter().position(|note| call(note)["id"] == rung[0].call_id.as_str()).unwrap();
    assert!(late >= 4, "the first of the file begins later");
    let late = call(&first[late]);
    assert_eq!(late["source"]["identity"]["phone"]["id"], "+14255550100");
    assert_eq!(late["targets"][0]["identity"]["applicationInstance"]["displayName"], "Sales");
}

#[test]
fn what_is_wrong_in_a_file_is_said_with_its_place() {
    for (text, path, line, column, words) in [
        ("speed = 2\ncals = []", "$.cals", 2, 1, "no such key as `cals`: did you mean `calls`?"),
        ("[[calls]]\n  caleees = {}", "$.calls[0].caleees", 2, 3, "did you mean `callees`?"),
        ("[[calls]]\nxyzzy = 1", "$.calls[0].xyzzy", 2, 1, "known are name, example"),
        (
            "[[calls]]\n[[calls]]\nsource = { applicationinstance = 'x' }",
            "$.calls[1].source.applicationinstance",
            3,
            12,
            "did you mean `applicationInstance`?",
        ),
        ("[[calls]]\ncallees = { a = 'bussy' }", "$.calls[0].callees.a", 2, 13, "did you mean `busy`?"),
        (
            "[[calls]]\nfaults = ['throttled',\n 'resett']",
            "$.calls[0].faults[1]",
            3,
            2,
            "did you mean `reset`?",
        ),
        (
            "[[calls]]\nfaults = [{ name = 'reset', seconds = 1 }]",
            "$.calls[0].faults[0].seconds",
            2,
            29,
            "takes no time",
        ),
        ("[[calls]]\nfaults = [{ nth = 1 }]", "$.calls[0].faults[0]", 2, 11, "has no name"),
        ("[[calls]]\nhang_up = -1", "$.calls[0].hang_up", 2, 1, "-1 is not a number of seconds"),
        ("[[calls]]\nwait = 'soon'", "$.calls[0].wait", 2, 1, "the text \"soon\" is not a number"),
        ("[[calls]]\nwait = 1979-05-27", "$.calls[0].wait", 2, 1, "no key takes a date"),
        ("[[calls]]\ncount = 2\ncall_id = 'x'", "$.calls[0].call_id", 3, 1, "cannot have one id"),
        ("[[calls]]\ntargets = { user = 'x' }", "$.calls[0].targets", 2, 1, "a table is not a list"),
        ("[[calls]]\nwait = inf", "$.calls[0].wait", 2, 1, "a finite number is needed"),
        ("[[calls]]\ncount = 0x1_0000_0000_0000_0000", "$.calls[0].count", 2, 1, "the number is too large"),
        ("[[calls]]\ntimeline = 'redirectng'", "$.calls[0].timeline", 2, 1, "did you mean `redirecting`?"),
        ("seed = 1", "$.calls", 0, 0, "there is no call"),
        ("[[calls]\n", "$", 1, 9, "this is no TOML"),
    ] {
        let error = Scenario::from_toml(text, "calls.toml").unwrap_err();
        assert_eq!((error.path.as_str(), error.line, error.column), (path, line, column), "{error}");
        assert!(error.reason.starts_with("calls.toml: ") && error.reason.contains(words), "{error}");
    }
    let ParseError { line, .. } = Scenario::from_toml("calls = []", "x").unwrap_err();
    assert_eq!(line, 1);
}
