//! Whether what is shown is current.

use leptos::prelude::*;

use crate::format;
use crate::hooks::clock::use_clock;
use crate::hooks::live::{Connection, use_live};
use crate::i18n::use_i18n;

/// The state of the event stream, in the top bar.
#[component]
pub(crate) fn ConnectionLamp() -> impl IntoView {
    let i18n = use_i18n();
    let live = use_live();
    let class = move || match live.connection() {
        Connection::Opening => "lamp opening",
        Connection::Live => "lamp live",
        Connection::Lost(_) => "lamp lost",
    };
    let text = move || match live.connection() {
        Connection::Opening => i18n.texts().opening,
        Connection::Live => i18n.texts().live,
        Connection::Lost(_) => i18n.texts().reconnecting,
    };
    let hint = move || (live.connection() == Connection::Live).then_some(i18n.texts().live_hint);
    view! {
        <span class=class role="status" aria-live="polite" title=hint>
            {text}
        </span>
    }
}

/// Above the page, while the stream is lost: since when what is shown may be old.
#[component]
pub(crate) fn ConnectionBanner() -> impl IntoView {
    let i18n = use_i18n();
    let live = use_live();
    let clock = use_clock();
    move || match live.connection() {
        Connection::Lost(since) => {
            let since = move || format::short(format::local(since), clock.today.get());
            Some(view! { <p class="banner">{move || (i18n.texts().lost_since)(&since())}</p> })
        }
        Connection::Opening | Connection::Live => None,
    }
}
