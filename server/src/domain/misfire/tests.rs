//! Single decisions, and many in a row against an accounting of the whole outage at once.

use antares_protocol::schedule::Misfire;
use chrono::{DateTime, TimeDelta, Utc};

use super::{Plan, Unfired, Unfiring, decide};
use crate::domain::schedule::{Schedule, Timing};

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn schedule(cron: &str, misfire: Misfire) -> Schedule {
    let timing = Timing {
        misfire,
        ..Timing::default()
    };
    Schedule::new(Some(cron), "UTC", timing).unwrap().unwrap()
}

const THRESHOLD: TimeDelta = TimeDelta::seconds(5);

fn plan(cron: &str, due: &str, now: &str) -> Plan {
    let schedule = schedule(cron, Misfire::Latest);
    decide(&schedule, &|_| None, at(due), at(now), THRESHOLD)
}

fn coalesced(first: &str, last: &str, count: i64) -> Unfired {
    Unfired {
        first: at(first),
        last: at(last),
        count,
        outcome: Unfiring::Coalesced,
        reason: "missed: the server fired the latest missed tick only".to_owned(),
    }
}

#[test]
fn a_tick_within_the_threshold_fires_even_if_a_later_one_is_due() {
    let plan = plan(
        "* * * * * ?",
        "2026-01-01T00:00:00Z",
        "2026-01-01T00:00:03Z",
    );
    assert_eq!(plan.fire_at, Some(at("2026-01-01T00:00:00Z")));
    assert_eq!(plan.unfired, []);
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
    let expected = coalesced("2026-01-01T00:00:00Z", "2026-01-01T00:59:00Z", 60);
    assert_eq!(plan.unfired, [expected]);
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
    assert_eq!(plan.unfired, []);
    assert_eq!(plan.next_fire_at, Some(at("2026-01-02T03:00:00Z")));
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
