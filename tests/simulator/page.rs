//! The page's side over HTTP: who may ask, what is told, how calls are placed. What it looks like, a browser is asked.

use super::*;

struct Page {
    http: reqwest::Client,
    base_url: String,
}

impl Page {
    fn of(graph: &Simulator) -> Self {
        Self { http: plain_client(), base_url: graph.base_url().to_owned() }
    }

    async fn get(&self, path: &str) -> Value {
        let text =
            self.http.get(format!("{}{path}", self.base_url)).send().await.unwrap().text().await.unwrap();
        serde_json::from_str(&text).unwrap()
    }

    async fn post(&self, body: &Value) -> (u16, Value) {
        let request = self.http.post(format!("{}/simulator/calls", self.base_url)).body(body.to_string());
        let answer = request.header("content-type", "application/json").send().await.unwrap();
        (answer.status().as_u16(), serde_json::from_str(&answer.text().await.unwrap()).unwrap())
    }

    /// The call when nothing more comes of it.
    async fn over(&self, id: &str) -> Value {
        loop {
            let call = self.get(&format!("/simulator/calls/{id}")).await;
            if call["over"] == true {
                return call;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn watch(&self, last: Option<&str>) -> Watching {
        let mut request = self.http.get(format!("{}/simulator/events", self.base_url));
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Watching { response, text: String::new() }
    }
}

struct Watching {
    response: reqwest::Response,
    text: String,
}

impl Watching {
    /// Name, id and data of the next event; `None` at the end.
    async fn next(&mut self) -> Option<(String, String, Value)> {
        loop {
            if let Some(end) = self.text.find("\n\n") {
                let event: String = self.text.drain(..end + 2).collect();
                let field =
                    |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
                let (name, id, data) = (field("event: "), field("id: "), field("data: "));
                if let (Some(name), Some(id), Some(data)) = (name, id, data) {
                    return Some((name, id, serde_json::from_str(&data).unwrap()));
                }
            } else {
                let chunk = self.response.chunk().await.ok()??;
                self.text.push_str(std::str::from_utf8(&chunk).unwrap());
            }
        }
    }
}

fn ids(data: &Value) -> Vec<&str> {
    data["calls"].as_array().unwrap().iter().map(|call| call["call_id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn settings_are_what_a_bot_needs() {
    let graph = simulator();
    let settings = Page::of(&graph).get("/simulator/settings").await;
    assert_eq!(settings["client_secret"], graph.client_secret());
    assert_eq!(settings["metadata_url"], graph.metadata_url());
    for (key, value) in [("app_id", graph.app_id()), ("tenant_id", graph.tenant_id())] {
        assert_eq!(settings[key], value);
    }
    for key in ["base_url", "authority"] {
        assert_eq!(settings[key], graph.base_url());
    }
    let faults = settings["faults"].as_array().unwrap();
    assert_eq!(faults.len(), callredirect::simulator::Fault::ALL.len());
    let throttled = faults.iter().find(|fault| fault["name"] == "throttled").unwrap();
    assert_eq!(throttled["options"], json!(["nth", "probability", "seconds"]));
    assert!(throttled["meaning"].as_str().unwrap().starts_with("429"));
    let hang = faults.iter().find(|fault| fault["name"] == "hang").unwrap();
    assert_eq!(hang["options"], json!(["nth", "probability"]));
    assert!(graph.requests().is_empty(), "Graph's log is Graph's");
}

#[tokio::test]
async fn a_call_is_placed_and_its_story_read() {
    let graph = simulator();
    let page = Page::of(&graph);
    let (url, _) = bot(&graph, Some(FORWARD), StatusCode::ACCEPTED).await;
    let placed = json!({"url": url, "name": "mine", "callees": {"*": "busy"}, "count": 3, "speed": 10});
    let (status, told) = page.post(&placed).await;
    assert_eq!((status, told["calls"].as_array().unwrap().len()), (202, 3), "{told}");
    for call in told["calls"].as_array().unwrap() {
        let call = page.over(call["call_id"].as_str().unwrap()).await;
        assert_eq!(
            (&call["name"], &call["state"], &call["ending"]),
            (&json!("mine"), &json!("ended"), &json!("busy"))
        );
        for status in ["reply_status", "redirect_status", "ended_status"] {
            assert_eq!(call[status], 202, "{status}");
        }
        assert_eq!(call["problem"], Value::Null);
        assert_eq!(call["source"]["id"], "8d1e6ab6-26c5-4e22-a1bc-06ea7343958e");
        let steps = call["steps"].as_array().unwrap();
        assert_eq!(steps[0], json!({"at": 0.0, "what": "rang"}));
        let redirect = steps.iter().find(|step| step["what"] == "redirect_received").unwrap();
        assert_eq!(redirect["body"], FORWARD);
        assert_eq!(redirect["targets"][0]["display_name"], "test bot 2");
    }
    let listed = page.get("/simulator/calls").await;
    assert_eq!(ids(&listed), ids(&told));
    assert!(!listed.to_string().contains("\"body\""), "a list has no payloads");
    assert_eq!(page.get("/simulator/calls/nobody").await["error"]["key"], "call_id");
}

#[tokio::test]
async fn what_is_wrong_with_a_call_is_said_as_of_a_scenario() {
    let graph = simulator();
    let page = Page::of(&graph);
    let (url, _) = bot(&graph, None, StatusCode::ACCEPTED).await;
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for (body, key, nearest, words) in [
        (json!({"url": url, "calees": {}}), "$.calees", Some("callees"), "no such key as `calees`"),
        (json!({"url": url, "faults": ["throtled"]}), "$.faults[0]", Some("throttled"), "no such fault"),
        (json!({"url": url, "speed": "fast"}), "$.speed", None, "the text \"fast\" is not a number"),
        (json!({"url": url, "hang_up": -1}), "$.hang_up", None, "-1 is not a number of seconds"),
        (json!({"url": url, "count": 1001}), "$.count", None, "at most 1000"),
        (json!({}), "$.url", None, "there is no url"),
        (json!({"url": "http://bot.contoso.com/"}), "$.url", None, "only http(s) URLs on this machine"),
        (json!([1]), "$", None, "a list is not a table"),
    ] {
        let (status, told) = page.post(&body).await;
        let error = &told["error"];
        assert_eq!(
            (status, error["key"].as_str(), error["nearest"].as_str()),
            (400, Some(key), nearest),
            "{told}"
        );
        assert!(error["message"].as_str().unwrap().starts_with(words), "{told}");
    }
    let (status, told) = page.post(&json!({"url": format!("http://{nobody}/")})).await;
    assert_eq!((status, &told["error"]["key"]), (400, &json!("$.url")));
    assert!(told["error"]["message"].as_str().unwrap().starts_with("nothing listens at"), "{told}");

    let known = json!({"url": url, "call_id": "known", "hang_up": 5});
    assert_eq!(page.post(&known).await.0, 202);
    let (status, told) = page.post(&known).await;
    assert_eq!((status, &told["error"]["message"]), (400, &json!("call known is ringing already")));

    let plain = page.http.post(format!("{}/simulator/calls", page.base_url)).body("{}").send().await.unwrap();
    assert_eq!(plain.status(), 415, "what a form of another site can send");
    let wrong_method = page.http.delete(format!("{}/simulator/calls", page.base_url)).send().await.unwrap();
    assert_eq!(wrong_method.status(), 405);
}

#[tokio::test]
async fn a_call_asked_for_waits_as_long_as_is_said() {
    let graph = simulator();
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let asked = json!({"url": format!("http://{nobody}/"), "patience": 0.25});
    let (_, told) = Page::of(&graph).post(&asked).await;
    let message = told["error"]["message"].as_str().unwrap();
    assert!(message.contains("tried for 0.2") || message.contains("tried for 0.3"), "{message}");
}

#[tokio::test]
async fn a_warning_is_no_problem() {
    let graph = simulator();
    let page = Page::of(&graph);
    let redirect =
        r#"{"targets":[{"identity":{"user":{"id":"98da8a1a-1b87-452c-a713-65d3f10b1253"}}}],"odd":1}"#;
    let (url, _) = bot(&graph, Some(redirect), StatusCode::ACCEPTED).await;
    let call = ring(&graph, &url, RingOptions::default()).await.unwrap().call_id;
    let call = page.get(&format!("/simulator/calls/{call}")).await;
    let step =
        call["steps"].as_array().unwrap().iter().find(|step| step["what"] == "redirect_received").unwrap();
    assert_eq!(step["violations"][0]["severity"], "warning", "{step}");
    assert_eq!((&call["violations"], &call["problem"]), (&json!(0), &Value::Null));
}

#[tokio::test]
async fn notifications_of_another_process_are_signed() {
    let graph = simulator();
    let page = Page::of(&graph);
    let ask = async |body: &'static str, content_type: &str| {
        let request = page.http.post(format!("{}/simulator/token", page.base_url)).body(body);
        let answer = request.header("content-type", content_type).send().await.unwrap();
        let status = answer.status().as_u16();
        (status, serde_json::from_str::<Value>(&answer.text().await.unwrap()).unwrap())
    };
    let own = graph.tenant_id().to_owned();
    for (body, tenant) in [("{}", own.as_str()), (r#"{"tenant_id": "another"}"#, "another")] {
        let (status, told) = ask(body, "application/json").await;
        let token = told["token"].as_str().unwrap();
        assert_eq!(
            (status, token),
            (200, graph.notification_token(graph.app_id(), tenant).unwrap().as_str())
        );
    }
    for _ in 0..2 {
        assert_eq!(ask(r#"{"call_id": "replayed"}"#, "application/json").await.0, 200, "twice is once");
    }
    let placed = RingOptions { call_id: Some("replayed".to_owned()), ..RingOptions::default() };
    assert!(graph.place_call(&placed).is_err(), "it rings");
    assert_eq!(ask("{}", "text/plain").await.0, 415, "what a form of another site can send");
    for wrong in [r#"{"tenant": "x"}"#, "[", ""] {
        assert_eq!(ask(wrong, "application/json").await.0, 400, "{wrong}");
    }
}

#[tokio::test]
async fn a_watcher_gets_everything_then_changes_and_goes_on_where_it_was() {
    let graph = simulator();
    let page = Page::of(&graph);
    let (url, _) = bot(&graph, Some(FORWARD), StatusCode::ACCEPTED).await;
    let first = ring(&graph, &url, RingOptions::default()).await.unwrap().call_id;
    let mut watching = page.watch(None).await;
    let (name, id, data) = watching.next().await.unwrap();
    assert_eq!((name.as_str(), ids(&data)), ("state", vec![first.as_str()]));

    let second = ring(&graph, &url, RingOptions::default()).await.unwrap().call_id;
    let mut seen = String::new();
    let mut last = id.clone();
    while seen != "ended" {
        let (name, id, data) = watching.next().await.unwrap();
        assert_eq!((name.as_str(), ids(&data)), ("changes", vec![second.as_str()]));
        seen = data["calls"][0]["state"].as_str().unwrap().to_owned();
        last = id;
    }
    let (name, _, data) = page.watch(Some(&id)).await.next().await.unwrap();
    assert_eq!((name.as_str(), ids(&data)), ("changes", vec![second.as_str()]), "only what was missed");

    let of_another = format!("another.{}", last.split_once('.').unwrap().1);
    for last in ["nonsense", of_another.as_str()] {
        let (name, _, data) = page.watch(Some(last)).await.next().await.unwrap();
        assert_eq!((name.as_str(), ids(&data).len()), ("state", 2), "another simulator's past is not ours");
    }
    graph.stop();
    while watching.next().await.is_some() {}
}

#[tokio::test]
async fn watchers_are_limited_and_leave_no_trace() {
    let graph = simulator();
    let page = Page::of(&graph);
    let mut all = Vec::new();
    for _ in 0..32 {
        all.push(page.watch(None).await);
    }
    let events = format!("{}/simulator/events", page.base_url);
    let refused = page.http.get(&events).send().await.unwrap();
    assert_eq!(refused.status(), 503);
    drop(all);
    while page.http.get(&events).send().await.unwrap().status() == 503 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn strangers_are_refused_by_the_page_and_served_by_graph() {
    let graph = simulator();
    let page = Page::of(&graph);
    let host = page.base_url.strip_prefix("http://").unwrap().to_owned();
    let asked = async |path: &str, headers: &[(&str, &str)]| {
        let mut request = page.http.get(format!("{}{path}", page.base_url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.unwrap()
    };
    for path in ["/", "/simulator/settings", "/simulator/events", "/simulator/calls", "/simulator/app.js"] {
        for headers in [
            [("host", "evil.example"), ("accept", "*/*")],
            [("host", "evil.example"), ("origin", "http://evil.example")],
            [("host", &host), ("origin", "https://evil.example")],
            [("host", &host), ("origin", "null")],
        ] {
            let refused = asked(path, &headers).await;
            assert_eq!(refused.status(), 403, "{path} {headers:?}");
            let text = refused.text().await.unwrap();
            assert!(text.contains(graph.page_url().as_str()), "{text}");
            assert!(!text.contains(graph.client_secret()));
        }
        let own = asked(path, &[("origin", &page.base_url), ("sec-fetch-site", "same-origin")]).await;
        assert_eq!(own.status(), 200, "{path}");
        let policy = own.headers()["content-security-policy"].to_str().unwrap();
        assert!(
            policy.starts_with("default-src 'none'; script-src 'self'") && !policy.contains("unsafe"),
            "{policy}"
        );
        let elsewhere = asked(path, &[("sec-fetch-site", "cross-site")]).await.status();
        assert_eq!(
            elsewhere,
            if path == "/" { 200 } else { 403 },
            "a link may lead here, nothing else: {path}"
        );
    }
    let keys = asked("/keys", &[("host", "graph.microsoft.com"), ("origin", "https://evil.example")]).await;
    assert_eq!(keys.status(), 200, "Graph is for any client");
}
