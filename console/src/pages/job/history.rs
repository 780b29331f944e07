//! The latest instances of a job: a strip of states over bars of durations.

use antares_protocol::instance::Instance;
use antares_protocol::page::Page;
use leptos::prelude::*;

use crate::components::badge::State as _;
use crate::format;
use crate::hooks::clock::use_clock;
use crate::hooks::current::use_current;
use crate::hooks::live::Topic;
use crate::i18n::use_i18n;

/// Instances that are shown.
const SHOWN: usize = 60;

/// The drawing; each part leads to its instance.
#[component]
pub(super) fn History(id: i64) -> impl IntoView {
    let i18n = use_i18n();
    let clock = use_clock();
    let current = use_current::<Page<Instance>>(
        Topic::Instances,
        format!("/api/v1/instances?job_id={id}&limit={SHOWN}"),
    );
    move || {
        let Some(page) = current.value.get() else {
            return ().into_any();
        };
        if page.items.is_empty() {
            return view! { <p class="nothing">{i18n.text(|t| t.job_page.no_history)}</p> }
                .into_any();
        }
        let now = clock.now.get_untracked();
        let took = |instance: &Instance| {
            (instance.ended_at.unwrap_or(now) - instance.fired_at)
                .num_milliseconds()
                .max(0)
        };
        let most = page.items.iter().map(took).max().unwrap_or(1).max(1);
        // Oldest first, as one reads.
        let one = |instance: Instance| {
            let took_ms = took(&instance);
            let (tone, label) = instance.state.badge();
            let title = (i18n.texts().job_page.history_item)(
                &instance.id.to_string(),
                label(i18n.texts()),
                &format::duration(chrono::TimeDelta::milliseconds(took_ms)),
            );
            let height = format!("{:.1}%", (took_ms as f64 / most as f64 * 100.0).max(3.0));
            view! {
                <li>
                    <a href=format!("/instances/{}", instance.id) title=title.clone() aria-label=title>
                        <span class="history-bar"><span style:height=height></span></span>
                        <span class=format!("history-state {}", tone.name())></span>
                    </a>
                </li>
            }
        };
        let items = page.items.into_iter().rev().map(one).collect_view();
        view! { <ol class="history">{items}</ol> }.into_any()
    }
}
