//! Doing the same to many jobs.

use antares_protocol::job::{Job, TriggerJob};
use gloo_net::http::Method;
use leptos::prelude::*;
use serde_json::json;

use crate::api::{self, ApiError};
use crate::components::dialog::{Dialogs, Question, use_dialogs};
use crate::components::job_actions::{Action, tell_all};
use crate::components::job_controls::trigger;
use crate::components::selection::{Selection, use_selection};
use crate::components::toast::{Subject, Toasts};
use crate::format;
use crate::hooks::act::{Act, use_act};
use crate::hooks::live::Topic;
use crate::i18n::{Texts, use_i18n};

/// What can be done to the chosen jobs; there while any is chosen.
#[component]
pub(super) fn Bulk() -> impl IntoView {
    let i18n = use_i18n();
    let act = use_act();
    let dialogs = use_dialogs();
    let selection = use_selection();
    let count = Memo::new(move |_| selection.chosen.with(|chosen| chosen.len() as i64));
    let click = move |action: Action| {
        let chosen = selection.chosen.get_untracked();
        let jobs: Vec<Chosen> = chosen
            .values()
            .map(|job| Chosen::new(*job, action))
            .collect();
        if !action.ends() {
            change(act, jobs, action);
            return;
        }
        let count = format::count(jobs.len() as i64);
        let all: Vec<&str> = jobs.iter().map(|job| &*job.name).collect();
        let running: Vec<&str> = (jobs.iter().filter(|job| job.runs))
            .map(|job| &*job.name)
            .collect();
        let runs = (!running.is_empty()).then(|| names(&running));
        let all = names(&all);
        dialogs.ask(Question::new(
            move |t| (t.control.bulk_ask)(action.label()(t), &count),
            move |t| match &runs {
                None => format!("{} {}", all(t), t.control.bulk_none_run),
                Some(running) => format!(
                    "{} {} {}",
                    all(t),
                    (t.control.bulk_run)(&running(t)),
                    t.control.bulk_ends
                ),
            },
            move |t| action.label()(t).to_owned(),
            move || change(act, jobs.clone(), action),
        ));
    };
    let delete = move |_| {
        let (jobs, count, names) = named(selection);
        let typed = jobs.len().to_string();
        let question = Question::new(
            move |t| (t.control.bulk_ask)(t.job_page.delete, &count),
            move |t| format!("{} {}", names(t), t.control.bulk_deletes),
            |t| t.job_page.delete.to_owned(),
            move || delete_all(act, jobs.clone()),
        );
        dialogs.ask(question.typed(typed));
    };
    let button = move |action: Action| {
        view! {
            <button
                type="button"
                class="button small"
                data-bulk=action.path()
                prop:disabled=act.pending
                on:click=move |_| click(action)
            >
                {i18n.text(action.label())}
            </button>
        }
    };
    view! {
        <Show when=move || { count.get() > 0 }>
            <div class="bulk" role="group" aria-label=i18n.text(|t| t.control.bulk)>
                <span role="status">{move || (i18n.texts().control.chosen)(&format::count(count.get()))}</span>
                <button type="button" class="button small" data-bulk="trigger" prop:disabled=act.pending on:click=move |_| run(act, dialogs, selection)>
                    {i18n.text(|t| t.control.trigger)}
                </button>
                {Action::ALL.map(button).into_iter().collect_view()}
                <button type="button" class="button small" data-bulk="delete" prop:disabled=act.pending on:click=delete>
                    {i18n.text(|t| t.job_page.delete)}
                </button>
                <span class="heading-space"></span>
                <Show when=move || !selection.has_all()>
                    <button type="button" class="button small ghost" id="choose-all" on:click=move |_| selection.choose_all()>
                        {i18n.text(|t| t.control.choose_all)}
                    </button>
                </Show>
                <button type="button" class="button small ghost" on:click=move |_| selection.clear()>
                    {i18n.text(|t| t.control.choose_none)}
                </button>
            </div>
        </Show>
    }
}

/// Asks whether to run the chosen jobs now.
fn run(act: Act, dialogs: Dialogs, selection: Selection) {
    let (jobs, count, names) = named(selection);
    dialogs.ask(Question::new(
        move |t| (t.control.bulk_ask)(t.control.trigger, &count),
        move |t| format!("{} {}", names(t), t.control.bulk_triggers),
        |t| t.control.trigger.to_owned(),
        move || run_all(act, jobs.clone()),
    ));
}

/// A job, to be run or deleted.
#[derive(Clone)]
struct Named {
    id: i64,
    name: String,
}

impl Named {
    fn new(job: Signal<Job>) -> Self {
        job.with_untracked(|job| Self {
            id: job.id,
            name: job.spec.name.clone(),
        })
    }
}

/// The chosen jobs, how many they are, and what they are called.
fn named(
    selection: Selection,
) -> (
    Vec<Named>,
    String,
    impl Fn(&Texts) -> String + Send + Sync + use<>,
) {
    let chosen = selection.chosen.get_untracked();
    let jobs: Vec<Named> = chosen.values().map(|job| Named::new(*job)).collect();
    let all: Vec<&str> = jobs.iter().map(|job| &*job.name).collect();
    let (count, names) = (format::count(jobs.len() as i64), names(&all));
    (jobs, count, names)
}

/// What the jobs are called: each of a few, some of many.
fn names(jobs: &[&str]) -> impl Fn(&Texts) -> String + Send + Sync + use<> {
    const MOST: usize = 10;
    let named = jobs[..jobs.len().min(MOST)].join(", ");
    let more = jobs.len().saturating_sub(MOST) as i64;
    move |t| match more {
        0 => format!("{named}."),
        more => (t.control.bulk_names_more)(&named, &format::count(more)),
    }
}

/// Triggers each of them once.
fn run_all(act: Act, jobs: Vec<Named>) {
    let call = for_each(jobs, async |job| {
        trigger(job.id, TriggerJob::default()).await.map(drop)
    });
    act.run_then(Topic::Jobs, call, move |toasts, (done, refused)| {
        if !done.is_empty() {
            let n = format::count(done.len() as i64);
            toasts.good(move |t| (t.control.bulk_done)(t.control.trigger, &n));
        }
        tell_refused(toasts, refused);
    });
}

/// Deletes them all. A job that another of them follows goes after that one: what was refused is tried again for as long
/// as others went.
fn delete_all(act: Act, jobs: Vec<Named>) {
    let call = async move {
        let (mut left, mut gone) = (jobs, Vec::new());
        loop {
            let (went, refused) = for_each(left, async |job| {
                let path = format!("/api/v1/jobs/{}", job.id);
                api::call::<()>(Method::DELETE, &path, &json!({})).await
            })
            .await?;
            let is_stuck = went.is_empty();
            gone.extend(went.into_iter().map(|job| job.id as Subject));
            if refused.is_empty() || is_stuck {
                return Ok((gone, refused));
            }
            left = refused.into_iter().map(|(job, _)| job).collect();
        }
    };
    act.run_then(Topic::Jobs, call, move |toasts, (gone, refused)| {
        if !gone.is_empty() {
            toasts.supersede(&gone);
            let n = format::count(gone.len() as i64);
            toasts.good(move |t| (t.control.bulk_done)(t.job_page.delete, &n));
        }
        tell_refused(toasts, refused);
    });
}

impl From<Named> for String {
    fn from(job: Named) -> Self {
        job.name
    }
}

/// A job that something is done to.
#[derive(Clone)]
struct Chosen {
    id: i64,
    name: String,
    /// Whether an instance of it runs.
    runs: bool,
    /// What takes it back; nothing, if nothing does.
    undo: &'static [Action],
}

impl Chosen {
    fn new(job: Signal<Job>, action: Action) -> Self {
        job.with_untracked(|job| Self {
            id: job.id,
            name: job.spec.name.clone(),
            runs: runs(job),
            undo: action.undo(job.state, runs(job)),
        })
    }
}

impl From<Chosen> for String {
    fn from(job: Chosen) -> Self {
        job.name
    }
}

/// Whether there is an instance that ends when the job is stopped.
fn runs(job: &Job) -> bool {
    job.running_instances + job.queued_instances > 0
}

/// For which jobs it was done, and for which the server refused it.
type Outcome<J> = (Vec<J>, Vec<(J, ApiError)>);

/// Does `call` for job by job. What one refuses does not keep the others from it.
async fn for_each<J>(
    jobs: Vec<J>,
    call: impl AsyncFn(&J) -> Result<(), ApiError>,
) -> Result<Outcome<J>, ApiError> {
    let (mut done, mut refused) = (Vec::new(), Vec::new());
    for job in jobs {
        match call(&job).await {
            Ok(()) => done.push(job),
            Err(error) if error.is_unauthorized() => return Err(error),
            Err(error) => refused.push((job, error)),
        }
    }
    Ok((done, refused))
}

/// Does it to all of them, and offers to take it back where that can be.
fn change(act: Act, jobs: Vec<Chosen>, action: Action) {
    let call = for_each(jobs, async move |job| tell_all(job.id, &[action]).await);
    act.run_then(Topic::Jobs, call, move |toasts, (done, refused)| {
        let n = format::count(done.len() as i64);
        let said = move |t: &Texts| (t.control.bulk_done)(action.label()(t), &n);
        let ids: Vec<Subject> = done.iter().map(|job| job.id as Subject).collect();
        let can_undo: Vec<Chosen> = done
            .into_iter()
            .filter(|job| !job.undo.is_empty())
            .collect();
        if ids.is_empty() {
            // What was refused says it all.
        } else if can_undo.is_empty() {
            toasts.supersede(&ids);
            toasts.good(said);
        } else {
            toasts.undoable(ids, said, move || change_back(act, can_undo.clone()));
        }
        tell_refused(toasts, refused);
    });
}

/// Takes back what was done to them.
fn change_back(act: Act, jobs: Vec<Chosen>) {
    let call = for_each(jobs, async |job| tell_all(job.id, job.undo).await);
    act.run_then(Topic::Jobs, call, move |toasts, (done, refused)| {
        if !done.is_empty() {
            let n = format::count(done.len() as i64);
            toasts.good(move |t| (t.control.bulk_undone)(&n));
        }
        tell_refused(toasts, refused);
    });
}

fn tell_refused<J: Into<String>>(toasts: Toasts, refused: Vec<(J, ApiError)>) {
    let refused: Vec<(String, ApiError)> = (refused.into_iter())
        .map(|(job, error)| (job.into(), error))
        .collect();
    if refused.is_empty() {
        return;
    }
    toasts.kept(move |t| {
        let n = format::count(refused.len() as i64);
        let reasons = refused.iter().map(|(name, error)| reason(t, name, error));
        let lines: Vec<String> = std::iter::once((t.control.bulk_refused)(&n))
            .chain(reasons)
            .collect();
        lines.join("\n")
    });
}

fn reason(texts: &Texts, name: &str, error: &ApiError) -> String {
    let (_, why) = error.words(texts);
    format!("{name}: {why}")
}
