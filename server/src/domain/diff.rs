//! How two definitions differ.

use antares_protocol::version::FieldChange;
use serde_json::Value;

/// The fields that differ, in the order of their names. Objects are gone into, lists are compared as a whole.
pub fn diff(from: &Value, to: &Value) -> Vec<FieldChange> {
    let mut changes = Vec::new();
    walk("", from, to, &mut changes);
    changes
}

fn walk(path: &str, from: &Value, to: &Value, changes: &mut Vec<FieldChange>) {
    if from == to {
        return;
    }
    let (Value::Object(old), Value::Object(new)) = (from, to) else {
        changes.push(FieldChange {
            field: path.to_owned(),
            from: from.clone(),
            to: to.clone(),
        });
        return;
    };
    let mut names: Vec<&String> = old.keys().chain(new.keys()).collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        let path = if path.is_empty() {
            name.clone()
        } else {
            format!("{path}.{name}")
        };
        let (from, to) = (old.get(name), new.get(name));
        let null = Value::Null;
        walk(&path, from.unwrap_or(&null), to.unwrap_or(&null), changes);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_that_differ_are_named_by_their_path() {
        let from = json!({"cron": "a", "retry": {"delay_ms": 1, "x": 2}, "at": [1], "same": 1});
        let to = json!({"cron": "b", "retry": {"delay_ms": 3, "x": 2}, "at": [1, 2], "same": 1, "new": true});
        let changes = diff(&from, &to);
        let fields: Vec<&str> = changes.iter().map(|change| change.field.as_str()).collect();
        assert_eq!(fields, ["at", "cron", "new", "retry.delay_ms"]);
        assert_eq!(changes[2].from, Value::Null);
        assert_eq!(diff(&from, &from), []);
    }
}
