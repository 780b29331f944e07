//! When a job fires: its times, and what moves, bounds and drops them. No clock and no I/O.
//!
//! The ticks of a schedule are one set of instants, fixed by its definition: [`Schedule::next_after`] never depends on
//! where a search starts, so that it does not matter which server looks, when, and how often.

mod jitter;
mod timing;
mod words;

#[cfg(test)]
mod tests;

use antares_protocol::schedule::Misfire;
use chrono::{DateTime, Datelike, TimeDelta, Utc};
use chrono_tz::Tz;

use super::cron::{CronExpression, Dst};
use super::job::{FieldError, parse_cron, parse_zone};

pub use self::timing::Timing;
pub use self::words::{describe, describe_in_chinese};
pub use super::chance::seed;
pub use super::cron::resolve_hashes;

/// The last year in which a tick may lie. Cron ends sooner, with 2099.
pub const LAST_YEAR: i32 = 2199;
/// Shortest and longest rate and delay: a second and 366 days.
pub const PERIOD_MS: std::ops::RangeInclusive<u64> = 1000..=366 * 86_400_000;
/// Longest jitter: a day.
pub const MAX_JITTER_MS: u64 = 86_400_000;

/// A schedule, ready for searches.
#[derive(Debug, Clone)]
pub struct Schedule {
    times: Times,
    timing: Timing,
}

/// Where the times come from.
#[derive(Debug, Clone)]
enum Times {
    Cron(Box<CronExpression>, Tz, Dst),
    /// So much apart, counted from an instant.
    Rate(DateTime<Utc>, TimeDelta),
    /// The instants of [`Timing::at`].
    Listed,
}

impl Schedule {
    /// Compiles what is stored of a job. `None` if it has no times that can be known ahead: it runs on demand, or after
    /// a fixed delay. In `cron` each `H` has been replaced, see [`resolve_hashes`].
    pub fn new(
        cron: Option<&str>,
        time_zone: &str,
        timing: Timing,
    ) -> Result<Option<Self>, FieldError> {
        let zone = parse_zone(time_zone)?;
        check_jitter(timing.jitter_ms)?;
        let times = if let Some(expression) = cron {
            Times::Cron(Box::new(parse_cron(expression)?), zone, timing.dst())
        } else if let Some(rate_ms) = timing.fixed_rate_ms {
            check_period("fixed_rate_ms", rate_ms)?;
            let rate = TimeDelta::milliseconds(rate_ms as i64);
            Times::Rate(timing.start_at.unwrap_or(DateTime::UNIX_EPOCH), rate)
        } else if timing.at.is_empty() {
            return Ok(None);
        } else {
            Times::Listed
        };
        Ok(Some(Self { times, timing }))
    }

    /// The first tick strictly after `after`; `None` when the schedule has ended.
    pub fn next_after(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        if self.timing.jitter_ms == 0 {
            self.time_after(after)
        } else {
            self.jittered_after(after)
        }
    }

    /// The ticks strictly after `after`, in order, until there are no more.
    pub fn upcoming(&self, after: DateTime<Utc>) -> impl Iterator<Item = DateTime<Utc>> {
        std::iter::successors(self.next_after(after), |tick| self.next_after(*tick))
    }

    /// The ticks from `from` to before `until`, in order.
    pub fn within(
        &self,
        from: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> impl Iterator<Item = DateTime<Utc>> {
        let before = from - TimeDelta::nanoseconds(1);
        self.upcoming(before).take_while(move |at| *at < until)
    }

    /// What becomes of ticks that were missed.
    pub fn misfire(&self) -> Misfire {
        self.timing.misfire
    }

    /// What it was compiled from, beside the expression and the zone.
    pub fn timing(&self) -> &Timing {
        &self.timing
    }

    /// The first time strictly after `after`, before it is moved by the jitter.
    fn time_after(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let after = match self.timing.start_at {
            // The start itself counts.
            Some(start) => after.max(start - TimeDelta::nanoseconds(1)),
            None => after,
        };
        let next = match &self.times {
            Times::Cron(cron, zone, dst) => cron.next_after_by(after, *zone, *dst),
            Times::Rate(anchor, rate) => rate_after(*anchor, *rate, after),
            Times::Listed => {
                let at = &self.timing.at;
                at.get(at.partition_point(|at| *at <= after)).copied()
            }
        };
        next.filter(|next| self.timing.end_at.is_none_or(|end| *next <= end))
    }
}

/// Checks a fixed rate or delay.
pub fn check_period(field: &'static str, period_ms: u64) -> Result<(), FieldError> {
    if PERIOD_MS.contains(&period_ms) {
        return Ok(());
    }
    let message = format!(
        "{period_ms} is not allowed; give {} (1 second) to {} (366 days)",
        PERIOD_MS.start(),
        PERIOD_MS.end()
    );
    Err(FieldError::new(field, message))
}

/// Checks a jitter.
pub fn check_jitter(jitter_ms: u64) -> Result<(), FieldError> {
    if jitter_ms <= MAX_JITTER_MS {
        return Ok(());
    }
    Err(FieldError::new(
        "jitter_ms",
        format!("is more than {MAX_JITTER_MS} (a day); give less, or 0 for none"),
    ))
}

/// The first of `anchor`, `anchor + rate`, and so on after `after`.
fn rate_after(
    anchor: DateTime<Utc>,
    rate: TimeDelta,
    after: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    if after < anchor {
        return Some(anchor);
    }
    let rate_ms = rate.num_milliseconds();
    let passed = (after - anchor).num_milliseconds() / rate_ms;
    let ahead = passed.checked_add(1)?.checked_mul(rate_ms)?;
    let next = anchor.checked_add_signed(TimeDelta::try_milliseconds(ahead)?)?;
    (next.year() <= LAST_YEAR).then_some(next)
}
