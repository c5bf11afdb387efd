//! The keys of a scenario, and what each may hold.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::table::{self, Table, Wrong, fault, seconds, text, unknown, word};
use super::{Asked, MOST_CALLS, Scenario, ScenarioCall, TOGETHER};
use crate::simulator::callee::{Callee, EVERYBODY};
use crate::simulator::fault::{Fault, FaultRule};
use crate::simulator::ring::{RingOptions, Timeline};

/// Nobody is a million times faster.
const FASTEST: f64 = 1e6;

const SCENARIO_KEYS: [&str; 5] = ["calls", "speed", "seed", "faults", "together"];
const CALL_KEYS: [&str; 15] = [
    "name",
    "example",
    "call_id",
    "source",
    "targets",
    "tenant_id",
    "callback_uri",
    "my_participant_id",
    "wait",
    "callees",
    "hang_up",
    "timeline",
    "faults",
    "start",
    "count",
];
const FAULT_KEYS: [&str; 4] = ["name", "nth", "probability", "seconds"];
/// The kinds of identity in Graph's metadata and on the wire.
const KINDS: [&str; 11] = [
    "user",
    "application",
    "applicationInstance",
    "phone",
    "guest",
    "encrypted",
    "device",
    "onPremises",
    "assertedIdentity",
    "azureCommunicationServicesUser",
    "conversation",
];

pub(super) fn scenario(value: &Value) -> Result<Scenario, Wrong> {
    let table = Table::of(value, "$", &SCENARIO_KEYS)?;
    let calls = table.list("calls", call)?;
    if calls.is_empty() {
        return Err(fault("$.calls", "there is no call; add one, as [[calls]] in a file"));
    }
    let most = MOST_CALLS as u64;
    let scenario = Scenario {
        calls,
        speed: table.number("speed", f64::MIN_POSITIVE, FASTEST)?,
        seed: table.whole("seed", 0, u64::MAX)?,
        faults: table.get("faults").map_or_else(|| Ok(Vec::new()), |(value, path)| faults(value, &path))?,
        together: size(table.whole("together", 1, most)?).unwrap_or(TOGETHER),
    };
    if scenario.count() > MOST_CALLS {
        return Err(fault("$.calls", format!("more than {MOST_CALLS} calls")));
    }
    Ok(scenario)
}

pub(super) fn call(value: &Value, path: &str) -> Result<ScenarioCall, Wrong> {
    call_of(&Table::of(value, path, &CALL_KEYS)?)
}

/// A call asked for over HTTP: the keys of a scenario's call, and beside them whom to ring and how fast people are.
pub(super) fn asked(value: &Value) -> Result<Asked, Wrong> {
    let keys: Vec<_> = CALL_KEYS.into_iter().chain(["url", "speed", "seed", "patience"]).collect();
    let table = Table::of(value, "$", &keys)?;
    let Some(url) = table.text("url")? else {
        return Err(fault("$.url", "there is no url; give the address of the bot's webhook"));
    };
    let speed = table.number("speed", f64::MIN_POSITIVE, FASTEST)?;
    Ok(Asked {
        url,
        speed,
        seed: table.whole("seed", 0, u64::MAX)?,
        patience: table.seconds("patience")?,
        call: call_of(&table)?,
    })
}

fn call_of(table: &Table<'_>) -> Result<ScenarioCall, Wrong> {
    let base = match table.whole("example", 1, 3)? {
        Some(number) => RingOptions::example(u8::try_from(number).unwrap_or_default()).unwrap_or_default(),
        None => RingOptions::default(),
    };
    let targets = table.list("targets", participant)?;
    let options = RingOptions {
        name: table.text("name")?,
        call_id: table.text("call_id")?,
        source: table
            .get("source")
            .map(|(value, path)| participant(value, &path))
            .transpose()?
            .or(base.source),
        targets: if targets.is_empty() { base.targets } else { targets },
        tenant_id: table.text("tenant_id")?.or(base.tenant_id),
        callback_uri: table.text("callback_uri")?.or(base.callback_uri),
        my_participant_id: table.text("my_participant_id")?.or(base.my_participant_id),
        wait: table.seconds("wait")?,
        callees: table
            .get("callees")
            .map_or_else(|| Ok(BTreeMap::new()), |(value, path)| callees(value, &path))?,
        hang_up: table.seconds("hang_up")?,
        timeline: table.word("timeline", &Timeline::WORDS)?.unwrap_or_default(),
        faults: table.get("faults").map_or_else(|| Ok(Vec::new()), |(value, path)| faults(value, &path))?,
        ..RingOptions::default()
    };
    let count = size(table.whole("count", 1, MOST_CALLS as u64)?).unwrap_or(1);
    if let (Some((_, path)), true) = (table.get("call_id"), count > 1) {
        return Err(fault(&path, "several calls cannot have one id; leave call_id or count out"));
    }
    Ok(ScenarioCall { options, start: table.seconds("start")?.unwrap_or(Duration::ZERO), count })
}

/// `{ user = "id" }` for `{ user = { id = "id" } }`; a whole participant, which has an `identity`, as it is.
fn participant(value: &Value, path: &str) -> Result<Value, Wrong> {
    let kinds = table::members(value, path)?;
    if kinds.contains_key("identity") {
        return Ok(value.clone());
    }
    let mut set = Map::new();
    for (kind, identity) in kinds {
        let path = table::below(path, kind);
        if !KINDS.contains(&kind.as_str()) && !kind.starts_with('@') {
            return Err(unknown(&path, "kind of identity", kind, &KINDS));
        }
        let identity = match identity {
            Value::String(id) if !kind.starts_with('@') => json!({"id": id}),
            Value::Object(_) | Value::String(_) => identity.clone(),
            _ => return Err(fault(&path, "an identity is its id, or a table such as { id = \"...\" }")),
        };
        set.insert(kind.clone(), identity);
    }
    if set.is_empty() {
        return Err(fault(path, "nobody is named; write for instance { user = \"...\" }"));
    }
    Ok(Value::Object(set))
}

fn callees(value: &Value, path: &str) -> Result<BTreeMap<String, Callee>, Wrong> {
    let callee = |(id, value): (&String, &Value)| {
        let path = table::below(path, id);
        if id.trim().is_empty() {
            return Err(fault(&path, format!("a callee is named by id or number, or `{EVERYBODY}`")));
        }
        let callee = match value {
            Value::String(_) => word(value, &path, &Callee::WORDS)?,
            _ => Callee::Answers(seconds(value, &path)?),
        };
        Ok((id.clone(), callee))
    };
    table::members(value, path)?.iter().map(callee).collect()
}

pub(super) fn faults(value: &Value, path: &str) -> Result<Vec<FaultRule>, Wrong> {
    table::list(value, path, rule)
}

fn rule(value: &Value, path: &str) -> Result<FaultRule, Wrong> {
    let named = |value: &Value, path: &str| {
        let name = text(value, path)?;
        let known = Fault::ALL.iter().find(|fault| fault.name() == name);
        known.copied().ok_or_else(|| {
            let names: Vec<_> = Fault::ALL.iter().map(|fault| fault.name()).collect();
            unknown(path, "fault", name, &names)
        })
    };
    if value.is_string() {
        return named(value, path).map(FaultRule::always);
    }
    let table = Table::of(value, path, &FAULT_KEYS)?;
    let Some((name, name_path)) = table.get("name") else {
        return Err(fault(
            path,
            "the fault has no name; write for instance { name = \"delay\", seconds = 2 }",
        ));
    };
    let what = named(name, &name_path)?;
    let seconds = table.seconds("seconds")?;
    if let (Some((_, path)), None) = (table.get("seconds"), what.default_seconds()) {
        return Err(fault(&path, format!("{} takes no time; leave it out", what.name())));
    }
    let nth = table.whole("nth", 1, u64::from(u32::MAX))?.and_then(|nth| u32::try_from(nth).ok());
    Ok(FaultRule { fault: what, nth, probability: table.number("probability", 0.0, 1.0)?, seconds })
}

fn size(number: Option<u64>) -> Option<usize> {
    number.and_then(|number| usize::try_from(number).ok())
}
