//! Preferences kept in the browser. Where storage is forbidden they last until the page is left.

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
