//! Methods: what others may call, by name and by type.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{
    Ident, ImplItemFn, Result, ReturnType, Type, Visibility, WherePredicate, ext::IdentExt,
    parse_quote, spanned::Spanned, visit_mut::VisitMut,
};

use crate::{
    docs,
    root::blaming,
    signature::{self, Arguments},
};

/// One method and what is generated from it.
pub(crate) struct Method<'a> {
    root: &'a TokenStream,
    owner: &'a Type,
    function: &'a ImplItemFn,
    arguments: Arguments<'a>,
}

impl<'a> Method<'a> {
    pub(crate) fn of(
        root: &'a TokenStream,
        owner: &'a Type,
        function: &'a ImplItemFn,
    ) -> Result<Self> {
        let arguments = Arguments::of(&function.sig)?;
        Ok(Self { root, owner, function, arguments })
    }

    /// Who sees it.
    pub(crate) fn visibility(&self) -> &'a Visibility {
        &self.function.vis
    }

    /// The entry of the method table.
    pub(crate) fn entry(&self) -> TokenStream {
        let Self { root, function, .. } = self;
        let name = function.sig.ident.unraw().to_string();
        let names = self.names();
        let types: Vec<_> = self.arguments.rest.iter().map(|it| self.plain_type(it.ty)).collect();
        let texts = names.iter().map(|it| it.unraw().to_string());
        let type_texts = types.iter().map(signature::type_text);
        let text = docs::text(&function.attrs);
        let result = self.result();
        let answer = quote_spanned!(self.output_span()=> __arguments.answer(#result));
        let (make, agent) = match self.arguments.takes_self {
            true => (quote!(new), quote!(__agent,)),
            false => (quote!(beside), TokenStream::new()),
        };
        quote! {
            #root::Method::#make(
                #name,
                #text,
                &[#((#texts, #type_texts)),*],
                |#agent __cx, mut __arguments| {
                    ::std::boxed::Box::pin(async move {
                        let _ = __cx;
                        #(let #names = __arguments.take::<#types>()?;)*
                        #answer
                    })
                },
            )
        }
    }

    /// The declaration in the trait of typed calls.
    pub(crate) fn declaration(&self) -> TokenStream {
        self.declare(&self.reply())
    }

    fn declare(&self, reply: &TokenStream) -> TokenStream {
        let signature = self.typed_signature(reply);
        let docs = docs::attributes(&self.function.attrs);
        quote!(#(#docs)* #signature;)
    }

    /// The implementation of the typed call.
    pub(crate) fn implementation(&self) -> TokenStream {
        match self.arguments.takes_self {
            true => self.implement(&self.reply(), &quote!(call_typed)),
            false => self.implement_beside(&self.reply(), &quote!(call_beside)),
        }
    }

    /// The implementation of the typed call of an agent that may be elsewhere.
    pub(crate) fn implementation_anywhere(&self) -> TokenStream {
        let root = self.root;
        let names = self.names();
        self.define(
            &self.reply(),
            &quote! {
                self.call_written(
                    __NAME,
                    ::std::vec![#(#root::__private::to_value(&#names)),*],
                )
            },
        )
    }

    /// What must hold for that: what it takes is written, what it returns is read.
    pub(crate) fn travels(&self) -> Vec<WherePredicate> {
        let (root, reply) = (self.root, self.reply());
        let types = self.arguments.rest.iter().map(|it| self.plain_type(it.ty));
        // Bounds on types without parameters must hold, unless they are for any lifetime.
        let mut all: Vec<_> =
            types.map(|ty| parse_quote!(for<'__any> #ty: #root::__private::Serialize)).collect();
        all.push(parse_quote!(for<'__any> #reply: #root::__private::Read));
        all
    }

    /// The declaration in the trait of what can be told.
    pub(crate) fn tell_declaration(&self) -> TokenStream {
        self.declare(&quote!(()))
    }

    /// The implementation of the same.
    pub(crate) fn tell_implementation(&self) -> TokenStream {
        match self.arguments.takes_self {
            true => self.implement(&quote!(()), &quote!(tell_typed)),
            false => self.implement_beside(&quote!(()), &quote!(tell_beside)),
        }
    }

    /// A typed function that has `call` do the work and take what comes of it to the caller.
    fn implement(&self, reply: &TokenStream, call: &TokenStream) -> TokenStream {
        let result = self.result();
        self.define(
            reply,
            &quote! {
                self.#call(__NAME, move |__agent, __cx, __caller| {
                    ::std::boxed::Box::pin(__caller.answer(__cx, async move { #result }))
                })
            },
        )
    }

    /// A typed function that does the work beside the agent's.
    fn implement_beside(&self, reply: &TokenStream, call: &TokenStream) -> TokenStream {
        let result = self.result();
        self.define(
            reply,
            &quote! {
                self.#call(__NAME, move |__cx| {
                    ::std::boxed::Box::pin(async move {
                        let _ = __cx;
                        #result
                    })
                })
            },
        )
    }

    /// A typed function with its arguments as the method takes them, and its name as `__NAME`.
    fn define(&self, reply: &TokenStream, body: &TokenStream) -> TokenStream {
        let signature = self.typed_signature(reply);
        let name = self.function.sig.ident.unraw().to_string();
        let rest = self.arguments.rest.iter();
        let conversions = rest.filter_map(|it| signature::converted(it.name, it.ty));
        quote! {
            #signature {
                const __NAME: &::core::primitive::str = #name;
                #(#conversions)*
                #body
            }
        }
    }

    fn typed_signature(&self, reply: &TokenStream) -> TokenStream {
        let Self { root, function, .. } = self;
        let name = &function.sig.ident;
        let rest = self.arguments.rest.iter();
        let arguments = rest.map(|it| signature::declared(it.name, &self.plain_type(it.ty)));
        quote! {
            fn #name(&self, #(#arguments),*) -> impl ::core::future::Future<
                Output = ::core::result::Result<#reply, #root::CallError>,
            > + ::core::marker::Send
        }
    }

    /// What a call gives when it went well.
    fn reply(&self) -> TokenStream {
        let output = self.output();
        let span = self.output_span();
        let blamed = blaming(self.root, span);
        match self.is_fallible() {
            true => quote_spanned!(span=> <#output as #blamed::Outcome>::Reply),
            false => output,
        }
    }

    /// The call of the user's function, as a `Result<_, BoxError>`.
    fn result(&self) -> TokenStream {
        let Self { root, owner, function, arguments } = self;
        let name = &function.sig.ident;
        let names = self.names();
        let context = arguments.takes_context.then(|| quote!(__cx,));
        let wait = function.sig.asyncness.map(|_| quote!(.await));
        let agent = arguments.takes_self.then(|| quote!(__agent,));
        let call = quote!(<#owner>::#name(#agent #context #(#names),*) #wait);
        let span = self.output_span();
        let blamed = blaming(root, span);
        match self.is_fallible() {
            true => quote_spanned!(span=> #blamed::Outcome::into_result(#call)),
            false => quote!(::core::result::Result::<_, #root::BoxError>::Ok(#call)),
        }
    }

    fn names(&self) -> Vec<&Ident> {
        self.arguments.rest.iter().map(|it| it.name).collect()
    }

    fn output(&self) -> TokenStream {
        match &self.function.sig.output {
            ReturnType::Default => quote!(()),
            ReturnType::Type(_, ty) => {
                let ty = self.plain_type(ty);
                quote!(#ty)
            }
        }
    }

    /// Where a bad return type is to be blamed.
    fn output_span(&self) -> Span {
        match &self.function.sig.output {
            ReturnType::Default => self.function.sig.ident.span(),
            ReturnType::Type(_, ty) => ty.span(),
        }
    }

    /// True when the function says by the name of its return type that it may fail.
    fn is_fallible(&self) -> bool {
        let ReturnType::Type(_, ty) = &self.function.sig.output else {
            return false;
        };
        let Type::Path(path) = &**ty else {
            return false;
        };
        path.path.segments.last().is_some_and(|it| it.ident.to_string().ends_with("Result"))
    }

    /// The type with `Self` written out: it is used where `Self` is another type.
    fn plain_type(&self, ty: &Type) -> Type {
        let mut ty = ty.clone();
        ReplaceSelf(self.owner).visit_type_mut(&mut ty);
        ty
    }
}

/// The visibility that lets most see it; private if there is none.
pub(crate) fn widest<'a>(all: impl Iterator<Item = &'a Visibility>) -> &'a Visibility {
    all.max_by_key(|it| width(it)).unwrap_or(&Visibility::Inherited)
}

/// How far something is seen.
fn width(visibility: &Visibility) -> u8 {
    match visibility {
        Visibility::Inherited => 0,
        Visibility::Restricted(it) if it.path.is_ident("crate") => 2,
        Visibility::Restricted(_) => 1,
        Visibility::Public(_) => 3,
    }
}

/// Writes `Self` out: it is used where `Self` is another type.
pub(crate) struct ReplaceSelf<'a>(pub(crate) &'a Type);

impl VisitMut for ReplaceSelf<'_> {
    fn visit_type_mut(&mut self, ty: &mut Type) {
        match ty {
            Type::Path(path) if path.path.is_ident("Self") => *ty = self.0.clone(),
            _ => syn::visit_mut::visit_type_mut(self, ty),
        }
    }
}
