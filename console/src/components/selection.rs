//! Jobs of a list that are chosen, to do something to all of them.

use std::collections::BTreeMap;

use antares_protocol::job::Job;
use leptos::prelude::*;

use crate::i18n::use_i18n;

/// What is chosen, and what is there to choose: jobs by their ids, as their rows show them.
#[derive(Clone, Copy)]
pub(crate) struct Selection {
    pub(crate) chosen: RwSignal<BTreeMap<i64, Signal<Job>>>,
    shown: RwSignal<BTreeMap<i64, Signal<Job>>>,
}

/// Provides it for the page.
pub(crate) fn provide() -> Selection {
    let selection = Selection {
        chosen: RwSignal::default(),
        shown: RwSignal::default(),
    };
    provide_context(selection);
    selection
}

/// The selection of the page.
pub(crate) fn use_selection() -> Selection {
    expect_context()
}

impl Selection {
    /// Chooses all that are shown.
    pub(crate) fn choose_all(self) {
        self.chosen.set(self.shown.get_untracked());
    }

    /// Whether all that are shown are chosen.
    pub(crate) fn has_all(self) -> bool {
        self.chosen.with(BTreeMap::len) == self.shown.with(BTreeMap::len)
    }

    /// Chooses nothing.
    pub(crate) fn clear(self) {
        self.chosen.update(BTreeMap::clear);
    }
}

/// The box of the heading: all that are shown, or none.
#[component]
pub(crate) fn ChooseAll() -> impl IntoView {
    let i18n = use_i18n();
    let selection = use_selection();
    let some = Memo::new(move |_| selection.chosen.with(|chosen| !chosen.is_empty()));
    let all = Memo::new(move |_| some.get() && selection.has_all());
    let choose = move |event| {
        if event_target_checked(&event) {
            selection.choose_all();
        } else {
            selection.clear();
        }
    };
    view! {
        <input
            type="checkbox"
            id="choose-shown"
            aria-label=i18n.text(|t| t.control.choose_all)
            prop:checked=move || all.get()
            prop:indeterminate=move || some.get() && !all.get()
            on:change=choose
        />
    }
}

/// The box of a row.
#[component]
pub(crate) fn Choose(
    /// The job.
    #[prop(into)]
    job: Signal<Job>,
) -> impl IntoView {
    let i18n = use_i18n();
    let Selection { chosen, shown } = use_selection();
    let id = job.with_untracked(|job| job.id);
    shown.update(|shown| _ = shown.insert(id, job));
    // What has left the list is not done anything to.
    on_cleanup(move || {
        let _ = shown.try_update(|shown| shown.remove(&id));
        if chosen.try_with_untracked(|chosen| chosen.contains_key(&id)) == Some(true) {
            let _ = chosen.try_update(|chosen| chosen.remove(&id));
        }
    });
    let is_chosen = Memo::new(move |_| chosen.with(|chosen| chosen.contains_key(&id)));
    let label = move || job.with(|job| (i18n.texts().choose)(&job.spec.name));
    let choose = move |event| {
        let is_chosen = event_target_checked(&event);
        chosen.update(|chosen| {
            if is_chosen {
                chosen.insert(id, job);
            } else {
                chosen.remove(&id);
            }
        });
    };
    view! {
        <input
            type="checkbox"
            aria-label=label
            data-choose=id
            prop:checked=move || is_chosen.get()
            on:change=choose
        />
    }
}
