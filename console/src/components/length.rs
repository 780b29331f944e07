//! A length of time as text.

use leptos::prelude::*;

use super::typed::typed;
use crate::format;
use crate::i18n::use_i18n;

/// Where a length of time is typed, in words such as `1 h 30 m`.
#[component]
pub(crate) fn LengthText(
    id: &'static str,
    text: RwSignal<String>,
    /// Whether nothing is written as 0 once the field is left, so that it can be seen what it means.
    #[prop(optional)]
    is_needed: bool,
) -> impl IntoView {
    let i18n = use_i18n();
    let wrong = Memo::new(move |_| {
        let read = text.with(|text| format::read_length(text));
        read.is_none()
            .then(|| i18n.texts().editor.no_length.to_owned())
    });
    let left = move |typed: String| {
        let millis = format::read_length(&typed).filter(|_| is_needed || !typed.trim().is_empty());
        text.set(millis.map_or(typed, format::length));
    };
    typed(id, false, text, left, wrong)
}
