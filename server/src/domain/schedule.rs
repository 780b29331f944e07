//! When a job is due: the ticks of a definition, as one set of instants that does not depend on when it is looked at.

mod hash;
mod timing;

#[cfg(test)]
mod tests;

use antares_protocol::schedule::{DstFold, DstGap};
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;

use super::cron::CronExpression;
use super::job::{FieldError, parse_cron, parse_zone};

pub(in crate::domain) use self::hash::fnv;
pub use self::hash::resolve_hashes;
pub use self::timing::Timing;

/// A schedule that ticks by itself. A fixed delay does not: its next tick depends on how long an instance takes.
#[derive(Debug, Clone)]
pub struct Schedule {
    kind: Kind,
    timing: Timing,
}

#[derive(Debug, Clone)]
enum Kind {
    Cron(Box<CronExpression>, Tz),
    /// So often, counted from an instant.
    Rate(DateTime<Utc>, TimeDelta),
    /// At these instants, ascending.
    At(Vec<DateTime<Utc>>),
}

impl Schedule {
    /// Reads a schedule; `None` if it does not tick.
    pub fn new(
        cron: Option<&str>,
        time_zone: &str,
        timing: Timing,
    ) -> Result<Option<Self>, FieldError> {
        let zone = parse_zone(time_zone)?;
        let kind = if let Some(cron) = cron {
            Kind::Cron(Box::new(parse_cron(cron)?), zone)
        } else if let Some(ms) = timing.fixed_rate_ms {
            let anchor = timing.start_at.unwrap_or(DateTime::UNIX_EPOCH);
            Kind::Rate(anchor, TimeDelta::milliseconds(ms as i64))
        } else if !timing.at.is_empty() {
            Kind::At(timing.at.clone())
        } else {
            return Ok(None);
        };
        Ok(Some(Self { kind, timing }))
    }

    /// What decides the ticks beside cron and time zone.
    pub fn timing(&self) -> &Timing {
        &self.timing
    }

    /// The first tick strictly after `after`; `None` once there is none.
    pub fn next_after(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        if self.timing.jitter_ms == 0 {
            return self.nominal_after(after);
        }
        // The time before may fire only after this instant.
        if let Some(before) = self.nominal_before(after) {
            let fire = before + self.jitter(before);
            if fire > after {
                return Some(fire);
            }
        }
        let nominal = self.nominal_after(after)?;
        Some(nominal + self.jitter(nominal))
    }

    /// The ticks strictly after `after`, in order, until there are no more.
    pub fn upcoming(&self, after: DateTime<Utc>) -> impl Iterator<Item = DateTime<Utc>> {
        let first = self.next_after(after);
        std::iter::successors(first, |tick| self.next_after(*tick))
    }

    /// The first time strictly after `after`, without the jitter.
    fn nominal_after(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let after = match self.timing.start_at {
            // The start itself is a time that may match.
            Some(start) => after.max(start - TimeDelta::milliseconds(1)),
            None => after,
        };
        let next = match &self.kind {
            Kind::Cron(cron, zone) => {
                let (gap, fold) = (self.timing.dst_gap, self.timing.dst_fold);
                if (gap, fold) == (DstGap::Skip, DstFold::Last) {
                    cron.next_after(after, *zone)
                } else {
                    cron.next_after_by(after, *zone, gap, fold)
                }
            }
            Kind::Rate(anchor, every) => {
                let every = every.num_milliseconds();
                let passed = (after - anchor).num_milliseconds().div_euclid(every);
                let next = *anchor + TimeDelta::milliseconds((passed + 1) * every);
                // Fractions of a millisecond.
                Some(if next > after {
                    next
                } else {
                    next + TimeDelta::milliseconds(every)
                })
            }
            Kind::At(instants) => instants.iter().copied().find(|at| *at > after),
        };
        next.filter(|next| self.timing.end_at.is_none_or(|end| *next <= end))
    }

    /// The last time at or before `at`, without the jitter, if it is less than the jitter before.
    fn nominal_before(&self, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let jitter = TimeDelta::milliseconds(self.timing.jitter_ms as i64);
        let mut step = TimeDelta::seconds(1).min(jitter);
        loop {
            if let Some(mut found) = self.nominal_after(at - step).filter(|next| *next <= at) {
                while let Some(next) = self.nominal_after(found).filter(|next| *next <= at) {
                    found = next;
                }
                return Some(found);
            }
            if step >= jitter {
                return None;
            }
            step = (step * 2).min(jitter);
        }
    }

    /// By how much a time fires later: by chance, but the same whenever it is asked, and before the next time.
    fn jitter(&self, nominal: DateTime<Utc>) -> TimeDelta {
        let most = match self.nominal_after(nominal) {
            Some(next) => ((next - nominal).num_milliseconds() as u64).min(self.timing.jitter_ms),
            None => self.timing.jitter_ms,
        };
        let chance = hash::mix(self.timing.seed ^ nominal.timestamp_millis() as u64);
        TimeDelta::milliseconds((chance % most.max(1)) as i64)
    }
}
