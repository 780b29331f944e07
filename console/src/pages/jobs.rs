//! Jobs: what there is to run, and when it runs next.

mod bulk;

use antares_protocol::job::{Job, JobKind, JobState};
use leptos::prelude::*;
use leptos_router::components::A;

use crate::components::badge::Badge;
use crate::components::filters::{LinkedFilter, SelectFilter, TextFilter};
use crate::components::job_controls::{EnableSwitch, JobMenu};
use crate::components::list_page::{Column, Empty, ListPage};
use crate::components::selection::{self, Choose, ChooseAll};
use crate::components::when::{Until, When};
use crate::format;
use crate::hooks::live::Topic;
use crate::i18n::{Label, use_i18n};
use crate::pages::instance::short_id;

const COLUMNS: &[Column<Job>] = &[
    Column {
        label: |t| t.control.choose_column,
        class: "choose",
        head: Some(|| view! { <ChooseAll /> }.into_any()),
        cell: |job| view! { <Choose job /> }.into_any(),
    },
    Column {
        label: |t| t.name,
        class: "wide",
        head: None,
        cell: |job| view! { <Name job /> }.into_any(),
    },
    Column {
        label: |t| t.app,
        class: "",
        head: None,
        cell: |job| (move || job.with(|job| job.app.clone())).into_any(),
    },
    Column {
        label: |t| t.state,
        class: "",
        head: None,
        cell: |job| view! { <Badge state=move || job.with(|job| job.state) /> }.into_any(),
    },
    Column {
        label: |t| t.control.enabled_column,
        class: "tick",
        head: None,
        cell: |job| view! { <EnableSwitch job /> }.into_any(),
    },
    Column {
        label: |t| t.schedule,
        class: "",
        head: None,
        cell: |job| view! { <Schedule job /> }.into_any(),
    },
    Column {
        label: |t| t.previous_fire,
        class: "time",
        head: None,
        cell: |job| {
            view! {
                <When
                    at=Signal::derive(move || job.with(|job| job.prev_fire_at))
                    zone=Signal::derive(move || job.with(|job| job.spec.time_zone.clone()))
                />
                <LastEnded job />
            }
            .into_any()
        },
    },
    Column {
        label: |t| t.next_fire,
        class: "time",
        head: None,
        cell: |job| {
            let next = Signal::derive(move || job.with(|job| job.next_fire_at));
            view! {
                <When at=next zone=Signal::derive(move || job.with(|job| job.spec.time_zone.clone())) />
                <span class="second">
                    <Until at=next />
                    <Over job />
                </span>
            }
            .into_any()
        },
    },
    Column {
        label: |t| t.running,
        class: "number",
        head: None,
        cell: |job| view! { <Running job /> }.into_any(),
    },
    Column {
        label: |t| t.job_page.server,
        class: "",
        head: None,
        cell: |job| view! { <Owner job /> }.into_any(),
    },
    Column {
        label: |t| t.control.actions,
        class: "",
        head: None,
        cell: |job| view! { <JobMenu job /> }.into_any(),
    },
];

const STATES: &[(&str, Label)] = &[
    ("waiting", |t| t.waiting),
    ("running", |t| t.running),
    ("paused", |t| t.paused),
    ("stopped", |t| t.stopped),
    ("disabled", |t| t.disabled),
];

/// The page.
#[component]
pub(crate) fn Jobs() -> impl IntoView {
    selection::provide();
    let empty = Empty {
        text: |t| t.no_jobs,
        hint: |t| t.no_jobs_hint,
    };
    view! {
        <ListPage
            path="/jobs"
            title=|t| t.jobs
            topic=Topic::Jobs
            columns=COLUMNS
            empty
            filters=&["search", "app", "state", "server_id", "calendar"]
            toolbar
            actions
        />
    }
}

fn toolbar() -> AnyView {
    view! {
        <div class="toolbar">
            <TextFilter name="search" label=|t| t.search />
            <TextFilter name="app" label=|t| t.app />
            <SelectFilter name="state" label=|t| t.state options=STATES />
            <LinkedFilter name="server_id" label=|t| t.job_page.server />
            <LinkedFilter name="calendar" label=|t| t.calendars.one />
        </div>
        <bulk::Bulk />
    }
    .into_any()
}

fn actions() -> AnyView {
    let i18n = use_i18n();
    view! {
        <A href="/jobs/new" attr:id="create-job" attr:class="button primary">{i18n.text(|t| t.editor.create)}</A>
    }
    .into_any()
}

/// The name, and below it what the job does or what it is.
#[component]
fn Name(job: RwSignal<Job>) -> impl IntoView {
    let i18n = use_i18n();
    let second = move || {
        job.with(|job| match job.spec.kind {
            _ if !job.spec.description.is_empty() => job.spec.description.clone(),
            JobKind::Script => i18n.texts().script.to_owned(),
            JobKind::Handler if job.spec.handler() == job.spec.name => String::new(),
            JobKind::Handler => job.spec.handler().to_owned(),
        })
    };
    view! {
        <span class="first">
            <A href=move || job.with(|job| format!("/jobs/{}", job.id))>
                {move || job.with(|job| job.spec.name.clone())}
            </A>
        </span>
        <span class="second">{second}</span>
    }
}

/// How its newest instance ended that has, with the way to it.
#[component]
fn LastEnded(job: RwSignal<Job>) -> impl IntoView {
    let last = Memo::new(move |_| job.with(|job| job.last_ended));
    move || {
        last.get().map(|last| {
            view! {
                <span class="second">
                    <A
                        href=format!("/instances/{}", last.instance_id)
                        attr:title=format::full(last.ended_at, None)
                    >
                        <Badge state=move || last.state />
                    </A>
                </span>
            }
        })
    }
}

/// How many instances run, with the way to them.
#[component]
fn Running(job: RwSignal<Job>) -> impl IntoView {
    let i18n = use_i18n();
    let running = Memo::new(move |_| job.with(|job| job.running_instances));
    let queued = Memo::new(move |_| job.with(|job| job.queued_instances));
    let id = job.with_untracked(|job| job.id);
    let running = move || match running.get() {
        0 => "0".into_any(),
        n => view! {
            <A href=format!("/instances?job_id={id}&state=running")>{format::count(n)}</A>
        }
        .into_any(),
    };
    let queued = move || {
        let n = queued.get();
        (n > 0).then(|| {
            view! {
                <span class="second">
                    <A href=format!("/instances?job_id={id}&state=queued")>{i18n.text(|t| t.queued)} ": " {format::count(n)}</A>
                </span>
            }
        })
    };
    view! { {running} {queued} }
}

/// The server that fires it.
#[component]
fn Owner(job: RwSignal<Job>) -> impl IntoView {
    let id = Memo::new(move |_| job.with(|job| job.server_id));
    move || {
        let id = id.get()?;
        // All jobs of that server.
        Some(view! {
            <A href=format!("/jobs?server_id={id}") attr:title=id.to_string()>
                {move || job.with(|job| job.server_host.clone())}
            </A>
            // Servers of one host are told apart by it.
            <span class="second">{short_id(id)}</span>
        })
    }
}

/// That nothing is left of its schedule, which its state does not say.
#[component]
fn Over(job: RwSignal<Job>) -> impl IntoView {
    let i18n = use_i18n();
    let is_over = Memo::new(move |_| job.with(is_over));
    move || is_over.get().then(|| i18n.texts().over)
}

/// Whether the job waits for a time that does not come: all of them are past.
pub(crate) fn is_over(job: &Job) -> bool {
    job.spec.has_schedule() && job.next_fire_at.is_none() && job.state == JobState::Waiting
}

/// When it fires, as it is written, and below it the zone in which that is read.
#[component]
fn Schedule(job: RwSignal<Job>) -> impl IntoView {
    let i18n = use_i18n();
    move || {
        let spec = job.with(|job| job.spec.clone());
        let texts = i18n.texts();
        let (first, second) = if let Some(cron) = spec.cron {
            return view! { <code>{cron}</code> <span class="second">{spec.time_zone}</span> }
                .into_any();
        } else if let Some(ms) = spec.fixed_rate_ms {
            (format::length(ms), texts.editor.by_rate.to_owned())
        } else if let Some(ms) = spec.fixed_delay_ms {
            (format::length(ms), texts.editor.by_delay.to_owned())
        } else if !spec.at.is_empty() {
            ((texts.at_instants)(spec.at.len()), String::new())
        } else if !spec.depends_on.is_empty() {
            let names: Vec<String> = spec.depends_on.into_iter().map(|d| d.job).collect();
            (names.join(", "), texts.editor.depends_on.to_owned())
        } else {
            return view! { <span class="nothing">{texts.on_demand}</span> }.into_any();
        };
        view! { {first} <span class="second">{second}</span> }.into_any()
    }
}
