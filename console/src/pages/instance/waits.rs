//! What an instance waits for.

use antares_protocol::instance::{Instance, InstanceState};
use antares_protocol::plan::ExplainedWait;
use leptos::prelude::*;
use leptos_router::components::A;

use super::has_started;
use crate::hooks::current::use_current;
use crate::hooks::live::Topic;
use crate::i18n::use_i18n;

/// Why it has not begun, or never did, or why shards of it wait, with the page that tells more.
#[component]
pub(super) fn Waits(instance: Signal<Instance>) -> impl IntoView {
    let i18n = use_i18n();
    let (id, job_id) = instance.with_untracked(|i| (i.id, i.job_id));
    let never_began =
        Memo::new(move |_| instance.with(|i| i.state != InstanceState::Queued && !has_started(i)));
    let waits = Memo::new(move |_| {
        instance.with(|i| match i.state {
            InstanceState::Queued => true,
            InstanceState::Running => i.waiting.is_some_and(|waiting| waiting > 0),
            _ => false,
        })
    });
    let more = move || {
        view! { <A href=format!("/jobs/{job_id}?tab=why")>{i18n.text(|t| t.job_page.tab_why)}</A> }
    };
    view! {
        <Show when=move || waits.get()>
            <div id="waits">
                <Reasons id />
                <p>{more()}</p>
            </div>
        </Show>
        <Show when=move || never_began.get()>
            <p class="nothing" id="waits">{i18n.text(|t| t.instance.never_began)} " " {more()}</p>
        </Show>
    }
}

/// The reasons, kept current.
#[component]
fn Reasons(id: i64) -> impl IntoView {
    let i18n = use_i18n();
    let current =
        use_current::<ExplainedWait>(Topic::Instances, format!("/api/v1/instances/{id}/explain"));
    move || {
        let told = current.value.get()?;
        let reasons = told.reasons.iter().zip(&told.reasons_zh);
        let reasons = reasons.map(|(english, chinese)| {
            view! { <p class="reason">{i18n.pick(english, chinese)}</p> }
        });
        Some(reasons.collect_view())
    }
}
