//! Calendars, asked at the edges.

use serde_json::json;

use super::*;

fn calendar(spec: serde_json::Value) -> Calendar {
    let spec: CalendarSpec = serde_json::from_value(spec).unwrap();
    validate(&spec).unwrap();
    Calendar::new(&spec).unwrap()
}

fn find(calendar: &Calendar, at: &str) -> Option<String> {
    calendar.find(at.parse().unwrap()).map(str::to_owned)
}

#[test]
fn days_are_those_of_the_calendars_own_zone() {
    let holidays = calendar(json!({
        "name": "holidays", "time_zone": "Asia/Shanghai",
        "dates": [{"date": "2026-10-01", "label": "National Day"}, {"date": "2020-01-01", "yearly": true, "label": "New Year"}],
    }));
    assert_eq!(find(&holidays, "2026-09-30T15:59:59Z"), None);
    assert_eq!(
        find(&holidays, "2026-09-30T16:00:00Z"),
        Some("National Day".into())
    );
    assert_eq!(
        find(&holidays, "2026-10-01T15:59:59Z"),
        Some("National Day".into())
    );
    assert_eq!(find(&holidays, "2026-10-01T16:00:00Z"), None);
    assert_eq!(find(&holidays, "2027-10-01T01:00:00Z"), None);
    assert_eq!(
        find(&holidays, "2031-12-31T16:00:00Z"),
        Some("New Year".into())
    );
}

#[test]
fn weekly_hours_cross_midnight_and_changes_of_the_clocks() {
    let nights = calendar(json!({
        "name": "nights", "time_zone": "Europe/Berlin",
        "weekly": [{"days": ["Sat"], "from": "22:00:00", "until": "04:00:00", "label": "night"}, {"days": ["Mon"]}],
    }));
    // In the night to the 29th of March 2026 the clocks go forward, at 01:00 UTC.
    for (at, inside) in [
        ("2026-03-28T20:59:59Z", false),
        ("2026-03-28T21:00:00Z", true),
        ("2026-03-29T01:00:00Z", true),
        ("2026-03-29T01:59:59Z", true),
        ("2026-03-29T02:00:00Z", false),
        ("2026-03-29T21:59:59Z", false),
        ("2026-03-29T22:00:00Z", true),
        ("2026-03-30T21:59:59Z", true),
        ("2026-03-30T22:00:00Z", false),
    ] {
        assert_eq!(find(&nights, at).is_some(), inside, "{at}");
    }
}

#[test]
fn a_tick_is_kept_out_with_the_reason() {
    let release = calendar(json!({
        "name": "freeze", "spans": [{"from": "2026-01-01T00:00:00Z", "until": "2026-01-02T00:00:00Z", "label": "release 4.2"}],
    }));
    let work = calendar(
        json!({ "name": "work", "weekly": [{"days": ["Mon", "Tue", "Wed", "Thu", "Fri"]}] }),
    );
    let out = |include: &[(&str, &Calendar)], exclude: &[(&str, &Calendar)], at: &str| {
        lies_out(include, exclude, at.parse().unwrap()).map(|out| out.reason)
    };
    let (freeze, work) = (("freeze", &release), ("work", &work));
    assert_eq!(out(&[], &[freeze], "2025-12-31T23:59:59Z"), None);
    assert_eq!(
        out(&[], &[freeze], "2026-01-01T00:00:00Z"),
        Some("calendar freeze: release 4.2".into())
    );
    assert_eq!(out(&[], &[freeze], "2026-01-02T00:00:00Z"), None);
    assert_eq!(out(&[work], &[freeze], "2026-01-02T00:00:00Z"), None);
    assert_eq!(
        out(&[work], &[], "2026-01-03T12:00:00Z"),
        Some("not in calendar work".into())
    );
}

#[test]
fn what_is_kept_out_until_then_is_kept_out_for_the_same_reason() {
    let one = calendar(json!({
        "name": "one", "time_zone": "America/New_York", "dates": [{"date": "2026-11-03", "label": "election"}],
        "weekly": [{"days": ["Sun"], "from": "01:10:00", "until": "01:50:00", "label": "window"}, {"days": ["Sat"], "from": "22:00:00", "until": "01:20:00"}],
    }));
    let two = calendar(json!({
        "name": "two", "time_zone": "Asia/Kathmandu", "weekly": [{"days": ["Mon", "Wed"], "from": "09:00:00", "until": "17:30:00"}],
        "spans": [{"from": "2026-11-01T04:07:00Z", "until": "2026-11-01T06:30:00Z", "label": "a"}, {"from": "2026-11-01T05:00:00Z", "until": "2026-11-04T00:00:00Z", "label": "b"}],
    }));
    let (one, two) = (("one", &one), ("two", &two));
    let sets = [
        (vec![], vec![one]),
        (vec![], vec![one, two]),
        (vec![], vec![two, one]),
        (vec![one], vec![]),
        (vec![one, two], vec![]),
        (vec![two], vec![one]),
    ];
    let mut steps = 0;
    for (include, exclude) in &sets {
        // In the night to the first of November the clocks go back in New York, at 06:00 UTC.
        let begin: DateTime<Utc> = "2026-10-30T00:00:00Z".parse().unwrap();
        let instants = (0..7 * 24 * 60).map(|minute| begin + chrono::TimeDelta::minutes(minute));
        let mut known: Option<Out> = None;
        for at in instants {
            let out = lies_out(include, exclude, at);
            if let Some(known) = known.as_ref().filter(|known| at < known.until) {
                assert_eq!(
                    out.map(|out| out.reason),
                    Some(known.reason.clone()),
                    "{at}"
                );
                continue;
            }
            steps += 1;
            assert!(out.as_ref().is_none_or(|out| out.until >= at));
            known = out;
        }
    }
    // Of 60,480: what is let through is looked at minute by minute, and the day on which the clocks change.
    assert!(steps < 35_000, "{steps}");
}

#[test]
fn every_limit_is_checked_and_the_field_named() {
    for (spec, field) in [
        (json!({"name": ""}), "name"),
        (json!({"name": "x", "time_zone": "Mars"}), "time_zone"),
        (
            json!({"name": "x", "dates": [{"date": "1066-10-14"}]}),
            "dates[0].date",
        ),
        (
            json!({"name": "x", "weekly": [{"days": []}]}),
            "weekly[0].days",
        ),
        (
            json!({"name": "x", "weekly": [{"days": ["Sun"], "from": "01:00:00", "until": "01:00:00"}]}),
            "weekly[0]",
        ),
        (
            json!({"name": "x", "spans": [{"from": "2026-01-02T00:00:00Z", "until": "2026-01-01T00:00:00Z"}]}),
            "spans[0]",
        ),
        (
            json!({"name": "x", "dates": [{"date": "2026-01-01", "label": "a\nb"}]}),
            "dates[0].label",
        ),
    ] {
        let spec: CalendarSpec = serde_json::from_value(spec).unwrap();
        assert_eq!(validate(&spec).unwrap_err().field, field, "{spec:?}");
    }
}
