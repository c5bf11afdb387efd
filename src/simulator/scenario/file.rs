//! A scenario's file: TOML, with faults at their line.

use std::collections::HashMap;

use serde_json::{Map, Number, Value};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::table::Wrong;
use super::{Scenario, read, table};
use crate::ParseError;
use crate::json;

/// Where each key begins in the text, by its path.
type Places = HashMap<String, usize>;

pub(super) fn read(text: &str, name: &str) -> Result<Scenario, ParseError> {
    let place = |error: ParseError, offset: Option<usize>| {
        let (line, column) = offset.map_or((0, 0), |offset| json::position(text, offset));
        ParseError { reason: format!("{name}: {}", error.reason), line, column, ..error }
    };
    let table = DeTable::parse(text).map_err(|error| {
        let reason = format!("this is no TOML: {}", error.message().replace('\n', ", "));
        place(ParseError::unplaced(reason), error.span().map(|span| span.start))
    })?;
    let mut places = Places::new();
    let scenario = of_table(table.get_ref(), "$", &mut places).and_then(|value| read::scenario(&value));
    scenario.map_err(|wrong| {
        let offset = nearest_place(&places, &wrong.path);
        place(wrong.into(), offset)
    })
}

fn of_table(table: &DeTable<'_>, path: &str, places: &mut Places) -> Result<Value, Wrong> {
    let mut members = Map::new();
    // In the order of the file, for messages to begin at the top.
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    for (key, value) in entries {
        let path = table::below(path, key.get_ref());
        places.insert(path.clone(), key.span().start);
        members.insert(key.get_ref().to_string(), of_value(value, &path, places)?);
    }
    Ok(Value::Object(members))
}

fn of_value(value: &Spanned<DeValue<'_>>, path: &str, places: &mut Places) -> Result<Value, Wrong> {
    Ok(match value.get_ref() {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Boolean(flag) => Value::Bool(*flag),
        DeValue::Integer(number) => {
            let wide = i128::from_str_radix(&number.as_str().replace('_', ""), number.radix()).ok();
            let number = wide.and_then(Number::from_i128);
            Value::Number(number.ok_or_else(|| table::fault(path, "the number is too large"))?)
        }
        DeValue::Float(number) => {
            let number = number.as_str().replace('_', "").parse().ok().and_then(Number::from_f64);
            Value::Number(number.ok_or_else(|| table::fault(path, "a finite number is needed"))?)
        }
        DeValue::Datetime(_) => return Err(table::fault(path, "no key takes a date")),
        DeValue::Array(items) => {
            let item = |(index, item): (usize, &Spanned<DeValue<'_>>)| {
                let path = format!("{path}[{index}]");
                places.insert(path.clone(), item.span().start);
                of_value(item, &path, places)
            };
            Value::Array(items.iter().enumerate().map(item).collect::<Result<_, _>>()?)
        }
        DeValue::Table(table) => of_table(table, path, places)?,
    })
}

/// What is missing has no place of its own: then that of what it is missing in.
fn nearest_place(places: &Places, path: &str) -> Option<usize> {
    let mut path = path;
    loop {
        if let Some(offset) = places.get(path) {
            return Some(*offset);
        }
        path = path.get(..path.rfind(['.', '['])?)?;
    }
}
