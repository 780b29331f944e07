//! What to do about a tick that is due: fire it, or account for those that were missed.

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;

use super::cron::CronExpression;

/// Most ticks that one decision accounts for. A longer outage of a dense schedule takes several decisions,
/// so that none holds up the other jobs.
const MOST_MISSED: i64 = 100_000;

/// What to do about a schedule whose next tick is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The tick to fire.
    pub fire_at: Option<DateTime<Utc>>,
    /// First, last and number of the ticks to record as coalesced.
    pub missed: Option<(DateTime<Utc>, DateTime<Utc>, i64)>,
    /// The next tick; `None` when the schedule has ended.
    pub next_fire_at: Option<DateTime<Utc>>,
}

/// Decides about the tick `due`, which is not after `now`.
///
/// A tick at most `threshold` late fires, however many there are. Of ticks that are later than that, only
/// the latest fires; the others are coalesced into it (Quartz calls this "fire once now").
pub fn decide(
    cron: &CronExpression,
    zone: Tz,
    due: DateTime<Utc>,
    now: DateTime<Utc>,
    threshold: TimeDelta,
) -> Plan {
    if now - due <= threshold {
        return Plan {
            fire_at: Some(due),
            missed: None,
            next_fire_at: cron.next_after(due, zone),
        };
    }
    let (mut latest, mut before, mut count) = (due, None, 0);
    let mut next = cron.next_after(due, zone);
    while let Some(tick) = next.filter(|tick| *tick <= now) {
        if count == MOST_MISSED {
            // The rest is for the next decision: coalesce these and fire none of them.
            return Plan {
                fire_at: None,
                missed: Some((due, latest, count + 1)),
                next_fire_at: Some(tick),
            };
        }
        before = Some(latest);
        latest = tick;
        count += 1;
        next = cron.next_after(tick, zone);
    }
    Plan {
        fire_at: Some(latest),
        missed: before.map(|before| (due, before, count)),
        next_fire_at: next,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn plan(cron: &str, due: &str, now: &str) -> Plan {
        let cron = CronExpression::parse(cron).unwrap();
        decide(&cron, Tz::UTC, at(due), at(now), TimeDelta::seconds(5))
    }

    #[test]
    fn a_tick_within_the_threshold_fires_even_if_a_later_one_is_due() {
        let plan = plan(
            "* * * * * ?",
            "2026-01-01T00:00:00Z",
            "2026-01-01T00:00:03Z",
        );
        assert_eq!(plan.fire_at, Some(at("2026-01-01T00:00:00Z")));
        assert_eq!(plan.missed, None);
        assert_eq!(plan.next_fire_at, Some(at("2026-01-01T00:00:01Z")));
    }

    #[test]
    fn of_missed_ticks_the_latest_fires_and_the_rest_is_counted() {
        let plan = plan(
            "0 * * * * ?",
            "2026-01-01T00:00:00Z",
            "2026-01-01T01:00:30Z",
        );
        assert_eq!(plan.fire_at, Some(at("2026-01-01T01:00:00Z")));
        assert_eq!(
            plan.missed,
            Some((at("2026-01-01T00:00:00Z"), at("2026-01-01T00:59:00Z"), 60))
        );
        assert_eq!(plan.next_fire_at, Some(at("2026-01-01T01:01:00Z")));
    }

    #[test]
    fn a_single_missed_tick_fires_and_nothing_is_coalesced() {
        let plan = plan(
            "0 0 3 * * ?",
            "2026-01-01T03:00:00Z",
            "2026-01-01T09:00:00Z",
        );
        assert_eq!(plan.fire_at, Some(at("2026-01-01T03:00:00Z")));
        assert_eq!(plan.missed, None);
        assert_eq!(plan.next_fire_at, Some(at("2026-01-02T03:00:00Z")));
    }

    #[test]
    fn a_long_outage_is_accounted_for_in_several_decisions_without_a_gap() {
        let cron = CronExpression::parse("* * * * * ?").unwrap();
        let (start, now) = (at("2026-01-01T00:00:00Z"), at("2026-01-03T12:00:00Z"));
        let (mut due, mut counted) = (start, 0);
        loop {
            let plan = decide(&cron, Tz::UTC, due, now, TimeDelta::seconds(5));
            if let Some((first, last, count)) = plan.missed {
                assert_eq!(first, due);
                assert_eq!((last - first).num_seconds() + 1, count);
                counted += count;
            }
            due = plan.next_fire_at.unwrap();
            if let Some(fired) = plan.fire_at {
                assert_eq!(fired, now);
                counted += 1;
                break;
            }
        }
        assert_eq!(counted, (now - start).num_seconds() + 1);
        assert!(due > now);
    }

    #[test]
    fn a_schedule_that_ended_while_missed_fires_its_last_tick() {
        let plan = plan(
            "0 0 0 1 1 ? 2026",
            "2026-01-01T00:00:00Z",
            "2026-06-01T00:00:00Z",
        );
        assert_eq!(plan.fire_at, Some(at("2026-01-01T00:00:00Z")));
        assert_eq!(plan.next_fire_at, None);
    }
}
