//! The six notifications of the specification.

use callredirect::notification::{Call, Event, Notification, ParticipantInfo, Refusal};

use crate::{EXAMPLES, lenient, strict};

const TENANT: &str = "632899f8-2ea1-4604-8413-27bd2892079f";
const CALL_1: &str = "491f0b00-ffff-4bc9-a43e-b226498ec22a";
const CALL_2: &str = "481f0b00-ffff-4ca1-8c67-a5f1e31e8e82";
const BOT: &str = "24701998-1a73-4d42-8085-bf46ed0ae039";
const PSTN_BOT: &str = "7629bdce-046c-4903-86b4-a8f718277e1a";
const CALLER_1: &str = "8d1e6ab6-26c5-4e22-a1bc-06ea7343958e";
const CALLER_2: &str = "ec040873-8235-45fd-a403-c7259a5a548e";

fn only(name: &str) -> Notification {
    let (_, text) = EXAMPLES.iter().find(|(known, _)| *known == name).unwrap();
    let mut notes = lenient(text.as_bytes()).unwrap();
    assert_eq!(notes.len(), 1, "{name}");
    notes.remove(0)
}

fn who(person: ParticipantInfo<'_>) -> (String, String) {
    let identity = person.identity().unwrap();
    (identity.kind.to_string(), identity.id().unwrap().into_owned())
}

fn pair(kind: &str, id: &str) -> (String, String) {
    (kind.to_owned(), id.to_owned())
}

#[test]
fn strict_refuses_the_trailing_comma_of_examples_1_and_3_and_says_where() {
    for (name, text) in EXAMPLES {
        match strict(text.as_bytes()) {
            Ok(notes) => {
                assert!(name.starts_with("ex2"), "{name} accepted");
                assert_eq!(notes.len(), 1, "{name}");
            }
            Err(Refusal::Malformed(error)) => {
                assert!(!name.starts_with("ex2"), "{name}: {error}");
                let place = (error.line, error.column, error.path.as_str());
                assert_eq!(place, (24, 9, "$.value[0].resourceData.source"), "{name}");
                assert_eq!(error.reason, "trailing comma before `}`", "{name}");
            }
            Err(other) => panic!("{name}: {other:?}"),
        }
    }
}

#[test]
fn the_three_incoming_calls() {
    for (name, call_id, caller, bot) in [
        ("ex1-incoming", CALL_1, CALLER_1, pair("application", BOT)),
        ("ex2-incoming", CALL_2, CALLER_2, pair("application", BOT)),
        ("ex3-incoming", CALL_1, CALLER_1, pair("applicationInstance", PSTN_BOT)),
    ] {
        let note = only(name);
        assert_eq!(note.event, Event::IncomingCall, "{name}");
        assert_eq!(note.problem, None, "{name}");
        assert_eq!(note.change_type().as_deref(), Some("created"), "{name}");
        assert_eq!(note.call_id().as_deref(), Some(call_id), "{name}");
        assert_eq!(note.url_call_id().as_deref(), Some(call_id), "{name}");
        assert_eq!(note.resource_url().unwrap(), format!("/communications/calls/{call_id}"), "{name}");
        let call = note.call().unwrap();
        assert_eq!(call.state().as_deref(), Some("incoming"), "{name}");
        expect_parties(name, call, caller, &bot);
        assert!(call.0.get("answeredBy").is_none(), "{name}");
    }
}

#[test]
fn the_three_ended_calls() {
    for (name, call_id, caller, bot) in [
        ("ex1-terminated", CALL_1, CALLER_1, pair("application", BOT)),
        ("ex2-terminated", CALL_2, CALLER_2, pair("application", BOT)),
        ("ex3-terminated", CALL_1, CALLER_1, pair("applicationInstance", PSTN_BOT)),
    ] {
        let note = only(name);
        assert_eq!(note.event, Event::CallEnded, "{name}");
        assert_eq!(note.problem, None, "{name}");
        assert_eq!(note.change_type().as_deref(), Some("deleted"), "{name}");
        assert_eq!(note.call_id().as_deref(), Some(call_id), "{name}");
        // Example 2 names the call of examples 1 and 3 in its URL: both ids stay to be seen.
        assert_eq!(note.url_call_id().as_deref(), Some(CALL_1), "{name}");
        let call = note.call().unwrap();
        assert_eq!(call.state().as_deref(), Some("terminated"), "{name}");
        expect_parties(name, call, caller, &bot);
    }
}

#[test]
fn example_3_says_who_answered() {
    let note = only("ex3-terminated");
    let answered_by = note.call().unwrap().0.object("answeredBy").map(ParticipantInfo).unwrap();
    assert_eq!(who(answered_by), pair("encrypted", "1xt4uextl99sdzwdxuvdxrvgrv8gehcq7jdgf9yhzeto"));
}

fn expect_parties(name: &str, call: Call<'_>, caller: &str, bot: &(String, String)) {
    assert_eq!(call.direction().as_deref(), Some("incoming"), "{name}");
    assert_eq!(call.tenant_id().as_deref(), Some(TENANT), "{name}");
    assert_eq!(who(call.source().unwrap()), pair("user", caller), "{name}");
    let targets: Vec<_> = call.targets().map(who).collect();
    assert_eq!(targets, std::slice::from_ref(bot), "{name}");
}
