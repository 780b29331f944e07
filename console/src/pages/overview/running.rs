//! What runs now.

use antares_protocol::instance::Instance;
use antares_protocol::page::Page;
use leptos::prelude::*;
use leptos_router::components::A;

use super::ranking;
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
    let is_known = Memo::new(move |_| current.value.with(Option::is_some));
    let list = move || {
        is_known.get().then(|| {
            let told = Signal::derive(move || {
                let page = current.value.with(Clone::clone);
                page.expect("a page that was there is not taken away")
            });
            ranking(
                told,
                |page| &page.items,
                |i| i.id,
                row,
                |t| t.overview.none_running,
            )
        })
    };
    view! {
        <section class="card" id="running-now">
            <h2>{i18n.text(|t| t.overview.running_now)}</h2>
            {move || current.error.get().map(|error| view! { <Notice error=Signal::stored(error) /> })}
            {list}
        </section>
    }
}

fn row(instance: Signal<Instance>) -> AnyView {
    let shards = Signal::derive(move || instance.with(Shards::of));
    let began = Memo::new(move |_| instance.with(fired_at));
    view! {
        <A href=move || instance.with(|instance| format!("/instances/{}", instance.id))>
            {move || instance.with(|instance| format!("{} · #{}", instance.job, instance.id))}
        </A>
        <Progress shards />
        <span class="number">
            {move || began.get().map(|from| view! { <Lasted from=Signal::stored(from) to=Signal::stored(None) /> })}
        </span>
    }
    .into_any()
}
