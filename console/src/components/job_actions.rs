//! What an operator may do to jobs, one or many, as the original had it.

use antares_protocol::job::{Job, JobState};
use gloo_net::http::Method;
use serde_json::{Value, json};

use super::deletion::deletion;
use super::dialog::{Dialogs, Question};
use super::toast::Subject;
use crate::api::{self, ApiError};
use crate::format;
use crate::hooks::act::Act;
use crate::hooks::live::Topic;
use crate::i18n::{Label, Texts};

/// Buttons of a job that change its state.
pub(crate) const BUTTONS: usize = 4;

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
    /// All of them, in the order of a job's life.
    pub(crate) const ALL: [Self; 7] = [
        Self::Enable,
        Self::Schedule,
        Self::Pause,
        Self::Resume,
        Self::Stop,
        Self::Disable,
        Self::Terminate,
    ];

    /// The last segment of its address.
    pub(crate) fn path(self) -> &'static str {
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

    /// What its button says.
    pub(crate) fn label(self) -> Label {
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

    /// What takes it back from a job that was in `state`. Nothing takes back what ended an instance.
    pub(crate) fn undo(self, state: JobState, runs: bool) -> &'static [Self] {
        match (self, state) {
            (Self::Enable, _) => &[Self::Disable],
            (Self::Schedule, _) => &[Self::Stop],
            (Self::Pause, _) => &[Self::Resume],
            (Self::Resume, _) => &[Self::Pause],
            (Self::Disable | Self::Stop, _) if runs => &[],
            (Self::Disable, JobState::Waiting) => &[Self::Enable],
            (Self::Disable, JobState::Paused) => &[Self::Enable, Self::Pause],
            (Self::Disable, JobState::Stopped) => &[Self::Enable, Self::Stop],
            (Self::Stop, JobState::Waiting) => &[Self::Schedule],
            (Self::Stop, JobState::Paused) => &[Self::Schedule, Self::Pause],
            _ => &[],
        }
    }

    /// Whether it ends instances that run.
    pub(crate) fn ends(self) -> bool {
        matches!(self, Self::Disable | Self::Stop | Self::Terminate)
    }

    /// The buttons of a job in this state, with instances running or not, each with whether it can be told that. They
    /// keep their places whatever the state, so that a second click hits nothing else.
    pub(crate) fn buttons(state: JobState, runs: bool) -> [(Self, bool); BUTTONS] {
        let is_on = matches!(state, JobState::Waiting | JobState::Running);
        [
            (Self::Terminate, runs),
            match state {
                JobState::Paused => (Self::Resume, true),
                _ => (Self::Pause, is_on),
            },
            match state {
                JobState::Stopped => (Self::Schedule, true),
                _ => (Self::Stop, state != JobState::Disabled),
            },
            match state {
                JobState::Disabled => (Self::Enable, true),
                _ => (Self::Disable, true),
            },
        ]
    }
}

/// Does it, after a question if it ends what runs.
pub(crate) fn change(act: Act, dialogs: Dialogs, job: &Job, action: Action) {
    let (id, name, state) = (job.id, job.spec.name.clone(), job.state);
    let runs = job.running_instances > 0;
    let queued = if action == Action::Terminate {
        0
    } else {
        job.queued_instances
    };
    if !((runs || queued > 0) && action.ends()) {
        change_now(act, id, name, action, action.undo(state, runs));
        return;
    }
    let asked = name.clone();
    dialogs.ask(Question::new(
        move |t| (t.control.ask)(action.label()(t), &asked),
        move |t| {
            let running = runs.then(|| t.control.ends_running.to_owned());
            let queued = (queued > 0).then(|| (t.control.ends_queued)(&format::count(queued)));
            let told: Vec<String> = running.into_iter().chain(queued).collect();
            told.join(" ")
        },
        move |t| action.label()(t).to_owned(),
        move || change_now(act, id, name.clone(), action, &[]),
    ));
}

/// Tells the server. A change that can be taken back offers that for a while.
fn change_now(act: Act, id: i64, name: String, action: Action, undo: &'static [Action]) {
    act.run_then(Topic::Jobs, tell(id, action), move |toasts, ()| {
        let text = {
            let name = name.clone();
            move |t: &Texts| action.done()(t)(&name)
        };
        let Some(last) = undo.last() else {
            toasts.supersede(&[id as Subject]);
            toasts.good(text);
            return;
        };
        toasts.undoable(vec![id as Subject], text, move || {
            let name = name.clone();
            act.run::<()>(Topic::Jobs, move |t| last.done()(t)(&name), async move {
                tell_all(id, undo).await
            });
        });
    });
}

/// Tells the server to do it to one job.
async fn tell(id: i64, action: Action) -> Result<(), ApiError> {
    let path = format!("/api/v1/jobs/{id}/{}", action.path());
    api::call::<Value>(Method::POST, &path, &json!({}))
        .await
        .map(drop)
}

/// Tells the server to do all of it to one job, until something is refused.
pub(crate) async fn tell_all(id: i64, actions: &[Action]) -> Result<(), ApiError> {
    for action in actions {
        tell(id, *action).await?;
    }
    Ok(())
}

/// Asks whether to delete it, with its name typed, and does `then` when it is deleted.
pub(crate) fn delete(
    act: Act,
    dialogs: Dialogs,
    job: &Job,
    then: impl Fn() + Copy + Send + Sync + 'static,
) {
    let (path, name) = (format!("/api/v1/jobs/{}", job.id), job.spec.name.clone());
    let text = |t: &Texts| t.job_page.delete_text;
    let question = deletion(act, Topic::Jobs, path, name.clone(), text, then);
    dialogs.ask(question.typed(name));
}
