//! The wire form read back, strictly typed.

use serde_json::{Map, Value};

use super::wire::{IDENTITY_SET_TYPE, IDENTITY_TYPE, PARTICIPANT_TYPE, TYPE};
use super::{Redirect, Target};
use crate::ParseError;
use crate::json::{self, Node};

impl Redirect {
    /// Reads the wire form.
    ///
    /// Members without a field here are kept in the `extra` maps, so nothing is lost on the way back. The
    /// documentation of 2019 had no `@odata.type` and put `region` and `languageId` beside the identity: both
    /// are taken. A member of a wrong type, or given twice, is an error with its path, line and column.
    pub fn from_json(text: &[u8]) -> Result<Self, ParseError> {
        let doc = json::read(text)?;
        redirect(Found { value: doc.root().strict()?, node: doc.root() })
    }
}

fn redirect(found: Found<'_>) -> Result<Redirect, ParseError> {
    let mut body = found.object()?;
    Ok(Redirect {
        targets: body.optional("targets", |found| found.array(target))?.unwrap_or_default(),
        target_disposition: body.optional("targetDisposition", Found::string)?,
        timeout: body.optional("timeout", Found::integer)?,
        mask_callee: body.optional("maskCallee", Found::boolean)?,
        mask_caller: body.optional("maskCaller", Found::boolean)?,
        routing_policies: body.optional("routingPolicies", |found| found.array(Found::string))?,
        callback_uri: body.optional("callbackUri", Found::string)?,
        extra: body.members,
    })
}

fn target(found: Found<'_>) -> Result<Target, ParseError> {
    let mut participant = found.object()?;
    participant.usual_type(PARTICIPANT_TYPE)?;
    let endpoint_type = participant.optional("endpointType", Found::string)?;
    let target = participant.required("identity", identity_set)?;
    Ok(Target { endpoint_type, participant_extra: participant.members, ..target })
}

fn identity_set(found: Found<'_>) -> Result<Target, ParseError> {
    let mut set = found.object()?;
    set.usual_type(IDENTITY_SET_TYPE)?;
    let kinds: Vec<_> =
        set.members.iter().filter(|(_, v)| v.is_object()).map(|(name, _)| name.clone()).collect();
    let [kind] = kinds.as_slice() else {
        // Debug form: the names come from outside and the reason is one line.
        let kinds = format!("{kinds:?}");
        return Err(set.node.fault(format!("an identity set holds exactly one identity, not {kinds:.80}")));
    };
    let target = set.required(kind, identity)?;
    Ok(Target { kind: kind.clone(), identity_set_extra: set.members, ..target })
}

/// Everything but the kind, which is the name the identity stood under.
fn identity(found: Found<'_>) -> Result<Target, ParseError> {
    let mut identity = found.object()?;
    identity.usual_type(IDENTITY_TYPE)?;
    let id = identity.required("id", Found::string)?;
    let display_name = identity.optional("displayName", Found::string)?;
    let tenant_id = identity.optional("tenantId", Found::string)?;
    Ok(Target { display_name, tenant_id, extra: identity.members, ..Target::identity("", id) })
}

/// A value, and where it stands.
struct Found<'a> {
    value: Value,
    node: Node<'a>,
}

impl<'a> Found<'a> {
    fn object(self) -> Result<Object<'a>, ParseError> {
        match self.value {
            Value::Object(members) => Ok(Object { members, node: self.node }),
            _ => Err(self.expected("an object")),
        }
    }

    fn array<T>(self, read: impl Fn(Self) -> Result<T, ParseError>) -> Result<Vec<T>, ParseError> {
        match self.value {
            Value::Array(items) => items
                .into_iter()
                .zip(self.node.items())
                .map(|(value, node)| read(Self { value, node }))
                .collect(),
            _ => Err(self.expected("an array")),
        }
    }

    fn string(self) -> Result<String, ParseError> {
        match self.value {
            Value::String(text) => Ok(text),
            _ => Err(self.expected("a string")),
        }
    }

    fn boolean(self) -> Result<bool, ParseError> {
        self.value.as_bool().ok_or_else(|| self.expected("true or false"))
    }

    fn integer(self) -> Result<i64, ParseError> {
        self.value.as_i64().ok_or_else(|| self.expected("a whole number of seconds"))
    }

    fn expected(&self, wanted: &str) -> ParseError {
        let found = match &self.value {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Number(number) if number.is_f64() => "a fraction or a number beyond 64 bits",
            Value::Number(_) => "a number",
            Value::String(_) => "a string",
            Value::Array(_) => "an array",
            Value::Object(_) => "an object",
        };
        self.node.fault(format!("expected {wanted}, found {found}"))
    }
}

/// The members of an object that nobody has read yet.
struct Object<'a> {
    members: Map<String, Value>,
    node: Node<'a>,
}

impl<'a> Object<'a> {
    fn optional<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(Found<'a>) -> Result<T, ParseError>,
    ) -> Result<Option<T>, ParseError> {
        match (self.members.shift_remove(name), self.node.get(name)) {
            (None | Some(Value::Null), _) | (_, None) => Ok(None),
            (Some(value), Some(node)) => read(Found { value, node }).map(Some),
        }
    }

    fn required<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(Found<'a>) -> Result<T, ParseError>,
    ) -> Result<T, ParseError> {
        self.optional(name, read)?.ok_or_else(|| self.node.fault(format!("`{name}` is missing")))
    }

    /// Drops the type if it is the one we write anyway.
    fn usual_type(&mut self, usual: &str) -> Result<(), ParseError> {
        match (self.members.get(TYPE), self.node.get(TYPE)) {
            (Some(Value::String(kind)), _) if kind == usual => drop(self.members.shift_remove(TYPE)),
            (Some(value), Some(node)) => drop(Found { value: value.clone(), node }.string()?),
            _ => {}
        }
        Ok(())
    }
}
