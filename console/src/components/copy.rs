//! A button that copies.

use gloo_timers::future::TimeoutFuture;
use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen_futures::JsFuture;

use crate::i18n::use_i18n;

/// How long it says that it has.
const SAID_MS: u32 = 1_500;

/// Copies, and says for a while whether it could.
fn copy(text: String, said: RwSignal<Option<bool>>) {
    spawn_local(async move {
        let done = if window().is_secure_context() {
            JsFuture::from(window().navigator().clipboard().write_text(&text))
                .await
                .is_ok()
        } else {
            false
        };
        let _ = said.try_set(Some(done));
        TimeoutFuture::new(SAID_MS).await;
        let _ = said.try_set(None);
    });
}

/// Copies `text`. Browsers allow it on pages of HTTPS and of this machine; elsewhere it says that it cannot.
#[component]
pub(crate) fn Copy(
    /// What it copies.
    #[prop(into)]
    text: Signal<String>,
) -> impl IntoView {
    let i18n = use_i18n();
    let said = RwSignal::new(None::<bool>);
    let click = move |_| copy(text.get_untracked(), said);
    let label = move || match said.get() {
        None => i18n.texts().copy,
        Some(true) => i18n.texts().copied,
        Some(false) => i18n.texts().not_copied,
    };
    view! {
        <button type="button" class="button small" on:click=click>
            <span aria-live="polite">{label}</span>
        </button>
    }
}

/// An id, which a click copies whole.
#[component]
pub(crate) fn CopyId(
    /// The id.
    #[prop(into)]
    id: Signal<String>,
    /// What is shown of it; all of it if left out.
    #[prop(optional, into)]
    shown: Option<Signal<String>>,
) -> impl IntoView {
    let i18n = use_i18n();
    let said = RwSignal::new(None::<bool>);
    let mark = move || match said.get() {
        None => "",
        Some(true) => " ✓",
        Some(false) => " ✗",
    };
    view! {
        <button
            type="button"
            class="id"
            title=move || format!("{}: {}", i18n.texts().copy, id.get())
            on:click=move |_| copy(id.get_untracked(), said)
        >
            {move || shown.unwrap_or(id).get()}
            <span aria-live="polite">{mark}</span>
        </button>
    }
}
