//! Where scripts are compiled.

use std::fmt;
use std::sync::Arc;

use rhai::{AST, Dynamic, Engine, FnPtr};

use crate::engine;
use crate::error::{Bound, ScriptError};
use crate::host::Host;
use crate::limits::Limits;
use crate::program::Program;
use crate::script::Script;

/// Limits and a host, for any number of scripts; cheap to clone.
#[derive(Clone)]
pub struct Sandbox {
    engine: Arc<Engine>,
    limits: Limits,
}

impl Sandbox {
    /// Scripts of it stay within `limits` and may call what `host` grants.
    pub fn new(limits: Limits, host: impl Host) -> Self {
        let host: Arc<dyn Host> = Arc::new(host);
        Self { engine: Arc::new(engine::new(&limits, &host)), limits }
    }

    /// Compiles `script`, and runs what stands before its closure.
    ///
    /// # Errors
    /// [`Syntax`](ScriptError::Syntax), [`NotAClosure`](ScriptError::NotAClosure), or what goes wrong
    /// before the closure; [`Exceeded`](ScriptError::Exceeded) if it takes too much.
    pub fn compile(&self, script: &Script) -> Result<Program, ScriptError> {
        if script.source().len() > self.limits.source {
            return Err(ScriptError::exceeded(Bound::Source));
        }
        engine::within(&self.limits, || {
            let ast =
                self.engine.compile(script.source()).map_err(|it| ScriptError::syntax(&it))?;
            let main = self.main(&ast)?;
            Ok(Program::new(self.engine.clone(), ast, main, self.limits))
        })
    }

    fn main(&self, ast: &AST) -> Result<FnPtr, ScriptError> {
        let last = self.engine.eval_ast::<Dynamic>(ast)?;
        let found = last.type_name();
        last.try_cast::<FnPtr>().ok_or_else(|| ScriptError::NotAClosure { found: found.to_owned() })
    }
}

impl fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sandbox").field("limits", &self.limits).finish_non_exhaustive()
    }
}
