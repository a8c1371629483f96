//! What an agent has before it begins.

use std::collections::HashSet;

use gleis_core::Value;

use super::Functions;
use crate::{Agent, Attribute, AttributeError, cell::Cell, supervise::Anew};

/// What an agent has before it begins.
pub(crate) struct Start<A: 'static> {
    pub(crate) attributes: Vec<(String, Result<Value, AttributeError>)>,
    pub(crate) functions: Functions<A>,
    /// How it begins anew after a fault, if it can.
    pub(crate) anew: Option<Box<Anew<A>>>,
}

/// Fields of an agent, and what they are to be.
pub(crate) type Fields<A> = Vec<(&'static Attribute<A>, Value)>;

/// Attributes as they are to be set, and where.
struct Sorted<A: 'static> {
    fields: Fields<A>,
    free: Vec<(String, Value)>,
}

impl<A> Start<A> {
    pub(crate) fn new() -> Self {
        Self { attributes: Vec::new(), anew: None, functions: Functions::new() }
    }
}

impl<A: Agent> Start<A> {
    /// Sets the attributes of an agent that has not begun; each may be set once.
    pub(crate) fn begin(&mut self, agent: &mut A, cell: &Cell<A>) -> Result<(), AttributeError> {
        let Sorted { fields, free } = self.sort()?;
        self.set(agent, fields)?;
        free.into_iter().try_for_each(|(name, value)| cell.set_free(&name, value))
    }

    /// Sets the fields of a state that goes on for another one; the free attributes are there still.
    pub(crate) fn begin_again(&mut self, agent: &mut A) -> Result<(), AttributeError> {
        let Sorted { fields, .. } = self.sort()?;
        self.set(agent, fields)
    }

    fn set(&mut self, agent: &mut A, fields: Fields<A>) -> Result<(), AttributeError> {
        for (field, value) in &fields {
            let set = field.set(agent, value.clone());
            set.map_err(|it| AttributeError::value(field.name(), &it))?;
        }
        if let Some(anew) = &mut self.anew {
            anew.begin_with(fields);
        }
        Ok(())
    }

    fn sort(&mut self) -> Result<Sorted<A>, AttributeError> {
        let mut known = HashSet::new();
        let mut sorted = Sorted { fields: Vec::new(), free: Vec::new() };
        for (name, value) in std::mem::take(&mut self.attributes) {
            if !known.insert(name.clone()) {
                let what = "given twice as an attribute";
                return Err(AttributeError::Taken { attribute: name, what });
            }
            let value = value?;
            match A::ATTRIBUTES.iter().find(|it| it.name() == name) {
                Some(field) => sorted.fields.push((field, value)),
                None => sorted.free.push((name, value)),
            }
        }
        Ok(sorted)
    }
}
