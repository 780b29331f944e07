//! The buttons of a job: running it, and what its state allows.

use antares_protocol::job::{Job, JobState, TriggerJob, Triggered};
use gloo_net::http::Method;
use leptos::prelude::*;
use leptos_router::components::A;

use super::badge::State as _;
use super::dialog::use_dialogs;
use super::job_actions::{Action, BUTTONS, change, delete};
use super::menu::Menu;
use super::run_with::use_run_with;
use super::toast::Toasts;
use crate::api::{self, ApiError};
use crate::hooks::act::{Act, use_act};
use crate::hooks::live::Topic;
use crate::i18n::{I18n, use_i18n};

/// Whether it can be run now, besides by its schedule.
pub(crate) fn may_run(state: JobState) -> bool {
    matches!(state, JobState::Waiting | JobState::Running)
}

/// The buttons, in a row: what belongs above the page of a job.
#[component]
pub(crate) fn JobControls(
    /// The job.
    #[prop(into)]
    job: Signal<Job>,
) -> impl IntoView {
    let act = use_act();
    view! {
        <div class="buttons">
            <TriggerButton job act />
            <RunWithButton job />
            <Changes job act />
        </div>
    }
}

/// The same folded into a menu but for running it, with editing and deleting: what belongs into a list.
#[component]
pub(crate) fn JobMenu(
    /// The job.
    #[prop(into)]
    job: Signal<Job>,
) -> impl IntoView {
    let i18n = use_i18n();
    let act = use_act();
    let dialogs = use_dialogs();
    let id = job.with_untracked(|job| job.id);
    let name = Signal::derive(move || job.with(|job| job.spec.name.clone()));
    let remove = move |_| job.with_untracked(|job| delete(act, dialogs, job, || ()));
    view! {
        <div class="buttons">
            <TriggerButton job act />
            <Menu id=format!("menu-{id}") label=|t| t.more of=name>
                <RunWithButton job />
                <Changes job act />
                <A href=format!("/jobs/{id}/edit") attr:class="button small">{i18n.text(|t| t.job_page.edit)}</A>
                <button type="button" class="button small" data-delete=id on:click=remove>
                    {i18n.text(|t| t.job_page.delete)}
                </button>
            </Menu>
        </div>
    }
}

/// A switch that enables and disables it.
#[component]
pub(crate) fn EnableSwitch(
    /// The job.
    #[prop(into)]
    job: Signal<Job>,
) -> impl IntoView {
    let i18n = use_i18n();
    let act = use_act();
    let dialogs = use_dialogs();
    let is_on = Memo::new(move |_| job.with(|job| job.state != JobState::Disabled));
    let turn = move |_| {
        let action = if is_on.get_untracked() {
            Action::Disable
        } else {
            Action::Enable
        };
        job.with_untracked(|job| change(act, dialogs, job, action));
    };
    let label = move || {
        job.with(|job| format!("{}: {}", i18n.texts().control.enabled_column, job.spec.name))
    };
    view! {
        <button
            type="button"
            role="switch"
            class="switch"
            aria-checked=move || is_on.get().to_string()
            aria-label=label
            data-switch=move || job.with(|job| job.id)
            prop:disabled=act.pending
            on:click=turn
        ></button>
    }
}

/// What its state can be changed to.
#[component]
fn Changes(job: Signal<Job>, act: Act) -> impl IntoView {
    let i18n = use_i18n();
    let dialogs = use_dialogs();
    let button = move |place: usize| {
        let now = Memo::new(move |_| {
            job.with(|job| Action::buttons(job.state, job.running_instances > 0)[place])
        });
        let action = move || now.get().0;
        let click =
            move |_| job.with_untracked(|job| change(act, dialogs, job, now.get_untracked().0));
        let why = move || match now.get() {
            (_, true) => None,
            (Action::Terminate, _) => Some(i18n.texts().control.nothing_runs.to_owned()),
            _ => Some(not_now(job, i18n)),
        };
        view! {
            <button
                type="button"
                class="button small"
                data-action=move || action().path()
                title=why
                prop:disabled=move || act.pending.get() || !now.get().1
                on:click=click
            >
                {move || action().label()(i18n.texts())}
            </button>
        }
    };
    (0..BUTTONS).map(button).collect_view()
}

/// Why a button is off.
fn not_now(job: Signal<Job>, i18n: I18n) -> String {
    let (_, state) = job.with(|job| job.state).badge();
    (i18n.texts().control.not_now)(state(i18n.texts()))
}

/// Why a job cannot be run now, if so.
fn no_run(job: Signal<Job>, i18n: I18n) -> Option<String> {
    let runs = job.with(|job| may_run(job.state));
    (!runs).then(|| not_now(job, i18n))
}

#[component]
fn RunWithButton(job: Signal<Job>) -> impl IntoView {
    let i18n = use_i18n();
    let run_with = use_run_with();
    view! {
        <button
            type="button"
            class="button small"
            data-run-with=move || job.with(|job| job.id)
            title=move || no_run(job, i18n)
            prop:disabled=move || no_run(job, i18n).is_some()
            on:click=move |_| run_with.ask(job.get_untracked())
        >
            {i18n.text(|t| t.control.run_with)}
        </button>
    }
}

/// Runs the job now.
#[component]
fn TriggerButton(job: Signal<Job>, act: Act) -> impl IntoView {
    let i18n = use_i18n();
    let run = use_trigger(act);
    let trigger = move |_| {
        let (id, name) = job.with_untracked(|job| (job.id, job.spec.name.clone()));
        run(id, name, TriggerJob::default());
    };
    view! {
        <button
            type="button"
            class="button small primary"
            data-action="trigger"
            title=move || no_run(job, i18n)
            prop:disabled=move || act.pending.get() || no_run(job, i18n).is_some()
            on:click=trigger
        >
            {i18n.text(|t| t.control.trigger)}
        </button>
    }
}

/// Runs a job, which is named, and offers to go and look.
fn use_trigger(act: Act) -> impl Fn(i64, String, TriggerJob) + Copy {
    move |id, name, asked| {
        act.run_then(Topic::Jobs, trigger(id, asked), move |toasts, made| {
            tell_triggered(toasts, name, &made, false);
        });
    }
}

/// Asks the server to run a job.
pub(crate) async fn trigger(id: i64, asked: TriggerJob) -> Result<Triggered, ApiError> {
    let path = format!("/api/v1/jobs/{id}/trigger");
    api::call(Method::POST, &path, &asked).await
}

/// Tells that a job runs, or is to after a while, with the way to its instance.
pub(crate) fn tell_triggered(toasts: Toasts, name: String, made: &Triggered, is_delayed: bool) {
    let instance = made.instance_id;
    toasts.leading(
        move |t| {
            let told = if is_delayed {
                t.control.delayed
            } else {
                t.control.triggered
            };
            told(&name, &instance.to_string())
        },
        |t| t.instance.to_instance,
        format!("/instances/{instance}"),
    );
}
