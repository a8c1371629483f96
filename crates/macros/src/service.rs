//! `#[service]`: reads a trait and writes what exposes and what calls its functions.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{
    Attribute, Block, Error, FnArg, Ident, ItemTrait, Result, TraitItem, TraitItemFn, parse_quote,
};

use crate::{
    remote::{self, Function, client, is_ref, take_defaults},
    root,
};

/// What every server answers itself.
const OWN: [&str; 9] = [
    "answer_call",
    "attach_remote",
    "bye",
    "cancel_call",
    "describe",
    "detach_remote",
    "next_call",
    "next_items",
    "obtain_client_id",
];

/// The trait, its functions made such that their futures may be sent, and what belongs to it.
pub(crate) fn expand(args: &TokenStream, mut item: ItemTrait) -> TokenStream {
    let meaning = meaning(args, &item);
    item.attrs.push(not_all_used());
    item.supertraits.push(parse_quote!(::core::marker::Send));
    item.supertraits.push(parse_quote!(::core::marker::Sync));
    item.supertraits.push(parse_quote!('static));
    for it in &mut item.items {
        if let TraitItem::Fn(function) = it {
            plain(function);
        }
    }
    let meaning = meaning.unwrap_or_else(|error| error.to_compile_error());
    quote!(#item #meaning)
}

fn meaning(args: &TokenStream, item: &ItemTrait) -> Result<TokenStream> {
    if !args.is_empty() {
        return Err(Error::new_spanned(args, "`#[service]` takes no arguments"));
    }
    if let Some(parameter) = item.generics.params.first() {
        let text = "a service cannot be generic: it is called from elsewhere";
        return Err(Error::new_spanned(parameter, text));
    }
    let (root, name, visibility) = (root::rpc_crate(), &item.ident, &item.vis);
    let (mut functions, mut exposed) = (Vec::new(), Vec::new());
    for it in &item.items {
        let TraitItem::Fn(function) = it else {
            return Err(Error::new_spanned(it, "a service has functions and nothing else"));
        };
        let (function, takes_call) = read(function)?;
        exposed.push(expose(&root, name, &function, takes_call));
        functions.push(function);
    }
    let client = client(&root, name, visibility, &functions);
    let service = format_ident!("{name}Service", span = name.span());
    let text = format!("A [`{name}`] as a server exposes it.");
    let not_all_used = not_all_used();
    Ok(quote! {
        #client

        #[doc = #text]
        #not_all_used
        #[derive(::core::clone::Clone, ::core::fmt::Debug)]
        #visibility struct #service<__T>(#visibility __T);

        impl<__T: #name> #root::Service for #service<__T> {
            fn expose(self, __methods: &mut #root::Methods<'_>) {
                let __service = ::std::sync::Arc::new(self.0);
                #(#exposed)*
            }
        }
    })
}

/// What says that a program may call a service and not serve it, or serve it and not call it.
fn not_all_used() -> Attribute {
    let lint = format_ident!("allow");
    parse_quote!(#[#lint(dead_code, reason = "a program may have one side of a service only")])
}

/// A function, and whether it wants to know who calls.
fn read(function: &TraitItemFn) -> Result<(Function<'_>, bool)> {
    let signature = &function.sig;
    let mut inputs = signature.inputs.iter().peekable();
    match inputs.next() {
        Some(FnArg::Receiver(it)) if it.reference.is_some() && it.mutability.is_none() => (),
        other => {
            let text = format!("`{}` must take `&self` first", signature.ident);
            return Err(match other {
                Some(it) => Error::new_spanned(it, text),
                None => Error::new_spanned(&signature.ident, text),
            });
        }
    }
    if OWN.iter().any(|it| signature.ident == it) {
        let text = format!("`{}` is what servers answer themselves", signature.ident);
        return Err(Error::new_spanned(&signature.ident, text));
    }
    let takes_call = inputs.next_if(|it| is_ref(it, "Call")).is_some();
    Ok((Function::of(&function.attrs, signature, inputs)?, takes_call))
}

fn expose(
    root: &TokenStream,
    service: &Ident,
    function: &Function<'_>,
    takes_call: bool,
) -> TokenStream {
    let (ident, call) = (&function.signature.ident, takes_call.then(|| quote!(&__on,)));
    let wait = function.signature.asyncness.map(|_| quote!(.await));
    let (on, shared) = (parse_quote!(#root::Call), format_ident!("__service"));
    function.exposed(
        root,
        &on,
        Some(&shared),
        |names| quote!(<__T as #service>::#ident(&*__service, #call #(#names),*) #wait),
    )
}

/// Makes of an async function one that says that its future may be sent.
fn plain(function: &mut TraitItemFn) {
    take_defaults(&mut function.sig);
    if function.sig.asyncness.take().is_none() {
        return;
    }
    let output = remote::output(&function.sig.output);
    function.sig.output = parse_quote! {
        -> impl ::core::future::Future<Output = #output> + ::core::marker::Send
    };
    if let Some(body) = &function.default {
        let block: Block = parse_quote!({ async move #body });
        function.default = Some(block);
    }
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    #[track_caller]
    fn refuses(args: &TokenStream, item: ItemTrait, text: &str) {
        let written = expand(args, item).to_string();
        assert!(written.contains("compile_error") && written.contains(text), "{written}");
    }

    #[test]
    fn what_cannot_be_a_service_is_refused_with_a_reason() {
        let none = TokenStream::new();
        let takes = "`#[service]` takes no arguments";
        refuses(
            &quote!(x),
            parse_quote!(
                trait A {}
            ),
            takes,
        );
        refuses(
            &none,
            parse_quote!(
                trait A<T> {}
            ),
            "a service cannot be generic",
        );
        refuses(
            &none,
            parse_quote!(
                trait A {
                    type T;
                }
            ),
            "functions and nothing else",
        );
        refuses(
            &none,
            parse_quote!(
                trait A {
                    fn f<T>(&self);
                }
            ),
            "`f` cannot be generic",
        );
        for receiver in [quote!(), quote!(self), quote!(&mut self), quote!(n: i64)] {
            refuses(&none, parse_quote!(trait A { fn f(#receiver); }), "`f` must take `&self`");
        }
        refuses(
            &none,
            parse_quote!(
                trait A {
                    fn f(&self, n: &str);
                }
            ),
            "must be owned",
        );
        refuses(
            &none,
            parse_quote!(
                trait A {
                    fn f(&self, n: impl Copy);
                }
            ),
            "a concrete type",
        );
        refuses(
            &none,
            parse_quote!(
                trait A {
                    fn f(&self, (a, b): (u8, u8));
                }
            ),
            "a plain name",
        );
        refuses(
            &none,
            parse_quote!(
                trait A {
                    fn f(&self, #[default] n: u8);
                }
            ),
            "expected",
        );
    }

    #[test]
    fn the_trait_stays_even_after_an_error() {
        let written = expand(
            &TokenStream::new(),
            parse_quote!(
                trait A<T> {
                    async fn f(&self);
                }
            ),
        );
        assert!(written.to_string().contains("trait A"), "{written}");
    }
}
