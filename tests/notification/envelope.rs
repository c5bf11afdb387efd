//! The body around the notifications, and what each of them becomes.

use callredirect::notification::{Event, ParseOptions, Refusal, parse};
use callredirect::send::clock::Arrival;

use crate::strict;

const URL: &str = "/communications/calls/491f0b00-ffff-4bc9-a43e-b226498ec22a";

/// Event and problem of one item made of these members.
fn item(members: &str) -> (Event, Option<String>) {
    let body = format!("[{}]", members.replace("URL", &format!("\"resourceUrl\":\"{URL}")));
    let mut notes = strict(body.as_bytes()).unwrap();
    let note = notes.remove(0);
    (note.event, note.problem.map(|problem| problem.to_string()))
}

#[test]
fn events() {
    for (members, event) in [
        (r#"{"changeType":"created",URL","resourceData":{"state":"incoming"}}"#, Event::IncomingCall),
        (r#"{"changeType":"Created",URL","resourceData":{"state":"Incoming"}}"#, Event::IncomingCall),
        (r#"{"changeType":"created",URL","resourceData":[{"state":"incoming"}]}"#, Event::IncomingCall),
        (
            r#"{"changeType":"created",URL","resourceData":{"state":"incoming","direction":"Outgoing"}}"#,
            Event::CallUpdated,
        ),
        (r#"{"changeType":"updated",URL","resourceData":{"state":"incoming"}}"#, Event::CallUpdated),
        (r#"{"changeType":"created",URL","resourceData":{}}"#, Event::CallUpdated),
        (r#"{"changeType":"updated",URL"}"#, Event::CallUpdated),
        (r#"{"changeType":"updated",URL","resourceData":{"state":"terminated"}}"#, Event::CallEnded),
        (r#"{"changeType":"deleted",URL","resourceData":{"state":"incoming"}}"#, Event::CallEnded),
        (r#"{"changeType":"deleted",URL","resourceData":null}"#, Event::CallEnded),
        (r#"{"changeType":"Deleted",URL","resourceData":{"state":"incoming"}}"#, Event::CallEnded),
        // The type may be written in any way, or not at all.
        (
            r#"{"changeType":"created",URL","resourceData":{"@odata.type":"","state":"incoming"}}"#,
            Event::IncomingCall,
        ),
        (
            r#"{"changeType":"created",URL","resourceData":{"@odata.type":"microsoft.graph.call","state":"incoming"}}"#,
            Event::IncomingCall,
        ),
        (
            r##"{"changeType":"created",URL","resourceData":{"@odata.type":"#Microsoft.Graph.Call","state":"incoming"}}"##,
            Event::IncomingCall,
        ),
        (r#"{"changeType":"updated",URL/participants","resourceData":[]}"#, Event::ParticipantsChanged),
        (
            concat!(
                r#"{"changeType":"updated",URL/operations/participants","#,
                r##""resourceData":[{"@odata.type":"#microsoft.graph.participant"}]}"##,
            ),
            Event::ParticipantsChanged,
        ),
        (r#"{"changeType":"deleted",URL/operations/1"}"#, Event::OperationEnded),
        (
            r#"{"changeType":"updated",URL/operations/1","resourceData":{"status":"Failed"}}"#,
            Event::OperationEnded,
        ),
        (
            r#"{"changeType":"updated",URL/operations/1","resourceData":{"status":"running"}}"#,
            Event::OperationUpdated,
        ),
        (r#"{"changeType":"created",URL/contentsharingsessions/1"}"#, Event::ContentSharingChanged),
        (r#"{"changeType":"created",URL/lobby/1"}"#, Event::Other),
        (r#"{"changeType":"created","resourceUrl":"/communications/onlineMeetings/1"}"#, Event::Other),
        (
            r#"{"changeType":"created",URL","resourceData":[{"state":"incoming"},{"state":"incoming"}]}"#,
            Event::Other,
        ),
        (
            r##"{"changeType":"created",URL","resourceData":{"@odata.type":"#microsoft.graph.participant"}}"##,
            Event::Other,
        ),
    ] {
        assert_eq!(item(members), (event, None), "{members}");
    }
}

#[test]
fn problems() {
    for (members, problem) in [
        ("1", "the notification is not an object at $"),
        ("{}", "missing, or not a string at $.changeType"),
        (r#"{"changeType":""}"#, "missing, or not a string at $.changeType"),
        (r#"{"changeType":"created"}"#, "missing, or not a string at $.resourceUrl"),
        (
            r#"{"changeType":"created","resourceUrl":"https://graph.microsoft.com/v1.0/users/1"}"#,
            "neither a call nor a plain path of this API at $.resourceUrl",
        ),
        (
            r#"{"changeType":"created","resourceUrl":"/communications/calls/../me"}"#,
            "neither a call nor a plain path of this API at $.resourceUrl",
        ),
        (r#"{"changeType":"created",URL",URL"}"#, "the member comes twice at $.resourceUrl"),
        (r#"{"changeType":"created",URL","resourceData":1}"#, "neither object nor list at $.resourceData"),
        (
            r#"{"changeType":"created",URL","resourceData":{"state":"x","state":"incoming"}}"#,
            "the member comes twice at $.resourceData.state",
        ),
        (
            r#"{"changeType":"created",URL","resourceData":{"id":7}}"#,
            "the call id is not a string at $.resourceData.id",
        ),
        (
            r#"{"changeType":"created",URL","resourceData":{"id":"../x"}}"#,
            "not a call id: letters, digits, - and _ only, at most 128 at $.resourceData.id",
        ),
    ] {
        assert_eq!(item(members), (Event::Other, Some(problem.to_owned())), "{members}");
    }
}

#[test]
fn only_plain_paths_are_of_something_else() {
    let long = "x".repeat(1024 - "/users/".len());
    for (path, faulty) in [
        ("/users/1_a-B".to_owned(), false),
        (format!("/users/{long}"), false),
        (format!("/users/{long}x"), true),
        ("users/1".to_owned(), true),
        ("/users/../me".to_owned(), true),
        ("/users//1".to_owned(), true),
        ("/users/1?x".to_owned(), true),
        ("/me/calls/1".to_owned(), true),
    ] {
        let (found, problem) = item(&format!(r#"{{"changeType":"created","resourceUrl":"{path}"}}"#));
        assert_eq!((found, problem.is_some()), (Event::Other, faulty), "{path}");
    }
}

#[test]
fn one_bad_item_does_not_lose_the_others() {
    let good =
        format!(r#"{{"changeType":"created","resourceUrl":"{URL}","resourceData":{{"state":"incoming"}}}}"#);
    let notes = strict(format!(r#"{{"value":[null,{good},7,{good}]}}"#).as_bytes()).unwrap();
    let events: Vec<_> = notes.iter().map(|note| note.event).collect();
    assert_eq!(events, [Event::Other, Event::IncomingCall, Event::Other, Event::IncomingCall]);
    assert_eq!(notes[1].json.node().raw(), good);
}

#[test]
fn bodies_that_are_none() {
    for (body, path) in [
        ("1", "$"),
        ("null", "$"),
        ("{}", "$"),
        (r#"{"value":null}"#, "$.value"),
        (r#"{"value":{}}"#, "$.value"),
        (r#"{"value":[],"value":[]}"#, "$"),
        (r#"{"value":[],"v\u0061lue":[]}"#, "$"),
    ] {
        let Err(Refusal::Malformed(error)) = strict(body.as_bytes()) else { panic!("{body} accepted") };
        assert_eq!((error.line, error.path.as_str()), (0, path), "{body}");
    }
    for body in [r#"{"callState":"incoming"}"#, r#"{"operationOutcome":{}}"#, r#"{"appState":""}"#] {
        assert!(matches!(strict(body.as_bytes()), Err(Refusal::Legacy(_))), "{body}");
    }
}

#[test]
fn the_size_limit() {
    let options = ParseOptions { max_bytes: 8, ..ParseOptions::default() };
    assert!(parse(b"[      ]", &options, Arrival::now()).is_ok());
    let refusal = parse(b"[       ]", &options, Arrival::now()).unwrap_err();
    assert!(
        matches!(&refusal, Refusal::TooLarge(error) if error.reason == "body of 9 bytes, the limit is 8")
    );
}
