//! The language, time zones and errors; `vectors` was made by Quartz 2.3.2 itself.

use std::collections::HashSet;

use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeZone, Utc};
use chrono_tz::Tz;
use serde_json::Value;

use super::{CronError, CronExpression, Field};

fn parse(expression: &str) -> CronExpression {
    CronExpression::parse(expression).unwrap_or_else(|error| panic!("{expression}: {error}"))
}

fn error(expression: &str) -> String {
    CronExpression::parse(expression)
        .expect_err(expression)
        .to_string()
}

/// The next `count` fire times as local times with their offset.
fn fires(expression: &str, tz: Tz, after: &str, count: usize) -> Vec<String> {
    let after = after.parse().unwrap_or_else(|_| {
        let wall: NaiveDateTime = after.parse().expect(after);
        tz.from_local_datetime(&wall).unwrap().with_timezone(&Utc)
    });
    parse(expression)
        .upcoming(after, tz)
        .take(count)
        .map(|fire| {
            fire.with_timezone(&tz)
                .format("%Y-%m-%dT%H:%M:%S%:z")
                .to_string()
        })
        .collect()
}

/// The next `count` days on which an expression fires, in UTC.
fn days(expression: &str, after: &str, count: usize) -> Vec<String> {
    fires(expression, Tz::UTC, &format!("{after}T00:00:00"), count)
        .iter()
        .map(|fire| fire[..10].to_owned())
        .collect()
}

fn instants(times: &Value) -> Vec<DateTime<Utc>> {
    let times = times.as_array().expect("a list of times");
    times
        .iter()
        .map(|time| time.as_str().expect("a string").parse().expect("a time"))
        .collect()
}

fn vectors(text: &str) -> impl Iterator<Item = Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).expect("a JSON line"))
}

#[test]
fn every_fire_time_is_that_of_quartz() {
    let mut count = 0;
    for vector in vectors(include_str!("vectors/fires.jsonl")) {
        let expression = parse(vector["expr"].as_str().unwrap());
        let tz: Tz = vector["tz"].as_str().unwrap().parse().unwrap();
        let after = vector["after"].as_str().unwrap().parse().unwrap();
        let expected = instants(&vector["next"]);
        // One more than listed where Quartz says that the list is complete.
        let asked = expected.len() + usize::from(vector["ends"] == true);
        let found: Vec<_> = expression.upcoming(after, tz).take(asked).collect();
        assert_eq!(found, expected, "{vector}");
        count += 1;
    }
    assert_eq!(count, 2490);
}

#[test]
fn validity_is_that_of_quartz() {
    let mut count = 0;
    for vector in vectors(include_str!("vectors/validity.jsonl")) {
        let parsed = CronExpression::parse(vector["expr"].as_str().unwrap());
        assert_eq!(parsed.is_ok(), vector["valid"] == true, "{vector}");
        count += 1;
    }
    assert_eq!(count, 23);
}

#[test]
fn a_time_in_the_spring_gap_does_not_fire() {
    assert_eq!(
        fires(
            "0 30 2 * * ?",
            Tz::America__New_York,
            "2026-03-07T00:00:00",
            2
        ),
        ["2026-03-07T02:30:00-05:00", "2026-03-09T02:30:00-04:00"]
    );
    assert_eq!(
        fires(
            "0 30 * * * ?",
            Tz::America__New_York,
            "2026-03-08T01:00:00",
            2
        ),
        ["2026-03-08T01:30:00-05:00", "2026-03-08T03:30:00-04:00"]
    );
    // Every second of the skipped hour is passed over at once.
    assert_eq!(
        fires(
            "* * 2 * * ?",
            Tz::America__New_York,
            "2026-03-08T01:00:00",
            1
        ),
        ["2026-03-09T02:00:00-04:00"]
    );
}

#[test]
fn a_repeated_time_in_autumn_fires_once_in_the_second_pass() {
    assert_eq!(
        fires(
            "0 30 1 * * ?",
            Tz::America__New_York,
            "2026-10-31T12:00:00",
            2
        ),
        ["2026-11-01T01:30:00-05:00", "2026-11-02T01:30:00-05:00"]
    );
    assert_eq!(
        fires(
            "0 0/30 * * * ?",
            Tz::Europe__London,
            "2026-10-25T00:00:00",
            4
        ),
        [
            "2026-10-25T00:30:00+01:00",
            "2026-10-25T01:00:00+00:00",
            "2026-10-25T01:30:00+00:00",
            "2026-10-25T02:00:00+00:00"
        ]
    );
}

#[test]
fn from_within_the_first_pass_the_whole_second_pass_is_ahead() {
    assert_eq!(
        fires(
            "0 0/30 * * * ?",
            Tz::America__New_York,
            "2026-11-01T01:45:00-04:00",
            2
        ),
        ["2026-11-01T01:00:00-05:00", "2026-11-01T01:30:00-05:00"]
    );
    assert_eq!(
        fires(
            "* * * * * ?",
            Tz::America__New_York,
            "2026-11-01T01:59:58-04:00",
            1
        ),
        ["2026-11-01T01:00:00-05:00"]
    );
}

#[test]
fn gaps_at_midnight_of_half_an_hour_and_of_a_day_are_passed() {
    assert_eq!(
        fires(
            "0 0 0 * * ?",
            Tz::America__Sao_Paulo,
            "2018-11-03T12:00:00",
            1
        ),
        ["2018-11-05T00:00:00-02:00"]
    );
    assert_eq!(
        fires(
            "0 0/20 * * * ?",
            Tz::Australia__Lord_Howe,
            "2026-10-04T01:30:00",
            2
        ),
        ["2026-10-04T01:40:00+10:30", "2026-10-04T02:40:00+11:00"]
    );
    assert_eq!(
        fires("0 0 12 * * ?", Tz::Pacific__Apia, "2011-12-29T00:00:00", 2),
        ["2011-12-29T12:00:00-10:00", "2011-12-31T12:00:00+14:00"]
    );
}

#[test]
fn ranges_wrap_around_and_carry_their_step_across() {
    let hours = fires("0 0 22-2/2 * * ?", Tz::UTC, "2026-01-01T03:00:00", 4);
    assert_eq!(
        hours.iter().map(|fire| &fire[8..13]).collect::<Vec<_>>(),
        ["01T22", "02T00", "02T02", "02T22"]
    );
    assert_eq!(
        days("0 0 9 ? * FRI-MON", "2026-01-01", 5),
        [
            "2026-01-02",
            "2026-01-03",
            "2026-01-04",
            "2026-01-05",
            "2026-01-09"
        ]
    );
    assert_eq!(
        days("0 0 9 1 nov-Feb ?", "2026-01-15", 4),
        ["2026-02-01", "2026-11-01", "2026-12-01", "2027-01-01"]
    );
    assert_eq!(
        days("0 0 9 30-2 * ?", "2026-02-01", 4),
        ["2026-02-01", "2026-02-02", "2026-03-01", "2026-03-02"]
    );
}

#[test]
fn last_days_count_back_from_the_end_of_the_month() {
    assert_eq!(
        days("0 0 9 L * ?", "2028-02-01", 2),
        ["2028-02-29", "2028-03-31"]
    );
    assert_eq!(
        days("0 0 9 L-29 * ?", "2026-01-31", 2),
        ["2026-03-02", "2026-04-01"]
    );
    // 31 January 2026 is a Saturday; five days earlier is a Monday.
    assert_eq!(days("0 0 9 lw * ?", "2026-01-01", 1), ["2026-01-30"]);
    assert_eq!(days("0 0 9 L-5w * ?", "2026-01-01", 1), ["2026-01-26"]);
    assert_eq!(
        days("0 0 9 ? * 6L", "2026-01-01", 2),
        ["2026-01-30", "2026-02-27"]
    );
    assert_eq!(days("0 0 9 ? * friL", "2026-01-01", 1), ["2026-01-30"]);
    // A bare L in day-of-week is Saturday.
    assert_eq!(
        days("0 0 9 ? * L", "2026-01-01", 2),
        ["2026-01-03", "2026-01-10"]
    );
}

#[test]
fn the_nearest_weekday_stays_within_the_month() {
    // In August 2026 the 1st is a Saturday, the 15th too, and the 30th a Sunday.
    assert_eq!(days("0 0 9 1W 8 ?", "2026-01-01", 1), ["2026-08-03"]);
    assert_eq!(days("0 0 9 15W 8 ?", "2026-01-01", 1), ["2026-08-14"]);
    assert_eq!(days("0 0 9 30W 8 ?", "2026-01-01", 1), ["2026-08-31"]);
    // 31 May 2026 is a Sunday and the last day: back to Friday.
    assert_eq!(days("0 0 9 31W 5 ?", "2026-01-01", 1), ["2026-05-29"]);
    // April 2027 has no 31st, but the day after its 30th is a Saturday; June's is a Thursday.
    assert_eq!(
        days("0 0 9 31W 4,6,7 ?", "2027-01-01", 2),
        ["2027-04-30", "2027-07-30"]
    );
}

#[test]
fn the_nth_weekday_skips_months_that_lack_it() {
    assert_eq!(
        days("0 0 9 ? * 6#3", "2026-01-01", 2),
        ["2026-01-16", "2026-02-20"]
    );
    assert_eq!(
        days("0 0 9 ? * MON#5", "2026-01-01", 2),
        ["2026-03-30", "2026-06-29"]
    );
}

#[test]
fn years_restrict_and_end_the_schedule() {
    assert_eq!(
        days("0 0 9 1 1 ? 2027/2", "2026-01-01", 2),
        ["2027-01-01", "2029-01-01"]
    );
    assert_eq!(days("0 0 9 1 7 ? 2026-2027", "2026-01-01", 9).len(), 2);
    assert_eq!(
        days("0 0 9 1 1 ?", "2097-06-01", 9),
        ["2098-01-01", "2099-01-01"]
    );
    assert_eq!(days("0 0 9 1 1 ?", "1900-01-01", 1), ["1970-01-01"]);
    // Also not from within the next year on.
    for after in ["2099-12-31", "2100-01-01", "2101-01-01"] {
        let fires = days("0 0 0,12 1 1 ?", after, 1);
        assert_eq!(fires, Vec::<String>::new(), "{after}");
    }
}

#[test]
fn a_fraction_of_a_second_is_dropped_and_the_time_itself_does_not_count() {
    let expression = parse("* * * * * ?");
    let second = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
    let fraction = DateTime::from_timestamp(1_800_000_000, 999_000_000).unwrap();
    let next = DateTime::from_timestamp(1_800_000_001, 0);
    assert_eq!(expression.next_after(second, Tz::UTC), next);
    assert_eq!(expression.next_after(fraction, Tz::UTC), next);
}

#[test]
fn an_impossible_date_visits_each_month_at_most_once() {
    let start = NaiveDate::from_ymd_opt(1970, 1, 1).unwrap();
    for (source, months) in [
        ("0 0 0 30 2 ?", 130),
        ("0 0 0 31 2,4,6,9,11 ?", 130 * 5),
        ("0 0 0 31 2 ? 2030", 1),
        ("0 0 0 ? 2 MON#5 2027,2029", 2),
        ("* * * * * ?", 130 * 12),
    ] {
        let expression = parse(source);
        let visited: Vec<_> = expression.months_from(start).collect();
        assert_eq!(visited.len(), months, "{source}");
        assert_eq!(
            visited.iter().collect::<HashSet<_>>().len(),
            months,
            "{source}"
        );
        if source != "* * * * * ?" {
            let midnight = start.and_hms_opt(0, 0, 0).unwrap();
            assert_eq!(expression.wall_at_or_after(midnight), None, "{source}");
        }
    }
}

#[test]
fn the_expression_displays_as_it_was_written() {
    let source = "0  0/5 9-17 ? * mon-fri";
    assert_eq!(parse(source).to_string(), source);
}

#[test]
fn errors_name_the_field_the_text_and_the_remedy() {
    for (expression, message) in [
        ("0 0 25 * * ?", "hours: 25 is out of range 0-23"),
        (
            "99999999999 0 0 * * ?",
            "seconds: 99999999999 is out of range 0-59",
        ),
        ("0 0 0 ? * 0", "day-of-week: 0 is out of range 1-7"),
        ("0 0 0 1 13 ?", "month: 13 is out of range 1-12"),
        ("0 0 0 1 1 ? 2100", "year: 2100 is out of range 1970-2099"),
        ("0 b 0 * * ?", "minutes: b is not a number 0-59"),
        (
            "0 0 0 1 foo ?",
            "month: foo is not a number 1-12 or a name JAN-DEC",
        ),
        (
            "0 0 0 ? * MONDAY",
            "day-of-week: MONDAY is not a number 1-7 or a name SUN-SAT",
        ),
        ("0 +5 0 * * ?", "minutes: +5 is not a number 0-59"),
        ("0 5- 0 * * ?", "minutes: nothing is not a number 0-59"),
        ("0 0/60 0 * * ?", "minutes: step 60 is out of range 1-59"),
        ("0 0/0 0 * * ?", "minutes: step 0 is out of range 1-59"),
        ("0 0/x 0 * * ?", "minutes: step x is not a number 1-59"),
        (
            "0 1,,2 0 * * ?",
            "minutes: 1,,2 has a comma with nothing beside it",
        ),
        (
            "0 0 0 L-31 * ?",
            "day-of-month: offset 31 is out of range 0-30",
        ),
        (
            "0 0 0 L,15 * ?",
            "day-of-month: L,15 puts L or W in a list: they must stand alone",
        ),
        (
            "0 0 0 1-5W * ?",
            "day-of-month: 1-5W is none of L, LW, L-3, L-3W and 15W",
        ),
        (
            "0 0 0 ? * 6#6",
            "day-of-week: occurrence 6 is out of range 1-5",
        ),
        (
            "0 0 0 ? * 2#1,6",
            "day-of-week: 2#1,6 puts # in a list: it must stand alone",
        ),
        (
            "0 0 0 ? * 1L,2",
            "day-of-week: 1L,2 puts L in a list: it must stand alone",
        ),
        (
            "0 0 0 ? * MON-FRI/2",
            "day-of-week: MON-FRI/2 has a step after a name: write numbers, as in 2-6/2",
        ),
        (
            "0 0 0 ? * MON-6",
            "day-of-week: MON-6 mixes a name and a number: write two names or two numbers",
        ),
        (
            "0 0 0 1 1 ? 2030-2028",
            "year: 2030-2028 ends before it starts",
        ),
        (
            "0 0 ? * * ?",
            "hours: ? is not allowed: ? stands alone, in day-of-month or day-of-week",
        ),
        (
            "0 0 12 * * *",
            "day-of-month * and day-of-week * exclude each other: put ? in the one that is not used",
        ),
        (
            "0 0 12 ? * ?",
            "day-of-month and day-of-week are both ?: write * in one of them for every day",
        ),
        (
            "0 0 12 *",
            "expected 6 or 7 fields in the order \
             `seconds minutes hours day-of-month month day-of-week [year]`, found 4",
        ),
    ] {
        assert_eq!(error(expression), message, "{expression}");
    }
    assert_eq!(
        CronExpression::parse("0 0 25 * * ?").unwrap_err(),
        CronError::OutOfRange {
            field: Field::Hours,
            text: "25".to_owned(),
            min: 0,
            max: 23
        }
    );
}

#[test]
fn a_unix_expression_is_told_to_put_seconds_in_front() {
    let message = error("*/5 * * * *");
    assert!(
        message.contains("put a seconds field in front"),
        "{message}"
    );
    let example = message.split('`').nth(3).unwrap();
    assert_eq!(example, "0 30 9 * * ?");
    parse(example);
}
