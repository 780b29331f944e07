//! Doing something on the server, and telling how it went.

use std::future::Future;

use leptos::prelude::*;
use leptos::task::spawn_local;

use super::auth::{Auth, use_auth};
use super::live::{Live, Topic, use_live};
use crate::api::ApiError;
use crate::components::toast::{Toasts, use_toasts};
use crate::i18n::Texts;

/// Runs calls that change something.
#[derive(Clone, Copy)]
pub(crate) struct Act {
    auth: Auth,
    live: Live,
    toasts: Toasts,
    /// Whether a call is under way: buttons are off meanwhile.
    pub(crate) pending: RwSignal<bool>,
}

/// What changes something and tells how it went. Each caller has a `pending` of its own.
pub(crate) fn use_act() -> Act {
    Act {
        auth: use_auth(),
        live: use_live(),
        toasts: use_toasts(),
        pending: RwSignal::new(false),
    }
}

impl Act {
    /// Runs `call`. A success is told in the words of `done` and looked at at once, an error in the server's.
    pub(crate) fn run<A: 'static>(
        self,
        topic: Topic,
        done: impl Fn(&Texts) -> String + Send + Sync + 'static,
        call: impl Future<Output = Result<A, ApiError>> + 'static,
    ) {
        self.run_then(topic, call, move |toasts, _| {
            toasts.good(move |texts| done(texts));
        });
    }

    /// Runs `call`, and `then` with its answer. An error goes to `error`, where a form shows it.
    pub(crate) fn run_or<A: 'static>(
        self,
        topic: Topic,
        call: impl Future<Output = Result<A, ApiError>> + 'static,
        error: RwSignal<Option<ApiError>>,
        then: impl FnOnce(Toasts, A) + 'static,
    ) {
        self.run_with(topic, call, move |problem| _ = error.try_set(problem), then);
    }

    /// Runs `call`, and `then` with its answer.
    pub(crate) fn run_then<A: 'static>(
        self,
        topic: Topic,
        call: impl Future<Output = Result<A, ApiError>> + 'static,
        then: impl FnOnce(Toasts, A) + 'static,
    ) {
        let failed = move |error: Option<ApiError>| {
            if let Some(error) = error {
                self.toasts.bad(error);
            }
        };
        self.run_with(topic, call, failed, then);
    }

    /// `failed` gets no error when the call begins, and the one that it ends with.
    fn run_with<A: 'static>(
        self,
        topic: Topic,
        call: impl Future<Output = Result<A, ApiError>> + 'static,
        failed: impl Fn(Option<ApiError>) + 'static,
        then: impl FnOnce(Toasts, A) + 'static,
    ) {
        // A second click on a slow line must not do it twice. What is undone after its row has left the list has
        // no button any more, and is done all the same.
        if self.pending.try_get_untracked() == Some(true) {
            return;
        }
        let _ = self.pending.try_set(true);
        failed(None);
        spawn_local(async move {
            let outcome = call.await;
            // The page may have been left meanwhile, and its signals with it.
            let _ = self.pending.try_set(false);
            match outcome {
                Ok(answer) => {
                    self.live.changed(topic);
                    then(self.toasts, answer);
                }
                Err(error) => {
                    self.auth.notice(&error);
                    failed(Some(error));
                }
            }
        });
    }
}
