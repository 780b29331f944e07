//! Instants and lengths of time.

use chrono::{DateTime, TimeDelta, Utc};
use leptos::prelude::*;

use crate::format;
use crate::hooks::clock::use_clock;
use crate::i18n::use_i18n;

/// An instant in the viewer's zone. Hovering shows it in full, in UTC and in the job's zone too.
#[component]
pub(crate) fn When(
    /// The instant, if there is one.
    #[prop(into)]
    at: Signal<Option<DateTime<Utc>>>,
    /// Another zone to show it in.
    #[prop(optional, into)]
    zone: Option<Signal<String>>,
) -> impl IntoView {
    let clock = use_clock();
    let full = move |at| {
        zone.map_or_else(
            || format::full(at, None),
            |zone| zone.with(|zone| format::full(at, Some(zone))),
        )
    };
    move || match at.get() {
        Some(at) => view! {
            <time datetime=at.to_rfc3339() title=full(at)>
                {move || format::short(format::local(at), clock.today.get())}
            </time>
        }
        .into_any(),
        None => view! { <Nothing /> }.into_any(),
    }
}

/// How long until an instant: moves each second.
#[component]
pub(crate) fn Until(
    /// The instant, if there is one.
    #[prop(into)]
    at: Signal<Option<DateTime<Utc>>>,
) -> impl IntoView {
    let i18n = use_i18n();
    let clock = use_clock();
    move || {
        let left = at.get()? - clock.now.get();
        Some(if left <= TimeDelta::zero() {
            i18n.texts().due.to_owned()
        } else {
            (i18n.texts().within)(&format::rough_duration(left))
        })
    }
}

/// The time between two instants; up to now, moving each second, while there is no second one.
#[component]
pub(crate) fn Lasted(
    /// The first.
    #[prop(into)]
    from: Signal<DateTime<Utc>>,
    /// The second.
    #[prop(into)]
    to: Signal<Option<DateTime<Utc>>>,
) -> impl IntoView {
    let clock = use_clock();
    move || match to.get() {
        Some(to) => format::duration(to - from.get()),
        None => format::rough_duration(clock.now.get() - from.get()),
    }
}

/// Stands where there is nothing to say.
#[component]
pub(crate) fn Nothing() -> impl IntoView {
    let i18n = use_i18n();
    view! {
        <span class="nothing">
            <span aria-hidden="true">"–"</span>
            <span class="unseen">{i18n.text(|t| t.none)}</span>
        </span>
    }
}
