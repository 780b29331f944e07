//! Limits of running shards that jobs name.

use antares_protocol::page::Page;
use antares_protocol::policy::{Limit, PutLimit};
use gloo_net::http::Method;
use leptos::prelude::*;

use crate::api::{self, ApiError};
use crate::components::deletion::deletion;
use crate::components::dialog::{Modal, use_dialogs};
use crate::components::field::Field;
use crate::components::form::{Create, FormEnd};
use crate::components::notice::Notice;
use crate::components::number::{NumberText, read_number};
use crate::components::progress::Meter;
use crate::components::when::When;
use crate::format;
use crate::hooks::act::use_act;
use crate::hooks::current::use_current;
use crate::hooks::live::Topic;
use crate::i18n::use_i18n;
use crate::pages::use_title;

/// The page.
#[component]
pub(crate) fn Limits() -> impl IntoView {
    use_title(|t| t.limits.title);
    let i18n = use_i18n();
    let current =
        use_current::<Page<Limit>>(Topic::Instances, "/api/v1/limits?limit=500".to_owned());
    let form = |open| view! { <Form open /> }.into_any();
    let limits = Memo::new(move |_| current.value.get().map(|page| page.items));
    let is_empty = Memo::new(move |_| limits.with(|limits| limits.as_ref().map(Vec::is_empty)));
    let body = move || {
        Some(if is_empty.get()? {
            view! {
                <div class="empty">
                    <h2>{i18n.text(|t| t.limits.none)}</h2>
                    <p>{i18n.text(|t| t.limits.none_hint)}</p>
                </div>
            }
            .into_any()
        } else {
            // A row stays while its numbers change, and what is typed into its dialog with it.
            let names = move || {
                limits.with(|limits| {
                    let all = limits.iter().flatten();
                    all.map(|limit| limit.name.clone()).collect::<Vec<_>>()
                })
            };
            view! {
                <div class="table-frame" role="region" aria-label=i18n.text(|t| t.limits.title) tabindex="0">
                    <table>
                        <thead>
                            <tr>
                                <th scope="col">{i18n.text(|t| t.name)}</th>
                                <th scope="col" class="number">{i18n.text(|t| t.running)}</th>
                                <th scope="col" class="number">{i18n.text(|t| t.limits.most)}</th>
                                <th scope="col">{i18n.text(|t| t.limits.changed)}</th>
                                <th scope="col">{i18n.text(|t| t.control.actions)}</th>
                            </tr>
                        </thead>
                        <tbody>
                            <For
                                each=names
                                key=|name| name.clone()
                                children=move |name| view! { <Row name limits /> }
                            />
                        </tbody>
                    </table>
                </div>
            }
            .into_any()
        })
    };
    view! {
        <div class="heading">
            <h1>{i18n.text(|t| t.limits.title)}</h1>
            <span class="heading-space"></span>
            <Create id="create-limit" label=|t| t.limits.create form />
        </div>
        {move || current.error.get().map(|error| view! { <Notice error=Signal::stored(error) /> })}
        {body}
    }
}

#[component]
fn Row(name: String, limits: Memo<Option<Vec<Limit>>>) -> impl IntoView {
    let i18n = use_i18n();
    let act = use_act();
    let dialogs = use_dialogs();
    let editing = RwSignal::new(false);
    let name = StoredValue::new(name);
    let limit = Memo::new(move |_| {
        limits.with(|limits| {
            let mut all = limits.iter().flatten();
            all.find(|limit| name.with_value(|name| limit.name == *name))
                .cloned()
        })
    });
    let running =
        Signal::derive(move || limit.with(|limit| limit.as_ref().map_or(0, |limit| limit.running)));
    let most = Signal::derive(move || {
        limit.with(|limit| {
            limit
                .as_ref()
                .map_or(1, |limit| i64::from(limit.max_running_shards))
        })
    });
    let changed =
        Signal::derive(move || limit.with(|limit| limit.as_ref().map(|limit| limit.updated_at)));
    let description =
        move || limit.with(|limit| limit.as_ref().map(|limit| limit.description.clone()));
    let delete = move |_| {
        let name = name.get_value();
        let path = format!("/api/v1/limits/{}", js_sys::encode_uri_component(&name));
        dialogs.ask(deletion(
            act,
            Topic::Instances,
            path,
            name,
            |t| t.limits.delete_text,
            || (),
        ));
    };
    view! {
        <tr>
            <td class="wide" data-label=i18n.text(|t| t.name)>
                <span class="first">{name.get_value()}</span>
                <span class="second">{description}</span>
            </td>
            <td class="number" data-label=i18n.text(|t| t.running)>
                {move || format::count(running.get())}
                <Meter part=running whole=most />
            </td>
            <td class="number" data-label=i18n.text(|t| t.limits.most)>{move || format::count(most.get())}</td>
            <td class="time" data-label=i18n.text(|t| t.limits.changed)><When at=changed /></td>
            <td data-label=i18n.text(|t| t.control.actions)>
                <div class="buttons">
                    <button type="button" class="button small" data-action="edit" on:click=move |_| editing.set(true)>
                        {i18n.text(|t| t.job_page.edit)}
                    </button>
                    <button type="button" class="button small" data-action="delete" prop:disabled=act.pending on:click=delete>
                        {i18n.text(|t| t.job_page.delete)}
                    </button>
                </div>
                <Modal open=editing keeps=true title=Signal::derive(move || name.get_value())>
                    {move || limit.get_untracked().map(|limit| view! { <Form open=editing of=limit /> })}
                </Modal>
            </td>
        </tr>
    }
}

#[component]
fn Form(open: RwSignal<bool>, #[prop(optional)] of: Option<Limit>) -> impl IntoView {
    let act = use_act();
    let error = RwSignal::new(None::<ApiError>);
    let is_new = of.is_none();
    let name = RwSignal::new(
        of.as_ref()
            .map(|limit| limit.name.clone())
            .unwrap_or_default(),
    );
    let most = RwSignal::new(
        of.as_ref()
            .map_or(10, |limit| limit.max_running_shards)
            .to_string(),
    );
    let description = RwSignal::new(of.map(|limit| limit.description).unwrap_or_default());
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let name = name.get_untracked().trim().to_owned();
        // The field says what is wrong.
        let Some(most) = most.with_untracked(|most| read_number(most, 1, 1_000_000)) else {
            return;
        };
        let body = PutLimit {
            max_running_shards: most as u32,
            description: description.get_untracked(),
        };
        let path = format!("/api/v1/limits/{}", js_sys::encode_uri_component(&name));
        let call = async move { api::call::<Limit>(Method::PUT, &path, &body).await };
        act.run_or(Topic::Instances, call, error, move |toasts, limit| {
            open.set(false);
            toasts.good(move |t| (t.editor.saved)(&limit.name));
        });
    };
    view! {
        <form class="form" on:submit=submit on:input=move |_| error.set(None)>
            <Field id="limit-name" label=|t| t.name field="name" error>
                <input
                    id="limit-name"
                    required
                    autocomplete="off"
                    prop:value=name
                    prop:readonly=!is_new
                    on:input=move |event| name.set(event_target_value(&event))
                />
            </Field>
            <Field id="limit-most" label=|t| t.limits.most field="max_running_shards" error>
                <NumberText id="limit-most" text=most min=1 max=1_000_000 />
            </Field>
            <Field id="limit-description" label=|t| t.apps.description field="description" error>
                <input
                    id="limit-description"
                    autocomplete="off"
                    prop:value=description
                    on:input=move |event| description.set(event_target_value(&event))
                />
            </Field>
            <FormEnd open act label=|t| t.editor.save error beside=&["name", "max_running_shards", "description"] />
        </form>
    }
}
