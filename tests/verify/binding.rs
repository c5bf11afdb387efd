//! Whose call it is, and who rang it: what the token does not sign.

use callredirect::notification::{Notification, ParseOptions, parse};
use callredirect::send::clock::Arrival;
use callredirect::verify::{Binding, Claims, KeySet, Verifier};
use serde_json::{Value, json};

use crate::signing::{APP, TENANT};

const INSTANCE: &str = "1d6de2d4-0000-0000-0000-000000000001";

fn call(state: &str, targets: &[Value]) -> Notification {
    let targets: Vec<_> = targets.iter().map(|identity| json!({ "identity": identity })).collect();
    let body = json!({"value": [{
        "changeType": "created", "resourceUrl": "/communications/calls/x",
        "resourceData": {
            "@odata.type": "#microsoft.graph.call", "id": "x", "state": state, "direction": "incoming",
            "tenantId": TENANT, "targets": targets,
        },
    }]});
    parse(body.to_string().as_bytes(), &ParseOptions::default(), Arrival::now()).unwrap().remove(0)
}

fn claims(tenant: &str) -> Claims {
    Claims {
        tenant_id: tenant.into(),
        app_id: None,
        issuer: "i".into(),
        audience: APP.into(),
        expires_at: 0.0,
        not_before: None,
    }
}

fn application(id: &str) -> Value {
    json!({"application": {"id": id}})
}

fn instance(id: &str) -> Value {
    json!({"applicationInstance": {"id": id}})
}

#[test]
fn the_instances_that_are_configured_are_the_ones_that_may_be_rung() {
    let ours = Binding::new(Some(vec![INSTANCE.to_uppercase()]));
    let any = Binding::default();
    let user = json!({"user": {"id": INSTANCE}});
    for (targets, by_ours, by_any) in [
        (vec![application(APP)], true, true),
        (vec![application(&APP.to_uppercase().replace('-', ""))], true, true),
        (vec![instance(INSTANCE)], true, true),
        (vec![user.clone(), instance(INSTANCE)], true, true),
        (vec![instance("another")], false, true),
        (vec![instance(APP)], false, true),
        (vec![application(INSTANCE)], false, false),
        (vec![application("another")], false, false),
        (vec![application("another"), application(APP)], true, true),
        (vec![user], false, true),
        // An empty id names nobody, so it is nobody else either.
        (vec![application("")], false, true),
        // Who was rung is not said: it cannot contradict.
        (vec![], true, true),
    ] {
        for (binding, taken) in [(&ours, by_ours), (&any, by_any)] {
            let refusal = binding.refusal(&call("incoming", &targets), &claims(TENANT));
            assert_eq!(refusal.is_none(), taken, "{targets:?}: {refusal:?}");
        }
        // Only what would be redirected must be ours; the end of any call is told.
        assert!(ours.refusal(&call("terminated", &targets), &claims(TENANT)).is_none());
    }
    let none = Binding::new(Some(Vec::new()));
    assert!(none.refusal(&call("incoming", &[instance(INSTANCE)]), &claims(TENANT)).is_some());
    assert!(none.refusal(&call("incoming", &[application(APP)]), &claims(TENANT)).is_none());
}

#[test]
fn the_tenant_is_the_tokens() {
    let binding = Binding::default();
    for state in ["incoming", "terminated", "established"] {
        let refusal = |tenant: &str| binding.refusal(&call(state, &[]), &claims(tenant));
        assert!(refusal(TENANT).is_none() && refusal(&TENANT.to_uppercase()).is_none());
        assert!(refusal("another").is_some() && refusal(&TENANT[1..]).is_some());
    }
    // Who rings from another tenant says nothing of the call's.
    let body = format!(
        r#"[{{"changeType":"created","resourceUrl":"/communications/calls/x","resourceData":{{"state":"incoming",
        "source":{{"identity":{{"user":{{"id":"u","tenantId":"{TENANT}"}}}}}}}}}}]"#
    );
    let federated = parse(body.as_bytes(), &ParseOptions::default(), Arrival::now()).unwrap().remove(0);
    assert!(federated.call().unwrap().tenant_id().is_some());
    assert!(binding.refusal(&federated, &claims("another")).is_none());
}

#[test]
fn a_verifier_that_verifies_nothing_binds_to_the_application_alone() {
    let anyone = Verifier::dangerously_accepting_anyone(APP.to_uppercase());
    assert!(anyone.accepts_anyone() && anyone.can_verify() && !anyone.keys_due());
    for authorization in ["", "Bearer x", "\0"] {
        let claims = anyone.verify(authorization, f64::NAN).unwrap();
        assert_eq!((claims.audience.as_str(), claims.tenant_id.as_str()), (APP, ""));
        assert_eq!(anyone.verify_or_fetch(authorization, 0.0).unwrap().unwrap(), claims);
        let binding = Binding::default();
        assert!(binding.refusal(&call("incoming", &[application(APP)]), &claims).is_none());
        assert!(binding.refusal(&call("incoming", &[application("another")]), &claims).is_some());
    }
    let verifier = Verifier::new(APP, None, None, KeySet::default());
    assert!(!verifier.accepts_anyone() && !verifier.can_verify());
}
