//! Where the crate that defines agents is found.

use proc_macro_crate::{FoundCrate, crate_name};
use proc_macro2::{Span, TokenStream};
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

fn ident(found: FoundCrate, own_name: &str) -> Ident {
    match found {
        FoundCrate::Itself => Ident::new(own_name, Span::call_site()),
        FoundCrate::Name(name) => Ident::new(&name, Span::call_site()),
    }
}
