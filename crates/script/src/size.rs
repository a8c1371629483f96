//! The sizes of variables.
//!
//! Rhai measures what an expression makes, and of `a[i][k] = v` only the part that changed: the whole
//! may grow. So each variable is measured again whenever it is looked up, as what is put somewhere,
//! and where it is put, was looked up.

use rhai::{Array, Dynamic, Engine, EvalAltResult, Map, Position};

use crate::limits::Limits;

pub(crate) fn watch(engine: &mut Engine, limits: Limits) {
    #[expect(deprecated, reason = "not outdated: it may change, as Rhai says of it")]
    engine.on_var(move |name, _, context| match context.scope().get(name) {
        Some(value) if is_too_large(value, &limits) => {
            let what = format!("size of {name}");
            Err(EvalAltResult::ErrorDataTooLarge(what, Position::NONE).into())
        }
        _ => Ok(None),
    });
}

fn is_too_large(value: &Dynamic, limits: &Limits) -> bool {
    !Room { array: limits.array, map: limits.map, string: limits.string }.holds(value)
}

/// What is left of the limits.
struct Room {
    array: usize,
    map: usize,
    string: usize,
}

impl Room {
    /// Takes what `value` needs; not more levels deep than there is room for elements.
    fn holds(&mut self, value: &Dynamic) -> bool {
        if let Ok(items) = value.as_array_ref() {
            return take(&mut self.array, items.len()) && self.holds_all(&items);
        }
        if let Ok(entries) = value.as_map_ref() {
            return take(&mut self.map, entries.len()) && self.holds_values(&entries);
        }
        if let Ok(bytes) = value.as_blob_ref() {
            return take(&mut self.array, bytes.len());
        }
        value.as_immutable_string_ref().map_or(true, |it| take(&mut self.string, it.len()))
    }

    fn holds_all(&mut self, items: &Array) -> bool {
        items.iter().all(|it| self.holds(it))
    }

    fn holds_values(&mut self, entries: &Map) -> bool {
        entries.iter().all(|(key, it)| take(&mut self.string, key.len()) && self.holds(it))
    }
}

fn take(room: &mut usize, n: usize) -> bool {
    room.checked_sub(n).map(|left| *room = left).is_some()
}
