//! Single decisions, and many in a row against an accounting of the whole outage at once.

use antares_protocol::schedule::Misfire;
use chrono::{DateTime, TimeDelta, Utc};

use super::walk::{Limits, Missed};
use super::{Plan, Unfired, Unfiring, decide};
use crate::domain::calendar::Out;
use crate::domain::chance;
use crate::domain::random::Random;
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
        reason: "missed: a later tick fired for it".to_owned(),
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
fn what_is_in_time_fires_whatever_was_missed_before_it() {
    let schedule = schedule("* * * * * ?", Misfire::Latest);
    let now = at("2026-01-01T00:00:10Z");
    let mut next = at("2026-01-01T00:00:00Z");
    let mut fired = Vec::new();
    while next <= now {
        let plan = decide(&schedule, &|_| None, next, now, THRESHOLD);
        if next == at("2026-01-01T00:00:00Z") {
            let missed = coalesced("2026-01-01T00:00:00Z", "2026-01-01T00:00:04Z", 5);
            assert_eq!(plan.unfired, [missed]);
        }
        fired.extend(plan.fire_at.map(|tick| (now - tick).num_seconds()));
        next = plan.next_fire_at.unwrap();
    }
    assert_eq!(fired, [5, 4, 3, 2, 1, 0]);
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

#[test]
fn a_long_outage_is_accounted_for_in_several_decisions_without_a_gap() {
    let schedule = schedule("* * * * * ?", Misfire::Latest);
    let (start, now) = (at("2026-01-01T00:00:00Z"), at("2026-01-03T12:00:00Z"));
    let (mut due, mut counted, mut decisions) = (start, 0, 0);
    loop {
        let plan = decide(&schedule, &|_| None, due, now, THRESHOLD);
        decisions += 1;
        for record in &plan.unfired {
            assert_eq!(record.first, due);
            assert_eq!((record.last - record.first).num_seconds() + 1, record.count);
            counted += record.count;
        }
        due = plan.next_fire_at.unwrap();
        if let Some(fired) = plan.fire_at {
            // The first of those in time; the others follow.
            assert_eq!(fired, now - THRESHOLD);
            counted += 1;
            break;
        }
    }
    let missed = now - THRESHOLD - start;
    assert_eq!(counted, missed.num_seconds() + 1);
    assert_eq!(due, now - THRESHOLD + TimeDelta::seconds(1));
    assert!(decisions > 2);
}

#[test]
fn a_tick_that_a_calendar_keeps_out_is_skipped_whether_missed_or_not() {
    let schedule = schedule("0 0 3 * * ?", Misfire::Latest);
    let holiday = |tick: DateTime<Utc>| {
        (tick == at("2026-01-01T03:00:00Z")).then(|| Out {
            reason: "calendar holidays: New Year".to_owned(),
            until: tick,
        })
    };
    for (now, next) in [
        ("2026-01-01T03:00:01Z", "2026-01-02T03:00:00Z"),
        ("2026-01-01T09:00:00Z", "2026-01-02T03:00:00Z"),
    ] {
        let due = at("2026-01-01T03:00:00Z");
        let plan = decide(&schedule, &holiday, due, at(now), THRESHOLD);
        assert_eq!(plan.fire_at, None);
        assert_eq!(plan.next_fire_at, Some(at(next)));
        let expected = Unfired {
            first: due,
            last: due,
            count: 1,
            outcome: Unfiring::Skipped,
            reason: "calendar holidays: New Year".to_owned(),
        };
        assert_eq!(plan.unfired, [expected]);
    }
}

#[test]
fn records_tell_which_limit_of_the_policy_a_tick_was_beyond() {
    let all = Misfire::All {
        max: 2,
        window_ms: 4 * 3_600_000,
    };
    let plan = decide(
        &schedule("0 0 * * * ?", all),
        &|_| None,
        at("2026-01-01T00:00:00Z"),
        at("2026-01-01T09:30:00Z"),
        THRESHOLD,
    );
    let told: Vec<_> = plan
        .unfired
        .iter()
        .map(|u| (u.count, u.outcome, u.reason.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            (
                6,
                Unfiring::Missed,
                "missed: longer ago than the 14400000 ms of the job's misfire policy"
            ),
            (
                2,
                Unfiring::Missed,
                "missed: the job's misfire policy fires the latest 2 missed ticks only"
            )
        ]
    );
    assert_eq!(plan.fire_at, Some(at("2026-01-01T08:00:00Z")));
    assert_eq!(plan.next_fire_at, Some(at("2026-01-01T09:00:00Z")));
}

/// What became of one tick.
type Fate = (DateTime<Utc>, Option<(Unfiring, String)>);

/// A random outage.
struct Case {
    schedule: Schedule,
    due: DateTime<Utc>,
    now: DateTime<Utc>,
    threshold: TimeDelta,
    /// Which share of the stretches of so many seconds is kept out.
    kept_out: u64,
    stretch: i64,
}

impl Case {
    fn new(random: &mut Random) -> Self {
        let misfire = match random.value(0, 3) {
            0 => Misfire::Ignore,
            1 => Misfire::Latest,
            _ => Misfire::All {
                max: random.value(1, 9),
                window_ms: random.pick(&[0, 0, 1000, 60_000, 3_600_000]),
            },
        };
        let timing = Timing {
            misfire,
            jitter_ms: random.pick(&[0, 0, 700, 90_000]),
            seed: random.next(),
            end_at: random.pick(&[None, Some("2026-03-01T00:30:00Z")]).map(at),
            ..Timing::default()
        };
        let cron = random.pick(&[
            "0/7 * * * * ?",
            "0 0/5 * * * ?",
            "* 0/40 * * * ?",
            "0 10 * * * ?",
        ]);
        let schedule = Schedule::new(Some(cron), "UTC", timing).unwrap().unwrap();
        let due = schedule.next_after(at("2026-03-01T00:00:00Z")).unwrap();
        Self {
            due,
            now: due + TimeDelta::milliseconds(random.between(0, 45 * 60_000)),
            threshold: TimeDelta::seconds(random.between(0, 90)),
            kept_out: random.pick(&[0, 1, 2, 3, 4]),
            stretch: random.pick(&[1, 5, 60, 1800]),
            schedule,
        }
    }

    fn lies_out(&self, tick: DateTime<Utc>) -> Option<Out> {
        let stretch = tick.timestamp() / self.stretch;
        let chance = chance::pick(7, stretch as u64, 4);
        (chance < self.kept_out).then(|| Out {
            reason: format!("calendar {}", stretch % 3),
            until: at("1970-01-01T00:00:00Z") + TimeDelta::seconds((stretch + 1) * self.stretch),
        })
    }

    fn decide(&self, due: DateTime<Utc>, now: DateTime<Utc>, limits: Limits) -> Plan {
        if now - due <= self.threshold {
            return decide(
                &self.schedule,
                &|t| self.lies_out(t),
                due,
                now,
                self.threshold,
            );
        }
        Missed {
            schedule: &self.schedule,
            lies_out: &|t| self.lies_out(t),
            now,
            threshold: self.threshold,
            limits,
        }
        .decide(due)
    }

    /// Checks that a plan accounts for each tick from `due` on exactly once, and tells their fates.
    fn fates(&self, due: DateTime<Utc>, plan: &Plan, limits: Limits) -> Vec<Fate> {
        let mut ticks = std::iter::once(due).chain(self.schedule.upcoming(due));
        let mut fates = Vec::new();
        for record in &plan.unfired {
            assert!(record.count > 0);
            for index in 0..record.count {
                let tick = ticks.next().unwrap();
                assert!(index > 0 || tick == record.first, "{record:?}");
                assert!(
                    index < record.count - 1 || tick == record.last,
                    "{record:?}"
                );
                fates.push((tick, Some((record.outcome, record.reason.clone()))));
            }
        }
        // Ticks within the threshold are looked at in any case; there are at most 91.
        assert!(fates.len() <= limits.ticks + 91);
        assert!(plan.unfired.len() <= limits.records + 91);
        if let Some(fired) = plan.fire_at {
            assert_eq!(ticks.next(), Some(fired));
            fates.push((fired, None));
        }
        assert_eq!(plan.next_fire_at, ticks.next());
        assert!(!fates.is_empty(), "no progress");
        fates
    }

    /// The fates of all ticks until now, by the words of the policy.
    fn expected(&self) -> Vec<Fate> {
        let all = std::iter::once(self.due).chain(self.schedule.upcoming(self.due));
        let ticks: Vec<_> = all.take_while(|tick| *tick <= self.now).collect();
        let late = |tick: DateTime<Utc>| self.now - tick > self.threshold;
        let misfire = self.schedule.misfire();
        let too_old = |tick: DateTime<Utc>| match misfire {
            Misfire::All { window_ms, .. } => {
                window_ms > 0 && self.now - tick > TimeDelta::milliseconds(window_ms as i64)
            }
            _ => false,
        };
        let kept = match misfire {
            Misfire::Ignore => 0,
            Misfire::Latest => 1,
            Misfire::All { max, .. } => max as usize,
        };
        let fate = |(index, tick): (usize, &DateTime<Utc>)| {
            if let Some(out) = self.lies_out(*tick) {
                return (*tick, Some((Unfiring::Skipped, out.reason)));
            }
            let later = ticks[index + 1..]
                .iter()
                .filter(|t| late(**t) || misfire == Misfire::Latest)
                .filter(|t| self.lies_out(**t).is_none())
                .count();
            if !late(*tick) || (later < kept && !too_old(*tick)) {
                return (*tick, None);
            }
            let (outcome, part) = match misfire {
                Misfire::Ignore => (Unfiring::Missed, "ignore"),
                Misfire::Latest => (Unfiring::Coalesced, "a later tick fired for it"),
                Misfire::All { .. } if too_old(*tick) => (Unfiring::Missed, "longer ago"),
                Misfire::All { .. } => (Unfiring::Missed, "missed ticks only"),
            };
            (*tick, Some((outcome, part.to_owned())))
        };
        ticks.iter().enumerate().map(fate).collect()
    }
}

/// Runs decisions until nothing is due, with `now` moved on by `passes` after each.
fn run(case: &Case, limits: Limits, mut passes: impl FnMut() -> TimeDelta) -> Vec<Fate> {
    let (mut next, mut now) = (Some(case.due), case.now);
    let mut fates = Vec::new();
    while let Some(due) = next.filter(|next| *next <= now) {
        let plan = case.decide(due, now, limits);
        fates.extend(case.fates(due, &plan, limits));
        next = plan.next_fire_at;
        now += passes();
    }
    fates
}

#[test]
fn many_decisions_come_to_what_the_policy_says_of_the_whole_outage() {
    let mut random = Random(11);
    let mut several = 0;
    for _ in 0..400 {
        let case = Case::new(&mut random);
        let limits = Limits {
            ticks: random.value(1, 40) as usize,
            ticks_ahead: usize::MAX,
            records: random.value(1, 10) as usize,
        };
        let expected = case.expected();
        for limits in [super::LIMITS, limits] {
            let fates = run(&case, limits, TimeDelta::zero);
            assert_eq!(fates.len(), expected.len());
            for (found, expected) in fates.iter().zip(&expected) {
                let is_same = match (&found.1, &expected.1) {
                    (None, None) => true,
                    (Some((outcome, reason)), Some((other, part))) => {
                        outcome == other && reason.contains(part.as_str())
                    }
                    _ => false,
                };
                assert!(
                    is_same && found.0 == expected.0,
                    "{found:?} is not {expected:?}: {:?} at {} with {:?}, {limits:?}",
                    case.schedule.timing(),
                    case.now,
                    case.threshold
                );
            }
        }
        several += usize::from(expected.len() > 2 * limits.ticks);
    }
    assert!(
        several > 100,
        "only {several} outages took several decisions"
    );
}

#[test]
fn no_tick_is_left_out_while_time_goes_on() {
    let mut random = Random(12);
    for _ in 0..300 {
        let case = Case::new(&mut random);
        let limits = Limits {
            ticks: random.value(1, 40) as usize,
            ticks_ahead: random.value(40, 80) as usize,
            records: random.value(1, 10) as usize,
        };
        let most = random.between(0, 3000);
        let mut left = 500;
        let fates = run(&case, limits, || {
            left -= 1;
            TimeDelta::milliseconds(if left > 0 { random.between(0, most) } else { 0 })
        });
        let ticks = std::iter::once(case.due).chain(case.schedule.upcoming(case.due));
        assert!(fates.iter().map(|fate| fate.0).eq(ticks.take(fates.len())));
    }
}

#[test]
fn a_tick_fires_where_those_kept_out_after_it_are_too_many_to_look_past() {
    let mut random = Random(13);
    let mut case = Case::new(&mut random);
    case.schedule = schedule("* * * * * ?", Misfire::Latest);
    case.due = at("2026-03-01T00:00:00Z");
    case.now = at("2026-03-01T02:00:00Z");
    let limits = Limits {
        ticks: 50,
        ticks_ahead: 200,
        records: 10,
    };
    let plan = Missed {
        schedule: &case.schedule,
        lies_out: &|tick| {
            (tick > case.due && tick < case.now).then(|| Out {
                reason: "calendar".to_owned(),
                until: tick,
            })
        },
        now: case.now,
        threshold: THRESHOLD,
        limits,
    }
    .decide(case.due);
    assert_eq!(plan.fire_at, Some(case.due));
    assert_eq!(plan.next_fire_at, Some(at("2026-03-01T00:00:01Z")));
}

#[test]
fn a_long_blackout_is_not_looked_at_tick_by_tick() {
    // Ten days of a job of each second, of which a calendar lets three ticks through.
    let all = Misfire::All {
        max: 1000,
        window_ms: 0,
    };
    let schedule = schedule("* * * * * ?", all);
    let (due, now) = (at("2026-03-01T00:00:00Z"), at("2026-03-11T00:00:00Z"));
    let kept = [
        "2026-03-01T00:00:00Z",
        "2026-03-05T00:00:00Z",
        "2026-03-09T00:00:00Z",
    ]
    .map(at);
    let asked = std::cell::Cell::new(0);
    let lies_out = |tick: DateTime<Utc>| {
        asked.set(asked.get() + 1);
        let next = kept.into_iter().find(|kept| *kept >= tick);
        (next != Some(tick)).then(|| Out {
            reason: "freeze".to_owned(),
            until: next.unwrap_or(now),
        })
    };
    let (mut next, mut fired, mut decisions, mut left_out) = (Some(due), Vec::new(), 0, 0);
    while let Some(due) = next.filter(|due| now - *due > THRESHOLD) {
        let plan = decide(&schedule, &lies_out, due, now, THRESHOLD);
        fired.extend(plan.fire_at);
        left_out += plan.unfired.iter().map(|record| record.count).sum::<i64>();
        next = plan.next_fire_at;
        decisions += 1;
    }
    assert_eq!(fired, kept);
    assert_eq!(left_out, 864_000 - 3 - THRESHOLD.num_seconds());
    assert!(decisions < 15, "{decisions}");
    assert!(asked.get() < 200, "{} ticks looked at", asked.get());
}
