//! The versions of a definition: who changed what, and the way back.

use antares_protocol::job::Job;
use antares_protocol::page::Page;
use antares_protocol::version::{FieldChange, JobDiff, JobVersion};
use gloo_net::http::Method;
use leptos::prelude::*;
use leptos_router::components::A;
use serde_json::{Value, json};

use super::words::value_in_words;
use crate::api;
use crate::components::dialog::{Question, use_dialogs};
use crate::components::filters::{use_setter, use_value};
use crate::components::notice::Notice;
use crate::components::when::When;
use crate::hooks::act::use_act;
use crate::hooks::current::use_current;
use crate::hooks::live::Topic;
use crate::i18n::labels::label;
use crate::i18n::{Label, Texts, use_i18n};

/// Versions of a page.
const ROWS: u32 = 50;

/// The list, newest first.
#[component]
pub(super) fn Versions(id: i64, job: Signal<Job>) -> impl IntoView {
    let newest = Memo::new(move |_| job.with(|job| job.version));
    let after = use_value("after");
    // Another page of the list is another call.
    let list = move || {
        let after = after.get();
        let path = if after.is_empty() {
            format!("/api/v1/jobs/{id}/versions?limit={ROWS}")
        } else {
            let after = js_sys::encode_uri_component(&after);
            format!("/api/v1/jobs/{id}/versions?limit={ROWS}&after={after}")
        };
        view! { <List id newest path /> }
    };
    view! {
        <Show when=move || { newest.get() > 1 }>
            <Compare id newest />
        </Show>
        {list}
    }
}

#[component]
fn List(id: i64, newest: Memo<i32>, path: String) -> impl IntoView {
    let i18n = use_i18n();
    let act = use_act();
    let dialogs = use_dialogs();
    let current = use_current::<Page<JobVersion>>(Topic::Jobs, path);
    let next = Memo::new(move |_| current.value.with(|page| page.as_ref()?.next.clone()));
    let roll_back = move |version: i32| {
        let based_on = newest.get_untracked();
        dialogs.ask(Question::new(
            move |t| (t.job_page.roll_back_ask)(&version.to_string()),
            |t| t.job_page.roll_back_text.to_owned(),
            |t| t.job_page.roll_back.to_owned(),
            move || {
                let body = json!({ "version": version, "based_on": based_on });
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
                        <div class="buttons">
                            <A
                                href=move || format!("/jobs/{id}?tab=versions&from={version}&to={}", newest.get())
                                attr:class="button small"
                                attr:data-compare=version.to_string()
                            >
                                {i18n.text(|t| t.job_page.compare)}
                            </A>
                            <button
                                type="button"
                                class="button small"
                                prop:disabled=act.pending
                                on:click=move |_| roll_back(version)
                            >
                                {i18n.text(|t| t.job_page.roll_back)}
                            </button>
                        </div>
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
        {move || next.get().map(|next| view! {
            <nav class="pager" aria-label=i18n.text(|t| t.pages)>
                <A href=format!("/jobs/{id}?tab=versions&after={}", js_sys::encode_uri_component(&next)) attr:class="button">
                    {i18n.text(|t| t.next_page)}
                </A>
            </nav>
        })}
    }
}

/// What differs between any two versions, which the address names.
#[component]
fn Compare(id: i64, newest: Memo<i32>) -> impl IntoView {
    let i18n = use_i18n();
    let set = use_setter();
    let (from, to) = (use_value("from"), use_value("to"));
    let number = move |name: &'static str, label: Label, value: Memo<String>| {
        view! {
            <label>
                {i18n.text(label)}
                <input
                    type="number"
                    id=format!("compare-{name}")
                    min="1"
                    max=move || newest.get().to_string()
                    step="1"
                    prop:value=value
                    // While it is typed, not when the field is left: what differs would move the button that is being clicked.
                    on:input=move |event| set(name, event_target_value(&event))
                />
            </label>
        }
    };
    let answer = move || {
        let (from, to) = (
            from.get().parse::<i32>().ok()?,
            to.get().parse::<i32>().ok()?,
        );
        Some(view! { <Difference path=format!("/api/v1/jobs/{id}/diff?from={from}&to={to}") /> })
    };
    view! {
        <div class="toolbar">
            {number("from", |t| t.job_page.compare_from, from)}
            {number("to", |t| t.job_page.compare_to, to)}
        </div>
        {answer}
    }
}

#[component]
fn Difference(path: String) -> impl IntoView {
    let i18n = use_i18n();
    let current = use_current::<JobDiff>(Topic::Jobs, path);
    view! {
        {move || current.error.get().map(|error| view! { <Notice error=Signal::stored(error) /> })}
        {move || current.value.get().map(|diff| {
            if diff.changes.is_empty() {
                view! { <p class="nothing">{i18n.text(|t| t.job_page.compare_same)}</p> }.into_any()
            } else {
                view! { <div class="card difference" id="difference">{diff.changes.into_iter().map(change).collect_view()}</div> }.into_any()
            }
        })}
    }
}

/// One field: what it was, and what it is.
fn change(change: FieldChange) -> impl IntoView {
    let i18n = use_i18n();
    let FieldChange { field, from, to } = change;
    let title = field.clone();
    let (from, to) = differing(from, to);
    let text = {
        let field = field.clone();
        move |value: Value| {
            let field = field.clone();
            move || value_in_words(&field, &value, i18n.texts())
        }
    };
    let name = move || name(&field, i18n.texts());
    view! {
        <p class="change">
            <code title=title>{name}</code>
            " "
            <del>{text(from)}</del>
            " → "
            <ins>{text(to)}</ins>
        </p>
    }
}

/// Of texts with many lines, the lines that differ, and a sign for those before and after.
fn differing(from: Value, to: Value) -> (Value, Value) {
    let (Value::String(old), Value::String(new)) = (&from, &to) else {
        return (from, to);
    };
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    if old.len().max(new.len()) < 4 {
        return (from, to);
    }
    let pairs = old.iter().zip(&new);
    let before = pairs.take_while(|(old, new)| old == new).count();
    let (old, new) = (&old[before..], &new[before..]);
    let pairs = old.iter().rev().zip(new.iter().rev());
    let after = pairs.take_while(|(old, new)| old == new).count();
    let cut = |lines: &[&str]| {
        let kept = &lines[..lines.len() - after];
        let begin = (before > 0).then_some("…");
        let end = (after > 0).then_some("…");
        let lines: Vec<&str> = begin.iter().chain(kept).chain(&end).copied().collect();
        Value::String(lines.join("\n"))
    };
    (cut(old), cut(new))
}

/// What a field is called; a part of one after the field it is of, as far as the parts have names.
fn name(field: &str, texts: &Texts) -> String {
    let named = |part: &str| label(part).map(|label| label(texts));
    if let Some(name) = named(field) {
        return name.to_owned();
    }
    let whole = field.split('.').next().and_then(named);
    let part = field.rsplit('.').next().and_then(named);
    match (whole, part) {
        (Some(whole), Some(part)) if whole != part => format!("{whole}: {part}"),
        _ => field.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::i18n::english;

    #[test]
    fn of_a_long_text_only_what_differs_is_shown() {
        let cut = |old: &str, new: &str| {
            let (old, new) = differing(json!(old), json!(new));
            (
                old.as_str().map(str::to_owned),
                new.as_str().map(str::to_owned),
            )
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            cut("a\nb\nc\nd", "a\nx\ny\nd"),
            (some("…\nb\nc\n…"), some("…\nx\ny\n…"))
        );
        assert_eq!(
            cut("a\nb\nc", "a\nb\nb\nc"),
            (some("…\n…"), some("…\nb\n…"))
        );
        assert_eq!(cut("a\nb", "a\nc"), (some("a\nb"), some("a\nc")));
    }

    #[test]
    fn parts_are_called_after_what_they_are_of() {
        let of = |field| name(field, english());
        assert_eq!(of("cron"), "Cron expression");
        assert_eq!(of("retry.delay_ms"), "A failed attempt: Wait");
        assert_eq!(of("script.body.body"), "Script: Text");
        assert_eq!(of("param.a.b"), "param.a.b");
    }
}
