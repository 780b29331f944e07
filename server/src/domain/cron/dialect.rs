//! From Quartz's language to that of the `cron` crate.
//!
//! What the crate lacks is lifted out or spelled out; what it has is checked against Quartz's rules
//! and passed on. Nothing is passed on unchecked, because the crate skips spaces so freely that one
//! odd field can turn into two.

use super::days::Days;
use super::error::CronError;
use super::field::{Field, is_number};

/// An expression in the crate's dialect, all in numbers, and where its days come from.
#[derive(Debug)]
pub(super) struct Translated {
    pub(super) text: String,
    pub(super) days: DayFields,
}

/// Which part of the expression says which days match; the others let all days through.
#[derive(Debug)]
pub(super) enum DayFields {
    DayOfMonth,
    DayOfWeek,
    Rule(Days),
}

/// Checks a Quartz expression and rewrites it.
pub(super) fn translate(source: &str) -> Result<Translated, CronError> {
    let fields: Vec<&str> = source.split_ascii_whitespace().collect();
    let (second, minute, hour, date, month, weekday, year) = match fields[..] {
        [second, minute, hour, date, month, weekday] => {
            (second, minute, hour, date, month, weekday, "*")
        }
        [second, minute, hour, date, month, weekday, year] => {
            (second, minute, hour, date, month, weekday, year)
        }
        [_, _, _, _, _] => return Err(CronError::MissingSeconds),
        _ => {
            let found = fields.len();
            return Err(CronError::FieldCount { found });
        }
    };

    let second = plain(Field::Seconds, second)?;
    let minute = plain(Field::Minutes, minute)?;
    let hour = plain(Field::Hours, hour)?;
    let every_day = || String::from("*");
    let (days, date, weekday) = match (date, weekday) {
        ("?", "?") => return Err(CronError::NoDayField),
        (date, "?") => match day_of_month_rule(date)? {
            Some(rule) => (DayFields::Rule(rule), every_day(), every_day()),
            None => (
                DayFields::DayOfMonth,
                plain(Field::DayOfMonth, date)?,
                every_day(),
            ),
        },
        ("?", weekday) => match day_of_week_rule(weekday)? {
            Some(rule) => (DayFields::Rule(rule), every_day(), every_day()),
            None => (
                DayFields::DayOfWeek,
                every_day(),
                plain(Field::DayOfWeek, weekday)?,
            ),
        },
        (date, weekday) => {
            return Err(CronError::BothDayFields {
                day_of_month: date.to_owned(),
                day_of_week: weekday.to_owned(),
            });
        }
    };
    let month = plain(Field::Month, month)?;
    let year = plain(Field::Year, year)?;
    Ok(Translated {
        text: format!("{second} {minute} {hour} {date} {month} {weekday} {year}"),
        days,
    })
}

/// The rule of a day-of-month field with `L` or `W`; `None` if the field is plain.
fn day_of_month_rule(text: &str) -> Result<Option<Days>, CronError> {
    const FIELD: Field = Field::DayOfMonth;
    let malformed = |problem| CronError::malformed(FIELD, text, problem);
    if !text.contains(['L', 'l', 'W', 'w']) {
        return Ok(None);
    }
    if text.contains(',') {
        return Err(malformed("puts L or W in a list: they must stand alone"));
    }
    let (day, near_weekday) = match text.strip_suffix(['W', 'w']) {
        Some(day) => (day, true),
        None => (text, false),
    };
    let days_before = match day.strip_prefix(['L', 'l']) {
        Some("") => 0,
        Some(offset) => {
            let offset = offset
                .strip_prefix('-')
                .ok_or_else(|| malformed("is none of L, LW, L-3 and L-3W"))?;
            FIELD.number("offset", offset, 0, 30)?
        }
        None if near_weekday && is_number(day) => {
            let date = FIELD.value(day)?;
            return Ok(Some(Days::WeekdayNearest { date }));
        }
        None => return Err(malformed("is none of L, LW, L-3, L-3W and 15W")),
    };
    Ok(Some(if near_weekday {
        Days::WeekdayNearestLast { days_before }
    } else {
        Days::Last { days_before }
    }))
}

/// The rule of a day-of-week field with `#`, or with `L` after a day; `None` if the field is plain.
fn day_of_week_rule(text: &str) -> Result<Option<Days>, CronError> {
    const FIELD: Field = Field::DayOfWeek;
    let alone = |sign: char| {
        if text.contains(',') {
            let problem = format!("puts {sign} in a list: it must stand alone");
            return Err(CronError::malformed(FIELD, text, problem));
        }
        Ok(())
    };
    if let Some((day, nth)) = text.split_once('#') {
        alone('#')?;
        let weekday = FIELD.value(day)?;
        let nth = FIELD.number("occurrence", nth, 1, 5)?;
        return Ok(Some(Days::NthWeekday { weekday, nth }));
    }
    if text.contains(['L', 'l']) {
        alone('L')?;
    }
    match text.strip_suffix(['L', 'l']) {
        // Quartz: a bare L is the last day of the week, every Saturday.
        Some("") => Ok(Some(Days::weekdays([7].into_iter().collect()))),
        Some(day) => Ok(Some(Days::LastWeekday {
            weekday: FIELD.value(day)?,
        })),
        None => Ok(None),
    }
}

/// Rewrites a field that is a list of values, ranges and steps.
fn plain(field: Field, text: &str) -> Result<String, CronError> {
    if text.contains('?') {
        let problem = "is not allowed: ? stands alone, in day-of-month or day-of-week";
        return Err(CronError::malformed(field, text, problem));
    }
    if text.split(',').any(str::is_empty) {
        return Err(CronError::malformed(
            field,
            text,
            "has a comma with nothing beside it",
        ));
    }
    let items: Result<Vec<_>, _> = text
        .split(',')
        .map(|item| plain_item(field, item))
        .collect();
    Ok(items?.join(","))
}

/// Rewrites `*`, `a`, `a-b` or one of these with `/step`; `/step` alone starts at the least value.
fn plain_item(field: Field, item: &str) -> Result<String, CronError> {
    let malformed = |problem| Err(CronError::malformed(field, item, problem));
    let (base, step) = match item.split_once('/') {
        Some((base, step)) => (base, Some(field.step(step)?)),
        None => (item, None),
    };
    let with_step = |base: String| match step {
        Some(step) => format!("{base}/{step}"),
        None => base,
    };
    if base == "*" || base.is_empty() {
        return Ok(with_step("*".to_owned()));
    }
    let (start, end) = match base.split_once('-') {
        Some((start, end)) => (start, Some(end)),
        None => (base, None),
    };
    let first = field.value(start)?;
    let last = end.map(|end| field.value(end)).transpose()?;
    let is_name = |text: &str| text.starts_with(|c: char| c.is_ascii_alphabetic());
    if step.is_some() && is_name(base) {
        return malformed("has a step after a name: write numbers, as in 2-6/2");
    }
    match last {
        None => Ok(with_step(first.to_string())),
        Some(_) if end.is_some_and(is_name) != is_name(start) => {
            malformed("mixes a name and a number: write two names or two numbers")
        }
        Some(last) if first <= last => Ok(with_step(format!("{first}-{last}"))),
        Some(_) if field == Field::Year => malformed("ends before it starts"),
        Some(last) => Ok(wrapped(field, first, last, step.unwrap_or(1))),
    }
}

/// Spells out a range that passes the end of its field, which the crate refuses: `22-2` of the hours.
///
/// A step goes on across the end: `20-4/3` is 20, 23 and 2.
fn wrapped(field: Field, first: u32, last: u32, step: u32) -> String {
    let (min, max) = field.range();
    let size = max - min + 1;
    let values: Vec<_> = (first..=last + size)
        .step_by(step as usize)
        .map(|value| ((value - min) % size + min).to_string())
        .collect();
    values.join(",")
}
