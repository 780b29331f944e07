//! A list that keeps itself current.

use std::collections::HashMap;

use antares_protocol::page::Page;
use futures::channel::mpsc;
use futures::future::{AbortHandle, Abortable};
use futures::stream::StreamExt;
use gloo_timers::future::TimeoutFuture;
use leptos::prelude::*;
use leptos::task::spawn_local;

use super::auth::use_auth;
use super::live::{Topic, use_live};
use crate::api::{self, ApiError, Row};

/// However much happens, the list is asked for once in this time.
const AT_MOST_EVERY_MS: u32 = 1_000;

/// After an error, with nobody telling of changes.
const RETRY_MS: u32 = 3_000;

/// One row, whose content changes in place: what has not changed on the page is not touched.
#[derive(Clone)]
pub(crate) struct Entry<T: Row> {
    pub(crate) key: T::Key,
    pub(crate) row: ArcRwSignal<T>,
}

/// One page of a list.
pub(crate) struct List<T: Row> {
    /// The rows; `None` until the first answer.
    pub(crate) entries: RwSignal<Option<Vec<Entry<T>>>>,
    /// Where the next page starts.
    pub(crate) next: RwSignal<Option<String>>,
    /// Why the last attempt gave nothing. The rows of an earlier one stay.
    pub(crate) error: RwSignal<Option<ApiError>>,
}

/// Keeps the page of the list that starts after `after` current, for as long as the owner lives.
pub(crate) fn use_list<T: Row>(topic: Topic, after: Option<String>) -> List<T> {
    let list = List {
        entries: RwSignal::new(None),
        next: RwSignal::new(None),
        error: RwSignal::new(None),
    };
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
                match api::list::<T>(after.as_deref()).await {
                    Ok(page) => {
                        list.show(page);
                        break;
                    }
                    Err(error) => {
                        auth.notice(&error);
                        list.error.set(Some(error));
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
    list
}

// Derived, these would ask the rows to be `Copy`.
#[expect(clippy::expl_impl_clone_on_copy, reason = "deriving asks for too much")]
impl<T: Row> Clone for List<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Row> Copy for List<T> {}

impl<T: Row> List<T> {
    fn show(self, page: Page<T>) {
        let known: HashMap<T::Key, ArcRwSignal<T>> = self.entries.with_untracked(|entries| {
            let entries = entries.iter().flatten();
            entries
                .map(|entry| (entry.key.clone(), entry.row.clone()))
                .collect()
        });
        let entries: Vec<Entry<T>> = page
            .items
            .into_iter()
            .map(|item| {
                let key = item.key();
                let row = match known.get(&key) {
                    Some(row) => {
                        if row.with_untracked(|shown| *shown != item) {
                            row.set(item);
                        }
                        row.clone()
                    }
                    None => ArcRwSignal::new(item),
                };
                Entry { key, row }
            })
            .collect();
        let same = self.entries.with_untracked(|shown| {
            shown.as_ref().is_some_and(|shown| {
                shown
                    .iter()
                    .map(|entry| &entry.key)
                    .eq(entries.iter().map(|entry| &entry.key))
            })
        });
        if !same {
            self.entries.set(Some(entries));
        }
        if self.next.with_untracked(|next| *next != page.next) {
            self.next.set(page.next);
        }
        if self.error.with_untracked(Option::is_some) {
            self.error.set(None);
        }
    }
}
