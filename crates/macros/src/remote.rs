//! A function that is called from elsewhere, by name and by type.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::{
    Attribute, Error, Expr, FnArg, GenericArgument, Ident, PathArguments, PathSegment, Result,
    ReturnType, Signature, Type, Visibility, ext::IdentExt, parse_quote, spanned::Spanned,
};

use crate::{docs, signature};

/// The function, and what travels with a call of it.
pub(crate) struct Function<'a> {
    arguments: Vec<Argument<'a>>,
    attributes: &'a [Attribute],
    output: Type,
    pub(crate) signature: &'a Signature,
}

struct Argument<'a> {
    default: Option<Expr>,
    name: &'a Ident,
    ty: &'a Type,
}

impl<'a> Function<'a> {
    /// A function whose `inputs` are what callers give.
    pub(crate) fn of(
        attributes: &'a [Attribute],
        signature: &'a Signature,
        inputs: impl Iterator<Item = &'a FnArg>,
    ) -> Result<Self> {
        if let Some(parameter) = signature.generics.params.first() {
            let text = format!("`{}` cannot be generic: it is called by name", signature.ident);
            return Err(Error::new_spanned(parameter, text));
        }
        if signature.ident == "new" {
            let text = "`new` makes the client: call this function something else";
            return Err(Error::new_spanned(&signature.ident, text));
        }
        let arguments = inputs.map(argument).collect::<Result<_>>()?;
        let output = output(&signature.output);
        Ok(Self { arguments, attributes, output, signature })
    }

    fn name(&self) -> String {
        self.signature.ident.unraw().to_string()
    }

    /// Exposes it in `__methods`: `call` calls it with its arguments, on `__on`, what it is called on, and on
    /// what is `shared` by all calls.
    pub(crate) fn exposed(
        &self,
        root: &TokenStream,
        on: &Type,
        shared: Option<&Ident>,
        call: impl FnOnce(&[&Ident]) -> TokenStream,
    ) -> TokenStream {
        let (name, text) = (self.name(), docs::text(self.attributes));
        let returns = signature::type_text(&self.output);
        let names: Vec<_> = self.arguments.iter().map(|it| it.name).collect();
        let types = self.arguments.iter().map(|it| it.ty);
        let described = self.arguments.iter().map(|it| it.described(root));
        let called = call(&names);
        let result = match self.is_fallible() {
            true => quote_spanned!(self.output.span()=> #root::Fallible::into_result(#called)),
            false => quote!(::core::result::Result::<_, ::std::string::String>::Ok(#called)),
        };
        let (streams, expose) = match self.is_streaming() {
            true => (true, quote!(expose_stream)),
            false => (false, quote!(expose)),
        };
        let share = shared.map(|it| quote!(let #it = ::core::clone::Clone::clone(&#it);));
        let conditions = self.attributes.iter().filter(|it| it.path().is_ident("cfg"));
        quote! {
            #(#conditions)*
            __methods.#expose(
                #root::Method {
                    arguments: ::std::vec![#(#described),*],
                    docs: ::std::string::String::from(#text),
                    name: ::std::string::String::from(#name),
                    returns: ::std::string::String::from(#returns),
                    streams: #streams,
                },
                {
                    #share
                    move |__on: #on, (#(#names,)*): (#(#types,)*)| {
                        #share
                        async move {
                            let _ = &__on;
                            #result
                        }
                    }
                },
            );
        }
    }

    fn called(&self, root: &TokenStream) -> TokenStream {
        let (name, ident) = (self.name(), &self.signature.ident);
        let docs = docs::attributes(self.attributes);
        let names: Vec<_> = self.arguments.iter().map(|it| it.name).collect();
        let inputs = self.arguments.iter().map(|it| signature::declared(it.name, it.ty));
        let texts = self.arguments.iter().filter_map(|it| signature::converted(it.name, it.ty));
        let (output, span) = (&self.output, self.output.span());
        let reply = match self.is_fallible() {
            true => quote_spanned!(span=> <#output as #root::Fallible>::Reply),
            false => quote!(#output),
        };
        let args = match names.is_empty() {
            true => quote!(()),
            false => quote!((#(#names,)*)),
        };
        let call = if self.is_streaming() { quote!(stream) } else { quote!(call) };
        quote! {
            #(#docs)*
            pub fn #ident(&self, #(#inputs),*) -> impl ::core::future::Future<
                Output = ::core::result::Result<#reply, #root::RpcError>,
            > + ::core::marker::Send {
                #(#texts)*
                async move { #root::Calls::#call(&self.0, #name, #args).await }
            }
        }
    }

    /// True when it says by the name of its return type that it may fail.
    fn is_fallible(&self) -> bool {
        last(&self.output).is_some_and(|it| it.ident.to_string().ends_with("Result"))
    }

    /// True when it says by its return type that it gives a stream, or fails to.
    fn is_streaming(&self) -> bool {
        let is_stream = |ty: &Type| last(ty).is_some_and(|it| it.ident == "Streaming");
        let within = |ty: &Type| match last(ty).map(|it| &it.arguments) {
            Some(PathArguments::AngleBracketed(it)) => {
                matches!(it.args.first(), Some(GenericArgument::Type(it)) if is_stream(it))
            }
            _ => false,
        };
        is_stream(&self.output) || (self.is_fallible() && within(&self.output))
    }
}

/// What calls functions that are elsewhere, by type.
pub(crate) fn client(
    root: &TokenStream,
    name: &Ident,
    visibility: &Visibility,
    functions: &[Function<'_>],
) -> TokenStream {
    let client = format_ident!("{name}Client", span = name.span());
    let text = format!("Calls a [`{name}`] that is elsewhere.");
    let called = functions.iter().map(|it| it.called(root));
    quote! {
        #[doc = #text]
        #[derive(::core::clone::Clone, ::core::fmt::Debug)]
        #visibility struct #client<__C = #root::Client>(__C);

        impl<__C: #root::Calls> #client<__C> {
            /// Calls on `calls`: a client, a client that is called back, a widget.
            #visibility fn new(calls: __C) -> Self {
                Self(calls)
            }

            #(#called)*
        }
    }
}

impl Argument<'_> {
    fn described(&self, root: &TokenStream) -> TokenStream {
        let (name, ty) = (self.name.unraw().to_string(), signature::type_text(self.ty));
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
    let signature::Argument { name, ty } = signature::argument(input)?;
    let FnArg::Typed(typed) = input else {
        return Ok(Argument { default: None, name, ty });
    };
    let default = typed.attrs.iter().find(|it| is_default(it));
    let default = default.map(Attribute::parse_args).transpose()?;
    Ok(Argument { default, name, ty })
}

/// Whether it takes a reference to a type of this name.
pub(crate) fn is_ref(input: &FnArg, name: &str) -> bool {
    let FnArg::Typed(typed) = input else {
        return false;
    };
    let Type::Reference(reference) = &*typed.ty else {
        return false;
    };
    matches!(&*reference.elem, Type::Path(it)
        if it.path.segments.last().is_some_and(|it| it.ident == name))
}

fn is_option(ty: &Type) -> bool {
    last(ty).is_some_and(|it| it.ident == "Option")
}

/// The last part of the path to a type.
fn last(ty: &Type) -> Option<&PathSegment> {
    match ty {
        Type::Path(it) => it.path.segments.last(),
        _ => None,
    }
}

/// What a function returns.
pub(crate) fn output(of: &ReturnType) -> Type {
    match of {
        ReturnType::Default => parse_quote!(()),
        ReturnType::Type(_, ty) => (**ty).clone(),
    }
}

/// Takes off what only we read.
pub(crate) fn take_defaults(signature: &mut Signature) {
    for input in &mut signature.inputs {
        if let FnArg::Typed(it) = input {
            it.attrs.retain(|it| !is_default(it));
        }
    }
}

fn is_default(attribute: &Attribute) -> bool {
    attribute.path().is_ident("default")
}
