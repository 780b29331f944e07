//! What the pages call the fields of a definition.

use super::{Label, Texts};

/// What the editor calls a field.
pub(crate) fn label(field: &str) -> Option<Label> {
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
        "fixed_rate_ms" => |t| t.editor.rate,
        "fixed_delay_ms" => |t| t.editor.delay,
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
        "planned" => |t| t.editor.planning_handler,
        "command" => |t| t.editor.command,
        "interpreter" => |t| t.editor.interpreter,
        "body" => |t| t.editor.script_text,
        "assignment" | "chosen" => |t| t.editor.assignment,
        "no_client" => |t| t.editor.no_client,
        "priority" => |t| t.editor.priority,
        "max_running_shards" => |t| t.editor.max_running,
        "limits" => |t| t.editor.limits,
        "delay_ms" => |t| t.editor.retry_delay,
        "max_delay_ms" => |t| t.editor.retry_max,
        "jitter_percent" => |t| t.editor.retry_jitter,
        "window_ms" => |t| t.editor.misfire_window,
        "hosts" => |t| t.editor.hosts,
        "ips" => |t| t.editor.ips,
        "labels" => |t| t.editor.labels,
        "depends_on" => |t| t.editor.depends_on,
        "join" => |t| t.editor.join,
        // Of lists, what they are filtered by.
        "app" => |t| t.app,
        "state" => |t| t.state,
        "trigger" => |t| t.trigger,
        "from" => |t| t.fired_from,
        "until" => |t| t.fired_until,
        "min_duration_ms" => |t| t.took_least,
        "job_id" => |t| t.job_number,
        "cause_id" => |t| t.instance.cause,
        "server_id" => |t| t.job_page.server,
        _ => return None,
    })
}

/// `text` with the names that fields have in the API as the pages call them: those that no sentence has as a word.
pub(crate) fn in_labels(text: &str, texts: &Texts) -> String {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '[' | ']');
    let mut shown = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(is_part) {
        let (before, word) = rest.split_at(at);
        let end = word.find(|c| !is_part(c)).unwrap_or(word.len());
        let (word, after) = word.split_at(end);
        // A full stop ends a sentence.
        let path = word.trim_end_matches('.');
        let (name, entry) = path.split_once('[').unwrap_or((path, ""));
        let name = name.rsplit('.').next().unwrap_or_default();
        let entry = entry
            .split(']')
            .next()
            .and_then(|n| n.parse::<usize>().ok());
        // What a complaint begins with is what it is about.
        let is_subject = shown.is_empty() && before.is_empty() && after.starts_with([':', '：']);
        let label = label(name).filter(|_| is_subject || path.contains(['_', '.']));
        shown.push_str(before);
        match label {
            Some(label) => {
                // Within a sentence a name of several words is told from it by quotes.
                let (open, close) = if is_subject { ("", "") } else { ("“", "”") };
                shown.push_str(open);
                shown.push_str(label(texts));
                shown.push_str(close);
                if let Some(entry) = entry {
                    shown.push(' ');
                    shown.push_str(&(entry + 1).to_string());
                }
                shown.push_str(&word[path.len()..]);
            }
            None => shown.push_str(word),
        }
        rest = after;
    }
    shown + rest
}

#[cfg(test)]
mod tests {

    use super::*;

    #[test]
    fn fields_are_called_as_on_the_page() {
        let of = |text| in_labels(text, &super::super::en::TEXTS);
        assert_eq!(
            of("retry.max_delay_ms: is less than delay_ms; give at least as much"),
            "Longest wait: is less than “Wait”; give at least as much"
        );
        assert_eq!(of("spec.depends_on[0].job: is gone"), "Follows 1: is gone");
        assert_eq!(of("spec.cron: never fires"), "Cron expression: never fires");
        assert_eq!(of("limits: there is none"), "Named limits: there is none");
        for text in [
            "the name is taken. Choose another.",
            "`a_b` has 3.5 of 127.0.0.1",
        ] {
            assert_eq!(of(text), text);
        }
    }
}
