//! What a job is, when it fires next, and how it went.

use antares_protocol::job::{Job, JobSpec};
use antares_protocol::plan::FireTimes;
use leptos::prelude::*;
use leptos_router::components::A;
use serde_json::Value;

use super::history::History;
use crate::components::when::{Until, When};
use crate::hooks::current::use_current;
use crate::hooks::live::Topic;
use crate::i18n::use_i18n;

/// The part.
#[component]
pub(super) fn Overview(id: i64, job: Signal<Job>) -> impl IntoView {
    let i18n = use_i18n();
    let next = use_current::<FireTimes>(Topic::Jobs, format!("/api/v1/jobs/{id}/next?count=10"));
    let zone = Signal::derive(move || job.with(|job| job.spec.time_zone.clone()));
    let fires = move || {
        let times = next.value.get().unwrap_or_default();
        if times.fires.is_empty() {
            return view! { <p class="nothing">{i18n.text(|t| t.job_page.no_fires)}</p> }
                .into_any();
        }
        let one = |at| {
            let at = Signal::stored(Some(at));
            view! { <li><When at zone /> <span class="second"><Until at /></span></li> }
        };
        view! { <ol class="fires">{times.fires.into_iter().map(one).collect_view()}</ol> }
            .into_any()
    };
    let kept_out = move || {
        let times = next.value.get().unwrap_or_default();
        (!times.kept_out.is_empty()).then(|| {
            let one = |tick: antares_protocol::plan::KeptOut| {
                view! { <li><When at=Signal::stored(Some(tick.at)) zone /> " " {tick.reason}</li> }
            };
            view! {
                <h3>{i18n.text(|t| t.job_page.kept_out)}</h3>
                <ul class="fires">{times.kept_out.into_iter().map(one).collect_view()}</ul>
            }
        })
    };
    view! {
        <div class="columns">
            <section>
                <h2 class="section">{i18n.text(|t| t.job_page.next_fires)}</h2>
                <p class="words">{move || next.value.with(|times| times.as_ref().map(|times| times.words.clone()))}</p>
                {fires}
                {kept_out}
            </section>
            <section>
                <h2 class="section">{i18n.text(|t| t.job_page.definition)}</h2>
                <Definition job />
            </section>
        </div>
        <h2 class="section">{i18n.text(|t| t.job_page.history)}</h2>
        <History id />
        <p><A href=format!("/instances?job_id={id}")>{i18n.text(|t| t.job_page.all_instances)}</A></p>
    }
}

/// Each field that is not as it is by default.
#[component]
fn Definition(job: Signal<Job>) -> impl IntoView {
    let rows = move || {
        let spec = job.with(|job| job.spec.clone());
        let plain = serde_json::to_value(JobSpec::new(&*spec.name)).unwrap_or_default();
        let Ok(Value::Object(fields)) = serde_json::to_value(&spec) else {
            return Vec::new();
        };
        fields
            .into_iter()
            .filter(|(name, value)| plain.get(name) != Some(value) && name != "description")
            .collect::<Vec<_>>()
    };
    let row = |(name, value): (String, Value)| {
        let text = match value {
            Value::String(text) => text,
            value => value.to_string(),
        };
        view! {
            <div>
                <dt><code>{name}</code></dt>
                <dd>{text}</dd>
            </div>
        }
    };
    view! { <dl class="facts definition">{move || rows().into_iter().map(row).collect_view()}</dl> }
}
