//! The documentation of what a macro was put on.

use syn::{Attribute, Expr, Lit, Meta, MetaNameValue};

/// Its attributes, and those that say when it is there at all.
pub(crate) fn attributes(all: &[Attribute]) -> Vec<&Attribute> {
    let attributes = all.iter();
    attributes.filter(|it| it.path().is_ident("doc") || it.path().is_ident("cfg")).collect()
}

/// As text.
pub(crate) fn text(all: &[Attribute]) -> String {
    let lines = all.iter().filter(|it| it.path().is_ident("doc"));
    let lines = lines.filter_map(|it| match &it.meta {
        Meta::NameValue(MetaNameValue { value: Expr::Lit(it), .. }) => match &it.lit {
            Lit::Str(it) => Some(it.value().trim().to_owned()),
            _ => None,
        },
        _ => None,
    });
    lines.collect::<Vec<_>>().join("\n")
}
