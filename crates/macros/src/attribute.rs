//! Attributes: the fields that others may see and change by name.

use proc_macro2::TokenStream;
use quote::quote_spanned;
use syn::{
    Error, Ident, Result, Token, Type,
    ext::IdentExt,
    parenthesized,
    parse::{ParseStream, Parser},
    punctuated::Punctuated,
};

/// Reads `attributes(name, ..)`, or nothing.
pub(crate) fn names(args: &TokenStream) -> Result<Vec<Ident>> {
    if args.is_empty() {
        return Ok(Vec::new());
    }
    parse.parse2(args.clone())
}

fn parse(input: ParseStream<'_>) -> Result<Vec<Ident>> {
    let word: Ident = input.parse()?;
    if word != "attributes" {
        let text = "`#[agent]` takes `attributes(field, ..)` or nothing";
        return Err(Error::new_spanned(word, text));
    }
    let inner;
    parenthesized!(inner in input);
    let names = Punctuated::<Ident, Token![,]>::parse_terminated(&inner)?;
    if !input.is_empty() {
        return Err(input.error("nothing may follow `attributes(..)`"));
    }
    Ok(names.into_iter().collect())
}

/// The entry of the table of attributes.
pub(crate) fn entry(root: &TokenStream, owner: &Type, field: &Ident) -> TokenStream {
    let name = field.unraw().to_string();
    quote_spanned! {field.span()=>
        #root::Attribute::new(
            #name,
            |__agent: &#owner| #root::__private::to_value(&__agent.#field),
            |__agent: &mut #owner, __value| #root::__private::set(&mut __agent.#field, __value),
        )
    }
}
