//! The rules for changing clocks against an enumeration of every second and every wall-clock time around a change.

use std::collections::{BTreeMap, BTreeSet};

use antares_protocol::schedule::{DstFold, DstGap};
use chrono::{DateTime, Offset, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

use super::super::CronExpression;
use super::Dst;
use crate::domain::random::Random;

const GAPS: [DstGap; 3] = [DstGap::Skip, DstGap::After, DstGap::Shift];
const FOLDS: [DstFold; 3] = [DstFold::First, DstFold::Last, DstFold::Both];

fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect(text)
}

fn instant(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).unwrap()
}

fn offset(tz: Tz, seconds: i64) -> i64 {
    let utc = instant(seconds).naive_utc();
    i64::from(tz.offset_from_utc_datetime(&utc).fix().local_minus_utc())
}

/// The seconds at which a zone changes its clocks, found by looks so many seconds apart.
fn changes(tz: Tz, from: i64, until: i64, step: i64) -> Vec<i64> {
    let mut found = Vec::new();
    let (mut last, mut before) = (from, offset(tz, from));
    for second in (from..until).step_by(step as usize) {
        let now = offset(tz, second);
        if now != before {
            let (mut low, mut high) = (last, second);
            while high - low > 1 {
                let middle = i64::midpoint(low, high);
                if offset(tz, middle) == before {
                    low = middle;
                } else {
                    high = middle;
                }
            }
            found.push(high);
        }
        (last, before) = (second, now);
    }
    found
}

/// All that can be seen around one change, second by second.
struct Window {
    tz: Tz,
    change: i64,
    start: i64,
    end: i64,
    /// The instants of each wall-clock time, in seconds since 1970 as if it were UTC.
    walls: BTreeMap<i64, Vec<i64>>,
    /// Wall-clock times that do not exist: the first instant after the gap and the offset before it.
    skipped: BTreeMap<i64, (i64, i64)>,
}

impl Window {
    fn new(tz: Tz, change: i64) -> Self {
        let gap = (offset(tz, change) - offset(tz, change - 1)).max(0);
        let (start, end) = (change - 9000, change + gap + 9000);
        let (mut walls, mut skipped) = (BTreeMap::<_, Vec<_>>::new(), BTreeMap::new());
        // Beyond the window, so that both passes of what is seen at its edges are known.
        for second in start - 9000..end + 9000 {
            let (now, before) = (offset(tz, second), offset(tz, second - 1));
            walls.entry(second + now).or_default().push(second);
            for wall in second + before..second + now {
                skipped.insert(wall, (second, before));
            }
        }
        Self {
            tz,
            change,
            start,
            end,
            walls,
            skipped,
        }
    }

    /// When times that match fire by these rules, in the window.
    fn fires(&self, dst: Dst, matches: impl Fn(i64) -> bool) -> Vec<i64> {
        let mut fires = BTreeSet::new();
        for (wall, instants) in &self.walls {
            if matches(*wall) {
                match dst.fold {
                    DstFold::First => fires.extend(instants.first()),
                    DstFold::Last => fires.extend(instants.last()),
                    DstFold::Both => fires.extend(instants),
                }
            }
        }
        for (wall, (after, before)) in &self.skipped {
            if matches(*wall) {
                match dst.gap {
                    DstGap::Skip => {}
                    DstGap::After => drop(fires.insert(*after)),
                    DstGap::Shift => drop(fires.insert(*wall - *before)),
                }
            }
        }
        fires.range(self.start + 1..=self.end).copied().collect()
    }

    /// Checks the search by these rules: from the start on, and from anywhere.
    fn check(&self, random: &mut Random, dst: Dst) {
        let (hour, hours) = random.field(0, 23);
        let (minute, minutes) = random.field(0, 59);
        let second = random.value(0, 59);
        let is_dense = random.value(0, 19) == 0;
        let second_text = if is_dense {
            "*".into()
        } else {
            second.to_string()
        };
        let source = format!("{second_text} {minute} {hour} * * ?");
        let expression = CronExpression::parse(&source).expect(&source);
        let bits = |values: Vec<u32>| values.iter().fold(0_u64, |bits, value| bits | 1 << value);
        let (hours, minutes) = (bits(hours), bits(minutes));
        let expected = self.fires(dst, |wall| {
            let (hour, rest) = (wall.rem_euclid(86_400) / 3600, wall.rem_euclid(3600));
            hours >> hour & 1 == 1
                && minutes >> (rest / 60) & 1 == 1
                && (is_dense || rest % 60 == i64::from(second))
        });
        let next = |after| {
            let next = expression.next_after_by(after, self.tz, dst);
            next.map(|next| next.timestamp())
                .filter(|next| *next <= self.end)
        };
        let first = next(instant(self.start));
        let found: Vec<_> = std::iter::successors(first, |fire| next(instant(*fire))).collect();
        let context = || {
            format!(
                "{source} in {} from {}, {dst:?}",
                self.tz,
                instant(self.start)
            )
        };
        assert_eq!(found, expected, "{}", context());
        for _ in 0..20 {
            let somewhere = random.between(self.start, self.end);
            let near = self.change + random.between(-2, 1);
            let after = random.pick(&[somewhere, somewhere, near]);
            let fraction = TimeDelta::milliseconds(random.pick(&[0, 0, 1, 999]));
            let ahead = expected.partition_point(|fire| *fire <= after);
            assert_eq!(
                next(instant(after) + fraction),
                expected.get(ahead).copied(),
                "{} after {}",
                context(),
                instant(after)
            );
        }
    }
}

#[test]
fn fire_times_around_changes_of_the_clocks_are_those_of_the_rules() {
    // Half an hour, from a quarter to, two hours, at midnight, with a winter time, for Ramadan, by a quarter of an hour
    // for good, and over the date line.
    let zones = [
        (Tz::America__New_York, "2024-01-01T00:00:00Z"),
        (Tz::Europe__London, "2025-01-01T00:00:00Z"),
        (Tz::Europe__Dublin, "2026-01-01T00:00:00Z"),
        (Tz::Australia__Lord_Howe, "2026-01-01T00:00:00Z"),
        (Tz::Pacific__Chatham, "2030-01-01T00:00:00Z"),
        (Tz::Antarctica__Troll, "2026-01-01T00:00:00Z"),
        (Tz::Africa__Cairo, "2014-01-01T00:00:00Z"),
        (Tz::Africa__Cairo, "2026-01-01T00:00:00Z"),
        (Tz::Africa__Casablanca, "2026-01-01T00:00:00Z"),
        (Tz::America__Sao_Paulo, "2018-01-01T00:00:00Z"),
        (Tz::America__Havana, "2027-01-01T00:00:00Z"),
        (Tz::America__Caracas, "2016-01-01T00:00:00Z"),
        (Tz::Asia__Pyongyang, "2018-01-01T00:00:00Z"),
        (Tz::Asia__Kathmandu, "1985-06-01T00:00:00Z"),
        (Tz::Europe__Moscow, "2010-10-01T00:00:00Z"),
        (Tz::Pacific__Apia, "2011-01-01T00:00:00Z"),
        (Tz::Pacific__Kwajalein, "1993-01-01T00:00:00Z"),
        (Tz::America__Juneau, "1983-06-01T00:00:00Z"),
    ];
    let mut random = Random(21);
    let (mut gaps, mut folds) = (0, 0);
    for (tz, from) in zones {
        let from = at(from).timestamp();
        for change in changes(tz, from, from + 366 * 86_400, 3600) {
            let window = Window::new(tz, change);
            gaps += usize::from(!window.skipped.is_empty());
            folds += usize::from(window.walls.values().any(|instants| instants.len() > 1));
            for gap in GAPS {
                for fold in FOLDS {
                    window.check(&mut random, Dst { gap, fold });
                    window.check(&mut random, Dst { gap, fold });
                }
            }
        }
    }
    assert!(gaps >= 20 && folds >= 15, "{gaps} gaps and {folds} folds");
}

#[test]
fn zones_change_their_clocks_at_most_once_in_two_days() {
    // `zone::gap_behind` looks back once. From 2038 on the rules of 2037 go on.
    let (from, until) = (at("1969-12-25T00:00:00Z"), at("2038-01-01T00:00:00Z"));
    for tz in chrono_tz::TZ_VARIANTS {
        let changes = changes(tz, from.timestamp(), until.timestamp(), 86_400);
        for pair in changes.windows(2) {
            assert!(
                pair[1] - pair[0] > 2 * 86_400,
                "{tz} at {}",
                instant(pair[0])
            );
        }
        for change in changes {
            let gap = offset(tz, change) - offset(tz, change - 1);
            assert!(gap <= 86_400, "{tz} at {}", instant(change));
        }
    }
}

/// The next fire times as local times with their offset.
fn fires(source: &str, tz: Tz, after: &str, dst: Dst, count: usize) -> Vec<String> {
    let expression = CronExpression::parse(source).expect(source);
    let next = |after| expression.next_after_by(after, tz, dst);
    std::iter::successors(next(at(after)), |fire| next(*fire))
        .take(count)
        .map(|fire| fire.with_timezone(&tz).format("%d %H:%M%:z").to_string())
        .collect()
}

#[test]
fn a_time_in_the_gap_fires_after_it_or_as_much_later() {
    let gap = |gap| Dst {
        gap,
        ..Dst::default()
    };
    let spring = |source, dst| {
        fires(
            source,
            Tz::America__New_York,
            "2026-03-08T06:00:00Z",
            dst,
            3,
        )
    };
    let half_past = "0 30 2 * * ?";
    assert_eq!(
        spring(half_past, gap(DstGap::After)),
        ["08 03:00-04:00", "09 02:30-04:00", "10 02:30-04:00"]
    );
    assert_eq!(
        spring(half_past, gap(DstGap::Shift)),
        ["08 03:30-04:00", "09 02:30-04:00", "10 02:30-04:00"]
    );
    // Several times at one instant fire once, also together with a time of its own.
    assert_eq!(
        spring("0 0/20 2-3 * * ?", gap(DstGap::After)),
        ["08 03:00-04:00", "08 03:20-04:00", "08 03:40-04:00"]
    );
    assert_eq!(
        spring("0 10 2,3 * * ?", gap(DstGap::Shift)),
        ["08 03:10-04:00", "09 02:10-04:00", "09 03:10-04:00"]
    );
    // A time after the gap comes before what an earlier time on the clock is shifted to.
    assert_eq!(
        fires(
            "0 20,35 2 * * ?",
            Tz::Australia__Lord_Howe,
            "2026-10-03T15:00:00Z",
            gap(DstGap::Shift),
            3
        ),
        ["04 02:35+11:00", "04 02:50+11:00", "05 02:20+11:00"]
    );
    assert_eq!(
        fires(
            "0 0 12 30 12 ?",
            Tz::Pacific__Apia,
            "2011-12-01T00:00:00Z",
            gap(DstGap::Shift),
            2
        ),
        ["31 12:00+14:00", "30 12:00+14:00"]
    );
}

#[test]
fn a_time_that_comes_twice_fires_in_the_first_pass_or_in_both() {
    let autumn = |fold| {
        let dst = Dst {
            fold,
            ..Dst::default()
        };
        fires(
            "0 0/30 1 * * ?",
            Tz::America__New_York,
            "2026-11-01T04:00:00Z",
            dst,
            4,
        )
    };
    assert_eq!(
        autumn(DstFold::First),
        [
            "01 01:00-04:00",
            "01 01:30-04:00",
            "02 01:00-05:00",
            "02 01:30-05:00"
        ]
    );
    assert_eq!(
        autumn(DstFold::Both),
        [
            "01 01:00-04:00",
            "01 01:30-04:00",
            "01 01:00-05:00",
            "01 01:30-05:00"
        ]
    );
}

#[test]
fn no_date_or_zone_makes_the_search_panic() {
    let mut random = Random(22);
    let expression = CronExpression::parse("0 30 2 ? * 1").unwrap();
    for tz in chrono_tz::TZ_VARIANTS {
        let somewhere = instant(random.between(-62_000_000_000, 253_000_000_000));
        for after in [
            DateTime::<Utc>::MIN_UTC,
            DateTime::<Utc>::MAX_UTC,
            somewhere,
        ] {
            let gap = random.pick(&GAPS);
            let fold = random.pick(&FOLDS);
            let next = expression.next_after_by(after, tz, Dst { gap, fold });
            assert!(next.is_none_or(|next| next > after), "{tz} after {after}");
        }
    }
}
