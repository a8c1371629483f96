//! `#[widget]`: reads a block and writes what exposes and what calls its methods.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{
    Error, FnArg, ImplItem, ImplItemFn, ItemImpl, Result, Type, parse_quote, visit_mut::VisitMut,
};

use crate::{
    marks,
    method::{ReplaceSelf, widest},
    remote::{Function, client, is_ref, take_defaults},
    root,
};

const MARK: &str = "#[widget]";

/// The block itself, without `#[method]`, and what it means.
pub(crate) fn expand(args: &TokenStream, mut block: ItemImpl) -> TokenStream {
    let marked = marks::take(&mut block);
    let meaning = marked.and_then(|it| meaning(args, &block, it));
    let meaning = meaning.unwrap_or_else(|error| error.to_compile_error());
    for item in &mut block.items {
        if let ImplItem::Fn(function) = item {
            take_defaults(&mut function.sig);
        }
    }
    quote!(#block #meaning)
}

fn meaning(
    args: &TokenStream,
    block: &ItemImpl,
    mut marked: Vec<ImplItemFn>,
) -> Result<TokenStream> {
    if !args.is_empty() {
        return Err(Error::new_spanned(args, "`#[widget]` takes no arguments"));
    }
    let owner = marks::owner(block, MARK)?;
    if let Some(parameter) = block.generics.params.first() {
        let text = "a widget cannot be generic: it is called from elsewhere";
        return Err(Error::new_spanned(parameter, text));
    }
    let name = marks::name_of(owner, MARK)?;
    marked.iter_mut().for_each(|it| ReplaceSelf(owner).visit_signature_mut(&mut it.sig));
    let root = root::rpc_crate();
    let (mut functions, mut exposed) = (Vec::new(), Vec::new());
    for it in &marked {
        let (function, form) = read(it)?;
        exposed.push(expose(&root, owner, &function, form));
        functions.push(function);
    }
    let client = client(&root, &name, widest(marked.iter().map(|it| &it.vis)), &functions);
    Ok(quote! {
        #client

        impl #root::WidgetMethods for #owner {
            fn expose(__methods: &mut #root::Methods<'_, #root::WidgetRef<Self>>) {
                #(#exposed)*
            }
        }
    })
}

/// What a method of a widget works on.
#[derive(Clone, Copy)]
enum Form {
    /// Its state, which it changes or does not.
    State { changes: bool },
    /// The widget: it locks the state when it wants to.
    Widget,
}

fn read(function: &ImplItemFn) -> Result<(Function<'_>, Form)> {
    let signature = &function.sig;
    let mut inputs = signature.inputs.iter();
    let form = match inputs.next() {
        Some(FnArg::Receiver(it)) if it.reference.is_some() => {
            if let Some(token) = signature.asyncness {
                let text = format!(
                    "`{}` cannot wait while it has the state locked: take `widget: &WidgetRef<Self>` \
                     instead of `self`",
                    signature.ident
                );
                return Err(Error::new_spanned(token, text));
            }
            Form::State { changes: it.mutability.is_some() }
        }
        Some(it) if is_ref(it, "WidgetRef") => Form::Widget,
        _ => {
            let text = format!(
                "`{}` must take `&self`, `&mut self` or `widget: &WidgetRef<Self>` first",
                signature.ident
            );
            return Err(Error::new_spanned(&signature.ident, text));
        }
    };
    Ok((Function::of(&function.attrs, signature, inputs)?, form))
}

fn expose(root: &TokenStream, owner: &Type, function: &Function<'_>, form: Form) -> TokenStream {
    let ident = &function.signature.ident;
    let wait = function.signature.asyncness.map(|_| quote!(.await));
    let on = match form {
        Form::State { changes: true } => quote!(&mut *__on.lock()),
        Form::State { changes: false } => quote!(&*__on.lock()),
        Form::Widget => quote!(&__on),
    };
    let widget = parse_quote!(#root::WidgetRef<#owner>);
    function.exposed(root, &widget, None, |names| quote!(<#owner>::#ident(#on, #(#names),*) #wait))
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    #[track_caller]
    fn refuses(args: &TokenStream, block: ItemImpl, text: &str) {
        let written = expand(args, block).to_string();
        assert!(written.contains("compile_error") && written.contains(text), "{written}");
    }

    #[test]
    fn what_cannot_be_a_widget_is_refused_with_a_reason() {
        let none = TokenStream::new();
        refuses(&quote!(x), parse_quote!(impl A {}), "`#[widget]` takes no arguments");
        refuses(&none, parse_quote!(impl A for B {}), "belongs on a plain `impl` block");
        refuses(
            &none,
            parse_quote!(
                impl<T> A<T> {}
            ),
            "a widget cannot be generic",
        );
        refuses(&none, parse_quote!(impl [u8] {}), "a type with a name");
        let method = parse_quote!(impl A { #[method] async fn f(&self) {} });
        refuses(&none, method, "cannot wait while it has the state locked");
        for first in [quote!(), quote!(self), quote!(n: u8)] {
            let method = parse_quote!(impl A { #[method] fn f(#first) {} });
            refuses(&none, method, "must take `&self`");
        }
        let method = parse_quote!(impl A { #[method] fn f<T>(&self) {} });
        refuses(&none, method, "`f` cannot be generic");
        let method = parse_quote!(impl A { #[method(x)] fn f(&self) {} });
        refuses(&none, method, "`#[method]` takes no arguments");
    }

    #[test]
    fn functions_without_a_mark_stay_what_they_are() {
        let block = parse_quote!(impl A { fn f<T>(self, (a, b): (T, T)) {} });
        let written = expand(&TokenStream::new(), block).to_string();
        assert!(!written.contains("compile_error"), "{written}");
    }
}
