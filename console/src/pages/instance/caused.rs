//! What an instance caused: reruns of it, and what followed it.

use antares_protocol::instance::Instance;
use antares_protocol::page::Page;
use leptos::prelude::*;
use leptos_router::components::A;

use crate::components::badge::Badge;
use crate::components::when::When;
use crate::hooks::current::use_current;
use crate::hooks::live::Topic;
use crate::i18n::use_i18n;
use crate::pages::instances::trigger_name;

/// How many stand here; the others are in the list.
const MOST: usize = 10;

/// The part; nothing if it caused none.
#[component]
pub(super) fn Caused(id: i64) -> impl IntoView {
    let i18n = use_i18n();
    let current = use_current::<Page<Instance>>(
        Topic::Instances,
        format!("/api/v1/instances?cause_id={id}&limit={MOST}"),
    );
    let row = move |instance: Instance| {
        let state = instance.state;
        view! {
            <li>
                <A href=format!("/instances/{}", instance.id)>{format!("#{}", instance.id)}</A>
                " " <Badge state=move || state />
                <span class="second">
                    {trigger_name(i18n, instance.trigger)} " · " {instance.app} " / " {instance.job} " · "
                    <When at=Signal::stored(Some(instance.fired_at)) />
                </span>
            </li>
        }
    };
    move || {
        let page = current.value.get().filter(|page| !page.items.is_empty())?;
        let more = page.next.is_some().then(|| {
            view! { <p><A href=format!("/instances?cause_id={id}")>{i18n.text(|t| t.instance.all_caused)}</A></p> }
        });
        Some(view! {
            <section id="caused">
                <h2 class="section">{i18n.text(|t| t.instance.caused)}</h2>
                <ul class="waits">{page.items.into_iter().map(row).collect_view()}</ul>
                {more}
            </section>
        })
    }
}
