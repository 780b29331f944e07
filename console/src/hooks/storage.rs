//! What is kept in the browser: preferences, and for as long as the tab is open what was typed. Where storage is
//! forbidden it lasts until the page is left.

use leptos::prelude::window;

fn storage() -> Option<web_sys::Storage> {
    window().local_storage().ok().flatten()
}

/// What is kept under `key`.
pub(crate) fn load(key: &str) -> Option<String> {
    storage()?.get_item(key).ok().flatten()
}

/// Keeps `value` under `key`; `None` forgets it.
pub(crate) fn keep(key: &str, value: Option<&str>) {
    if let Some(storage) = storage() {
        // Full or forbidden: a preference is not worth an error.
        let _ = match value {
            Some(value) => storage.set_item(key, value),
            None => storage.remove_item(key),
        };
    }
}

fn session() -> Option<web_sys::Storage> {
    window().session_storage().ok().flatten()
}

/// What is kept for this tab under `key`.
pub(crate) fn load_for_tab(key: &str) -> Option<String> {
    session()?.get_item(key).ok().flatten()
}

/// Keeps `value` for this tab under `key`; `None` forgets it.
pub(crate) fn keep_for_tab(key: &str, value: Option<&str>) {
    if let Some(storage) = session() {
        // Full or forbidden: then leaving the page asks, and that is all.
        let _ = match value {
            Some(value) => storage.set_item(key, value),
            None => storage.remove_item(key),
        };
    }
}
