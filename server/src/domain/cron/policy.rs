//! The search for the next time where the clocks change otherwise than Quartz has it.
//!
//! Between two changes of the clocks a zone has one offset, and the search is that of a fixed offset. What the policies
//! differ in lies at the changes: a repeated stretch of the wall clock belongs to the end of one such span and to the
//! start of the next, a skipped one to neither.

use antares_protocol::schedule::{DstFold, DstGap};
use chrono::{DateTime, NaiveDateTime, Offset, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

use super::CronExpression;

/// How far at most a wall-clock time is from its instants, and they from each other: no zone is further from UTC than 15
/// hours, none has skipped or repeated more than a day.
const REACH: TimeDelta = TimeDelta::hours(40);
/// No zone has changed its clocks twice in so short a time.
const PROBE: TimeDelta = TimeDelta::hours(6);

/// A stretch of time with one offset, as far as it was looked at.
struct Span {
    start: NaiveDateTime,
    end: NaiveDateTime,
    offset: TimeDelta,
    /// The offset before its start, and after its end.
    before: TimeDelta,
    after: TimeDelta,
}

impl CronExpression {
    /// As [`CronExpression::next_after`], for other policies than those of Quartz.
    pub fn next_after_by(
        &self,
        after: DateTime<Utc>,
        tz: Tz,
        gap: DstGap,
        fold: DstFold,
    ) -> Option<DateTime<Utc>> {
        if (gap, fold) == (DstGap::Skip, DstFold::Last) || tz == Tz::UTC {
            return self.next_after(after, tz);
        }
        let mut from = DateTime::from_timestamp(after.timestamp() + 1, 0)?.naive_utc();
        loop {
            let near = from.checked_add_signed(offset(from, tz) - REACH)?;
            let wall = self.wall_at_or_after(near)?;
            from = from.max(wall - REACH);
            let span = span_of(from, tz);
            if let Some(fire) = self.first_in(&span, from, gap, fold) {
                return Some(fire.and_utc());
            }
            from = span.end;
        }
    }

    /// The first instant of the span from `from` on, in UTC.
    fn first_in(
        &self,
        span: &Span,
        from: NaiveDateTime,
        gap: DstGap,
        fold: DstFold,
    ) -> Option<NaiveDateTime> {
        let (mut low, mut high) = (from + span.offset, span.end + span.offset);
        if fold == DstFold::First {
            // What the span before had already.
            low = low.max(span.start + span.before);
        }
        if fold == DstFold::Last {
            // What the span after will have too.
            high = high.min(span.end + span.after);
        }
        let plain = self.wall_between(low, high).map(|wall| wall - span.offset);
        let (skipped, resumed) = (span.start + span.before, span.start + span.offset);
        let moved = match gap {
            DstGap::Skip => None,
            DstGap::After => {
                let is_ahead = from <= span.start;
                let any = is_ahead.then(|| self.wall_between(skipped, resumed));
                any.flatten().map(|_| span.start)
            }
            DstGap::Shift => self
                .wall_between(skipped.max(from + span.before), resumed)
                .map(|wall| wall - span.before),
        };
        plain.into_iter().chain(moved).min()
    }

    /// The first matching wall-clock time from `low` to before `high`.
    fn wall_between(&self, low: NaiveDateTime, high: NaiveDateTime) -> Option<NaiveDateTime> {
        if low >= high {
            return None;
        }
        self.wall_at_or_after(low).filter(|wall| *wall < high)
    }
}

fn offset(utc: NaiveDateTime, tz: Tz) -> TimeDelta {
    let seconds = tz.offset_from_utc_datetime(&utc).fix().local_minus_utc();
    TimeDelta::seconds(i64::from(seconds))
}

/// The span in which an instant lies, as far as [`REACH`] on both sides. Where it was not seen to change, the offset
/// before or after is its own.
fn span_of(at: NaiveDateTime, tz: Tz) -> Span {
    let own = offset(at, tz);
    let mut span = Span {
        start: at - REACH,
        end: at + REACH,
        offset: own,
        before: own,
        after: own,
    };
    let mut inside = at;
    while inside < at + REACH {
        let next = inside + PROBE;
        if offset(next, tz) != own {
            span.end = change(inside, next, tz);
            span.after = offset(span.end, tz);
            break;
        }
        inside = next;
    }
    let mut inside = at;
    while inside > at - REACH {
        let next = inside - PROBE;
        if offset(next, tz) != own {
            span.start = change(next, inside, tz);
            span.before = offset(span.start - TimeDelta::seconds(1), tz);
            break;
        }
        inside = next;
    }
    span
}

/// The first instant with another offset than `low` has, up to `high`, which has another one.
fn change(mut low: NaiveDateTime, mut high: NaiveDateTime, tz: Tz) -> NaiveDateTime {
    let old = offset(low, tz);
    while high - low > TimeDelta::seconds(1) {
        let middle = low + TimeDelta::seconds((high - low).num_seconds() / 2);
        if offset(middle, tz) == old {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
}
