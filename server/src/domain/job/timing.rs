//! The fields of a definition that say when the job fires, and what becomes of ticks that cannot.

#[cfg(test)]
mod tests;

use std::collections::HashSet;

use antares_protocol::job::JobSpec;
use antares_protocol::schedule::{Misfire, Overlap};
use chrono::{DateTime, Datelike, TimeDelta, Timelike as _, Utc};

use super::{FieldError, parse_zone, resolved_cron, schedule, timing, visible};
use crate::domain::cron::LAST_YEAR as LAST_CRON_YEAR;
use crate::domain::schedule::{LAST_YEAR, Schedule, Timing, check_jitter, check_period};

/// Most instants in `at`.
const MOST_INSTANTS: usize = 1000;
/// Most names in a list of calendars.
const MOST_CALENDARS: usize = 20;
/// Most ticks to make up for, most instances that wait, and most that run.
const MOST_INSTANCES: u32 = 1000;
/// Longest time that a missed tick may be late: 366 days.
const MAX_WINDOW_MS: u64 = 366 * 86_400_000;

pub(super) fn validate(spec: &JobSpec) -> Result<(), FieldError> {
    let given = [
        ("cron", spec.cron.is_some()),
        ("fixed_rate_ms", spec.fixed_rate_ms.is_some()),
        ("fixed_delay_ms", spec.fixed_delay_ms.is_some()),
        ("at", !spec.at.is_empty()),
    ];
    let mut given = given.iter().filter(|(_, is_given)| *is_given);
    if let (Some((first, _)), Some((second, _))) = (given.next(), given.next()) {
        let message = format!(
            "is given beside {first}; leave one of them out: a job has at most one of cron, fixed_rate_ms, \
             fixed_delay_ms and at"
        );
        return Err(FieldError::new(*second, message));
    }
    parse_zone(&spec.time_zone)?;
    if let Some(rate_ms) = spec.fixed_rate_ms {
        check_period("fixed_rate_ms", rate_ms)?;
    }
    if let Some(delay_ms) = spec.fixed_delay_ms {
        check_period("fixed_delay_ms", delay_ms)?;
        if spec.jitter_ms > 0 {
            return Err(FieldError::new(
                "jitter_ms",
                "is not for fixed_delay_ms; leave one of them out",
            ));
        }
    }
    check_jitter(spec.jitter_ms)?;
    instants(spec)?;
    limits(spec)?;
    calendars("include_calendars", &spec.include_calendars)?;
    calendars("exclude_calendars", &spec.exclude_calendars)?;
    // Whether `H` is used rightly does not depend on what it becomes.
    schedule("", spec)?;
    fires_at_all(spec)
}

/// Refuses a cron expression that no date matches, as Quartz does. One whose dates have gone by, or lie outside `start_at`
/// and `end_at`, is allowed: whoever declares jobs again and again goes on with the same definition.
fn fires_at_all(spec: &JobSpec) -> Result<(), FieldError> {
    let Some(cron) = resolved_cron("", spec)? else {
        return Ok(());
    };
    let before = DateTime::UNIX_EPOCH - TimeDelta::days(1);
    let unbounded = Timing {
        start_at: None,
        end_at: None,
        ..timing("", spec)
    };
    match Schedule::new(Some(&cron), &spec.time_zone, unbounded)? {
        Some(times) if times.next_after(before).is_none() => Err(FieldError::new(
            "cron",
            format!(
                "never fires: no time from 1970 to {LAST_YEAR} matches it; change the date or the year; if the \
                 clocks leave that time out, another dst_gap helps"
            ),
        )),
        _ => Ok(()),
    }
}

fn instants(spec: &JobSpec) -> Result<(), FieldError> {
    if spec.at.len() > MOST_INSTANTS {
        let count = spec.at.len();
        return Err(FieldError::new(
            "at",
            format!("has {count} instants; give {MOST_INSTANTS} at most, or use cron"),
        ));
    }
    let all = spec.at.iter().map(|at| ("at", at));
    let all = all.chain(spec.start_at.iter().map(|at| ("start_at", at)));
    for (field, at) in all.chain(spec.end_at.iter().map(|at| ("end_at", at))) {
        year(field, at)?;
        if at.nanosecond() >= 1_000_000_000 {
            return Err(FieldError::new(
                field,
                "has second 60, which schedules do not know; give second 59, or 0 of the next minute",
            ));
        }
    }
    if let Some(start) = spec.start_at.filter(|at| at.year() > LAST_CRON_YEAR)
        && spec.cron.is_some()
    {
        return Err(FieldError::new(
            "start_at",
            format!(
                "{start} is after {LAST_CRON_YEAR}, the last year of cron expressions; give an earlier instant"
            ),
        ));
    }
    match (spec.start_at, spec.end_at) {
        (Some(start), Some(end)) if start > end => Err(FieldError::new(
            "end_at",
            "is before start_at; give a later instant, or leave it out",
        )),
        _ => Ok(()),
    }
}

fn year(field: &'static str, at: &DateTime<Utc>) -> Result<(), FieldError> {
    if (1970..=LAST_YEAR).contains(&at.year()) {
        return Ok(());
    }
    Err(FieldError::new(
        field,
        format!("{at} is not allowed; give an instant from 1970 to {LAST_YEAR}"),
    ))
}

fn limits(spec: &JobSpec) -> Result<(), FieldError> {
    if let Misfire::All { max, window_ms } = spec.misfire {
        if !(1..=MOST_INSTANCES).contains(&max) {
            return Err(FieldError::new(
                "misfire.all.max",
                format!("{max} is not allowed; give 1 to {MOST_INSTANCES}, or use ignore"),
            ));
        }
        if window_ms > MAX_WINDOW_MS {
            return Err(FieldError::new(
                "misfire.all.window_ms",
                "is more than 366 days; give 0 for no limit",
            ));
        }
    }
    match spec.overlap {
        Overlap::Queue(waiting) if !(1..=MOST_INSTANCES).contains(&waiting) => {
            Err(FieldError::new(
                "overlap.queue",
                format!("{waiting} is not allowed; give 1 to {MOST_INSTANCES}, or use skip"),
            ))
        }
        Overlap::Allow(running) if !(2..=MOST_INSTANCES).contains(&running) => {
            Err(FieldError::new(
                "overlap.allow",
                format!(
                    "{running} is not allowed; give 2 to {MOST_INSTANCES}, or use skip for one at a time"
                ),
            ))
        }
        _ => Ok(()),
    }
}

fn calendars(field: &'static str, names: &[String]) -> Result<(), FieldError> {
    if names.len() > MOST_CALENDARS {
        return Err(FieldError::new(
            field,
            format!(
                "has {} names; give {MOST_CALENDARS} at most, and put the days of several calendars into one",
                names.len()
            ),
        ));
    }
    let mut seen = HashSet::new();
    for name in names {
        visible(field, name, 200)?;
        if !seen.insert(name) {
            return Err(FieldError::new(
                field,
                format!("names `{name}` twice; drop one"),
            ));
        }
    }
    Ok(())
}
