//! `#[agent]`: reads the block and writes the agent.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Error, Ident, ImplItem, ImplItemFn, ItemImpl, Meta, Result, Type, Visibility};

use crate::{attribute, hook, method::Method, root};

/// The block itself, without `#[method]`, and what it means. The block is there even after an
/// error, so that the error is the only one.
pub(crate) fn expand(args: &TokenStream, mut block: ItemImpl) -> TokenStream {
    let marked = take_marks(&mut block);
    let meaning = meaning(args, &block, marked).unwrap_or_else(|error| error.to_compile_error());
    quote!(#block #meaning)
}

fn meaning(
    args: &TokenStream,
    block: &ItemImpl,
    marked: Result<Vec<ImplItemFn>>,
) -> Result<TokenStream> {
    let attributes = attribute::names(args)?;
    if let Some((_, path, _)) = &block.trait_ {
        let text = "`#[agent]` belongs on a plain `impl` block, not on one of a trait";
        return Err(Error::new_spanned(path, text));
    }
    let marked = marked?;
    let root = root::agent_crate();
    let agent = implementation(&root, block, &marked, &attributes)?;
    let calls = calls(&root, block, &marked)?;
    Ok(quote!(#agent #calls))
}

/// Takes `#[method]` off all functions and tells which had it.
fn take_marks(block: &mut ItemImpl) -> Result<Vec<ImplItemFn>> {
    let mut marked = Vec::new();
    let mut wrong = Vec::new();
    for item in &mut block.items {
        let ImplItem::Fn(function) = item else {
            continue;
        };
        let marks: Vec<_> = function.attrs.extract_if(.., |it| is_mark(it.path())).collect();
        let Some(mark) = marks.first() else {
            continue;
        };
        if !matches!(mark.meta, Meta::Path(_)) {
            wrong.push(Error::new_spanned(mark, "`#[method]` takes no arguments"));
        }
        if hook::is_hook(function) {
            let text = format!("`{}` is a hook and cannot be a method too", function.sig.ident);
            wrong.push(Error::new_spanned(&function.sig.ident, text));
        }
        marked.push(function.clone());
    }
    let all = wrong.into_iter().reduce(|mut all, it| {
        all.combine(it);
        all
    });
    all.map_or(Ok(marked), Err)
}

fn is_mark(path: &syn::Path) -> bool {
    path.segments.last().is_some_and(|it| it.ident == "method")
}

/// `impl Agent`: the hooks and the method table.
fn implementation(
    root: &TokenStream,
    block: &ItemImpl,
    marked: &[ImplItemFn],
    attributes: &[Ident],
) -> Result<TokenStream> {
    let owner = &*block.self_ty;
    let fields = attributes.iter().map(|it| attribute::entry(root, owner, it));
    let (generics, _, bounds) = block.generics.split_for_impl();
    let functions = block.items.iter().filter_map(|it| match it {
        ImplItem::Fn(function) if hook::is_hook(function) => Some(function),
        _ => None,
    });
    let hooks = functions.map(|it| hook::expand(root, it)).collect::<Result<Vec<_>>>()?;
    let methods = methods(root, owner, marked)?;
    let entries = methods.iter().map(Method::entry);
    Ok(quote! {
        impl #generics #root::Agent for #owner #bounds {
            const ATTRIBUTES: &'static [#root::Attribute<Self>] = &[#(#fields),*];

            const METHODS: &'static [#root::Method<Self>] = &[#(#entries),*];

            #(#hooks)*
        }
    })
}

/// The trait of typed calls and its implementation for references to the agent.
fn calls(root: &TokenStream, block: &ItemImpl, marked: &[ImplItemFn]) -> Result<TokenStream> {
    if marked.is_empty() {
        return Ok(TokenStream::new());
    }
    let owner = &*block.self_ty;
    let name = match owner {
        Type::Path(path) => path.path.segments.last().map(|it| it.ident.clone()),
        _ => None,
    };
    let Some(name) = name else {
        return Err(Error::new_spanned(owner, "`#[agent]` needs a type with a name"));
    };
    let calls = format_ident!("{name}Calls", span = name.span());
    let methods = methods(root, owner, marked)?;
    let visibility = methods.iter().map(Method::visibility).max_by_key(|it| width(it));
    let text = format!("What can be called on a reference to [`{name}`], by type.");
    let declarations = methods.iter().map(Method::declaration);
    let implementations = methods.iter().map(Method::implementation);
    let parameters = &block.generics;
    let (generics, types, bounds) = block.generics.split_for_impl();
    let tells = format_ident!("{name}Tells", span = name.span());
    let tells_text = format!("What [`{name}`] can be told without waiting for it, by type.");
    let told = || methods.iter().filter(|it| it.takes_self());
    let tell_declarations = told().map(Method::tell_declaration);
    let tell_implementations = told().map(Method::tell_implementation);
    Ok(quote! {
        #[doc = #text]
        #visibility trait #calls #parameters #bounds {
            #(#declarations)*
        }

        #[doc = #tells_text]
        #visibility trait #tells #parameters #bounds {
            #(#tell_declarations)*
        }

        impl #generics #tells #types for #root::Oneway<#owner> #bounds {
            #(#tell_implementations)*
        }

        impl #generics #calls #types for #root::AgentRef<#owner> #bounds {
            #(#implementations)*
        }
    })
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

fn methods<'a>(
    root: &'a TokenStream,
    owner: &'a Type,
    marked: &'a [ImplItemFn],
) -> Result<Vec<Method<'a>>> {
    marked.iter().map(|it| Method::of(root, owner, it)).collect()
}
