//! What happens is told as it happens, to whoever reads.

use super::*;
use callredirect::simulator::{Ending, Event, EventKind, Fault, FaultRule, Read};

fn told(event: &Event) -> String {
    match &event.what {
        EventKind::CallRang(rang) => {
            format!("rang {} {}", rang.source["identity"]["user"]["id"], rang.targets.len())
        }
        EventKind::CallFailed { problem } => format!("failed {problem}"),
        EventKind::NotificationSent(sent) => {
            let faults: Vec<_> = sent.faults.iter().map(|fault| fault.name()).collect();
            format!("sent {} {} {}", sent.change_type, sent.state, faults.join(" ")).trim_end().to_owned()
        }
        EventKind::BotReplied { change_type, status, .. } => format!("replied {change_type} {status:?}"),
        EventKind::RedirectReceived(received) => {
            let paths: Vec<_> = received.violations.iter().map(|found| found.path.as_str()).collect();
            format!("redirect {:?} {}", received.status, paths.join(" ")).trim_end().to_owned()
        }
        EventKind::CallFinished { ending, answered_by, .. } => {
            format!("ended {} {:?}", ending.as_str(), answered_by.as_ref().map(|target| target.kind.as_str()))
        }
    }
}

#[tokio::test]
async fn a_call_tells_its_story() {
    let graph = simulator();
    let (url, _) = bot(&graph, Some(FORWARD), StatusCode::ACCEPTED).await;
    let mut events = graph.events(None);
    let rule = FaultRule::always(Fault::LoseDeleted);
    let options = RingOptions { faults: vec![rule], ..RingOptions::default() };
    let rung = ring(&graph, &url, options).await.unwrap();
    graph.stop();
    let mut story = Vec::new();
    let mut last = Duration::ZERO;
    while let Some(event) = events.next().await {
        assert_eq!((event.number, event.call_id.as_str()), (story.len() as u64, rung.call_id.as_str()));
        assert!(event.at >= last);
        last = event.at;
        story.push(told(&event));
    }
    assert_eq!(
        story,
        [
            "rang \"8d1e6ab6-26c5-4e22-a1bc-06ea7343958e\" 1",
            "sent created incoming",
            "redirect Some(202)",
            "replied created Some(202)",
            "ended answered Some(\"application\")",
            "sent deleted terminated lose_deleted",
        ]
    );
}

#[tokio::test]
async fn a_refused_redirect_is_told_with_every_violation() {
    let graph = simulator();
    let id = graph.place_call(&RingOptions::default()).unwrap();
    let body = json!({"targets": [], "timeout": 99, "maskCaller": true}).to_string();
    let mut asking = Asking { body, ..Asking::of(&graph, &id) };
    asking.url = asking.url.replace("/beta/", "/v1.0/");
    assert_eq!(asking.send().await.status(), 400);
    let mut events = graph.events(Some(0));
    let Read::Event(event) = events.read(Duration::ZERO) else { panic!("nothing was told") };
    assert_eq!(told(&event), "redirect Some(400) $.targets $.timeout $.maskCaller");
    assert_eq!(events.read(Duration::ZERO), Read::Nothing);
    graph.stop();
    assert_eq!(events.read(Duration::ZERO), Read::End);
}

#[tokio::test]
async fn a_bot_that_refuses_ends_the_call() {
    let graph = simulator();
    let (url, _) = bot(&graph, None, StatusCode::FORBIDDEN).await;
    ring(&graph, &url, RingOptions::default()).await.unwrap();
    let mut events = graph.events(Some(2));
    let Read::Event(event) = events.read(Duration::ZERO) else { panic!("nothing was told") };
    assert_eq!(told(&event), "replied created Some(403)");
    let ended = events.next().await.unwrap();
    let EventKind::CallFinished { ending, answered_by, problem } = &ended.what else { panic!("{ended:?}") };
    assert_eq!((ending, answered_by), (&Ending::Refused, &None));
    assert!(problem.as_ref().unwrap().starts_with("the bot replied 403"), "{problem:?}");
}

#[tokio::test]
async fn a_call_that_comes_to_nothing_says_why() {
    let graph = simulator();
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let options = RingOptions { patience: Some(Duration::ZERO), ..RingOptions::default() };
    ring(&graph, &format!("http://{nobody}"), options).await.unwrap_err();
    let mut events = graph.events(Some(0));
    let why = told(&events.next().await.unwrap());
    assert!(why.starts_with("failed nothing listens at 127.0.0.1:"), "{why}");

    let (url, _) = bot(&graph, None, StatusCode::ACCEPTED).await;
    let ringing = graph.ring(&url, RingOptions::default()).unwrap();
    while !told(&events.next().await.unwrap()).starts_with("replied") {}
    drop(ringing);
    assert_eq!(told(&events.next().await.unwrap()), "failed whoever rang has gone, and the call with them");
}
