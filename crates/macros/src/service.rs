//! `#[service]`: reads a trait and writes what exposes and what calls its functions.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::{
    Attribute, Block, Error, Expr, FnArg, Ident, ItemTrait, Pat, Result, ReturnType, TraitItem,
    TraitItemFn, Type, ext::IdentExt, parse_quote, spanned::Spanned,
};

use crate::{docs, method::is_string, root};

/// The trait, its functions made such that their futures may be sent, and what belongs to it.
pub(crate) fn expand(args: &TokenStream, mut item: ItemTrait) -> TokenStream {
    let meaning = meaning(args, &item);
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
    let functions = item.items.iter().map(|it| match it {
        TraitItem::Fn(function) => Function::of(function),
        other => Err(Error::new_spanned(other, "a service has functions and nothing else")),
    });
    let functions = functions.collect::<Result<Vec<_>>>()?;
    let root = root::rpc_crate();
    let (name, visibility) = (&item.ident, &item.vis);
    let client = format_ident!("{name}Client", span = name.span());
    let text = format!("Calls a [`{name}`] that is elsewhere.");
    let service = format_ident!("{name}Service", span = name.span());
    let service_text = format!("A [`{name}`] as a server exposes it.");
    let exposed = functions.iter().map(|it| it.exposed(&root, name));
    let called = functions.iter().map(|it| it.called(&root));
    Ok(quote! {
        #[doc = #text]
        #[derive(::core::clone::Clone, ::core::fmt::Debug)]
        #visibility struct #client<C = #root::Client>(C);

        impl<C: #root::Calls> #client<C> {
            /// Calls on `calls`: a client, a client that is called back, a widget.
            #visibility fn new(calls: C) -> Self {
                Self(calls)
            }

            #(#called)*
        }

        #[doc = #service_text]
        #[derive(::core::clone::Clone, ::core::fmt::Debug)]
        #visibility struct #service<T>(#visibility T);

        impl<T: #name> #root::Service for #service<T> {
            fn expose(self, __methods: &mut #root::Methods<'_>) {
                let __service = ::std::sync::Arc::new(self.0);
                #(#exposed)*
            }
        }
    })
}

/// Makes of an async function one that says that its future may be sent, and takes off what only we read.
fn plain(function: &mut TraitItemFn) {
    for input in &mut function.sig.inputs {
        if let FnArg::Typed(it) = input {
            it.attrs.retain(|it| !is_default(it));
        }
    }
    if function.sig.asyncness.take().is_none() {
        return;
    }
    let output = output(&function.sig.output);
    function.sig.output = parse_quote! {
        -> impl ::core::future::Future<Output = #output> + ::core::marker::Send
    };
    if let Some(body) = &function.default {
        let block: Block = parse_quote!({ async move #body });
        function.default = Some(block);
    }
}

fn output(of: &ReturnType) -> Type {
    match of {
        ReturnType::Default => parse_quote!(()),
        ReturnType::Type(_, ty) => (**ty).clone(),
    }
}

fn is_default(attribute: &Attribute) -> bool {
    attribute.path().is_ident("default")
}

/// A function of a service.
struct Function<'a> {
    arguments: Vec<Argument<'a>>,
    function: &'a TraitItemFn,
    output: Type,
    /// Whether it wants to know who calls.
    takes_call: bool,
}

struct Argument<'a> {
    default: Option<Expr>,
    name: &'a Ident,
    ty: &'a Type,
}

impl<'a> Function<'a> {
    fn of(function: &'a TraitItemFn) -> Result<Self> {
        let signature = &function.sig;
        if let Some(parameter) = signature.generics.params.first() {
            let text = format!("`{}` cannot be generic: it is called by name", signature.ident);
            return Err(Error::new_spanned(parameter, text));
        }
        let mut inputs = signature.inputs.iter();
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
        let mut inputs = inputs.peekable();
        let takes_call = inputs.next_if(|it| is_call(it)).is_some();
        let arguments = inputs.map(argument).collect::<Result<_>>()?;
        let output = output(&signature.output);
        Ok(Self { arguments, function, output, takes_call })
    }

    fn name(&self) -> String {
        self.function.sig.ident.unraw().to_string()
    }

    /// What exposes it.
    fn exposed(&self, root: &TokenStream, service: &Ident) -> TokenStream {
        let (name, text) = (self.name(), docs::text(&self.function.attrs));
        let ident = &self.function.sig.ident;
        let returns = type_text(&self.output);
        let names: Vec<_> = self.arguments.iter().map(|it| it.name).collect();
        let types = self.arguments.iter().map(|it| it.ty);
        let described = self.arguments.iter().map(|it| it.described(root));
        let call = self.takes_call.then(|| quote!(__call,));
        let wait = self.function.sig.asyncness.map(|_| quote!(.await));
        let called = quote!(<T as #service>::#ident(&*__service, #call #(#names),*) #wait);
        let result = match self.is_fallible() {
            true => quote_spanned!(self.output.span()=> #root::Fallible::into_result(#called)),
            false => quote!(::core::result::Result::<_, ::std::string::String>::Ok(#called)),
        };
        quote! {
            {
                let __service = __service.clone();
                let __method = #root::Method {
                    arguments: ::std::vec![#(#described),*],
                    docs: ::std::string::String::from(#text),
                    name: ::std::string::String::from(#name),
                    returns: ::std::string::String::from(#returns),
                };
                __methods.expose(
                    __method,
                    move |__call: #root::Call, (#(#names,)*): (#(#types,)*)| {
                        let __service = __service.clone();
                        async move {
                            let _ = &__call;
                            #result
                        }
                    },
                );
            }
        }
    }

    /// What calls it.
    fn called(&self, root: &TokenStream) -> TokenStream {
        let (name, ident) = (self.name(), &self.function.sig.ident);
        let docs = docs::attributes(&self.function.attrs);
        let names: Vec<_> = self.arguments.iter().map(|it| it.name).collect();
        let inputs = self.arguments.iter().map(|Argument { name, ty, .. }| match is_string(ty) {
            true => quote!(#name: impl ::core::convert::Into<::std::string::String>),
            false => quote!(#name: #ty),
        });
        let texts = self.arguments.iter().filter(|it| is_string(it.ty)).map(|it| {
            let name = it.name;
            quote!(let #name: ::std::string::String = ::core::convert::Into::into(#name);)
        });
        let (output, span) = (&self.output, self.output.span());
        let reply = match self.is_fallible() {
            true => quote_spanned!(span=> <#output as #root::Fallible>::Reply),
            false => quote!(#output),
        };
        let args = match names.is_empty() {
            true => quote!(()),
            false => quote!((#(#names,)*)),
        };
        quote! {
            #(#docs)*
            pub fn #ident(&self, #(#inputs),*) -> impl ::core::future::Future<
                Output = ::core::result::Result<#reply, #root::RpcError>,
            > + ::core::marker::Send {
                #(#texts)*
                async move { #root::Calls::call(&self.0, #name, #args).await }
            }
        }
    }

    /// True when it says by the name of its return type that it may fail.
    fn is_fallible(&self) -> bool {
        matches!(&self.output, Type::Path(it)
            if it.path.segments.last().is_some_and(|it| it.ident.to_string().ends_with("Result")))
    }
}

impl Argument<'_> {
    fn described(&self, root: &TokenStream) -> TokenStream {
        let (name, ty) = (self.name.unraw().to_string(), type_text(self.ty));
        let (typed, span) = (self.ty, self.ty.span());
        match &self.default {
            Some(default) => quote_spanned! {span=>
                #root::Argument::new(#name, #ty).or::<#typed>(#default)
            },
            None if is_option(self.ty) => quote! {
                #root::Argument::new(#name, #ty).or::<#typed>(::core::option::Option::None)
            },
            None => quote!(#root::Argument::new(#name, #ty)),
        }
    }
}

fn argument(input: &FnArg) -> Result<Argument<'_>> {
    let FnArg::Typed(typed) = input else {
        return Err(Error::new_spanned(input, "`&self` comes first"));
    };
    if let Type::Reference(it) = &*typed.ty {
        let text = "an argument must be owned, since it comes from elsewhere";
        return Err(Error::new_spanned(it, text));
    }
    if let Type::ImplTrait(it) = &*typed.ty {
        return Err(Error::new_spanned(it, "an argument needs a concrete type"));
    }
    let Pat::Ident(pattern) = &*typed.pat else {
        return Err(Error::new_spanned(&typed.pat, "give this argument a name: callers see it"));
    };
    let default = typed.attrs.iter().find(|it| is_default(it));
    let default = default.map(Attribute::parse_args).transpose()?;
    Ok(Argument { default, name: &pattern.ident, ty: &typed.ty })
}

fn is_call(input: &FnArg) -> bool {
    let FnArg::Typed(typed) = input else {
        return false;
    };
    matches!(&*typed.ty, Type::Path(it) if it.path.segments.last().is_some_and(|it| it.ident == "Call"))
}

fn is_option(ty: &Type) -> bool {
    matches!(ty, Type::Path(it) if it.path.segments.last().is_some_and(|it| it.ident == "Option"))
}

fn type_text(ty: &Type) -> String {
    quote!(#ty).to_string().replace(' ', "")
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
            "a name",
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
