//! Blocks that a macro is put on, and `#[method]` inside of them.

use syn::{Error, Ident, ImplItem, ImplItemFn, ItemImpl, Meta, Path, Result, Type};

/// Takes `#[method]` off all functions and tells which had it.
pub(crate) fn take(block: &mut ItemImpl) -> Result<Vec<ImplItemFn>> {
    let mut marked = Vec::new();
    let mut wrong = Vec::new();
    for item in &mut block.items {
        let ImplItem::Fn(function) = item else {
            continue;
        };
        let marks: Vec<_> = function.attrs.extract_if(.., |it| is_mark(it.path())).collect();
        let Some(mark) = marks.first() else {
            continue;
        };
        if !matches!(mark.meta, Meta::Path(_)) {
            wrong.push(Error::new_spanned(mark, "`#[method]` takes no arguments"));
        }
        marked.push(function.clone());
    }
    let all = wrong.into_iter().reduce(|mut all, it| {
        all.combine(it);
        all
    });
    all.map_or(Ok(marked), Err)
}

fn is_mark(path: &Path) -> bool {
    path.segments.last().is_some_and(|it| it.ident == "method")
}

/// The type that the block is of.
pub(crate) fn owner<'a>(block: &'a ItemImpl, mark: &str) -> Result<&'a Type> {
    let Some((_, path, _)) = &block.trait_ else {
        return Ok(&block.self_ty);
    };
    let text = format!("`{mark}` belongs on a plain `impl` block, not on one of a trait");
    Err(Error::new_spanned(path, text))
}

/// The name of a type.
pub(crate) fn name_of(owner: &Type, mark: &str) -> Result<Ident> {
    let name = match owner {
        Type::Path(path) => path.path.segments.last().map(|it| it.ident.clone()),
        _ => None,
    };
    name.ok_or_else(|| Error::new_spanned(owner, format!("`{mark}` needs a type with a name")))
}
