//! Forms in dialogs: the button that opens one, and how one ends.

use leptos::prelude::*;
use wasm_bindgen::JsCast as _;

use super::dialog::Modal;
use super::field::blames;
use super::notice::Notice;
use crate::api::ApiError;
use crate::hooks::act::Act;
use crate::i18n::{Label, use_i18n};

/// A button, and the form that it opens.
#[component]
pub(crate) fn Create(
    /// Id of the button.
    id: &'static str,
    /// What it and the form are called.
    label: Label,
    /// The form, which closes by what it is given.
    form: fn(RwSignal<bool>) -> AnyView,
) -> impl IntoView {
    let i18n = use_i18n();
    let open = RwSignal::new(false);
    view! {
        <button type="button" id=id class="button primary" on:click=move |_| open.set(true)>
            {i18n.text(label)}
        </button>
        <Modal open keeps=true title=Signal::derive(move || label(i18n.texts()).to_owned())>{form(open)}</Modal>
    }
}

/// The end of a form: an error that no field of it answers for, and the buttons.
#[component]
pub(crate) fn FormEnd(
    /// Whether the dialog is there.
    open: RwSignal<bool>,
    /// What submits it.
    act: Act,
    /// What the button that submits it says.
    label: Label,
    /// The last error.
    error: RwSignal<Option<ApiError>>,
    /// Fields beside which their errors stand.
    #[prop(optional)]
    beside: &'static [&'static str],
) -> impl IntoView {
    let i18n = use_i18n();
    let other = move || {
        error
            .get()
            .filter(|error| !beside.iter().any(|field| blames(error.field(), field)))
    };
    Effect::new(move || {
        if error.with(Option::is_some) {
            request_animation_frame(|| _ = go_to_fault(".dialog"));
        }
    });
    view! {
        {move || other().map(|error| view! { <Notice error=Signal::stored(error) /> })}
        <div class="form-buttons">
            <button type="button" class="button" on:click=move |_| open.set(false)>
                {i18n.text(|t| t.cancel)}
            </button>
            <button type="submit" class="button primary" prop:disabled=act.pending>
                {i18n.text(label)}
            </button>
        </div>
    }
}

/// Goes to the first field with a fault in what `within` selects, and opens the part that it is folded into. Returns
/// whether there is one.
pub(crate) fn go_to_fault(within: &str) -> bool {
    let first = document().query_selector(&format!("{within} .field-error:not(.aside)"));
    let Some(fault) = first.ok().flatten() else {
        return false;
    };
    if let Ok(Some(part)) = fault.closest("details") {
        // `open` is a valid name.
        let _ = part.set_attribute("open", "");
    }
    let field = fault.closest(".dependency, .field").ok().flatten();
    let control = field.and_then(|field| {
        let control = field.query_selector("input, select, textarea").ok()?;
        control?.dyn_into::<web_sys::HtmlElement>().ok()
    });
    match control {
        Some(control) => _ = control.focus(),
        None => fault.scroll_into_view(),
    }
    true
}
