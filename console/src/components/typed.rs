//! Fields of text for what is more than text.

use leptos::prelude::*;

/// Where a value is typed that may not be read. What cannot stays, with what is `wrong`.
///
/// Not the browser's own fields: those hide what they cannot read, and `2.5` is lost on the way.
pub(super) fn typed(
    id: &'static str,
    is_number: bool,
    text: RwSignal<String>,
    left: impl Fn(String) + 'static,
    wrong: Memo<Option<String>>,
) -> AnyView {
    view! {
        <input
            id=id
            inputmode=is_number.then_some("numeric")
            autocomplete="off"
            spellcheck="false"
            aria-invalid=move || wrong.with(Option::is_some).then_some("true")
            prop:value=text
            on:input=move |event| text.set(event_target_value(&event))
            on:change=move |event| left(event_target_value(&event))
        />
        {move || wrong.get().map(|wrong| view! { <p class="field-error" role="alert">{wrong}</p> })}
    }
    .into_any()
}
