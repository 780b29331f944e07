//! Short messages about what was done, which go by themselves; errors stay until they are dismissed.

use std::sync::Arc;

use gloo_timers::future::TimeoutFuture;
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_router::NavigateOptions;
use leptos_router::hooks::use_navigate;

use super::notice::Notice;
use crate::api::ApiError;
use crate::i18n::{I18n, Label, Texts, use_i18n};

/// How long a message stays: long enough to undo what it tells of.
const SHOWN_MS: u32 = 8_000;

/// How many stand at once, which leaves room for the page.
const MOST: usize = 5;

/// What undoes something, or the page of what came of it.
#[derive(Clone)]
enum Next {
    Undo(Callback<()>),
    Go(String),
}

/// What is changed: the number of a job, or of a server's id.
pub(crate) type Subject = u128;

type Text = Arc<dyn Fn(&Texts) -> String + Send + Sync>;

#[derive(Clone)]
enum Message {
    Done(Text, Option<(Label, Next)>),
    Kept(Text),
    Failed(ApiError),
}

#[derive(Clone)]
struct Toast {
    id: u32,
    /// Whose change it offers to undo.
    of: Vec<Subject>,
    message: Message,
}

/// The messages.
#[derive(Clone, Copy)]
pub(crate) struct Toasts {
    shown: RwSignal<Vec<Toast>>,
    last: RwSignal<u32>,
}

/// Provides the messages.
pub(crate) fn provide() {
    provide_context(Toasts {
        shown: RwSignal::new(Vec::new()),
        last: RwSignal::new(0),
    });
}

/// The messages.
pub(crate) fn use_toasts() -> Toasts {
    expect_context()
}

impl Toasts {
    /// Tells of a success.
    pub(crate) fn good(self, text: impl Fn(&Texts) -> String + Send + Sync + 'static) {
        self.push(Vec::new(), Message::Done(Arc::new(text), None));
    }

    /// Tells of a change of all `of` these that `undo` undoes, until another change of one of them is told.
    pub(crate) fn undoable(
        self,
        of: Vec<Subject>,
        text: impl Fn(&Texts) -> String + Send + Sync + 'static,
        undo: impl Fn() + Send + Sync + 'static,
    ) {
        let undo = Callback::new(move |()| undo());
        self.supersede(&of);
        let next = Some::<(Label, Next)>((|t| t.undo, Next::Undo(undo)));
        self.push(of, Message::Done(Arc::new(text), next));
    }

    /// Tells of a success, with a button `label` that leads to the page `path` of what came of it.
    pub(crate) fn leading(
        self,
        text: impl Fn(&Texts) -> String + Send + Sync + 'static,
        label: Label,
        path: String,
    ) {
        let next = Some((label, Next::Go(path)));
        self.push(Vec::new(), Message::Done(Arc::new(text), next));
    }

    /// Tells of what was done in part: it stays until it is dismissed.
    pub(crate) fn kept(self, text: impl Fn(&Texts) -> String + Send + Sync + 'static) {
        self.push(Vec::new(), Message::Kept(Arc::new(text)));
    }

    /// Tells of an error.
    pub(crate) fn bad(self, error: ApiError) {
        // The same again stands once.
        let _ = self.shown.try_update(|shown| {
            shown.retain(
                |toast| !matches!(&toast.message, Message::Failed(before) if *before == error),
            );
        });
        self.push(Vec::new(), Message::Failed(error));
    }

    /// Takes back the offers to undo a change of one of these: it has been changed again since.
    pub(crate) fn supersede(self, of: &[Subject]) {
        let _ = self.shown.try_update(|shown| {
            shown.retain(|toast| !toast.of.iter().any(|one| of.contains(one)));
        });
    }

    fn push(self, of: Vec<Subject>, message: Message) {
        let id = self.last.get_untracked().wrapping_add(1);
        let passes = matches!(message, Message::Done(..));
        if self.last.try_set(id).is_some() {
            return;
        }
        self.shown.update(|shown| {
            shown.push(Toast { id, of, message });
            shown.drain(..shown.len().saturating_sub(MOST));
        });
        if passes {
            spawn_local(async move {
                TimeoutFuture::new(SHOWN_MS).await;
                self.dismiss(id);
            });
        }
    }

    fn dismiss(self, id: u32) {
        // Who has logged out has no messages any more.
        let _ = self
            .shown
            .try_update(|shown| shown.retain(|toast| toast.id != id));
    }
}

/// A success, with what can be done next.
fn done(
    toasts: Toasts,
    go: Callback<String>,
    i18n: I18n,
    id: u32,
    text: Text,
    next: Option<(Label, Next)>,
) -> AnyView {
    view! {
        <span role="status">{move || text(i18n.texts())}</span>
        {next.map(|(label, next)| {
            let click = move |_| {
                toasts.dismiss(id);
                match next.clone() {
                    Next::Undo(undo) => undo.run(()),
                    Next::Go(path) => go.run(path),
                }
            };
            view! {
                <button type="button" class="button" on:click=click>
                    {i18n.text(label)}
                </button>
            }
        })}
    }
    .into_any()
}

/// Where the messages stand.
#[component]
pub(crate) fn ToastStack() -> impl IntoView {
    let toasts = use_toasts();
    let i18n = use_i18n();
    // Here, for a message outlives the page that it came from.
    let navigate = use_navigate();
    let go = Callback::new(move |path: String| navigate(&path, NavigateOptions::default()));
    let one = move |toast: Toast| {
        let id = toast.id;
        let dismiss = move |_| toasts.dismiss(id);
        let body = match toast.message {
            Message::Failed(error) => view! { <Notice error=Signal::stored(error) /> }.into_any(),
            Message::Kept(text) => {
                view! { <span class="lines" role="alert">{move || text(i18n.texts())}</span> }
                    .into_any()
            }
            Message::Done(text, next) => done(toasts, go, i18n, id, text, next),
        };
        view! {
            <div class="toast">
                {body}
                <button
                    type="button"
                    class="button ghost"
                    aria-label=i18n.text(|t| t.dismiss)
                    on:click=dismiss
                >
                    "×"
                </button>
            </div>
        }
    };
    view! {
        <div class="toasts">
            <For each=move || toasts.shown.get() key=|toast| toast.id children=one />
        </div>
    }
}
