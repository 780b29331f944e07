//! The versions of a definition: who changed what, and the way back.

use antares_protocol::job::Job;
use antares_protocol::page::Page;
use antares_protocol::version::{FieldChange, JobVersion};
use gloo_net::http::Method;
use leptos::prelude::*;
use serde_json::{Value, json};

use crate::api;
use crate::components::dialog::{Question, use_dialogs};
use crate::components::when::When;
use crate::hooks::act::use_act;
use crate::hooks::current::use_current;
use crate::hooks::live::Topic;
use crate::i18n::use_i18n;

/// The list, newest first.
#[component]
pub(super) fn Versions(id: i64, job: Signal<Job>) -> impl IntoView {
    let i18n = use_i18n();
    let act = use_act();
    let dialogs = use_dialogs();
    let current = use_current::<Page<JobVersion>>(
        Topic::Jobs,
        format!("/api/v1/jobs/{id}/versions?limit=100"),
    );
    let newest = Memo::new(move |_| job.with(|job| job.version));
    let roll_back = move |version: i32| {
        dialogs.ask(Question::new(
            move |t| (t.job_page.roll_back_ask)(&version.to_string()),
            |t| t.job_page.roll_back_text.to_owned(),
            |t| t.job_page.roll_back.to_owned(),
            move || {
                let body = json!({ "version": version, "based_on": newest.get_untracked() });
                act.run::<Value>(
                    Topic::Jobs,
                    move |t| (t.job_page.rolled_back)(&version.to_string()),
                    async move {
                        api::call(Method::POST, &format!("/api/v1/jobs/{id}/rollback"), &body).await
                    },
                );
            },
        ));
    };
    let row = move |one: JobVersion| {
        let version = one.version;
        let changes = if version == 1 {
            view! { <span class="nothing">{i18n.text(|t| t.job_page.first_version)}</span> }
                .into_any()
        } else {
            one.changes
                .into_iter()
                .map(change)
                .collect_view()
                .into_any()
        };
        view! {
            <tr>
                <td class="number" data-label=i18n.text(|t| t.version)>{version}</td>
                <td data-label=i18n.text(|t| t.job_page.created)><When at=Signal::stored(Some(one.created_at)) /></td>
                <td data-label=i18n.text(|t| t.job_page.author)>{one.author}</td>
                <td class="wide" data-label=i18n.text(|t| t.job_page.changes)>{changes}</td>
                <td>
                    <Show when=move || newest.get() != version>
                        <button
                            type="button"
                            class="button small"
                            prop:disabled=act.pending
                            on:click=move |_| roll_back(version)
                        >
                            {i18n.text(|t| t.job_page.roll_back)}
                        </button>
                    </Show>
                </td>
            </tr>
        }
    };
    view! {
        <div class="table-frame" role="region" aria-label=i18n.text(|t| t.job_page.tab_versions) tabindex="0">
            <table>
                <thead>
                    <tr>
                        <th scope="col" class="number">{i18n.text(|t| t.version)}</th>
                        <th scope="col">{i18n.text(|t| t.job_page.created)}</th>
                        <th scope="col">{i18n.text(|t| t.job_page.author)}</th>
                        <th scope="col">{i18n.text(|t| t.job_page.changes)}</th>
                        <th scope="col"><span class="unseen">{i18n.text(|t| t.control.actions)}</span></th>
                    </tr>
                </thead>
                <tbody>
                    <For
                        each=move || current.value.get().map(|page| page.items).unwrap_or_default()
                        key=|one| one.version
                        children=row
                    />
                </tbody>
            </table>
        </div>
    }
}

/// One field: what it was, and what it is.
fn change(change: FieldChange) -> impl IntoView {
    let text = |value: Value| match value {
        Value::Null => "–".to_owned(),
        Value::String(text) => text,
        value => value.to_string(),
    };
    view! {
        <p class="change">
            <code>{change.field}</code>
            " "
            <del>{text(change.from)}</del>
            " → "
            <ins>{text(change.to)}</ins>
        </p>
    }
}
