//! Which times a calendar covers.

use std::collections::BTreeSet;

use antares_protocol::schedule::Span;
use chrono::{DateTime, Datelike as _, NaiveDate, NaiveTime, TimeDelta, TimeZone as _, Utc};

use super::{Calendar, first_instant};

/// The stretches of the days `from` to `until`, both included, that the calendar covers, one after the other.
///
/// Days are those of its zone. A stretch ends where another entry begins to cover, though nothing is left out between.
pub fn covered(calendar: &Calendar, from: NaiveDate, until: NaiveDate) -> Vec<Span> {
    let begin = first_instant(calendar.zone, from.and_time(NaiveTime::MIN));
    let end = match until.succ_opt() {
        Some(next) => first_instant(calendar.zone, next.and_time(NaiveTime::MIN)),
        None => return Vec::new(),
    };
    let mut all: Vec<Span> = Vec::new();
    let bounds: Vec<DateTime<Utc>> = bounds(calendar, from, until, begin, end)
        .into_iter()
        .collect();
    for pair in bounds.windows(2) {
        let Some(label) = calendar.find(pair[0]) else {
            continue;
        };
        match all.last_mut() {
            Some(last) if last.until == pair[0] && last.label == label => last.until = pair[1],
            _ => all.push(Span {
                from: pair[0],
                until: pair[1],
                label: label.to_owned(),
            }),
        }
    }
    all
}

/// Every instant at which what covers may change: between two of them it is the same.
fn bounds(
    calendar: &Calendar,
    from: NaiveDate,
    until: NaiveDate,
    begin: DateTime<Utc>,
    end: DateTime<Utc>,
) -> BTreeSet<DateTime<Utc>> {
    let zone = calendar.zone;
    let mut bounds = BTreeSet::from([begin, end]);
    for day in from.iter_days().take_while(|day| *day <= until) {
        let midnight = day.and_time(NaiveTime::MIN);
        let opens = first_instant(zone, midnight);
        let closes = first_instant(zone, midnight + TimeDelta::days(1));
        bounds.insert(opens);
        let changes = zone.offset_from_utc_datetime(&opens.naive_utc())
            != zone.offset_from_utc_datetime(&closes.naive_utc());
        if changes {
            // The clocks change on this day, at a whole minute: times of day come twice or not at all.
            let minutes = (closes - opens).num_minutes();
            bounds.extend((0..minutes).map(|minute| opens + TimeDelta::minutes(minute)));
        }
        let hours = calendar
            .weekly
            .iter()
            .filter(|hours| hours.0 == day.weekday());
        for time in hours
            .flat_map(|(_, from, until, _)| [Some(*from), *until])
            .flatten()
        {
            let shown = zone.from_local_datetime(&day.and_time(time));
            let both = [shown.earliest(), shown.latest()];
            bounds.extend(both.into_iter().flatten().map(|at| at.to_utc()));
        }
    }
    for (from, until, _) in &calendar.spans {
        bounds.extend([*from, *until]);
    }
    bounds.retain(|at| begin <= *at && *at <= end);
    bounds
}

#[cfg(test)]
mod tests {
    use antares_protocol::schedule::CalendarSpec;
    use serde_json::json;

    use super::*;

    fn read(spec: serde_json::Value) -> Calendar {
        let spec: CalendarSpec = serde_json::from_value(spec).unwrap();
        Calendar::new(&spec).unwrap()
    }

    /// The stretches between two days that `find` says are covered, minute by minute.
    fn by_minute(calendar: &Calendar, from: NaiveDate, until: NaiveDate) -> Vec<Span> {
        let begin = first_instant(calendar.zone, from.and_time(NaiveTime::MIN));
        let end = first_instant(
            calendar.zone,
            until.succ_opt().unwrap().and_time(NaiveTime::MIN),
        );
        let mut all: Vec<Span> = Vec::new();
        let mut at = begin;
        while at < end {
            let next = at + TimeDelta::minutes(1);
            if let Some(label) = calendar.find(at) {
                match all.last_mut() {
                    Some(last) if last.until == at && last.label == label => last.until = next,
                    _ => all.push(Span {
                        from: at,
                        until: next,
                        label: label.to_owned(),
                    }),
                }
            }
            at = next;
        }
        all
    }

    #[test]
    fn stretches_are_those_that_asking_each_minute_finds() {
        // Clocks change at midnight, by half an hour, forward and back; and a day that is skipped as a whole.
        for (zone, from, until) in [
            ("Europe/Berlin", "2026-03-25", "2026-04-02"),
            ("Europe/Berlin", "2026-10-20", "2026-10-30"),
            ("Australia/Lord_Howe", "2026-04-01", "2026-04-08"),
            ("Africa/Cairo", "2026-04-20", "2026-04-28"),
            ("Pacific/Apia", "2011-12-27", "2012-01-02"),
            ("UTC", "2026-12-20", "2027-01-03"),
        ] {
            let calendar = read(json!({
                "name": "c", "time_zone": zone,
                "dates": [{"date": "2026-12-25", "label": "Christmas"}, {"date": "2020-01-01", "yearly": true, "label": "New Year"}],
                "weekly": [
                    {"days": ["Sat", "Sun"], "label": "weekend"},
                    {"days": ["Mon", "Wed", "Fri"], "from": "22:00:00", "until": "04:00:00", "label": "night"},
                    {"days": ["Sun", "Fri"], "from": "02:30:00", "until": "02:45:00", "label": "clock"},
                    {"days": ["Tue"], "from": "00:00:00", "until": "00:30:00"},
                ],
                "spans": [{"from": "2026-03-26T08:00:00Z", "until": "2026-03-29T02:00:00Z", "label": "freeze"}],
            }));
            let (from, until) = (from.parse().unwrap(), until.parse().unwrap());
            let expected = by_minute(&calendar, from, until);
            assert!(!expected.is_empty());
            assert_eq!(
                covered(&calendar, from, until),
                expected,
                "{zone} from {from}"
            );
        }
    }
}
