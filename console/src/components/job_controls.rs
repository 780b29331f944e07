//! What an operator may do to a job: the buttons that its state allows, as the original had them.

use antares_protocol::job::{Job, JobState, Triggered};
use gloo_net::http::Method;
use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::use_navigate;
use serde_json::{Value, json};

use super::dialog::{Question, use_dialogs};
use crate::api;
use crate::hooks::act::{Act, use_act};
use crate::hooks::live::Topic;
use crate::i18n::{Texts, use_i18n};

/// Something to do to a job that its state is changed by.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Enable,
    Disable,
    Schedule,
    Stop,
    Pause,
    Resume,
    Terminate,
}

impl Action {
    /// The last segment of its address.
    fn path(self) -> &'static str {
        match self {
            Self::Enable => "enable",
            Self::Disable => "disable",
            Self::Schedule => "schedule",
            Self::Stop => "stop",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Terminate => "terminate",
        }
    }

    fn label(self) -> fn(&Texts) -> &'static str {
        match self {
            Self::Enable => |t| t.control.enable,
            Self::Disable => |t| t.control.disable,
            Self::Schedule => |t| t.control.schedule,
            Self::Stop => |t| t.control.stop,
            Self::Pause => |t| t.control.pause,
            Self::Resume => |t| t.control.resume,
            Self::Terminate => |t| t.control.terminate,
        }
    }

    fn done(self) -> fn(&Texts) -> fn(&str) -> String {
        match self {
            Self::Enable => |t| t.control.enabled,
            Self::Disable => |t| t.control.disabled,
            Self::Schedule => |t| t.control.scheduled,
            Self::Stop => |t| t.control.stopped,
            Self::Pause => |t| t.control.paused,
            Self::Resume => |t| t.control.resumed,
            Self::Terminate => |t| t.control.terminated,
        }
    }

    /// What takes it back. Nothing takes back what ended an instance.
    fn undo(self) -> Option<Self> {
        match self {
            Self::Enable => Some(Self::Disable),
            Self::Schedule => Some(Self::Stop),
            Self::Pause => Some(Self::Resume),
            Self::Resume => Some(Self::Pause),
            Self::Disable | Self::Stop | Self::Terminate => None,
        }
    }

    /// What a job in this state, with instances running or not, can be told.
    pub(crate) fn allowed(state: JobState, runs: bool) -> Vec<Self> {
        let mut all = match state {
            JobState::Disabled => vec![Self::Enable],
            JobState::Stopped => vec![Self::Schedule, Self::Disable],
            JobState::Waiting | JobState::Running => vec![Self::Pause, Self::Stop, Self::Disable],
            JobState::Paused => vec![Self::Resume, Self::Stop, Self::Disable],
        };
        if runs {
            all.push(Self::Terminate);
        }
        all
    }
}

/// Tells the server. A change that can be taken back offers that for a while.
pub(crate) fn change(act: Act, id: i64, name: String, action: Action) {
    let call = tell(id, action);
    act.run_then::<Value>(Topic::Jobs, call, move |toasts, _| {
        let text = {
            let name = name.clone();
            move |t: &Texts| action.done()(t)(&name)
        };
        match action.undo() {
            None => toasts.good(text),
            Some(back) => toasts.undoable(text, move || {
                let name = name.clone();
                act.run::<Value>(Topic::Jobs, move |t| back.done()(t)(&name), tell(id, back));
            }),
        }
    });
}

async fn tell(id: i64, action: Action) -> Result<Value, api::ApiError> {
    let path = format!("/api/v1/jobs/{id}/{}", action.path());
    api::call(Method::POST, &path, &json!({})).await
}

/// The buttons.
#[component]
pub(crate) fn JobControls(
    /// The job.
    #[prop(into)]
    job: Signal<Job>,
    /// Whether all but running it are in a menu.
    #[prop(optional)]
    folded: bool,
) -> impl IntoView {
    let i18n = use_i18n();
    let act = use_act();
    let dialogs = use_dialogs();
    let state = Memo::new(move |_| job.with(|job| (job.state, job.running_instances > 0)));
    let click = move |action: Action| {
        let (id, name) = job.with_untracked(|job| (job.id, job.spec.name.clone()));
        let runs = state.get_untracked().1;
        let ends = match action {
            Action::Terminate => true,
            Action::Stop | Action::Disable => runs,
            _ => false,
        };
        if !ends {
            change(act, id, name, action);
            return;
        }
        let asked = name.clone();
        dialogs.ask(Question::new(
            move |t| format!("{}: {asked}?", action.label()(t)),
            |t| t.control.ends_running.to_owned(),
            move |t| action.label()(t).to_owned(),
            move || change(act, id, name.clone(), action),
        ));
    };
    let buttons = move || {
        let (state, runs) = state.get();
        Action::allowed(state, runs)
            .into_iter()
            .map(|action| {
                view! {
                    <button
                        type="button"
                        class="button small"
                        data-action=action.path()
                        prop:disabled=act.pending
                        on:click=move |_| click(action)
                    >
                        {i18n.text(action.label())}
                    </button>
                }
            })
            .collect_view()
    };
    let may_trigger = move || matches!(state.get().0, JobState::Waiting | JobState::Running);
    view! {
        <div class="buttons">
            <Show when=may_trigger>
                <TriggerButton job />
            </Show>
            {if folded {
                view! {
                    <details class="more">
                        <summary class="button small">{i18n.text(|t| t.more)}</summary>
                        <div class="more-items">{buttons}</div>
                    </details>
                }
                .into_any()
            } else {
                buttons.into_any()
            }}
        </div>
    }
}

/// Runs the job now, and offers to go and look.
#[component]
fn TriggerButton(job: Signal<Job>) -> impl IntoView {
    let i18n = use_i18n();
    let act = use_act();
    let navigate = StoredValue::new(use_navigate());
    let trigger = move |_| {
        let (id, name) = job.with_untracked(|job| (job.id, job.spec.name.clone()));
        let call = async move {
            let path = format!("/api/v1/jobs/{id}/trigger");
            api::call::<Triggered>(Method::POST, &path, &json!({})).await
        };
        act.run_then(Topic::Jobs, call, move |toasts, made| {
            let instance = made.instance_id;
            toasts.leading(
                move |t| (t.control.triggered)(&name, &instance.to_string()),
                |t| t.instance.to_instance,
                move || {
                    navigate.with_value(|navigate| {
                        navigate(
                            &format!("/instances/{instance}"),
                            NavigateOptions::default(),
                        );
                    });
                },
            );
        });
    };
    view! {
        <button
            type="button"
            class="button small primary"
            data-action="trigger"
            prop:disabled=act.pending
            on:click=trigger
        >
            {i18n.text(|t| t.control.trigger)}
        </button>
    }
}
