//! `#[agent]`: reads the block and writes the agent.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Error, Ident, ImplItem, ImplItemFn, ItemImpl, Result, Type};

use crate::{
    attribute, hook, marks,
    method::{Method, widest},
    root,
};

const MARK: &str = "#[agent]";

/// The block itself, without `#[method]`, and what it means. The block is there even after an
/// error, so that the error is the only one.
pub(crate) fn expand(args: &TokenStream, mut block: ItemImpl) -> TokenStream {
    let marked = marks::take(&mut block);
    let meaning = meaning(args, &block, marked).unwrap_or_else(|error| error.to_compile_error());
    quote!(#block #meaning)
}

fn meaning(
    args: &TokenStream,
    block: &ItemImpl,
    marked: Result<Vec<ImplItemFn>>,
) -> Result<TokenStream> {
    let attributes = attribute::names(args)?;
    marks::owner(block, MARK)?;
    let marked = marked?;
    if let Some(hook) = marked.iter().find(|it| hook::is_hook(it)) {
        let text = format!("`{}` is a hook and cannot be a method too", hook.sig.ident);
        return Err(Error::new_spanned(&hook.sig.ident, text));
    }
    let root = root::agent_crate();
    let agent = implementation(&root, block, &marked, &attributes)?;
    let calls = calls(&root, block, &marked)?;
    Ok(quote!(#agent #calls))
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
    let name = marks::name_of(owner, MARK)?;
    let calls = format_ident!("{name}Calls", span = name.span());
    let methods = methods(root, owner, marked)?;
    let visibility = widest(methods.iter().map(Method::visibility));
    let text = format!("What can be called on a reference to [`{name}`], by type.");
    let declarations = methods.iter().map(Method::declaration);
    let implementations = methods.iter().map(Method::implementation);
    let parameters = &block.generics;
    let (generics, types, bounds) = block.generics.split_for_impl();
    let tells = format_ident!("{name}Tells", span = name.span());
    let tells_text = format!("What [`{name}`] can be told without waiting for it, by type.");
    let tell_declarations = methods.iter().map(Method::tell_declaration);
    let tell_implementations = methods.iter().map(Method::tell_implementation);
    let anywhere = methods.iter().map(Method::implementation_anywhere);
    let mut travelling = block.generics.clone();
    let travels = methods.iter().flat_map(Method::travels);
    travelling.make_where_clause().predicates.extend(travels);
    let travelling = &travelling.where_clause;
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

        // Only if all that is called travels.
        impl #generics #calls #types for #root::TypedProxy<#owner> #travelling {
            #(#anywhere)*
        }
    })
}

fn methods<'a>(
    root: &'a TokenStream,
    owner: &'a Type,
    marked: &'a [ImplItemFn],
) -> Result<Vec<Method<'a>>> {
    marked.iter().map(|it| Method::of(root, owner, it)).collect()
}
