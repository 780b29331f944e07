//! Clients: the processes that run shards.

use antares_protocol::cluster::{Client, ClientInstance};
use leptos::prelude::*;
use leptos_router::components::A;

use crate::components::copy::CopyId;
use crate::components::filters::TextFilter;
use crate::components::list_page::{Column, Empty, ListPage};
use crate::components::progress::Meter;
use crate::components::when::{Nothing, When};
use crate::format;
use crate::hooks::live::Topic;

/// A clock further off than this is wrong.
const SKEW_MS: i64 = 1_000;
/// What a call may take on its way: less says nothing about the clock.
const NEAR_MS: i64 = 100;

/// So many handlers are shown; hovering shows all.
const HANDLERS: usize = 4;

const COLUMNS: &[Column<Client>] = &[
    Column {
        label: |t| t.app,
        class: "",
        head: None,
        cell: |client| {
            view! { <span class="first">{move || client.with(|client| client.app.clone())}</span> }
                .into_any()
        },
    },
    Column {
        label: |t| t.host,
        class: "wide",
        head: None,
        cell: |client| view! { <Host client /> }.into_any(),
    },
    Column {
        label: |t| t.pid,
        class: "number",
        head: None,
        cell: |client| {
            // What is no process of an SDK says none.
            let pid = move || match client.with(|client| client.pid) {
                0 => "–".to_owned(),
                pid => pid.to_string(),
            };
            pid.into_any()
        },
    },
    Column {
        label: |t| t.sdk,
        class: "",
        head: None,
        cell: |client| {
            (move || client.with(|client| format!("{} {}", client.sdk, client.version))).into_any()
        },
    },
    Column {
        label: |t| t.handlers,
        class: "",
        head: None,
        cell: |client| view! { <Handlers client /> }.into_any(),
    },
    Column {
        label: |t| t.running,
        class: "number",
        head: None,
        cell: |client| {
            let running = Signal::derive(move || client.with(|client| client.running));
            view! {
                {move || format::count(running.get())}
                <Meter part=running whole=Signal::derive(move || client.with(|client| client.slots.into())) />
                <Runs client />
            }
            .into_any()
        },
    },
    Column {
        label: |t| t.slots,
        class: "number",
        head: None,
        cell: |client| (move || format::count(client.with(|client| client.slots))).into_any(),
    },
    Column {
        label: |t| t.clock_skew,
        class: "number",
        head: None,
        cell: |client| view! { <Skew client /> }.into_any(),
    },
    Column {
        label: |t| t.registered,
        class: "time",
        head: None,
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
    view! { <ListPage path="/clients" title=|t| t.clients topic=Topic::Clients columns=COLUMNS empty filters=&["app", "host", "label"] toolbar /> }
}

fn toolbar() -> AnyView {
    view! {
        <div class="toolbar">
            <TextFilter name="app" label=|t| t.app />
            <TextFilter name="host" label=|t| t.host />
            <TextFilter name="label" label=|t| t.editor.labels placeholder="name=value" />
        </div>
    }
    .into_any()
}

/// Of which instances it runs shards.
#[component]
fn Runs(client: RwSignal<Client>) -> impl IntoView {
    let instances = Memo::new(move |_| client.with(|client| client.instances.clone()));
    let one = |instance: ClientInstance| {
        view! {
            <span class="second">
                <A href=format!("/instances/{}", instance.id)>{instance.job}</A>
                {format!(" × {}", format::count(instance.shards))}
            </span>
        }
    };
    move || instances.get().into_iter().map(one).collect_view()
}

/// How far its clock was from the database's; what no network explains is marked.
#[component]
fn Skew(client: RwSignal<Client>) -> impl IntoView {
    let skew = Memo::new(move |_| client.with(|client| client.clock_skew_ms));
    move || match skew.get() {
        None => view! { <Nothing /> }.into_any(),
        Some(ms) if ms.saturating_abs() <= NEAR_MS => {
            let near = format::duration(chrono::TimeDelta::milliseconds(NEAR_MS));
            view! { <span title=format!("{ms} ms")>{format!("< {near}")}</span> }.into_any()
        }
        Some(ms) => {
            let sign = if ms < 0 { "−" } else { "+" };
            let length = format::duration(chrono::TimeDelta::milliseconds(ms.saturating_abs()));
            let is_wrong = ms.saturating_abs() > SKEW_MS;
            view! { <span class:error-text=is_wrong>{format!("{sign}{length}")}</span> }.into_any()
        }
    }
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
        <CopyId id=Signal::derive(move || client.with(|client| client.id.to_string())) />
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
