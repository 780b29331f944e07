//! Line icons, drawn here: no font, no request, no dependency.

use leptos::prelude::*;

use crate::hooks::theme::Theme;

/// Something to draw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Glyph {
    /// Jobs: a calendar.
    Jobs,
    /// Instances: a pulse.
    Instances,
    /// The overview: a dial.
    Overview,
    /// Dependencies: a box that two follow.
    Dependencies,
    /// Calendars: a moon.
    Calendars,
    /// Limits: a gate.
    Limits,
    /// Apps: four tiles.
    Apps,
    /// Servers: two drawers.
    Servers,
    /// Clients: a processor.
    Clients,
    /// Leaving through a door.
    LogOut,
    /// A globe.
    Language,
    /// What a theme looks like.
    Theme(Theme),
}

impl Glyph {
    /// Path data on a grid of 24 by 24.
    fn path(self) -> &'static str {
        match self {
            Self::Jobs => "M4 6.5h16v13.5H4zM4 10.5h16M8 3.5v4M16 3.5v4M8 15l2.5 2.5L16 13",
            Self::Instances => "M3 12h4l3-7.5 4 15 3-7.5h4",
            Self::Overview => "M4 18a8.5 8.5 0 1 1 16 0M12 15.5l4-5M12 15.5h.01",
            Self::Dependencies => {
                "M3.5 9.5h6v5h-6zM14.5 4h6v5h-6zM14.5 15h6v5h-6zM9.5 12h2.5V6.5h2.5M12 12v5.5h2.5"
            }
            Self::Calendars => {
                "M5 5.5h14v14H5zM5 9.5h14M9 3.5v4M15 3.5v4M9 13h.01M12 13h.01M15 13h.01M9 16h.01M12 16h.01"
            }
            Self::Limits => "M4 20V8M20 20V8M4 12h16M4 16h16M2.5 5.5h19",
            Self::Apps => {
                "M4 4h6.5v6.5H4zM13.5 4H20v6.5h-6.5zM4 13.5h6.5V20H4zM13.5 13.5H20V20h-6.5z"
            }
            Self::Servers => {
                "M4 4.5h16v6.5H4zM4 13h16v6.5H4zM7.5 7.8h.01M7.5 16.3h.01M11 7.8h6M11 16.3h6"
            }
            Self::Clients => {
                "M7 7h10v10H7zM10 10h4v4h-4zM9.5 3.5V7M14.5 3.5V7M9.5 17v3.5M14.5 17v3.5M3.5 9.5H7M3.5 14.5H7M17 9.5h3.5M17 14.5h3.5"
            }
            Self::LogOut => "M10 4H5v16h5M14 8l4 4-4 4M18 12H9",
            Self::Language => {
                "M12 3.5a8.5 8.5 0 1 0 0 17a8.5 8.5 0 1 0 0-17M3.5 12h17M12 3.5c3 2.5 3 14.5 0 17M12 3.5c-3 2.5-3 14.5 0 17"
            }
            Self::Theme(Theme::Light) => {
                "M12 8a4 4 0 1 0 0 8a4 4 0 1 0 0-8M12 2.5v2.5M12 19v2.5M2.5 12H5M19 12h2.5M5.3 5.3l1.8 1.8M16.9 16.9l1.8 1.8M18.7 5.3l-1.8 1.8M7.1 16.9l-1.8 1.8"
            }
            Self::Theme(Theme::Dark) => "M19.5 14.5A8 8 0 0 1 9.5 4.5a8 8 0 1 0 10 10z",
            Self::Theme(Theme::System) => "M3.5 5h17v11.5h-17zM9 20.5h6M12 16.5v4",
        }
    }
}

/// An icon. What it stands for is said by the text beside it or the label around it.
#[component]
pub(crate) fn Icon(#[prop(into)] glyph: Signal<Glyph>) -> impl IntoView {
    view! {
        <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
            <path d=move || glyph.get().path() />
        </svg>
    }
}

/// The mark of Antares: a red star.
#[component]
pub(crate) fn Mark() -> impl IntoView {
    view! {
        <svg class="mark" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
            <path d="M16 3c1.3 7.3 4.7 11.7 13 13-8.3 1.3-11.7 5.7-13 13-1.3-7.3-4.7-11.7-13-13 8.3-1.3 11.7-5.7 13-13z" />
        </svg>
    }
}
