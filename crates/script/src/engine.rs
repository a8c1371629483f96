//! The interpreter with its bounds.

use std::any::TypeId;
use std::cell::Cell;
use std::sync::{Arc, LazyLock};
use std::time::Instant;

use gleis_core::Value;
use rhai::packages::{
    ArithmeticPackage, BasicArrayPackage, BasicBlobPackage, BasicFnPackage, BasicIteratorPackage,
    BasicMapPackage, BasicMathPackage, BasicStringPackage, LogicPackage, MoreStringPackage,
    Package,
};
use rhai::{Dynamic, Engine, EvalAltResult, Module, Position, Shared};

use crate::convert::{from_script, to_script};
use crate::error::{HostError, ScriptError};
use crate::host::{Grant, Host};
use crate::limits::Limits;
use crate::{size, text};

/// Steps between two looks at the clock.
const STRIDE: u64 = 32;

/// Functions that a script may define.
const FUNCTIONS: usize = 64;

/// Expressions within expressions; what a thread's stack holds even without optimisation.
const EXPRESSIONS: usize = 32;

/// Bytes of stack for each level of a nested value; measured, with room to spare.
const VALUE_STACK: usize = if cfg!(debug_assertions) { 4 << 10 } else { 1 << 10 };

/// Bytes of stack for each call within a call, as deep as its expressions may be.
const CALL_STACK: usize = EXPRESSIONS * VALUE_STACK;

thread_local! {
    /// When the script that runs on this thread has to be done.
    static END: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// What the language brings, but for what its core can do beside computing: sleep, exit, parse.
static PACKAGES: LazyLock<Vec<Shared<Module>>> = LazyLock::new(|| {
    vec![
        ArithmeticPackage::new().as_shared_module(),
        LogicPackage::new().as_shared_module(),
        BasicMathPackage::new().as_shared_module(),
        BasicStringPackage::new().as_shared_module(),
        MoreStringPackage::new().as_shared_module(),
        BasicIteratorPackage::new().as_shared_module(),
        BasicArrayPackage::new().as_shared_module(),
        BasicBlobPackage::new().as_shared_module(),
        BasicMapPackage::new().as_shared_module(),
        BasicFnPackage::new().as_shared_module(),
    ]
});

pub(crate) fn new(limits: &Limits, host: &Arc<dyn Host>) -> Engine {
    let mut engine = Engine::new_raw();
    for package in &*PACKAGES {
        engine.register_global_module(package.clone());
    }
    bound(&mut engine, limits);
    // `this` and `curry` make values that grow where nobody looks.
    for symbol in ["eval", "print", "debug", "this", "curry"] {
        engine.disable_symbol(symbol);
    }
    text::register(&mut engine);
    size::watch(&mut engine, *limits);
    for grant in host.grants() {
        register(&mut engine, grant, host.clone());
    }
    engine
}

fn bound(engine: &mut Engine, limits: &Limits) {
    engine.set_max_array_size(limits.array);
    engine.set_max_call_levels(limits.depth);
    engine.set_max_expr_depths(EXPRESSIONS, EXPRESSIONS);
    engine.set_max_functions(FUNCTIONS);
    engine.set_max_map_size(limits.map);
    engine.set_max_operations(limits.operations);
    engine.set_max_string_size(limits.string);
    engine.set_max_variables(limits.variables);
    engine.on_progress(|steps| (steps % STRIDE == 0 && is_late()).then_some(Dynamic::UNIT));
}

fn is_late() -> bool {
    END.get().is_some_and(|end| end <= Instant::now())
}

/// Runs `work`, which runs a script and drops what it made, within the time and on the stack that
/// the limits ask for; within what is left of the time if a script that calls another has less.
pub(crate) fn within<T>(limits: &Limits, work: impl FnOnce() -> T) -> T {
    /// Also when `work` panics.
    struct Restore(Option<Instant>);
    impl Drop for Restore {
        fn drop(&mut self) {
            END.set(self.0);
        }
    }
    let before = END.get();
    let end = Instant::now().checked_add(limits.time);
    END.set([before, end].into_iter().flatten().min());
    let _restore = Restore(before);
    let stack = stack(limits);
    stacker::maybe_grow(stack, stack, work)
}

/// Bytes of stack that a script may need: Rhai walks values, and drops them, by recursion, and a
/// value may be nested once for each element that it may have.
fn stack(limits: &Limits) -> usize {
    let levels = limits.array.saturating_add(limits.map);
    let values = levels.saturating_mul(VALUE_STACK);
    values.saturating_add(limits.depth.saturating_mul(CALL_STACK)).saturating_add(VALUE_STACK << 6)
}

fn register(engine: &mut Engine, grant: Grant, host: Arc<dyn Host>) {
    let Grant { arity, name } = grant;
    let types = vec![TypeId::of::<Dynamic>(); arity];
    engine.register_raw_fn(name, types, move |_, args| {
        let args: Result<Vec<Value>, _> =
            args.iter_mut().map(|it| from_script(it.clone())).collect();
        let answer = match args {
            Ok(args) => host.call(name, args),
            Err(error) => Err(refused(&error)),
        };
        answer.and_then(|it| to_script(it).map_err(|it| refused(&it))).map_err(|error| {
            EvalAltResult::ErrorRuntime(Dynamic::from(error), Position::NONE).into()
        })
    });
}

fn refused(error: &ScriptError) -> HostError {
    HostError::new(error.to_string())
}
