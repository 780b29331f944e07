//! Ticks that calendars keep out.

use antares_protocol::plan::KeptOut;
use leptos::prelude::*;

use super::when::When;
use crate::format;
use crate::i18n::use_i18n;

/// So many are seen at once; the others unfold.
const SEEN: usize = 5;

/// The ticks, each with the calendar that keeps it out; nothing where there are none.
#[component]
pub(crate) fn KeptOutTicks(
    /// The ticks.
    ticks: Vec<KeptOut>,
    /// The zone of the job.
    zone: Signal<String>,
) -> impl IntoView {
    let i18n = use_i18n();
    let more = ticks.len().saturating_sub(SEEN) as i64;
    let one = move |tick: KeptOut| {
        view! { <li><When at=Signal::stored(Some(tick.at)) zone /> " " {move || i18n.said(&tick.reason)}</li> }
    };
    let mut ticks = ticks.into_iter().map(one);
    let seen = ticks.by_ref().take(SEEN).collect::<Vec<_>>();
    let others = ticks.collect::<Vec<_>>();
    (!seen.is_empty()).then(|| {
        view! {
            <h3>{i18n.text(|t| t.job_page.kept_out)}</h3>
            <ul class="fires kept-out">{seen}</ul>
            {(more > 0).then(|| view! {
                <details>
                    <summary>{move || (i18n.texts().job_page.kept_out_more)(&format::count(more))}</summary>
                    <ul class="fires">{others}</ul>
                </details>
            })}
        }
    })
}
