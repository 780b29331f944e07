//! Which definitions of jobs are allowed, and how a job changes state.

mod timing;

use std::borrow::Cow;

use antares_protocol::job::{JobKind, JobSpec, SCRIPT_HANDLER, Script};
use antares_protocol::shard::MAX_SHARDS;
use chrono_tz::Tz;

use super::cron::{CronExpression, resolve_hashes};
use super::outcome;
use super::policy;
pub use super::policy::PRIORITIES;
use super::schedule::{Schedule, Timing, seed};

/// A field that is not allowed, and the remedy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {message}")]
pub struct FieldError {
    /// Its path in the definition, as in `depends_on[0].job`.
    pub field: Cow<'static, str>,
    pub message: String,
}

impl FieldError {
    /// An error of `field`, a path, with what is wrong and the remedy.
    pub fn new(field: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            message: message.into(),
        }
    }
}

/// Refuses `field`.
pub fn refuse(
    field: impl Into<Cow<'static, str>>,
    message: impl Into<String>,
) -> Result<(), FieldError> {
    Err(FieldError::new(field, message))
}

/// Largest job parameter and largest sum of shard parameters, as JSON text.
pub const MAX_PARAM_BYTES: usize = 1 << 20;
/// Longest timeout: a year.
pub const MAX_TIMEOUT_MS: u64 = 366 * 24 * 3_600_000;

/// Reads an IANA zone.
pub fn parse_zone(name: &str) -> Result<Tz, FieldError> {
    Tz::from_str_insensitive(name).map_err(|_| {
        FieldError::new(
            "time_zone",
            format!("`{name}` is not an IANA time zone; write one like Asia/Shanghai or UTC"),
        )
    })
}

/// Reads a cron expression in which each `H` has been replaced.
pub fn parse_cron(expression: &str) -> Result<CronExpression, FieldError> {
    CronExpression::parse(expression).map_err(|cause| {
        if resolve_hashes(expression, 0).is_ok_and(|resolved| resolved != expression) {
            return FieldError::new(
                "cron",
                "has an H, which depends on the names of an app and a job: preview it with them, by \
                 POST /api/v1/schedule/preview",
            );
        }
        FieldError::new("cron", cause.to_string())
    })
}

/// The cron expression of a job of `app`, with a value for each `H`.
pub fn resolved_cron<'a>(app: &str, spec: &'a JobSpec) -> Result<Option<Cow<'a, str>>, FieldError> {
    let Some(cron) = &spec.cron else {
        return Ok(None);
    };
    let resolved = resolve_hashes(cron, seed(app, &spec.name));
    let resolved = resolved.map_err(|cause| FieldError::new("cron", cause.to_string()))?;
    Ok(Some(if resolved == *cron {
        Cow::Borrowed(cron)
    } else {
        Cow::Owned(resolved)
    }))
}

/// What decides the ticks of a job of `app` beside its cron expression and time zone.
pub fn timing(app: &str, spec: &JobSpec) -> Timing {
    Timing::of(spec, seed(app, &spec.name))
}

/// The schedule of a job of `app`. `None` if it has no times that can be known ahead.
pub fn schedule(app: &str, spec: &JobSpec) -> Result<Option<Schedule>, FieldError> {
    let cron = resolved_cron(app, spec)?;
    Schedule::new(cron.as_deref(), &spec.time_zone, timing(app, spec))
}

/// Checks a definition. The first field that is not allowed is named.
pub fn validate(spec: &JobSpec) -> Result<(), FieldError> {
    visible("name", &spec.name, 200)?;
    if let Some(handler) = &spec.handler {
        visible("handler", handler, 200)?;
    }
    if spec.description.len() > 10_000 {
        return Err(FieldError::new(
            "description",
            "is longer than 10,000 bytes; shorten it",
        ));
    }
    match (spec.kind, &spec.script) {
        (JobKind::Handler, Some(_)) => {
            return Err(FieldError::new(
                "script",
                "is only for kind script; set kind to script, or leave it out",
            ));
        }
        (JobKind::Handler, None) if spec.handler() == SCRIPT_HANDLER => {
            let field = if spec.handler.is_some() {
                "handler"
            } else {
                "name"
            };
            return Err(FieldError::new(
                field,
                "`script` is reserved for script jobs; choose another",
            ));
        }
        (JobKind::Script, None) => {
            return Err(FieldError::new(
                "script",
                "is missing; give a command, or a body with its interpreter",
            ));
        }
        (JobKind::Script, Some(_)) if spec.handler.is_some() => {
            return Err(FieldError::new(
                "handler",
                "is not for script jobs; leave it out",
            ));
        }
        (JobKind::Script, Some(script)) => validate_script(script)?,
        (JobKind::Handler, None) => {}
    }
    timing::validate(spec)?;
    policy::validate(spec)?;
    if !(1..=MAX_SHARDS).contains(&spec.shard_count) {
        return Err(FieldError::new(
            "shard_count",
            format!(
                "{} is not allowed; give 1 to {MAX_SHARDS}",
                spec.shard_count
            ),
        ));
    }
    if spec.shard_params.len() > spec.shard_count as usize {
        return Err(FieldError::new(
            "shard_params",
            format!(
                "{} parameters for {} shards; raise shard_count or drop the surplus",
                spec.shard_params.len(),
                spec.shard_count
            ),
        ));
    }
    if spec.max_shards_per_client > 10_000 {
        return Err(FieldError::new(
            "max_shards_per_client",
            "give 0 for no limit, or 1 to 10000",
        ));
    }
    if !(1..=1000).contains(&spec.max_attempts) {
        return Err(FieldError::new(
            "max_attempts",
            format!("{} is not allowed; give 1 to 1000", spec.max_attempts),
        ));
    }
    for (field, value) in [
        ("shard_timeout_ms", spec.shard_timeout_ms),
        ("instance_timeout_ms", spec.instance_timeout_ms),
    ] {
        if value > MAX_TIMEOUT_MS {
            return Err(FieldError::new(
                field,
                "is more than 366 days; give 0 for no limit",
            ));
        }
    }
    for (field, bytes) in [
        ("param", json_bytes(&spec.param)),
        ("shard_params", json_bytes(&spec.shard_params)),
    ] {
        if bytes > MAX_PARAM_BYTES {
            return Err(FieldError::new(
                field,
                format!("is {bytes} bytes of JSON; the limit is {MAX_PARAM_BYTES}"),
            ));
        }
    }
    outcome::validate(spec)?;
    check_nul(spec)
}

/// PostgreSQL cannot store this one character in a text or jsonb.
fn check_nul(spec: &JobSpec) -> Result<(), FieldError> {
    let value = serde_json::to_value(spec).unwrap_or_default();
    let holder = (TEXTS.into_iter())
        .find(|field| holds_nul(&value[*field]))
        .or_else(|| holds_nul(&value).then_some("spec"));
    match holder {
        None => Ok(()),
        Some(field) => Err(FieldError::new(
            field,
            "holds the character U+0000, which cannot be stored; remove it",
        )),
    }
}

/// Fields of a definition with texts in which any character may be written.
const TEXTS: [&str; 7] = [
    "description",
    "script",
    "param",
    "shard_params",
    "assignment",
    "depends_on",
    "limits",
];

/// Whether a text somewhere in `value` holds U+0000.
pub fn holds_nul(value: &serde_json::Value) -> bool {
    use serde_json::Value::{Array, Object, String};
    match value {
        String(text) => text.contains('\0'),
        Array(values) => values.iter().any(holds_nul),
        Object(fields) => fields
            .iter()
            .any(|(name, value)| name.contains('\0') || holds_nul(value)),
        _ => false,
    }
}

/// How long a value is as JSON text.
pub fn json_bytes(value: &impl serde::Serialize) -> usize {
    serde_json::to_vec(value).map_or(usize::MAX, |bytes| bytes.len())
}

fn validate_script(script: &Script) -> Result<(), FieldError> {
    let (text, line, field) = match script {
        Script::Command(command) => (command, (command, "script.command"), "script.command"),
        Script::Body { interpreter, body } => {
            let field = "script.body.interpreter";
            visible(field, interpreter, 500)?;
            (body, (interpreter, field), "script.body.body")
        }
    };
    if text.trim().is_empty() {
        return Err(FieldError::new(field, "is empty; write what to run"));
    }
    if text.len() > 256 * 1024 {
        return Err(FieldError::new(
            field,
            "is longer than 256 KiB; put it in a file on the client",
        ));
    }
    // As the client will split it into words.
    if shlex::split(line.0).is_none() {
        let message = "has a quote that is not closed, or ends with a backslash; close it, or give the script's text as a body";
        return Err(FieldError::new(line.1, message));
    }
    Ok(())
}

/// Checks a name that people read and type.
pub fn visible(field: &'static str, text: &str, most: usize) -> Result<(), FieldError> {
    if text.is_empty() || text.chars().count() > most {
        return Err(FieldError::new(
            field,
            format!("must have 1 to {most} characters"),
        ));
    }
    if let Some(hidden) = text.chars().find(|char| is_hidden(*char)) {
        return Err(FieldError::new(
            field,
            format!(
                "holds the invisible character U+{:04X}; remove it",
                u32::from(hidden)
            ),
        ));
    }
    if text.trim() != text || text.chars().any(char::is_control) {
        return Err(FieldError::new(
            field,
            "must not start or end with a space or hold control characters",
        ));
    }
    Ok(())
}

/// As [`visible`], of what is listed between commas.
pub fn listable(field: &'static str, name: &str, most: usize) -> Result<(), FieldError> {
    visible(field, name, most)?;
    if name.contains(',') {
        return refuse(field, "must not hold a comma, which parts names in lists");
    }
    Ok(())
}

/// Whether a character shows nothing of itself, so that two names that differ by it look alike: those of Unicode's category
/// Cf that are not joiners within words of some scripts, and fillers.
fn is_hidden(char: char) -> bool {
    matches!(char, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
        | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// What an operator may do to a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Switch on; goes on to waiting.
    Enable,
    /// Switch off; ends a running instance.
    Disable,
    /// Put on the schedule.
    Schedule,
    /// Take off the schedule; ends a running instance.
    Stop,
    /// Keep ticks from firing; a running instance goes on.
    Pause,
    /// Let ticks fire again.
    Resume,
}

/// The stored state after `action`, or `None` if the state does not allow it.
///
/// The picture of the original, with what the design allows besides: pause and stop while running, stop
/// while paused, disable from any.
pub fn transition(state: &str, action: Action) -> Option<&'static str> {
    match (action, state) {
        (Action::Enable, "disabled")
        | (Action::Schedule, "stopped")
        | (Action::Resume, "paused") => Some("waiting"),
        (Action::Disable, "stopped" | "waiting" | "paused") => Some("disabled"),
        (Action::Stop, "waiting" | "paused") => Some("stopped"),
        (Action::Pause, "waiting") => Some("paused"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use antares_protocol::policy::Sharding;

    use super::*;

    fn rejected(change: impl FnOnce(&mut JobSpec)) -> Cow<'static, str> {
        let mut spec = JobSpec::new("settle");
        change(&mut spec);
        validate(&spec).expect_err("must be rejected").field
    }

    #[test]
    fn every_limit_is_checked_and_the_field_named() {
        assert_eq!(validate(&JobSpec::new("settle")), Ok(()));
        assert_eq!(rejected(|s| s.name = String::new()), "name");
        assert_eq!(rejected(|s| s.name = "a\nb".into()), "name");
        for hidden in [
            "\u{200b}",
            "abc\u{200b}",
            "\u{feff}abc",
            "a\u{ad}b",
            "\u{2066}",
        ] {
            assert_eq!(rejected(|s| s.name = hidden.into()), "name");
        }
        assert!(listable("name", "hol idays", 200).is_ok());
        assert!(listable("name", "hol,idays", 200).is_err());
        assert_eq!(validate(&JobSpec::new("می\u{200c}خواهم")), Ok(()));
        assert_eq!(rejected(|s| s.name = "script".into()), "name");
        assert_eq!(rejected(|s| s.cron = Some("0 0 25 * * ?".into())), "cron");
        assert_eq!(
            rejected(|s| s.time_zone = "Mars/Olympus".into()),
            "time_zone"
        );
        assert_eq!(rejected(|s| s.shard_count = 0), "shard_count");
        assert_eq!(rejected(|s| s.shard_count = MAX_SHARDS + 1), "shard_count");
        assert_eq!(
            rejected(|s| {
                s.sharding = Sharding::Broadcast;
                s.allowed_failures = MAX_SHARDS + 1;
            }),
            "allowed_failures"
        );
        assert_eq!(
            rejected(|s| s.shard_params = vec![1.into(), 2.into()]),
            "shard_params"
        );
        assert_eq!(rejected(|s| s.max_attempts = 0), "max_attempts");
        assert_eq!(rejected(|s| s.kind = JobKind::Script), "script");
        assert_eq!(rejected(|s| s.param = "x\0y".into()), "param");
        assert_eq!(
            rejected(|s| s.instance_timeout_ms = u64::MAX),
            "instance_timeout_ms"
        );
    }

    #[test]
    fn only_the_transitions_of_the_design_are_allowed() {
        use Action::{Disable, Enable, Pause, Resume, Schedule, Stop};
        let allowed = [
            ("disabled", Enable, "waiting"),
            ("stopped", Schedule, "waiting"),
            ("stopped", Disable, "disabled"),
            ("waiting", Disable, "disabled"),
            ("waiting", Stop, "stopped"),
            ("waiting", Pause, "paused"),
            ("paused", Resume, "waiting"),
            ("paused", Stop, "stopped"),
            ("paused", Disable, "disabled"),
        ];
        for state in ["disabled", "stopped", "waiting", "paused"] {
            for action in [Enable, Disable, Schedule, Stop, Pause, Resume] {
                let expected = allowed
                    .iter()
                    .find(|(from, by, _)| *from == state && *by == action)
                    .map(|(_, _, to)| *to);
                assert_eq!(
                    transition(state, action),
                    expected,
                    "{action:?} from {state}"
                );
            }
        }
    }
}
