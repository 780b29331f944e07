//! The definition of a job in the words of the editor: what is not as by default, or all of it.

use antares_protocol::job::{Job, JobSpec};
use chrono::TimeDelta;
use leptos::prelude::*;
use serde_json::Value;

use super::words::words;
use crate::format;
use crate::i18n::labels::label;
use crate::i18n::use_i18n;

/// A value as people read it: lengths of time with their unit, lists with commas.
fn shown(field: &str, value: &Value) -> String {
    match value {
        Value::Null | Value::Bool(false) => "–".to_owned(),
        Value::Bool(true) => "✓".to_owned(),
        Value::String(text) if text.is_empty() => "–".to_owned(),
        Value::Array(items) if items.is_empty() => "–".to_owned(),
        Value::String(text) => text.clone(),
        Value::Number(n) if field.ends_with("_ms") => {
            format::duration(TimeDelta::milliseconds(n.as_i64().unwrap_or(i64::MAX)))
        }
        Value::Array(items) if items.iter().all(|item| !item.is_object()) => {
            let items: Vec<String> = items.iter().map(|item| shown("", item)).collect();
            items.join(", ")
        }
        Value::Array(_) | Value::Object(_) => {
            serde_json::to_string_pretty(value).unwrap_or_default()
        }
        value => value.to_string(),
    }
}

/// Each field that is not as it is by default; the others too, if the viewer wants them.
#[component]
pub(super) fn Definition(job: Signal<Job>) -> impl IntoView {
    let i18n = use_i18n();
    let all = RwSignal::new(false);
    let rows = move || {
        let spec = job.with(|job| job.spec.clone());
        let plain = serde_json::to_value(JobSpec::new(&*spec.name)).unwrap_or_default();
        let Ok(Value::Object(fields)) = serde_json::to_value(&spec) else {
            return Vec::new();
        };
        fields
            .into_iter()
            .filter(|(name, value)| {
                let differs = all.get() || plain.get(name) != Some(value);
                differs && name != "description" && name != "name"
            })
            .collect::<Vec<_>>()
    };
    let row = move |(field, value): (String, Value)| {
        let name =
            label(&field).map_or_else(|| field.clone(), |label| label(i18n.texts()).to_owned());
        let said = job.with(|job| words(&field, &job.spec, i18n.texts()));
        let said = said.filter(|said| !said.is_empty());
        let said = said.unwrap_or_else(|| shown(&field, &value));
        view! {
            <div>
                // As the API calls it.
                <dt title=field.clone()>{name}</dt>
                <dd>{said}</dd>
            </div>
        }
    };
    let table = move || {
        let rows = rows();
        if rows.is_empty() {
            return view! { <p class="nothing">{i18n.text(|t| t.job_page.all_default)}</p> }
                .into_any();
        }
        view! { <dl class="facts definition">{rows.into_iter().map(row).collect_view()}</dl> }
            .into_any()
    };
    view! {
        {table}
        <button
            type="button"
            id="all-fields"
            class="button small"
            aria-pressed=move || all.get().to_string()
            on:click=move |_| all.update(|all| *all = !*all)
        >
            {i18n.text(|t| t.job_page.all_fields)}
        </button>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_has_a_name() {
        let Ok(Value::Object(fields)) = serde_json::to_value(JobSpec::new("a")) else {
            panic!("a definition is an object");
        };
        for field in fields.keys() {
            assert!(
                label(field).is_some(),
                "{field} has no name in the page of a job"
            );
        }
    }
}
