//! Missed ticks, by policy, with a clock that the tests move.

use antares_protocol::job::JobSpec;

use super::super::job::compile;
use super::*;

const THRESHOLD: TimeDelta = TimeDelta::seconds(5);

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn schedule(cron: &str, misfire: Misfire) -> Schedule {
    let mut spec = JobSpec::new("settle");
    spec.cron = Some(cron.to_owned());
    spec.misfire = misfire;
    compile("shop", &spec).unwrap().unwrap()
}

fn plan(cron: &str, misfire: Misfire, due: &str, now: &str) -> Plan {
    decide(
        &schedule(cron, misfire),
        &|_| None,
        at(due),
        at(now),
        THRESHOLD,
    )
}

/// Decides again and again until nothing is due. Returns what fired and what did not.
fn run(
    schedule: &Schedule,
    lies_out: &dyn Fn(DateTime<Utc>) -> Option<String>,
    due: DateTime<Utc>,
    now: DateTime<Utc>,
) -> (Vec<DateTime<Utc>>, Vec<Unfired>) {
    let (mut fired, mut unfired) = (Vec::new(), Vec::new());
    let mut next = Some(due);
    while let Some(due) = next.filter(|due| *due <= now) {
        let plan = decide(schedule, lies_out, due, now, THRESHOLD);
        assert!(
            plan.next_fire_at.is_none_or(|next| next > due),
            "{due} goes back to {:?}",
            plan.next_fire_at
        );
        fired.extend(plan.fire_at);
        unfired.extend(plan.unfired);
        next = plan.next_fire_at;
    }
    (fired, unfired)
}

/// Every tick from `due` to `now` is among them exactly once.
fn assert_exact(
    schedule: &Schedule,
    (fired, unfired): &(Vec<DateTime<Utc>>, Vec<Unfired>),
    due: DateTime<Utc>,
    now: DateTime<Utc>,
) {
    let before = due - TimeDelta::milliseconds(1);
    let ticks: Vec<_> = schedule
        .upcoming(before)
        .take_while(|tick| *tick <= now)
        .collect();
    let counted: i64 = unfired.iter().map(|unfired| unfired.count).sum();
    assert_eq!(fired.len() as i64 + counted, ticks.len() as i64);
    let mut covered = 0;
    for tick in &ticks {
        let is_fired = fired.contains(tick);
        let spans = unfired.iter();
        let is_unfired = spans.filter(|u| (u.first..=u.last).contains(tick)).count();
        covered += usize::from(is_fired) + is_unfired;
        assert_eq!(usize::from(is_fired) + is_unfired, 1, "{tick}");
    }
    assert_eq!(covered, ticks.len());
}

#[test]
fn a_tick_within_the_threshold_fires_even_if_a_later_one_is_due() {
    let plan = plan(
        "* * * * * ?",
        Misfire::Latest,
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
        Misfire::Latest,
        "2026-01-01T00:00:00Z",
        "2026-01-01T01:00:30Z",
    );
    assert_eq!(plan.fire_at, Some(at("2026-01-01T01:00:00Z")));
    assert_eq!(plan.unfired.len(), 1);
    let missed = &plan.unfired[0];
    assert_eq!(missed.first, at("2026-01-01T00:00:00Z"));
    assert_eq!(missed.last, at("2026-01-01T00:59:00Z"));
    assert_eq!(
        (missed.count, missed.outcome),
        (60, UnfiredOutcome::Coalesced)
    );
    assert_eq!(plan.next_fire_at, Some(at("2026-01-01T01:01:00Z")));
}

#[test]
fn a_single_missed_tick_fires_and_nothing_is_coalesced() {
    let plan = plan(
        "0 0 3 * * ?",
        Misfire::Latest,
        "2026-01-01T03:00:00Z",
        "2026-01-01T09:00:00Z",
    );
    assert_eq!(plan.fire_at, Some(at("2026-01-01T03:00:00Z")));
    assert_eq!(plan.unfired, []);
    assert_eq!(plan.next_fire_at, Some(at("2026-01-02T03:00:00Z")));
}

#[test]
fn ignored_ticks_do_not_fire_but_those_within_the_threshold_do() {
    let (due, now) = (at("2026-01-01T00:00:00Z"), at("2026-01-01T00:10:00Z"));
    let schedule = schedule("* * * * * ?", Misfire::Ignore);
    let done = run(&schedule, &|_| None, due, now);
    assert_exact(&schedule, &done, due, now);
    assert_eq!(
        done.0.first(),
        Some(&at("2026-01-01T00:09:55Z")),
        "{:?}",
        done.0
    );
    assert_eq!(done.1.len(), 1);
    assert_eq!(done.1[0].outcome, UnfiredOutcome::Missed);
}

#[test]
fn all_fire_of_the_latest_so_many_and_within_the_window() {
    let (due, now) = (at("2026-01-01T00:00:00Z"), at("2026-01-01T10:00:30Z"));
    let fired = |max, window_ms| {
        let schedule = schedule("0 0 * * * ?", Misfire::All { max, window_ms });
        let done = run(&schedule, &|_| None, due, now);
        assert_exact(&schedule, &done, due, now);
        done.0.len()
    };
    assert_eq!(fired(100, 0), 11);
    assert_eq!(fired(3, 0), 3);
    assert_eq!(fired(100, 2 * 3_600_000), 2);
    assert_eq!(fired(1, 2 * 3_600_000), 1);
    assert_eq!(fired(100, 1), 0);
}

#[test]
fn a_tick_that_a_calendar_keeps_out_is_skipped_and_never_fires_for_others() {
    let (due, now) = (at("2026-01-01T00:00:00Z"), at("2026-01-01T10:00:30Z"));
    let out = |tick: DateTime<Utc>| {
        (tick >= at("2026-01-01T08:00:00Z")).then(|| "calendar nights: late".to_owned())
    };
    let schedule = schedule("0 0 * * * ?", Misfire::Latest);
    let done = run(&schedule, &out, due, now);
    assert_exact(&schedule, &done, due, now);
    assert_eq!(done.0, [at("2026-01-01T07:00:00Z")]);
    let skipped = done.1.last().unwrap();
    assert_eq!(
        (skipped.outcome, skipped.count),
        (UnfiredOutcome::Skipped, 3)
    );
}

#[test]
fn a_long_outage_is_accounted_for_in_several_decisions_without_a_gap() {
    let (due, now) = (at("2026-01-01T00:00:00Z"), at("2026-01-03T12:00:00Z"));
    let policies = [
        (Misfire::Latest, 1),
        (Misfire::Ignore, 6),
        (
            Misfire::All {
                max: 7,
                window_ms: 0,
            },
            7 + 6,
        ),
    ];
    for (policy, expected) in policies {
        let schedule = schedule("* * * * * ?", policy);
        let (fired, unfired) = run(&schedule, &|_| None, due, now);
        assert_eq!(fired.len(), expected, "{policy:?}");
        let mut next = due;
        let mut all: Vec<(DateTime<Utc>, DateTime<Utc>, i64)> = unfired
            .iter()
            .map(|u| (u.first, u.last, u.count))
            .chain(fired.iter().map(|tick| (*tick, *tick, 1)))
            .collect();
        all.sort_unstable();
        for (first, last, count) in all {
            assert_eq!(first, next, "{policy:?}");
            assert_eq!((last - first).num_seconds() + 1, count);
            next = last + TimeDelta::seconds(1);
        }
        assert_eq!(next, now + TimeDelta::seconds(1));
    }
}

#[test]
fn a_schedule_that_ended_while_missed_fires_its_last_tick() {
    let plan = plan(
        "0 0 0 1 1 ? 2026",
        Misfire::Latest,
        "2026-01-01T00:00:00Z",
        "2026-02-01T00:00:00Z",
    );
    assert_eq!(plan.fire_at, Some(at("2026-01-01T00:00:00Z")));
    assert_eq!(plan.next_fire_at, None);
}
