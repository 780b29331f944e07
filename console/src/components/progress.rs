//! How far something is.

use antares_protocol::instance::Instance;
use leptos::prelude::*;

use crate::format;
use crate::i18n::use_i18n;

/// Shards of an instance that have ended, out of all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shards {
    pub(crate) total: i32,
    pub(crate) succeeded: i32,
    pub(crate) failed: i32,
    pub(crate) cancelled: i32,
}

impl Shards {
    /// Those of an instance.
    pub(crate) fn of(instance: &Instance) -> Self {
        Self {
            total: instance.total,
            succeeded: instance.succeeded,
            failed: instance.failed,
            cancelled: instance.cancelled,
        }
    }

    fn ended(self) -> i32 {
        self.succeeded + self.failed + self.cancelled
    }

    fn share(self, part: i32) -> String {
        share(f64::from(part), f64::from(self.total))
    }
}

/// Never rounded up to full: 99,999 of 100,000 is not done.
fn share(part: f64, total: f64) -> String {
    format!("{:.2}%", (part / total.max(1.0) * 10_000.0).floor() / 100.0)
}

/// Progress of an instance: how many shards ended, and how.
#[component]
pub(crate) fn Progress(
    /// The counters.
    #[prop(into)]
    shards: Signal<Shards>,
) -> impl IntoView {
    let i18n = use_i18n();
    let ended = move || {
        format!(
            "{} / {}",
            format::count(shards.get().ended()),
            format::count(shards.get().total)
        )
    };
    let parts = move || {
        let (texts, shards) = (i18n.texts(), shards.get());
        let say =
            |count: i32, say: fn(&str) -> String| (count > 0).then(|| say(&format::count(count)));
        [
            say(shards.succeeded, texts.n_succeeded),
            say(shards.failed, texts.n_failed),
            say(shards.cancelled, texts.n_cancelled),
        ]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(", ")
    };
    let trouble = move |count: fn(Shards) -> i32,
                        say: fn(&crate::i18n::Texts) -> fn(&str) -> String| {
        let count = count(shards.get());
        (count > 0).then(|| say(i18n.texts())(&format::count(count)))
    };
    view! {
        <div class="progress">
            <div
                class="bar"
                role="progressbar"
                aria-label=i18n.text(|t| t.progress)
                aria-valuemin="0"
                aria-valuemax=move || shards.get().total.to_string()
                aria-valuenow=move || shards.get().ended().to_string()
                aria-valuetext=move || format!("{}. {}", ended(), parts())
                title=parts
            >
                <span class="bar-good" style:width=move || shards.get().share(shards.get().succeeded)></span>
                <span class="bar-bad" style:width=move || shards.get().share(shards.get().failed)></span>
                <span class="bar-quiet" style:width=move || shards.get().share(shards.get().cancelled)></span>
            </div>
            <span class="progress-count">{ended}</span>
            <span class="progress-troubles">
                <span class="progress-bad">{move || trouble(|s| s.failed, |t| t.n_failed)}</span>
                <span class="progress-quiet">{move || trouble(|s| s.cancelled, |t| t.n_cancelled)}</span>
            </span>
        </div>
    }
}

/// How much of something is in use, as a small bar under its number. The number says it all.
#[component]
pub(crate) fn Meter(
    /// The part.
    #[prop(into)]
    part: Signal<i64>,
    /// The whole.
    #[prop(into)]
    whole: Signal<i64>,
) -> impl IntoView {
    view! {
        <span class="meter" aria-hidden="true">
            <span style:width=move || share(part.get() as f64, whole.get() as f64)></span>
        </span>
    }
}
