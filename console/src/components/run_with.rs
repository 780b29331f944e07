//! Running a job with another parameter, another priority, later, or once for a key.

use antares_protocol::job::{Job, TriggerJob};
use leptos::prelude::*;

use super::dialog::Modal;
use super::field::Field;
use super::form::{FormEnd, go_to_fault};
use super::job_controls::{tell_triggered, trigger};
use super::json::{read_json, written};
use super::length::LengthText;
use super::number::{NumberText, read_number};
use crate::api::ApiError;
use crate::format;
use crate::hooks::act::use_act;
use crate::hooks::live::Topic;
use crate::i18n::use_i18n;

/// Lowest and highest priority.
const PRIORITIES: (i64, i64) = (-1000, 1000);

/// The job that is asked about, if any.
#[derive(Clone, Copy)]
pub(crate) struct RunWith(RwSignal<Option<Job>>);

/// Provides it.
pub(crate) fn provide() {
    provide_context(RunWith(RwSignal::new(None)));
}

/// What asks.
pub(crate) fn use_run_with() -> RunWith {
    expect_context()
}

impl RunWith {
    /// Asks how to run `job`.
    pub(crate) fn ask(self, job: Job) {
        self.0.set(Some(job));
    }
}

/// Where it is asked.
#[component]
pub(crate) fn RunWithDialog() -> impl IntoView {
    let i18n = use_i18n();
    let RunWith(job) = use_run_with();
    let open = RwSignal::new(false);
    Effect::new(move || {
        if job.with(Option::is_some) {
            open.set(true);
        }
    });
    Effect::new(move || {
        if !open.get() {
            job.set(None);
        }
    });
    let title = Signal::derive(move || {
        let name = job.with(|job| job.as_ref().map(|job| job.spec.name.clone()));
        (i18n.texts().control.run_with_title)(&name.unwrap_or_default())
    });
    view! {
        <Modal open keeps=true title>
            {job.get_untracked().map(|job| view! { <Form open job /> })}
        </Modal>
    }
}

#[component]
fn Form(open: RwSignal<bool>, job: Job) -> impl IntoView {
    let act = use_act();
    let error = RwSignal::new(None::<ApiError>);
    let own = StoredValue::new(written(&job.spec.param));
    let priority = job.spec.priority;
    let (param, urgency) = (
        RwSignal::new(own.get_value()),
        RwSignal::new(priority.to_string()),
    );
    let (delay, key) = (RwSignal::new(String::new()), RwSignal::new(String::new()));
    let (id, name) = (job.id, job.spec.name);
    // What was not touched is the job's own, also when that changes before it runs.
    let given = move || {
        let text = param.get();
        let is_own = own.with_value(|own| text == *own) || text.trim().is_empty();
        (!is_own).then(|| read_json(&text)).transpose()
    };
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        // The fields say what is wrong.
        let read = || {
            let (least, most) = PRIORITIES;
            let urgency = urgency.with_untracked(|text| read_number(text, least, most))?;
            let delay_ms = delay.with_untracked(|delay| format::read_length(delay))?;
            Some((untrack(given).ok()?, urgency, delay_ms))
        };
        let Some((given, urgency, delay_ms)) = read() else {
            go_to_fault(".dialog");
            return;
        };
        let asked = TriggerJob {
            param: given,
            idempotency_key: Some(key.get_untracked()).filter(|key| !key.is_empty()),
            priority: Some(urgency as i16).filter(|now| *now != priority),
            delay_ms: Some(delay_ms).filter(|ms| *ms > 0),
        };
        let name = name.clone();
        act.run_or(
            Topic::Jobs,
            trigger(id, asked),
            error,
            move |toasts, made| {
                open.set(false);
                tell_triggered(toasts, name, &made, delay_ms > 0);
            },
        );
    };
    let i18n = use_i18n();
    let told = move || given().err().map(|wrong| wrong(i18n.texts()));
    view! {
        <form class="form" on:submit=submit on:input=move |_| error.set(None)>
            <Field id="run-param" label=|t| t.editor.param hint=|t| t.control.run_param_hint field="param" error>
                <textarea
                    id="run-param"
                    rows="5"
                    spellcheck="false"
                    prop:value=param
                    on:input=move |event| param.set(event_target_value(&event))
                ></textarea>
                {move || told().map(|told| view! { <p class="field-error" role="alert">{told}</p> })}
            </Field>
            <Field id="run-priority" label=|t| t.editor.priority field="priority" error>
                <NumberText id="run-priority" text=urgency min=PRIORITIES.0 max=PRIORITIES.1 />
            </Field>
            <Field id="run-delay" label=|t| t.control.run_delay hint=|t| t.control.run_delay_hint field="delay_ms" error>
                <LengthText id="run-delay" text=delay />
            </Field>
            <Field id="run-key" label=|t| t.control.run_key hint=|t| t.control.run_key_hint field="idempotency_key" error>
                <input
                    id="run-key"
                    autocomplete="off"
                    spellcheck="false"
                    prop:value=key
                    on:input=move |event| key.set(event_target_value(&event))
                />
            </Field>
            <FormEnd open act label=|t| t.control.trigger error beside=&["param", "priority", "delay_ms", "idempotency_key"] />
        </form>
    }
}
