//! Servers: the replicas, and how the work of firing is spread over them.

use antares_protocol::cluster::Server;
use gloo_net::http::Method;
use leptos::prelude::*;
use leptos_router::components::A;
use serde_json::json;

use crate::api;
use crate::components::badge::{Badge, Firing};
use crate::components::copy::CopyId;
use crate::components::dialog::{Question, use_dialogs};
use crate::components::list_page::{Column, Empty, ListPage};
use crate::components::progress::Meter;
use crate::components::when::{Nothing, When};
use crate::format;
use crate::hooks::act::{Act, use_act};
use crate::hooks::live::Topic;
use crate::i18n::use_i18n;

/// Jobs hash into so many buckets.
const BUCKETS: i64 = 256;

const COLUMNS: &[Column<Server>] = &[
    Column {
        label: |t| t.host,
        class: "wide",
        head: None,
        cell: |server| {
            view! {
                <span class="first">{move || server.with(|server| server.host.clone())}</span>
                <CopyId id=Signal::derive(move || server.with(|server| server.id.to_string())) />
            }
            .into_any()
        },
    },
    Column {
        label: |t| t.state,
        class: "",
        head: None,
        cell: |server| {
            let state = move || {
                server.with(|server| Firing {
                    draining: server.draining,
                    buckets: server.buckets,
                })
            };
            view! { <Badge state /> }.into_any()
        },
    },
    Column {
        label: |t| t.address,
        class: "mono",
        head: None,
        cell: |server| (move || server.with(|server| server.address.clone())).into_any(),
    },
    Column {
        label: |t| t.pid,
        class: "number",
        head: None,
        cell: |server| (move || server.with(|server| server.pid)).into_any(),
    },
    Column {
        label: |t| t.version,
        class: "",
        head: None,
        cell: |server| (move || server.with(|server| server.version.clone())).into_any(),
    },
    Column {
        label: |t| t.buckets,
        class: "number",
        head: None,
        cell: |server| {
            let buckets = Signal::derive(move || server.with(|server| server.buckets));
            view! {
                {move || format!("{} / {BUCKETS}", buckets.get())}
                <Meter part=buckets whole=BUCKETS />
            }
            .into_any()
        },
    },
    Column {
        label: |t| t.server.scheduled_jobs,
        class: "number",
        head: None,
        cell: |server| {
            let id = server.with_untracked(|server| server.id);
            view! {
                <A href=format!("/jobs?server_id={id}")>
                    {move || format::count(server.with(|server| server.jobs))}
                </A>
            }
            .into_any()
        },
    },
    Column {
        label: |t| t.load,
        class: "number",
        head: None,
        cell: |server| view! { <Load server /> }.into_any(),
    },
    Column {
        label: |t| t.started,
        class: "time",
        head: None,
        cell: |server| {
            view! { <When at=Signal::derive(move || Some(server.with(|server| server.started_at))) /> }.into_any()
        },
    },
    Column {
        label: |t| t.control.actions,
        class: "",
        head: None,
        cell: |server| view! { <Actions server /> }.into_any(),
    },
];

/// The page.
#[component]
pub(crate) fn Servers() -> impl IntoView {
    let empty = Empty {
        text: |t| t.no_servers,
        hint: |t| t.no_servers_hint,
    };
    view! { <ListPage path="/servers" title=|t| t.servers topic=Topic::Servers columns=COLUMNS empty toolbar=hint /> }
}

/// Who comes from a system with a leader looks for it.
fn hint() -> AnyView {
    let i18n = use_i18n();
    view! { <p class="second">{i18n.text(|t| t.no_leader)}</p> }.into_any()
}

/// Drains it, after a question, or resumes it.
#[component]
fn Actions(server: RwSignal<Server>) -> impl IntoView {
    let i18n = use_i18n();
    let act = use_act();
    let dialogs = use_dialogs();
    let id = server.with_untracked(|server| server.id);
    let draining = Memo::new(move |_| server.with(|server| server.draining));
    let name =
        move || server.with_untracked(|server| format!("{} ({})", server.host, server.address));
    let drain = move |_| {
        let (asked, name) = (name(), name());
        let jobs = server.with_untracked(|server| format::count(server.jobs));
        dialogs.ask(Question::new(
            move |t| (t.server.drain_ask)(&asked),
            move |t| (t.server.drain_text)(&jobs),
            |t| t.server.drain.to_owned(),
            move || set_draining(act, id, true, name.clone()),
        ));
    };
    let button = move || {
        if draining.get() {
            view! {
                <button
                    type="button"
                    class="button small"
                    data-action="resume"
                    prop:disabled=act.pending
                    on:click=move |_| set_draining(act, id, false, name())
                >
                    {i18n.text(|t| t.server.resume)}
                </button>
            }
            .into_any()
        } else {
            view! {
                <button
                    type="button"
                    class="button small"
                    data-action="drain"
                    prop:disabled=act.pending
                    on:click=drain
                >
                    {i18n.text(|t| t.server.drain)}
                </button>
            }
            .into_any()
        }
    };
    view! { <div class="buttons">{button}</div> }
}

/// Tells the server, and what came of it. Draining can be taken back for a while.
fn set_draining(act: Act, id: uuid::Uuid, drains: bool, name: String) {
    let action = if drains { "drain" } else { "resume" };
    let path = format!("/api/v1/servers/{id}/{action}");
    let call = async move { api::call::<Server>(Method::POST, &path, &json!({})).await };
    act.run_then(Topic::Servers, call, move |toasts, _| {
        if !drains {
            toasts.supersede(&[id.as_u128()]);
            toasts.good(move |t| (t.server.now_resumed)(&name));
            return;
        }
        let again = name.clone();
        toasts.undoable(
            vec![id.as_u128()],
            move |t| (t.server.now_drained)(&name),
            move || set_draining(act, id, false, again.clone()),
        );
    });
}

/// How much of a core it takes, and how much memory.
#[component]
fn Load(server: RwSignal<Server>) -> impl IntoView {
    let load = Memo::new(move |_| server.with(|server| (server.cpu_percent, server.memory_bytes)));
    move || {
        match load.get() {
        (None, None) => view! { <Nothing /> }.into_any(),
        (cpu, memory) => view! {
            {cpu.map(|percent| format!("{percent} %"))}
            <span class="second">{memory.map(|bytes| format!("{:.0} MB", bytes as f64 / 1e6))}</span>
        }
        .into_any(),
    }
    }
}
