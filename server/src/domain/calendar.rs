//! Calendars: named sets of days and hours that keep ticks in or out.

use std::collections::HashMap;

use antares_protocol::schedule::CalendarSpec;
use chrono::{
    DateTime, Datelike as _, NaiveDate, NaiveDateTime, NaiveTime, Offset as _, TimeZone as _, Utc,
    Weekday,
};
use chrono_tz::{GapInfo, Tz};

use super::job::{FieldError, listable, parse_zone, refuse};

mod covered;
pub mod ics;
#[cfg(test)]
mod tests;

pub use covered::covered;

/// Years that the days and spans of a calendar may lie in.
const YEARS: std::ops::Range<i32> = 1970..2200;

/// A calendar, ready to be asked.
#[derive(Debug, Clone)]
pub struct Calendar {
    zone: Tz,
    dates: HashMap<NaiveDate, String>,
    /// Month and day of days that are the same every year.
    yearly: HashMap<(u32, u32), String>,
    /// Day of the week, from, until, and what the hours are. They do not cross midnight.
    weekly: Vec<(Weekday, NaiveTime, Option<NaiveTime>, String)>,
    spans: Vec<(DateTime<Utc>, DateTime<Utc>, String)>,
}

impl Calendar {
    /// Reads a definition.
    pub fn new(spec: &CalendarSpec) -> Result<Self, FieldError> {
        let zone = parse_zone(&spec.time_zone)?;
        let (yearly, dates): (Vec<_>, Vec<_>) = spec.dates.iter().partition(|day| day.yearly);
        let mut weekly = Vec::new();
        for hours in &spec.weekly {
            let from = hours.from.unwrap_or(NaiveTime::MIN);
            for day in &hours.days {
                match hours.until {
                    Some(until) if until <= from => {
                        weekly.push((*day, from, None, hours.label.clone()));
                        let next = (day.succ(), NaiveTime::MIN, Some(until), hours.label.clone());
                        weekly.push(next);
                    }
                    until => weekly.push((*day, from, until, hours.label.clone())),
                }
            }
        }
        Ok(Self {
            zone,
            dates: dates
                .into_iter()
                .map(|day| (day.date, day.label.clone()))
                .collect(),
            yearly: yearly
                .into_iter()
                .map(|day| ((day.date.month(), day.date.day()), day.label.clone()))
                .collect(),
            weekly,
            spans: spec
                .spans
                .iter()
                .map(|span| (span.from, span.until, span.label.clone()))
                .collect(),
        })
    }

    /// What of the calendar an instant lies in: its label, which may be empty.
    pub fn find(&self, at: DateTime<Utc>) -> Option<&str> {
        let wall = self.zone.from_utc_datetime(&at.naive_utc()).naive_local();
        let (day, time) = (wall.date(), wall.time());
        let date = self.dates.get(&day);
        let date = date.or_else(|| self.yearly.get(&(day.month(), day.day())));
        date.or_else(|| {
            let hours = self.weekly.iter().find(|(weekday, from, until, _)| {
                *weekday == day.weekday() && *from <= time && until.is_none_or(|until| time < until)
            });
            hours.map(|hours| &hours.3)
        })
        .or_else(|| {
            let span = self.spans.iter();
            span.filter(|(from, until, _)| *from <= at && at < *until)
                .map(|span| &span.2)
                .next()
        })
        .map(String::as_str)
    }
}

impl Calendar {
    /// An instant until which the calendar does not change from `at` on: it holds all between under one label, or none.
    /// It is at most a day away, and `at` itself where the clocks change.
    fn steady_until(&self, at: DateTime<Utc>) -> DateTime<Utc> {
        let shown = self.zone.from_utc_datetime(&at.naive_utc());
        let (day, time) = (shown.date_naive(), shown.time());
        let midnight = day.succ_opt().map(|day| day.and_time(NaiveTime::MIN));
        let hours = (self.weekly.iter()).filter(|(weekday, ..)| *weekday == day.weekday());
        let bounds = hours.flat_map(|(_, from, until, _)| std::iter::once(*from).chain(*until));
        let bounds = bounds.filter(|bound| *bound > time);
        let Some(wall) = bounds
            .map(|bound| day.and_time(bound))
            .chain(midnight)
            .min()
        else {
            return at;
        };
        let until = first_instant(self.zone, wall);
        // Clocks that are set back show a time again that was passed.
        let later = self.zone.from_utc_datetime(&until.naive_utc());
        if later.offset().fix() != shown.offset().fix() {
            return at;
        }
        let spans = self.spans.iter();
        let bounds = spans.flat_map(|(from, until, _)| [*from, *until]);
        bounds
            .filter(|bound| *bound > at)
            .fold(until, DateTime::min)
    }
}

/// That calendars keep a tick out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Out {
    /// Why.
    pub reason: String,
    /// What is after it and before this is kept out for the same reason.
    pub until: DateTime<Utc>,
}

/// The first instant at which the clocks of a zone show a time, or the first after it if they go forward over it.
fn first_instant(zone: Tz, wall: NaiveDateTime) -> DateTime<Utc> {
    let shown = zone.from_local_datetime(&wall).earliest();
    let shown = shown.or_else(|| GapInfo::new(&wall, &zone)?.end);
    shown.map_or(wall.and_utc(), |shown| shown.to_utc())
}

/// Why a tick at `at` is kept out by calendars that it must lie in, if there are any, or must not; `None` if it is not.
pub fn lies_out<'a>(
    include: &[(&'a str, &'a Calendar)],
    exclude: &[(&'a str, &'a Calendar)],
    at: DateTime<Utc>,
) -> Option<Out> {
    let steady = |asked: &[(&str, &Calendar)]| {
        let until = asked.iter().map(|(_, calendar)| calendar.steady_until(at));
        until.min().unwrap_or(DateTime::<Utc>::MAX_UTC)
    };
    for (index, (name, calendar)) in exclude.iter().enumerate() {
        let reason = match calendar.find(at) {
            None => continue,
            Some("") => format!("calendar {name}"),
            Some(label) => format!("calendar {name}: {label}"),
        };
        // Before this one, another may begin to keep ticks out.
        let until = steady(&exclude[..=index]);
        return Some(Out { reason, until });
    }
    if include.is_empty() || include.iter().any(|(_, c)| c.find(at).is_some()) {
        return None;
    }
    let names: Vec<&str> = include.iter().map(|(name, _)| *name).collect();
    Some(Out {
        reason: format!("not in calendar {}", names.join(" or ")),
        until: steady(exclude).min(steady(include)),
    })
}

/// Checks a definition. The first field that is not allowed is named.
pub fn validate(spec: &CalendarSpec) -> Result<(), FieldError> {
    listable("name", &spec.name, 200)?;
    parse_zone(&spec.time_zone)?;
    if spec.description.len() > 10_000 {
        return refuse("description", "is longer than 10,000 bytes; shorten it");
    }
    for (field, found, most) in [
        ("dates", spec.dates.len(), 10_000),
        ("weekly", spec.weekly.len(), 1000),
        ("spans", spec.spans.len(), 10_000),
    ] {
        if found > most {
            return refuse(field, format!("has {found} entries; the limit is {most}"));
        }
    }
    let labels = (spec.dates.iter().map(|day| &day.label).enumerate())
        .map(|label| ("dates", label))
        .chain(
            (spec.weekly.iter().map(|hours| &hours.label).enumerate())
                .map(|label| ("weekly", label)),
        )
        .chain(
            (spec.spans.iter().map(|span| &span.label).enumerate()).map(|label| ("spans", label)),
        );
    for (field, (index, label)) in labels {
        if label.chars().count() > 200 || label.chars().any(char::is_control) {
            return refuse(
                format!("{field}[{index}].label"),
                format!("`{label}` is not allowed; give at most 200 visible characters"),
            );
        }
    }
    for (index, day) in spec.dates.iter().enumerate() {
        if !YEARS.contains(&day.date.year()) {
            return refuse(
                format!("dates[{index}].date"),
                format!("{} is not allowed; give a year from 1970 to 2199", day.date),
            );
        }
    }
    for (index, hours) in spec.weekly.iter().enumerate() {
        if hours.days.is_empty() {
            return refuse(
                format!("weekly[{index}].days"),
                "has no days; name some, such as Sat",
            );
        }
        if hours.from.is_some() && hours.from == hours.until {
            return refuse(
                format!("weekly[{index}]"),
                "ends when it begins; leave both times out for whole days",
            );
        }
    }
    for (index, span) in spec.spans.iter().enumerate() {
        if span.until <= span.from {
            return refuse(
                format!("spans[{index}]"),
                "ends before it begins; swap its times",
            );
        }
        if !YEARS.contains(&span.from.year()) || !YEARS.contains(&span.until.year()) {
            return refuse(
                format!("spans[{index}]"),
                "has a year that is not allowed; give years from 1970 to 2199",
            );
        }
    }
    Ok(())
}
