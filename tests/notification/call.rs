//! A call and the people in it.

use callredirect::notification::{Call, Kind, ParticipantInfo};

use crate::document;

#[test]
fn the_identity_that_is_filled_in() {
    for (set, kind, id) in [
        (r#"{"@odata.type":"x","user":{"id":"u"}}"#, "user", Some("u")),
        (r#"{"user":null,"phone":{"id":"+12345678901"}}"#, "phone", Some("+12345678901")),
        (r#"{"application":{"id":"a"},"user":{"id":"u"}}"#, "user", Some("u")),
        (r#"{"device":{},"encrypted":{"id":"e"}}"#, "encrypted", Some("e")),
        (r#"{"applicationInstance":{"id":7}}"#, "applicationInstance", None),
        // Kinds to come are kept under their own names, behind the known ones.
        (r#"{"@odata.type":"x","hologram":{"id":"h"}}"#, "hologram", Some("h")),
        (r#"{"hologram":{"id":"h"},"guest":{"id":"g"}}"#, "guest", Some("g")),
    ] {
        let doc = document(&format!(r#"{{"identity":{set}}}"#)).unwrap();
        let identity = ParticipantInfo(doc.root()).identity().unwrap();
        assert_eq!((identity.kind.as_ref(), identity.id().as_deref()), (kind, id), "{set}");
    }
    for person in ["{}", r#"{"identity":null}"#, r#"{"identity":{}}"#, r#"{"identity":{"user":null}}"#, "[]"]
    {
        let doc = document(person).unwrap();
        assert!(ParticipantInfo(doc.root()).identity().is_none(), "{person}");
    }
}

#[test]
fn the_tenant_is_the_calls_own_or_else_the_callers() {
    let source = r#""source":{"identity":{"user":{"tenantId":"caller"}}}"#;
    for (call, tenant) in [
        (format!(r#"{{"tenantId":"call",{source}}}"#), Some("call")),
        (format!("{{{source}}}"), Some("caller")),
        (format!(r#"{{"tenantId":null,{source}}}"#), Some("caller")),
        (format!(r#"{{"tenantId":"",{source}}}"#), Some("caller")),
        (r#"{"tenantId":""}"#.to_owned(), None),
        (r#"{"source":{"identity":{"phone":{"id":"+12345678901"}}}}"#.to_owned(), None),
        ("{}".to_owned(), None),
    ] {
        let doc = document(&call).unwrap();
        assert_eq!(Call(doc.root()).tenant_id().as_deref(), tenant, "{call}");
    }
}

#[test]
fn states_and_targets_of_any_kind() {
    for (text, state) in [("\"Incoming\"", Some("incoming")), ("\"brandNew\"", Some("brandNew")), ("7", None)]
    {
        let doc = document(&format!(r#"{{"state":{text}}}"#)).unwrap();
        assert_eq!(Call(doc.root()).state().as_deref(), state);
    }
    let doc = document(r#"{"targets":[null,{"a":1},"x",{}],"source":[]}"#).unwrap();
    let call = Call(doc.root());
    assert_eq!(call.targets().map(|person| person.0.raw()).collect::<Vec<_>>(), [r#"{"a":1}"#, "{}"]);
    assert!(call.source().is_none());
    let doc = document(r#"{"targets":{}}"#).unwrap();
    assert_eq!((doc.root().kind(), Call(doc.root()).targets().count()), (Kind::Object, 0));
}
