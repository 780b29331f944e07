//! What went wrong, in the server's words where it has some.

use leptos::prelude::*;

use crate::api::ApiError;
use crate::i18n::{Texts, use_i18n};

impl ApiError {
    /// Title, if it has one, and detail.
    pub(crate) fn words(&self, texts: &Texts) -> (Option<String>, String) {
        match self {
            Self::Unreachable => (None, texts.unreachable.to_owned()),
            Self::Problem(problem) => (
                Some((texts.problem)(problem)),
                (texts.said)(&problem.detail),
            ),
            Self::Unexpected(what) => (None, (texts.unexpected)(what)),
        }
    }
}

/// An error, with what it means for the viewer in front.
#[component]
pub(crate) fn Notice(
    /// The error.
    #[prop(into)]
    error: Signal<ApiError>,
    /// What it means for the viewer.
    #[prop(optional)]
    meaning: Option<fn(&Texts) -> &'static str>,
) -> impl IntoView {
    let i18n = use_i18n();
    let words = move || error.with(|error| error.words(i18n.texts()));
    view! {
        <div class="notice" role="alert">
            {meaning.map(|meaning| view! { <strong>{i18n.text(meaning)}</strong> })}
            {move || words().0.map(|title| view! { <strong>{title}</strong> })}
            <span>{move || words().1}</span>
        </div>
    }
}
