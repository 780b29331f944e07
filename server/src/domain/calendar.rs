//! Calendars: named sets of days and hours that keep ticks in or out.

use std::collections::HashMap;

use antares_protocol::schedule::CalendarSpec;
use chrono::{
    DateTime, Datelike as _, NaiveDate, NaiveDateTime, NaiveTime, TimeZone as _, Utc, Weekday,
};
use chrono_tz::{GapInfo, Tz};

use super::job::{FieldError, parse_zone, visible};

mod covered;
pub mod ics;
#[cfg(test)]
mod tests;

pub use covered::covered;

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
) -> Option<String> {
    for (name, calendar) in exclude {
        match calendar.find(at) {
            None => {}
            Some("") => return Some(format!("calendar {name}")),
            Some(label) => return Some(format!("calendar {name}: {label}")),
        }
    }
    if include.is_empty() || include.iter().any(|(_, c)| c.find(at).is_some()) {
        return None;
    }
    let names: Vec<&str> = include.iter().map(|(name, _)| *name).collect();
    Some(format!("not in calendar {}", names.join(" or ")))
}

/// Checks a definition. The first field that is not allowed is named.
pub fn validate(spec: &CalendarSpec) -> Result<(), FieldError> {
    visible("name", &spec.name, 200)?;
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
    let labels = (spec.dates.iter().map(|day| &day.label))
        .chain(spec.weekly.iter().map(|hours| &hours.label))
        .chain(spec.spans.iter().map(|span| &span.label));
    for label in labels {
        if label.chars().count() > 200 || label.chars().any(char::is_control) {
            return refuse(
                "label",
                format!("`{label}` is not allowed; give at most 200 visible characters"),
            );
        }
    }
    for (index, day) in spec.dates.iter().enumerate() {
        if !(1970..2200).contains(&day.date.year()) {
            return refuse(
                "dates",
                format!(
                    "entry {index}: {} is not allowed; give a year from 1970 to 2199",
                    day.date
                ),
            );
        }
    }
    for (index, hours) in spec.weekly.iter().enumerate() {
        if hours.days.is_empty() {
            return refuse(
                "weekly",
                format!("entry {index} has no days; name some, such as Sat"),
            );
        }
        if hours.from.is_some() && hours.from == hours.until {
            return refuse(
                "weekly",
                format!("entry {index} ends when it begins; leave both times out for whole days"),
            );
        }
    }
    for (index, span) in spec.spans.iter().enumerate() {
        if span.until <= span.from {
            return refuse(
                "spans",
                format!("entry {index} ends before it begins; swap its times"),
            );
        }
        if !(1970..2200).contains(&span.from.year()) || !(1970..2200).contains(&span.until.year()) {
            return refuse(
                "spans",
                format!("entry {index}: give years from 1970 to 2199"),
            );
        }
    }
    Ok(())
}

fn refuse(field: &'static str, message: impl Into<String>) -> Result<(), FieldError> {
    Err(FieldError {
        field,
        message: message.into(),
    })
}
