//! The seven fields: their names, the ranges of their values and the names of values.

use std::fmt;

use super::error::CronError;
use super::set::{FIRST_YEAR, LAST_YEAR};

const MONTHS: [&str; 12] = [
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
];
const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// A field of an expression, in the order in which they are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// 0-59.
    Seconds,
    /// 0-59.
    Minutes,
    /// 0-23.
    Hours,
    /// 1-31.
    DayOfMonth,
    /// 1-12 or JAN-DEC.
    Month,
    /// 1-7 or SUN-SAT, 1 = SUN.
    DayOfWeek,
    /// 1970-2099; the field may be left out.
    Year,
}

impl Field {
    /// The least and the greatest value.
    pub(super) fn range(self) -> (u32, u32) {
        match self {
            Self::Seconds | Self::Minutes => (0, 59),
            Self::Hours => (0, 23),
            Self::DayOfMonth => (1, 31),
            Self::Month => (1, 12),
            Self::DayOfWeek => (1, 7),
            Self::Year => (FIRST_YEAR.unsigned_abs(), LAST_YEAR.unsigned_abs()),
        }
    }

    /// The greatest step, from `checkIncrementRange` of Quartz; it has no limit for years.
    fn max_step(self) -> u32 {
        match self {
            Self::Year => LAST_YEAR.abs_diff(FIRST_YEAR),
            other => other.range().1,
        }
    }

    /// The names of the values, from the least value up.
    fn value_names(self) -> &'static [&'static str] {
        match self {
            Self::Month => &MONTHS,
            Self::DayOfWeek => &WEEKDAYS,
            _ => &[],
        }
    }

    /// Reads a value: a number within the range, or a name in any case.
    pub(super) fn value(self, text: &str) -> Result<u32, CronError> {
        let (min, max) = self.range();
        let names = self.value_names();
        if let Some(index) = names
            .iter()
            .position(|name| name.eq_ignore_ascii_case(text))
        {
            return Ok(min + index as u32);
        }
        if is_number(text) {
            return self.number("", text, min, max);
        }
        let problem = match names {
            [first, .., last] => format!("is not a number {min}-{max} or a name {first}-{last}"),
            _ => format!("is not a number {min}-{max}"),
        };
        let shown = if text.is_empty() { "nothing" } else { text };
        Err(CronError::malformed(self, shown, problem))
    }

    /// Reads the number after a `/`.
    pub(super) fn step(self, text: &str) -> Result<u32, CronError> {
        self.number("step", text, 1, self.max_step())
    }

    /// Reads a number that must lie within `min`-`max`; `role` goes before it in the message.
    pub(super) fn number(
        self,
        role: &str,
        text: &str,
        min: u32,
        max: u32,
    ) -> Result<u32, CronError> {
        let spaced = format!("{role} {text}");
        let named = spaced.trim();
        if !is_number(text) {
            let problem = format!("is not a number {min}-{max}");
            return Err(CronError::malformed(self, named, problem));
        }
        // Digits that do not fit a u32 are out of any range as well.
        match text.parse() {
            Ok(number) if (min..=max).contains(&number) => Ok(number),
            _ => Err(CronError::OutOfRange {
                field: self,
                text: named.to_owned(),
                min,
                max,
            }),
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Seconds => "seconds",
            Self::Minutes => "minutes",
            Self::Hours => "hours",
            Self::DayOfMonth => "day-of-month",
            Self::Month => "month",
            Self::DayOfWeek => "day-of-week",
            Self::Year => "year",
        })
    }
}

/// Digits only: unlike `parse`, a sign is not part of a number here.
pub(super) fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}
