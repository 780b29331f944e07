//! When events recur.

use std::collections::HashSet;

use chrono::{Datelike as _, Days, NaiveDate, TimeDelta};
use chrono_tz::Tz;
use icalendar::parser::{Component, Property};
use rrule::{RRule, Unvalidated};

use super::{Start, instant, one_start, start, text};

/// Whether a rule says no more than that a day is the same every year, for ever.
pub(super) fn is_same_day_each_year(rule: &str, first: NaiveDate) -> bool {
    rule.split(';').filter(|part| !part.is_empty()).all(|part| {
        match part.split_once('=').unwrap_or_default() {
            ("FREQ", freq) => freq == "YEARLY",
            ("INTERVAL", every) => every == "1",
            ("BYMONTH", month) => month.parse() == Ok(first.month()),
            ("BYMONTHDAY", day) => day.parse() == Ok(first.day()),
            ("WKST", _) => true,
            _ => false,
        }
    })
}

/// When an event begins: once, or as its rule says until `until`, without its exceptions and with its additions.
pub(super) fn occurrences(
    event: &Component<'_>,
    first: Start,
    moved: &[Start],
    zone: Tz,
    until: NaiveDate,
) -> Result<Vec<Start>, String> {
    if event.find_prop("EXRULE").is_some() {
        return Err("has an EXRULE, which is not followed; give EXDATEs".to_owned());
    }
    let mut out: HashSet<Start> = moved.iter().copied().map(moment).collect();
    let mut all = vec![first];
    for property in &event.properties {
        let adds = match property.name.as_str() {
            "RDATE" => true,
            "EXDATE" => false,
            _ => continue,
        };
        for value in property.val.as_str().split(',') {
            if value.contains('/') {
                return Err("has an RDATE that is a period; give starts only".to_owned());
            }
            let one = Property {
                val: value.into(),
                ..property.clone()
            };
            let start = start(&one, zone)?;
            if adds {
                all.push(start);
            } else {
                out.insert(moment(start));
            }
        }
    }
    if let Some(rule) = text(event, "RRULE") {
        all.extend(written_out(rule, first, zone, until)?);
    }
    let mut seen = HashSet::new();
    all.retain(|start| {
        // Some programs name an occurrence at a time by its day.
        let by_day = match start {
            Start::Day(_) => false,
            Start::Time(time, _) => out.contains(&Start::Day(time.date())),
        };
        !by_day && !out.contains(&moment(*start)) && seen.insert(moment(*start))
    });
    Ok(all)
}

/// The same for the same moment, in whatever zone it is written.
fn moment(start: Start) -> Start {
    match start {
        Start::Day(day) => Start::Day(day),
        Start::Time(time, zone) => Start::Time(instant(zone, time).naive_utc(), Tz::UTC),
    }
}

/// What a rule gives until `until`, or until its own end if that is earlier.
fn written_out(rule: &str, first: Start, zone: Tz, until: NaiveDate) -> Result<Vec<Start>, String> {
    let (wall, in_zone) = match first {
        Start::Day(day) => (day.into(), Tz::UTC),
        Start::Time(time, in_zone) => (time, in_zone),
    };
    let end_of = |start: Start| match start {
        Start::Day(day) => instant(in_zone, (day + Days::new(1)).into()) - TimeDelta::seconds(1),
        Start::Time(time, zone) => instant(zone, time),
    };
    // The end is taken out: it may be a day where the start is a time, which programs write and the rule's reader refuses.
    let mut end = end_of(Start::Day(until));
    let mut kept = Vec::new();
    for part in rule.split(';') {
        match part.strip_prefix("UNTIL=") {
            Some(value) => end = end.min(end_of(one_start(value, zone)?)),
            None => kept.push(part),
        }
    }
    if kept
        .iter()
        .any(|part| matches!(*part, "FREQ=HOURLY" | "FREQ=MINUTELY" | "FREQ=SECONDLY"))
    {
        return Err("recurs more often than daily; use weekly hours".to_owned());
    }
    if kept.contains(&"INTERVAL=0") {
        return Err(format!("RRULE `{rule}` is not understood: INTERVAL is 0"));
    }
    let bad = |error: rrule::RRuleError| format!("RRULE `{rule}` is not understood: {error}");
    let parsed: RRule<Unvalidated> = kept.join(";").parse().map_err(bad)?;
    let begin = instant(in_zone, wall).with_timezone(&rrule::Tz::from(in_zone));
    let set = parsed.build(begin).map_err(bad)?;
    let found = set
        .before(end.with_timezone(&rrule::Tz::from(in_zone)))
        .all(10_001);
    let times = found.dates.into_iter().map(|at| at.naive_local());
    Ok(match first {
        Start::Day(_) => times.map(|at| Start::Day(at.date())).collect(),
        Start::Time(..) => times.map(|at| Start::Time(at, in_zone)).collect(),
    })
}
