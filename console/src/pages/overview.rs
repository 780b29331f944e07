//! What goes on now, what went on in the last day, and what comes in the next hour.

mod running;

use antares_protocol::overview::{BusyJob, FailingJob, Overview, OverviewHour};
use leptos::prelude::*;
use leptos_router::components::A;

use crate::components::bars::{Bar, Bars};
use crate::components::notice::Notice;
use crate::components::when::When;
use crate::format;
use crate::hooks::clock::use_clock;
use crate::hooks::current::use_current;
use crate::hooks::live::Topic;
use crate::i18n::{Label, use_i18n};
use crate::pages::use_title;

/// A snapshot older than this keeps dead rows from being cleared.
const OLD_SNAPSHOT_MS: i64 = 300_000;

/// The parts of the bars of ended instances.
const OUTCOMES: &[(&str, Label)] = &[
    ("bar-good", |t| t.succeeded),
    ("bar-bad", |t| t.overview.failed_or_late),
    ("bar-quiet", |t| t.terminated),
];

/// The parts of the bars of lateness.
const LATENESS: &[(&str, Label)] = &[
    ("bar-busy", |t| t.overview.late_half),
    ("bar-mid", |t| t.overview.late_most),
    ("bar-quiet", |t| t.overview.late_all),
];

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
    let is_new = Memo::new(move |_| {
        told.with(|o| o.jobs.scheduled + o.jobs.paused + o.jobs.stopped + o.jobs.disabled == 0)
    });
    view! {
        <Show when=move || is_new.get()>
            <Begin />
        </Show>
        <Tiles told />
        <running::Running />
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

/// What to do where nothing is set up yet.
#[component]
fn Begin() -> impl IntoView {
    let i18n = use_i18n();
    view! {
        <section class="card begin">
            <h2>{i18n.text(|t| t.overview.begin)}</h2>
            <ol>
                <li><A href="/apps">{i18n.text(|t| t.apps.create)}</A> ": " {i18n.text(|t| t.overview.begin_app)}</li>
                <li><A href="/jobs/new">{i18n.text(|t| t.editor.create)}</A> ": " {i18n.text(|t| t.overview.begin_job)}</li>
                <li><A href="/clients">{i18n.text(|t| t.clients)}</A> ": " {i18n.text(|t| t.overview.begin_client)}</li>
            </ol>
        </section>
    }
}

/// The numbers that matter most; each leads to its list.
#[component]
fn Tiles(told: Signal<Overview>) -> impl IntoView {
    let i18n = use_i18n();
    let tile =
        move |href: Signal<String>, label: Label, count: fn(&Overview) -> i64, is_bad: bool| {
            let number = Memo::new(move |_| told.with(count));
            view! {
                <A
                    href=move || href.get()
                    attr:class="tile"
                    attr:data-bad=move || (is_bad && number.get() > 0).to_string()
                >
                    <span class="tile-label">{i18n.text(label)}</span>
                    <span class="tile-number">{move || format::count(number.get())}</span>
                </A>
            }
        };
    let now = |href: &str| Signal::stored(href.to_owned());
    // What has ended: the list begins where the count does.
    let since = Memo::new(move |_| {
        let from = told.with(|o| o.hours.first().map(|hour| hour.at));
        from.map_or_else(String::new, |from| {
            from.format("%Y-%m-%dT%H:%M:%SZ").to_string()
        })
    });
    let day = move |state: &'static str| {
        Signal::derive(move || format!("/instances?state={state}&from={}", since.get()))
    };
    let succeeded = |o: &Overview| o.hours.iter().map(|hour| hour.succeeded).sum();
    let failed = |o: &Overview| o.hours.iter().map(|hour| hour.failed).sum();
    let timed_out = |o: &Overview| o.hours.iter().map(|hour| hour.timed_out).sum();
    view! {
        <div class="tiles">
            {tile(now("/instances?state=running"), |t| t.overview.running, |o| o.running, false)}
            {tile(now("/instances?state=queued"), |t| t.overview.queued, |o| o.queued, false)}
            {tile(now("/clients"), |t| t.overview.running_shards, |o| o.running_shards, false)}
            {tile(now("/instances?state=running"), |t| t.overview.waiting_shards, |o| o.waiting_shards, false)}
            {tile(day("succeeded"), |t| t.overview.succeeded, succeeded, false)}
            {tile(day("failed"), |t| t.overview.failed, failed, true)}
            {tile(day("timed_out"), |t| t.overview.timed_out, timed_out, true)}
            {tile(now("/jobs?state=paused"), |t| t.overview.paused_jobs, |o| o.jobs.paused, false)}
            {tile(now("/clients"), |t| t.clients, |o| o.clients, false)}
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
                        [
                            hour.succeeded,
                            hour.failed + hour.timed_out,
                            hour.terminated,
                        ],
                    ),
                    parts: vec![
                        ("bar-good", hour.succeeded as f64),
                        ("bar-bad", (hour.failed + hour.timed_out) as f64),
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
                    let [p50, p95, most] = [hour.late_p50_ms, hour.late_p95_ms, hour.late_max_ms]
                        .map(Option::unwrap_or_default);
                    Bar {
                        title: (i18n.texts().overview.late_hour)(&at(hour.at), [p50, p95, most]),
                        parts: vec![
                            ("bar-busy", p50 as f64),
                            ("bar-mid", (p95 - p50).max(0) as f64),
                            ("bar-quiet", (most - p95).max(0) as f64),
                        ],
                    }
                })
                .collect::<Vec<_>>()
        })
    });
    let hours = Signal::derive(move || {
        let at = |hour: Option<&OverviewHour>| hour.map_or_else(String::new, |hour| at(hour.at));
        told.with(|o| [at(o.hours.first()), at(o.hours.last())])
    });
    let sum = Signal::derive(move || {
        told.with(|o| {
            let total = |count: fn(&OverviewHour) -> i64| o.hours.iter().map(count).sum();
            (i18n.texts().overview.day)([
                total(|h| h.succeeded),
                total(|h| h.failed + h.timed_out),
                total(|h| h.terminated),
            ])
        })
    });
    // A chart of nothing says nothing.
    let fired =
        Memo::new(move |_| told.with(|o| o.hours.iter().any(|hour| hour.late_max_ms.is_some())));
    let latest = Signal::derive(move || {
        let most = told.with(|o| o.hours.iter().filter_map(|hour| hour.late_max_ms).max());
        match most {
            Some(most) => {
                let most = format::duration(chrono::TimeDelta::milliseconds(most));
                (i18n.texts().overview.latest)(&most)
            }
            None => i18n.texts().overview.none_late.to_owned(),
        }
    });
    view! {
        <section class="card">
            <h2>{i18n.text(|t| t.overview.ended)}</h2>
            <Bars bars=ends label=sum ends=hours scale=|most| format::count(most as i64) legend=OUTCOMES />
            <p class="second">{sum}</p>
            <h2>{i18n.text(|t| t.overview.lateness)}</h2>
            <Show when=move || fired.get()>
                <Bars
                    bars=late
                    label=latest
                    ends=hours
                    scale=|most| format::duration(chrono::TimeDelta::milliseconds(most as i64))
                    legend=LATENESS
                />
            </Show>
            <p class="second">{latest}</p>
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
    let ends = Signal::derive(move || {
        let minutes = told.with(|o| o.next_hour.len()).saturating_sub(1);
        let last = chrono::TimeDelta::minutes(i64::try_from(minutes).unwrap_or(0));
        [
            String::new(),
            (i18n.texts().within)(&format::duration(last)),
        ]
    });
    view! {
        <section class="card">
            <h2>{i18n.text(|t| t.overview.next_hour)}</h2>
            <Bars bars label ends scale=|most| format::count(most as i64) />
            <p class="second">{label}</p>
        </section>
    }
}

#[component]
fn Failing(told: Signal<Overview>) -> impl IntoView {
    let i18n = use_i18n();
    let row = move |job: Signal<FailingJob>| {
        view! {
            <A href=job.with_untracked(|job| format!("/jobs/{}", job.job_id))>{move || job.with(|job| job.job.clone())}</A>
            <span class="second">{move || job.with(|job| job.app.clone())}</span>
            <A href=move || job.with(|job| format!("/instances/{}", job.last_instance_id)) attr:class="number">
                {move || job.with(|job| (i18n.texts().overview.failures)(&format::count(job.failures)))}
            </A>
            {move || job.with(|job| job.last_error.clone()).map(|error| view! {
                <span class="ranking-error" title=error.clone()>{i18n.said(&error)}</span>
            })}
        }
        .into_any()
    };
    view! {
        <section class="card">
            <h2>{i18n.text(|t| t.overview.failing)}</h2>
            {ranking(told, |o| &o.rankings.failing, |job| job.job_id, row, |t| t.overview.none_failing)}
            <CountedFrom told />
        </section>
    }
}

#[component]
fn Busiest(told: Signal<Overview>) -> impl IntoView {
    let i18n = use_i18n();
    let row = move |job: Signal<BusyJob>| {
        let did = move || {
            job.with(|job| {
                let took = format::duration(chrono::TimeDelta::milliseconds(job.took_ms));
                (i18n.texts().overview.busy)(&format::count(job.shards), &took)
            })
        };
        view! {
            <A href=job.with_untracked(|job| format!("/jobs/{}", job.job_id))>{move || job.with(|job| job.job.clone())}</A>
            <span class="second">{move || job.with(|job| job.app.clone())}</span>
            <span class="number">{did}</span>
        }
        .into_any()
    };
    view! {
        <section class="card">
            <h2>{i18n.text(|t| t.overview.busiest)}</h2>
            {ranking(told, |o| &o.rankings.busiest, |job| job.job_id, row, |t| t.no_instances)}
            <CountedFrom told />
        </section>
    }
}

/// Jobs or instances in order. A row that stays is not drawn anew: the focus may be in it.
fn ranking<O: Send + Sync + 'static, T: Clone + PartialEq + Send + Sync + 'static>(
    told: Signal<O>,
    items: fn(&O) -> &[T],
    id: fn(&T) -> i64,
    row: impl Fn(Signal<T>) -> AnyView + Copy + Send + Sync + 'static,
    none: Label,
) -> impl IntoView {
    let i18n = use_i18n();
    let ids = Memo::new(move |_| told.with(|o| items(o).iter().map(id).collect::<Vec<_>>()));
    let is_empty = Memo::new(move |_| ids.with(Vec::is_empty));
    let one = move |wanted: i64| {
        let of = move |o: &O| items(o).iter().find(|item| id(item) == wanted).cloned();
        // A row that is about to go shows what it showed.
        let item = Memo::new(move |before: Option<&T>| {
            told.with(of)
                .or_else(|| before.cloned())
                .expect("it was in the ranking when its row was made")
        });
        view! { <li>{row(item.into())}</li> }
    };
    move || {
        if is_empty.get() {
            view! { <p class="nothing">{i18n.text(none)}</p> }.into_any()
        } else {
            view! { <ol class="ranking"><For each=move || ids.get() key=|id| *id children=one /></ol> }
                .into_any()
        }
    }
}

/// That a ranking does not count the whole day, if so.
#[component]
fn CountedFrom(told: Signal<Overview>) -> impl IntoView {
    let i18n = use_i18n();
    let from = Memo::new(move |_| told.with(|o| o.rankings.counted_from));
    move || {
        from.get().map(|from| {
            view! {
                <p class="second">{i18n.text(|t| t.overview.counted_from)} " " <When at=Signal::stored(Some(from)) /></p>
            }
        })
    }
}

#[component]
fn Health(told: Signal<Overview>) -> impl IntoView {
    let i18n = use_i18n();
    let bytes = move || match told.with(|o| o.database.bytes) as f64 {
        bytes if bytes < 1e9 => format!("{:.0} MB", bytes / 1e6),
        bytes => format!("{:.1} GB", bytes / 1e9),
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
