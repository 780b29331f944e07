//! Fields of forms: label, control, hint, and the server's complaint beside the field it blames.

use leptos::prelude::*;

use super::notice::{detail, said};
use crate::api::ApiError;
use crate::i18n::{Texts, use_i18n};

/// A field around its control, which has `id` as its id.
#[component]
pub(crate) fn Field(
    /// Id of the control.
    id: &'static str,
    /// What it is called.
    label: fn(&Texts) -> &'static str,
    /// What it does, in a sentence.
    #[prop(optional)]
    hint: Option<fn(&Texts) -> &'static str>,
    /// Name of the field in the API, as a dotted path: its errors stand here.
    #[prop(optional)]
    field: Option<&'static str>,
    /// The last error of the form.
    #[prop(into)]
    error: Signal<Option<ApiError>>,
    /// The control.
    children: Children,
) -> impl IntoView {
    let i18n = use_i18n();
    let complaint = move || error.with(|error| complaint(error.as_ref()?, field?, i18n.texts()));
    Effect::new(move |before: Option<bool>| {
        let is_wrong = complaint().is_some();
        // Both are valid names.
        if let Some(control) = document().get_element_by_id(id) {
            if is_wrong {
                let _ = control.set_attribute("aria-invalid", "true");
                let _ = control.set_attribute("aria-describedby", &error_id(id));
            } else if before == Some(true) {
                let _ = control.remove_attribute("aria-invalid");
                let _ = control.remove_attribute("aria-describedby");
            }
        }
        is_wrong
    });
    view! {
        <div class="field">
            <label for=id>{i18n.text(label)}</label>
            {children()}
            {hint.map(|hint| view! { <p class="field-hint">{i18n.text(hint)}</p> })}
            {move || complaint().map(|text| view! {
                <p id=error_id(id) class="field-error" role="alert">{text}</p>
            })}
        </div>
    }
}

fn error_id(id: &str) -> String {
    format!("{id}-error")
}

/// What `error` says about `field`, or a part of it.
pub(crate) fn complaint(error: &ApiError, field: &str, texts: &Texts) -> Option<String> {
    let ApiError::Problem(problem) = error else {
        return None;
    };
    let blamed = problem.field.as_deref();
    if !blames(blamed, field) {
        return None;
    }
    // It stands beside the field: that need not be named again.
    let blamed = blamed?;
    let detail = detail(problem);
    let bare = detail.strip_prefix(blamed);
    let bare = bare.and_then(|rest| rest.strip_prefix(": "));
    let told = said(problem, bare.unwrap_or(&detail), texts);
    let entry = blamed.strip_prefix(field)?.strip_prefix('[');
    let entry = entry.and_then(|rest| rest.split(']').next()?.parse::<usize>().ok());
    Some(match entry {
        Some(entry) => (texts.of_entry)(entry + 1, &told),
        None => told,
    })
}

/// Whether a problem that blames `blamed` is about `field`, or a part of it.
pub(crate) fn blames(blamed: Option<&str>, field: &str) -> bool {
    blamed.is_some_and(|blamed| {
        blamed == field
            || blamed
                .strip_prefix(field)
                .is_some_and(|rest| rest.starts_with(['.', '[']))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_answers_for_its_parts() {
        assert!(blames(Some("retry.delay_ms"), "retry"));
        assert!(blames(Some("shard_params[3]"), "shard_params"));
        assert!(!blames(Some("retrying"), "retry"));
        assert!(!blames(None, "retry"));
    }
}
