//! Each limit, just kept and just broken.

use antares_protocol::job::JobSpec;
use antares_protocol::schedule::{Misfire, Overlap};
use chrono::{DateTime, Utc};

use super::super::validate;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect(text)
}

fn check(change: impl FnOnce(&mut JobSpec)) -> Result<(), String> {
    let mut spec = JobSpec::new("settle");
    change(&mut spec);
    validate(&spec).map_err(|error| error.to_string())
}

#[track_caller]
fn rejected(part: &str, change: impl FnOnce(&mut JobSpec)) {
    let message = check(change).expect_err(part);
    assert!(message.contains(part), "`{message}` lacks `{part}`");
}

const YEAR_MS: u64 = 366 * 86_400_000;

#[test]
fn a_job_has_one_kind_of_schedule() {
    let cron = |spec: &mut JobSpec| spec.cron = Some("0 H 9 * * ?".into());
    let rate = |spec: &mut JobSpec| spec.fixed_rate_ms = Some(1000);
    let delay = |spec: &mut JobSpec| spec.fixed_delay_ms = Some(YEAR_MS);
    let listed = |spec: &mut JobSpec| spec.at = vec![at("2026-01-01T00:00:00Z")];
    let all: [&dyn Fn(&mut JobSpec); 4] = [&cron, &rate, &delay, &listed];
    let names = ["cron", "fixed_rate_ms", "fixed_delay_ms", "at"];
    for (index, one) in all.iter().enumerate() {
        assert_eq!(check(|spec| one(spec)), Ok(()));
        for (other, second) in all.iter().enumerate().skip(index + 1) {
            let message = format!("{}: is given beside {}; leave", names[other], names[index]);
            rejected(&message, |spec| {
                one(spec);
                second(spec);
            });
        }
    }
}

#[test]
fn instants_that_schedules_do_not_know_are_refused() {
    rejected("start_at: has second 60", |s| {
        s.fixed_rate_ms = Some(60_000);
        s.start_at = Some(at("2026-12-31T23:58:60Z"));
    });
    rejected("at: has second 60", |s| {
        s.at = vec![at("2026-12-31T23:59:60.5Z")];
    });
    let cron_from = |year: &str| {
        check(|s| {
            s.cron = Some("0 0 0 * * ?".into());
            s.start_at = Some(at(&format!("{year}-12-31T00:00:00Z")));
        })
    };
    assert_eq!(cron_from("2099"), Ok(()));
    assert!(cron_from("2100").is_err_and(|told| told.contains("last year of cron")));
}

#[test]
fn periods_and_jitter_have_limits() {
    assert_eq!(check(|s| s.fixed_rate_ms = Some(YEAR_MS)), Ok(()));
    assert_eq!(check(|s| s.fixed_delay_ms = Some(1000)), Ok(()));
    for wrong in [0, 999, YEAR_MS + 1, u64::MAX] {
        rejected("fixed_rate_ms: ", |s| s.fixed_rate_ms = Some(wrong));
        rejected("fixed_delay_ms: ", |s| s.fixed_delay_ms = Some(wrong));
    }
    let jittered = |jitter_ms| {
        check(|s| {
            s.fixed_rate_ms = Some(1000);
            s.jitter_ms = jitter_ms;
        })
    };
    assert_eq!(jittered(86_400_000), Ok(()));
    assert!(
        jittered(86_400_001)
            .unwrap_err()
            .starts_with("jitter_ms: is more than")
    );
    rejected("jitter_ms: is not for fixed_delay_ms", |s| {
        s.fixed_delay_ms = Some(1000);
        s.jitter_ms = 1;
    });
}

#[test]
fn instants_have_years_and_an_order() {
    let last = at("2199-12-31T23:59:59.999Z");
    assert_eq!(check(|s| s.at = vec![DateTime::UNIX_EPOCH; 1000]), Ok(()));
    rejected("at: has 1001 instants", |s| s.at = vec![last; 1001]);
    for wrong in [
        at("1969-12-31T23:59:59Z"),
        at("2200-01-01T00:00:00Z"),
        DateTime::<Utc>::MAX_UTC,
    ] {
        rejected("at: ", |s| s.at = vec![last, wrong]);
        rejected("start_at: ", |s| s.start_at = Some(wrong));
        rejected("end_at: ", |s| s.end_at = Some(wrong));
    }
    assert_eq!(
        check(|s| {
            s.start_at = Some(last);
            s.end_at = Some(last);
        }),
        Ok(())
    );
    rejected("end_at: is before start_at", |s| {
        s.start_at = Some(last);
        s.end_at = Some(at("2026-01-01T00:00:00Z"));
    });
}

#[test]
fn policies_have_limits() {
    let all = |max, window_ms| check(|s| s.misfire = Misfire::All { max, window_ms });
    assert_eq!(all(1, 0), Ok(()));
    assert_eq!(all(1000, YEAR_MS), Ok(()));
    assert!(
        all(0, 0)
            .unwrap_err()
            .starts_with("misfire.all.max: 0 is not")
    );
    assert!(
        all(1001, 0)
            .unwrap_err()
            .starts_with("misfire.all.max: 1001 is not")
    );
    assert!(
        all(1, YEAR_MS + 1)
            .unwrap_err()
            .starts_with("misfire.all.window_ms: ")
    );
    let overlap = |overlap| check(|s| s.overlap = overlap);
    for right in [
        Overlap::Queue(1),
        Overlap::Queue(1000),
        Overlap::Allow(2),
        Overlap::Allow(1000),
    ] {
        assert_eq!(overlap(right), Ok(()));
    }
    assert!(
        overlap(Overlap::Queue(0))
            .unwrap_err()
            .starts_with("overlap.queue: 0")
    );
    assert!(
        overlap(Overlap::Queue(1001))
            .unwrap_err()
            .starts_with("overlap.queue: 1001")
    );
    assert!(
        overlap(Overlap::Allow(1))
            .unwrap_err()
            .starts_with("overlap.allow: 1 is")
    );
    assert!(
        overlap(Overlap::Allow(1001))
            .unwrap_err()
            .starts_with("overlap.allow: 1001")
    );
}

#[test]
fn calendars_are_named_once() {
    let names = |count: usize| {
        (0..count)
            .map(|n| format!("calendar {n}"))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        check(|s| {
            s.include_calendars = names(20);
            s.exclude_calendars = names(20);
        }),
        Ok(())
    );
    rejected("include_calendars: has 21", |s| {
        s.include_calendars = names(21);
    });
    rejected("exclude_calendars: has 21", |s| {
        s.exclude_calendars = names(21);
    });
    rejected("exclude_calendars: names `a` twice", |s| {
        s.exclude_calendars = vec!["a".into(), "b".into(), "a".into()];
    });
    rejected("include_calendars: must have", |s| {
        s.include_calendars = vec![String::new()];
    });
}

#[test]
fn a_wrong_h_is_a_wrong_cron() {
    rejected("cron: minutes: H(9-5) ends before", |s| {
        s.cron = Some("0 H(9-5) 9 * * ?".into());
    });
    rejected("cron: day-of-week: H is not", |s| {
        s.cron = Some("0 0 9 ? * H#2".into());
    });
}

#[test]
fn a_cron_that_no_time_matches_is_refused_and_one_that_is_over_is_not() {
    for never in ["0 0 0 31 2 ?", "0 0 0 30 2 ? 2026", "0 0 0 ? 2 2#5 2026"] {
        rejected("cron: never fires", |spec| spec.cron = Some(never.into()));
    }
    for over in ["0 0 0 1 1 ? 1970", "0 0 0 29 2 ? 2024"] {
        assert_eq!(check(|spec| spec.cron = Some(over.into())), Ok(()));
        assert_eq!(
            check(|spec| {
                spec.cron = Some(over.into());
                spec.start_at = Some(at("2030-01-01T00:00:00Z"));
            }),
            Ok(())
        );
    }
    // Only in the gap.
    let in_gap = |spec: &mut JobSpec| {
        spec.cron = Some("0 30 2 29 3 ? 2026".into());
        spec.time_zone = "Europe/Berlin".into();
    };
    rejected("dst_gap", in_gap);
    let after = |spec: &mut JobSpec| {
        in_gap(spec);
        spec.dst_gap = antares_protocol::schedule::DstGap::After;
    };
    assert_eq!(check(after), Ok(()));
}
