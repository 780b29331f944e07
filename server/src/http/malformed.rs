//! What cannot be read, in words that say what to write instead.

use antares_protocol::problem::ProblemKind;

use super::error::ApiError;

/// A request that cannot be read, and the field where, if that is known.
pub fn malformed_at(field: Option<String>, detail: String) -> ApiError {
    let error = ApiError::new(ProblemKind::MalformedRequest, detail);
    match field {
        None => error,
        Some(field) => error.with_field(field),
    }
}

/// What cannot be read, at `path` (`.` for the whole), for `cause` as serde tells it. `is_syntax` says that it is no JSON
/// at all.
pub fn malformed(path: &str, cause: &str, is_syntax: bool) -> ApiError {
    // A field that is missing, or there twice, has no path of its own.
    let named = ["missing field `", "duplicate field `", "unknown field `"];
    let named = named.iter().find_map(|start| cause.strip_prefix(start));
    let named = named.and_then(|rest| rest.split('`').next());
    let at = match (path, named) {
        (".", None) => None,
        (".", Some(name)) => Some(name.to_owned()),
        (path, Some(name)) if path != name && !path.ends_with(&format!(".{name}")) => {
            Some(format!("{path}.{name}"))
        }
        (path, _) => Some(path.to_owned()),
    };
    let detail = if is_syntax {
        format!("this is no JSON: {cause}")
    } else {
        let path = at.as_deref().unwrap_or(path);
        let name = path.rsplit('.').next().unwrap_or_default();
        // Where in the text says little to whom a program wrote it, and the path says it better.
        let bare = cause
            .rsplit_once(" at line ")
            .map_or(cause, |(bare, _)| bare);
        remedy(path, name, bare).unwrap_or_else(|| bare.to_owned())
    };
    malformed_at(at, detail)
}

/// What is said of a UUID that cannot be read.
pub const NO_ID: &str = "is no id; give one as it is shown, 32 hexadecimal digits with dashes";

/// What numbers may be, where that is less than what their type holds; by the end of their path. The first that fits counts.
const RANGES: [(&str, &str); 27] = [
    ("retry.delay_ms", "0 to 604800000 (7 days)"),
    ("retry.max_delay_ms", "0 to 604800000 (7 days)"),
    ("misfire.all.max", "1 to 1000"),
    ("window_ms", "0 (none) to 31622400000 (366 days)"),
    ("interval_ms", "0 to 86400000 (a day)"),
    ("wait_ms", "0 to 60000 (a minute)"),
    ("max", "1 to 1000"),
    ("min_duration_ms", "0 or more"),
    ("priority", "-1000 to 1000"),
    ("fixed_rate_ms", "1000 (1 second) to 31622400000 (366 days)"),
    (
        "fixed_delay_ms",
        "1000 (1 second) to 31622400000 (366 days)",
    ),
    ("jitter_ms", "0 to 86400000 (a day)"),
    ("shard_count", "1 to 100000"),
    ("max_attempts", "1 to 1000"),
    ("allowed_failures", "0 to 100000"),
    ("max_running_shards", "up to 1000000"),
    ("shard_timeout_ms", "0 (none) to 31622400000 (366 days)"),
    ("instance_timeout_ms", "0 (none) to 31622400000 (366 days)"),
    ("jitter_percent", "0 to 100"),
    ("queue", "1 to 1000"),
    ("allow", "2 to 1000"),
    ("slots", "1 to 10000"),
    ("limit", "1 to 500"),
    ("progress", "0 to 100"),
    ("version", "1 or more"),
    ("count", "1 to 1000"),
    ("delay_ms", "0 to 31622400000 (366 days)"),
];

/// What to write as `name`, the last part of `path`, where serde tells only what is wrong.
fn remedy(path: &str, name: &str, cause: &str) -> Option<String> {
    // How chrono says that a text is no instant, date or time of day.
    const NO_TIME: [&str; 6] = [
        "input is out of range",
        "no possible date and time matching input",
        "input is not enough for unique date and time",
        "input contains invalid characters",
        "premature end of input",
        "trailing input",
    ];
    // How the standard library says that a text of the query is no number.
    const NO_NUMBER: [&str; 4] = [
        "invalid digit found in string",
        "cannot parse integer from empty string",
        "number too large to fit in target type",
        "number too small to fit in target type",
    ];
    const WHOLE: [&str; 9] = [
        "i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64", "usize",
    ];
    if NO_TIME.iter().any(|known| cause.starts_with(known)) {
        return Some(format!(
            "{cause}; write an instant as `2026-03-09T08:00:00Z`, a date as `2026-03-09`, a time of day as `08:00:00`"
        ));
    }
    let ends = |known: &str| {
        let rest = path.strip_suffix(known);
        rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    let range = RANGES.iter().find(|(known, _)| ends(known));
    let range = range.map(|(_, range)| *range);
    if cause.starts_with("missing field `") {
        let range = range.map_or(String::new(), |range| {
            format!("; give a whole number, {range}")
        });
        return Some(format!("{cause}{range}"));
    }
    if NO_NUMBER.contains(&cause) {
        let within = range.unwrap_or("within its limits");
        return Some(format!("is no such number; give a whole number {within}"));
    }
    if cause.starts_with("UUID parsing failed") {
        return Some(NO_ID.to_owned());
    }
    // A list in place of an object: serde takes its elements for the fields in their order.
    if cause.starts_with("invalid length ") && cause.contains(", expected struct ") {
        return Some("a list does not go here: give an object, in `{` and `}`".to_owned());
    }
    if cause.contains("unit variant, expected newtype variant")
        || cause.contains("unit variant, expected struct variant")
    {
        return Some(format!(
            "`{name}` needs a value: write it as `{{\"{name}\": …}}`, see /api/openapi.json"
        ));
    }
    // An alternative with a second key, or something else in its place.
    if cause == "expected value" {
        return Some(
            "give one of the alternatives, alone: its name in quotes, or `{\"name\": value}`, see /api/openapi.json"
                .to_owned(),
        );
    }
    if let Some((found, known)) =
        (cause.strip_prefix("unknown variant ")).and_then(|rest| rest.split_once(", expected "))
    {
        let known = known.strip_prefix("one of ").unwrap_or(known);
        let known = known.replace("` or `", "`, `");
        return Some(format!("{found} is not known here; give one of {known}"));
    }
    if cause.ends_with(", expected unit") {
        return Some(format!("`{name}` takes no value: write it as `\"{name}\"`"));
    }
    let rest = cause.strip_prefix("invalid type: ");
    let rest = rest.or_else(|| cause.strip_prefix("invalid value: "))?;
    let (found, expected) = rest.rsplit_once(", expected ")?;
    if let (true, Some(range)) = (WHOLE.contains(&expected), range) {
        return Some(format!(
            "{found} does not go here: give a whole number, {range}, without quotes"
        ));
    }
    let wanted = match expected {
        "i8" => whole(i8::MIN, i8::MAX),
        "i16" => whole(i16::MIN, i16::MAX),
        "i32" => whole(i32::MIN, i32::MAX),
        "i64" => whole(i64::MIN, i64::MAX),
        "u8" => whole(0, u8::MAX),
        "u16" => whole(0, u16::MAX),
        "u32" => whole(0, u32::MAX),
        "u64" | "usize" => whole(0, u64::MAX),
        "f64" => "a number, without quotes".to_owned(),
        "a boolean" => "true or false, without quotes".to_owned(),
        "a string"
        | "a formatted date and time string"
        | "an RFC 3339 formatted date and time string" => "a text in quotes".to_owned(),
        "a sequence" => "a list, in `[` and `]`".to_owned(),
        expected if expected == "a map" || expected.starts_with("struct ") => {
            "an object, in `{` and `}`".to_owned()
        }
        _ => return None,
    };
    Some(format!("{found} does not go here: give {wanted}"))
}

fn whole(least: impl std::fmt::Display, most: impl std::fmt::Display) -> String {
    format!("a whole number from {least} to {most}, without quotes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_told_with_what_would() {
        for (cause, told) in [
            (
                "invalid value: integer `-1`, expected u64",
                "integer `-1` does not go here: give a whole number from 0 to 18446744073709551615, without quotes",
            ),
            (
                "invalid type: string \"5, expected x\", expected i16",
                "string \"5, expected x\" does not go here: give a whole number from -32768 to 32767, without quotes",
            ),
            (
                "invalid type: integer `1`, expected a boolean",
                "integer `1` does not go here: give true or false, without quotes",
            ),
            (
                "invalid digit found in string",
                "is no such number; give a whole number within its limits",
            ),
            (
                "unknown variant `x`, expected `a` or `b`",
                "`x` is not known here; give one of `a`, `b`",
            ),
            (
                "unknown variant `x`, expected one of `a`, `b`, `c`",
                "`x` is not known here; give one of `a`, `b`, `c`",
            ),
            ("invalid length 3", ""),
            (
                "invalid type: boolean `true`, expected unit",
                "`field` takes no value: write it as `\"field\"`",
            ),
        ] {
            assert_eq!(remedy("field", "field", cause).unwrap_or_default(), told);
        }
        // What is allowed, not what its type holds.
        for (path, cause, told) in [
            (
                "spec.priority",
                "invalid value: integer `99999`, expected i16",
                "integer `99999` does not go here: give a whole number, -1000 to 1000, without quotes",
            ),
            (
                "limit",
                "invalid digit found in string",
                "is no such number; give a whole number 1 to 500",
            ),
            (
                "spec.retry.delay_ms",
                "invalid value: integer `-1`, expected u64",
                "integer `-1` does not go here: give a whole number, 0 to 604800000 (7 days), without quotes",
            ),
            (
                "max",
                "invalid value: integer `-1`, expected u32",
                "integer `-1` does not go here: give a whole number, 1 to 1000, without quotes",
            ),
            (
                "spec.misfire.all.window_ms",
                "invalid value: integer `-1`, expected u64",
                "integer `-1` does not go here: give a whole number, 0 (none) to 31622400000 (366 days), without quotes",
            ),
            (
                "spec.misfire.all",
                "invalid type: unit variant, expected struct variant",
                "`all` needs a value: write it as `{\"all\": …}`, see /api/openapi.json",
            ),
            (
                "max",
                "missing field `max`",
                "missing field `max`; give a whole number, 1 to 1000",
            ),
            (
                "spec",
                "invalid length 0, expected struct JobSpec with 37 elements",
                "a list does not go here: give an object, in `{` and `}`",
            ),
        ] {
            let name = path.rsplit('.').next().unwrap();
            assert_eq!(remedy(path, name, cause).unwrap_or_default(), told);
        }
    }
}
