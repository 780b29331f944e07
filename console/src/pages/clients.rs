//! Clients: the processes that run shards.

use antares_protocol::cluster::Client;
use leptos::prelude::*;

use crate::components::list_page::{Column, Empty, ListPage};
use crate::components::progress::Meter;
use crate::components::when::When;
use crate::format;
use crate::hooks::live::Topic;

/// So many handlers are shown; hovering shows all.
const HANDLERS: usize = 4;

const COLUMNS: &[Column<Client>] = &[
    Column {
        label: |t| t.app,
        class: "",
        cell: |client| {
            view! { <span class="first">{move || client.with(|client| client.app.clone())}</span> }
                .into_any()
        },
    },
    Column {
        label: |t| t.host,
        class: "wide",
        cell: |client| view! { <Host client /> }.into_any(),
    },
    Column {
        label: |t| t.pid,
        class: "number",
        cell: |client| (move || client.with(|client| client.pid)).into_any(),
    },
    Column {
        label: |t| t.sdk,
        class: "",
        cell: |client| {
            (move || client.with(|client| format!("{} {}", client.sdk, client.version))).into_any()
        },
    },
    Column {
        label: |t| t.handlers,
        class: "",
        cell: |client| view! { <Handlers client /> }.into_any(),
    },
    Column {
        label: |t| t.running,
        class: "number",
        cell: |client| {
            let running = Signal::derive(move || client.with(|client| client.running));
            view! {
                {move || format::count(running.get())}
                <Meter part=running whole=Signal::derive(move || client.with(|client| client.slots.into())) />
            }
            .into_any()
        },
    },
    Column {
        label: |t| t.slots,
        class: "number",
        cell: |client| (move || format::count(client.with(|client| client.slots))).into_any(),
    },
    Column {
        label: |t| t.registered,
        class: "time",
        cell: |client| {
            view! { <When at=Signal::derive(move || Some(client.with(|client| client.registered_at))) /> }
                .into_any()
        },
    },
];

/// The page.
#[component]
pub(crate) fn Clients() -> impl IntoView {
    let empty = Empty {
        text: |t| t.no_clients,
        hint: |t| t.no_clients_hint,
    };
    view! { <ListPage path="/clients" title=|t| t.clients topic=Topic::Clients columns=COLUMNS empty /> }
}

/// The host, and below it its address and labels.
#[component]
fn Host(client: RwSignal<Client>) -> impl IntoView {
    let second = move || {
        client.with(|client| {
            let labels = client
                .labels
                .iter()
                .map(|(name, value)| format!("{name}={value}"));
            let address = Some(client.ip.clone()).filter(|ip| !ip.is_empty());
            address
                .into_iter()
                .chain(labels)
                .collect::<Vec<_>>()
                .join(" · ")
        })
    };
    view! {
        <span class="first">{move || client.with(|client| client.host.clone())}</span>
        <span class="second">{second}</span>
    }
}

#[component]
fn Handlers(client: RwSignal<Client>) -> impl IntoView {
    let all = Memo::new(move |_| client.with(|client| client.handlers.clone()));
    let shown = move || {
        all.get()
            .into_iter()
            .take(HANDLERS)
            .map(|handler| view! { <code class="chip">{handler}</code> })
            .collect_view()
    };
    let rest = move || {
        let rest = all.with(Vec::len).saturating_sub(HANDLERS);
        (rest > 0).then(|| format!("+{rest}"))
    };
    view! {
        <span class="chips" title=move || all.get().join("\n")>
            {shown}
            <span class="second">{rest}</span>
        </span>
    }
}
