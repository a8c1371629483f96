//! What hooks, methods and services have in common: the receiver, the context and the arguments.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Error, FnArg, Ident, Pat, PatType, Result, Signature, Type};

/// An argument that travels with a call.
pub(crate) struct Argument<'a> {
    pub(crate) name: &'a Ident,
    pub(crate) ty: &'a Type,
}

/// The arguments of a function of an agent.
pub(crate) struct Arguments<'a> {
    /// Whether it needs the agent's state.
    pub(crate) takes_self: bool,
    pub(crate) takes_context: bool,
    pub(crate) rest: Vec<Argument<'a>>,
}

impl<'a> Arguments<'a> {
    /// Reads `(&mut self, cx: &Context<Self>, rest...)`, both being optional.
    pub(crate) fn of(signature: &'a Signature) -> Result<Self> {
        check_shape(signature)?;
        let takes_self = matches!(signature.inputs.first(), Some(FnArg::Receiver(_)));
        let mut typed = signature.inputs.iter().skip(usize::from(takes_self)).peekable();
        let takes_context = typed.next_if(|it| is_context(it)).is_some();
        let rest = typed.map(argument).collect::<Result<_>>()?;
        Ok(Self { takes_self, takes_context, rest })
    }
}

fn check_shape(signature: &Signature) -> Result<()> {
    if let Some(token) = &signature.unsafety {
        return Err(Error::new_spanned(token, "a function of an agent cannot be unsafe"));
    }
    if let Some(parameter) = signature.generics.params.first() {
        let text = format!("`{}` cannot be generic: it is called by name", signature.ident);
        return Err(Error::new_spanned(parameter, text));
    }
    match signature.inputs.first() {
        Some(FnArg::Receiver(it)) if it.reference.is_none() || it.colon_token.is_some() => {
            Err(Error::new_spanned(it, receiver_text(signature)))
        }
        _ => Ok(()),
    }
}

/// What is wrong with a function that does not take the agent as it should.
pub(crate) fn receiver_text(signature: &Signature) -> String {
    format!("`{}` must take `&mut self` or `&self` first", signature.ident)
}

fn is_context(argument: &FnArg) -> bool {
    let FnArg::Typed(PatType { ty, .. }) = argument else {
        return false;
    };
    let Type::Reference(reference) = &**ty else {
        return false;
    };
    let Type::Path(path) = &*reference.elem else {
        return false;
    };
    path.path.segments.last().is_some_and(|it| it.ident == "Context")
}

/// An argument that can travel.
pub(crate) fn argument(argument: &FnArg) -> Result<Argument<'_>> {
    let FnArg::Typed(PatType { pat, ty, .. }) = argument else {
        return Err(Error::new_spanned(argument, "`self` comes first"));
    };
    if let Type::Reference(reference) = &**ty {
        let text = match &*reference.elem {
            Type::Path(path) if path.path.is_ident("str") => {
                "an argument must be owned, since it may come from another process: use `String`"
            }
            _ => "an argument must be owned, since it may come from another process",
        };
        return Err(Error::new_spanned(reference, text));
    }
    if let Type::ImplTrait(it) = &**ty {
        return Err(Error::new_spanned(it, "an argument needs a concrete type"));
    }
    match &**pat {
        Pat::Ident(it) if it.subpat.is_none() => Ok(Argument { name: &it.ident, ty }),
        Pat::Wild(_) => Err(Error::new_spanned(pat, "give this argument a name: callers see it")),
        _ => Err(Error::new_spanned(pat, "an argument must be a plain name, not a pattern")),
    }
}

/// An argument as callers of the typed function see it: whatever becomes a text is one.
pub(crate) fn declared(name: &Ident, ty: &Type) -> TokenStream {
    match is_string(ty) {
        true => quote!(#name: impl ::core::convert::Into<::std::string::String>),
        false => quote!(#name: #ty),
    }
}

/// What makes of an argument that is [`declared`] the one that travels.
pub(crate) fn converted(name: &Ident, ty: &Type) -> Option<TokenStream> {
    is_string(ty)
        .then(|| quote!(let #name: ::std::string::String = ::core::convert::Into::into(#name);))
}

fn is_string(ty: &Type) -> bool {
    let Type::Path(path) = ty else {
        return false;
    };
    path.path.segments.last().is_some_and(|it| it.ident == "String")
}

/// A type as text, with blanks only between words.
pub(crate) fn type_text(ty: &Type) -> String {
    let text = quote!(#ty).to_string();
    let is_word = |it: Option<char>| it.is_some_and(|it| it.is_alphanumeric() || it == '_');
    let mut short = String::new();
    for part in text.split(' ') {
        if is_word(short.chars().next_back()) && is_word(part.chars().next()) {
            short.push(' ');
        }
        short.push_str(part);
    }
    short
}
