//! Instances: what fired, how far it is, and how it ended.

use antares_protocol::instance::Instance;
use antares_protocol::shard::Trigger;
use chrono::TimeDelta;
use leptos::prelude::*;
use leptos_router::components::A;

use crate::components::badge::Badge;
use crate::components::filters::{LengthFilter, LinkedFilter, SelectFilter, TextFilter};
use crate::components::list_page::{Column, Empty, ListPage};
use crate::components::progress::{Progress, Shards};
use crate::components::when::{Lasted, Nothing, When};
use crate::format;
use crate::hooks::live::Topic;
use crate::i18n::{I18n, Label, use_i18n};
use crate::pages::instance::fired_at;

/// Firing this much after the due time is worth a word.
const LATE: TimeDelta = TimeDelta::seconds(1);

const COLUMNS: &[Column<Instance>] = &[
    Column {
        label: |t| t.job,
        class: "wide",
        head: None,
        cell: |instance| {
            view! {
                <span class="first">
                    <A href=move || instance.with(|instance| format!("/instances/{}", instance.id))>
                        {move || instance.with(|instance| instance.job.clone())}
                    </A>
                </span>
                <span class="second">
                    {move || instance.with(|instance| format!("{} · #{}", instance.app, instance.id))}
                </span>
            }
            .into_any()
        },
    },
    Column {
        label: |t| t.state,
        class: "",
        head: None,
        cell: |instance| {
            let i18n = use_i18n();
            let reason = move || instance.with(|i| i.reason.as_deref().map(|said| i18n.said(said)));
            view! {
                <Badge state=move || instance.with(|instance| instance.state) />
                <span class="second">{reason}</span>
            }
            .into_any()
        },
    },
    Column {
        label: |t| t.progress,
        class: "",
        head: None,
        cell: |instance| {
            let shards = Signal::derive(move || instance.with(Shards::of));
            view! { <Progress shards /> }.into_any()
        },
    },
    Column {
        label: |t| t.trigger,
        class: "",
        head: None,
        cell: |instance| view! { <TriggerName instance /> }.into_any(),
    },
    Column {
        label: |t| t.scheduled,
        class: "time",
        head: None,
        cell: |instance| {
            view! { <When at=Signal::derive(move || Some(instance.with(|instance| instance.scheduled_at))) /> }
                .into_any()
        },
    },
    Column {
        label: |t| t.fired,
        class: "time",
        head: None,
        cell: |instance| view! { <Fired instance /> }.into_any(),
    },
    Column {
        label: |t| t.ended,
        class: "time",
        head: None,
        cell: |instance| {
            view! { <When at=Signal::derive(move || instance.with(|instance| instance.ended_at)) /> }.into_any()
        },
    },
    Column {
        label: |t| t.duration,
        class: "number",
        head: None,
        cell: |instance| view! { <Duration instance /> }.into_any(),
    },
];

/// The page.
#[component]
pub(crate) fn Instances() -> impl IntoView {
    let empty = Empty {
        text: |t| t.no_instances,
        hint: |t| t.no_instances_hint,
    };
    view! {
        <ListPage
            path="/instances"
            title=|t| t.instances
            topic=Topic::Instances
            columns=COLUMNS
            empty
            filters=&["job", "job_id", "cause_id", "app", "state", "trigger", "from", "until", "min_duration_ms"]
            toolbar
            stays=true
        />
    }
}

const STATES: &[(&str, Label)] = &[
    ("queued", |t| t.queued),
    ("running", |t| t.running),
    ("succeeded", |t| t.succeeded),
    ("failed", |t| t.failed),
    ("terminated", |t| t.terminated),
    ("timed_out", |t| t.timed_out),
];

const TRIGGERS: &[(&str, Label)] = &[
    ("schedule", |t| t.by_schedule),
    ("api", |t| t.by_api),
    ("console", |t| t.by_console),
    ("sql", |_| "SQL"),
    ("dependency", |t| t.by_dependency),
    ("backfill", |t| t.by_backfill),
    ("rerun", |t| t.by_rerun),
    ("plan", |t| t.by_plan),
];

fn toolbar() -> AnyView {
    view! {
        <div class="toolbar">
            <LinkedFilter name="job_id" label=|t| t.job_number />
            <LinkedFilter name="cause_id" label=|t| t.instance.cause />
            <TextFilter name="job" label=|t| t.search />
            <TextFilter name="app" label=|t| t.app />
            <SelectFilter name="state" label=|t| t.state options=STATES />
            <SelectFilter name="trigger" label=|t| t.trigger options=TRIGGERS />
            <TextFilter name="from" label=|t| t.fired_from kind="datetime-local" />
            <TextFilter name="until" label=|t| t.fired_until kind="datetime-local" />
            <LengthFilter name="min_duration_ms" label=|t| t.took_least />
        </div>
    }
    .into_any()
}

/// Why an instance exists.
pub(crate) fn trigger_name(i18n: I18n, trigger: Trigger) -> &'static str {
    match trigger {
        Trigger::Schedule => i18n.texts().by_schedule,
        Trigger::Api => i18n.texts().by_api,
        Trigger::Console => i18n.texts().by_console,
        Trigger::Sql => "SQL",
        Trigger::Dependency => i18n.texts().by_dependency,
        Trigger::Backfill => i18n.texts().by_backfill,
        Trigger::Rerun => i18n.texts().by_rerun,
        Trigger::Plan => i18n.texts().by_plan,
        Trigger::Other => i18n.texts().by_other,
    }
}

#[component]
fn TriggerName(instance: RwSignal<Instance>) -> impl IntoView {
    let i18n = use_i18n();
    move || trigger_name(i18n, instance.with(|instance| instance.trigger))
}

/// When it fired, and below it how late that was.
#[component]
fn Fired(instance: RwSignal<Instance>) -> impl IntoView {
    let i18n = use_i18n();
    let at = Signal::derive(move || instance.with(fired_at));
    let late = move || {
        // Only a schedule has a time to be late for: a rerun has that of what it repeats.
        let is_due = instance.with(|instance| instance.trigger == Trigger::Schedule);
        let at = at.get().filter(|_| is_due)?;
        let late = at - instance.with(|instance| instance.scheduled_at);
        (late >= LATE).then(|| (i18n.texts().late_by)(&format::duration(late)))
    };
    view! {
        <When at />
        <span class="second warn">{late}</span>
    }
}

/// How long it took, or takes.
#[component]
fn Duration(instance: RwSignal<Instance>) -> impl IntoView {
    let began = Memo::new(move |_| instance.with(fired_at));
    let to = Signal::derive(move || instance.with(|instance| instance.ended_at));
    move || match began.get() {
        Some(from) => view! { <Lasted from=Signal::stored(from) to /> }.into_any(),
        None => view! { <Nothing /> }.into_any(),
    }
}
