//! Who ran what when: a row for each client, a bar for each attempt.

use std::collections::BTreeMap;

use antares_protocol::page::Page;
use antares_protocol::shard::{Attempt, AttemptOutcome, Shard, ShardState};
use chrono::{DateTime, TimeDelta, Utc};
use leptos::prelude::*;
use uuid::Uuid;

use super::shards::short_id;
use crate::format;
use crate::hooks::clock::use_clock;
use crate::hooks::current::use_current;
use crate::hooks::live::Topic;
use crate::i18n::use_i18n;

/// Attempts that are drawn: more are a smear.
const DRAWN: usize = 500;

/// Height of a row, and width of all, in the units of the drawing.
const ROW: usize = 22;
const WIDTH: f64 = 1000.0;

/// A client: those of one host stand together.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Ran {
    host: Option<String>,
    id: Uuid,
}

impl Ran {
    fn of(id: Option<Uuid>, host: Option<&String>) -> Option<Self> {
        let host = host.cloned();
        id.map(|id| Self { host, id })
    }

    /// Its host, and enough of its id to tell it from others there; only that of one that is forgotten.
    fn name(&self) -> String {
        let id = short_id(self.id);
        match &self.host {
            Some(host) => format!("{host} · {id}"),
            None => id,
        }
    }
}

struct Bar {
    item: i32,
    from: DateTime<Utc>,
    /// `None` while it runs.
    to: Option<DateTime<Utc>>,
    class: &'static str,
}

/// The drawing.
#[component]
pub(super) fn Timeline(id: i64, #[prop(into)] has_ended: Signal<bool>) -> impl IntoView {
    let i18n = use_i18n();
    let clock = use_clock();
    let attempts = use_current::<Page<Attempt>>(
        Topic::Instances,
        format!("/api/v1/instances/{id}/attempts?limit={DRAWN}"),
    );
    // What has no attempt that has ended; the rest is among the attempts.
    let shards = use_current::<Page<Shard>>(
        Topic::Instances,
        format!("/api/v1/instances/{id}/shards?state=running&limit={DRAWN}"),
    );
    let drawing = move || {
        let rows = rows(&attempts.value, &shards.value);
        if rows.is_empty() {
            let none = i18n.text(|t| t.instance.no_attempts);
            let never = i18n.text(|t| t.instance.never_claimed);
            let none = move || if has_ended.get() { never() } else { none() };
            return view! { <p class="nothing">{none}</p> }.into_any();
        }
        let all = || rows.values().flatten();
        let now = clock.now.get();
        let begin = all().map(|bar| bar.from).min().unwrap_or(now);
        let end = all().map(|bar| bar.to.unwrap_or(now)).max().unwrap_or(now);
        let length = (end - begin).num_milliseconds().max(1) as f64;
        let near = (end - begin) / NEAR;
        let rows: Vec<(Ran, Vec<Bar>)> = (rows.into_iter())
            .flat_map(|(client, bars)| {
                let lanes = lanes(bars, near).into_iter();
                lanes.map(move |lane| (client.clone(), lane))
            })
            .collect();
        let x = |at: DateTime<Utc>| (at - begin).num_milliseconds() as f64 / length * WIDTH;
        let height = rows.len() * ROW;
        let drawn = rows
            .iter()
            .enumerate()
            .map(|(row, (client, bars))| {
                let y = row * ROW + 3;
                let bars = bars
                    .iter()
                    .map(|bar| {
                        let to = bar.to.unwrap_or(now);
                        let left = x(bar.from);
                        let title = format!("#{} · {} · {}", bar.item, client.name(), format::duration(to - bar.from));
                        view! {
                            <rect x=left y=y width=(x(to) - left).max(2.0) height=ROW - 6 class=bar.class rx="2">
                                <title>{title}</title>
                            </rect>
                        }
                    })
                    .collect_view();
                view! { <g>{bars}</g> }
            })
            .collect_view();
        let names = rows
            .iter()
            .enumerate()
            .map(|(row, (client, _))| {
                let is_first = row == 0 || rows[row - 1].0.id != client.id;
                view! { <li title=client.id.to_string()>{is_first.then(|| client.name())}</li> }
            })
            .collect_view();
        view! {
            <div class="timeline">
                <ol class="timeline-names">{names}</ol>
                <svg
                    viewBox=format!("0 0 {WIDTH} {height}")
                    preserveAspectRatio="none"
                    role="img"
                    aria-label=i18n.text(|t| t.instance.timeline)
                    style:height=format!("{height}px")
                >
                    {drawn}
                </svg>
                <p class="timeline-ends">
                    <span>{format::short(format::local(begin), clock.today.get())}</span>
                    <span>{format::duration(end - begin)}</span>
                    <span>{format::short(format::local(end), clock.today.get())}</span>
                </p>
            </div>
        }
        .into_any()
    };
    let is_cut = move || {
        attempts
            .value
            .with(|page| page.as_ref().is_some_and(|page| page.next.is_some()))
    };
    view! {
        <h2 class="section">{i18n.text(|t| t.instance.timeline)}</h2>
        <Show when=is_cut>
            <p>{move || (i18n.texts().instance.timeline_hint)(&DRAWN.to_string())}</p>
        </Show>
        {drawing}
    }
}

fn class(outcome: AttemptOutcome) -> &'static str {
    match outcome {
        AttemptOutcome::Succeeded => "bar-good",
        AttemptOutcome::Failed | AttemptOutcome::TimedOut | AttemptOutcome::Lost => "bar-bad",
        AttemptOutcome::Later | AttemptOutcome::Returned | AttemptOutcome::Cancelled => "bar-quiet",
    }
}

/// Most rows of one client: what runs beside more than so many is drawn over.
const LANES: usize = 32;

/// Such a part of all the time is no overlap: a shard may be claimed a moment before the end of another is written down.
const NEAR: i32 = 300;

/// A client's bars in rows, so that what ran at the same time, by more than `near`, stands side by side.
fn lanes(bars: Vec<Bar>, near: TimeDelta) -> Vec<Vec<Bar>> {
    let mut bars = bars;
    bars.sort_by_key(|bar| bar.from);
    let mut lanes: Vec<Vec<Bar>> = Vec::new();
    for bar in bars {
        let free = lanes.iter().position(|lane| {
            let last = lane.last();
            last.is_none_or(|last| last.to.is_some_and(|to| to <= bar.from + near))
        });
        match free {
            Some(lane) => lanes[lane].push(bar),
            None if lanes.len() < LANES => lanes.push(vec![bar]),
            None => lanes[LANES - 1].push(bar),
        }
    }
    lanes
}

/// The bars of each client.
fn rows(
    attempts: &RwSignal<Option<Page<Attempt>>>,
    shards: &RwSignal<Option<Page<Shard>>>,
) -> BTreeMap<Ran, Vec<Bar>> {
    let mut rows: BTreeMap<Ran, Vec<Bar>> = BTreeMap::new();
    attempts.with(|page| {
        for attempt in page.iter().flat_map(|page| &page.items) {
            let (Some(client), Some(from)) = (
                Ran::of(attempt.client_id, attempt.client_host.as_ref()),
                attempt.claimed_at,
            ) else {
                continue;
            };
            rows.entry(client).or_default().push(Bar {
                item: attempt.item,
                from,
                to: Some(attempt.ended_at),
                class: class(attempt.outcome),
            });
        }
    });
    shards.with(|page| {
        let all = page.iter().flat_map(|page| &page.items);
        for shard in all.filter(|shard| shard.state == ShardState::Running) {
            let (Some(client), Some(from)) = (
                Ran::of(shard.client_id, shard.client_host.as_ref()),
                shard.claimed_at,
            ) else {
                continue;
            };
            rows.entry(client).or_default().push(Bar {
                item: shard.item,
                from,
                to: None,
                class: "bar-busy",
            });
        }
    });
    rows
}
