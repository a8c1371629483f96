//! Where the crate that defines agents is found.

use proc_macro_crate::{FoundCrate, crate_name};
use proc_macro2::{Span, TokenStream, TokenTree};
use quote::quote;
use syn::Ident;

/// The path of the crate `gleis-agent` as the user's crate sees it.
pub(crate) fn agent_crate() -> TokenStream {
    path("gleis-agent", "gleis_agent", "agent")
}

/// The path of the crate `gleis-rpc` as the user's crate sees it.
pub(crate) fn rpc_crate() -> TokenStream {
    path("gleis-rpc", "gleis_rpc", "rpc")
}

/// A crate of ours: itself, or this module of the umbrella.
fn path(package: &str, own_name: &str, module: &str) -> TokenStream {
    let own = |name: &str| Ident::new(name, Span::call_site());
    if let Ok(found) = crate_name(package) {
        let name = ident(found, own_name);
        return quote!(::#name);
    }
    match crate_name("gleis") {
        Ok(found) => {
            let (name, module) = (ident(found, "gleis"), own(module));
            quote!(::#name::#module)
        }
        // Let the compiler say which crate is missing.
        Err(_) => {
            let name = own(own_name);
            quote!(::#name)
        }
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
