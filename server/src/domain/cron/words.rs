//! An expression in words.
//!
//! The words are made from the sets of values and not from the text, so that they say what fires, however it is
//! written. Different schedules never have the same words.

#[cfg(test)]
mod tests;
mod zh;

use super::CronExpression;
use super::days::Days;
use super::set::{BitSet, FIRST_YEAR, LAST_YEAR};
use crate::domain::words::{list, ordinal};

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
/// From 1 = Sunday, as Quartz counts.
const WEEKDAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];
const NTH: [&str; 5] = ["first", "second", "third", "fourth", "fifth"];
/// What Quartz calls a weekday.
const WEEKDAY: &str = "weekday (Monday to Friday)";
/// As many times of day are told one by one in any case.
const FEW_TIMES: usize = 4;

/// What the values of a field look like.
#[derive(Debug, PartialEq, Eq)]
enum Shape {
    All,
    One(u32),
    /// All from one to another, three at least.
    Range(u32, u32),
    /// From the first to the last, so far apart.
    Every {
        first: u32,
        last: u32,
        step: u32,
    },
    List(Vec<u32>),
}

/// What is spread evenly over hours that follow each other.
struct Span {
    step: u32,
    unit: Unit,
    /// Times of day.
    from: String,
    to: String,
}

#[derive(Debug, Clone, Copy)]
enum Unit {
    Hour,
    Minute,
    Second,
}

impl Unit {
    fn english(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Minute => "minute",
            Self::Second => "second",
        }
    }

    fn chinese(self) -> &'static str {
        match self {
            Self::Hour => "小时",
            Self::Minute => "分钟",
            Self::Second => "秒",
        }
    }
}

impl Shape {
    fn of(values: Vec<u32>, min: u32, max: u32) -> Self {
        let size = max - min + 1;
        if let [value] = values[..] {
            return Self::One(value);
        }
        if values.len() == size as usize {
            return Self::All;
        }
        let (Some(&first), Some(&last), Some(&second)) =
            (values.first(), values.last(), values.get(1))
        else {
            return Self::List(values);
        };
        let step = second - first;
        let is_even = values.windows(2).all(|pair| pair[1] - pair[0] == step);
        let is_round = first == min && size.is_multiple_of(step) && last + step > max;
        if is_even && step == 1 && values.len() > 2 {
            Self::Range(first, last)
        } else if is_even && step > 1 && (is_round || values.len() > FEW_TIMES) {
            Self::Every { first, last, step }
        } else {
            Self::List(values)
        }
    }

    /// The step, if the values go round the field evenly from its start: 1 for all.
    fn round(&self, size: u32) -> Option<u32> {
        match self {
            Self::All => Some(1),
            Self::Every {
                first: 0,
                last,
                step,
            } => (size.is_multiple_of(*step) && last + step >= size).then_some(*step),
            _ => None,
        }
    }

    /// As in `minutes 0, 7 and 9`.
    fn words(&self, unit: &str) -> String {
        match self {
            Self::All => format!("every {unit}"),
            Self::One(value) => format!("{unit} {value}"),
            Self::Range(first, last) => format!("{unit}s {first} to {last}"),
            Self::Every { first, last, step } => {
                format!("every {} {unit} from {first} to {last}", ordinal(*step))
            }
            Self::List(values) => format!("{unit}s {}", list(values)),
        }
    }

    /// As [`Shape::words`] for values that have names; `units` go before a range.
    fn names(&self, units: &str, name: impl Fn(u32) -> String) -> String {
        match self {
            Self::All => units.to_owned(),
            Self::One(value) => name(*value),
            Self::Range(first, last) => format!("the {units} {} to {}", name(*first), name(*last)),
            Self::Every { first, last, step } => {
                let values = (*first..=*last).step_by(*step as usize);
                list(&values.map(name).collect::<Vec<_>>())
            }
            Self::List(values) => list(&values.iter().copied().map(name).collect::<Vec<_>>()),
        }
    }
}

fn values(set: BitSet) -> Vec<u32> {
    set.from(0).collect()
}

/// `every minute`, `every 5 minutes`.
fn every(step: u32, unit: &str) -> String {
    match step {
        1 => format!("every {unit}"),
        step => format!("every {step} {unit}s"),
    }
}

impl CronExpression {
    /// When it fires, in English, such as `at 10:15 on the last Friday of every month`.
    pub fn in_words(&self) -> String {
        let (mut words, is_all_day) = self.time_in_words();
        let months = Shape::of(values(self.months), 1, 12);
        let days = self.days_in_words(&months, is_all_day);
        if !days.is_empty() {
            words = format!("{words} {days}");
        }
        let years = self.years.from(FIRST_YEAR).map(i32::unsigned_abs).collect();
        let (first, last) = (FIRST_YEAR.unsigned_abs(), LAST_YEAR.unsigned_abs());
        match Shape::of(years, first, last) {
            Shape::All => words,
            Shape::Every { first, last, step } => {
                format!(
                    "{words} in every {} year from {first} to {last}",
                    ordinal(step)
                )
            }
            years => format!(
                "{words} in {}",
                years.names("years", |year| year.to_string())
            ),
        }
    }

    /// The times of day, and whether they are spread over the whole day so that `every day` need not be said.
    fn time_in_words(&self) -> (String, bool) {
        let seconds = Shape::of(values(self.seconds), 0, 59);
        let minutes = Shape::of(values(self.minutes), 0, 59);
        let hours = Shape::of(values(self.hours), 0, 23);
        if hours == Shape::All {
            return (every_hour(&seconds, &minutes), true);
        }
        let on_the_hour = seconds == Shape::One(0) && minutes == Shape::One(0);
        if let (true, Some(step)) = (on_the_hour, hours.round(24)) {
            return (every(step, "hour"), true);
        }
        let few = self.few_times().map(|times| format!("at {}", list(&times)));
        let words = few.or_else(|| {
            let span = self.span(&seconds, &minutes)?;
            let every = every(span.step, span.unit.english());
            Some(format!("{every} from {} to {}", span.from, span.to))
        });
        let words = words.unwrap_or_else(|| {
            let hours = hours.words("hour");
            if seconds == Shape::One(0) {
                at(&format!("{} of {hours}", minutes.words("minute")))
            } else {
                let (seconds, minutes) = (seconds.words("second"), minutes.words("minute"));
                at(&format!("{seconds} of {minutes} of {hours}"))
            }
        });
        (words, false)
    }

    /// The times one by one, if they are few.
    fn few_times(&self) -> Option<Vec<String>> {
        let (hours, minutes, seconds) = (
            values(self.hours),
            values(self.minutes),
            values(self.seconds),
        );
        if hours.len() * minutes.len() * seconds.len() > FEW_TIMES {
            return None;
        }
        let mut times = Vec::new();
        for hour in &hours {
            for minute in &minutes {
                times.extend(seconds.iter().map(|second| (*hour, *minute, *second)));
            }
        }
        let has_seconds = seconds != [0];
        Some(times.into_iter().map(|t| clock(t, has_seconds)).collect())
    }

    /// As in `every 15 minutes from 09:00 to 17:45`: what is spread evenly over hours that follow each other.
    fn span(&self, seconds: &Shape, minutes: &Shape) -> Option<Span> {
        let (first, last) = (self.hours.first()?, self.hours.from(0).last()?);
        if self.hours.from(0).count() as u32 != last - first + 1 {
            return None;
        }
        let from_to = |step, unit, from: (u32, u32), to: (u32, u32), has_seconds| {
            Some(Span {
                step,
                unit,
                from: clock((first, from.0, from.1), has_seconds),
                to: clock((last, to.0, to.1), has_seconds),
            })
        };
        match (minutes, seconds) {
            (Shape::One(minute), Shape::One(second)) => {
                let time = (*minute, *second);
                from_to(1, Unit::Hour, time, time, *second > 0)
            }
            (minutes, Shape::One(0)) => {
                let step = minutes.round(60)?;
                from_to(step, Unit::Minute, (0, 0), (60 - step, 0), false)
            }
            (Shape::All, seconds) => {
                let step = seconds.round(60)?;
                from_to(step, Unit::Second, (0, 0), (59, 60 - step), true)
            }
            _ => None,
        }
    }

    fn days_in_words(&self, months: &Shape, is_all_day: bool) -> String {
        let name = |month: u32| MONTHS[month as usize - 1].to_owned();
        let of = match months {
            Shape::All => "every month".to_owned(),
            months => months.names("months", name),
        };
        let within = match months {
            Shape::All => String::new(),
            _ => format!(" in {of}"),
        };
        let of_each = |day: String| format!("on {day} of {of}");
        let if_any = |day: String| match months {
            Shape::All => format!("on {day} of every month that has one"),
            _ => of_each(day),
        };
        let every_day = || {
            if is_all_day {
                within.trim_start().to_owned()
            } else {
                format!("every day{within}")
            }
        };
        match self.days {
            Days::Dates(dates) => match Shape::of(values(dates), 1, 31) {
                Shape::All => every_day(),
                Shape::One(date) if date > 28 => if_any(format!("the {}", ordinal(date))),
                Shape::Range(first, last) => {
                    format!(
                        "from the {} to the {} of {of}",
                        ordinal(first),
                        ordinal(last)
                    )
                }
                Shape::Every { first, last, step } => of_each(format!(
                    "every {} day from the {} to the {}",
                    ordinal(step),
                    ordinal(first),
                    ordinal(last)
                )),
                dates => of_each(format!("the {}", dates.names("days", ordinal))),
            },
            Days::Last { days_before: 0 } => of_each("the last day".to_owned()),
            Days::Last { days_before } => of_each(format!("the {}", before_last(days_before))),
            Days::WeekdayNearestLast { days_before: 0 } => of_each(format!("the last {WEEKDAY}")),
            Days::WeekdayNearestLast { days_before } => of_each(format!(
                "the {WEEKDAY} nearest to the {}",
                before_last(days_before)
            )),
            Days::WeekdayNearest { date } => {
                of_each(format!("the {WEEKDAY} nearest to the {}", ordinal(date)))
            }
            Days::Weekdays(weeks) => match weekdays(weeks) {
                Some(days) => format!("{days}{within}"),
                None => every_day(),
            },
            Days::LastWeekday { weekday } => of_each(format!("the last {}", weekday_name(weekday))),
            Days::NthWeekday { weekday, nth } => {
                let day = format!("the {} {}", NTH[nth as usize - 1], weekday_name(weekday));
                if nth == 5 { if_any(day) } else { of_each(day) }
            }
        }
    }
}

fn weekday_name(weekday: u32) -> &'static str {
    WEEKDAYS[weekday as usize - 1]
}

fn before_last(days: u32) -> String {
    match days {
        1 => "day before the last day".to_owned(),
        days => format!("{} day before the last day", ordinal(days)),
    }
}

/// Weekdays with Monday first; `None` for all of them. `weeks` has the bits of [`Days::Weekdays`].
fn weekdays(weeks: u64) -> Option<String> {
    let days: Vec<u32> = (1..=7).filter(|day| weeks >> (day % 7) & 1 == 1).collect();
    let name = |day: u32| weekday_name(day % 7 + 1);
    Some(match Shape::of(days, 1, 7) {
        Shape::All => return None,
        Shape::Range(first, last) => format!("from {} to {}", name(first), name(last)),
        days => format!("every {}", days.names("days", |day| name(day).to_owned())),
    })
}

/// What fires in every hour.
fn every_hour(seconds: &Shape, minutes: &Shape) -> String {
    match (seconds, minutes) {
        (Shape::One(0), Shape::One(0)) => "every hour".to_owned(),
        (Shape::One(0), minutes) => match minutes.round(60) {
            Some(step) => every(step, "minute"),
            None => at(&format!("{} of every hour", minutes.words("minute"))),
        },
        (seconds, Shape::All) => match seconds.round(60) {
            Some(step) => every(step, "second"),
            None => at(&format!("{} of every minute", seconds.words("second"))),
        },
        (seconds, minutes) => {
            let (seconds, minutes) = (seconds.words("second"), minutes.words("minute"));
            at(&format!("{seconds} of {minutes} of every hour"))
        }
    }
}

/// `at minute 5`, but `every minute`.
fn at(words: &str) -> String {
    if words.starts_with("every") {
        words.to_owned()
    } else {
        format!("at {words}")
    }
}

fn clock((hour, minute, second): (u32, u32, u32), has_seconds: bool) -> String {
    if has_seconds {
        format!("{hour:02}:{minute:02}:{second:02}")
    } else {
        format!("{hour:02}:{minute:02}")
    }
}
