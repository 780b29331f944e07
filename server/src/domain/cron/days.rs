//! The rules that pick the days of a month, evaluated a whole month at a time.

use chrono::{Datelike, NaiveDate};

use super::set::BitSet;

/// Which days of a month match. Weekdays are numbered as Quartz does, 1 = Sunday to 7 = Saturday.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Days {
    /// A plain day-of-month field: the bits of these dates.
    Dates(BitSet),
    /// `L-n`, and `L` as `L-0`: so many days before the last.
    Last { days_before: u32 },
    /// `L-nW`, and `LW` as `L-0W`: the weekday nearest to that day.
    WeekdayNearestLast { days_before: u32 },
    /// `nW`: the weekday nearest to this date.
    WeekdayNearest { date: u32 },
    /// A plain day-of-week field: bit `i` is set if a day `i` days after a Sunday matches.
    Weekdays(u64),
    /// `nL`: the last such weekday.
    LastWeekday { weekday: u32 },
    /// `n#k`: the `nth` such weekday.
    NthWeekday { weekday: u32, nth: u32 },
}

impl Days {
    /// The rule of a plain day-of-week field with these weekdays, 1-7.
    pub(super) fn weekdays(weekdays: BitSet) -> Self {
        // The longest month that starts on a Saturday reaches into a sixth week.
        let week = weekdays.0 >> 1;
        Self::Weekdays((0..6).fold(0, |weeks, _| weeks << 7 | week))
    }

    /// The dates that match in a month.
    pub(super) fn of_month(self, year: i32, month: u32) -> BitSet {
        let Some(first) = NaiveDate::from_ymd_opt(year, month, 1) else {
            return BitSet::EMPTY;
        };
        let month = Month {
            sundays_back: first.weekday().num_days_from_sunday(),
            length: u32::from(first.num_days_in_month()),
        };
        let day = match self {
            Self::Dates(dates) => return month.within(dates),
            Self::Weekdays(weeks) => return month.within(BitSet(weeks >> month.sundays_back << 1)),
            Self::Last { days_before } => month.length.checked_sub(days_before),
            Self::WeekdayNearestLast { days_before } => {
                month.nearest_weekday(month.length as i32 - days_before as i32)
            }
            Self::WeekdayNearest { date } => month.nearest_weekday(date as i32),
            Self::LastWeekday { weekday } => {
                let first = month.first_on(weekday);
                Some(first + (month.length - first) / 7 * 7)
            }
            Self::NthWeekday { weekday, nth } => Some(month.first_on(weekday) + (nth - 1) * 7),
        };
        month.within(day.map_or(BitSet::EMPTY, BitSet::of))
    }
}

/// The shape of a month.
#[derive(Clone, Copy)]
struct Month {
    /// How many days before the 1st the last Sunday was, 0 if the 1st is one.
    sundays_back: u32,
    /// 28-31 days.
    length: u32,
}

impl Month {
    /// The dates that exist in this month.
    fn within(self, dates: BitSet) -> BitSet {
        let existing = (1_u64 << (self.length + 1)) - 2;
        BitSet(dates.0 & existing)
    }

    /// The first date on this weekday, 1-7.
    fn first_on(self, weekday: u32) -> u32 {
        1 + (weekday + 6 - self.sundays_back) % 7
    }

    /// The weekday (Monday to Friday) nearest to a day, without leaving the month.
    ///
    /// A day that the month lacks is counted on past its end or before its start, as Quartz does on
    /// its lenient calendar: `31W` fires on Friday the 30th where the day after is a Saturday.
    fn nearest_weekday(self, day: i32) -> Option<u32> {
        let last = self.length as i32;
        let near = match (self.sundays_back as i32 + day - 1).rem_euclid(7) {
            6 if day == 1 => day + 2,
            6 => day - 1,
            0 if day == last => day - 2,
            0 => day + 1,
            _ => day,
        };
        u32::try_from(near).ok()
    }
}
