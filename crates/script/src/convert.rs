//! Values of messages and values of scripts.

use gleis_core::Value;
use gleis_core::value::MAX_DEPTH;
use rhai::{Array, Blob, Dynamic, FLOAT, INT, ImmutableString, Map};

use crate::error::ScriptError;

/// As scripts see it.
///
/// # Errors
/// An integer that scripts cannot hold.
pub(crate) fn to_script(value: Value) -> Result<Dynamic, ScriptError> {
    Ok(match value {
        Value::Null => Dynamic::UNIT,
        Value::Bool(it) => it.into(),
        Value::I64(it) => it.into(),
        Value::U64(it) => INT::try_from(it)
            .map_err(|_| ScriptError::NotAValue(format!("{it} is too large for a script")))?
            .into(),
        Value::F64(it) => it.into(),
        Value::String(it) => it.into(),
        Value::Bytes(it) => Dynamic::from_blob(it),
        Value::List(items) => {
            let items: Result<Array, _> = items.into_iter().map(to_script).collect();
            Dynamic::from_array(items?)
        }
        Value::Map(entries) => {
            let entry = |(key, value): (String, _)| Ok((key.into(), to_script(value)?));
            let entries: Result<Map, ScriptError> = entries.into_iter().map(entry).collect();
            Dynamic::from_map(entries?)
        }
    })
}

/// As messages carry it.
///
/// # Errors
/// What is no value, such as a function, or nested deeper than values are.
pub(crate) fn from_script(value: Dynamic) -> Result<Value, ScriptError> {
    within(value, MAX_DEPTH)
}

fn within(value: Dynamic, depth: usize) -> Result<Value, ScriptError> {
    let Some(deeper) = depth.checked_sub(1) else {
        return Err(ScriptError::NotAValue(format!("nested deeper than {MAX_DEPTH} levels")));
    };
    if value.is_unit() {
        return Ok(Value::Null);
    }
    let kind = value.type_name();
    let value = match value.try_cast_result::<Array>() {
        Ok(items) => {
            let items: Result<_, _> = items.into_iter().map(|it| within(it, deeper)).collect();
            return items.map(Value::List);
        }
        Err(other) => other,
    };
    let value = match value.try_cast_result::<Map>() {
        Ok(entries) => {
            let entry = |(key, value): (_, _)| Ok((String::from(key), within(value, deeper)?));
            let entries: Result<_, ScriptError> = entries.into_iter().map(entry).collect();
            return entries.map(Value::Map);
        }
        Err(other) => other,
    };
    let value = match value.try_cast_result::<Blob>() {
        Ok(it) => return Ok(Value::Bytes(it)),
        Err(other) => other,
    };
    simple(&value).ok_or_else(|| {
        ScriptError::NotAValue(format!("a value of type {kind} cannot leave a script"))
    })
}

fn simple(value: &Dynamic) -> Option<Value> {
    if let Some(it) = value.clone().try_cast::<ImmutableString>() {
        return Some(Value::String(it.into()));
    }
    let number = |it: INT| Value::I64(it);
    (value.as_bool().ok().map(Value::Bool))
        .or_else(|| value.as_int().ok().map(number))
        .or_else(|| value.as_float().ok().map(|it: FLOAT| Value::F64(it)))
        .or_else(|| value.as_char().ok().map(|it| Value::String(it.into())))
}
