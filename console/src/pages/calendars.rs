//! Calendars: days and hours that keep ticks in or out, with what they cover.

mod form;
mod lines;

use antares_protocol::schedule::{Calendar, ImportCalendar, Span};
use chrono::Days;
use gloo_net::http::Method;
use leptos::prelude::*;
use leptos_router::components::A;

use crate::api::{self, ApiError};
use crate::components::deletion::deletion;
use crate::components::dialog::{Modal, use_dialogs};
use crate::components::field::Field;
use crate::components::form::{Create, FormEnd};
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
        head: None,
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
        head: None,
        cell: |calendar| (move || calendar.with(|c| c.spec.time_zone.clone())).into_any(),
    },
    Column {
        label: |t| t.calendars.holds,
        class: "",
        head: None,
        cell: |calendar| view! { <Holds calendar /> }.into_any(),
    },
    Column {
        label: |t| t.version,
        class: "number",
        head: None,
        cell: |calendar| (move || calendar.with(|c| c.version)).into_any(),
    },
    Column {
        label: |t| t.control.actions,
        class: "",
        head: None,
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
    let form = |open| view! { <form::Form open /> }.into_any();
    view! { <Create id="create-calendar" label=|t| t.calendars.create form /> }.into_any()
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
        let path = format!("/api/v1/calendars/{id}");
        dialogs.ask(deletion(
            act,
            Topic::Jobs,
            path,
            name,
            |t| t.calendars.delete_text,
            || (),
        ));
    };
    let users = move || {
        let name = name.get();
        format!("/jobs?calendar={}", js_sys::encode_uri_component(&name))
    };
    view! {
        <div class="buttons">
            <A href=users attr:class="button small" attr:data-action="users">{i18n.text(|t| t.calendars.used_by)}</A>
            <button type="button" class="button small" data-action="show" on:click=move |_| showing.set(true)>
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
        <Modal open=editing keeps=true title=name>
            <form::Form open=editing of=calendar />
        </Modal>
        <Modal open=importing keeps=true title=name>
            <Import open=importing calendar />
        </Modal>
        <Modal open=showing title=name>
            <Covered calendar />
        </Modal>
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
        <form class="form" on:submit=submit on:input=move |_| error.set(None)>
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
            <FormEnd open act label=|t| t.calendars.import error beside=&["ics"] />
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
