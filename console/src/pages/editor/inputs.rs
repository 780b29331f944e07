//! Controls that are bound to a field of the definition.

use antares_protocol::job::JobSpec;
use leptos::prelude::*;
use serde_json::Value;

use crate::api::ApiError;
use crate::components::field::{Field, blames};
use crate::components::json::{Wrong, read_json};
use crate::components::length::LengthText;
use crate::format;
use crate::i18n::{Label, use_i18n};

/// The definition that is edited, and the last complaint about it.
#[derive(Clone, Copy)]
pub(super) struct Draft {
    pub(super) spec: RwSignal<JobSpec>,
    pub(super) error: Signal<Option<ApiError>>,
    /// Why it was not saved, until it is changed.
    pub(super) refused: RwSignal<Option<ApiError>>,
    /// What the preview says is wrong.
    pub(super) previewed: RwSignal<Option<ApiError>>,
    /// Fields that hold what cannot be read: with any of them it is not saved.
    pub(super) broken: RwSignal<Vec<&'static str>>,
}

impl Draft {
    /// Changes the definition.
    pub(super) fn set(self, change: impl FnOnce(&mut JobSpec)) {
        self.spec.update(change);
    }

    /// Notes whether what `field` holds can be read.
    pub(super) fn is_read(self, field: &'static str, is_read: bool) {
        let _ = self.broken.try_update(|broken| {
            broken.retain(|name| *name != field);
            if !is_read {
                broken.push(field);
            }
        });
        // It was about what stood there before.
        if !is_read {
            let _ = self.refused.try_set(None);
        }
    }

    /// Reads the definition, and follows it.
    pub(super) fn get<T>(self, read: impl FnOnce(&JobSpec) -> T) -> T {
        self.spec.with(read)
    }
}

/// The draft around.
pub(super) fn use_draft() -> Draft {
    expect_context()
}

/// A field of the definition around its control, with a hint or without.
fn hinted(
    id: &'static str,
    label: Label,
    hint: Option<Label>,
    field: &'static str,
    control: AnyView,
) -> AnyView {
    let error = use_draft().error;
    match hint {
        Some(hint) => view! { <Field id label hint field error>{control}</Field> }.into_any(),
        None => view! { <Field id label field error>{control}</Field> }.into_any(),
    }
}

/// Text that may be given.
#[component]
pub(super) fn TextInput(
    id: &'static str,
    label: Label,
    #[prop(optional)] hint: Option<Label>,
    field: &'static str,
    get: fn(&JobSpec) -> String,
    set: fn(&mut JobSpec, String),
    #[prop(optional)] list: Option<&'static str>,
    #[prop(optional)] rows: Option<u32>,
    #[prop(optional)] fixed: bool,
) -> impl IntoView {
    let draft = use_draft();
    // What is typed stays as it was typed: of a list with a comma at its end the definition knows nothing.
    let value = RwSignal::new(draft.spec.with_untracked(get));
    let own = StoredValue::new(value.get_untracked());
    Effect::new(move || {
        let now = draft.get(get);
        if own.with_value(|own| *own != now) {
            own.set_value(now.clone());
            value.set(now);
        }
    });
    let typed = move |event| {
        let text = event_target_value(&event);
        value.set(text.clone());
        draft.set(|spec| {
            set(spec, text);
            own.set_value(get(spec));
        });
    };
    let control = match rows {
        Some(rows) => view! {
            <textarea id=id rows=rows spellcheck="false" prop:value=value on:input=typed></textarea>
        }
        .into_any(),
        None => view! {
            <input
                id=id
                autocomplete="off"
                spellcheck="false"
                list=list
                prop:value=value
                prop:disabled=fixed
                on:input=typed
            />
        }
        .into_any(),
    };
    hinted(id, label, hint, field, control.into_any())
}

/// A whole number.
#[component]
pub(super) fn NumberInput(
    id: &'static str,
    label: Label,
    #[prop(optional)] hint: Option<Label>,
    field: &'static str,
    #[prop(default = 0)] min: i64,
    max: i64,
    get: fn(&JobSpec) -> i64,
    set: fn(&mut JobSpec, i64),
) -> impl IntoView {
    let draft = use_draft();
    let i18n = use_i18n();
    // What is no such number stays in the field, and is not taken over.
    let is_wrong = RwSignal::new(false);
    let typed = move |event| {
        let number = event_target_value(&event).trim().parse::<i64>().ok();
        let number = number.filter(|number| (min..=max).contains(number));
        is_wrong.set(number.is_none());
        draft.is_read(field, number.is_some());
        if let Some(number) = number {
            draft.set(|spec| set(spec, number));
        }
    };
    on_cleanup(move || draft.is_read(field, true));
    let control = view! {
        <input
            id=id
            type="number"
            min=min.to_string()
            max=max.to_string()
            step="1"
            prop:value=move || draft.get(get).to_string()
            on:input=typed
        />
        {move || is_wrong.get().then(|| view! {
            <p class="field-error" role="alert">{(i18n.texts().editor.no_number)(min, max)}</p>
        })}
    };
    hinted(id, label, hint, field, control.into_any())
}

/// A length of time, in words; the definition has milliseconds. What cannot be read is not taken over.
#[component]
pub(super) fn LengthInput(
    id: &'static str,
    label: Label,
    #[prop(optional)] hint: Option<Label>,
    field: &'static str,
    get: fn(&JobSpec) -> u64,
    set: fn(&mut JobSpec, u64),
) -> impl IntoView {
    let draft = use_draft();
    let now = Memo::new(move |_| draft.get(get));
    let text = RwSignal::new(format::length(now.get_untracked()));
    let typed = Memo::new(move |_| text.with(|text| format::read_length(text)));
    Effect::new(move || draft.is_read(field, typed.get().is_some()));
    on_cleanup(move || draft.is_read(field, true));
    Effect::new(move || {
        if let Some(typed) = typed.get().filter(|typed| *typed != now.get_untracked()) {
            draft.set(|spec| set(spec, typed));
        }
    });
    // Changed elsewhere: what is typed stays as it was typed.
    Effect::new(move || {
        let now = now.get();
        if typed.get_untracked() != Some(now) {
            text.set(format::length(now));
        }
    });
    hinted(
        id,
        label,
        hint,
        field,
        view! { <LengthText id text is_needed=true /> }.into_any(),
    )
}

/// One of a few choices, each with a sentence about what it does.
#[component]
pub(super) fn Choice(
    id: &'static str,
    label: Label,
    field: &'static str,
    /// Value, name and meaning.
    options: &'static [(&'static str, Label, Label)],
    /// Parts of the field that have controls of their own, which tell of their faults.
    #[prop(optional)]
    parts: &'static [&'static str],
    get: fn(&JobSpec) -> &'static str,
    set: fn(&mut JobSpec, &str),
) -> impl IntoView {
    let i18n = use_i18n();
    let draft = use_draft();
    let error = Signal::derive(move || {
        let is_of_part = |error: &ApiError| parts.iter().any(|part| blames(error.field(), part));
        draft.error.get().filter(|error| !is_of_part(error))
    });
    let chosen = Memo::new(move |_| draft.get(get));
    let items = options
        .iter()
        .map(|(value, name, _)| {
            view! {
                <option value=*value prop:selected=move || chosen.get() == *value>
                    {i18n.text(*name)}
                </option>
            }
        })
        .collect_view();
    let meaning = move || {
        let chosen = chosen.get();
        let option = options.iter().find(|(value, ..)| *value == chosen);
        option.map(|(_, _, meaning)| meaning(i18n.texts()))
    };
    view! {
        <Field id label field error>
            <select id=id on:change=move |event| draft.set(|spec| set(spec, &event_target_value(&event)))>
                {items}
            </select>
            <p class="field-hint">{meaning}</p>
        </Field>
    }
}

/// Yes or no.
#[component]
pub(super) fn Check(
    id: &'static str,
    label: Label,
    get: fn(&JobSpec) -> bool,
    set: fn(&mut JobSpec, bool),
) -> impl IntoView {
    let i18n = use_i18n();
    let draft = use_draft();
    view! {
        <label class="check" for=id>
            <input
                id=id
                type="checkbox"
                prop:checked=move || draft.get(get)
                on:change=move |event| draft.set(|spec| set(spec, event_target_checked(&event)))
            />
            {i18n.text(label)}
        </label>
    }
}

/// Text that means something. What cannot be read stays in the field, with what is wrong, and is not taken over.
#[component]
pub(super) fn ReadInput<T: 'static>(
    id: &'static str,
    label: Label,
    #[prop(optional)] hint: Option<Label>,
    field: &'static str,
    /// As it is written.
    get: fn(&JobSpec) -> String,
    /// As it is read.
    read: fn(&str) -> Result<T, Wrong>,
    set: fn(&mut JobSpec, T),
) -> impl IntoView {
    let draft = use_draft();
    let text = RwSignal::new(draft.spec.with_untracked(get));
    let i18n = use_i18n();
    let wrong = RwSignal::new(None::<Wrong>);
    on_cleanup(move || draft.is_read(field, true));
    let typed = move |event| {
        let now = event_target_value(&event);
        let read = read(&now);
        text.set(now);
        draft.is_read(field, read.is_ok());
        match read {
            Ok(value) => {
                wrong.set(None);
                draft.set(|spec| set(spec, value));
            }
            Err(error) => wrong.set(Some(error)),
        }
    };
    let told = move || wrong.with(|wrong| wrong.as_ref().map(|wrong| wrong(i18n.texts())));
    let control = view! {
        <textarea id=id rows="4" spellcheck="false" prop:value=text on:input=typed></textarea>
        {move || told().map(|told| view! { <p class="field-error" role="alert">{told}</p> })}
    };
    hinted(id, label, hint, field, control.into_any())
}

/// Any JSON.
#[component]
pub(super) fn JsonInput(
    id: &'static str,
    label: Label,
    field: &'static str,
    get: fn(&JobSpec) -> String,
    set: fn(&mut JobSpec, Value),
) -> impl IntoView {
    view! { <ReadInput id label field get read=read_json set /> }
}
