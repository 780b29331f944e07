//! Jobs: what there is to run, and when it runs next.

use antares_protocol::job::{Job, JobKind};
use leptos::prelude::*;
use leptos_router::components::A;

use crate::components::badge::Badge;
use crate::components::job_controls::JobControls;
use crate::components::list_page::{Column, Empty, ListPage};
use crate::components::when::{Until, When};
use crate::format;
use crate::hooks::live::Topic;
use crate::i18n::use_i18n;

const COLUMNS: &[Column<Job>] = &[
    Column {
        label: |t| t.name,
        class: "wide",
        cell: |job| view! { <Name job /> }.into_any(),
    },
    Column {
        label: |t| t.app,
        class: "",
        cell: |job| (move || job.with(|job| job.app.clone())).into_any(),
    },
    Column {
        label: |t| t.state,
        class: "",
        cell: |job| view! { <Badge state=move || job.with(|job| job.state) /> }.into_any(),
    },
    Column {
        label: |t| t.schedule,
        class: "",
        cell: |job| view! { <Schedule job /> }.into_any(),
    },
    Column {
        label: |t| t.previous_fire,
        class: "time",
        cell: |job| {
            view! {
                <When
                    at=Signal::derive(move || job.with(|job| job.prev_fire_at))
                    zone=Signal::derive(move || job.with(|job| job.spec.time_zone.clone()))
                />
            }
            .into_any()
        },
    },
    Column {
        label: |t| t.next_fire,
        class: "time",
        cell: |job| {
            let next = Signal::derive(move || job.with(|job| job.next_fire_at));
            view! {
                <When at=next zone=Signal::derive(move || job.with(|job| job.spec.time_zone.clone())) />
                <span class="second"><Until at=next /></span>
            }
            .into_any()
        },
    },
    Column {
        label: |t| t.running,
        class: "number",
        cell: |job| (move || format::count(job.with(|job| job.running_instances))).into_any(),
    },
    Column {
        label: |t| t.version,
        class: "number",
        cell: |job| (move || job.with(|job| job.version)).into_any(),
    },
    Column {
        label: |t| t.control.actions,
        class: "",
        cell: |job| view! { <JobControls job /> }.into_any(),
    },
];

/// The page.
#[component]
pub(crate) fn Jobs() -> impl IntoView {
    let empty = Empty {
        text: |t| t.no_jobs,
        hint: |t| t.no_jobs_hint,
    };
    view! { <ListPage path="/jobs" title=|t| t.jobs topic=Topic::Jobs columns=COLUMNS empty /> }
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

/// The cron expression, and below it the zone in which it is read.
#[component]
fn Schedule(job: RwSignal<Job>) -> impl IntoView {
    let i18n = use_i18n();
    move || match job.with(|job| job.spec.cron.clone()) {
        Some(cron) => view! {
            <code>{cron}</code>
            <span class="second">{move || job.with(|job| job.spec.time_zone.clone())}</span>
        }
        .into_any(),
        None => view! { <span class="nothing">{i18n.text(|t| t.on_demand)}</span> }.into_any(),
    }
}
