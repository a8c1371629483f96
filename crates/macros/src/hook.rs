//! Hooks: the moments of an agent's life.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{Error, ImplItemFn, Result, spanned::Spanned};

use crate::signature::{Arguments, receiver_text};

const HOOKS: [&str; 4] = ["on_init", "before_loop", "idle", "on_stop"];

/// True when the function is a hook by its name.
pub(crate) fn is_hook(function: &ImplItemFn) -> bool {
    HOOKS.iter().any(|it| function.sig.ident == it)
}

/// The function of `impl Agent` that runs the user's hook.
pub(crate) fn expand(root: &TokenStream, function: &ImplItemFn) -> Result<TokenStream> {
    let signature = &function.sig;
    let arguments = Arguments::of(signature)?;
    if !arguments.takes_self {
        return Err(Error::new_spanned(&signature.ident, receiver_text(signature)));
    }
    if let Some(extra) = arguments.rest.first() {
        let text =
            format!("the hook `{}` takes `&Context<Self>` and nothing else", signature.ident);
        return Err(Error::new(extra.name.span(), text));
    }
    let name = &signature.ident;
    let context = arguments.takes_context.then(|| quote!(, cx));
    let wait = signature.asyncness.map(|_| quote!(.await));
    let body = quote_spanned! {signature.output.span()=>
        #root::__private::hook_result(Self::#name(self #context) #wait)
    };
    let idle_after = (name == "idle").then(|| {
        quote! {
            const IDLE_AFTER: ::core::option::Option<::core::time::Duration> =
                ::core::option::Option::Some(::core::time::Duration::from_secs(1));
        }
    });
    Ok(quote! {
        #idle_after

        async fn #name(
            &mut self,
            cx: &#root::Context<Self>,
        ) -> ::core::result::Result<(), #root::BoxError> {
            let _ = cx;
            #body
        }
    })
}
