//! One job: its definition, what it did, what it will do, and why.

mod definition;
mod history;
mod overview;
mod versions;
mod why;
mod words;

use antares_protocol::job::Job;
use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::components::A;
use leptos_router::hooks::{use_navigate, use_query_map};

use crate::components::badge::Badge;
use crate::components::dialog::use_dialogs;
use crate::components::found::{by_id, found};
use crate::components::job_actions::delete;
use crate::components::job_controls::JobControls;
use crate::hooks::act::use_act;
use crate::hooks::current::use_current;
use crate::hooks::live::Topic;
use crate::i18n::{Label, use_i18n};
use crate::pages::jobs::is_over;

/// The parts, by what `?tab=` says. The first has none.
const TABS: [(&str, Label); 3] = [
    ("", |t| t.job_page.tab_overview),
    ("why", |t| t.job_page.tab_why),
    ("versions", |t| t.job_page.tab_versions),
];

/// The page.
#[component]
pub(crate) fn JobPage() -> impl IntoView {
    by_id(|id| view! { <Detail id /> }.into_any())
}

#[component]
fn Detail(id: i64) -> impl IntoView {
    let i18n = use_i18n();
    let current = use_current::<Job>(Topic::Jobs, format!("/api/v1/jobs/{id}"));
    Effect::new(move || {
        if let Some(name) = current
            .value
            .with(|job| Some(job.as_ref()?.spec.name.clone()))
        {
            document().set_title(&format!("{name} · Antares"));
        }
    });
    let query = use_query_map();
    let tab = Memo::new(move |_| query.with(|query| query.get("tab")).unwrap_or_default());
    found(current, move |job| {
        let links = TABS
            .into_iter()
            .map(|(name, label)| {
                let href = match name {
                    "" => format!("/jobs/{id}"),
                    name => format!("/jobs/{id}?tab={name}"),
                };
                let is_chosen = move || tab.with(|tab| tab == name);
                view! {
                    <a href=href class="tab" aria-current=move || is_chosen().then_some("page")>
                        {i18n.text(label)}
                    </a>
                }
            })
            .collect_view();
        let body = move || match tab.get().as_str() {
            "why" => view! { <why::Why id /> }.into_any(),
            "versions" => view! { <versions::Versions id job /> }.into_any(),
            _ => view! { <overview::Overview id job /> }.into_any(),
        };
        view! {
            <Heading job />
            <nav class="tabs" aria-label=i18n.text(|t| t.job_page.tabs)>{links}</nav>
            {body}
        }
        .into_any()
    })
}

#[component]
fn Heading(job: Signal<Job>) -> impl IntoView {
    let i18n = use_i18n();
    let act = use_act();
    let dialogs = use_dialogs();
    let navigate = StoredValue::new(use_navigate());
    let leave = move || {
        navigate.with_value(|navigate| navigate("/jobs", NavigateOptions::default()));
    };
    let remove = move |_| job.with_untracked(|job| delete(act, dialogs, job, leave));
    view! {
        <div class="heading">
            <h1>{move || job.with(|job| job.spec.name.clone())}</h1>
            <Badge state=move || job.with(|job| job.state) />
            <Show when=move || job.with(is_over)>
                <span class="second" id="over">{i18n.text(|t| t.over)}</span>
            </Show>
            <span class="second">
                {move || job.with(|job| format!("{} · {} {}", job.app, i18n.texts().version, job.version))}
            </span>
            <span class="heading-space"></span>
            <JobControls job />
            <A href=move || job.with(|job| format!("/jobs/{}/edit", job.id)) attr:class="button small">
                {i18n.text(|t| t.job_page.edit)}
            </A>
            <button type="button" id="delete" class="button small" prop:disabled=act.pending on:click=remove>
                {i18n.text(|t| t.job_page.delete)}
            </button>
        </div>
        {move || job.with(|job| job.spec.description.clone()).lines().next().map(|line| {
            view! { <p class="reason">{line.to_owned()}</p> }
        })}
    }
}
