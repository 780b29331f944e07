//! For addresses that lead nowhere.

use leptos::prelude::*;
use leptos_router::components::A;

use super::use_title;
use crate::app::HOME;
use crate::i18n::use_i18n;

/// The page.
#[component]
pub(crate) fn NotFound() -> impl IntoView {
    view! { <Missing said=None /> }
}

/// The page where the address is right, and what it leads to is not there.
#[component]
pub(crate) fn Missing(
    /// How the server says it.
    said: Option<String>,
) -> impl IntoView {
    let i18n = use_i18n();
    use_title(|t| t.not_found);
    view! {
        <div class="empty">
            <p class="empty-code" aria-hidden="true">"404"</p>
            <h1>{i18n.text(|t| t.not_found)}</h1>
            {said.map(|said| view! { <p>{move || i18n.said(&said)}</p> })}
            <p>{i18n.text(|t| t.not_found_hint)}</p>
            <A href=HOME attr:class="button primary">{i18n.text(|t| t.to_overview)}</A>
        </div>
    }
}
