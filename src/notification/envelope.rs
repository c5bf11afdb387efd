//! A webhook body: `commsNotifications`, also a single notification or a bare list of them.

use std::borrow::Cow;
use std::fmt;

use super::call::Call;
use super::held::Json;
use super::lenient::blank_documentation_slips;
use super::open_set::{CALL_DIRECTION, CALL_STATE, CHANGE_TYPE, OpenSet};
use super::operation::Operation;
use super::resource::{Part, Resource, is_id, is_other_resource};
use crate::ParseError;
use crate::json::{self, Children, Document, Kind, Node};
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
    /// Where the call object is, for the events of a call.
    data: Option<u32>,
    /// Only on [`Event::Other`]: why it could not be read.
    pub problem: Option<Box<Problem>>,
}

/// Members of a call that decide something: none of them may come twice.
const DECIDING: [&str; 9] =
    ["@odata.type", "id", "state", "direction", "source", "targets", "tenantId", "callbackUri", "answeredBy"];
const TWICE: &str = "the member comes twice";
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
    Ok(items(body.node())?.map(|item| Notification::read(body.at(item))).collect())
}

fn items(root: Node<'_>) -> Result<Children<'_>, Refusal> {
    let list = match root.kind() {
        Kind::Array => root,
        Kind::Object => match value(root)? {
            Some(list) if list.kind() == Kind::Array => list,
            Some(_) => {
                return Err(Refusal::Malformed(ParseError {
                    path: "$.value".into(),
                    ..ParseError::unplaced("`value` is not a list")
                }));
            }
            None if root.get("changeType").is_some() => return Ok(root.alone()),
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
    Ok(list.items())
}

fn value(root: Node<'_>) -> Result<Option<Node<'_>>, Refusal> {
    let picked = root.pick(["value"]);
    let [value] = picked.map_err(|_| Refusal::Malformed(ParseError::unplaced("`value` comes twice")))?;
    Ok(value)
}

impl Notification {
    /// Reads one item.
    pub fn read(json: Json) -> Self {
        let (event, data, problem) = match classify(json.node()) {
            Ok((event, data)) => (event, data.map(Node::index), None),
            Err(problem) => (Event::Other, None, Some(Box::new(problem))),
        };
        Self { json, event, data, problem }
    }

    /// `created`, `updated`, `deleted`, or as it came.
    pub fn change_type(&self) -> Option<Cow<'_, str>> {
        Some(CHANGE_TYPE.spelled(self.json.node().str("changeType")?))
    }

    /// The resource's URL, from `resourceUrl` or the older `resource`.
    pub fn resource_url(&self) -> Option<Cow<'_, str>> {
        let item = self.json.node();
        item.str("resourceUrl").or_else(|| item.str("resource"))
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
        self.data.filter(|_| is_call).map(|index| Call(self.json.node_at(index)))
    }
}

type Classified<'a> = Result<(Event, Option<Node<'a>>), Problem>;

fn problem(path: impl Into<String>, reason: impl Into<String>) -> Problem {
    Problem { path: path.into(), reason: reason.into() }
}

fn classify(item: Node<'_>) -> Classified<'_> {
    if item.kind() != Kind::Object {
        return Err(problem("$", "the notification is not an object"));
    }
    let [change, url, older_url, data] = item
        .pick(["changeType", "resourceUrl", "resource", "resourceData"])
        .map_err(|name| problem(format!("$.{name}"), TWICE))?;
    let change = change.and_then(Node::as_str).filter(|change| !change.is_empty());
    let change = change.ok_or_else(|| problem("$.changeType", "missing, or not a string"))?;
    let url = url.and_then(Node::as_str).or_else(|| older_url?.as_str());
    let url = url.ok_or_else(|| problem("$.resourceUrl", "missing, or not a string"))?;
    let Some(resource) = Resource::parse(&url) else {
        return if is_other_resource(&url) {
            Ok((Event::Other, None))
        } else {
            Err(problem("$.resourceUrl", "neither a call nor a plain path of this API"))
        };
    };
    let deleted = change.eq_ignore_ascii_case("deleted");
    let object = data.and_then(single);
    match resource.part {
        Part::Call => classify_call(data, object, &change, deleted),
        Part::Participants => Ok((Event::ParticipantsChanged, None)),
        // The documentation has a roster under `/operations/participants`: what it holds says more than where it is.
        Part::Operation(_) if data.is_some_and(is_roster) => Ok((Event::ParticipantsChanged, None)),
        Part::Operation(_) => {
            let ended = deleted || object.is_some_and(|object| Operation(object).ended());
            Ok((if ended { Event::OperationEnded } else { Event::OperationUpdated }, None))
        }
        Part::Other(name) if name.eq_ignore_ascii_case("contentsharingsessions") => {
            Ok((Event::ContentSharingChanged, None))
        }
        Part::Other(_) => Ok((Event::Other, None)),
    }
}

/// The object; of a list with one object in it, that one.
fn single(data: Node<'_>) -> Option<Node<'_>> {
    match data.kind() {
        Kind::Object => Some(data),
        Kind::Array => {
            let mut items = data.items().filter(|item| item.kind() == Kind::Object);
            items.next().filter(|_| items.next().is_none())
        }
        _ => None,
    }
}

fn is_roster(data: Node<'_>) -> bool {
    let kind = data.items().next().and_then(|person| person.str("@odata.type"));
    kind.is_some_and(|name| is_type(&name, "microsoft.graph.participant"))
}

fn classify_call<'a>(
    data: Option<Node<'a>>,
    object: Option<Node<'a>>,
    change: &str,
    deleted: bool,
) -> Classified<'a> {
    let Some(object) = object else {
        return match data.map(Node::kind) {
            None | Some(Kind::Null) if deleted => Ok((Event::CallEnded, None)),
            None | Some(Kind::Null) => Ok((Event::CallUpdated, None)),
            Some(Kind::Array) => Ok((Event::Other, None)),
            Some(_) => Err(problem("$.resourceData", "neither object nor list")),
        };
    };
    let [kind, id, state, direction, ..] =
        object.pick(DECIDING).map_err(|name| problem(format!("$.resourceData.{name}"), TWICE))?;
    let kind = kind.and_then(Node::as_str);
    if kind.is_some_and(|name| !name.is_empty() && !is_type(&name, "microsoft.graph.call")) {
        return Ok((Event::Other, None));
    }
    if let Some(reason) = id.and_then(id_fault) {
        return Err(problem("$.resourceData.id", reason));
    }
    let known = |value: Option<Node<'a>>, set: OpenSet| set.spelling(&value?.as_str()?);
    let state = known(state, CALL_STATE);
    let event = if deleted || state == Some("terminated") {
        Event::CallEnded
    } else if change.eq_ignore_ascii_case("created")
        && state == Some("incoming")
        && known(direction, CALL_DIRECTION) != Some("outgoing")
    {
        Event::IncomingCall
    } else {
        Event::CallUpdated
    };
    Ok((event, Some(object)))
}

/// Why an id cannot be one of a call, if it cannot.
fn id_fault(id: Node<'_>) -> Option<&'static str> {
    match id.as_str() {
        Some(id) if is_id(&id) => None,
        Some(_) => Some("not a call id: letters, digits, - and _ only, at most 128"),
        None => Some("the call id is not a string"),
    }
}

fn is_type(name: &str, expected: &str) -> bool {
    name.strip_prefix('#').unwrap_or(name).eq_ignore_ascii_case(expected)
}
