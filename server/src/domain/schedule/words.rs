//! A schedule in words.

#[cfg(test)]
mod tests;
mod zh;

pub use self::zh::describe_in_chinese;

use antares_protocol::job::JobSpec;
use antares_protocol::policy::Join;
use antares_protocol::schedule::{DstFold, DstGap};

use super::{Timing, resolve_hashes};
use crate::domain::cron::CronExpression;
use crate::domain::words::{instant, length, list};

/// Listed instants are told one by one up to so many.
const FEW_INSTANTS: usize = 3;

/// When a job fires, in English. What `H` stands for is told as far as it is known: put the expression without it into
/// the definition, see [`resolve_hashes`], to have it told in full.
pub fn describe(spec: &JobSpec) -> String {
    let timing = Timing::of(spec, 0);
    let times = if let Some(cron) = &spec.cron {
        let words = cron_in_words(cron);
        let is_utc = spec.time_zone.eq_ignore_ascii_case("UTC");
        let zone = if is_utc {
            String::new()
        } else {
            format!(" ({})", spec.time_zone)
        };
        format!("{words}{zone}{}", changes(spec))
    } else if let Some(rate_ms) = spec.fixed_rate_ms {
        let rate = length(rate_ms);
        match rate.strip_prefix("1 ").filter(|unit| !unit.contains(' ')) {
            Some(unit) => format!("every {unit}"),
            None => format!("every {rate}"),
        }
    } else if let Some(delay_ms) = spec.fixed_delay_ms {
        format!("{} after the last run has ended", length(delay_ms))
    } else {
        match &timing.at[..] {
            [] => return without_times(spec).to_owned(),
            [at] => format!("once, at {}", instant(*at)),
            few if few.len() <= FEW_INSTANTS => {
                format!(
                    "at {}",
                    list(&few.iter().copied().map(instant).collect::<Vec<_>>())
                )
            }
            [first, .., last] => format!(
                "at {} instants from {} to {}",
                timing.at.len(),
                instant(*first),
                instant(*last)
            ),
        }
    };
    times + &bounds(&timing) + &calendars(&timing)
}

/// When a job runs that no time is known of ahead.
fn without_times(spec: &JobSpec) -> &'static str {
    match (spec.depends_on.len(), spec.join) {
        (0, _) => "on demand only",
        (1, _) => "when the job that it follows has ended",
        (_, Join::All) => "when all jobs that it follows have ended",
        (_, Join::Any) => "when one of the jobs that it follows has ended",
    }
}

fn cron_in_words(cron: &str) -> String {
    match resolve_hashes(cron, 0) {
        Ok(resolved) if resolved == cron => match CronExpression::parse(cron) {
            Ok(expression) => expression.in_words(),
            Err(_) => format!("by `{cron}`, which is no cron expression"),
        },
        Ok(_) => format!("by `{cron}`, where the job's name chooses what H stands for"),
        Err(_) => format!("by `{cron}`, which is no cron expression"),
    }
}

/// What becomes of times at which the clocks change, where it is not the usual.
fn changes(spec: &JobSpec) -> String {
    let gap = match spec.dst_gap {
        DstGap::Skip => "",
        DstGap::After => ", right after the gap where the clocks skip the time",
        DstGap::Shift => ", as much later where the clocks skip the time",
    };
    let fold = match spec.dst_fold {
        DstFold::Last => "",
        DstFold::First => ", the first time where the time comes twice",
        DstFold::Both => ", both times where the time comes twice",
    };
    format!("{gap}{fold}")
}

fn bounds(timing: &Timing) -> String {
    let bounds = match (timing.start_at, timing.end_at) {
        (None, None) => String::new(),
        (Some(start), None) => format!(", from {} on", instant(start)),
        (None, Some(end)) => format!(", until {}", instant(end)),
        (Some(start), Some(end)) => format!(", from {} until {}", instant(start), instant(end)),
    };
    match timing.jitter_ms {
        0 => bounds,
        jitter_ms => format!("{bounds}, each by chance up to {} later", length(jitter_ms)),
    }
}

fn calendars(timing: &Timing) -> String {
    let within = |kind, names: &[String]| match names {
        [] => String::new(),
        [name] => format!(", {kind} calendar {name}"),
        names => format!(", {kind} any of the calendars {}", list(names)),
    };
    within("only in", &timing.include_calendars) + &within("not in", &timing.exclude_calendars)
}
