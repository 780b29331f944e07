//! Calendars: days and hours that keep ticks in or out, with what they cover.

use antares_protocol::schedule::{Calendar, CalendarSpec, ImportCalendar, Span, UpdateCalendar};
use chrono::Days;
use gloo_net::http::Method;
use leptos::prelude::*;
use serde_json::json;

use crate::api::{self, ApiError};
use crate::components::dialog::{Modal, Question, use_dialogs};
use crate::components::field::Field;
use crate::components::list_page::{Column, Empty, ListPage};
use crate::components::notice::Notice;
use crate::components::when::When;
use crate::hooks::act::use_act;
use crate::hooks::clock;
use crate::hooks::current::use_current;
use crate::hooks::live::Topic;
use crate::i18n::use_i18n;

const COLUMNS: &[Column<Calendar>] = &[
    Column {
        label: |t| t.name,
        class: "wide",
        cell: |calendar| {
            view! {
                <span class="first">{move || calendar.with(|c| c.spec.name.clone())}</span>
                <span class="second">{move || calendar.with(|c| c.spec.description.clone())}</span>
            }
            .into_any()
        },
    },
    Column {
        label: |t| t.editor.time_zone,
        class: "",
        cell: |calendar| (move || calendar.with(|c| c.spec.time_zone.clone())).into_any(),
    },
    Column {
        label: |t| t.calendars.holds,
        class: "",
        cell: |calendar| view! { <Holds calendar /> }.into_any(),
    },
    Column {
        label: |t| t.version,
        class: "number",
        cell: |calendar| (move || calendar.with(|c| c.version)).into_any(),
    },
    Column {
        label: |t| t.control.actions,
        class: "",
        cell: |calendar| view! { <Actions calendar /> }.into_any(),
    },
];

/// The page.
#[component]
pub(crate) fn Calendars() -> impl IntoView {
    let empty = Empty {
        text: |t| t.calendars.none,
        hint: |t| t.calendars.none_hint,
    };
    view! {
        <ListPage path="/calendars" title=|t| t.calendars.title topic=Topic::Jobs columns=COLUMNS empty actions=create />
    }
}

fn create() -> AnyView {
    view! { <Create /> }.into_any()
}

#[component]
fn Holds(calendar: RwSignal<Calendar>) -> impl IntoView {
    let i18n = use_i18n();
    move || {
        calendar.with(|c| {
            (i18n.texts().calendars.counts)([
                c.spec.dates.len(),
                c.spec.weekly.len(),
                c.spec.spans.len(),
            ])
        })
    }
}

#[component]
fn Create() -> impl IntoView {
    let i18n = use_i18n();
    let open = RwSignal::new(false);
    view! {
        <button type="button" id="create-calendar" class="button primary" on:click=move |_| open.set(true)>
            {i18n.text(|t| t.calendars.create)}
        </button>
        <Modal open title=Signal::derive(move || i18n.texts().calendars.create.to_owned())>
            <Form open />
        </Modal>
    }
}

#[component]
fn Actions(calendar: RwSignal<Calendar>) -> impl IntoView {
    let i18n = use_i18n();
    let act = use_act();
    let dialogs = use_dialogs();
    let (editing, importing, showing) = (
        RwSignal::new(false),
        RwSignal::new(false),
        RwSignal::new(false),
    );
    let name = Signal::derive(move || calendar.with(|c| c.spec.name.clone()));
    let delete = move |_| {
        let (id, name) = calendar.with_untracked(|c| (c.id, c.spec.name.clone()));
        let done = name.clone();
        dialogs.ask(Question::new(
            move |t| (t.job_page.delete_ask)(&name),
            |t| t.calendars.delete_text.to_owned(),
            |t| t.job_page.delete.to_owned(),
            move || {
                let done = done.clone();
                act.run::<()>(
                    Topic::Jobs,
                    move |t| (t.job_page.deleted)(&done),
                    async move {
                        api::call(
                            Method::DELETE,
                            &format!("/api/v1/calendars/{id}"),
                            &json!({}),
                        )
                        .await
                    },
                );
            },
        ));
    };
    view! {
        <div class="buttons">
            <button type="button" class="button small" on:click=move |_| showing.set(true)>
                {i18n.text(|t| t.calendars.show)}
            </button>
            <button type="button" class="button small" data-action="edit" on:click=move |_| editing.set(true)>
                {i18n.text(|t| t.job_page.edit)}
            </button>
            <button type="button" class="button small" data-action="import" on:click=move |_| importing.set(true)>
                {i18n.text(|t| t.calendars.import)}
            </button>
            <button type="button" class="button small" data-action="delete" prop:disabled=act.pending on:click=delete>
                {i18n.text(|t| t.job_page.delete)}
            </button>
        </div>
        <Modal open=editing title=name>
            <Form open=editing of=calendar />
        </Modal>
        <Modal open=importing title=name>
            <Import open=importing calendar />
        </Modal>
        <Modal open=showing title=name>
            <Covered calendar />
        </Modal>
    }
}

/// The whole calendar as JSON, with an example to begin with.
#[component]
fn Form(open: RwSignal<bool>, #[prop(optional)] of: Option<RwSignal<Calendar>>) -> impl IntoView {
    let i18n = use_i18n();
    let act = use_act();
    // The version that is shown, not one that others make meanwhile.
    let opened = of.map(|calendar| calendar.with_untracked(|c| (c.id, c.version)));
    let first = match of {
        Some(calendar) => json!(calendar.with_untracked(|c| c.spec.clone())),
        None => json!({
            "name": "holidays", "description": "", "time_zone": "UTC",
            "dates": [{ "date": "2026-12-25", "yearly": true, "label": "Christmas" }],
            "weekly": [{ "days": ["Sat", "Sun"], "label": "weekend" }],
            "spans": [],
        }),
    };
    let text = RwSignal::new(serde_json::to_string_pretty(&first).unwrap_or_default());
    let error = RwSignal::new(None::<ApiError>);
    let wrong = RwSignal::new(None::<String>);
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let spec: CalendarSpec = match serde_json::from_str(&text.get_untracked()) {
            Ok(spec) => spec,
            Err(error) => {
                wrong.set(Some(error.to_string()));
                return;
            }
        };
        wrong.set(None);
        let call = async move {
            match opened {
                Some((id, version)) => {
                    let body = UpdateCalendar {
                        version: Some(version),
                        spec,
                    };
                    api::call::<Calendar>(Method::PUT, &format!("/api/v1/calendars/{id}"), &body)
                        .await
                }
                None => api::call::<Calendar>(Method::POST, "/api/v1/calendars", &spec).await,
            }
        };
        act.run_or(Topic::Jobs, call, error, move |toasts, calendar| {
            open.set(false);
            toasts.good(move |t| (t.editor.saved)(&calendar.spec.name));
        });
    };
    view! {
        <form class="form" on:submit=submit>
            <p>{i18n.text(|t| t.calendars.form_text)}</p>
            <div class="field" class:wrong=move || wrong.with(Option::is_some)>
                <label for="calendar-json">"JSON"</label>
                <textarea
                    id="calendar-json"
                    rows="16"
                    spellcheck="false"
                    prop:value=text
                    on:input=move |event| text.set(event_target_value(&event))
                ></textarea>
                {move || wrong.get().map(|wrong| view! { <p class="field-error" role="alert">{wrong}</p> })}
            </div>
            {move || error.get().map(|error| view! { <Notice error=Signal::stored(error) /> })}
            <div class="form-buttons">
                <button type="button" class="button" on:click=move |_| open.set(false)>{i18n.text(|t| t.cancel)}</button>
                <button type="submit" class="button primary" prop:disabled=act.pending>
                    {i18n.text(|t| t.editor.save)}
                </button>
            </div>
        </form>
    }
}

/// Takes an iCalendar text.
#[component]
fn Import(open: RwSignal<bool>, calendar: RwSignal<Calendar>) -> impl IntoView {
    let i18n = use_i18n();
    let act = use_act();
    let text = RwSignal::new(String::new());
    let replace = RwSignal::new(false);
    let error = RwSignal::new(None::<ApiError>);
    let (id, version) = calendar.with_untracked(|c| (c.id, c.version));
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let body = ImportCalendar {
            version: Some(version),
            ics: text.get_untracked(),
            replace: replace.get_untracked(),
            until: None,
        };
        let call = async move {
            api::call::<Calendar>(
                Method::POST,
                &format!("/api/v1/calendars/{id}/import"),
                &body,
            )
            .await
        };
        act.run_or(Topic::Jobs, call, error, move |toasts, calendar| {
            open.set(false);
            toasts.good(move |t| (t.editor.saved)(&calendar.spec.name));
        });
    };
    view! {
        <form class="form" on:submit=submit>
            <p>{i18n.text(|t| t.calendars.import_text)}</p>
            <Field id="ics" label=|t| t.calendars.ics field="ics" error>
                <textarea
                    id="ics"
                    rows="12"
                    spellcheck="false"
                    placeholder="BEGIN:VCALENDAR"
                    prop:value=text
                    on:input=move |event| text.set(event_target_value(&event))
                ></textarea>
            </Field>
            <label class="check">
                <input type="checkbox" on:change=move |event| replace.set(event_target_checked(&event)) />
                {i18n.text(|t| t.calendars.replace)}
            </label>
            {move || error.get().filter(|error| error.field() != Some("ics")).map(|error| {
                view! { <Notice error=Signal::stored(error) /> }
            })}
            <div class="form-buttons">
                <button type="button" class="button" on:click=move |_| open.set(false)>{i18n.text(|t| t.cancel)}</button>
                <button type="submit" class="button primary" prop:disabled=act.pending>
                    {i18n.text(|t| t.calendars.import)}
                </button>
            </div>
        </form>
    }
}

/// What it covers in the next three months.
#[component]
fn Covered(calendar: RwSignal<Calendar>) -> impl IntoView {
    let i18n = use_i18n();
    let id = calendar.with_untracked(|c| c.id);
    let today = clock::now().date_naive();
    let path = format!(
        "/api/v1/calendars/{id}/spans?from={today}&until={}",
        today + Days::new(90)
    );
    let current = use_current::<Vec<Span>>(Topic::Jobs, path);
    let zone = Signal::derive(move || calendar.with(|c| c.spec.time_zone.clone()));
    let row = move |span: Span| {
        view! {
            <li>
                <When at=Signal::stored(Some(span.from)) zone /> " – " <When at=Signal::stored(Some(span.until)) zone />
                " " <span class="second">{span.label}</span>
            </li>
        }
    };
    view! {
        <p>{i18n.text(|t| t.calendars.covered)}</p>
        {move || current.error.get().map(|error| view! { <Notice error=Signal::stored(error) /> })}
        <ul class="fires covered">
            {move || current.value.get().map(|spans| spans.into_iter().map(row).collect_view())}
        </ul>
    }
}
