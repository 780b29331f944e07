//! Light, dark, or as the system has it.

use leptos::prelude::*;

use super::storage;

// boot.js reads the same key before anything is painted.
const KEY: &str = "antares.theme";

/// Which colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Theme {
    /// Whatever the system asks for.
    System,
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

impl Theme {
    fn name(self) -> Option<&'static str> {
        match self {
            Self::System => None,
            Self::Light => Some("light"),
            Self::Dark => Some("dark"),
        }
    }

    /// What the switch goes to next.
    pub(crate) fn next(self) -> Self {
        match self {
            Self::System => Self::Light,
            Self::Light => Self::Dark,
            Self::Dark => Self::System,
        }
    }
}

/// Provides the chosen theme and keeps the page's root element in step with it.
pub(crate) fn provide() {
    let theme = RwSignal::new(match storage::load(KEY).as_deref() {
        Some("light") => Theme::Light,
        Some("dark") => Theme::Dark,
        _ => Theme::System,
    });
    provide_context(theme);
    Effect::new(move |before: Option<()>| {
        let name = theme.get().name();
        if before.is_some() {
            storage::keep(KEY, name);
        }
        if let Some(root) = document().document_element() {
            // Neither call fails for a name that is a valid attribute.
            let _ = match name {
                Some(name) => root.set_attribute("data-theme", name),
                None => root.remove_attribute("data-theme"),
            };
        }
    });
}

/// The chosen theme.
pub(crate) fn use_theme() -> RwSignal<Theme> {
    expect_context()
}
