//! What goes wrong with scripts.

use std::fmt;

use rhai::{Dynamic, EvalAltResult, ParseError, Position};
use thiserror::Error;

/// Why a script was not compiled or a call of it has no answer.
#[derive(Clone, Debug, Error, PartialEq)]
#[non_exhaustive]
pub enum ScriptError {
    /// The call has too many or too few arguments.
    #[error("the script takes {expected} arguments and got {got}")]
    Arguments {
        /// As many as its closure has.
        expected: usize,
        /// As many as there were.
        got: usize,
    },
    /// A limit was met; the call did not end by itself.
    #[error("{at}the script exceeded its limit of {bound}")]
    Exceeded {
        /// Where.
        at: At,
        /// Which limit.
        bound: Bound,
    },
    /// The script failed, or threw what it did not catch.
    #[error("{at}{text}")]
    Failed {
        /// Where.
        at: At,
        /// What it says.
        text: String,
    },
    /// The host refused a call that it grants.
    #[error("{at}{error}")]
    Host {
        /// Where.
        at: At,
        /// What the host says.
        error: HostError,
    },
    /// The source does not end with a closure.
    #[error("a script ends with a closure, as in `|x| x * x`; this one ends with {found}")]
    NotAClosure {
        /// The type of what it ends with.
        found: String,
    },
    /// An argument or the answer is nothing that a script, or a message, can hold.
    #[error("{0}")]
    NotAValue(String),
    /// There is no such function here: misspelled, or not granted.
    #[error("{at}there is no function {function}, or it is not granted")]
    NotGranted {
        /// Where.
        at: At,
        /// Its name, with the types of the arguments.
        function: String,
    },
    /// The source is no script.
    #[error("{at}{text}")]
    Syntax {
        /// Where.
        at: At,
        /// What is wrong.
        text: String,
    },
}

/// A place in the source; shown as `line 3: `, or nothing if it is not known.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct At {
    /// From 1.
    pub line: Option<usize>,
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.line.map_or(Ok(()), |line| write!(f, "line {line}: "))
    }
}

impl From<Position> for At {
    fn from(position: Position) -> Self {
        Self { line: position.line() }
    }
}

/// One of the [`Limits`](crate::Limits).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Bound {
    /// Calls within calls, or expressions within expressions.
    Depth,
    /// Steps of the interpreter.
    Operations,
    /// The size of a string, array or map.
    Size,
    /// Bytes of the source.
    Source,
    /// Time on the clock.
    Time,
    /// Variables at once.
    Variables,
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Depth => "nesting",
            Self::Operations => "operations",
            Self::Size => "size of values",
            Self::Source => "source text",
            Self::Time => "time",
            Self::Variables => "variables",
        })
    }
}

/// What a [`Host`](crate::Host) says to a script that called it.
#[derive(Clone, Debug, Error, Eq, PartialEq)]
#[error("{0}")]
pub struct HostError(String);

impl HostError {
    /// With this text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl ScriptError {
    pub(crate) fn exceeded(bound: Bound) -> Self {
        Self::Exceeded { at: At::default(), bound }
    }

    pub(crate) fn syntax(error: &ParseError) -> Self {
        use rhai::ParseErrorType as Kind;
        let at = error.position().into();
        match error.err_type() {
            Kind::ExprTooDeep => Self::Exceeded { at, bound: Bound::Depth },
            Kind::TooManyFunctions | Kind::LiteralTooLarge(..) => {
                Self::Exceeded { at, bound: Bound::Size }
            }
            kind => Self::Syntax { at, text: kind.to_string() },
        }
    }
}

impl From<Box<EvalAltResult>> for ScriptError {
    fn from(error: Box<EvalAltResult>) -> Self {
        use EvalAltResult as E;
        let at = error.position().into();
        let exceeded = |bound| Self::Exceeded { at, bound };
        match *error {
            E::ErrorInFunctionCall(_, _, inner, _) => inner.into(),
            E::ErrorTooManyOperations(_) => exceeded(Bound::Operations),
            E::ErrorTooManyVariables(_) => exceeded(Bound::Variables),
            E::ErrorStackOverflow(_) => exceeded(Bound::Depth),
            E::ErrorDataTooLarge(..) => exceeded(Bound::Size),
            E::ErrorTerminated(..) => exceeded(Bound::Time),
            E::ErrorFunctionNotFound(function, _) => Self::NotGranted { at, function },
            E::ErrorRuntime(thrown, _) => Self::thrown(at, thrown),
            other => Self::Failed { at, text: without_place(&other) },
        }
    }
}

impl ScriptError {
    fn thrown(at: At, thrown: Dynamic) -> Self {
        match thrown.try_cast_result::<HostError>() {
            Ok(error) => Self::Host { at, error },
            Err(thrown) => Self::Failed { at, text: thrown.to_string() },
        }
    }
}

/// The text alone: the place is told in the same way for all errors.
fn without_place(error: &EvalAltResult) -> String {
    let mut text = error.to_string();
    if let Some(end) = text.rfind(" (line ") {
        text.truncate(end);
    }
    text
}
