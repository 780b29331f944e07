//! Apps: who may connect clients, with a secret that is shown once.

mod edit;
mod secret;

use antares_protocol::app::{App, AppWithSecret, CreateApp};
use antares_protocol::version::{CopyJobs, JobsCopied};
use gloo_net::http::Method;
use leptos::prelude::*;
use leptos_router::components::A;
use serde_json::json;

use crate::api::{self, ApiError};
use crate::components::deletion::deletion;
use crate::components::dialog::{Modal, Question, use_dialogs};
use crate::components::field::Field;
use crate::components::form::{Create, FormEnd};
use crate::components::list_page::{Column, Empty, ListPage};
use crate::components::when::When;
use crate::format;
use crate::hooks::act::use_act;
use crate::hooks::live::Topic;
use crate::i18n::use_i18n;
use secret::{Secret, ShownSecret};

const COLUMNS: &[Column<App>] = &[
    Column {
        label: |t| t.name,
        class: "wide",
        head: None,
        cell: |app| {
            view! {
                <span class="first">
                    <A href=move || app.with(|app| format!("/jobs?app={}", app.name)) attr:title=use_i18n().text(|t| t.jobs)>
                        {move || app.with(|app| app.name.clone())}
                    </A>
                </span>
                <span class="second">{move || app.with(|app| app.description.clone())}</span>
            }
            .into_any()
        },
    },
    Column {
        label: |t| t.apps.limit,
        class: "number",
        head: None,
        cell: |app| {
            (move || {
                let most = app.with(|app| app.max_running_shards);
                if most == 0 {
                    "–".to_owned()
                } else {
                    format::count(most)
                }
            })
            .into_any()
        },
    },
    Column {
        label: |t| t.apps.created,
        class: "time",
        head: None,
        cell: |app| {
            view! { <When at=Signal::derive(move || Some(app.with(|app| app.created_at))) /> }
                .into_any()
        },
    },
    Column {
        label: |t| t.control.actions,
        class: "",
        head: None,
        cell: |app| view! { <Actions app /> }.into_any(),
    },
];

/// The page.
#[component]
pub(crate) fn Apps() -> impl IntoView {
    let shown = RwSignal::new(None::<AppWithSecret>);
    provide_context(Secret(shown));
    let empty = Empty {
        text: |t| t.apps.none,
        hint: |t| t.apps.none_hint,
    };
    view! {
        <ListPage
            path="/apps"
            title=|t| t.apps.title
            topic=Topic::Jobs
            columns=COLUMNS
            empty
            actions=create
        />
        <ShownSecret shown />
    }
}

fn create() -> AnyView {
    let form = |open| view! { <CreateForm open /> }.into_any();
    view! { <Create id="create-app" label=|t| t.apps.create form /> }.into_any()
}

#[component]
fn CreateForm(open: RwSignal<bool>) -> impl IntoView {
    let act = use_act();
    let Secret(shown) = expect_context();
    let error = RwSignal::new(None::<ApiError>);
    let name = RwSignal::new(String::new());
    let description = RwSignal::new(String::new());
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let body = CreateApp {
            name: name.get_untracked().trim().to_owned(),
            description: description.get_untracked(),
            secret: None,
        };
        let call =
            async move { api::call::<AppWithSecret>(Method::POST, "/api/v1/apps", &body).await };
        act.run_or(Topic::Jobs, call, error, move |_, made| {
            open.set(false);
            shown.set(Some(made));
        });
    };
    view! {
        <form class="form" on:submit=submit on:input=move |_| error.set(None)>
            <Field id="app-name" label=|t| t.name hint=|t| t.apps.name_hint field="name" error>
                <input
                    id="app-name"
                    required
                    autocomplete="off"
                    spellcheck="false"
                    on:input=move |event| name.set(event_target_value(&event))
                />
            </Field>
            <Field id="app-description" label=|t| t.apps.description field="description" error>
                <input
                    id="app-description"
                    autocomplete="off"
                    on:input=move |event| description.set(event_target_value(&event))
                />
            </Field>
            <FormEnd open act label=|t| t.apps.create error beside=&["name", "description"] />
        </form>
    }
}

#[component]
fn Actions(app: RwSignal<App>) -> impl IntoView {
    let i18n = use_i18n();
    let act = use_act();
    let dialogs = use_dialogs();
    let Secret(shown) = expect_context();
    let named = move || app.with_untracked(|app| (app.id, app.name.clone()));
    let rotate = move |_| {
        let (id, name) = named();
        let asked = name.clone();
        dialogs.ask(
            Question::new(
                move |t| (t.apps.rotate_ask)(&asked),
                |t| t.apps.rotate_text.to_owned(),
                |t| t.apps.rotate.to_owned(),
                move || {
                    let call = async move {
                        let path = format!("/api/v1/apps/{id}/secret");
                        api::call::<AppWithSecret>(Method::POST, &path, &json!({})).await
                    };
                    act.run_then(Topic::Jobs, call, move |_, made| {
                        _ = shown.try_set(Some(made));
                    });
                },
            )
            .typed(name),
        );
    };
    let delete = move |_| {
        let (id, name) = named();
        let path = format!("/api/v1/apps/{id}");
        let question = deletion(
            act,
            Topic::Jobs,
            path,
            name.clone(),
            |t| t.apps.delete_text,
            || (),
        );
        dialogs.ask(question.typed(name));
    };
    let (editing, copying) = (RwSignal::new(false), RwSignal::new(false));
    let title = Signal::derive(move || app.with(|app| app.name.clone()));
    let copy_title =
        Signal::derive(move || (i18n.texts().apps.copy_title)(&app.with(|app| app.name.clone())));
    view! {
        <div class="buttons">
            <button type="button" class="button small" data-action="edit" on:click=move |_| editing.set(true)>
                {i18n.text(|t| t.job_page.edit)}
            </button>
            <button type="button" class="button small" data-action="copy" on:click=move |_| copying.set(true)>
                {i18n.text(|t| t.apps.copy)}
            </button>
            <button
                type="button"
                class="button small"
                data-action="rotate"
                prop:disabled=act.pending
                on:click=rotate
            >
                {i18n.text(|t| t.apps.rotate)}
            </button>
            <button
                type="button"
                class="button small"
                data-action="delete"
                prop:disabled=act.pending
                on:click=delete
            >
                {i18n.text(|t| t.job_page.delete)}
            </button>
        </div>
        <Modal open=editing keeps=true title>
            <edit::EditForm app open=editing />
        </Modal>
        <Modal open=copying keeps=true title=copy_title>
            <CopyForm app open=copying />
        </Modal>
    }
}

/// Copies the app's jobs into another app.
#[component]
fn CopyForm(app: RwSignal<App>, open: RwSignal<bool>) -> impl IntoView {
    let i18n = use_i18n();
    let act = use_act();
    let error = RwSignal::new(None::<ApiError>);
    let to = RwSignal::new(String::new());
    let replace = RwSignal::new(false);
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let id = app.with_untracked(|app| app.id);
        let body = CopyJobs {
            to: to.get_untracked().trim().to_owned(),
            jobs: None,
            replace: replace.get_untracked(),
            enabled: false,
        };
        let call = async move {
            api::call::<JobsCopied>(Method::POST, &format!("/api/v1/apps/{id}/copy"), &body).await
        };
        act.run_or(Topic::Jobs, call, error, move |toasts, copied| {
            open.set(false);
            let counts = [
                copied.created.len(),
                copied.replaced.len(),
                copied.kept.len(),
            ];
            toasts.good(move |t| (t.apps.copied)(counts));
        });
    };
    view! {
        <form class="form" on:submit=submit on:input=move |_| error.set(None)>
            <p>{i18n.text(|t| t.apps.copy_text)}</p>
            <Field id="copy-to" label=|t| t.apps.copy_to field="to" error>
                <input
                    id="copy-to"
                    required
                    autocomplete="off"
                    spellcheck="false"
                    on:input=move |event| to.set(event_target_value(&event))
                />
            </Field>
            <label class="check">
                <input
                    type="checkbox"
                    on:change=move |event| replace.set(event_target_checked(&event))
                />
                {i18n.text(|t| t.apps.copy_replace)}
            </label>
            <FormEnd open act label=|t| t.apps.copy error beside=&["to"] />
        </form>
    }
}
