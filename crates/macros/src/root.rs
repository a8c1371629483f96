//! Where the crate that defines agents is found.

use proc_macro_crate::{FoundCrate, crate_name};
use proc_macro2::{Span, TokenStream, TokenTree};
use quote::quote;
use syn::Ident;

/// The path of the crate `gleis-agent` as the user's crate sees it.
pub(crate) fn agent_crate() -> TokenStream {
    if let Ok(found) = crate_name("gleis-agent") {
        let name = ident(found, "gleis_agent");
        return quote!(::#name);
    }
    match crate_name("gleis") {
        Ok(found) => {
            let name = ident(found, "gleis");
            quote!(::#name::agent)
        }
        // Let the compiler say which crate is missing.
        Err(_) => quote!(::gleis_agent),
    }
}

/// The same path, to blame what is at `span` when it does not fit.
pub(crate) fn blaming(root: &TokenStream, span: Span) -> TokenStream {
    let tokens = root.clone().into_iter().map(|mut it: TokenTree| {
        it.set_span(span);
        it
    });
    tokens.collect()
}

fn ident(found: FoundCrate, own_name: &str) -> Ident {
    match found {
        FoundCrate::Itself => Ident::new(own_name, Span::call_site()),
        FoundCrate::Name(name) => Ident::new(&name, Span::call_site()),
    }
}
