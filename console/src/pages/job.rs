//! One job: its definition, what it did, what it will do, and why.

mod history;
mod overview;
mod versions;
mod why;

use antares_protocol::job::Job;
use gloo_net::http::Method;
use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::components::A;
use leptos_router::hooks::{use_navigate, use_params_map, use_query_map};
use serde_json::json;

use super::NotFound;
use crate::api;
use crate::components::badge::Badge;
use crate::components::dialog::{Question, use_dialogs};
use crate::components::job_controls::JobControls;
use crate::components::notice::Notice;
use crate::hooks::act::use_act;
use crate::hooks::current::use_current;
use crate::hooks::live::Topic;
use crate::i18n::{Label, use_i18n};

/// The parts, by what `?tab=` says. The first has none.
const TABS: [(&str, Label); 3] = [
    ("", |t| t.job_page.tab_overview),
    ("why", |t| t.job_page.tab_why),
    ("versions", |t| t.job_page.tab_versions),
];

/// The page.
#[component]
pub(crate) fn JobPage() -> impl IntoView {
    let params = use_params_map();
    let id = Memo::new(move |_| params.with(|params| params.get("id")?.parse::<i64>().ok()));
    move || match id.get() {
        Some(id) => view! { <Detail id /> }.into_any(),
        None => view! { <NotFound /> }.into_any(),
    }
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
    let is_there = Memo::new(move |_| current.value.with(Option::is_some));
    let is_missing = Memo::new(move |_| {
        current
            .error
            .with(|error| error.as_ref().is_some_and(api::ApiError::is_not_found))
    });
    let query = use_query_map();
    let tab = Memo::new(move |_| query.with(|query| query.get("tab")).unwrap_or_default());
    move || {
        if is_missing.get() {
            return view! { <NotFound /> }.into_any();
        }
        if !is_there.get() {
            return view! {
                <p class="list-count" role="status" aria-busy="true">{i18n.text(|t| t.loading)}</p>
                {move || current.error.get().map(|error| view! { <Notice error=Signal::stored(error) /> })}
            }
            .into_any();
        }
        let job = Signal::derive(move || {
            current
                .value
                .with(Clone::clone)
                .expect("a job that was there is not taken away")
        });
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
    }
}

#[component]
fn Heading(job: Signal<Job>) -> impl IntoView {
    let i18n = use_i18n();
    let act = use_act();
    let dialogs = use_dialogs();
    let navigate = StoredValue::new(use_navigate());
    let delete = move |_| {
        let (id, name) = job.with_untracked(|job| (job.id, job.spec.name.clone()));
        let (asked, typed) = (name.clone(), name.clone());
        let question = Question::new(
            move |t| (t.job_page.delete_ask)(&asked),
            |t| t.job_page.delete_text.to_owned(),
            |t| t.job_page.delete.to_owned(),
            move || {
                let name = name.clone();
                let call = async move {
                    let path = format!("/api/v1/jobs/{id}");
                    api::call::<()>(Method::DELETE, &path, &json!({})).await
                };
                act.run_then(Topic::Jobs, call, move |toasts, ()| {
                    navigate.with_value(|navigate| navigate("/jobs", NavigateOptions::default()));
                    toasts.good(move |t| (t.job_page.deleted)(&name));
                });
            },
        );
        dialogs.ask(question.typed(typed));
    };
    view! {
        <div class="heading">
            <h1>{move || job.with(|job| job.spec.name.clone())}</h1>
            <Badge state=move || job.with(|job| job.state) />
            <span class="second">
                {move || job.with(|job| format!("{} · {} {}", job.app, i18n.texts().version, job.version))}
            </span>
            <span class="heading-space"></span>
            <JobControls job />
            <A href=move || job.with(|job| format!("/jobs/{}/edit", job.id)) attr:class="button small">
                {i18n.text(|t| t.job_page.edit)}
            </A>
            <button type="button" id="delete" class="button small" prop:disabled=act.pending on:click=delete>
                {i18n.text(|t| t.job_page.delete)}
            </button>
        </div>
        {move || job.with(|job| job.spec.description.clone()).lines().next().map(|line| {
            view! { <p class="reason">{line.to_owned()}</p> }
        })}
    }
}
