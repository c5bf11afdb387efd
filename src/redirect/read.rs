//! The wire form read back, strictly typed.

use serde_json::{Map, Value};

use super::wire::{IDENTITY_SET_TYPE, IDENTITY_TYPE, PARTICIPANT_TYPE, TYPE};
use super::{Redirect, Target};
use crate::ParseError;
use crate::json::{self, Step};

impl Redirect {
    /// Reads the wire form.
    ///
    /// Members without a field here are kept in the `extra` maps, so nothing is lost on the way back. The
    /// documentation of 2019 had no `@odata.type` and put `region` and `languageId` beside the identity: both
    /// are taken. A member of a wrong type, or given twice, is an error with its path, line and column.
    pub fn from_json(text: &[u8]) -> Result<Self, ParseError> {
        let value = json::parse(text)?;
        let mut reader = Reader { text, steps: Vec::new() };
        reader.redirect(value)
    }
}

struct Reader<'t> {
    text: &'t [u8],
    steps: Vec<Step>,
}

impl Reader<'_> {
    fn redirect(&mut self, value: Value) -> Result<Redirect, ParseError> {
        let mut body = self.object(value)?;
        let targets =
            self.optional(&mut body, "targets", |reader, value| reader.array(value, Self::target))?;
        Ok(Redirect {
            targets: targets.unwrap_or_default(),
            target_disposition: self.optional(&mut body, "targetDisposition", Self::string)?,
            timeout: self.optional(&mut body, "timeout", Self::integer)?,
            mask_callee: self.optional(&mut body, "maskCallee", Self::boolean)?,
            mask_caller: self.optional(&mut body, "maskCaller", Self::boolean)?,
            routing_policies: self
                .optional(&mut body, "routingPolicies", |reader, value| reader.array(value, Self::string))?,
            callback_uri: self.optional(&mut body, "callbackUri", Self::string)?,
            extra: body,
        })
    }

    fn target(&mut self, value: Value) -> Result<Target, ParseError> {
        let mut participant = self.object(value)?;
        self.usual_type(&mut participant, PARTICIPANT_TYPE)?;
        let endpoint_type = self.optional(&mut participant, "endpointType", Self::string)?;
        let target = self.required(&mut participant, "identity", Self::identity_set)?;
        Ok(Target { endpoint_type, participant_extra: participant, ..target })
    }

    fn identity_set(&mut self, value: Value) -> Result<Target, ParseError> {
        let mut set = self.object(value)?;
        self.usual_type(&mut set, IDENTITY_SET_TYPE)?;
        let kinds: Vec<_> = set.iter().filter(|(_, v)| v.is_object()).map(|(name, _)| name.clone()).collect();
        let [kind] = kinds.as_slice() else {
            // Debug form: the names come from outside and the reason is one line.
            return Err(self.fault(format!("an identity set holds exactly one identity, not {kinds:?}")));
        };
        let target = self.required(&mut set, kind, Self::identity)?;
        Ok(Target { kind: kind.clone(), identity_set_extra: set, ..target })
    }

    /// Everything but the kind, which is the name the identity stood under.
    fn identity(&mut self, value: Value) -> Result<Target, ParseError> {
        let mut identity = self.object(value)?;
        self.usual_type(&mut identity, IDENTITY_TYPE)?;
        let id = self.required(&mut identity, "id", Self::string)?;
        let display_name = self.optional(&mut identity, "displayName", Self::string)?;
        let tenant_id = self.optional(&mut identity, "tenantId", Self::string)?;
        Ok(Target { display_name, tenant_id, extra: identity, ..Target::identity("", id) })
    }

    /// Drops the type if it is the one we write anyway.
    fn usual_type(&mut self, object: &mut Map<String, Value>, usual: &str) -> Result<(), ParseError> {
        if object.get(TYPE).is_some_and(|found| found.as_str() != Some(usual)) {
            let found = object.get(TYPE).cloned().unwrap_or_default();
            return self.below(Step::Member(TYPE.into()), |reader| reader.string(found)).map(drop);
        }
        object.shift_remove(TYPE);
        Ok(())
    }

    fn optional<T>(
        &mut self,
        object: &mut Map<String, Value>,
        name: &str,
        read: impl FnOnce(&mut Self, Value) -> Result<T, ParseError>,
    ) -> Result<Option<T>, ParseError> {
        match object.shift_remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => self.below(Step::Member(name.into()), |reader| read(reader, value)).map(Some),
        }
    }

    fn required<T>(
        &mut self,
        object: &mut Map<String, Value>,
        name: &str,
        read: impl FnOnce(&mut Self, Value) -> Result<T, ParseError>,
    ) -> Result<T, ParseError> {
        match self.optional(object, name, read)? {
            Some(value) => Ok(value),
            None => Err(self.fault(format!("`{name}` is missing"))),
        }
    }

    fn array<T>(
        &mut self,
        value: Value,
        read: impl Fn(&mut Self, Value) -> Result<T, ParseError>,
    ) -> Result<Vec<T>, ParseError> {
        let Value::Array(items) = value else { return Err(self.expected("an array", &value)) };
        items
            .into_iter()
            .enumerate()
            .map(|(index, item)| self.below(Step::Item(index), |reader| read(reader, item)))
            .collect()
    }

    fn object(&mut self, value: Value) -> Result<Map<String, Value>, ParseError> {
        match value {
            Value::Object(members) => Ok(members),
            other => Err(self.expected("an object", &other)),
        }
    }

    fn string(&mut self, value: Value) -> Result<String, ParseError> {
        match value {
            Value::String(text) => Ok(text),
            other => Err(self.expected("a string", &other)),
        }
    }

    #[expect(clippy::needless_pass_by_value, reason = "all readers have one shape")]
    fn boolean(&mut self, value: Value) -> Result<bool, ParseError> {
        value.as_bool().ok_or_else(|| self.expected("true or false", &value))
    }

    #[expect(clippy::needless_pass_by_value, reason = "all readers have one shape")]
    fn integer(&mut self, value: Value) -> Result<i64, ParseError> {
        value.as_i64().ok_or_else(|| self.expected("a whole number of seconds", &value))
    }

    fn below<T>(
        &mut self,
        step: Step,
        read: impl FnOnce(&mut Self) -> Result<T, ParseError>,
    ) -> Result<T, ParseError> {
        self.steps.push(step);
        let value = read(self)?;
        self.steps.pop();
        Ok(value)
    }

    fn expected(&self, wanted: &str, found: &Value) -> ParseError {
        let found = match found {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Number(number) if number.is_f64() => "a fraction or a number beyond 64 bits",
            Value::Number(_) => "a number",
            Value::String(_) => "a string",
            Value::Array(_) => "an array",
            Value::Object(_) => "an object",
        };
        self.fault(format!("expected {wanted}, found {found}"))
    }

    fn fault(&self, reason: String) -> ParseError {
        json::fault(self.text, &self.steps, reason)
    }
}
