//! Why a job did or did not run: each tick with what became of it, and what waits.

use antares_protocol::cluster::Server;
use antares_protocol::instance::TickOutcome;
use antares_protocol::page::Page;
use antares_protocol::plan::{ExplainedTick, ExplainedWait, Explanation};
use chrono::TimeDelta;
use leptos::prelude::*;
use leptos_router::components::A;

use crate::components::badge::{Badge, State, Tone};
use crate::components::filters::{use_setter, use_value};
use crate::components::job_actions::Action;
use crate::components::notice::Notice;
use crate::components::when::When;
use crate::format;
use crate::hooks::clock;
use crate::hooks::current::use_current;
use crate::hooks::live::Topic;
use crate::i18n::{I18n, Texts, use_i18n};
use crate::pages::instance::short_id;

impl State for TickOutcome {
    fn badge(self) -> (Tone, fn(&Texts) -> &'static str) {
        match self {
            Self::Fired => (Tone::Good, |t| t.job_page.tick_fired),
            Self::Skipped => (Tone::Warning, |t| t.job_page.tick_skipped),
            Self::Coalesced => (Tone::Warning, |t| t.job_page.tick_coalesced),
            Self::Missed => (Tone::Bad, |t| t.job_page.tick_missed),
        }
    }
}

/// How far back one may look from now, in hours.
const SPANS: [i64; 4] = [1, 6, 24, 168];

/// The part.
#[component]
pub(super) fn Why(id: i64) -> impl IntoView {
    let i18n = use_i18n();
    let set = use_setter();
    let asked = use_value("hours");
    let hours = Memo::new(move |_| {
        let asked = asked.with(|asked| asked.parse().ok());
        asked
            .filter(|hours| SPANS.contains(hours))
            .unwrap_or(SPANS[0])
    });
    let choose = move |event| set("hours", event_target_value(&event));
    let options = SPANS
        .into_iter()
        .map(|span| {
            let label = format!("− {}", format::length(span.unsigned_abs() * 3_600_000));
            view! { <option value=span.to_string() prop:selected=move || hours.get() == span>{label}</option> }
        })
        .collect_view();
    view! {
        <div class="toolbar">
            <label>
                {i18n.text(|t| t.job_page.why_from)}
                <select id="why-from" on:change=choose>{options}</select>
            </label>
        </div>
        {move || {
            let from = clock::now() - TimeDelta::hours(hours.get());
            let from = js_sys::encode_uri_component(&from.to_rfc3339());
            view! { <Explained path=format!("/api/v1/jobs/{id}/explain?from={from}") /> }
        }}
    }
}

#[component]
fn Explained(path: String) -> impl IntoView {
    let i18n = use_i18n();
    let current = use_current::<Explanation>(Topic::Instances, path);
    // Here, for an explanation that is read again makes its table anew.
    let servers =
        use_current::<Page<Server>>(Topic::Servers, "/api/v1/servers?limit=500".to_owned()).value;
    let told = move || {
        let explanation = current.value.get()?;
        let ticks = if explanation.ticks.is_empty() {
            view! { <p class="nothing">{i18n.text(|t| t.job_page.why_no_ticks)}</p> }.into_any()
        } else {
            view! { <Ticks ticks=explanation.ticks servers /> }.into_any()
        };
        let waits = (!explanation.waits.is_empty()).then(|| {
            let waits = explanation
                .waits
                .into_iter()
                .map(|one| wait(i18n, one))
                .collect_view();
            view! {
                <h2 class="section">{i18n.text(|t| t.job_page.why_waits)}</h2>
                <ul class="waits">{waits}</ul>
            }
        });
        let never_began = (!explanation.never_began.is_empty()).then(|| {
            let ended = explanation.never_began.into_iter().map(|instance| {
                let reason = instance.reason.unwrap_or_default();
                view! {
                    <li>
                        <A href=format!("/instances/{}", instance.id)>{format!("#{}", instance.id)}</A>
                        <span class="second">{i18n.said(&reason)}</span>
                    </li>
                }
            });
            view! {
                <h2 class="section">{i18n.text(|t| t.job_page.why_never_began)}</h2>
                <ul class="waits" id="never-began">{ended.collect_view()}</ul>
            }
        });
        let actions = (!explanation.actions.is_empty()).then(|| {
            let done = explanation.actions.into_iter().map(|one| {
                view! {
                    <li>
                        <When at=Signal::stored(Some(one.at)) />
                        <span class="second">{action_name(i18n, &one.action)} " · " {one.author}</span>
                    </li>
                }
            });
            view! {
                <h2 class="section">{i18n.text(|t| t.job_page.why_actions)}</h2>
                <ul class="waits" id="actions">{done.collect_view()}</ul>
            }
        });
        Some(view! {
            <dl class="facts">
                <div class="fact-wide"><dt>{i18n.text(|t| t.job_page.why_now)}</dt><dd>{i18n.pick(&explanation.now, &explanation.now_zh)}</dd></div>
                <div class="fact-wide"><dt>{i18n.text(|t| t.job_page.words)}</dt><dd>{i18n.pick(&explanation.words, &explanation.words_zh)}</dd></div>
                <div class="fact-wide"><dt>{i18n.text(|t| t.job_page.why_policy)}</dt><dd>{i18n.pick(&explanation.policy, &explanation.policy_zh)}</dd></div>
            </dl>
            {waits}
            {never_began}
            {actions}
            <h2 class="section">{i18n.text(|t| t.job_page.why_ticks)}</h2>
            {ticks}
        })
    };
    view! {
        {move || current.error.get().map(|error| view! { <Notice error=Signal::stored(error) /> })}
        {told}
    }
}

/// What the button says that does it; its name, if a newer server knows more.
fn action_name(i18n: I18n, name: &str) -> String {
    let known = Action::ALL.into_iter().find(|action| action.path() == name);
    known.map_or_else(
        || name.to_owned(),
        |action| action.label()(i18n.texts()).to_owned(),
    )
}

fn wait(i18n: I18n, wait: ExplainedWait) -> impl IntoView {
    let reasons = wait
        .reasons
        .iter()
        .zip(&wait.reasons_zh)
        .map(|(english, chinese)| view! { <span class="second">{i18n.pick(english, chinese)}</span> })
        .collect_view();
    let runs = wait.reasons.is_empty();
    let runs =
        runs.then(|| view! { <span class="second">{i18n.text(|t| t.job_page.why_runs)}</span> });
    view! {
        <li>
            <A href=format!("/instances/{}", wait.instance.id)>{format!("#{}", wait.instance.id)}</A>
            {reasons}
            {runs}
        </li>
    }
}

#[component]
fn Ticks(ticks: Vec<ExplainedTick>, servers: RwSignal<Option<Page<Server>>>) -> impl IntoView {
    let i18n = use_i18n();
    // One that is gone has only its id left.
    let host = move |id: uuid::Uuid| {
        let known = servers.with(|page| {
            let server = page.as_ref()?.items.iter().find(|server| server.id == id)?;
            Some(server.host.clone())
        });
        known.unwrap_or_default()
    };
    let row = move |one: ExplainedTick| {
        let outcome = one.tick.outcome;
        let more = (one.tick.count > 1).then(|| format!("× {}", format::count(one.tick.count)));
        view! {
            <tr>
                <td class="time" data-label=i18n.text(|t| t.scheduled)>
                    <When at=Signal::stored(Some(one.tick.scheduled_at)) />
                    <span class="second">{more}</span>
                </td>
                <td data-label=i18n.text(|t| t.job_page.outcome)><Badge state=move || outcome /></td>
                <td class="wide" data-label=i18n.text(|t| t.job_page.reason)>{i18n.said(one.tick.reason.as_deref().unwrap_or_default())}</td>
                <td data-label=i18n.text(|t| t.job_page.instance)>
                    {one.tick.instance_id.map(|id| view! {
                        <A href=format!("/instances/{id}")>{format!("#{id}")}</A>
                    })}
                    {one.instance.map(|instance| {
                        let state = instance.state;
                        view! { " " <Badge state=move || state /> }
                    })}
                </td>
                <td data-label=i18n.text(|t| t.job_page.server)>
                    {one.server_id.map(|id| view! {
                        <span title=id.to_string()>{move || host(id)}</span>
                        <span class="second">{short_id(id)}</span>
                    })}
                </td>
            </tr>
        }
    };
    view! {
        <div class="table-frame" role="region" aria-label=i18n.text(|t| t.job_page.why_ticks) tabindex="0">
            <table>
                <thead>
                    <tr>
                        <th scope="col">{i18n.text(|t| t.scheduled)}</th>
                        <th scope="col">{i18n.text(|t| t.job_page.outcome)}</th>
                        <th scope="col">{i18n.text(|t| t.job_page.reason)}</th>
                        <th scope="col">{i18n.text(|t| t.job_page.instance)}</th>
                        <th scope="col">{i18n.text(|t| t.job_page.server)}</th>
                    </tr>
                </thead>
                <tbody>{ticks.into_iter().map(row).collect_view()}</tbody>
            </table>
        </div>
    }
}
