//! What a job is, when it fires next, and how it went.

use antares_protocol::job::Job;
use antares_protocol::overview::DependencyGraph;
use antares_protocol::plan::FireTimes;
use leptos::prelude::*;
use leptos_router::components::A;

use super::history::History;
use crate::components::job_controls::may_run;
use crate::components::kept_out::KeptOutTicks;
use crate::components::when::{Until, When};
use crate::hooks::current::use_current;
use crate::hooks::live::Topic;
use crate::i18n::use_i18n;
use crate::pages::dependencies::Drawing;

/// The part.
#[component]
pub(super) fn Overview(id: i64, job: Signal<Job>) -> impl IntoView {
    let i18n = use_i18n();
    let next = use_current::<FireTimes>(Topic::Jobs, format!("/api/v1/jobs/{id}/next?count=10"));
    let zone = Signal::derive(move || job.with(|job| job.spec.time_zone.clone()));
    let fires = Memo::new(move |_| job.with(|job| may_run(job.state)));
    let upcoming = move || {
        let times = next.value.get().unwrap_or_default();
        if times.fires.is_empty() {
            return view! { <p class="nothing">{i18n.text(|t| t.job_page.no_fires)}</p> }
                .into_any();
        }
        let fires = fires.get();
        let one = |at| {
            let at = Signal::stored(Some(at));
            let until = fires.then(|| view! { <span class="second"><Until at /></span> });
            view! { <li><When at zone /> " " {until}</li> }
        };
        view! {
            <Show when=move || !fires>
                <p class="second">{i18n.text(|t| t.job_page.would_fire)}</p>
            </Show>
            <ol class="fires">{times.fires.into_iter().map(one).collect_view()}</ol>
        }
        .into_any()
    };
    let kept_out = move || {
        let ticks = next.value.get().unwrap_or_default().kept_out;
        view! { <KeptOutTicks ticks zone /> }
    };
    view! {
        <div class="columns">
            <section>
                <h2 class="section">{i18n.text(|t| t.job_page.next_fires)}</h2>
                <p class="words">{move || next.value.with(|times| times.as_ref().map(|times| i18n.pick(&times.words, &times.words_zh)))}</p>
                {upcoming}
                {kept_out}
            </section>
            <section>
                <h2 class="section">{i18n.text(|t| t.job_page.definition)}</h2>
                <super::definition::Definition job />
            </section>
        </div>
        <Dependencies id />
        <h2 class="section">{i18n.text(|t| t.job_page.history)}</h2>
        <History id />
        <p><A href=format!("/instances?job_id={id}")>{i18n.text(|t| t.job_page.all_instances)}</A></p>
    }
}

/// What the job follows and what follows it, if anything does.
#[component]
fn Dependencies(id: i64) -> impl IntoView {
    let i18n = use_i18n();
    let current =
        use_current::<DependencyGraph>(Topic::Jobs, format!("/api/v1/dependencies?job_id={id}"));
    move || {
        let graph = current
            .value
            .get()
            .filter(|graph| !graph.edges.is_empty())?;
        Some(view! {
            <h2 class="section">{i18n.text(|t| t.graph.title)}</h2>
            <Drawing graph of=id />
        })
    }
}
