//! What people are told about whole definitions.

use antares_protocol::job::JobSpec;
use antares_protocol::schedule::{DstFold, DstGap};

use super::describe;

fn words(change: impl FnOnce(&mut JobSpec)) -> String {
    let mut spec = JobSpec::new("settle");
    change(&mut spec);
    describe(&spec)
}

fn instants(days: &[&str]) -> Vec<chrono::DateTime<chrono::Utc>> {
    let texts = days.iter().map(|day| format!("2026-01-{day}:00Z"));
    texts.map(|text| text.parse().unwrap()).collect()
}

#[test]
fn each_kind_of_schedule_has_its_words() {
    assert_eq!(words(|_| {}), "on demand only");
    let follows = |spec: &mut JobSpec| {
        spec.depends_on = serde_json::from_str(r#"[{"job":"a"},{"job":"b"}]"#).unwrap();
    };
    assert_eq!(words(follows), "when all jobs that it follows have ended");
    assert_eq!(
        words(|s| {
            s.cron = Some("0 30 2 * * ?".into());
            s.time_zone = "Asia/Shanghai".into();
        }),
        "at 02:30 every day (Asia/Shanghai)"
    );
    for (rate_ms, expected) in [
        (1000, "every second"),
        (90_000, "every 1 minute and 30 seconds"),
        (3_600_000, "every hour"),
        (7_200_000, "every 2 hours"),
    ] {
        assert_eq!(words(|s| s.fixed_rate_ms = Some(rate_ms)), expected);
    }
    assert_eq!(
        words(|s| s.fixed_delay_ms = Some(300_000)),
        "5 minutes after the last run has ended"
    );
    let listed = |days: &[&str]| words(|s| s.at = instants(days));
    assert_eq!(listed(&["01T09:30"]), "once, at 2026-01-01 09:30 UTC");
    assert_eq!(
        listed(&["01T09:30", "01T09:30"]),
        "once, at 2026-01-01 09:30 UTC"
    );
    assert_eq!(
        listed(&["02T09:30", "01T09:30"]),
        "at 2026-01-01 09:30 UTC and 2026-01-02 09:30 UTC"
    );
    assert_eq!(
        listed(&["04T09:30", "02T09:30", "01T09:30", "03T09:30"]),
        "at 4 instants from 2026-01-01 09:30 UTC to 2026-01-04 09:30 UTC"
    );
}

#[test]
fn bounds_jitter_clocks_and_calendars_are_told() {
    let all = |s: &mut JobSpec| {
        s.cron = Some("0 30 2 * * ?".into());
        s.time_zone = "Europe/Berlin".into();
        s.start_at = Some(instants(&["01T00:00"])[0]);
        s.end_at = Some(instants(&["31T00:00"])[0]);
        s.jitter_ms = 30_000;
        s.dst_gap = DstGap::Shift;
        s.dst_fold = DstFold::Both;
        s.include_calendars = vec!["trading".into()];
        s.exclude_calendars = vec!["holidays".into(), "freeze".into()];
    };
    assert_eq!(
        words(all),
        "at 02:30 every day (Europe/Berlin), as much later where the clocks skip the time, both times where the time \
         comes twice, from 2026-01-01 00:00 UTC until 2026-01-31 00:00 UTC, each by chance up to 30 seconds later, only \
         in calendar trading, not in any of the calendars holidays and freeze"
    );
    let other = words(|s| {
        all(s);
        s.end_at = None;
        s.dst_gap = DstGap::After;
        s.dst_fold = DstFold::First;
    });
    assert!(
        other
            .contains(", right after the gap where the clocks skip the time, the first time where"),
        "{other}"
    );
    assert!(other.contains(", from 2026-01-01 00:00 UTC on,"), "{other}");
    let other = words(|s| {
        all(s);
        s.start_at = None;
    });
    assert!(other.contains(", until 2026-01-31 00:00 UTC,"), "{other}");
}

#[test]
fn what_cannot_be_told_is_quoted() {
    assert_eq!(
        words(|s| s.cron = Some("0 H 9 * * ?".into())),
        "by `0 H 9 * * ?`, where the job's name chooses what H stands for"
    );
    for cron in ["nonsense", "0 H(9-5) 9 * * ?"] {
        assert_eq!(
            words(|s| s.cron = Some(cron.into())),
            format!("by `{cron}`, which is no cron expression")
        );
    }
}
