//! What runs now.

use antares_protocol::instance::Instance;
use antares_protocol::page::Page;
use leptos::prelude::*;
use leptos_router::components::A;

use crate::components::notice::Notice;
use crate::components::progress::{Progress, Shards};
use crate::components::when::Lasted;
use crate::hooks::current::use_current;
use crate::hooks::live::Topic;
use crate::i18n::use_i18n;
use crate::pages::instance::fired_at;

/// Instances that are shown; the tile above counts them all, and leads to their list.
const SHOWN: usize = 6;

/// The latest instances that run, each with how far it is.
#[component]
pub(super) fn Running() -> impl IntoView {
    let i18n = use_i18n();
    let current = use_current::<Page<Instance>>(
        Topic::Instances,
        format!("/api/v1/instances?state=running&limit={SHOWN}"),
    );
    let items = move |of: fn(&Instance) -> i64| {
        current.value.with(|page| {
            let items = page.iter().flat_map(|page| &page.items);
            items.map(of).collect::<Vec<_>>()
        })
    };
    let ids = Memo::new(move |_| items(|instance| instance.id));
    let is_idle = Memo::new(move |_| {
        let is_known = current.value.with(Option::is_some);
        is_known && ids.with(Vec::is_empty)
    });
    let one = move |id: i64| {
        // A row that is about to go shows what it showed.
        let instance = Memo::new(move |before: Option<&Instance>| {
            let found = current.value.with(|page| {
                let mut items = page.iter().flat_map(|page| &page.items);
                items.find(|instance| instance.id == id).cloned()
            });
            found
                .or_else(|| before.cloned())
                .expect("it was among those that run when its row was made")
        });
        view! { <Row instance /> }
    };
    view! {
        <section class="card" id="running-now">
            <h2>{i18n.text(|t| t.overview.running_now)}</h2>
            {move || current.error.get().map(|error| view! { <Notice error=Signal::stored(error) /> })}
            <Show when=move || is_idle.get()>
                <p class="nothing">{i18n.text(|t| t.overview.none_running)}</p>
            </Show>
            <ol class="ranking">
                <For each=move || ids.get() key=|id| *id children=one />
            </ol>
        </section>
    }
}

#[component]
fn Row(instance: Memo<Instance>) -> impl IntoView {
    let shards = Signal::derive(move || {
        instance.with(|instance| Shards {
            total: instance.total,
            succeeded: instance.succeeded,
            failed: instance.failed,
            cancelled: instance.cancelled,
        })
    });
    let began = Memo::new(move |_| instance.with(fired_at));
    view! {
        <li>
            <A href=move || instance.with(|instance| format!("/instances/{}", instance.id))>
                {move || instance.with(|instance| format!("{} · #{}", instance.job, instance.id))}
            </A>
            <Progress shards />
            <span class="number">
                {move || began.get().map(|from| view! { <Lasted from=Signal::stored(from) to=Signal::stored(None) /> })}
            </span>
        </li>
    }
}
