//! Controls that are bound to a field of the definition.

use antares_protocol::job::JobSpec;
use leptos::prelude::*;
use serde_json::Value;

use crate::api::ApiError;
use crate::components::field::{Field, blames};
use crate::components::json::{Wrong, read_json};
use crate::components::length::LengthText;
use crate::components::number::{NumberText, read_number};
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
    /// Fields that hold what cannot be read, and that: with any of them it is not saved.
    pub(super) broken: RwSignal<Vec<(&'static str, String)>>,
    /// Such of the draft that is gone on with, until their fields are there.
    pub(super) kept: StoredValue<Vec<(String, String)>>,
}

impl Draft {
    /// Changes the definition.
    pub(super) fn set(self, change: impl FnOnce(&mut JobSpec)) {
        self.spec.update(change);
    }

    /// Notes what `field` holds, if that cannot be read.
    pub(super) fn note(self, field: &'static str, wrong: Option<String>) {
        let is_wrong = wrong.is_some();
        let _ = self.broken.try_update(|broken| {
            broken.retain(|(name, _)| *name != field);
            broken.extend(wrong.map(|wrong| (field, wrong)));
        });
        // It was about what stood there before.
        if is_wrong {
            let _ = self.refused.try_set(None);
        }
    }

    /// What `field` held that could not be read when the draft was left, the first time it is asked for.
    pub(super) fn take_kept(self, field: &'static str) -> Option<String> {
        let mut found = None;
        self.kept.update_value(|kept| {
            if let Some(at) = kept.iter().position(|(name, _)| name == field) {
                found = Some(kept.swap_remove(at).1);
            }
        });
        found
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
    let read = move |text: &str| read_number(text, min, max);
    let text = as_typed(field, read, |number: i64| number.to_string(), get, set);
    let control = view! { <NumberText id text min max /> };
    hinted(id, label, hint, field, control.into_any())
}

/// Text in place of a value, which it follows and sets; what cannot be read stays, and is not taken over.
fn as_typed<T: Copy + PartialEq + Send + Sync + 'static>(
    field: &'static str,
    read: impl Fn(&str) -> Option<T> + Send + Sync + 'static,
    show: fn(T) -> String,
    get: fn(&JobSpec) -> T,
    set: fn(&mut JobSpec, T),
) -> RwSignal<String> {
    let draft = use_draft();
    let now = Memo::new(move |_| draft.get(get));
    let before = draft.take_kept(field);
    let text = RwSignal::new(before.unwrap_or_else(|| show(now.get_untracked())));
    let typed = Memo::new(move |_| text.with(|text| read(text)));
    Effect::new(move || {
        let wrong = typed.get().is_none().then(|| text.get());
        draft.note(field, wrong);
    });
    on_cleanup(move || draft.note(field, None));
    Effect::new(move || {
        if let Some(typed) = typed.get().filter(|typed| *typed != now.get_untracked()) {
            draft.set(|spec| set(spec, typed));
        }
    });
    // Changed elsewhere: what is typed stays as it was typed, and so does what cannot be read.
    Effect::new(move |before: Option<T>| {
        let now = now.get();
        let is_other = before.is_some_and(|before| before != now);
        if is_other && typed.get_untracked() != Some(now) {
            text.set(show(now));
        }
        now
    });
    text
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
    let text = as_typed(field, format::read_length, format::length, get, set);
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
    let before = draft.take_kept(field);
    let wrong = RwSignal::new(before.as_ref().and_then(|before| read(before).err()));
    draft.note(field, before.clone());
    let text = RwSignal::new(before.unwrap_or_else(|| draft.spec.with_untracked(get)));
    let i18n = use_i18n();
    on_cleanup(move || draft.note(field, None));
    let typed = move |event| {
        let now = event_target_value(&event);
        let read = read(&now);
        draft.note(field, read.is_err().then(|| now.clone()));
        text.set(now);
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
