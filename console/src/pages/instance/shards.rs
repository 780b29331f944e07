//! The shards of an instance, each with its attempts and its log.

use antares_protocol::client::LogLevel;
use antares_protocol::page::Page;
use antares_protocol::shard::{Attempt, AttemptOutcome, Shard, ShardLog, ShardState};
use leptos::prelude::*;
use leptos_router::components::A;
use leptos_router::hooks::use_query_map;

use crate::components::badge::{Badge, State, Tone};
use crate::components::copy::CopyId;
use crate::components::filters::{SelectFilter, use_value};
use crate::components::list_page::address;
use crate::components::notice::Notice;
use crate::components::when::When;
use crate::hooks::current::use_current;
use crate::hooks::live::Topic;
use crate::i18n::{Label, Texts, use_i18n};

const STATES: &[(&str, Label)] = &[
    ("new", |t| t.instance.waiting),
    ("running", |t| t.running),
    ("succeeded", |t| t.succeeded),
    ("failed", |t| t.failed),
    ("cancelled", |t| t.instance.cancelled),
];

/// Shards of a page.
const ROWS: usize = 100;

impl State for ShardState {
    fn badge(self) -> (Tone, fn(&Texts) -> &'static str) {
        match self {
            Self::New => (Tone::Ready, |t| t.instance.waiting),
            Self::Running => (Tone::Busy, |t| t.running),
            Self::Succeeded => (Tone::Good, |t| t.succeeded),
            Self::Failed => (Tone::Bad, |t| t.failed),
            Self::Cancelled => (Tone::Quiet, |t| t.instance.cancelled),
        }
    }
}

impl State for AttemptOutcome {
    fn badge(self) -> (Tone, fn(&Texts) -> &'static str) {
        match self {
            Self::Succeeded => (Tone::Good, |t| t.succeeded),
            Self::Failed => (Tone::Bad, |t| t.failed),
            Self::Later => (Tone::Ready, |t| t.instance.later),
            Self::Lost => (Tone::Bad, |t| t.instance.lost),
            Self::Returned => (Tone::Quiet, |t| t.instance.returned),
            Self::TimedOut => (Tone::Bad, |t| t.timed_out),
            Self::Cancelled => (Tone::Quiet, |t| t.instance.cancelled),
        }
    }
}

/// So near its end a log is read at its end.
const END_PX: i32 = 60;

/// The table. `?state=` filters it, `?after=` has the page, `?shard=` the shard that is open.
#[component]
pub(super) fn ShardTable(id: i64) -> impl IntoView {
    let i18n = use_i18n();
    let query = use_query_map();
    let after = Memo::new(move |_| query.with(|query| query.get("after")).unwrap_or_default());
    let state = use_value("state");
    let open = Memo::new(move |_| query.with(|query| query.get("shard")?.parse::<i64>().ok()));
    let table = move || {
        let (after, state) = (after.get(), state.get());
        let mut query = vec![("limit".to_owned(), ROWS.to_string())];
        if !after.is_empty() {
            query.push(("after".to_owned(), after.clone()));
        }
        let mut kept = Vec::new();
        if !state.is_empty() {
            query.push(("state".to_owned(), state.clone()));
            kept.push(("state".to_owned(), state));
        }
        let path = address(&format!("/api/v1/instances/{id}/shards"), &query);
        let kept = StoredValue::new(kept);
        let current = use_current::<Page<Shard>>(Topic::Instances, path);
        let items = Memo::new(move |_| {
            current.value.with(|page| {
                page.iter()
                    .flat_map(|page| page.items.clone())
                    .collect::<Vec<_>>()
            })
        });
        let next = Memo::new(move |_| current.value.with(|page| page.as_ref()?.next.clone()));
        let row = move |shard_id: i64| {
            let shard = Signal::derive(move || {
                items.with(|items| items.iter().find(|s| s.shard_id == shard_id).cloned())
            });
            view! { <Row shard shard_id open id /> }
        };
        view! {
            {move || current.error.get().map(|error| view! { <Notice error=Signal::stored(error) /> })}
            <div class="table-frame" role="region" aria-label=i18n.text(|t| t.instance.shards) tabindex="0">
                <table>
                    <thead>
                        <tr>
                            <th scope="col" class="number">{i18n.text(|t| t.instance.item)}</th>
                            <th scope="col">{i18n.text(|t| t.state)}</th>
                            <th scope="col">{i18n.text(|t| t.instance.param)}</th>
                            <th scope="col" class="number">{i18n.text(|t| t.instance.attempts)}</th>
                            <th scope="col">{i18n.text(|t| t.instance.client)}</th>
                            <th scope="col">{i18n.text(|t| t.instance.claimed)}</th>
                            <th scope="col">{i18n.text(|t| t.ended)}</th>
                            <th scope="col">{i18n.text(|t| t.instance.output)}</th>
                        </tr>
                    </thead>
                    <tbody>
                        <For
                            each=move || items.with(|items| items.iter().map(|s| s.shard_id).collect::<Vec<_>>())
                            key=|shard_id| *shard_id
                            children=row
                        />
                    </tbody>
                </table>
            </div>
            <nav class="pager" aria-label=i18n.text(|t| t.pages)>
                <Show when=move || !after.is_empty()>
                    <A href=kept.with_value(|kept| address(&format!("/instances/{id}"), kept)) attr:class="button">
                        {i18n.text(|t| t.first_page)}
                    </A>
                </Show>
                {move || next.get().map(|next| {
                    let mut query = kept.get_value();
                    query.push(("after".to_owned(), next));
                    view! {
                        <A href=address(&format!("/instances/{id}"), &query) attr:class="button">{i18n.text(|t| t.next_page)}</A>
                    }
                })}
            </nav>
        }
    };
    view! {
        <h2 class="section">{i18n.text(|t| t.instance.shards)}</h2>
        <div class="toolbar">
            <SelectFilter name="state" label=|t| t.state options=STATES />
        </div>
        {table}
    }
}

#[component]
fn Row(
    shard: Signal<Option<Shard>>,
    shard_id: i64,
    open: Memo<Option<i64>>,
    id: i64,
) -> impl IntoView {
    let i18n = use_i18n();
    let text = move |pick: fn(&Shard) -> String| {
        move || {
            shard
                .with(|shard| shard.as_ref().map(pick))
                .unwrap_or_default()
        }
    };
    let at = move |pick: fn(&Shard) -> Option<chrono::DateTime<chrono::Utc>>| {
        Signal::derive(move || shard.with(|shard| shard.as_ref().and_then(pick)))
    };
    let is_open = Memo::new(move |_| open.get() == Some(shard_id));
    let item = text(|shard| shard.item.to_string());
    let error = move || i18n.said(&text(|s| s.error.clone().unwrap_or_default())());
    let output = text(|s| s.output.clone().unwrap_or_default());
    // Open and closed have an address of their own, which keeps the page of the list.
    let query = use_query_map();
    let href = move || {
        let mut kept: Vec<(String, String)> = query.with(|query| {
            let kept = ["state", "after"].into_iter();
            kept.filter_map(|name| Some((name.to_owned(), query.get(name)?)))
                .collect()
        });
        if !is_open.get() {
            kept.push(("shard".to_owned(), shard_id.to_string()));
        }
        address(&format!("/instances/{id}"), &kept)
    };
    view! {
        <tr>
            <td class="number" data-label=i18n.text(|t| t.instance.item)>
                <A
                    href=href
                    scroll=false
                    attr:aria-expanded=move || is_open.get().to_string()
                    attr:aria-label=move || (i18n.texts().instance.details)(&item())
                >
                    {item}
                </A>
            </td>
            <td data-label=i18n.text(|t| t.state)>
                <Badge state=move || shard.with(|s| s.as_ref().map_or(ShardState::New, |s| s.state)) />
                <span class="second">
                    {move || shard.with(|s| s.as_ref()?.progress).map(|percent| format!("{percent} %"))}
                </span>
                {move || shard.with(|s| s.as_ref()?.due_at).map(|due| view! {
                    <span class="second">
                        {i18n.text(|t| t.instance.delayed_until)} " " <When at=Signal::stored(Some(due)) />
                    </span>
                })}
            </td>
            <td data-label=i18n.text(|t| t.instance.param)><code class="clip">{text(|s| s.param.to_string())}</code></td>
            <td class="number" data-label=i18n.text(|t| t.instance.attempts)>{text(|s| s.attempt.to_string())}</td>
            <td class="mono" data-label=i18n.text(|t| t.instance.client)>
                {move || shard.with(|s| s.as_ref()?.client_id).map(|id| view! {
                    <CopyId id=Signal::stored(id.to_string()) shown=Signal::stored(short_id(id)) />
                })}
                <span class="second">{text(|s| s.client_host.clone().unwrap_or_default())}</span>
            </td>
            <td class="time" data-label=i18n.text(|t| t.instance.claimed)><When at=at(|s| s.claimed_at) /></td>
            <td class="time" data-label=i18n.text(|t| t.ended)><When at=at(|s| s.ended_at) /></td>
            <td class="wide" data-label=i18n.text(|t| t.instance.output)>
                <span class="clip error-text" title=error>{error}</span>
                <span class="clip" title=output>{output}</span>
            </td>
        </tr>
        <Show when=move || is_open.get()>
            <tr class="opened">
                <td colspan="8"><Opened id shard_id /></td>
            </tr>
        </Show>
    }
}

/// The end of an id: the beginning of ids made at one time is the same.
pub(crate) fn short_id(id: uuid::Uuid) -> String {
    let text = id.simple().to_string();
    text[text.len() - 8..].to_owned()
}

#[component]
fn Opened(id: i64, shard_id: i64) -> impl IntoView {
    let i18n = use_i18n();
    let item = antares_protocol::shard::split_shard_id(shard_id).1;
    // The page of attempts that begins after the item before has those of this one first.
    let path = format!(
        "/api/v1/instances/{id}/attempts?limit=100&after={}-32000-true",
        item - 1
    );
    let path = if item == 0 {
        format!("/api/v1/instances/{id}/attempts?limit=100")
    } else {
        path
    };
    let attempts = use_current::<Page<Attempt>>(Topic::Instances, path);
    let logs = use_current::<Page<ShardLog>>(
        Topic::Instances,
        format!("/api/v1/shards/{shard_id}/logs?limit=500"),
    );
    let mine = move || {
        attempts.value.with(|page| {
            let all = page.iter().flat_map(|page| page.items.iter());
            all.filter(|a| a.shard_id == shard_id)
                .cloned()
                .collect::<Vec<_>>()
        })
    };
    let log = NodeRef::<leptos::html::Div>::new();
    // It follows its end, unless the viewer has scrolled up to read.
    Effect::new(move |before: Option<()>| {
        logs.value.track();
        let Some(log) = log.get() else { return };
        let is_at_end = log.scroll_top() + log.client_height() + END_PX >= log.scroll_height();
        if before.is_none() || is_at_end {
            request_animation_frame(move || log.set_scroll_top(log.scroll_height()));
        }
    });
    let one = move |attempt: Attempt| {
        let outcome = attempt.outcome;
        view! {
            <li>
                <strong>{format!("{} {}", i18n.texts().instance.attempt, attempt.attempt)}</strong>
                " " <Badge state=move || outcome /> " "
                <span class="mono">{attempt.client_id.map(short_id)}</span> " " {attempt.client_host}
                " " <When at=Signal::stored(attempt.claimed_at) /> " → " <When at=Signal::stored(Some(attempt.ended_at)) />
                {attempt.error.map(|error| view! { <pre class="error-text">{i18n.said(&error)}</pre> })}
                {attempt.output.map(|output| view! { <pre>{output}</pre> })}
            </li>
        }
    };
    let line = move |line: ShardLog| {
        let (level, word) = match line.level {
            LogLevel::Error => ("log-error", "ERROR "),
            LogLevel::Warn => ("log-warn", "WARN "),
            _ => ("log-info", ""),
        };
        view! {
            <div class=level>
                <When at=Signal::stored(Some(line.logged_at)) /> " " {word} {line.message}
            </div>
        }
    };
    view! {
        <div class="opened-parts">
            <h3>{i18n.text(|t| t.instance.attempts)}</h3>
            {move || {
                let mine = mine();
                if mine.is_empty() {
                    view! { <p class="nothing">{i18n.text(|t| t.instance.no_ended_attempt)}</p> }.into_any()
                } else {
                    view! { <ol class="attempts">{mine.into_iter().map(one).collect_view()}</ol> }.into_any()
                }
            }}
            <h3>{i18n.text(|t| t.instance.logs)}</h3>
            <div class="log" node_ref=log role="log" tabindex="0" aria-label=i18n.text(|t| t.instance.logs)>
                <For
                    each=move || logs.value.get().map(|page| page.items).unwrap_or_default()
                    key=|line| line.id
                    children=line
                />
            </div>
            <Show when=move || logs.value.with(|page| page.as_ref().is_some_and(|page| page.items.is_empty()))>
                <p class="nothing">{i18n.text(|t| t.instance.no_logs)}</p>
            </Show>
        </div>
    }
}
