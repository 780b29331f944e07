//! A whole number as text.

use leptos::prelude::*;

use super::typed::typed;
use crate::i18n::use_i18n;

/// Where a whole number is typed.
#[component]
pub(crate) fn NumberText(
    id: &'static str,
    text: RwSignal<String>,
    min: i64,
    max: i64,
) -> impl IntoView {
    let i18n = use_i18n();
    let wrong = Memo::new(move |_| {
        let read = text.with(|text| read_number(text, min, max));
        read.is_none()
            .then(|| (i18n.texts().editor.no_number)(min, max))
    });
    typed(id, true, text, |_| (), wrong)
}

/// A whole number within its bounds.
pub(crate) fn read_number(text: &str, min: i64, max: i64) -> Option<i64> {
    let number = text.trim().parse().ok();
    number.filter(|number| (min..=max).contains(number))
}
