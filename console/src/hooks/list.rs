//! A list that keeps itself current.

use std::collections::HashMap;
use std::rc::Rc;

use antares_protocol::page::Page;
use leptos::prelude::*;

use super::current::keep_current;
use super::live::Topic;
use crate::api::{self, ApiError, Row};

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

/// Keeps what `query` asks of the list current, for as long as the owner lives.
pub(crate) fn use_list<T: Row>(topic: Topic, query: Vec<(String, String)>) -> List<T> {
    let list = List {
        entries: RwSignal::new(None),
        next: RwSignal::new(None),
        error: RwSignal::new(None),
    };
    let query = Rc::new(query);
    keep_current(
        topic,
        list.error,
        move || {
            let query = Rc::clone(&query);
            async move { api::list::<T>(&query).await }
        },
        move |page| list.show(page),
    );
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
    }
}
