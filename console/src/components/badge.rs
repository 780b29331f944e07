//! States as coloured badges. The colour repeats the text, it never stands alone.

use antares_protocol::instance::InstanceState;
use antares_protocol::job::JobState;
use leptos::prelude::*;

use crate::i18n::{Texts, use_i18n};

/// How a state feels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    /// Nothing goes on.
    Quiet,
    /// As it should be, waiting.
    Ready,
    /// Work goes on.
    Busy,
    /// Ended well.
    Good,
    /// Somebody should look.
    Warning,
    /// Ended badly.
    Bad,
}

impl Tone {
    /// Its name among the styles.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Quiet => "quiet",
            Self::Ready => "ready",
            Self::Busy => "busy",
            Self::Good => "good",
            Self::Warning => "warning",
            Self::Bad => "bad",
        }
    }
}

/// What has a badge.
pub(crate) trait State {
    /// How it feels, and its name.
    fn badge(self) -> (Tone, fn(&Texts) -> &'static str);
}

impl State for JobState {
    fn badge(self) -> (Tone, fn(&Texts) -> &'static str) {
        match self {
            Self::Disabled => (Tone::Quiet, |t| t.disabled),
            Self::Stopped => (Tone::Quiet, |t| t.stopped),
            Self::Waiting => (Tone::Ready, |t| t.waiting),
            Self::Running => (Tone::Busy, |t| t.running),
            Self::Paused => (Tone::Warning, |t| t.paused),
        }
    }
}

impl State for InstanceState {
    fn badge(self) -> (Tone, fn(&Texts) -> &'static str) {
        match self {
            Self::Queued => (Tone::Ready, |t| t.queued),
            Self::Running => (Tone::Busy, |t| t.running),
            Self::Succeeded => (Tone::Good, |t| t.succeeded),
            Self::Failed => (Tone::Bad, |t| t.failed),
            Self::Terminated => (Tone::Quiet, |t| t.terminated),
            Self::TimedOut => (Tone::Bad, |t| t.timed_out),
        }
    }
}

/// Whether a replica fires jobs.
pub(crate) struct Firing {
    /// Whether others are to fire its jobs.
    pub(crate) draining: bool,
    /// How many buckets it owns.
    pub(crate) buckets: i64,
}

impl State for Firing {
    fn badge(self) -> (Tone, fn(&Texts) -> &'static str) {
        match self {
            Self {
                draining: false, ..
            } => (Tone::Good, |t| t.active),
            Self { buckets: 0, .. } => (Tone::Quiet, |t| t.server.drained),
            // The others take over in the same transaction; so there are none.
            _ => (Tone::Warning, |t| t.server.last),
        }
    }
}

/// The badge of a state.
#[component]
pub(crate) fn Badge<S: State + 'static>(
    /// The state.
    state: impl Fn() -> S + Send + Sync + Copy + 'static,
) -> impl IntoView {
    let i18n = use_i18n();
    view! {
        <span class=move || format!("badge {}", state().badge().0.name())>{move || (state().badge().1)(i18n.texts())}</span>
    }
}
