//! The editor of a job: every field of its definition, what it means, and when it would fire.

mod compose;
mod general;
mod inputs;
mod kept;
mod picks;
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
use leptos_router::hooks::use_navigate;

use super::Missing;
use crate::api::{self, ApiError};
use crate::components::dialog::{Question, use_dialogs};
use crate::components::field::blames;
use crate::components::form::go_to_fault;
use crate::components::found::by_id;
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
            let again = RwSignal::new(());
            let reload = Callback::new(move |()| {
                kept::forget(None);
                again.set(());
            });
            let editor = move || {
                again.track();
                view! { <Editor spec=JobSpec::new("") apps=apps.clone() reload /> }
            };
            editor.into_any()
        }
    }
}

/// A job that is there. What others change meanwhile is told when it is saved.
#[component]
pub(crate) fn EditJob() -> impl IntoView {
    use_title(|t| t.job_page.edit);
    by_id(|id| view! { <Edit id /> }.into_any())
}

#[component]
fn Edit(id: i64) -> impl IntoView {
    let i18n = use_i18n();
    // Asked once: what others change must not take away what is typed.
    let newest =
        LocalResource::new(
            move || async move { api::get::<Job>(&format!("/api/v1/jobs/{id}")).await },
        );
    move || match newest.get() {
        None => {
            view! { <p role="status" aria-busy="true">{i18n.text(|t| t.loading)}</p> }.into_any()
        }
        Some(Err(ApiError::Problem(problem))) if problem.kind == ProblemKind::NotFound => {
            view! { <Missing said=Some(problem.detail) /> }.into_any()
        }
        Some(Err(error)) => view! { <Notice error=Signal::stored(error) /> }.into_any(),
        Some(Ok(job)) => {
            let apps = vec![job.app.clone()];
            let reload = Callback::new(move |()| {
                kept::forget(Some(id));
                newest.refetch();
            });
            view! { <Editor spec=job.spec apps of=(job.id, job.version) reload /> }.into_any()
        }
    }
}

#[component]
fn Editor(
    spec: JobSpec,
    apps: Vec<String>,
    #[prop(optional)] of: Option<(i64, i32)>,
    /// Forgets what was typed and begins with what is saved.
    reload: Callback<()>,
) -> impl IntoView {
    let i18n = use_i18n();
    let act = use_act();
    let navigate = StoredValue::new(use_navigate());
    let first = spec.clone();
    let id = of.map(|(id, _)| id);
    let before = kept::load(id).filter(|kept| kept.spec != first || !kept.unread.is_empty());
    let unread = before
        .as_ref()
        .map_or_else(Vec::new, |kept| kept.unread.clone());
    let is_restored = before.is_some();
    let version = before
        .as_ref()
        .map_or(of.map(|(_, version)| version), |kept| kept.version);
    // The version that was edited, and the newest, if somebody has saved one since.
    let outdated = version
        .zip(of.map(|(_, newest)| newest))
        .filter(|(edited, newest)| edited != newest);
    let app = RwSignal::new(
        before
            .as_ref()
            .map(|kept| kept.app.clone())
            .filter(|app| apps.contains(app))
            .or_else(|| apps.first().cloned())
            .unwrap_or_default(),
    );
    let enabled = RwSignal::new(before.as_ref().is_none_or(|kept| kept.enabled));
    // Why it was not saved: told above all, for its field may be folded away.
    let refused = RwSignal::new(None::<ApiError>);
    let previewed = RwSignal::new(None::<ApiError>);
    let broken = RwSignal::new(Vec::<(&'static str, String)>::new());
    let draft = Draft {
        spec: RwSignal::new(before.map_or(spec, |kept| kept.spec)),
        // What a field holds that cannot be read is not what was complained about.
        error: Signal::derive(move || {
            let complaint = refused.get().map(within).or_else(|| previewed.get());
            let is_past = |error: &ApiError| {
                broken.with(|broken| broken.iter().any(|(field, _)| blames(error.field(), field)))
            };
            complaint.filter(|error| !is_past(error))
        }),
        refused,
        previewed,
        broken,
        kept: StoredValue::new(unread),
    };
    provide_context(draft);
    // Set when somebody else has saved meanwhile: then saving again overwrites, and that is said.
    let force = RwSignal::new(false);
    Effect::new(move || {
        let problem = refused.get();
        let is_conflict = matches!(&problem, Some(ApiError::Problem(problem)) if problem.kind == ProblemKind::VersionConflict);
        if is_conflict {
            force.set(true);
        }
        if problem.is_some() {
            reveal();
        }
    });
    // What is changed afterwards may have mended it.
    Effect::new(move |is_later: Option<bool>| {
        draft.spec.track();
        app.track();
        if is_later.is_some() && refused.with_untracked(Option::is_some) {
            refused.set(None);
        }
        true
    });
    let is_changed = Memo::new(move |_| {
        draft.spec.with(|now| *now != first) || broken.with(|broken| !broken.is_empty())
    });
    kept::follow(id, is_changed, move || kept::Kept {
        spec: draft.spec.get(),
        app: app.get(),
        enabled: enabled.get(),
        version,
        unread: broken.with(|broken| {
            let broken = broken.iter();
            broken
                .map(|(field, text)| ((*field).to_owned(), text.clone()))
                .collect()
        }),
    });
    let save = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if draft.broken.with_untracked(|broken| !broken.is_empty()) {
            reveal();
            return;
        }
        let spec = draft.spec.get_untracked();
        let version = version.filter(|_| !force.get_untracked());
        let app = app.get_untracked();
        let enabled = enabled.get_untracked();
        let call = async move {
            if let Some(id) = id {
                let path = format!("/api/v1/jobs/{id}");
                return api::call::<Job>(Method::PUT, &path, &UpdateJob { version, spec }).await;
            }
            let body = CreateJob { app, enabled, spec };
            api::call::<Job>(Method::POST, "/api/v1/jobs", &body).await
        };
        act.run_or(Topic::Jobs, call, refused, move |toasts, job| {
            kept::forget(id);
            let (id, name) = (job.id, job.spec.name.clone());
            navigate.with_value(|navigate| {
                navigate(&format!("/jobs/{id}"), NavigateOptions::default());
            });
            toasts.good(move |t| (t.editor.saved)(&name));
        });
    };
    let name = draft.spec.with_untracked(|spec| spec.name.clone());
    let title = move || {
        if of.is_some() {
            name.clone()
        } else {
            i18n.texts().editor.create.to_owned()
        }
    };
    let back = id.map_or_else(|| "/jobs".to_owned(), |id| format!("/jobs/{id}"));
    let dialogs = use_dialogs();
    let leave = StoredValue::new((use_navigate(), back.clone()));
    let cancel = move |event: leptos::ev::MouseEvent| {
        if !is_changed.get_untracked() {
            kept::forget(id);
            return;
        }
        event.prevent_default();
        dialogs.ask(Question::new(
            |t| t.editor.discard_ask.to_owned(),
            |t| t.editor.discard_text.to_owned(),
            |t| t.editor.discard.to_owned(),
            move || {
                kept::forget(id);
                leave.with_value(|(navigate, back)| navigate(back, NavigateOptions::default()));
            },
        ));
    };
    view! {
        // The browser would refuse without a word what is folded away.
        <form class="form editor" novalidate on:submit=save>
            <div class="heading">
                <h1>{title}</h1>
                <span class="heading-space"></span>
                <A href=back attr:id="cancel" attr:class="button" on:click=cancel>{i18n.text(|t| t.cancel)}</A>
                <button
                    type="submit"
                    id="save"
                    class="button primary"
                    prop:disabled=act.pending
                >
                    {move || if force.get() { i18n.texts().editor.overwrite } else { i18n.texts().editor.save }}
                </button>
            </div>
            {is_restored.then(|| view! {
                <div class="restored" role="status">
                    <span>{i18n.text(|t| t.editor.restored)}</span>
                    {outdated.map(|(old, new)| view! {
                        <strong id="outdated">{move || (i18n.texts().editor.outdated)(old, new)}</strong>
                        <a href=id.map(|id| format!("/jobs/{id}?tab=versions")) target="_blank" rel="external">
                            {i18n.text(|t| t.editor.see_changes)}
                        </a>
                    })}
                    <button type="button" id="discard" class="button small" on:click=move |_| reload.run(())>
                        {i18n.text(|t| t.editor.discard)}
                    </button>
                </div>
            })}
            {move || refused.get().map(|error| view! { <Notice error=Signal::stored(error) /> })}
            <Show when=move || force.get()>
                <div class="restored">
                    // In another tab: here is what was typed.
                    <a href=id.map(|id| format!("/jobs/{id}?tab=versions")) target="_blank" rel="external">
                        {i18n.text(|t| t.editor.see_changes)}
                    </a>
                    <button type="button" id="load-newest" class="button small" on:click=move |_| reload.run(())>
                        {i18n.text(|t| t.editor.load_newest)}
                    </button>
                </div>
            </Show>
            <div class="editor-parts">
                <div class="editor-fields">
                    <Section title=|t| t.editor.general open=true>
                        <general::General apps=apps.clone() app enabled is_new=of.is_none() />
                    </Section>
                    <Section title=|t| t.schedule open=true>
                        <schedule::Schedule />
                    </Section>
                    <Section title=|t| t.instance.shards open=true>
                        <shards::Shards />
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

/// Shows the first field with a fault, once it is marked.
fn reveal() {
    request_animation_frame(move || {
        if !go_to_fault(".editor") {
            // No field answers for it, and what is told at the top may be out of sight.
            window().scroll_to_with_x_and_y(0.0, 0.0);
        }
    });
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
