//! What was typed and not saved, kept for the tab: whichever way the page is left, it is there again.

use antares_protocol::job::JobSpec;
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use crate::hooks::storage;

/// What is kept.
#[derive(Serialize, Deserialize)]
pub(super) struct Kept {
    /// The definition as it was typed.
    pub(super) spec: JobSpec,
    /// The app of a new job.
    pub(super) app: String,
    /// Whether a new job is to be enabled.
    pub(super) enabled: bool,
    /// The version that was edited.
    pub(super) version: Option<i32>,
    /// Fields that hold what cannot be read, and that.
    #[serde(default)]
    pub(super) unread: Vec<(String, String)>,
}

fn key(id: Option<i64>) -> String {
    id.map_or_else(
        || "antares.draft.new".to_owned(),
        |id| format!("antares.draft.{id}"),
    )
}

/// What is kept of job `id`, or of a new one.
pub(super) fn load(id: Option<i64>) -> Option<Kept> {
    serde_json::from_str(&storage::load_for_tab(&key(id))?).ok()
}

/// Forgets it.
pub(super) fn forget(id: Option<i64>) {
    storage::keep_for_tab(&key(id), None);
}

/// Keeps what `now` says as it changes, while `is_changed` from what is saved.
pub(super) fn follow(id: Option<i64>, is_changed: Memo<bool>, now: impl Fn() -> Kept + 'static) {
    Effect::new(move || {
        if is_changed.get() {
            storage::keep_for_tab(&key(id), serde_json::to_string(&now()).ok().as_deref());
        } else {
            forget(id);
        }
    });
}
