//! One instance: how far it is, who ran what, and why it ended as it did.

mod caused;
mod shards;
mod timeline;
mod waits;

use antares_protocol::instance::{Instance, InstanceState};
use antares_protocol::job::Triggered;
use chrono::{DateTime, Utc};
use gloo_net::http::Method;
use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::components::A;
use leptos_router::hooks::use_navigate;

use super::instances::trigger_name;
use crate::api;
use crate::components::badge::Badge;
use crate::components::copy::CopyId;
use crate::components::dialog::{Question, use_dialogs};
use crate::components::found::{by_id, found};
use crate::components::progress::{Progress, Shards};
use crate::components::when::{Lasted, When};
use crate::format;
use crate::hooks::act::use_act;
use crate::hooks::current::use_current;
use crate::hooks::live::Topic;
use crate::i18n::use_i18n;
pub(super) use shards::short_id;

/// The page.
#[component]
pub(crate) fn InstancePage() -> impl IntoView {
    by_id(|id| view! { <Detail id /> }.into_any())
}

/// Whether it runs or has run; before that it waits in the queue, and what ended there never had a shard.
fn has_started(instance: &Instance) -> bool {
    instance.state != InstanceState::Queued && instance.total > 0
}

/// When it was fired, if it was yet.
pub(super) fn fired_at(instance: &Instance) -> Option<DateTime<Utc>> {
    has_started(instance).then_some(instance.fired_at)
}

#[component]
fn Detail(id: i64) -> impl IntoView {
    let i18n = use_i18n();
    Effect::new(move || {
        let title = (i18n.texts().instance.title)(&id.to_string());
        document().set_title(&format!("{title} · Antares"));
    });
    let current = use_current::<Instance>(Topic::Instances, format!("/api/v1/instances/{id}"));
    found(current, move |instance| {
        view! {
            <Heading instance />
            <Facts instance />
            <waits::Waits instance />
            <Show when=move || instance.with(has_started)>
                <timeline::Timeline id has_ended=Signal::derive(move || instance.with(|i| i.ended_at.is_some())) />
            </Show>
            <shards::ShardTable id />
            <caused::Caused id />
        }
        .into_any()
    })
}

#[component]
fn Heading(instance: Signal<Instance>) -> impl IntoView {
    let i18n = use_i18n();
    let reason = move || instance.with(|i| i.reason.as_deref().map(|said| i18n.said(said)));
    view! {
        <div class="heading">
            <h1>
                <A href=move || format!("/jobs/{}", instance.with(|i| i.job_id))>
                    {move || instance.with(|i| i.job.clone())}
                </A>
                " "
                <CopyId
                    id=Signal::derive(move || instance.with(|i| i.id.to_string()))
                    shown=Signal::derive(move || format!("#{}", instance.with(|i| i.id)))
                />
            </h1>
            <Badge state=move || instance.with(|i| i.state) />
            <span class="heading-space"></span>
            <Buttons instance />
        </div>
        {move || reason().map(|reason| view! { <p class="reason">{reason}</p> })}
    }
}

#[component]
fn Buttons(instance: Signal<Instance>) -> impl IntoView {
    let i18n = use_i18n();
    let act = use_act();
    let dialogs = use_dialogs();
    let navigate = use_navigate();
    let state = Memo::new(move |_| instance.with(|i| i.state));
    let lives = move || matches!(state.get(), InstanceState::Queued | InstanceState::Running);
    let may_rerun = move || !lives() && instance.with(|i| i.failed + i.cancelled > 0);
    let terminate = move |_| {
        let id = instance.with_untracked(|i| i.id);
        dialogs.ask(Question::new(
            move |t| (t.instance.terminate_ask)(&id.to_string()),
            |t| t.instance.terminate_text.to_owned(),
            |t| t.instance.terminate.to_owned(),
            move || {
                act.run::<Instance>(
                    Topic::Instances,
                    move |t| (t.instance.terminated)(&id.to_string()),
                    async move {
                        let path = format!("/api/v1/instances/{id}/terminate");
                        api::call(Method::POST, &path, &serde_json::json!({})).await
                    },
                );
            },
        ));
    };
    let rerun = move |_| {
        let id = instance.with_untracked(|i| i.id);
        let navigate = navigate.clone();
        act.run_then::<Triggered>(
            Topic::Instances,
            async move {
                let path = format!("/api/v1/instances/{id}/rerun");
                api::call(Method::POST, &path, &serde_json::json!({})).await
            },
            move |toasts, made| {
                let id = made.instance_id.to_string();
                navigate(&format!("/instances/{id}"), NavigateOptions::default());
                toasts.good(move |t| (t.instance.rerun_done)(&id));
            },
        );
    };
    let rerun = StoredValue::new(rerun);
    view! {
        <div class="buttons">
            <Show when=lives>
                <button type="button" id="terminate" class="button" prop:disabled=act.pending on:click=terminate>
                    {i18n.text(|t| t.instance.terminate)}
                </button>
            </Show>
            <Show when=may_rerun>
                <button
                    type="button"
                    id="rerun"
                    class="button primary"
                    prop:disabled=act.pending
                    on:click=move |event| rerun.with_value(|rerun| rerun(event))
                >
                    {i18n.text(|t| t.instance.rerun)}
                </button>
            </Show>
        </div>
    }
}

#[component]
fn Facts(instance: Signal<Instance>) -> impl IntoView {
    let i18n = use_i18n();
    let counters = Signal::derive(move || instance.with(Shards::of));
    let counter = move |label: fn(&crate::i18n::Texts) -> &'static str,
                        count: fn(&Instance) -> Option<i32>| {
        view! {
            <div class="counter">
                <dt>{i18n.text(label)}</dt>
                <dd>{move || instance.with(count).map_or_else(|| "–".to_owned(), format::count)}</dd>
            </div>
        }
    };
    let at = move |pick: fn(&Instance) -> Option<DateTime<Utc>>| {
        Signal::derive(move || instance.with(pick))
    };
    view! {
        <dl class="counters">
            {counter(|t| t.instance.total, |i| Some(i.total))}
            {counter(|t| t.instance.waiting, |i| i.waiting)}
            {counter(|t| t.running, |i| i.running)}
            {counter(|t| t.succeeded, |i| Some(i.succeeded))}
            {counter(|t| t.failed, |i| Some(i.failed))}
            {counter(|t| t.instance.cancelled, |i| Some(i.cancelled))}
        </dl>
        <Progress shards=counters />
        <dl class="facts">
            <div><dt>{i18n.text(|t| t.app)}</dt><dd>{move || instance.with(|i| i.app.clone())}</dd></div>
            <div><dt>{i18n.text(|t| t.version)}</dt><dd>{move || instance.with(|i| i.job_version)}</dd></div>
            <div>
                <dt>{i18n.text(|t| t.trigger)}</dt>
                <dd>{move || trigger_name(i18n, instance.with(|i| i.trigger))}</dd>
            </div>
            {move || instance.with(|i| i.cause_id).map(|cause| view! {
                <div>
                    <dt>{i18n.text(|t| t.instance.cause)}</dt>
                    <dd><A href=format!("/instances/{cause}")>{format!("#{cause}")}</A></dd>
                </div>
            })}
            <div><dt>{i18n.text(|t| t.scheduled)}</dt><dd><When at=at(|i| Some(i.scheduled_at)) /></dd></div>
            <div><dt>{i18n.text(|t| t.fired)}</dt><dd><When at=at(fired_at) /></dd></div>
            <div><dt>{i18n.text(|t| t.ended)}</dt><dd><When at=at(|i| i.ended_at) /></dd></div>
            <div>
                <dt>{i18n.text(|t| t.duration)}</dt>
                <dd>
                    <Show when=move || instance.with(has_started) fallback=|| "–">
                        <Lasted
                            from=Signal::derive(move || instance.with(|i| i.fired_at))
                            to=at(|i| i.ended_at)
                        />
                    </Show>
                </dd>
            </div>
            <div class="fact-wide">
                <dt>{i18n.text(|t| t.instance.param)}</dt>
                <dd><code>{move || instance.with(|i| if i.param.is_null() { "–".to_owned() } else { i.param.to_string() })}</code></dd>
            </div>
        </dl>
    }
}
