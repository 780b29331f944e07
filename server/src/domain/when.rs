//! Which schedules a definition may have.

use antares_protocol::job::JobSpec;
use antares_protocol::schedule::Misfire;
use chrono::Datelike as _;

use super::job::{FieldError, MAX_TIMEOUT_MS, visible};

/// Longest jitter: a day.
const MAX_JITTER_MS: u64 = 86_400_000;

/// Checks the fields that say when a job fires, other than the cron expression and the time zone.
pub(super) fn validate(spec: &JobSpec) -> Result<(), FieldError> {
    let given = [
        ("cron", spec.cron.is_some()),
        ("fixed_rate_ms", spec.fixed_rate_ms.is_some()),
        ("fixed_delay_ms", spec.fixed_delay_ms.is_some()),
        ("at", !spec.at.is_empty()),
    ];
    let mut given = given.iter().filter(|(_, is_given)| *is_given);
    if let (Some((first, _)), Some((second, _))) = (given.next(), given.next()) {
        return refuse(
            second,
            format!("cannot be given together with {first}; keep one of them"),
        );
    }
    for (field, ms) in [
        ("fixed_rate_ms", spec.fixed_rate_ms),
        ("fixed_delay_ms", spec.fixed_delay_ms),
    ] {
        if ms.is_some_and(|ms| !(1000..=MAX_TIMEOUT_MS).contains(&ms)) {
            return refuse(field, "is not allowed; give 1000 (a second) to 366 days");
        }
    }
    if spec.at.len() > 1000 {
        return refuse("at", "has more than 1000 instants; give fewer, or use cron");
    }
    for (field, at) in spec
        .at
        .iter()
        .map(|at| ("at", at))
        .chain(spec.start_at.iter().map(|at| ("start_at", at)))
        .chain(spec.end_at.iter().map(|at| ("end_at", at)))
    {
        if !(1970..2200).contains(&at.year()) {
            return refuse(
                field,
                format!("{at} is not allowed; give a year from 1970 to 2199"),
            );
        }
    }
    if let (Some(start), Some(end)) = (spec.start_at, spec.end_at)
        && end < start
    {
        return refuse("end_at", "is before start_at; give a later instant");
    }
    if spec.jitter_ms > MAX_JITTER_MS {
        return refuse("jitter_ms", "is more than a day; give less");
    }
    if spec.jitter_ms > 0 && spec.fixed_delay_ms.is_some() {
        return refuse("jitter_ms", "is not for fixed_delay_ms; leave it out");
    }
    if let Misfire::All { max, window_ms } = spec.misfire {
        if !(1..=1000).contains(&max) {
            return refuse("misfire.all.max", "is not allowed; give 1 to 1000");
        }
        if window_ms > MAX_TIMEOUT_MS {
            return refuse(
                "misfire.all.window_ms",
                "is more than 366 days; give 0 for no limit",
            );
        }
    }
    for (field, names) in [
        ("include_calendars", &spec.include_calendars),
        ("exclude_calendars", &spec.exclude_calendars),
    ] {
        if names.len() > 20 {
            return refuse(field, "has more than 20 names; join calendars into one");
        }
        for (index, name) in names.iter().enumerate() {
            visible(field, name, 200)?;
            if names[..index].contains(name) {
                return refuse(field, format!("names `{name}` twice; name it once"));
            }
        }
        if !names.is_empty() && spec.fixed_delay_ms.is_some() {
            return refuse(
                field,
                "is not for fixed_delay_ms, which has no set times; leave it out",
            );
        }
    }
    Ok(())
}

fn refuse(field: &'static str, message: impl Into<String>) -> Result<(), FieldError> {
    Err(FieldError {
        field,
        message: message.into(),
    })
}
