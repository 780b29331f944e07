//! A list that keeps itself current.

use std::collections::{HashMap, HashSet};
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
    /// Whether rows must stay where they are: what changes in them is shown, and other rows wait.
    pub(crate) stays: RwSignal<bool>,
    /// The last answer, where its rows wait.
    waiting: RwSignal<Option<Page<T>>>,
}

/// Keeps what `query` asks of the list current, for as long as the owner lives.
pub(crate) fn use_list<T: Row>(topic: Topic, query: Vec<(String, String)>) -> List<T> {
    let list = List {
        entries: RwSignal::new(None),
        next: RwSignal::new(None),
        error: RwSignal::new(None),
        stays: RwSignal::new(false),
        waiting: RwSignal::new(None),
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
    Effect::new(move || {
        if !list.stays.get() {
            list.bring_in();
        }
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
    /// How many rows wait to be shown.
    pub(crate) fn newcomers(self) -> usize {
        self.waiting.with(|page| {
            let items = page.iter().flat_map(|page| &page.items);
            self.entries.with(|entries| {
                let known: HashSet<T::Key> =
                    entries.iter().flatten().map(|e| e.key.clone()).collect();
                items.filter(|item| !known.contains(&item.key())).count()
            })
        })
    }

    /// Shows what waits.
    pub(crate) fn bring_in(self) {
        if let Some(page) = self.waiting.try_update(Option::take).flatten() {
            self.set(page);
        }
    }

    fn show(self, page: Page<T>) {
        if !self.stays.get_untracked() {
            self.set(page);
            return;
        }
        let same = self.entries.with_untracked(|entries| {
            let Some(entries) = entries.as_ref().filter(|entries| !entries.is_empty()) else {
                return true;
            };
            for item in &page.items {
                let key = item.key();
                let known = entries.iter().find(|entry| entry.key == key);
                if let Some(entry) = known.filter(|e| e.row.with_untracked(|shown| shown != item)) {
                    entry.row.set(item.clone());
                }
            }
            let keys = page.items.iter().map(Row::key);
            entries.iter().map(|entry| entry.key.clone()).eq(keys)
        });
        if same {
            self.waiting.set(None);
            self.set(page);
        } else {
            self.waiting.set(Some(page));
        }
    }

    fn set(self, page: Page<T>) {
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
