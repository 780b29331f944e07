//! Asking again whenever the server says that something has changed.

use std::future::Future;

use futures::channel::mpsc;
use futures::future::{AbortHandle, Abortable};
use futures::stream::StreamExt;
use gloo_timers::future::TimeoutFuture;
use leptos::prelude::*;
use leptos::task::spawn_local;
use serde::de::DeserializeOwned;

use super::auth::use_auth;
use super::live::{Topic, use_live};
use crate::api::{self, ApiError};

/// However much happens, the server is asked once in this time.
const AT_MOST_EVERY_MS: u32 = 1_000;

/// After an error, with nobody telling of changes.
const RETRY_MS: u32 = 3_000;

/// Something that the API tells, kept current.
pub(crate) struct Current<T: Send + Sync + 'static> {
    /// The last answer; `None` until the first one.
    pub(crate) value: RwSignal<Option<T>>,
    /// Why the last attempt gave nothing. An earlier answer stays.
    pub(crate) error: RwSignal<Option<ApiError>>,
}

// Derived, these would ask what is told to be `Copy`.
impl<T: Send + Sync + 'static> Clone for Current<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Send + Sync + 'static> Copy for Current<T> {}

/// Keeps what stands at `path` current, for as long as the owner lives. What shows another path is another
/// call: it belongs into a closure that reads the path.
pub(crate) fn use_current<T>(topic: Topic, path: String) -> Current<T>
where
    T: DeserializeOwned + PartialEq + Send + Sync + 'static,
{
    let current = Current {
        value: RwSignal::new(None),
        error: RwSignal::new(None),
    };
    let show = move |answer: T| {
        // What has not changed must not be drawn anew under the cursor.
        let same = current
            .value
            .with_untracked(|shown| shown.as_ref() == Some(&answer));
        if !same {
            current.value.set(Some(answer));
        }
    };
    let ask = move || {
        let path = path.clone();
        async move { api::get(&path).await }
    };
    keep_current(topic, current.error, ask, show);
    current
}

/// Asks now, and again after each change of `topic`, for as long as the owner lives.
pub(crate) fn keep_current<A, F>(
    topic: Topic,
    error: RwSignal<Option<ApiError>>,
    ask: impl Fn() -> F + 'static,
    show: impl Fn(A) + 'static,
) where
    A: 'static,
    F: Future<Output = Result<A, ApiError>> + 'static,
{
    let auth = use_auth();
    let live = use_live();
    // Room for one message: changes during a request make one more request, not one each.
    let (mut alarm, mut changes) = mpsc::channel(0);
    Effect::new(move || {
        live.track(topic);
        // Full: it is going to be asked for anyway.
        let _ = alarm.try_send(());
    });
    let (stop, stopped) = AbortHandle::new_pair();
    on_cleanup(move || stop.abort());
    let work = async move {
        while changes.next().await.is_some() {
            loop {
                match ask().await {
                    Ok(answer) => {
                        show(answer);
                        if error.with_untracked(Option::is_some) {
                            error.set(None);
                        }
                        break;
                    }
                    Err(problem) => {
                        auth.notice(&problem);
                        let is_final = problem.is_not_found() || problem.is_refused();
                        error.set(Some(problem));
                        if is_final {
                            break;
                        }
                        TimeoutFuture::new(RETRY_MS).await;
                    }
                }
            }
            TimeoutFuture::new(AT_MOST_EVERY_MS).await;
        }
    };
    spawn_local(async move {
        // Ends by being aborted.
        let _ = Abortable::new(work, stopped).await;
    });
}
