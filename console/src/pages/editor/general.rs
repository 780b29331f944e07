//! What the job is, and what runs it.

use antares_protocol::job::{JobKind, JobSpec, Script};
use leptos::prelude::*;

use super::inputs::{Choice, TextInput, use_draft};
use crate::i18n::use_i18n;

/// The part.
#[component]
pub(super) fn General(
    apps: Vec<String>,
    app: RwSignal<String>,
    enabled: RwSignal<bool>,
    is_new: bool,
) -> impl IntoView {
    let i18n = use_i18n();
    let draft = use_draft();
    let options = apps
        .into_iter()
        .map(|name| view! { <option value=name.clone()>{name.clone()}</option> })
        .collect_view();
    let is_script = Memo::new(move |_| draft.get(|spec| spec.kind == JobKind::Script));
    view! {
        <div class="field">
            <label for="app">{i18n.text(|t| t.app)}</label>
            <select id="app" prop:disabled=!is_new on:change=move |event| app.set(event_target_value(&event))>
                {options}
            </select>
        </div>
        <TextInput
            id="name"
            label=|t| t.name
            hint=|t| t.editor.name_hint
            field="name"
            fixed=!is_new
            get=|spec| spec.name.clone()
            set=|spec, text| spec.name = text
        />
        <TextInput
            id="description"
            label=|t| t.apps.description
            field="description"
            get=|spec| spec.description.clone()
            set=|spec, text| spec.description = text
        />
        <Choice
            id="kind"
            label=|t| t.editor.kind
            field="kind"
            options=&[
                ("handler", |t| t.editor.kind_handler, |t| t.editor.kind_handler_hint),
                ("script", |t| t.editor.kind_script, |t| t.editor.kind_script_hint),
            ]
            get=|spec| match spec.kind {
                JobKind::Handler => "handler",
                JobKind::Script => "script",
            }
            set=set_kind
        />
        <Show when=move || !is_script.get()>
            <TextInput
                id="handler"
                label=|t| t.editor.handler
                hint=|t| t.editor.handler_hint
                field="handler"
                get=|spec| spec.handler.clone().unwrap_or_default()
                set=|spec, text| spec.handler = (!text.is_empty()).then_some(text)
            />
        </Show>
        <Show when=move || is_script.get()>
            <ScriptFields />
        </Show>
        <Show when=move || is_new>
            <label class="check" for="enabled">
                <input
                    id="enabled"
                    type="checkbox"
                    prop:checked=enabled
                    on:change=move |event| enabled.set(event_target_checked(&event))
                />
                {i18n.text(|t| t.editor.enabled)}
            </label>
        </Show>
    }
}

/// The command, or the script with its interpreter.
#[component]
fn ScriptFields() -> impl IntoView {
    let draft = use_draft();
    let is_body =
        Memo::new(move |_| draft.get(|spec| matches!(spec.script, Some(Script::Body { .. }))));
    view! {
        <Choice
            id="script-kind"
            label=|t| t.script
            // The text below answers for what is wrong.
            field="script.kind"
            options=&[
                ("command", |t| t.editor.command, |t| t.editor.command_hint),
                ("body", |t| t.editor.body, |t| t.editor.body_hint),
            ]
            get=|spec| match spec.script {
                Some(Script::Body { .. }) => "body",
                _ => "command",
            }
            set=set_script_kind
        />
        <Show when=move || is_body.get()>
            <TextInput
                id="interpreter"
                label=|t| t.editor.interpreter
                field="script.body.interpreter"
                get=|spec| match &spec.script {
                    Some(Script::Body { interpreter, .. }) => interpreter.clone(),
                    _ => String::new(),
                }
                set=|spec, text| {
                    if let Some(Script::Body { interpreter, .. }) = &mut spec.script {
                        *interpreter = text;
                    }
                }
            />
        </Show>
        <TextInput
            id="script"
            label=|t| t.editor.script_text
            field="script"
            rows=5
            get=|spec| match &spec.script {
                Some(Script::Command(text) | Script::Body { body: text, .. }) => text.clone(),
                None => String::new(),
            }
            set=|spec, text| match &mut spec.script {
                Some(Script::Command(now) | Script::Body { body: now, .. }) => *now = text,
                None => spec.script = Some(Script::Command(text)),
            }
        />
    }
}

fn set_kind(spec: &mut JobSpec, kind: &str) {
    if kind == "script" {
        spec.kind = JobKind::Script;
        spec.handler = None;
        spec.script.get_or_insert(Script::Command(String::new()));
    } else {
        spec.kind = JobKind::Handler;
        spec.script = None;
    }
}

fn set_script_kind(spec: &mut JobSpec, kind: &str) {
    let text = match spec.script.take() {
        Some(Script::Command(text) | Script::Body { body: text, .. }) => text,
        None => String::new(),
    };
    spec.script = Some(if kind == "body" {
        Script::Body {
            interpreter: "bash".to_owned(),
            body: text,
        }
    } else {
        Script::Command(text)
    });
}
