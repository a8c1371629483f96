//! The free attributes of an agent: values by name that its type knows nothing of.

use std::collections::BTreeMap;

use gleis_core::Value;
use parking_lot::Mutex;

use crate::AttributeError;

/// How many free attributes an agent may have.
const LIMIT: usize = 10_000;

/// How many bytes they may have together.
const ROOM: usize = 16 << 20;

/// Values by name, bounded in number and size.
#[derive(Default)]
pub(crate) struct Attributes {
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    values: BTreeMap<String, Value>,
    n_bytes: usize,
}

impl Attributes {
    pub(crate) fn get(&self, name: &str) -> Option<Value> {
        self.table.lock().values.get(name).cloned()
    }

    pub(crate) fn set(&self, name: &str, value: Value) -> Result<(), AttributeError> {
        let table = &mut *self.table.lock();
        let old = table.values.get(name).map_or(0, |it| weight(name, it));
        let n_bytes = table.n_bytes - old + weight(name, &value);
        if ROOM < n_bytes || (old == 0 && LIMIT <= table.values.len()) {
            return Err(AttributeError::TooMany { limit: LIMIT, bytes: ROOM });
        }
        table.n_bytes = n_bytes;
        table.values.insert(name.to_owned(), value);
        Ok(())
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.table.lock().values.keys().cloned().collect()
    }
}

fn weight(name: &str, value: &Value) -> usize {
    name.len() + crate::node::weight(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_attributes_are_bounded_in_number_and_size() {
        let attributes = Attributes::default();
        let large = Value::from("x".repeat(ROOM / 2));
        attributes.set("large", large.clone()).unwrap();
        attributes.set("large", large.clone()).unwrap();
        assert!(attributes.set("too", large).is_err());
        attributes.set("large", Value::Null).unwrap();
        for n in 1..LIMIT {
            attributes.set(&n.to_string(), Value::from(n as u64)).unwrap();
        }
        assert!(attributes.set("one more", Value::Null).is_err());
        attributes.set("7", Value::Null).unwrap();
        assert_eq!(attributes.get("7"), Some(Value::Null));
        assert_eq!(attributes.get("one more"), None);
        assert_eq!(attributes.names().len(), LIMIT);
    }
}
