//! Doing the same to many jobs.

use leptos::prelude::*;

use crate::api::ApiError;
use crate::components::dialog::{Question, use_dialogs};
use crate::components::job_actions::{Action, tell};
use crate::components::selection::use_selection;
use crate::format;
use crate::hooks::act::{Act, use_act};
use crate::hooks::live::Topic;
use crate::i18n::{Texts, use_i18n};

/// What can be done to the chosen jobs; there while any is chosen.
#[component]
pub(super) fn Bulk() -> impl IntoView {
    let i18n = use_i18n();
    let act = use_act();
    let dialogs = use_dialogs();
    let selection = use_selection();
    let count = Memo::new(move |_| selection.chosen.with(|chosen| chosen.len() as i64));
    let click = move |action: Action| {
        let jobs: Vec<(i64, String)> = selection.chosen.get_untracked().into_iter().collect();
        if !action.ends() {
            change(act, jobs, action);
            return;
        }
        let count = format::count(jobs.len() as i64);
        dialogs.ask(Question::new(
            move |t| (t.control.bulk_ask)(action.label()(t), &count),
            |t| t.control.bulk_ends.to_owned(),
            move |t| action.label()(t).to_owned(),
            move || change(act, jobs.clone(), action),
        ));
    };
    let button = move |action: Action| {
        view! {
            <button
                type="button"
                class="button small"
                data-bulk=action.path()
                prop:disabled=act.pending
                on:click=move |_| click(action)
            >
                {i18n.text(action.label())}
            </button>
        }
    };
    view! {
        <Show when=move || { count.get() > 0 }>
            <div class="bulk" role="group" aria-label=i18n.text(|t| t.control.bulk)>
                <span role="status">{move || (i18n.texts().control.chosen)(&format::count(count.get()))}</span>
                {Action::ALL.map(button).into_iter().collect_view()}
                <span class="heading-space"></span>
                <Show when=move || !selection.has_all()>
                    <button type="button" class="button small ghost" id="choose-all" on:click=move |_| selection.choose_all()>
                        {i18n.text(|t| t.control.choose_all)}
                    </button>
                </Show>
                <button type="button" class="button small ghost" on:click=move |_| selection.clear()>
                    {i18n.text(|t| t.control.choose_none)}
                </button>
            </div>
        </Show>
    }
}

/// Tells the server job by job. What one refuses does not keep the others from it.
fn change(act: Act, jobs: Vec<(i64, String)>, action: Action) {
    let call = async move {
        let mut done = 0;
        let mut refused = Vec::new();
        for (id, name) in jobs {
            match tell(id, action).await {
                Ok(()) => done += 1,
                Err(error) if error.is_unauthorized() => return Err(error),
                Err(error) => refused.push((name, error)),
            }
        }
        Ok((done, refused))
    };
    act.run_then(Topic::Jobs, call, move |toasts, (done, refused)| {
        let said = move |t: &Texts| (t.control.bulk_done)(action.label()(t), &format::count(done));
        if refused.is_empty() {
            toasts.good(said);
            return;
        }
        toasts.kept(move |t| {
            let reasons: Vec<String> = refused
                .iter()
                .map(|(name, error)| reason(t, name, error))
                .collect();
            format!(
                "{}\n{}\n{}",
                said(t),
                (t.control.bulk_refused)(&format::count(refused.len() as i64)),
                reasons.join("\n")
            )
        });
    });
}

fn reason(texts: &Texts, name: &str, error: &ApiError) -> String {
    let (_, why) = error.words(texts);
    format!("{name}: {why}")
}
