//! Schedules against the plainest way to find out: looking at every second.

use antares_protocol::job::JobSpec;
use chrono::{NaiveDate, NaiveDateTime, Offset as _, TimeZone as _};

use super::super::job::compile;
use super::*;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn schedule(change: impl FnOnce(&mut JobSpec)) -> Schedule {
    let mut spec = JobSpec::new("settle");
    change(&mut spec);
    super::super::job::validate(&spec).unwrap();
    compile("shop", &spec).unwrap().unwrap()
}

fn ticks(schedule: &Schedule, from: &str, n: usize) -> Vec<String> {
    schedule
        .upcoming(at(from))
        .take(n)
        .map(|tick| tick.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true))
        .collect()
}

#[test]
fn a_fixed_rate_keeps_its_phase() {
    let plain = schedule(|s| s.fixed_rate_ms = Some(900_000));
    assert_eq!(
        ticks(&plain, "2026-01-01T00:07:00Z", 2),
        ["2026-01-01T00:15:00Z", "2026-01-01T00:30:00Z"]
    );
    let anchored = schedule(|s| {
        s.fixed_rate_ms = Some(7_000);
        s.start_at = Some(at("2026-01-01T00:00:03Z"));
        s.end_at = Some(at("2026-01-01T00:00:17Z"));
    });
    assert_eq!(
        ticks(&anchored, "2020-01-01T00:00:00Z", 9),
        [
            "2026-01-01T00:00:03Z",
            "2026-01-01T00:00:10Z",
            "2026-01-01T00:00:17Z"
        ]
    );
}

#[test]
fn instants_fire_once_each_in_order() {
    let list = schedule(|s| {
        s.at = vec![
            at("2026-03-01T00:00:00.5Z"),
            at("2026-02-01T00:00:00Z"),
            at("2026-03-01T00:00:00.5Z"),
        ];
    });
    assert_eq!(
        ticks(&list, "2026-01-01T00:00:00Z", 9),
        ["2026-02-01T00:00:00Z", "2026-03-01T00:00:00.500Z"]
    );
    assert_eq!(list.next_after(at("2026-03-01T00:00:00.5Z")), None);
}

#[test]
fn start_and_end_bound_a_cron_schedule_inclusively() {
    let bounded = schedule(|s| {
        s.cron = Some("0 0 * * * ?".into());
        s.start_at = Some(at("2026-01-01T03:00:00Z"));
        s.end_at = Some(at("2026-01-01T05:00:00Z"));
    });
    assert_eq!(
        ticks(&bounded, "2026-01-01T00:00:00Z", 9),
        [
            "2026-01-01T03:00:00Z",
            "2026-01-01T04:00:00Z",
            "2026-01-01T05:00:00Z"
        ]
    );
}

#[test]
fn jitter_stays_in_its_window_in_order_and_is_the_same_from_wherever_one_looks() {
    for (cron, jitter) in [
        ("* * * * * ?", 900),
        ("*/5 * * * * ?", 60_000),
        ("0 0/10 * * * ?", 86_400_000),
        ("0 0 3 * * ?", 3_600_000),
        ("0 0 3 ? * MON", 86_400_000),
    ] {
        let plain = schedule(|s| s.cron = Some(cron.into()));
        let jittered = schedule(|s| {
            s.cron = Some(cron.into());
            s.jitter_ms = jitter;
        });
        let from = at("2026-01-01T00:00:00Z");
        let nominal: Vec<_> = plain.upcoming(from).take(200).collect();
        let fires: Vec<_> = jittered
            .upcoming(from)
            .filter(|fire| *fire >= nominal[0])
            .take(199)
            .collect();
        for (index, fire) in fires.iter().enumerate() {
            let late = *fire - nominal[index];
            assert!(*fire < nominal[index + 1], "{cron}: {fire}");
            assert!((0..jitter as i64).contains(&late.num_milliseconds()));
            // From any instant before it and after the one before.
            let before = index.checked_sub(1).map_or(nominal[0], |at| fires[at]);
            for look in [before, nominal[index], *fire - TimeDelta::milliseconds(1)] {
                if look < *fire && look >= before {
                    assert_eq!(jittered.next_after(look), Some(*fire), "{cron} from {look}");
                }
            }
        }
        let late = fires.iter().zip(&nominal).filter(|(f, n)| f > n).count();
        assert!(late > 100, "{cron}: {late} of 199 fires are late");
    }
}

#[test]
fn a_hash_is_chosen_by_the_job_and_stays() {
    let resolved = resolve_hashes("H H(3-5) H/4 H * ?", 7).unwrap();
    assert_eq!(resolved, resolve_hashes("H H(3-5) H/4 H * ?", 7).unwrap());
    CronExpression::parse(&resolved).unwrap();
    let mut minutes = std::collections::HashSet::new();
    for seed in 0..2000 {
        let text = resolve_hashes("H H 2 ? * H", seed).unwrap();
        CronExpression::parse(&text).unwrap();
        minutes.insert(text.split(' ').nth(1).unwrap().to_owned());
        for text in [
            "0 H/15 * H * ?",
            "H(10-20)/3 0 H(1-3) ? H H",
            "0 0,H 0 ? * THU",
        ] {
            let text = resolve_hashes(text, seed).unwrap();
            CronExpression::parse(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
        }
    }
    assert_eq!(minutes.len(), 60);
    // Names of days hold an H, and are none.
    assert_eq!(
        resolve_hashes("0 0 0 ? MARCH THU", 1).unwrap(),
        "0 0 0 ? MARCH THU"
    );
    for wrong in [
        "H(5-3) * * * * ?",
        "H/61 * * * * ?",
        "H(a-b) * * * * ?",
        "H/0 * * * * ?",
        "0 0 0 1 1 ? H",
        "H(1-99) * * * * ?",
    ] {
        let error = resolve_hashes(wrong, 1).unwrap_err();
        assert_eq!(error.field, "cron", "{wrong}");
    }
}

/// The wall clock of a zone at each second of a window.
struct Seconds {
    zone: Tz,
    from: NaiveDateTime,
    /// Offset, in seconds, from that of `from` on.
    offsets: Vec<TimeDelta>,
}

impl Seconds {
    fn of(zone: Tz, from: NaiveDateTime, seconds: i64) -> Self {
        let offset = |second| {
            let utc = from + TimeDelta::seconds(second);
            let fixed = zone.offset_from_utc_datetime(&utc).fix();
            TimeDelta::seconds(i64::from(fixed.local_minus_utc()))
        };
        let offsets = (0..=seconds).map(offset).collect();
        Self {
            zone,
            from,
            offsets,
        }
    }

    /// What matches: instants, each with the other one that has the same wall clock; and for each change that skips
    /// something, the instant, the offset before, and the skipped wall clocks that match.
    fn matching(&self, cron: &CronExpression) -> Matching {
        let margin = TimeDelta::hours(50);
        let until = self.from + TimeDelta::seconds(self.offsets.len() as i64);
        // In a zone without changes the expression itself says whether a wall clock matches.
        let walls: std::collections::HashSet<NaiveDateTime> = cron
            .upcoming((self.from - margin).and_utc(), Tz::UTC)
            .map(|wall| wall.naive_utc())
            .take_while(|wall| *wall < until + margin)
            .collect();
        let mut found = Matching::default();
        for (second, pair) in (1..).zip(self.offsets.windows(2)) {
            let (before, own) = (pair[0], pair[1]);
            let utc = self.from + TimeDelta::seconds(second);
            let wall = utc + own;
            if walls.contains(&wall) {
                let instants = self.zone.offset_from_local_datetime(&wall);
                let other = [instants.earliest(), instants.latest()]
                    .into_iter()
                    .flatten()
                    .map(|o| wall - TimeDelta::seconds(i64::from(o.fix().local_minus_utc())))
                    .find(|at| *at != utc);
                found.plain.push((utc, other));
            }
            if own > before {
                let skipped = (0..(own - before).num_seconds())
                    .map(|s| utc + before + TimeDelta::seconds(s))
                    .filter(|wall| walls.contains(wall));
                found.skipped.push((utc, before, skipped.collect()));
            }
        }
        found
    }
}

#[derive(Default)]
struct Matching {
    plain: Vec<(NaiveDateTime, Option<NaiveDateTime>)>,
    skipped: Vec<(NaiveDateTime, TimeDelta, Vec<NaiveDateTime>)>,
}

impl Matching {
    fn by(&self, gap: DstGap, fold: DstFold) -> Vec<NaiveDateTime> {
        let plain = self
            .plain
            .iter()
            .filter(|(utc, other)| match (other, fold) {
                (None, _) | (_, DstFold::Both) => true,
                (Some(other), DstFold::First) => utc < other,
                (Some(other), DstFold::Last) => utc > other,
            });
        let mut found: Vec<_> = plain.map(|(utc, _)| *utc).collect();
        for (utc, before, walls) in &self.skipped {
            match gap {
                DstGap::Skip => {}
                DstGap::After => found.extend(walls.first().map(|_| *utc)),
                DstGap::Shift => found.extend(walls.iter().map(|wall| *wall - *before)),
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}

#[test]
fn every_policy_agrees_with_looking_at_every_second_around_every_kind_of_change() {
    // A zone, and the day of a change in it.
    let changes = [
        ("Europe/Berlin", (2026, 3, 29)),
        ("Europe/Berlin", (2026, 10, 25)),
        ("America/New_York", (2025, 3, 9)),
        ("America/New_York", (2025, 11, 2)),
        ("Australia/Lord_Howe", (2025, 10, 5)),
        ("Australia/Lord_Howe", (2025, 4, 6)),
        ("Pacific/Chatham", (2025, 9, 28)),
        ("Pacific/Chatham", (2025, 4, 6)),
        ("Antarctica/Troll", (2025, 3, 30)),
        ("Antarctica/Troll", (2025, 10, 26)),
        ("Africa/Cairo", (2024, 4, 26)),
        ("Africa/Cairo", (2024, 10, 31)),
        ("Africa/Casablanca", (2025, 2, 23)),
        ("America/Sao_Paulo", (2018, 11, 4)),
        ("America/Sao_Paulo", (2018, 2, 18)),
        ("Pacific/Apia", (2011, 12, 30)),
        ("Europe/Dublin", (1971, 10, 31)),
        ("Asia/Kathmandu", (1986, 1, 1)),
        ("America/Caracas", (2016, 5, 1)),
        ("Asia/Pyongyang", (2018, 5, 4)),
        ("Asia/Shanghai", (2026, 1, 1)),
    ];
    let crons = [
        "0 30 2 * * ?",
        "0 15,45 0/1 * * ?",
        "17 */7 1-3 * * ?",
        "0 0 0 * * ?",
        "30 59 23 * * ?",
        "0 20 * ? * *",
    ];
    for (zone, (year, month, day)) in changes {
        let tz: Tz = zone.parse().unwrap();
        let noon = NaiveDate::from_ymd_opt(year, month, day).unwrap();
        let from = noon.and_hms_opt(0, 0, 0).unwrap() - TimeDelta::hours(30);
        let seconds = Seconds::of(tz, from, 60 * 3600);
        for cron in crons {
            let matching = seconds.matching(&CronExpression::parse(cron).unwrap());
            for gap in [DstGap::Skip, DstGap::After, DstGap::Shift] {
                for fold in [DstFold::First, DstFold::Last, DstFold::Both] {
                    let until = from + TimeDelta::hours(60);
                    let mut expected = matching.by(gap, fold);
                    expected.retain(|at| *at <= until);
                    let job = schedule(|s| {
                        s.cron = Some(cron.into());
                        s.time_zone = zone.into();
                        (s.dst_gap, s.dst_fold) = (gap, fold);
                    });
                    let found: Vec<_> = job
                        .upcoming(from.and_utc())
                        .map(|tick| tick.naive_utc())
                        .take_while(|tick| *tick <= until)
                        .collect();
                    assert_eq!(
                        found, expected,
                        "{cron} in {zone} on {noon}, {gap:?} {fold:?}"
                    );
                    // And from the middle of everywhere.
                    for second in (0..60 * 3600).step_by(4777) {
                        let look = from + TimeDelta::seconds(second);
                        let next = expected.iter().copied().find(|at| *at > look);
                        let Some(next) = next else { break };
                        assert_eq!(
                            job.next_after(look.and_utc()).map(|at| at.naive_utc()),
                            Some(next),
                            "{cron} in {zone} from {look}, {gap:?} {fold:?}"
                        );
                    }
                }
            }
        }
    }
}
