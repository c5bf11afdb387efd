//! A webhook body: `commsNotifications`, also a single notification or a bare list of them.

use std::borrow::Cow;
use std::fmt;

use super::call::Call;
use super::held::Json;
use super::lenient::blank_documentation_slips;
use super::open_set::CHANGE_TYPE;
use super::operation::Operation;
use super::resource::{Part, Resource, is_id};
use crate::ParseError;
use crate::json::{self, Document, Kind, Node};
use crate::send::clock::Arrival;

/// How to read a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParseOptions {
    /// Accept trailing commas and comments, as in pasted documentation.
    pub lenient: bool,
    /// Longest body in bytes.
    pub max_bytes: usize,
    /// Deepest nesting of objects and arrays.
    pub max_depth: usize,
}

impl Default for ParseOptions {
    fn default() -> Self {
        Self { lenient: false, max_bytes: 256 * 1024, max_depth: 64 }
    }
}

/// Why a body as a whole is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Longer than allowed.
    TooLarge(ParseError),
    /// The Skype format from before Graph: answered with 204, the platform sends it again in Graph's format.
    Legacy(ParseError),
    /// Not JSON, or JSON of another kind.
    Malformed(ParseError),
}

impl From<Refusal> for ParseError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::TooLarge(error) | Refusal::Legacy(error) | Refusal::Malformed(error) => error,
        }
    }
}

/// What a notification tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// A call that may be redirected: created, state `incoming`, not outgoing.
    IncomingCall,
    /// Any other change of a call.
    CallUpdated,
    /// State `terminated`, or the call was deleted.
    CallEnded,
    /// The roster.
    ParticipantsChanged,
    /// An operation was asked for, or runs.
    OperationUpdated,
    /// An operation completed or failed.
    OperationEnded,
    /// Somebody shares content, or no longer does.
    ContentSharingChanged,
    /// Of a kind unknown here, or malformed.
    Other,
}

/// What is wrong with one item of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// JSON path from the item, `$` being the item itself.
    pub path: String,
    /// One line.
    pub reason: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.reason, self.path)
    }
}

/// One item of a body.
#[derive(Debug, Clone)]
pub struct Notification {
    /// The item itself.
    pub json: Json,
    /// What it tells.
    pub event: Event,
    /// Only on [`Event::Other`]: why it could not be read.
    pub problem: Option<Problem>,
}

const KNOWN: [&str; 5] = ["@odata.type", "changeType", "resourceUrl", "resource", "resourceData"];
const LEGACY_MEMBERS: [&str; 3] = ["callState", "operationOutcome", "appState"];

/// Reads a body. One malformed item never loses the others.
pub fn parse(body: &[u8], options: &ParseOptions, arrival: Arrival) -> Result<Vec<Notification>, Refusal> {
    if body.len() > options.max_bytes {
        let reason = format!("body of {} bytes, the limit is {}", body.len(), options.max_bytes);
        return Err(Refusal::TooLarge(ParseError::unplaced(reason)));
    }
    let text = json::utf8(body).map_err(Refusal::Malformed)?;
    let text =
        if options.lenient { Cow::Owned(blank_documentation_slips(text)) } else { Cow::Borrowed(text) };
    let doc = Document::parse(&text, options.max_depth).map_err(Refusal::Malformed)?;
    let body = Json::new(doc, arrival);
    Ok(items(body.node())?.into_iter().map(|item| Notification::read(body.at(item))).collect())
}

fn items(root: Node<'_>) -> Result<Vec<Node<'_>>, Refusal> {
    let list = match root.kind() {
        Kind::Array => root,
        Kind::Object => match root.get("value") {
            Some(_) if root.duplicate(&["value"]).is_some() => {
                return Err(Refusal::Malformed(ParseError::unplaced("`value` comes twice")));
            }
            Some(list) if list.kind() == Kind::Array => list,
            Some(_) => {
                return Err(Refusal::Malformed(ParseError {
                    path: "$.value".into(),
                    ..ParseError::unplaced("`value` is not a list")
                }));
            }
            None if root.get("changeType").is_some() => return Ok(vec![root]),
            None if LEGACY_MEMBERS.iter().any(|name| root.get(name).is_some()) => {
                let reason =
                    "a call in the Skype format from before Graph; answer 204 and Graph's format follows";
                return Err(Refusal::Legacy(ParseError::unplaced(reason)));
            }
            None => {
                return Err(Refusal::Malformed(ParseError::unplaced(
                    "not a notification body: no `value` list",
                )));
            }
        },
        _ => {
            return Err(Refusal::Malformed(ParseError::unplaced(
                "not a notification body: expected an object",
            )));
        }
    };
    Ok(list.items().collect())
}

impl Notification {
    /// Reads one item.
    pub fn read(json: Json) -> Self {
        let (event, problem) = match classify(json.node()) {
            Ok(event) => (event, None),
            Err(problem) => (Event::Other, Some(problem)),
        };
        Self { json, event, problem }
    }

    /// `created`, `updated`, `deleted`, or as it came.
    pub fn change_type(&self) -> Option<Cow<'_, str>> {
        Some(CHANGE_TYPE.spelled(self.json.node().str("changeType")?))
    }

    /// The resource's URL, from `resourceUrl` or the older `resource`.
    pub fn resource_url(&self) -> Option<Cow<'_, str>> {
        resource_url(self.json.node())
    }

    /// The call it is about: the id in the call object if there is one, else the one in the resource URL.
    pub fn call_id(&self) -> Option<String> {
        let own = self.call().and_then(|call| call.id().map(Cow::into_owned));
        own.filter(|id| is_id(id)).or_else(|| self.url_call_id())
    }

    /// The call id in the resource URL. It differs from [`Self::call_id`] only where the sender contradicts itself.
    pub fn url_call_id(&self) -> Option<String> {
        Some(Resource::parse(&self.resource_url()?)?.call_id.to_owned())
    }

    /// The call object, for the events of a call.
    pub fn call(&self) -> Option<Call<'_>> {
        let is_call = matches!(self.event, Event::IncomingCall | Event::CallUpdated | Event::CallEnded);
        is_call.then(|| resource_data(self.json.node()).map(Call)).flatten()
    }
}

fn resource_url(item: Node<'_>) -> Option<Cow<'_, str>> {
    item.str("resourceUrl").or_else(|| item.str("resource"))
}

/// The resource's object; of a list with one item, that item.
fn resource_data(item: Node<'_>) -> Option<Node<'_>> {
    let data = item.get("resourceData")?;
    match data.kind() {
        Kind::Object => Some(data),
        Kind::Array => {
            let mut items = data.items().filter(|item| item.kind() == Kind::Object);
            items.next().filter(|_| items.next().is_none())
        }
        _ => None,
    }
}

fn classify(item: Node<'_>) -> Result<Event, Problem> {
    let problem = |path: &str, reason: &str| Problem { path: path.into(), reason: reason.into() };
    if item.kind() != Kind::Object {
        return Err(problem("$", "the notification is not an object"));
    }
    if let Some(name) = item.duplicate(&KNOWN) {
        return Err(problem(&format!("$.{name}"), "the member comes twice"));
    }
    let change = item.str("changeType").filter(|change| !change.is_empty());
    let change = change.ok_or_else(|| problem("$.changeType", "missing, or not a string"))?;
    let url = resource_url(item).ok_or_else(|| problem("$.resourceUrl", "missing, or not a string"))?;
    let resource =
        Resource::parse(&url).ok_or_else(|| problem("$.resourceUrl", "does not name a call of this API"))?;
    let deleted = change.eq_ignore_ascii_case("deleted");
    match resource.part {
        Part::Call => classify_call(item, &change, deleted),
        Part::Participants => Ok(Event::ParticipantsChanged),
        // The documentation has a roster under `/operations/participants`: what it holds says more than where it is.
        Part::Operation(_) if is_roster(item) => Ok(Event::ParticipantsChanged),
        Part::Operation(_) => {
            let ended = deleted || resource_data(item).is_some_and(|node| Operation(node).ended());
            Ok(if ended { Event::OperationEnded } else { Event::OperationUpdated })
        }
        Part::Other(name) if name.eq_ignore_ascii_case("contentsharingsessions") => {
            Ok(Event::ContentSharingChanged)
        }
        Part::Other(_) => Ok(Event::Other),
    }
}

fn is_roster(item: Node<'_>) -> bool {
    let first = item.get("resourceData").and_then(|list| list.items().next());
    first
        .and_then(|person| person.str("@odata.type"))
        .is_some_and(|name| is_type(&name, "microsoft.graph.participant"))
}

fn classify_call(item: Node<'_>, change: &str, deleted: bool) -> Result<Event, Problem> {
    let Some(data) = resource_data(item) else {
        return match item.get("resourceData").map(Node::kind) {
            None | Some(Kind::Null) if deleted => Ok(Event::CallEnded),
            None | Some(Kind::Null) => Ok(Event::CallUpdated),
            Some(Kind::Array) => Ok(Event::Other),
            Some(_) => {
                Err(Problem { path: "$.resourceData".into(), reason: "neither object nor list".into() })
            }
        };
    };
    if data.str("@odata.type").is_some_and(|name| !name.is_empty() && !is_type(&name, "microsoft.graph.call"))
    {
        return Ok(Event::Other);
    }
    let call = Call(data);
    if let Some((path, reason)) = call.problem() {
        return Err(Problem { path: format!("$.resourceData{path}"), reason });
    }
    let state = call.state();
    if deleted || state.as_deref() == Some("terminated") {
        return Ok(Event::CallEnded);
    }
    let incoming = change.eq_ignore_ascii_case("created")
        && state.as_deref() == Some("incoming")
        && call.direction().as_deref() != Some("outgoing");
    Ok(if incoming { Event::IncomingCall } else { Event::CallUpdated })
}

fn is_type(name: &str, expected: &str) -> bool {
    name.strip_prefix('#').unwrap_or(name).eq_ignore_ascii_case(expected)
}
