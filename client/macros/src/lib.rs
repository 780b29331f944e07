//! The attribute macro `#[job]` of the Antares SDK; `antares_client::job` documents it.

use proc_macro::TokenStream;
use quote::quote;
use syn::spanned::Spanned;
use syn::{Error, Ident, Item, ItemFn, LitStr, ReturnType};

/// Makes a function or a type a handler that `ClientBuilder::discover` finds.
///
/// See `antares_client::job`.
#[proc_macro_attribute]
pub fn job(args: TokenStream, item: TokenStream) -> TokenStream {
    expand(args, item)
        .unwrap_or_else(Error::into_compile_error)
        .into()
}

fn expand(args: TokenStream, item: TokenStream) -> syn::Result<proc_macro2::TokenStream> {
    let name = handler_name(args)?;
    match syn::parse(item)? {
        Item::Fn(function) => expand_fn(name, &function),
        Item::Struct(item) => {
            let submit = submit_type(name, &item.ident, &item.generics)?;
            Ok(quote! { #item #submit })
        }
        Item::Enum(item) => {
            let submit = submit_type(name, &item.ident, &item.generics)?;
            Ok(quote! { #item #submit })
        }
        other => Err(Error::new(
            other.span(),
            "#[job] goes on an `async fn`, or on a type that implements `Job` and `Default`",
        )),
    }
}

fn handler_name(args: TokenStream) -> syn::Result<Option<LitStr>> {
    if args.is_empty() {
        return Ok(None);
    }
    let name: LitStr = syn::parse(args).map_err(|error| {
        Error::new(
            error.span(),
            "#[job] takes the handler's name as text, such as #[job(\"settle\")], or nothing",
        )
    })?;
    if name.value().trim().is_empty() {
        return Err(Error::new(name.span(), "the handler's name is empty"));
    }
    Ok(Some(name))
}

fn name_or(name: Option<LitStr>, ident: &Ident) -> LitStr {
    name.unwrap_or_else(|| LitStr::new(&ident.to_string(), ident.span()))
}

fn expand_fn(name: Option<LitStr>, function: &ItemFn) -> syn::Result<proc_macro2::TokenStream> {
    let signature = &function.sig;
    if signature.asyncness.is_none() && matches!(signature.output, ReturnType::Default) {
        return Err(Error::new(
            signature.span(),
            "a handler is an `async fn`, or a function that returns a future",
        ));
    }
    if !signature.generics.params.is_empty() {
        return Err(Error::new(
            signature.generics.span(),
            "a handler found by discovery cannot be generic",
        ));
    }
    let ident = &signature.ident;
    let handler = match signature.inputs.len() {
        0 => quote! { |_context: ::antares_client::Context| #ident() },
        1 => quote! { #ident },
        _ => {
            return Err(Error::new(
                signature.inputs.span(),
                "a handler takes one argument, `Context`, or none",
            ));
        }
    };
    let submit = submit(&name_or(name, ident), &handler);
    // A handler is async whether it waits for anything or not.
    Ok(quote! {
        #[allow(clippy::unused_async)]
        #function
        #submit
    })
}

fn submit_type(
    name: Option<LitStr>,
    ident: &Ident,
    generics: &syn::Generics,
) -> syn::Result<proc_macro2::TokenStream> {
    if !generics.params.is_empty() {
        return Err(Error::new(
            generics.span(),
            "a handler found by discovery cannot be generic",
        ));
    }
    let handler = quote! { <#ident as ::core::default::Default>::default() };
    Ok(submit(&name_or(name, ident), &handler))
}

fn submit(name: &LitStr, handler: &proc_macro2::TokenStream) -> proc_macro2::TokenStream {
    quote! {
        ::antares_client::__private::inventory::submit! {
            ::antares_client::__private::Annotated {
                name: #name,
                module: ::core::module_path!(),
                make: || ::antares_client::__private::handler(#handler),
            }
        }
    }
}
