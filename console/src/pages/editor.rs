//! The editor of a job: every field of its definition, what it means, and when it would fire.

mod general;
mod inputs;
mod policies;
mod preview;
mod runs;
mod schedule;
mod shards;

use antares_protocol::app::App;
use antares_protocol::job::{CreateJob, Job, JobSpec, UpdateJob};
use antares_protocol::page::Page;
use antares_protocol::problem::ProblemKind;
use gloo_net::http::Method;
use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::components::A;
use leptos_router::hooks::{use_navigate, use_params_map};

use super::NotFound;
use crate::api::{self, ApiError};
use crate::components::notice::Notice;
use crate::hooks::act::use_act;
use crate::hooks::live::Topic;
use crate::i18n::{Texts, use_i18n};
use crate::pages::use_title;
use inputs::Draft;

/// A new job.
#[component]
pub(crate) fn NewJob() -> impl IntoView {
    use_title(|t| t.editor.create);
    let i18n = use_i18n();
    // Asked once: another app that appears must not take away what is typed.
    let apps =
        LocalResource::new(|| async { api::get::<Page<App>>("/api/v1/apps?limit=500").await });
    move || match apps.get() {
        None => {
            view! { <p role="status" aria-busy="true">{i18n.text(|t| t.loading)}</p> }.into_any()
        }
        Some(Err(error)) => view! { <Notice error=Signal::stored(error) /> }.into_any(),
        Some(Ok(page)) if page.items.is_empty() => view! {
            <div class="empty">
                <h1>{i18n.text(|t| t.apps.none)}</h1>
                <p>{i18n.text(|t| t.apps.none_hint)}</p>
                <A href="/apps" attr:class="button primary">{i18n.text(|t| t.apps.title)}</A>
            </div>
        }
        .into_any(),
        Some(Ok(page)) => {
            let apps = page
                .items
                .into_iter()
                .map(|app| app.name)
                .collect::<Vec<_>>();
            view! { <Editor spec=JobSpec::new("") apps /> }.into_any()
        }
    }
}

/// A job that is there. What others change meanwhile is told when it is saved.
#[component]
pub(crate) fn EditJob() -> impl IntoView {
    let i18n = use_i18n();
    use_title(|t| t.job_page.edit);
    let params = use_params_map();
    let id = Memo::new(move |_| params.with(|params| params.get("id")?.parse::<i64>().ok()));
    move || {
        let Some(id) = id.get() else {
            return view! { <NotFound /> }.into_any();
        };
        let job = LocalResource::new(move || async move {
            api::get::<Job>(&format!("/api/v1/jobs/{id}")).await
        });
        view! {
            {move || match job.get() {
                None => view! { <p role="status" aria-busy="true">{i18n.text(|t| t.loading)}</p> }.into_any(),
                Some(Err(error)) if error.is_not_found() => view! { <NotFound /> }.into_any(),
                Some(Err(error)) => view! { <Notice error=Signal::stored(error) /> }.into_any(),
                Some(Ok(job)) => {
                    let apps = vec![job.app.clone()];
                    view! { <Editor spec=job.spec apps of=(job.id, job.version) /> }.into_any()
                }
            }}
        }
        .into_any()
    }
}

#[component]
fn Editor(
    spec: JobSpec,
    apps: Vec<String>,
    #[prop(optional)] of: Option<(i64, i32)>,
) -> impl IntoView {
    let i18n = use_i18n();
    let act = use_act();
    let navigate = StoredValue::new(use_navigate());
    let first = spec.clone();
    let draft = Draft {
        spec: RwSignal::new(spec),
        error: RwSignal::new(None),
    };
    provide_context(draft);
    let app = RwSignal::new(apps.first().cloned().unwrap_or_default());
    let enabled = RwSignal::new(true);
    let broken = RwSignal::new(Vec::<&'static str>::new());
    // Set when somebody else has saved meanwhile: then saving again overwrites, and that is said.
    let force = RwSignal::new(false);
    // Why it was not saved: told above all, for its field may be folded away.
    let refused = RwSignal::new(None::<ApiError>);
    Effect::new(move || {
        let problem = refused.get();
        let is_conflict = matches!(&problem, Some(ApiError::Problem(problem)) if problem.kind == ProblemKind::VersionConflict);
        if is_conflict {
            force.set(true);
        }
        draft.error.set(problem.map(within));
    });
    let is_changed = Memo::new(move |_| draft.spec.with(|now| *now != first));
    let leaving = window_event_listener(leptos::ev::beforeunload, move |event| {
        // The browser asks, in its own words.
        if is_changed.try_get_untracked() == Some(true) && !act.pending.get_untracked() {
            event.prevent_default();
        }
    });
    on_cleanup(move || leaving.remove());
    let save = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if broken.with_untracked(|broken| !broken.is_empty()) {
            return;
        }
        let spec = draft.spec.get_untracked();
        let version = of
            .map(|(_, version)| version)
            .filter(|_| !force.get_untracked());
        let app = app.get_untracked();
        let enabled = enabled.get_untracked();
        let call = async move {
            if let Some((id, _)) = of {
                let path = format!("/api/v1/jobs/{id}");
                return api::call::<Job>(Method::PUT, &path, &UpdateJob { version, spec }).await;
            }
            let body = CreateJob { app, enabled, spec };
            api::call::<Job>(Method::POST, "/api/v1/jobs", &body).await
        };
        act.run_or(Topic::Jobs, call, refused, move |toasts, job| {
            let (id, name) = (job.id, job.spec.name.clone());
            navigate.with_value(|navigate| {
                navigate(&format!("/jobs/{id}"), NavigateOptions::default());
            });
            toasts.good(move |t| (t.editor.saved)(&name));
        });
    };
    let title = if of.is_some() {
        draft.spec.with_untracked(|spec| spec.name.clone())
    } else {
        i18n.texts().editor.create.to_owned()
    };
    let back = of.map_or_else(|| "/jobs".to_owned(), |(id, _)| format!("/jobs/{id}"));
    view! {
        <form class="form editor" on:submit=save>
            <div class="heading">
                <h1>{title}</h1>
                <span class="heading-space"></span>
                <A href=back attr:class="button">{i18n.text(|t| t.cancel)}</A>
                <button
                    type="submit"
                    id="save"
                    class="button primary"
                    prop:disabled=move || {
                        act.pending.get() || broken.with(|broken| !broken.is_empty())
                    }
                >
                    {move || if force.get() { i18n.texts().editor.overwrite } else { i18n.texts().editor.save }}
                </button>
            </div>
            {move || refused.get().map(|error| view! { <Notice error=Signal::stored(error) /> })}
            <div class="editor-parts">
                <div class="editor-fields">
                    <Section title=|t| t.editor.general open=true>
                        <general::General apps=apps.clone() app enabled is_new=of.is_none() />
                    </Section>
                    <Section title=|t| t.schedule open=true>
                        <schedule::Schedule />
                    </Section>
                    <Section title=|t| t.instance.shards open=true>
                        <shards::Shards broken />
                    </Section>
                    <Section title=|t| t.editor.failures>
                        <runs::Failures />
                    </Section>
                    <Section title=|t| t.editor.overlap_misfire>
                        <policies::OverlapMisfire />
                    </Section>
                    <Section title=|t| t.editor.who>
                        <runs::Who />
                    </Section>
                    <Section title=|t| t.editor.dependencies>
                        <policies::Dependencies />
                    </Section>
                </div>
                <aside class="editor-preview">
                    <preview::Preview app />
                    <Show when=move || is_changed.get()>
                        <p class="second" role="status">{i18n.text(|t| t.editor.unsaved)}</p>
                    </Show>
                </aside>
            </div>
        </form>
    }
}

/// A part that folds.
#[component]
fn Section(
    title: fn(&Texts) -> &'static str,
    #[prop(optional)] open: bool,
    children: Children,
) -> impl IntoView {
    let i18n = use_i18n();
    view! {
        <details class="editor-section" open=open>
            <summary>{i18n.text(title)}</summary>
            <div class="editor-grid">{children()}</div>
        </details>
    }
}

/// The error with its field named as in the definition: the server names it within the request.
fn within(error: ApiError) -> ApiError {
    match error {
        ApiError::Problem(mut problem) => {
            problem.field = problem
                .field
                .map(|field| field.strip_prefix("spec.").unwrap_or(&field).to_owned());
            ApiError::Problem(problem)
        }
        error => error,
    }
}
