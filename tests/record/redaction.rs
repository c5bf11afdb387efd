//! Nothing that is somebody's is in a redacted body, and everything that decides something still is.

use std::fs;
use std::path::PathBuf;

use callredirect::notification::{Notification, ParseOptions, ParticipantInfo, parse};
use callredirect::record::{Pseudonyms, read, redact};
use callredirect::send::clock::Arrival;
use serde_json::{Value, json};

use crate::{Folder, PATIENCE, seen};

fn key() -> Pseudonyms {
    Pseudonyms::new(&[7; 32])
}

fn redacted(value: &Value) -> Value {
    serde_json::from_slice(&redact(value.to_string().as_bytes(), &key())).unwrap()
}

fn bodies() -> Vec<(PathBuf, Vec<u8>)> {
    let corpora = std::env::var_os("CALLREDIRECT_CORPORA").map_or("../shared/corpora".into(), PathBuf::from);
    let folders = [
        PathBuf::from("tests/fixtures/notification"),
        "fuzz/corpus/notification".into(),
        corpora.join("graph_payloads"),
    ];
    let files = folders.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten();
    files.map(|file| file.unwrap().path()).map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

/// Kind, call id, change type, tenant, ids of who is in it, and whether it is refused.
fn facts(body: &[u8], lenient: bool) -> Result<Vec<String>, &'static str> {
    let options = ParseOptions { lenient, ..ParseOptions::default() };
    let fact = |note: &Notification| {
        let call = note.call();
        let people = call.iter().flat_map(|call| call.source().into_iter().chain(call.targets()));
        let ids: Vec<_> = people
            .filter_map(ParticipantInfo::identity)
            .filter(|who| who.kind != "phone")
            .map(|who| format!("{} {:?}", who.kind, who.id()))
            .collect();
        let tenant = call.and_then(|call| call.tenant_id().map(std::borrow::Cow::into_owned));
        let problem = note.problem.is_some();
        let change =
            note.change_type().filter(|change| ["created", "updated", "deleted"].contains(&&**change));
        format!("{:?} {:?} {change:?} {tenant:?} {ids:?} {problem}", note.event, note.call_id())
    };
    match parse(body, &options, Arrival::now()) {
        Ok(notes) => Ok(notes.iter().map(fact).collect()),
        Err(callredirect::notification::Refusal::Legacy(_)) => Err("legacy"),
        Err(_) => Err("refused"),
    }
}

#[test]
fn every_body_says_the_same_afterwards() {
    let bodies = bodies();
    assert!(bodies.len() > 90, "{}", bodies.len());
    for (path, body) in bodies {
        let other = redact(&body, &key());
        for lenient in [false, true] {
            assert_eq!(facts(&other, lenient), facts(&body, lenient), "{}", path.display());
        }
    }
}

#[test]
fn what_is_somebodys_is_in_no_line_wherever_it_was() {
    const NAME: &str = "Canary Björn";
    const PHONE: &str = "+14255550123";
    let folder = Folder::new();
    let recorder = folder.recorder(None, true);
    let mut planted = 0;
    for (_, body) in bodies() {
        let Ok(value) = serde_json::from_slice::<Value>(&body) else { continue };
        for canary in [json!(NAME), json!(PHONE), json!(14_255_550_123_u64), json!({NAME: {PHONE: NAME}})] {
            // Beside everything, under names that nobody knows and those that are known for it.
            let mut value = value.clone();
            plant(&mut value, &canary, &mut planted);
            recorder.record(seen(value.to_string()));
        }
        assert!(recorder.flush(PATIENCE));
    }
    let torn = format!("{{\"displayName\": \"{NAME}\", \"id\": \"{PHONE}");
    recorder.record(seen(torn));
    assert!(recorder.close(PATIENCE));
    assert!(planted > 5000, "{planted}");
    let text = fs::read_to_string(folder.file()).unwrap();
    for canary in ["Canary", "Björn", "4255550123"] {
        assert!(!text.contains(canary), "{canary} is in the file");
    }
    assert_eq!(recorder.counts().1, 0);
}

fn plant(value: &mut Value, canary: &Value, planted: &mut usize) {
    match value {
        Value::Object(members) => {
            members.values_mut().for_each(|member| plant(member, canary, planted));
            for name in [
                "displayName",
                "preferredDisplayName",
                "phone",
                "subject",
                "botData",
                "recordingAccessToken",
                "passcode",
                "joinWebUrl",
                "joinMeetingId",
                "message",
                "reason",
                "metadata",
                "anythingElse",
                "userPrincipalName",
            ] {
                members.insert(name.to_owned(), canary.clone());
                *planted += 1;
            }
        }
        Value::Array(items) => {
            for item in items {
                plant(item, canary, planted);
            }
        }
        _ => {}
    }
}

#[test]
fn the_same_value_is_the_same_everywhere_and_of_no_use_without_the_key() {
    let caller =
        |number: &str| json!({"source": {"identity": {"phone": {"id": number}}}, "note": "4:+14255550123"});
    let (once, again) = (redacted(&caller("+14255550123")), redacted(&caller("+1 (425) 555-0123")));
    assert_eq!(once, again);
    let number = once.pointer("/source/identity/phone/id").unwrap().as_str().unwrap();
    assert!(number.starts_with("+999") && number.len() == 15, "{number}");
    let other = redact(caller("+14255550123").to_string().as_bytes(), &Pseudonyms::new(&[8; 32]));
    assert_ne!(serde_json::from_slice::<Value>(&other).unwrap(), once);
    assert_ne!(redacted(&caller("+14255550124")), once);
}

#[test]
fn workers_that_know_nothing_of_each_other_share_the_key() {
    let folder = Folder::new();
    for _ in 0..2 {
        let recorder = folder.recorder(None, true);
        recorder.record(seen(r#"{"displayName": "Adele"}"#));
        assert!(recorder.close(PATIENCE));
    }
    let requests = read(&folder.file()).unwrap().requests;
    assert_eq!(requests[0].body, requests[1].body);
}

#[test]
fn ids_codes_and_times_stay() {
    let stays = json!({
        "id": "491f0b00-ffff-4bc9-a43e-b226498ec22a",
        "tenantId": "632899F8-2EA1-4604-8413-27BD2892079F",
        "unheardOf": "632899f82ea1460484 13".replace(' ', "") + "27bd2892079f",
        "callbackUri": "https://bot.contoso.com/api/calls",
        "resultInfo": {"code": 480, "subcode": "10076"},
        "participants": [{"rosterSequenceNumber": 12_345_678_901_u64, "isMuted": false, "metadata": null}],
        "lastModifiedDateTime": "2026-11-24T21:05:00.123Z",
        "mediaStreams": [{"sourceId": "4294967295", "mediaType": "audio"}],
        "acs": {"id": "8:acs:632899f8-2ea1-4604-8413-27bd2892079f_00000012-1234"},
    });
    assert_eq!(redacted(&stays), stays);
}

#[test]
fn ways_into_a_meeting_and_keys_in_addresses_go() {
    let meeting = redacted(&json!({
        "chatInfo": {"threadId": "19:meeting_NTg0NmQ3NTctZDVkZC00@thread.v2"},
        "callbackUri": "https://bot.contoso.com/api/calls?code=FUNCTIONKEY",
        "meetingInfo": {"joinMeetingId": "123456789", "passcode": 123_456, "token": "632899f8-2ea1-4604-8413-27bd2892079f"},
        "resultInfo": {"message": "Adele left. DiagCode: 480#10076.@"},
    }));
    let text = meeting.to_string();
    for gone in ["NTg0", "FUNCTIONKEY", "123456", "632899f8", "Adele"] {
        assert!(!text.contains(gone), "{gone} is in {text}");
    }
    assert!(text.contains("https://bot.contoso.com/api/calls?redacted-"), "{text}");
    assert!(text.contains("19:meeting_") && text.contains("DiagCode: 480#10076.@"), "{text}");
}

#[test]
fn only_harmless_headers_and_no_query_are_recorded() {
    let folder = Folder::new();
    let recorder = folder.recorder(None, true);
    let headers = ["Authorization", "Cookie", "X-Functions-Key", "Proxy-Authorization", "X-Forwarded-For"];
    let mut request = seen("{}");
    request.headers = headers.iter().map(|name| ((*name).to_owned(), "SECRET".to_owned())).collect();
    request.headers.push(("Scenario-ID".to_owned(), "one".to_owned()));
    request.path = Some("/api/calls?code=SECRET".to_owned());
    recorder.record(request);
    assert!(recorder.close(PATIENCE));
    assert!(!fs::read_to_string(folder.file()).unwrap().contains("SECRET"));
    let kept = &read(&folder.file()).unwrap().requests[0];
    assert_eq!(kept.headers, [("scenario-id".to_owned(), "one".to_owned())].into());
    assert_eq!(kept.path.as_deref(), Some("/api/calls"));
}
