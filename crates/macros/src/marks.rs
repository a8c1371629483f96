//! `#[method]` inside of a block.

use syn::{Error, ImplItem, ImplItemFn, ItemImpl, Meta, Path, Result};

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
