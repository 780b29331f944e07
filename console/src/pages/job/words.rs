//! The policies of a definition in the words of the editor.

use antares_protocol::job::{JobKind, JobSpec, Script};
use antares_protocol::policy::{
    Assignment, Backoff, Dependency, DependencyOn, Join, NoClient, Pass, Sharding,
};
use antares_protocol::schedule::{DstFold, DstGap, Misfire, Overlap};
use chrono::TimeDelta;
use serde_json::Value;

use crate::format;
use crate::i18n::Texts;

/// What `field` of a definition says; `None` where its value speaks for itself.
pub(super) fn words(field: &str, spec: &JobSpec, texts: &Texts) -> Option<String> {
    let t = &texts.editor;
    Some(match field {
        "kind" => match spec.kind {
            JobKind::Handler => t.kind_handler.to_owned(),
            JobKind::Script => t.kind_script.to_owned(),
        },
        "script" => match spec.script.as_ref()? {
            Script::Command(command) => command.clone(),
            Script::Body { interpreter, body } => format!("{interpreter}\n\n{body}"),
        },
        "overlap" => match spec.overlap {
            Overlap::Skip => t.overlap_skip.to_owned(),
            Overlap::Queue(most) => many(t.overlap_queue, most.into()),
            Overlap::Replace => t.overlap_replace.to_owned(),
            Overlap::Allow(most) => many(t.overlap_allow, most.into()),
        },
        "misfire" => match spec.misfire {
            Misfire::Latest => t.misfire_latest.to_owned(),
            Misfire::Ignore => t.misfire_ignore.to_owned(),
            Misfire::All { max, window_ms: 0 } => many(t.misfire_all, max.into()),
            Misfire::All { max, window_ms } => {
                format!(
                    "{}, ≤ {}",
                    many(t.misfire_all, max.into()),
                    length(window_ms)
                )
            }
        },
        "dst_gap" => match spec.dst_gap {
            DstGap::Skip => t.gap_skip,
            DstGap::After => t.gap_after,
            DstGap::Shift => t.gap_shift,
        }
        .to_owned(),
        "dst_fold" => match spec.dst_fold {
            DstFold::First => t.fold_first,
            DstFold::Last => t.fold_last,
            DstFold::Both => t.fold_both,
        }
        .to_owned(),
        "sharding" => match &spec.sharding {
            Sharding::Fixed => t.sharding_fixed.to_owned(),
            Sharding::Broadcast => t.sharding_broadcast.to_owned(),
            Sharding::Planned(handler) => format!("{}: {handler}", t.sharding_planned),
        },
        "join" => match spec.join {
            Join::All => t.join_all,
            Join::Any => t.join_any,
        }
        .to_owned(),
        "no_client" => match spec.no_client {
            NoClient::Wait => t.no_client_wait,
            NoClient::Skip => t.no_client_skip,
        }
        .to_owned(),
        "assignment" => assignment(&spec.assignment, texts),
        "depends_on" => {
            let each = spec.depends_on.iter().map(|one| dependency(one, texts));
            each.collect::<Vec<_>>().join("\n")
        }
        "max_shards_per_client" if spec.max_shards_per_client == 0 => t.unlimited.to_owned(),
        "max_running_shards" if spec.max_running_shards == 0 => t.unlimited.to_owned(),
        "shard_timeout_ms" if spec.shard_timeout_ms == 0 => t.unlimited.to_owned(),
        "instance_timeout_ms" if spec.instance_timeout_ms == 0 => t.unlimited.to_owned(),
        // As the editor's text form has them.
        "shard_params" => {
            let each = spec.shard_params.iter().enumerate();
            let each = each.map(|(item, param)| match param {
                Value::String(text) => format!("{item}={text}"),
                param => format!("{item}={param}"),
            });
            each.collect::<Vec<_>>().join("\n")
        }
        "retry" => {
            let retry = spec.retry.as_ref()?;
            let wait = length(retry.delay_ms);
            let mut said = match retry.backoff {
                Backoff::Fixed => format!("{}: {wait}", t.retry_fixed),
                Backoff::Exponential => {
                    let longest = length(retry.max_delay_ms);
                    format!("{}: {wait} … {longest}", t.retry_exponential)
                }
            };
            if retry.jitter_percent > 0 {
                said = format!("{said}, −{} %", retry.jitter_percent);
            }
            said
        }
        _ => return None,
    })
}

/// What `field` says with `value`, as far as that can be told without the rest of its definition.
pub(super) fn value_in_words(field: &str, value: &Value, texts: &Texts) -> String {
    if value.is_null() {
        return "–".to_owned();
    }
    let spec = serde_json::from_value(serde_json::json!({ "name": "a", field: value }));
    let said = spec.ok().and_then(|spec| words(field, &spec, texts));
    said.unwrap_or_else(|| match value {
        Value::String(text) => text.clone(),
        Value::Number(n) if field.ends_with("_ms") => length(n.as_u64().unwrap_or_default()),
        value => value.to_string(),
    })
}

fn many(policy: &str, most: i64) -> String {
    format!("{policy}, ≤ {}", format::count(most))
}

fn length(ms: u64) -> String {
    format::duration(TimeDelta::milliseconds(
        i64::try_from(ms).unwrap_or(i64::MAX),
    ))
}

fn assignment(assignment: &Assignment, texts: &Texts) -> String {
    let t = &texts.editor;
    let chosen = match assignment {
        Assignment::Any => return t.assign_any.to_owned(),
        Assignment::Nobody => return t.assign_nobody.to_owned(),
        Assignment::Chosen(chosen) => chosen,
    };
    let labels: Vec<String> = (chosen.labels.iter())
        .map(|(label, value)| format!("{label}={value}"))
        .collect();
    let parts = [
        (t.hosts, &chosen.hosts),
        (t.ips, &chosen.ips),
        (t.labels, &labels),
    ];
    let parts = parts.iter().filter(|(_, values)| !values.is_empty());
    let parts = parts.map(|(name, values)| format!("{name}: {}", values.join(", ")));
    parts.collect::<Vec<_>>().join("\n")
}

fn dependency(one: &Dependency, texts: &Texts) -> String {
    let t = &texts.editor;
    let on = match one.on {
        DependencyOn::Success => t.on_success,
        DependencyOn::Failure => t.on_failure,
        DependencyOn::Completion => t.on_completion,
        DependencyOn::Always => t.on_always,
    };
    let name = match &one.app {
        Some(app) => format!("{app}/{}", one.job),
        None => one.job.clone(),
    };
    let passed = match one.pass {
        Pass::Nothing => return format!("{name}, {on}"),
        Pass::Param => t.pass_param,
        Pass::Outputs => t.pass_outputs,
    };
    format!("{name}, {on}, {}: {passed}", t.pass)
}

#[cfg(test)]
mod tests {
    use antares_protocol::policy::{Chosen, Retry};
    use serde_json::json;

    use super::*;
    use crate::i18n::english;

    #[test]
    fn policies_are_said_in_words() {
        let mut spec = JobSpec::new("a");
        spec.overlap = Overlap::Queue(5);
        spec.misfire = Misfire::All {
            max: 10,
            window_ms: 7_200_000,
        };
        spec.sharding = Sharding::Planned("plan".to_owned());
        spec.assignment = Assignment::Chosen(Chosen {
            hosts: vec!["a".to_owned(), "b".to_owned()],
            ips: Vec::new(),
            labels: [("zone".to_owned(), "x".to_owned())].into(),
        });
        spec.depends_on = vec![Dependency {
            app: Some("shop".to_owned()),
            job: "settle".to_owned(),
            on: DependencyOn::Success,
            pass: Pass::Outputs,
        }];
        spec.retry = Some(Retry {
            delay_ms: 1000,
            backoff: Backoff::Exponential,
            max_delay_ms: 60_000,
            jitter_percent: 20,
        });
        for (field, said) in [
            ("overlap", "waits behind it, ≤ 5"),
            ("misfire", "all fire, ≤ 10, ≤ 2 h 00 m"),
            ("sharding", "as a handler says: plan"),
            ("assignment", "Hosts: a, b\nLabels: zone=x"),
            (
                "depends_on",
                "shop/settle, on success, Passes on: its outputs",
            ),
            (
                "retry",
                "is repeated after growing waits: 1.0 s … 1 m 00 s, −20 %",
            ),
        ] {
            assert_eq!(words(field, &spec, english()).as_deref(), Some(said));
        }
        assert_eq!(words("param", &spec, english()), None);
        spec.max_shards_per_client = 0;
        let said = words("max_shards_per_client", &spec, english());
        assert_eq!(said.as_deref(), Some("no limit"));
    }

    #[test]
    fn values_of_one_field_are_said_in_words() {
        let said = |field: &str, value: Value| value_in_words(field, &value, english());
        assert_eq!(
            said("overlap", json!({ "queue": 1 })),
            "waits behind it, ≤ 1"
        );
        assert_eq!(said("misfire", json!("ignore")), "none fires");
        assert_eq!(said("jitter_ms", json!(1500)), "1.5 s");
        assert_eq!(said("cron", Value::Null), "–");
        assert_eq!(said("overlap.later", json!({ "a": 1 })), r#"{"a":1}"#);
    }
}
