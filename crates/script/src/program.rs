//! Scripts that were compiled.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use gleis_core::Value;
use rhai::{AST, Dynamic, Engine, FnPtr};

use crate::convert::{from_script, to_script};
use crate::engine;
use crate::error::ScriptError;
use crate::limits::Limits;

/// A script that was compiled; cheap to clone.
#[derive(Clone)]
pub struct Program(Arc<Compiled>);

struct Compiled {
    ast: AST,
    engine: Arc<Engine>,
    main: FnPtr,
    parameters: Vec<String>,
    limits: Limits,
}

impl Program {
    pub(crate) fn new(engine: Arc<Engine>, ast: AST, main: FnPtr, limits: Limits) -> Self {
        let parameters = ast
            .iter_functions()
            .find(|it| it.name == main.fn_name())
            .map(|it| it.params.iter().map(ToString::to_string).collect())
            .unwrap_or_default();
        Self(Arc::new(Compiled { ast, engine, main, parameters, limits }))
    }

    /// The names of its arguments.
    pub fn parameters(&self) -> &[String] {
        &self.0.parameters
    }

    /// Runs it with these arguments on this thread, for no longer than its limits say.
    ///
    /// # Errors
    /// Too many or too few [`Arguments`](ScriptError::Arguments), a limit that was
    /// [`Exceeded`](ScriptError::Exceeded), or what the script failed of.
    pub fn call(&self, args: impl IntoIterator<Item = Value>) -> Result<Value, ScriptError> {
        let Compiled { ast, engine, main, parameters, limits } = &*self.0;
        engine::within(limits, || {
            let args: Vec<Dynamic> = args.into_iter().map(to_script).collect::<Result<_, _>>()?;
            if args.len() != parameters.len() {
                return Err(ScriptError::Arguments { expected: parameters.len(), got: args.len() });
            }
            // Rhai promises not to panic; whoever serves others relies on his own care.
            let run = AssertUnwindSafe(|| main.call::<Dynamic>(engine, ast, args));
            catch_unwind(run)
                .unwrap_or_else(|_| Err("the interpreter panicked".into()))
                .map_err(ScriptError::from)
                .and_then(from_script)
        })
    }
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Program").field("parameters", &self.0.parameters).finish_non_exhaustive()
    }
}
