//! Functions of text that check what they make before they make it.
//!
//! Those of Rhai look at the size of their result: `replace` may have built text of the square of the
//! limit by then.

use rhai::{Engine, EvalAltResult, ImmutableString, NativeCallContext, Position};

pub(crate) fn register(engine: &mut Engine) {
    engine.register_fn(
        "replace",
        |context: NativeCallContext<'_>,
         text: &mut ImmutableString,
         from: ImmutableString,
         to: ImmutableString| replace(&context, text, &from, &to),
    );
    engine.register_fn(
        "replace",
        |context: NativeCallContext<'_>,
         text: &mut ImmutableString,
         from: char,
         to: ImmutableString| {
            replace(&context, text, from.encode_utf8(&mut [0; 4]), &to)
        },
    );
}

fn replace(
    context: &NativeCallContext<'_>,
    text: &mut ImmutableString,
    from: &str,
    to: &str,
) -> Result<(), Box<EvalAltResult>> {
    let found = text.matches(from).count();
    let size = text.len() - found * from.len() + found.saturating_mul(to.len());
    if size > context.engine().max_string_size() {
        let what = "length of string".to_owned();
        return Err(EvalAltResult::ErrorDataTooLarge(what, Position::NONE).into());
    }
    *text = text.replace(from, to).into();
    Ok(())
}
