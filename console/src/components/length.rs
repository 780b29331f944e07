//! A length of time as text.

use leptos::prelude::*;

use crate::format;
use crate::i18n::use_i18n;

/// Where a length of time is typed, in words such as `1 h 30 m`. What cannot be read stays, with what is wrong.
#[component]
pub(crate) fn LengthText(
    id: &'static str,
    text: RwSignal<String>,
    /// Whether nothing is written as 0 once the field is left, so that it can be seen what it means.
    #[prop(optional)]
    is_needed: bool,
) -> impl IntoView {
    let i18n = use_i18n();
    let is_length = Memo::new(move |_| text.with(|text| format::read_length(text).is_some()));
    let left = move |event| {
        let typed = event_target_value(&event);
        let millis = format::read_length(&typed).filter(|_| is_needed || !typed.trim().is_empty());
        text.set(millis.map_or(typed, format::length));
    };
    view! {
        <input
            id=id
            autocomplete="off"
            spellcheck="false"
            prop:value=text
            on:input=move |event| text.set(event_target_value(&event))
            on:change=left
        />
        {move || (!is_length.get()).then(|| view! {
            <p class="field-error" role="alert">{i18n.text(|t| t.editor.no_length)}</p>
        })}
    }
}
