//! The story of a call as JSON: short for lists, and whole with every payload.

use std::borrow::Cow;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use crate::redirect::{Severity, Target, Violation};
use crate::simulator::board::Story;
use crate::simulator::event::{Event, EventKind};
use crate::simulator::fault::Fault;
use crate::simulator::log::ReceivedRedirect;

/// A name or an id is no longer than this here; payloads have the whole.
const LONGEST_TEXT: usize = 200;

/// A call, under the names that Python has for its parts.
#[derive(Serialize)]
#[allow(clippy::struct_field_names, reason = "`call_id` is its name everywhere")]
pub(super) struct Call<'a> {
    call_id: &'a str,
    name: Option<&'a str>,
    /// `waiting` to ring, `ringing`, `redirected`, `ended`, or `failed` to ring at all.
    state: &'static str,
    /// Nothing more comes.
    over: bool,
    /// Seconds since the simulator started.
    at: f64,
    /// Seconds it rings at most.
    window: Option<f64>,
    url: Option<&'a str>,
    source: Option<Party<'a>>,
    targets: Vec<Party<'a>>,
    reply_status: Option<u16>,
    redirect_status: Option<u16>,
    ended_status: Option<u16>,
    ending: Option<&'static str>,
    answered_by: Option<Party<'a>>,
    problem: Option<&'a str>,
    faults: Vec<&'static str>,
    /// Rules that its last redirect broke; warnings are none, Microsoft's own example has one.
    violations: usize,
    steps: Vec<Step<'a>>,
}

#[derive(Serialize)]
struct Party<'a> {
    kind: &'a str,
    id: Option<&'a str>,
    display_name: Option<&'a str>,
}

#[derive(Serialize)]
struct Step<'a> {
    /// Seconds since it rang.
    at: f64,
    #[serde(flatten)]
    what: What<'a>,
}

#[derive(Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
enum What<'a> {
    Rang,
    NotificationSent {
        change_type: &'static str,
        state: &'static str,
        url: &'a str,
        faults: Vec<&'static str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        body: Option<Cow<'a, str>>,
    },
    BotReplied {
        change_type: &'static str,
        status: Option<u16>,
        problem: Option<&'a str>,
    },
    RedirectReceived {
        status: Option<u16>,
        accepted: bool,
        code: Option<&'static str>,
        message: Option<&'a str>,
        api_version: &'static str,
        fault: Option<&'static str>,
        targets: Vec<Party<'a>>,
        #[serde(flatten, skip_serializing_if = "Option::is_none")]
        payload: Option<Payload<'a>>,
    },
    CallFinished {
        ending: &'static str,
        answered_by: Option<Party<'a>>,
        problem: Option<&'a str>,
    },
    CallFailed {
        problem: &'a str,
    },
}

#[derive(Serialize)]
struct Payload<'a> {
    body: Cow<'a, str>,
    headers: &'a [(String, String)],
    violations: Vec<Broken<'a>>,
}

#[derive(Serialize)]
struct Broken<'a> {
    code: &'static str,
    path: &'a str,
    message: &'a str,
    severity: &'static str,
}

/// What a list shows of a call.
pub(super) fn summary(story: &Story) -> Call<'_> {
    told(story, false)
}

/// The same, with bodies, headers and every violation at its step.
pub(super) fn whole(story: &Story) -> Call<'_> {
    told(story, true)
}

fn told(story: &Story, whole: bool) -> Call<'_> {
    let began = story.events.first().map_or(Duration::ZERO, |event| event.at);
    let mut call = Call {
        call_id: &story.call_id,
        name: story.name.as_deref(),
        state: "waiting",
        over: story.over,
        at: began.as_secs_f64(),
        window: None,
        url: None,
        source: None,
        targets: Vec::new(),
        reply_status: None,
        redirect_status: None,
        ended_status: None,
        ending: None,
        answered_by: None,
        problem: None,
        faults: Vec::new(),
        violations: 0,
        steps: story.events.iter().map(|event| step(event, began, whole)).collect(),
    };
    for event in &story.events {
        call.follow(&event.what);
    }
    call.faults.sort_unstable();
    call.faults.dedup();
    call
}

impl<'a> Call<'a> {
    fn follow(&mut self, what: &'a EventKind) {
        match what {
            EventKind::CallRang(rang) => {
                self.state = "ringing";
                self.window = Some(rang.window.as_secs_f64());
                self.url = Some(clipped(&rang.url));
                self.source = participant(&rang.source);
                self.targets = rang.targets.iter().filter_map(participant).collect();
            }
            EventKind::NotificationSent(sent) => {
                self.faults.extend(sent.faults.iter().map(|fault| fault.name()));
            }
            EventKind::BotReplied { change_type, status, .. } => match *change_type {
                "created" => self.reply_status = *status,
                "deleted" => self.ended_status = *status,
                _ => {}
            },
            EventKind::RedirectReceived(received) => {
                if received.accepted {
                    self.state = "redirected";
                }
                self.redirect_status = received.status;
                let errors = received.violations.iter().filter(|broken| broken.severity == Severity::Error);
                self.violations = errors.count();
                self.faults.extend(received.fault.map(Fault::name));
            }
            EventKind::CallFinished { ending, answered_by, problem } => {
                self.state = "ended";
                self.ending = Some(ending.as_str());
                self.answered_by = answered_by.as_deref().map(target);
                self.problem = problem.as_deref();
            }
            EventKind::CallFailed { problem } => {
                self.state = "failed";
                self.problem = Some(problem);
            }
        }
    }
}

fn step(event: &Event, began: Duration, whole: bool) -> Step<'_> {
    let what = match &event.what {
        EventKind::CallRang(_) => What::Rang,
        EventKind::NotificationSent(sent) => What::NotificationSent {
            change_type: sent.change_type,
            state: sent.state,
            url: clipped(&sent.url),
            faults: sent.faults.iter().map(|fault| fault.name()).collect(),
            body: whole.then(|| String::from_utf8_lossy(&sent.body)),
        },
        EventKind::BotReplied { change_type, status, problem } => {
            What::BotReplied { change_type, status: *status, problem: problem.as_deref() }
        }
        EventKind::RedirectReceived(received) => What::RedirectReceived {
            status: received.status,
            accepted: received.accepted,
            code: received.code,
            message: received.message.as_deref(),
            api_version: received.api_version.as_str(),
            fault: received.fault.map(Fault::name),
            targets: received.redirect.iter().flat_map(|redirect| &redirect.targets).map(target).collect(),
            payload: whole.then(|| payload(received)),
        },
        EventKind::CallFinished { ending, answered_by, problem } => What::CallFinished {
            ending: ending.as_str(),
            answered_by: answered_by.as_deref().map(target),
            problem: problem.as_deref(),
        },
        EventKind::CallFailed { problem } => What::CallFailed { problem },
    };
    Step { at: event.at.saturating_sub(began).as_secs_f64(), what }
}

fn payload(received: &ReceivedRedirect) -> Payload<'_> {
    Payload {
        body: String::from_utf8_lossy(&received.body),
        headers: &received.headers,
        violations: received.violations.iter().map(broken).collect(),
    }
}

fn broken(violation: &Violation) -> Broken<'_> {
    let Violation { code, path, message, severity, .. } = violation;
    Broken { code, path, message, severity: severity.as_str() }
}

fn target(target: &Target) -> Party<'_> {
    Party {
        kind: clipped(&target.kind),
        id: Some(clipped(&target.id)),
        display_name: target.display_name.as_deref().map(clipped),
    }
}

/// The first identity of a participant.
fn participant(participant: &Value) -> Option<Party<'_>> {
    let identities = participant.get("identity")?.as_object()?;
    let (kind, identity) = identities.iter().find(|(_, identity)| identity.is_object())?;
    let text = |key: &str| identity.get(key).and_then(Value::as_str).map(clipped);
    Some(Party { kind: clipped(kind), id: text("id"), display_name: text("displayName") })
}

fn clipped(text: &str) -> &str {
    text.char_indices().nth(LONGEST_TEXT).and_then(|(end, _)| text.get(..end)).unwrap_or(text)
}
