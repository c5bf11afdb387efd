//! What goes wrong on purpose, as a bot and a client see it.

use super::*;
use callredirect::simulator::{Ending, Fault, FaultRule};

fn with(faults: &[FaultRule]) -> RingOptions {
    let wait = Some(Duration::from_millis(300));
    RingOptions { faults: faults.to_vec(), wait, ..RingOptions::default() }
}

fn only(fault: Fault) -> RingOptions {
    with(&[FaultRule::always(fault)])
}

/// `changeType` of every notification that has one, in the order received.
fn changes(bot: &Bot) -> Vec<String> {
    let change = |(_, body): (HeaderMap, Bytes)| {
        let note: Value = serde_json::from_slice(&body).unwrap_or_default();
        note["value"][0]["changeType"].as_str().unwrap_or("none").to_owned()
    };
    std::mem::take(&mut *bot.received.lock().unwrap()).into_iter().map(change).collect()
}

#[tokio::test]
async fn notifications_come_twice_late_in_another_order_or_not_at_all() {
    let graph = simulator();
    let (url, bot) = bot(&graph, None, StatusCode::ACCEPTED).await;
    for (fault, expected) in [
        (Fault::Duplicate, vec!["created", "created", "deleted", "deleted"]),
        (Fault::LoseDeleted, vec!["created"]),
        (Fault::EmptyBody, vec!["none", "none"]),
        (Fault::WrongToken, vec!["created", "deleted"]),
    ] {
        ring(&graph, &url, only(fault)).await.unwrap();
        assert_eq!(changes(&bot), expected, "{fault:?}");
    }
    let first = FaultRule { nth: Some(1), ..FaultRule::always(Fault::Reorder) };
    let rung = ring(&graph, &url, with(&[first])).await.unwrap();
    assert_eq!(changes(&bot), ["deleted", "created"]);
    assert_eq!((rung.ending, rung.reply_status), (Ending::Expired, None));
    ring(&graph, &url, only(Fault::Reorder)).await.unwrap();
    assert_eq!(changes(&bot), ["created", "deleted"], "held back with nothing left to come");

    let seconds = Some(Duration::from_millis(50));
    let late = FaultRule { seconds, nth: Some(1), ..FaultRule::always(Fault::Delay) };
    let rung = ring(&graph, &url, with(&[late])).await.unwrap();
    assert!(rung.steps[1].1 >= Duration::from_millis(50), "{:?}", rung.steps);
}

#[tokio::test]
async fn both_of_a_duplicate_have_one_message_id() {
    let graph = simulator();
    let (url, bot) = bot(&graph, None, StatusCode::ACCEPTED).await;
    ring(&graph, &url, only(Fault::Duplicate)).await.unwrap();
    let received = bot.received.lock().unwrap();
    let id = |index: usize| received[index].0["x-microsoft-skype-message-id"].clone();
    assert_eq!(id(0), id(1));
    assert_ne!(id(0), id(2));
}

#[tokio::test]
async fn the_skype_format_comes_first_and_graphs_after_a_204() {
    let graph = simulator();
    for (status, expected) in [
        (StatusCode::NO_CONTENT, vec!["none", "created", "deleted"]),
        (StatusCode::OK, vec!["none", "deleted"]),
    ] {
        let (url, bot) = bot(&graph, None, status).await;
        ring(&graph, &url, only(Fault::LegacyFirst)).await.unwrap();
        let first: Value = serde_json::from_slice(&bot.received.lock().unwrap()[0].1).unwrap();
        assert_eq!((first["callState"].as_str(), first.get("value")), (Some("incoming"), None));
        assert_eq!(changes(&bot), expected, "{status}");
    }
}

#[tokio::test]
async fn tokens_go_wrong_and_keys_change() {
    let graph = Simulator::start(SimulatorOptions { own_key: true, ..SimulatorOptions::default() }).unwrap();
    let (url, bot) = bot(&graph, Some(FORWARD), StatusCode::ACCEPTED).await;
    let before = graph.jwks();
    for (fault, fits_before, fits_after) in [
        (Fault::WrongToken, false, false),
        (Fault::ExpiredToken, false, false),
        (Fault::RotatedKeys, false, true),
    ] {
        let rule = FaultRule { nth: Some(1), ..FaultRule::always(fault) };
        // A key takes its time to make: Graph's whole window for it.
        ring(&graph, &url, RingOptions { wait: None, ..with(&[rule]) }).await.unwrap();
        let received = std::mem::take(&mut *bot.received.lock().unwrap());
        let fits = |index: usize, keys: &str, key: usize| {
            let headers: &HeaderMap = &received[index].0;
            let token = headers["authorization"].to_str().unwrap().strip_prefix("Bearer ").unwrap();
            let keys: Value = serde_json::from_str(keys).unwrap();
            let one = json!({"keys": [keys["keys"][key]]}).to_string();
            verify(token, &one, graph.app_id()).is_ok()
        };
        assert_eq!(fits(0, &before, 0), fits_before, "{fault:?}");
        let newest = usize::from(fault == Fault::RotatedKeys);
        assert_eq!(fits(0, &graph.jwks(), newest), fits_after, "{fault:?}");
        assert!(fits(1, &graph.jwks(), newest), "{fault:?}: the second is right again");
    }
    let keys: Value = serde_json::from_str(&graph.jwks()).unwrap();
    assert_eq!(keys["keys"].as_array().unwrap().len(), 2);
    assert_eq!(
        keys["keys"][0],
        serde_json::from_str::<Value>(&before).unwrap()["keys"][0],
        "the old one stays"
    );
}

#[tokio::test]
async fn graph_answers_what_it_is_told_to() {
    let graph = simulator();
    for (fault, status, code) in [
        (Fault::Throttled, 429, "TooManyRequests"),
        (Fault::Unavailable, 503, "ServiceUnavailable"),
        (Fault::ServerError, 500, "9999"),
        (Fault::BadGateway, 502, "UnknownError"),
        (Fault::GatewayTimeout, 504, "UnknownError"),
        (Fault::Unauthorized, 401, "InvalidAuthenticationToken"),
        (Fault::NotRegistered, 403, "7503"),
        (Fault::MissingPermission, 403, "7504"),
        (Fault::WrongTenant, 403, "7505"),
        (Fault::CallNotFound, 404, "8522"),
    ] {
        let rule = FaultRule { nth: Some(1), ..FaultRule::always(fault) };
        let id = graph.place_call(&RingOptions { faults: vec![rule], ..RingOptions::default() }).unwrap();
        let asking = Asking::of(&graph, &id);
        let (answered, answered_code, _) = asking.refused().await;
        assert_eq!((answered, answered_code.as_str()), (status, code));
        let received = graph.redirects().pop().unwrap();
        assert_eq!((received.fault, received.code, received.accepted), (Some(fault), Some(code), false));
        assert_eq!(asking.send().await.status(), 202, "{fault:?}: only the first was told so");
    }
}

#[tokio::test]
async fn retry_after_comes_whole_or_with_a_fraction() {
    let graph = simulator();
    for (fault, millis, header) in [
        (Fault::Throttled, None, Some("1")),
        (Fault::Throttled, Some(2128), Some("2.128")),
        (Fault::Throttled, Some(0), None),
        (Fault::Unavailable, None, None),
        (Fault::Unavailable, Some(3000), Some("3")),
    ] {
        let rule = FaultRule { seconds: millis.map(Duration::from_millis), ..FaultRule::always(fault) };
        let id = graph.place_call(&RingOptions { faults: vec![rule], ..RingOptions::default() }).unwrap();
        let response = Asking::of(&graph, &id).send().await;
        let sent = response.headers().get("retry-after").map(|value| value.to_str().unwrap());
        assert_eq!(sent, header, "{fault:?} {millis:?}");
    }
}

#[tokio::test]
async fn answers_get_lost_before_or_after_the_deed() {
    let graph = simulator();
    for (fault, second) in [(Fault::Reset, 202), (Fault::AnswerLost, 404)] {
        let rule = FaultRule { nth: Some(1), ..FaultRule::always(fault) };
        let id = graph.place_call(&RingOptions { faults: vec![rule], ..RingOptions::default() }).unwrap();
        let asking = Asking::of(&graph, &id);
        let request = asking.http.post(&asking.url).bearer_auth(asking.token.as_ref().unwrap());
        let request = request.header("content-type", "application/json").body(FORWARD);
        let error = request.send().await.unwrap_err();
        assert!(error.is_request() && !error.is_connect(), "{error:?}");
        assert_eq!(asking.send().await.status(), second, "{fault:?}");
        let redirects = graph.redirects();
        let lost = &redirects[redirects.len() - 2];
        assert_eq!((lost.status, lost.accepted), (None, fault == Fault::AnswerLost));
        let requests = graph.requests();
        assert_eq!(requests[requests.len() - 2].status, None);
    }
    let id = graph.place_call(&RingOptions { wait: None, ..only(Fault::Hang) }).unwrap();
    let asking = Asking::of(&graph, &id);
    let answer = tokio::time::timeout(Duration::from_millis(80), asking.send()).await;
    assert!(answer.is_err(), "an answer to a request that hangs");
    let shown = asking.http.get(asking.url.trim_end_matches("/redirect")).bearer_auth(asking.token.unwrap());
    assert_eq!(shown.send().await.unwrap().status(), 200, "asking after the call is answered");
}

#[tokio::test]
async fn a_slow_answer_comes() {
    let graph = simulator();
    let seconds = Some(Duration::from_millis(60));
    let rule = FaultRule { seconds, ..FaultRule::always(Fault::Slow) };
    let id = graph.place_call(&RingOptions { faults: vec![rule], ..RingOptions::default() }).unwrap();
    let start = Instant::now();
    assert_eq!(Asking::of(&graph, &id).send().await.status(), 202);
    assert!(start.elapsed() >= Duration::from_millis(60));
}

#[tokio::test]
async fn a_seed_repeats_itself_over_concurrent_calls() {
    let rule = FaultRule { probability: Some(0.3), ..FaultRule::always(Fault::Throttled) };
    let statuses = async |seed| {
        let faults = vec![rule];
        let graph =
            Simulator::start(SimulatorOptions { faults, seed, ..SimulatorOptions::default() }).unwrap();
        let ids: Vec<_> = (0..40).map(|_| graph.place_call(&RingOptions::default()).unwrap()).collect();
        let one = Asking::of(&graph, "");
        let mut all = tokio::task::JoinSet::new();
        for (index, id) in ids.iter().enumerate() {
            let url = format!("{}/v1.0/communications/calls/{id}/redirect", graph.base_url());
            let request = one.http.post(url).bearer_auth(one.token.as_ref().unwrap());
            let request = request.header("content-type", "application/json").body(FORWARD);
            all.spawn(async move { (index, request.send().await.unwrap().status().as_u16()) });
        }
        let mut statuses = all.join_all().await;
        statuses.sort_unstable();
        statuses
    };
    let first = statuses(1).await;
    assert_eq!(first, statuses(1).await);
    assert_ne!(first, statuses(2).await);
    let struck = first.iter().filter(|(_, status)| *status == 429).count();
    assert!((4..24).contains(&struck), "{struck} of 40");
}
