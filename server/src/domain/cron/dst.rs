//! The search when the clocks change by another rule than that of Quartz.
//!
//! The fire times stay one set of instants. Of each wall-clock time that matches, the set has the instants that the
//! rules name; several wall-clock times may name one instant, which is in the set once.

#[cfg(test)]
mod tests;

use antares_protocol::schedule::{DstFold, DstGap};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use super::CronExpression;
use super::zone::{self, Pass};

/// What becomes of wall-clock times that the clocks go forward over, and of those that come twice.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Dst {
    /// Times that do not exist.
    pub gap: DstGap,
    /// Times that come twice.
    pub fold: DstFold,
}

impl CronExpression {
    /// As [`CronExpression::next_after`], by other rules for the times at which the clocks change.
    pub fn next_after_by(&self, after: DateTime<Utc>, tz: Tz, dst: Dst) -> Option<DateTime<Utc>> {
        if dst == Dst::default() {
            return self.next_after(after, tz);
        }
        let ahead = match dst.fold {
            DstFold::First => self.next_in(Pass::First, after, tz, dst.gap),
            DstFold::Last => self.next_in(Pass::Second, after, tz, dst.gap),
            DstFold::Both => earlier(
                self.next_in(Pass::First, after, tz, dst.gap),
                self.next_in(Pass::Second, after, tz, dst.gap),
            ),
        };
        match dst.gap {
            DstGap::Skip => ahead,
            DstGap::After | DstGap::Shift => earlier(ahead, self.next_behind(after, tz, dst.gap)),
        }
    }

    /// The first time after `after`, where a time that comes twice counts in one pass only. Of a gap that is over
    /// nothing is found.
    fn next_in(
        &self,
        pass: Pass,
        after: DateTime<Utc>,
        tz: Tz,
        gap: DstGap,
    ) -> Option<DateTime<Utc>> {
        let mut from = zone::wall_after(after, tz, pass)?;
        let mut shifted = None;
        loop {
            let Some(wall) = self.wall_at_or_after(from) else {
                return shifted;
            };
            if let Some(instant) = zone::instant(wall, tz, pass) {
                // What a time in the gap is shifted to may be later than the first time after the gap.
                return earlier(shifted, Some(instant));
            }
            if shifted.is_some() {
                // All that is in or after another gap is later.
                return shifted;
            }
            match gap {
                DstGap::Skip => {}
                DstGap::After => {
                    if let Some(end) = zone::instant_after_gap(wall, tz) {
                        return Some(end);
                    }
                }
                DstGap::Shift => shifted = zone::shifted(wall, tz),
            }
            from = zone::end_of_gap(wall, tz);
        }
    }

    /// The first instant after `after` of the times in a gap that is just over: on the wall clock they lie behind.
    fn next_behind(&self, after: DateTime<Utc>, tz: Tz, gap: DstGap) -> Option<DateTime<Utc>> {
        let utc = zone::second_after(after)?;
        let behind = zone::gap_behind(utc, tz)?;
        if gap == DstGap::After && utc != behind.change {
            return None;
        }
        let wall = self.wall_at_or_after(utc.checked_add_offset(behind.before)?)?;
        if wall >= behind.end {
            return None;
        }
        match gap {
            DstGap::Shift => Some(wall.checked_sub_offset(behind.before)?.and_utc()),
            DstGap::Skip | DstGap::After => Some(behind.change.and_utc()),
        }
    }
}

/// The earlier of two times.
fn earlier(one: Option<DateTime<Utc>>, other: Option<DateTime<Utc>>) -> Option<DateTime<Utc>> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
