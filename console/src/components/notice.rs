//! What went wrong, in the server's words where it has some.

use antares_protocol::problem::{Problem, ProblemKind};
use leptos::prelude::*;

use crate::api::ApiError;
use crate::format;
use crate::i18n::labels::in_labels;
use crate::i18n::{Texts, use_i18n};

/// What a problem says. Lengths of time are in milliseconds there, and here as they are typed.
pub(crate) fn detail(problem: &Problem) -> String {
    let is_length = problem
        .field
        .as_deref()
        .is_some_and(|field| field.ends_with("_ms"));
    if is_length {
        format::in_lengths(&problem.detail)
    } else {
        problem.detail.clone()
    }
}

impl ApiError {
    /// Title, if it has one, and detail.
    pub(crate) fn words(&self, texts: &Texts) -> (Option<String>, String) {
        match self {
            Self::Unreachable => (None, texts.unreachable.to_owned()),
            Self::Problem(problem) => {
                let detail = detail(problem);
                // The server tells the place beside the text, and seldom in it.
                let place = problem.field.as_ref().filter(|field| {
                    use ProblemKind::{InvalidField, MalformedRequest};
                    let is_input = matches!(problem.kind, InvalidField | MalformedRequest);
                    let is_named =
                        (detail.split_once(": ")).is_some_and(|(place, _)| !place.contains(' '));
                    is_input && !is_named && !detail.contains(*field)
                });
                let told = match place {
                    Some(place) => said(problem, &format!("{place}: {detail}"), texts),
                    None => said(problem, &detail, texts),
                };
                (Some((texts.problem)(problem)), told)
            }
            Self::Unexpected(what) => (None, (texts.unexpected)(what)),
        }
    }
}

/// `text` of a problem in the viewer's language, with fields as the pages call them.
pub(crate) fn said(problem: &Problem, text: &str, texts: &Texts) -> String {
    let said = (texts.said)(text);
    match problem.field {
        Some(_) => in_labels(&said, texts),
        None => said,
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
