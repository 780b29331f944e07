//! iCalendar (RFC 5545) texts, as holiday lists and calendar programs write them, read into dates and spans.
//!
//! The text is parsed by `icalendar` and recurrences are written out by `rrule`, which are well kept. What is here is
//! what an event means for a calendar: a whole day, the same day of every year, or a span of time.

use std::collections::HashMap;

use antares_protocol::schedule::{CalendarDate, Span};
use chrono::{
    DateTime, Datelike as _, NaiveDate, NaiveDateTime, Offset as _, TimeDelta, TimeZone as _, Utc,
};
use chrono_tz::{GapInfo, Tz};
use icalendar::parser::{Component, Property, read_calendar, unfold};

use recurrence::{is_same_day_each_year, occurrences};

use super::YEARS;
use crate::domain::job::FieldError;

mod recurrence;
#[cfg(test)]
mod tests;

/// Days that one event may last.
const MOST_DAYS: i64 = 400;

/// Events of one text, and how many of them may recur.
const MOST_EVENTS: usize = 10_000;
const MOST_RECURRING: usize = 1_000;

/// How deep components may lie in each other. Calendar programs write three: alarms of events of a calendar.
const MOST_DEEP: i32 = 8;

/// What of a text belongs into a calendar.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Events {
    /// Whole days.
    pub dates: Vec<CalendarDate>,
    /// Spans of time.
    pub spans: Vec<Span>,
}

/// Into which days of every year are put that were first written for a year before those of calendars.
const LEAP_YEAR: i32 = 1972;

/// When an event, or an exception of one, begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Start {
    Day(NaiveDate),
    Time(NaiveDateTime, Tz),
}

/// Reads the events of `ics`. Times without a zone are in `zone`; recurring events are written out until `until`, except
/// those that are the same whole day of every year.
///
/// # Errors
///
/// The text is no iCalendar, or holds an event that cannot be kept: it is named, with what to do.
pub fn read(ics: &str, zone: Tz, until: NaiveDate) -> Result<Events, FieldError> {
    // Some programs begin a file with a byte order mark.
    let unfolded = unfold(ics.trim_start_matches('\u{feff}'));
    check_depth(&unfolded)?;
    let calendar = read_calendar(&unfolded).map_err(|error| {
        let begin = "BEGIN:VCALENDAR";
        if !unfolded
            .trim_start()
            .to_ascii_uppercase()
            .starts_with(begin)
        {
            return refuse(format!("is no iCalendar: it does not begin with {begin}"));
        }
        let lines = |word| unfolded.lines().filter(|line| begins(line, word)).count();
        let (opened, closed) = (lines("BEGIN:"), lines("END:"));
        if opened != closed {
            return refuse(format!(
                "is no iCalendar: it has {opened} lines BEGIN and {closed} lines END; give the whole file"
            ));
        }
        let line = error.lines().find(|line| !line.trim().is_empty());
        refuse(format!(
            "is no iCalendar: {}",
            line.unwrap_or("it ends too soon").trim()
        ))
    })?;
    let written: Vec<&Component<'_>> = calendar
        .components
        .iter()
        .filter(|component| component.name == "VEVENT")
        .collect();
    let is_cancelled = |event: &Component<'_>| {
        text(event, "STATUS").is_some_and(|status| status.eq_ignore_ascii_case("CANCELLED"))
    };
    let events: Vec<&Component<'_>> = written
        .iter()
        .copied()
        .filter(|event| !is_cancelled(event))
        .collect();
    if events.is_empty() {
        return Err(refuse(
            "holds no events; give an iCalendar text with VEVENTs",
        ));
    }
    let recurring = events
        .iter()
        .filter(|event| event.find_prop("RRULE").is_some());
    if events.len() > MOST_EVENTS || recurring.count() > MOST_RECURRING {
        return Err(refuse(format!(
            "has more than {MOST_EVENTS} events, or {MOST_RECURRING} that recur; split it"
        )));
    }
    // An occurrence that was moved or cancelled is an event of its own, which names the one it replaces.
    let mut moved: HashMap<&str, Vec<Start>> = HashMap::new();
    for event in &written {
        if let (Some(uid), Some(place)) = (text(event, "UID"), event.find_prop("RECURRENCE-ID")) {
            if place.params.iter().any(|param| param.key == "RANGE") {
                let why = "changes an occurrence and all later ones (RANGE), which is not followed; export it as two events";
                return Err(about(event, why));
            }
            let start = start(place, zone).map_err(|why| about(event, &why))?;
            moved.entry(uid).or_default().push(start);
        }
    }
    let mut read = Events::default();
    for event in events {
        let (dates, spans) = (read.dates.len(), read.spans.len());
        let others = match event.find_prop("RECURRENCE-ID") {
            Some(_) => None,
            None => text(event, "UID").and_then(|uid| moved.get(uid)),
        };
        add(
            &mut read,
            event,
            others.map_or(&[], Vec::as_slice),
            zone,
            until,
        )
        .map_err(|why| about(event, &why))?;
        let years = (read.dates[dates..].iter().map(|day| day.date.year()))
            .chain(read.spans[spans..].iter().map(|span| span.from.year()))
            .chain(read.spans[spans..].iter().map(|span| span.until.year()));
        if let Some(year) = years.into_iter().find(|year| !YEARS.contains(year)) {
            let why = format!(
                "falls into {year}; years from 1970 to 2199 are allowed: take it out, or change its year"
            );
            return Err(about(event, &why));
        }
        if read.dates.len() > 10_000 || read.spans.len() > 10_000 {
            return Err(about(
                event,
                "with it there are more than 10,000 entries; give an earlier `until`",
            ));
        }
    }
    Ok(read)
}

/// The parser calls itself for each component in a component, and a stack ends.
fn check_depth(unfolded: &str) -> Result<(), FieldError> {
    let mut depth = 0;
    for line in unfolded.split(['\r', '\n']) {
        if begins(line, "BEGIN") {
            depth += 1;
        } else if begins(line, "END") {
            depth -= 1;
        }
        if depth > MOST_DEEP {
            return Err(refuse(format!("has components more than {MOST_DEEP} deep")));
        }
    }
    Ok(())
}

/// Whether a line begins with `word`, in any case and after spaces.
fn begins(line: &str, word: &str) -> bool {
    let start = line.trim_start().get(..word.len());
    start.is_some_and(|start| start.eq_ignore_ascii_case(word))
}

fn refuse(message: impl Into<String>) -> FieldError {
    FieldError::new("ics", message)
}

fn about(event: &Component<'_>, why: &str) -> FieldError {
    let name = text(event, "SUMMARY").or_else(|| text(event, "UID"));
    refuse(format!(
        "event `{}`: {why}",
        label(name.unwrap_or("without a name"))
    ))
}

fn text<'a>(event: &'a Component<'_>, name: &str) -> Option<&'a str> {
    event.find_prop(name).map(|property| property.val.as_str())
}

/// What a summary becomes: labels are short and visible.
fn label(summary: &str) -> String {
    let visible = summary
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c });
    visible.take(200).collect::<String>().trim().to_owned()
}

/// Adds what one event means.
fn add(
    read: &mut Events,
    event: &Component<'_>,
    moved: &[Start],
    zone: Tz,
    until: NaiveDate,
) -> Result<(), String> {
    let property = event.find_prop("DTSTART").ok_or("has no DTSTART")?;
    let first = start(property, zone)?;
    let label = label(text(event, "SUMMARY").unwrap_or_default());
    let rule = text(event, "RRULE");
    match first {
        Start::Day(first_day) => {
            let days = whole_days(event, first_day)?;
            let mut push = |first: NaiveDate, yearly: bool| {
                for mut date in first.iter_days().take(days) {
                    if date.year() < YEARS.start && yearly {
                        // The year says nothing; this one has all days that there are.
                        date = date.with_year(LEAP_YEAR).unwrap_or(date);
                    } else if date.year() < YEARS.start && rule.is_some() {
                        continue;
                    }
                    let label = label.clone();
                    read.dates.push(CalendarDate {
                        date,
                        yearly,
                        label,
                    });
                }
            };
            if rule.is_some_and(|rule| is_same_day_each_year(rule, first_day))
                && moved.is_empty()
                && event.find_prop("EXDATE").is_none()
                && event.find_prop("RDATE").is_none()
            {
                push(first_day, true);
                return Ok(());
            }
            for start in occurrences(event, first, moved, zone, until)? {
                if let Start::Day(day) = start {
                    push(day, false);
                }
            }
        }
        Start::Time(from, in_zone) => {
            let lasts = lasts(event, from, in_zone, zone)?;
            for start in occurrences(event, first, moved, zone, until)? {
                if let Start::Time(from, zone) = start {
                    let from = instant(zone, from);
                    if from.year() < YEARS.start && rule.is_some() {
                        continue;
                    }
                    let label = label.clone();
                    read.spans.push(Span {
                        from,
                        until: from + lasts,
                        label,
                    });
                }
            }
        }
    }
    Ok(())
}

/// Whole days of an event that begins on `first`: one, unless it says otherwise.
fn whole_days(event: &Component<'_>, first: NaiveDate) -> Result<usize, String> {
    let days = match (event.find_prop("DTEND"), text(event, "DURATION")) {
        (Some(end), _) => match start(end, Tz::UTC)? {
            Start::Day(end) => (end - first).num_days(),
            Start::Time(..) => return Err("begins with a day and ends with a time".to_owned()),
        },
        (None, Some(duration)) => duration_of(duration)?.num_days(),
        (None, None) => 1,
    };
    // Some programs write an end that is the beginning for one day.
    match days {
        0 => Ok(1),
        1..=MOST_DAYS => Ok(days as usize),
        _ => Err(format!("lasts {days} days; 1 to {MOST_DAYS} are allowed")),
    }
}

/// How long an event that begins at a time lasts.
fn lasts(
    event: &Component<'_>,
    from: NaiveDateTime,
    in_zone: Tz,
    zone: Tz,
) -> Result<TimeDelta, String> {
    let lasts = match (event.find_prop("DTEND"), text(event, "DURATION")) {
        (Some(end), _) => match start(end, zone)? {
            Start::Time(end, end_zone) => instant(end_zone, end) - instant(in_zone, from),
            Start::Day(_) => return Err("begins with a time and ends with a day".to_owned()),
        },
        (None, Some(duration)) => duration_of(duration)?,
        (None, None) => TimeDelta::zero(),
    };
    // It may begin where the clocks go forward, and end where they have come to: then its walls tell.
    let lasts = match (lasts <= TimeDelta::zero(), event.find_prop("DTEND")) {
        (true, Some(end)) => match start(end, zone)? {
            Start::Time(end, end_zone) if end_zone == in_zone => end - from,
            _ => lasts,
        },
        _ => lasts,
    };
    if lasts <= TimeDelta::zero() || lasts > TimeDelta::days(MOST_DAYS) {
        return Err("has no length; give a DTEND after its DTSTART, or a DURATION".to_owned());
    }
    Ok(lasts)
}

fn duration_of(text: &str) -> Result<TimeDelta, String> {
    let bad = || format!("DURATION `{text}` is not understood");
    let mut total = TimeDelta::zero();
    let mut digits = String::new();
    let mut in_time = false;
    for c in text.strip_prefix('P').ok_or_else(bad)?.chars() {
        match c {
            '0'..='9' if digits.len() < 6 => digits.push(c),
            'T' if digits.is_empty() => in_time = true,
            'W' | 'D' | 'H' | 'M' | 'S' => {
                let n: i64 = digits.parse().map_err(|_| bad())?;
                digits.clear();
                total += match (c, in_time) {
                    ('W', false) => TimeDelta::weeks(n),
                    ('D', false) => TimeDelta::days(n),
                    ('H', true) => TimeDelta::hours(n),
                    ('M', true) => TimeDelta::minutes(n),
                    ('S', true) => TimeDelta::seconds(n),
                    _ => return Err(bad()),
                };
            }
            _ => return Err(bad()),
        }
    }
    if digits.is_empty() {
        Ok(total)
    } else {
        Err(bad())
    }
}

/// Reads a date or a time.
fn start(property: &Property<'_>, zone: Tz) -> Result<Start, String> {
    let zone = match property.params.iter().find(|param| param.key == "TZID") {
        None => zone,
        Some(param) => {
            let name = param
                .val
                .as_ref()
                .map_or("", |name| name.as_str().trim_matches('"'));
            name.parse().map_err(|_| {
                format!("time zone `{name}` is no IANA zone; export the calendar with IANA names or in UTC")
            })?
        }
    };
    one_start(property.val.as_str(), zone)
}

fn one_start(value: &str, zone: Tz) -> Result<Start, String> {
    let day = || NaiveDate::parse_from_str(value, "%Y%m%d").map(Start::Day);
    let wall = |value: &str| NaiveDateTime::parse_from_str(value, "%Y%m%dT%H%M%S");
    match value.strip_suffix('Z') {
        Some(utc) => wall(utc).map(|time| Start::Time(time, Tz::UTC)),
        None => wall(value)
            .map(|time| Start::Time(time, zone))
            .or_else(|_| day()),
    }
    .map_err(|_| format!("`{value}` is no date and no time"))
}

/// When the clocks of a zone show a time: the first of two, and of none as if they had not gone forward yet (RFC 5545, 3.3.5).
fn instant(zone: Tz, wall: NaiveDateTime) -> DateTime<Utc> {
    let shown = zone.from_local_datetime(&wall).earliest();
    shown.map_or_else(
        || {
            let before = GapInfo::new(&wall, &zone).and_then(|gap| gap.begin);
            let offset = before.map_or(TimeDelta::zero(), |(_, offset)| {
                TimeDelta::seconds(offset.fix().local_minus_utc().into())
            });
            (wall - offset).and_utc()
        },
        |shown| shown.to_utc(),
    )
}
