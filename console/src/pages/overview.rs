//! What goes on now, what went on in the last day, and what comes in the next hour.

use antares_protocol::overview::{BusyJob, FailingJob, Overview};
use leptos::prelude::*;
use leptos_router::components::A;

use crate::components::bars::{Bar, Bars};
use crate::components::notice::Notice;
use crate::components::when::When;
use crate::format;
use crate::hooks::clock::use_clock;
use crate::hooks::current::use_current;
use crate::hooks::live::Topic;
use crate::i18n::{Texts, use_i18n};
use crate::pages::use_title;

/// A snapshot older than this keeps dead rows from being cleared.
const OLD_SNAPSHOT_MS: i64 = 300_000;

/// The page.
#[component]
pub(crate) fn OverviewPage() -> impl IntoView {
    use_title(|t| t.overview.title);
    let i18n = use_i18n();
    let current = use_current::<Overview>(Topic::Instances, "/api/v1/overview".to_owned());
    let is_there = Memo::new(move |_| current.value.with(Option::is_some));
    let body = move || {
        if !is_there.get() {
            return view! { <p role="status" aria-busy="true">{i18n.text(|t| t.loading)}</p> }
                .into_any();
        }
        let told = Signal::derive(move || {
            current
                .value
                .with(Clone::clone)
                .expect("an overview that was there is not taken away")
        });
        view! { <Told told /> }.into_any()
    };
    view! {
        <div class="heading"><h1>{i18n.text(|t| t.overview.title)}</h1></div>
        {move || current.error.get().map(|error| view! { <Notice error=Signal::stored(error) /> })}
        {body}
    }
}

#[component]
fn Told(told: Signal<Overview>) -> impl IntoView {
    view! {
        <Tiles told />
        <div class="columns">
            <Day told />
            <Hour told />
        </div>
        <div class="columns">
            <Failing told />
            <Busiest told />
        </div>
        <Health told />
    }
}

/// The numbers that matter most; each leads to its list.
#[component]
fn Tiles(told: Signal<Overview>) -> impl IntoView {
    let i18n = use_i18n();
    let tile = move |href: &'static str,
                     label: fn(&Texts) -> &'static str,
                     count: fn(&Overview) -> i64,
                     is_bad: bool| {
        let number = Memo::new(move |_| told.with(count));
        view! {
            <A href=href attr:class="tile" attr:data-bad=move || (is_bad && number.get() > 0).to_string()>
                <span class="tile-label">{i18n.text(label)}</span>
                <span class="tile-number">{move || format::count(number.get())}</span>
            </A>
        }
    };
    let ended = |overview: &Overview| overview.hours.iter().map(|hour| hour.succeeded).sum();
    let failed = |overview: &Overview| overview.hours.iter().map(|hour| hour.failed).sum();
    view! {
        <div class="tiles">
            {tile("/instances?state=running", |t| t.overview.running, |o| o.running, false)}
            {tile("/instances?state=queued", |t| t.overview.queued, |o| o.queued, false)}
            {tile("/clients", |t| t.overview.running_shards, |o| o.running_shards, false)}
            {tile("/instances?state=running", |t| t.overview.waiting_shards, |o| o.waiting_shards, false)}
            {tile("/instances?state=succeeded", |t| t.overview.succeeded, ended, false)}
            {tile("/instances?state=failed", |t| t.overview.failed, failed, true)}
            {tile("/jobs?state=paused", |t| t.overview.paused_jobs, |o| o.jobs.paused, false)}
            {tile("/clients", |t| t.clients, |o| o.clients, false)}
        </div>
        {move || told.with(|o| o.waiting_since).map(|since| view! {
            <p class="second">{i18n.text(|t| t.overview.waiting_since)} " " <When at=Signal::stored(Some(since)) /></p>
        })}
    }
}

/// Success, failure and lateness by hour.
#[component]
fn Day(told: Signal<Overview>) -> impl IntoView {
    let i18n = use_i18n();
    let clock = use_clock();
    let at = move |at| format::short(format::local(at), clock.today.get());
    let ends = Signal::derive(move || {
        told.with(|o| {
            o.hours
                .iter()
                .map(|hour| Bar {
                    title: (i18n.texts().overview.hour)(
                        &at(hour.at),
                        [hour.succeeded, hour.failed, hour.terminated],
                    ),
                    parts: vec![
                        ("bar-good", hour.succeeded as f64),
                        ("bar-bad", hour.failed as f64),
                        ("bar-quiet", hour.terminated as f64),
                    ],
                })
                .collect::<Vec<_>>()
        })
    });
    let late = Signal::derive(move || {
        told.with(|o| {
            o.hours
                .iter()
                .map(|hour| {
                    let (p95, most) =
                        (hour.late_p95_ms.unwrap_or(0), hour.late_max_ms.unwrap_or(0));
                    Bar {
                        title: (i18n.texts().overview.late_hour)(&at(hour.at), [p95, most]),
                        parts: vec![
                            ("bar-busy", p95 as f64),
                            ("bar-quiet", (most - p95).max(0) as f64),
                        ],
                    }
                })
                .collect::<Vec<_>>()
        })
    });
    let sum = Signal::derive(move || {
        told.with(|o| {
            let total = |count: fn(&antares_protocol::overview::OverviewHour) -> i64| {
                o.hours.iter().map(count).sum()
            };
            (i18n.texts().overview.day)([
                total(|h| h.succeeded),
                total(|h| h.failed),
                total(|h| h.terminated),
            ])
        })
    });
    let latest = Signal::derive(move || {
        let most = told.with(|o| o.hours.iter().filter_map(|hour| hour.late_max_ms).max());
        (i18n.texts().overview.latest)(&format::duration(chrono::TimeDelta::milliseconds(
            most.unwrap_or(0),
        )))
    });
    view! {
        <section class="card">
            <h2>{i18n.text(|t| t.overview.ended)}</h2>
            <Bars bars=ends label=sum />
            <p class="second">{sum}</p>
            <h2>{i18n.text(|t| t.overview.lateness)}</h2>
            <Bars bars=late label=latest />
            <p class="second">{latest}</p>
            {move || told.with(|o| o.counted_from).map(|from| view! {
                <p class="second">{i18n.text(|t| t.overview.counted_from)} " " <When at=Signal::stored(Some(from)) /></p>
            })}
        </section>
    }
}

/// What comes.
#[component]
fn Hour(told: Signal<Overview>) -> impl IntoView {
    let i18n = use_i18n();
    let bars = Signal::derive(move || {
        told.with(|o| {
            o.next_hour
                .iter()
                .enumerate()
                .map(|(minute, ticks)| Bar {
                    title: (i18n.texts().overview.minute)([minute as i64, *ticks]),
                    parts: vec![("bar-busy", *ticks as f64)],
                })
                .collect::<Vec<_>>()
        })
    });
    let label = Signal::derive(move || {
        let total = told.with(|o| o.next_hour.iter().sum::<i64>());
        (i18n.texts().overview.next)(&format::count(total))
    });
    view! {
        <section class="card">
            <h2>{i18n.text(|t| t.overview.next_hour)}</h2>
            <Bars bars label />
            <p class="second">{label}</p>
        </section>
    }
}

#[component]
fn Failing(told: Signal<Overview>) -> impl IntoView {
    let i18n = use_i18n();
    let row = move |job: FailingJob| {
        view! {
            <li>
                <A href=format!("/jobs/{}", job.job_id)>{job.job}</A>
                <span class="second">{job.app}</span>
                <A href=format!("/instances/{}", job.last_instance_id) attr:class="number">
                    {(i18n.texts().overview.failures)(&format::count(job.failures))}
                </A>
            </li>
        }
    };
    view! {
        <section class="card">
            <h2>{i18n.text(|t| t.overview.failing)}</h2>
            {move || {
                let jobs = told.with(|o| o.failing.clone());
                if jobs.is_empty() {
                    view! { <p class="nothing">{i18n.text(|t| t.overview.none_failing)}</p> }.into_any()
                } else {
                    view! { <ol class="ranking">{jobs.into_iter().map(row).collect_view()}</ol> }.into_any()
                }
            }}
        </section>
    }
}

#[component]
fn Busiest(told: Signal<Overview>) -> impl IntoView {
    let i18n = use_i18n();
    let row = move |job: BusyJob| {
        let took = format::duration(chrono::TimeDelta::milliseconds(job.took_ms));
        view! {
            <li>
                <A href=format!("/jobs/{}", job.job_id)>{job.job}</A>
                <span class="second">{job.app}</span>
                <span class="number">{(i18n.texts().overview.busy)(&format::count(job.shards), &took)}</span>
            </li>
        }
    };
    view! {
        <section class="card">
            <h2>{i18n.text(|t| t.overview.busiest)}</h2>
            {move || {
                let jobs = told.with(|o| o.busiest.clone());
                if jobs.is_empty() {
                    view! { <p class="nothing">{i18n.text(|t| t.no_instances)}</p> }.into_any()
                } else {
                    view! { <ol class="ranking">{jobs.into_iter().map(row).collect_view()}</ol> }.into_any()
                }
            }}
        </section>
    }
}

#[component]
fn Health(told: Signal<Overview>) -> impl IntoView {
    let i18n = use_i18n();
    let bytes = move || {
        let bytes = told.with(|o| o.database.bytes) as f64;
        format!("{:.1} GB", bytes / 1e9)
    };
    let connections = move || {
        told.with(|o| {
            format!(
                "{} / {}",
                o.database.connections, o.database.max_connections
            )
        })
    };
    let snapshot = move || told.with(|o| o.database.oldest_snapshot_ms);
    view! {
        <section class="card">
            <h2>{i18n.text(|t| t.overview.health)}</h2>
            <dl class="facts">
                <div>
                    <dt><A href="/servers">{i18n.text(|t| t.servers)}</A></dt>
                    <dd>{move || told.with(|o| o.servers)}</dd>
                </div>
                <div><dt>{i18n.text(|t| t.overview.database)}</dt><dd>{bytes}</dd></div>
                <div><dt>{i18n.text(|t| t.overview.connections)}</dt><dd>{connections}</dd></div>
                <div>
                    <dt>{i18n.text(|t| t.overview.snapshot)}</dt>
                    <dd class:error-text=move || { snapshot() > OLD_SNAPSHOT_MS }>
                        {move || format::duration(chrono::TimeDelta::milliseconds(snapshot()))}
                    </dd>
                </div>
                <div>
                    <dt><A href="/jobs">{i18n.text(|t| t.jobs)}</A></dt>
                    <dd>
                        {move || told.with(|o| {
                            (i18n.texts().overview.jobs)([o.jobs.scheduled, o.jobs.paused, o.jobs.stopped, o.jobs.disabled])
                        })}
                    </dd>
                </div>
            </dl>
        </section>
    }
}
