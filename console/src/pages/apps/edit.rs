//! Changing an app: what it is for, and how much of it may run at once.

use antares_protocol::app::{App, UpdateApp};
use gloo_net::http::Method;
use leptos::prelude::*;

use crate::api::{self, ApiError};
use crate::components::field::Field;
use crate::components::form::FormEnd;
use crate::components::number::{NumberText, read_number};
use crate::hooks::act::use_act;
use crate::hooks::live::Topic;

/// The form.
#[component]
pub(super) fn EditForm(app: RwSignal<App>, open: RwSignal<bool>) -> impl IntoView {
    let act = use_act();
    let error = RwSignal::new(None::<ApiError>);
    let (id, description, most) =
        app.with_untracked(|app| (app.id, app.description.clone(), app.max_running_shards));
    let description = RwSignal::new(description);
    let most = RwSignal::new(most.to_string());
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        // The field says what is wrong.
        let Some(most) = most.with_untracked(|most| read_number(most, 0, 1_000_000)) else {
            return;
        };
        let body = UpdateApp {
            description: Some(description.get_untracked()),
            max_running_shards: Some(most as u32),
        };
        let call = async move {
            api::call::<App>(Method::PATCH, &format!("/api/v1/apps/{id}"), &body).await
        };
        act.run_or(Topic::Jobs, call, error, move |toasts, app| {
            open.set(false);
            toasts.good(move |t| (t.editor.saved)(&app.name));
        });
    };
    view! {
        <form class="form" on:submit=submit on:input=move |_| error.set(None)>
            <Field id="app-edit-description" label=|t| t.apps.description field="description" error>
                <input
                    id="app-edit-description"
                    autocomplete="off"
                    prop:value=description
                    on:input=move |event| description.set(event_target_value(&event))
                />
            </Field>
            <Field id="app-most" label=|t| t.apps.most hint=|t| t.editor.no_limit field="max_running_shards" error>
                <NumberText id="app-most" text=most min=0 max=1_000_000 />
            </Field>
            <FormEnd open act label=|t| t.editor.save error beside=&["description", "max_running_shards"] />
        </form>
    }
}
