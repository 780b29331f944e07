//! The definition of a job, as far as it is not what it is by default, in the words of the editor.

use antares_protocol::job::{Job, JobSpec};
use chrono::TimeDelta;
use leptos::prelude::*;
use serde_json::Value;

use super::words::words;
use crate::format;
use crate::i18n::{Label, use_i18n};

/// What the editor calls a field.
pub(super) fn label(field: &str) -> Option<Label> {
    Some(match field {
        "name" => |t| t.name,
        "description" => |t| t.apps.description,
        "kind" => |t| t.editor.kind,
        "handler" => |t| t.editor.handler,
        "script" => |t| t.script,
        "cron" => |t| t.editor.cron,
        "time_zone" => |t| t.editor.time_zone,
        "dst_gap" => |t| t.editor.gap,
        "dst_fold" => |t| t.editor.fold,
        "fixed_rate_ms" => |t| t.editor.by_rate,
        "fixed_delay_ms" => |t| t.editor.by_delay,
        "at" => |t| t.editor.instants,
        "start_at" => |t| t.editor.start_at,
        "end_at" => |t| t.editor.end_at,
        "jitter_ms" => |t| t.editor.jitter_short,
        "include_calendars" => |t| t.editor.include,
        "exclude_calendars" => |t| t.editor.exclude,
        "overlap" => |t| t.editor.overlap,
        "misfire" => |t| t.editor.misfire,
        "sharding" => |t| t.editor.sharding,
        "shard_count" => |t| t.editor.shard_count,
        "shard_params" => |t| t.editor.shard_params,
        "max_shards_per_client" => |t| t.editor.per_client,
        "param" => |t| t.editor.param,
        "max_attempts" => |t| t.editor.max_attempts,
        "retry" => |t| t.editor.retry,
        "allowed_failures" => |t| t.editor.allowed_failures,
        "cancel_on_failure" => |t| t.editor.cancel_on_failure,
        "shard_timeout_ms" => |t| t.editor.shard_timeout_short,
        "instance_timeout_ms" => |t| t.editor.instance_timeout_short,
        "assignment" => |t| t.editor.assignment,
        "no_client" => |t| t.editor.no_client,
        "priority" => |t| t.editor.priority,
        "max_running_shards" => |t| t.editor.max_running,
        "limits" => |t| t.editor.limits,
        "depends_on" => |t| t.editor.depends_on,
        "join" => |t| t.editor.join,
        _ => return None,
    })
}

/// A value as people read it: lengths of time with their unit, lists with commas.
fn shown(field: &str, value: &Value) -> String {
    match value {
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

/// Each field that is not as it is by default.
#[component]
pub(super) fn Definition(job: Signal<Job>) -> impl IntoView {
    let i18n = use_i18n();
    let rows = move || {
        let spec = job.with(|job| job.spec.clone());
        let plain = serde_json::to_value(JobSpec::new(&*spec.name)).unwrap_or_default();
        let Ok(Value::Object(fields)) = serde_json::to_value(&spec) else {
            return Vec::new();
        };
        fields
            .into_iter()
            .filter(|(name, value)| {
                plain.get(name) != Some(value) && name != "description" && name != "name"
            })
            .collect::<Vec<_>>()
    };
    let row = move |(field, value): (String, Value)| {
        let name =
            label(&field).map_or_else(|| field.clone(), |label| label(i18n.texts()).to_owned());
        let said = job.with(|job| words(&field, &job.spec, i18n.texts()));
        let said = said.unwrap_or_else(|| shown(&field, &value));
        view! {
            <div>
                // As the API calls it.
                <dt title=field.clone()>{name}</dt>
                <dd>{said}</dd>
            </div>
        }
    };
    view! { <dl class="facts definition">{move || rows().into_iter().map(row).collect_view()}</dl> }
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
