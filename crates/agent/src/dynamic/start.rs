//! What an agent has before it begins.

use gleis_core::Value;

use super::Functions;
use crate::{Agent, AttributeError, cell::Cell};

/// What an agent has before it begins.
pub(crate) struct Start<A: 'static> {
    pub(crate) attributes: Vec<(String, Result<Value, AttributeError>)>,
    pub(crate) functions: Functions<A>,
}

impl<A> Start<A> {
    pub(crate) fn new() -> Self {
        Self { attributes: Vec::new(), functions: Functions::new() }
    }
}

impl<A: Agent> Cell<A> {
    /// Sets the attributes of an agent that has not begun; each may be set once.
    pub(crate) fn begin_with(
        &self,
        agent: &mut A,
        attributes: Vec<(String, Result<Value, AttributeError>)>,
    ) -> Result<(), AttributeError> {
        let mut known = std::collections::HashSet::new();
        for (name, value) in attributes {
            if !known.insert(name.clone()) {
                let what = "given twice as an attribute";
                return Err(AttributeError::Taken { attribute: name, what });
            }
            match A::ATTRIBUTES.iter().find(|it| it.name() == name) {
                Some(field) => {
                    field.set(agent, value?).map_err(|it| AttributeError::value(&name, &it))?;
                }
                None => self.set_free(&name, value?)?,
            }
        }
        Ok(())
    }
}
