//! What to do about a tick that is due: fire it, or account for those that do not fire.

mod walk;

#[cfg(test)]
mod tests;

use chrono::{DateTime, TimeDelta, Utc};

use self::walk::{Limits, Missed};
use super::calendar::Out;
use super::schedule::Schedule;

/// A longer outage of a dense schedule takes several decisions, so that none holds up the other jobs.
const LIMITS: Limits = Limits {
    ticks: 100_000,
    ticks_ahead: 1_000_000,
    records: 1000,
};

/// Why a tick is kept out by a calendar; `None` if it is not.
pub type LiesOut<'a> = dyn Fn(DateTime<Utc>) -> Option<Out> + 'a;

/// What became of a tick that did not fire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfiring {
    /// A calendar kept it out.
    Skipped,
    /// It was missed, and a later one fires for it.
    Coalesced,
    /// It was missed, and nothing fires for it.
    Missed,
}

impl Unfiring {
    /// Its name in the table `tick`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Skipped => "skipped",
            Self::Coalesced => "coalesced",
            Self::Missed => "missed",
        }
    }
}

/// Successive ticks that did not fire, all for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfired {
    /// The first of them.
    pub first: DateTime<Utc>,
    /// The last of them.
    pub last: DateTime<Utc>,
    /// How many.
    pub count: i64,
    /// What became of them.
    pub outcome: Unfiring,
    /// Why, in words.
    pub reason: String,
}

/// What to do about a schedule whose next tick is due. The ticks from that one to before `next_fire_at` are all
/// accounted for: each fires or is in one of the records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The tick to fire.
    pub fire_at: Option<DateTime<Utc>>,
    /// The ticks that do not fire, in order. All of them are before `fire_at`.
    pub unfired: Vec<Unfired>,
    /// The next tick, which may be due as well; `None` when the schedule has ended.
    pub next_fire_at: Option<DateTime<Utc>>,
}

/// Decides about the tick `due`, which is not after `now`.
///
/// A tick at most `threshold` late is not missed: it fires unless `lies_out` keeps it out. What becomes of later ones
/// is for the job's [`Misfire`](antares_protocol::schedule::Misfire) to say. For `latest` one fires for all that are
/// missed (Quartz calls this "fire once now"): the first that is due by now and in time, or else the latest of them.
pub fn decide(
    schedule: &Schedule,
    lies_out: &LiesOut<'_>,
    due: DateTime<Utc>,
    now: DateTime<Utc>,
    threshold: TimeDelta,
) -> Plan {
    if now - due > threshold {
        return Missed {
            schedule,
            lies_out,
            now,
            threshold,
            limits: LIMITS,
        }
        .decide(due);
    }
    let kept_out = lies_out(due).map(|out| Unfired {
        first: due,
        last: due,
        count: 1,
        outcome: Unfiring::Skipped,
        reason: out.reason,
    });
    Plan {
        fire_at: kept_out.is_none().then_some(due),
        unfired: kept_out.into_iter().collect(),
        next_fire_at: schedule.next_after(due),
    }
}
