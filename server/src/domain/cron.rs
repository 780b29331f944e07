//! The cron language of Quartz: parsing an expression and finding its next fire time.
//!
//! An expression has six or seven fields, `seconds minutes hours day-of-month month day-of-week
//! [year]`. Any case; days of the week run from 1 = SUN to 7 = SAT; exactly one of the two day fields
//! is `?`. The reference is `org.quartz.CronExpression` 2.3.2, and `cron/vectors` holds its own answers.
//!
//! # What the `cron` crate does and what is done here
//!
//! The crate speaks the core of this language: it expands lists, ranges and steps into the set of
//! values of each field. Every expression goes through it: `dialect` lifts out what only Quartz has
//! (`?`, `L`, `LW`, `L-n`, `nW`, `nL`, `n#k`, ranges that wrap around), rewrites the rest in the
//! crate's dialect, and the sets of the resulting `Schedule` become the bit sets searched below.
//!
//! The crate's search for the next time is not used. It has no place for the lifted rules, it fires in
//! both passes of a repeated hour where Quartz fires in one, and on expressions that both can do it
//! takes about twice as long as the search below. Its parser takes what Quartz refuses (an
//! expression without `?`, `MONDAY`) and its messages do not name the field, so the checks are ours.
//!
//! Jenkins' `H` is no part of the language: [`resolve_hashes`] replaces it before. What else than in Quartz may become
//! of times at which the clocks change is [`Dst`].
//!
//! # Where this differs from Quartz 2.3.2
//!
//! Here the fire times are one set of instants, fixed by expression and zone, so that
//! [`CronExpression::next_after`] never goes backwards when `after` goes forwards. In Quartz they
//! depend on where the search starts in the first two of these rare cases:
//!
//! - After a time in the first pass of a repeated hour, the second pass counts from its start. Quartz
//!   takes the time for one of the second pass and skips what comes before it.
//! - `31W` fires on Friday the 30th before a Saturday the 1st. Quartz does so only if the search
//!   starts in that month or jumps to it because of the month field.
//! - Where the clocks go forward other than from hour to next hour (Lord Howe, Chatham, Troll), the
//!   first times after the gap fire. Quartz skips up to an hour of them.
//!
//! What Quartz accepts but evaluates only in part is an error: `MON-FRI/2` (it drops the step),
//! `1W,15W` and `2#1,6#3` (it keeps the first day), `MONDAY-FRIDAY` (it reads `MON`), `1-5/90`, an
//! eighth field. Years are 1970-2099 as its manual says; its code stops a hundred years from now.

mod days;
mod dialect;
mod dst;
mod error;
mod field;
mod hash;
mod set;
mod words;
mod zone;

#[cfg(test)]
mod brute_force;
#[cfg(test)]
mod tests;

use std::fmt;

use ::cron::{Schedule, TimeUnitSpec};
use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, Timelike, Utc};
use chrono_tz::Tz;

use self::days::Days;
use self::set::{BitSet, YearSet};
use self::zone::Pass;

pub use self::dst::Dst;
pub use self::error::CronError;
pub use self::field::Field;
pub use self::hash::resolve_hashes;
pub use self::set::LAST_YEAR;

/// A parsed expression. It holds no time zone: that is a property of the job, given at each search.
#[derive(Debug, Clone)]
pub struct CronExpression {
    source: String,
    seconds: BitSet,
    minutes: BitSet,
    hours: BitSet,
    days: Days,
    months: BitSet,
    years: YearSet,
}

impl CronExpression {
    /// Parses a Quartz expression. The error names the field, the text and the remedy.
    pub fn parse(source: &str) -> Result<Self, CronError> {
        let translated = dialect::translate(source)?;
        let schedule: Schedule = translated
            .text
            .parse()
            .map_err(|error: ::cron::error::Error| CronError::Syntax(error.to_string()))?;
        Ok(Self {
            source: source.to_owned(),
            seconds: schedule.seconds().iter().collect(),
            minutes: schedule.minutes().iter().collect(),
            hours: schedule.hours().iter().collect(),
            days: match translated.days {
                dialect::DayFields::DayOfMonth => {
                    Days::Dates(schedule.days_of_month().iter().collect())
                }
                dialect::DayFields::DayOfWeek => {
                    Days::weekdays(schedule.days_of_week().iter().collect())
                }
                dialect::DayFields::Rule(days) => days,
            },
            months: schedule.months().iter().collect(),
            years: schedule.years().iter().collect(),
        })
    }

    /// The first fire time strictly after `after`, on a whole second; `None` once there is none
    /// through 2099.
    ///
    /// Fields are matched against the wall clock of `tz`, as Quartz does on a `java.util.Calendar`:
    /// a time skipped when clocks go forward does not fire, and a time that occurs twice when they
    /// go back fires once, the second time.
    pub fn next_after(&self, after: DateTime<Utc>, tz: Tz) -> Option<DateTime<Utc>> {
        let mut from = zone::wall_after(after, tz, Pass::Second)?;
        loop {
            let wall = self.wall_at_or_after(from)?;
            match zone::instant(wall, tz, Pass::Second) {
                Some(instant) => return Some(instant),
                None => from = zone::end_of_gap(wall, tz),
            }
        }
    }

    /// The fire times strictly after `after`, in order, until there are no more.
    pub fn upcoming(&self, after: DateTime<Utc>, tz: Tz) -> impl Iterator<Item = DateTime<Utc>> {
        let first = self.next_after(after, tz);
        std::iter::successors(first, move |fire| self.next_after(*fire, tz))
    }

    /// The first matching wall-clock time at or after `from`.
    fn wall_at_or_after(&self, from: NaiveDateTime) -> Option<NaiveDateTime> {
        let today = from.date();
        if self.matches_day(today)
            && let Some(time) = self.time_at_or_after(from.time())
        {
            return Some(today.and_time(time));
        }
        let day = self.day_at_or_after(today.succ_opt()?)?;
        Some(day.and_time(self.time_at_or_after(NaiveTime::MIN)?))
    }

    fn matches_day(&self, day: NaiveDate) -> bool {
        self.years.contains(day.year())
            && self.months.contains(day.month())
            && self
                .days
                .of_month(day.year(), day.month())
                .contains(day.day())
    }

    /// The first matching day at or after `from`.
    fn day_at_or_after(&self, from: NaiveDate) -> Option<NaiveDate> {
        self.months_from(from).find_map(|(year, month)| {
            let first_day = if (year, month) == (from.year(), from.month()) {
                from.day()
            } else {
                1
            };
            let day = self.days.of_month(year, month).at_or_after(first_day)?;
            NaiveDate::from_ymd_opt(year, month, day)
        })
    }

    /// The matching months from that of `from` on: all that a search for a day can visit, so that
    /// an impossible date costs at most 130 years of 12 steps.
    fn months_from(&self, from: NaiveDate) -> impl Iterator<Item = (i32, u32)> {
        self.years.from(from.year()).flat_map(move |year| {
            let first_month = if year == from.year() { from.month() } else { 1 };
            self.months
                .from(first_month)
                .map(move |month| (year, month))
        })
    }

    /// The first matching time of day at or after `from`.
    fn time_at_or_after(&self, from: NaiveTime) -> Option<NaiveTime> {
        let (hour, minute, second) = (from.hour(), from.minute(), from.second());
        let (first_minute, first_second) = (self.minutes.first()?, self.seconds.first()?);
        if self.hours.contains(hour) {
            if self.minutes.contains(minute)
                && let Some(second) = self.seconds.at_or_after(second)
            {
                return NaiveTime::from_hms_opt(hour, minute, second);
            }
            if let Some(minute) = self.minutes.at_or_after(minute + 1) {
                return NaiveTime::from_hms_opt(hour, minute, first_second);
            }
        }
        let hour = self.hours.at_or_after(hour + 1)?;
        NaiveTime::from_hms_opt(hour, first_minute, first_second)
    }
}

impl fmt::Display for CronExpression {
    /// The text that was parsed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}
