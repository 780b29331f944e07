//! Schedules against enumerations.

use antares_protocol::job::JobSpec;
use antares_protocol::schedule::{DstFold, DstGap, Misfire};
use chrono::{DateTime, TimeDelta, Utc};

use super::{Schedule, Timing, seed};
use crate::domain::random::Random;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect(text)
}

fn compiled(cron: Option<&str>, timing: &Timing) -> Schedule {
    let schedule = Schedule::new(cron, "Europe/London", timing.clone());
    schedule.unwrap().unwrap()
}

#[test]
fn a_fixed_rate_keeps_its_phase_from_the_start_or_from_1970() {
    let mut timing = Timing {
        fixed_rate_ms: Some(7_000),
        ..Timing::default()
    };
    let schedule = compiled(None, &timing);
    let found: Vec<_> = schedule
        .upcoming(at("1969-01-01T00:00:00Z"))
        .take(3)
        .collect();
    assert_eq!(
        found,
        [0, 7, 14].map(|s| DateTime::from_timestamp(s, 0).unwrap())
    );
    assert_eq!(
        schedule
            .next_after(at("2026-01-01T00:00:00Z"))
            .unwrap()
            .timestamp()
            % 7,
        0
    );
    timing.start_at = Some(at("2026-01-01T00:00:00.25Z"));
    timing.end_at = Some(at("2026-01-01T00:00:14.25Z"));
    let schedule = compiled(None, &timing);
    let found: Vec<_> = schedule.upcoming(at("2000-01-01T00:00:00Z")).collect();
    assert_eq!(
        found,
        ["00.25", "07.25", "14.25"].map(|s| at(&format!("2026-01-01T00:00:{s}Z")))
    );
}

#[test]
fn a_fixed_rate_ends_with_the_last_year_and_not_in_a_panic() {
    let timing = Timing {
        fixed_rate_ms: Some(366 * 86_400_000),
        ..Timing::default()
    };
    let schedule = compiled(None, &timing);
    let last = schedule
        .upcoming(at("2190-01-01T00:00:00Z"))
        .last()
        .unwrap();
    assert!(last < at("2200-01-01T00:00:00Z"));
    for after in [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC] {
        assert!(schedule.next_after(after).is_none_or(|next| next > after));
    }
}

#[test]
fn listed_instants_fire_in_order_and_once_within_the_bounds() {
    let mut spec = JobSpec::new("release");
    let instants = [
        "03T00:00:00Z",
        "01T00:00:00Z",
        "02T00:00:00.5Z",
        "01T00:00:00Z",
        "04T00:00:00Z",
    ];
    spec.at = instants.map(|text| at(&format!("2026-01-{text}"))).to_vec();
    spec.start_at = Some(at("2026-01-01T00:00:00Z"));
    spec.end_at = Some(at("2026-01-03T00:00:00Z"));
    let schedule = compiled(None, &Timing::of(&spec, 0));
    let found: Vec<_> = schedule.upcoming(at("2025-01-01T00:00:00Z")).collect();
    assert_eq!(
        found,
        ["01T00:00:00Z", "02T00:00:00.5Z", "03T00:00:00Z"]
            .map(|text| at(&format!("2026-01-{text}")))
    );
}

#[test]
fn start_and_end_count_and_bound_cron() {
    let timing = Timing {
        start_at: Some(at("2026-01-02T09:00:00Z")),
        end_at: Some(at("2026-01-04T09:00:00Z")),
        ..Timing::default()
    };
    let schedule = compiled(Some("0 0 9 * * ?"), &timing);
    let found: Vec<_> = schedule.upcoming(at("2025-01-01T00:00:00Z")).collect();
    assert_eq!(
        found,
        ["02", "03", "04"].map(|day| at(&format!("2026-01-{day}T09:00:00Z")))
    );
    assert_eq!(
        schedule.next_after(at("2026-01-02T09:00:00Z")),
        Some(at("2026-01-03T09:00:00Z"))
    );
}

#[test]
fn without_times_there_is_no_schedule_and_faults_are_named() {
    assert!(
        Schedule::new(None, "UTC", Timing::default())
            .unwrap()
            .is_none()
    );
    let rate = |fixed_rate_ms| Timing {
        fixed_rate_ms: Some(fixed_rate_ms),
        ..Timing::default()
    };
    let jitter = Timing {
        jitter_ms: u64::MAX,
        ..rate(1000)
    };
    for (cron, zone, timing, field) in [
        (Some("x"), "UTC", Timing::default(), "cron"),
        (None, "Mars", Timing::default(), "time_zone"),
        (None, "UTC", rate(0), "fixed_rate_ms"),
        (None, "UTC", rate(u64::MAX), "fixed_rate_ms"),
        (None, "UTC", jitter, "jitter_ms"),
    ] {
        assert_eq!(Schedule::new(cron, zone, timing).unwrap_err().field, field);
    }
}

/// A schedule of any kind in the first days of 2026, without jitter.
fn any_schedule(random: &mut Random) -> (Option<&'static str>, Timing) {
    let start = at("2026-03-28T00:00:00Z");
    let mut timing = Timing {
        dst_gap: random.pick(&[DstGap::Skip, DstGap::After, DstGap::Shift]),
        dst_fold: random.pick(&[DstFold::First, DstFold::Last, DstFold::Both]),
        seed: random.next(),
        ..Timing::default()
    };
    if random.value(0, 2) == 0 {
        timing.start_at = Some(start + TimeDelta::milliseconds(random.between(0, 3_600_000)));
    }
    if random.value(0, 2) == 0 {
        timing.end_at =
            Some(start + TimeDelta::milliseconds(random.between(3_600_000, 200_000_000)));
    }
    let cron = random.pick(&[
        "* * * * * ?",
        "* * 3 * * ?",
        "0 0/15 * * * ?",
        "0/20 30 1-2 * * ?",
        "0 0 0 29 3 ?",
        "0 30 1 29 3 ? 2026",
    ]);
    match random.value(0, 3) {
        0 => timing.fixed_rate_ms = Some(random.pick(&[1000, 1001, 90_000, 3_600_000, 86_400_001])),
        1 => {
            let mut spec = JobSpec::new("listed");
            let apart = random.pick(&[10, 50_000, 7_200_000_000, 1_000_000_000_000]);
            spec.at = (0..random.value(1, 40))
                .map(|_| start + TimeDelta::microseconds(random.between(0, apart)))
                .collect();
            timing.at = Timing::of(&spec, 0).at;
        }
        _ => return (Some(cron), timing),
    }
    (None, timing)
}

#[test]
fn jitter_keeps_the_order_stays_in_its_window_and_is_the_same_from_anywhere() {
    let mut random = Random(31);
    let (mut moved, mut between) = (0, 0);
    for _ in 0..400 {
        let (cron, timing) = any_schedule(&mut random);
        let jitter_ms = random.pick(&[1, 700, 1000, 60_000, 5_000_000, 86_400_000]);
        let jittered = Timing {
            jitter_ms,
            ..timing.clone()
        };
        let schedule = compiled(cron, &jittered);
        let context = format!("{cron:?} {jittered:?}");
        let before = at("2026-03-28T00:00:00Z") + TimeDelta::seconds(random.between(-90_000, 5000));
        let times: Vec<_> = compiled(cron, &timing)
            .upcoming(before - TimeDelta::milliseconds(1))
            .take(80)
            .collect();
        // The tick of the time before the first one is before the first one.
        let Some(first) = times.first() else { continue };
        let from = *first - TimeDelta::nanoseconds(1);
        let ticks: Vec<_> = schedule.upcoming(from).take(times.len()).collect();
        assert_eq!(ticks.len(), times.len(), "{context}");
        for (index, (time, tick)) in times.iter().zip(&ticks).enumerate() {
            let late = *tick - *time;
            assert!(
                late >= TimeDelta::zero(),
                "{context}: {tick} is before {time}"
            );
            assert!(
                late.num_milliseconds() < jitter_ms as i64,
                "{context}: {tick} for {time}"
            );
            assert_eq!(late.subsec_nanos() % 1_000_000, 0);
            if let Some(next) = times.get(index + 1) {
                assert!(
                    tick < next,
                    "{context}: {tick} for {time} is not before {next}"
                );
            }
            moved += usize::from(tick > time);
        }
        for _ in 0..20 {
            let far = *ticks.last().unwrap() - *first;
            let micros = far.num_microseconds().unwrap();
            let after = *first + TimeDelta::microseconds(random.between(0, micros.max(1) - 1));
            let expected = ticks.iter().find(|tick| **tick > after);
            assert_eq!(
                schedule.next_after(after).as_ref(),
                expected,
                "{context} after {after}"
            );
            between += 1;
        }
        let own = random.pick(&ticks);
        let expected = ticks.iter().find(|tick| **tick > own);
        if expected.is_some() {
            assert_eq!(
                schedule.next_after(own).as_ref(),
                expected,
                "{context} after {own}"
            );
        }
    }
    assert!(
        moved > 5000 && between > 5000,
        "{moved} moved, {between} looks"
    );
}

#[test]
fn a_time_before_the_start_has_no_tick_after_it_either() {
    for seed in 0..50 {
        let timing = Timing {
            at: ["10", "12"]
                .map(|hour| at(&format!("2026-01-01T{hour}:00:00Z")))
                .to_vec(),
            start_at: Some(at("2026-01-01T11:00:00Z")),
            jitter_ms: 86_400_000,
            seed,
            ..Timing::default()
        };
        let schedule = compiled(None, &timing);
        let ticks: Vec<_> = schedule.upcoming(at("2026-01-01T10:00:00Z")).collect();
        assert!(
            ticks.len() == 1 && ticks[0] >= at("2026-01-01T12:00:00Z"),
            "{ticks:?}"
        );
    }
}

#[test]
fn no_jitter_leads_past_the_end() {
    let end = at("2026-01-01T05:00:00Z");
    for (seed, jitter_ms) in (0..200).zip([1000, 60_000, 86_400_000].into_iter().cycle()) {
        let timing = Timing {
            jitter_ms,
            seed,
            end_at: Some(end),
            ..Timing::default()
        };
        let schedule = compiled(Some("0 0 * * * ?"), &timing);
        let ticks: Vec<_> = schedule.upcoming(at("2025-12-31T23:59:59Z")).collect();
        // The one at the end itself cannot be moved.
        assert_eq!((ticks.len(), ticks[5]), (6, end), "seed {seed}");
    }
}

#[test]
fn the_jitter_is_that_of_the_first_release() {
    let timing = Timing {
        fixed_rate_ms: Some(60_000),
        jitter_ms: 30_000,
        seed: seed("shop", "settle"),
        ..Timing::default()
    };
    let schedule = compiled(None, &timing);
    let found: Vec<_> = schedule
        .upcoming(at("2026-01-01T00:00:00Z"))
        .take(3)
        .map(|tick| tick.timestamp_millis() - 1_767_225_600_000)
        .collect();
    // From another program.
    assert_eq!(found, [13_994, 73_085, 123_053]);
}

#[test]
fn what_is_stored_is_read_back_and_the_usual_is_not_stored() {
    let mut spec = JobSpec::new("settle");
    spec.cron = Some("0 0 9 * * ?".into());
    let usual = Timing::of(&spec, 7);
    assert!(usual.is_default());
    assert_eq!(usual.to_text(), None);
    assert_eq!(Timing::from_text(None).unwrap(), Timing::default());
    spec.at = vec![at("2026-01-01T00:00:00.123456789Z")];
    spec.start_at = Some(at("2026-01-01T00:00:00Z"));
    spec.jitter_ms = 5;
    spec.misfire = Misfire::All {
        max: 3,
        window_ms: 9,
    };
    spec.dst_gap = DstGap::Shift;
    spec.exclude_calendars = vec!["holidays".into()];
    let timing = Timing::of(&spec, u64::MAX);
    let text = timing.to_text().unwrap();
    assert_eq!(Timing::from_text(Some(&text)).unwrap(), timing);
    assert_eq!(
        text,
        r#"{"at":["2026-01-01T00:00:00.123456Z"],"start_at":"2026-01-01T00:00:00Z","jitter_ms":5,"dst_gap":"shift","misfire":{"all":{"max":3,"window_ms":9}},"exclude_calendars":["holidays"],"seed":18446744073709551615}"#
    );
    assert!(
        Timing::from_text(Some(r#"{"of_a_newer_release":1}"#))
            .unwrap()
            .is_default()
    );
    assert!(Timing::from_text(Some("[")).is_err());
}
