//! Language and theme: what a viewer chooses, logged in or not.

use leptos::prelude::*;

use super::icon::{Glyph, Icon};
use crate::hooks::theme::{Theme, use_theme};
use crate::i18n::use_i18n;

/// The two switches.
#[component]
pub(crate) fn Preferences() -> impl IntoView {
    let i18n = use_i18n();
    let theme = use_theme();
    let theme_name = move || match theme.get() {
        Theme::System => i18n.texts().theme_system,
        Theme::Light => i18n.texts().theme_light,
        Theme::Dark => i18n.texts().theme_dark,
    };
    view! {
        <button
            type="button"
            id="language"
            class="button ghost"
            lang=i18n.text(|t| t.other_language_tag)
            on:click=move |_| i18n.switch()
        >
            <Icon glyph=Glyph::Language />
            <span>{i18n.text(|t| t.other_language)}</span>
        </button>
        <button
            type="button"
            id="theme"
            class="button ghost"
            aria-label=theme_name
            title=theme_name
            on:click=move |_| theme.update(|theme| *theme = theme.next())
        >
            <Icon glyph=Signal::derive(move || Glyph::Theme(theme.get())) />
        </button>
    }
}
