//! What a calendar holds as lines of text, one for each day, each set of weekly hours, each span: quick to type, and
//! fifty holidays are pasted at once.

use antares_protocol::schedule::{CalendarDate, Span, WeeklyHours};
use chrono::{DateTime, NaiveDate, NaiveTime, Utc, Weekday};

/// A line that cannot be read: which one, from 1, and what it says.
pub(super) type Wrong = (usize, String);

fn read_all<T>(text: &str, one: impl Fn(&str) -> Option<T>) -> Result<Vec<T>, Wrong> {
    let lines = text
        .lines()
        .enumerate()
        .map(|(at, line)| (at + 1, line.trim()));
    lines
        .filter(|(_, line)| !line.is_empty())
        .map(|(at, line)| one(line).ok_or_else(|| (at, line.to_owned())))
        .collect()
}

/// The first word, and what follows it.
fn split(line: &str) -> (&str, String) {
    match line.split_once(char::is_whitespace) {
        Some((first, rest)) => (first, rest.trim().to_owned()),
        None => (line, String::new()),
    }
}

fn joined(parts: &[&str]) -> String {
    let parts: Vec<&str> = parts
        .iter()
        .copied()
        .filter(|part| !part.is_empty())
        .collect();
    parts.join(" ")
}

/// Lines like `2026-12-24 Christmas Eve`, or `*-12-25 Christmas` for every year.
pub(super) fn read_dates(text: &str) -> Result<Vec<CalendarDate>, Wrong> {
    read_all(text, |line| {
        let (day, label) = split(line);
        let (whole, yearly) = match day.strip_prefix("*-") {
            // The year does not matter; this one has a 29th of February.
            Some(day) => (format!("2024-{day}"), true),
            None => (day.to_owned(), false),
        };
        let date: NaiveDate = whole.parse().ok()?;
        // The beginning of a date may be a date too: 2026-12-2.
        if date.to_string() != whole {
            return None;
        }
        Some(CalendarDate {
            date,
            yearly,
            label,
        })
    })
}

/// As [`read_dates`] reads them.
pub(super) fn show_dates(dates: &[CalendarDate]) -> String {
    let line = |day: &CalendarDate| {
        let date = if day.yearly {
            day.date.format("*-%m-%d").to_string()
        } else {
            day.date.to_string()
        };
        joined(&[&date, &day.label])
    };
    dates.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn read_days(text: &str) -> Option<Vec<Weekday>> {
    let mut days = Vec::new();
    for part in text.split(',') {
        match part.split_once('-') {
            None => days.push(part.parse().ok()?),
            Some((first, last)) => {
                let (mut day, last): (Weekday, Weekday) = (first.parse().ok()?, last.parse().ok()?);
                days.push(day);
                while day != last {
                    day = day.succ();
                    days.push(day);
                }
            }
        }
    }
    Some(days)
}

fn read_time(text: &str) -> Option<NaiveTime> {
    NaiveTime::parse_from_str(text, "%H:%M")
        .or_else(|_| NaiveTime::parse_from_str(text, "%H:%M:%S"))
        .ok()
}

/// Lines like `Sat,Sun weekend`, or `Mon-Fri 22:00-06:00 nights`; one of the two times may be left out.
pub(super) fn read_weekly(text: &str) -> Result<Vec<WeeklyHours>, Wrong> {
    read_all(text, |line| {
        let (days, rest) = split(line);
        let days = read_days(days)?;
        let (hours, label) = split(&rest);
        let whole = WeeklyHours {
            days,
            from: None,
            until: None,
            label: rest.clone(),
        };
        let is_hours = hours.contains(['-', ':'])
            && hours
                .chars()
                .all(|c| c.is_ascii_digit() || matches!(c, ':' | '-'));
        if !is_hours {
            return Some(whole);
        }
        let (from, until) = hours.split_once('-')?;
        let time = |text: &str| {
            if text.is_empty() {
                Some(None)
            } else {
                read_time(text).map(Some)
            }
        };
        Some(WeeklyHours {
            from: time(from)?,
            until: time(until)?,
            label,
            ..whole
        })
    })
}

/// As [`read_weekly`] reads them.
pub(super) fn show_weekly(weekly: &[WeeklyHours]) -> String {
    let time = |time: Option<NaiveTime>| {
        let text = time.map(|time| time.to_string()).unwrap_or_default();
        text.strip_suffix(":00")
            .filter(|short| short.len() == 5)
            .map_or(text.clone(), str::to_owned)
    };
    let line = |hours: &WeeklyHours| {
        let days: Vec<String> = hours.days.iter().map(Weekday::to_string).collect();
        let span = match (hours.from, hours.until) {
            (None, None) => String::new(),
            (from, until) => format!("{}-{}", time(from), time(until)),
        };
        joined(&[&days.join(","), &span, &hours.label])
    };
    weekly.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Lines like `2026-11-25T22:00:00Z/2026-11-26T02:00:00Z release 4.2`.
pub(super) fn read_spans(text: &str) -> Result<Vec<Span>, Wrong> {
    read_all(text, |line| {
        let (span, label) = split(line);
        let (from, until) = span.split_once('/')?;
        let (from, until) = (from.parse::<DateTime<Utc>>().ok()?, until.parse().ok()?);
        Some(Span { from, until, label })
    })
}

/// As [`read_spans`] reads them.
pub(super) fn show_spans(spans: &[Span]) -> String {
    let at = |at: DateTime<Utc>| at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true);
    let line = |span: &Span| {
        joined(&[
            &format!("{}/{}", at(span.from), at(span.until)),
            &span.label,
        ])
    };
    spans.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_as_they_are_shown() {
        let text = "2026-12-24 Christmas Eve\n*-12-25 Christmas\n*-02-29\n2027-01-01";
        let dates = read_dates(text).unwrap();
        assert_eq!(dates.len(), 4);
        assert!(dates[1].yearly && !dates[0].yearly && dates[0].label == "Christmas Eve");
        assert_eq!(show_dates(&dates), text);
        assert_eq!(
            read_dates("2026-12-24\n\n2026-13-01 no").unwrap_err(),
            (3, "2026-13-01 no".to_owned())
        );
        for half in ["2026-12-2", "*-12-2", "2026-1-02 x"] {
            assert_eq!(read_dates(half).unwrap_err().0, 1, "{half}");
        }
    }

    #[test]
    fn weekly_hours_are_read_as_they_are_shown() {
        let text = "Sat,Sun weekend\nMon,Tue 22:00-06:00 the night-shift\nFri 18:00-\nWed -06:30:15\nThu half-days";
        let weekly = read_weekly(text).unwrap();
        assert_eq!(show_weekly(&weekly), text);
        for half in ["Mon 22:00", "Mon 22:00-6"] {
            assert_eq!(read_weekly(half).unwrap_err().0, 1, "{half}");
        }
        assert_eq!(weekly[4].label, "half-days");
        assert_eq!(
            read_weekly("Fri-Mon").unwrap()[0].days,
            [Weekday::Fri, Weekday::Sat, Weekday::Sun, Weekday::Mon]
        );
        assert!(read_weekly("Foo").is_err() && read_weekly("Mon 25:00-").is_err());
    }

    #[test]
    fn spans_are_read_as_they_are_shown() {
        let text = "2026-11-25T22:00:00Z/2026-11-26T02:00:00Z release 4.2";
        let spans = read_spans(text).unwrap();
        assert_eq!(show_spans(&spans), text);
        assert!(read_spans("2026-11-25T22:00:00Z").is_err());
    }
}
