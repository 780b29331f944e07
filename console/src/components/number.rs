//! A whole number as text.

use leptos::prelude::*;

use crate::i18n::use_i18n;

/// Where a whole number is typed. What is none that is allowed stays, with what is wrong.
///
/// Not the browser's field for numbers: that hides what it cannot read, and `2.5` is lost on the way.
#[component]
pub(crate) fn NumberText(
    id: &'static str,
    text: RwSignal<String>,
    min: i64,
    max: i64,
) -> impl IntoView {
    let i18n = use_i18n();
    let is_wrong = Memo::new(move |_| text.with(|text| read_number(text, min, max).is_none()));
    view! {
        <input
            id=id
            inputmode="numeric"
            autocomplete="off"
            prop:value=text
            on:input=move |event| text.set(event_target_value(&event))
        />
        {move || is_wrong.get().then(|| view! {
            <p class="field-error" role="alert">{(i18n.texts().editor.no_number)(min, max)}</p>
        })}
    }
}

/// A whole number within its bounds.
pub(crate) fn read_number(text: &str, min: i64, max: i64) -> Option<i64> {
    let number = text.trim().parse().ok();
    number.filter(|number| (min..=max).contains(number))
}
