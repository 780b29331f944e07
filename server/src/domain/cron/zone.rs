//! Between instants and the wall clock of a time zone.
//!
//! The rule is that of `java.util.GregorianCalendar`, on which Quartz evaluates: a wall-clock time
//! that occurs twice is the later instant. One that is skipped is none (Quartz moves such a time
//! forward, finds that it no longer matches, and goes on). Jobs may choose other rules, see `dst`.

use chrono::{DateTime, FixedOffset, LocalResult, NaiveDateTime, Offset, TimeDelta, TimeZone, Utc};
use chrono_tz::{GapInfo, Tz};

const SECOND: TimeDelta = TimeDelta::seconds(1);

/// The longest gap: a zone that crosses the date line skips a day.
const LONGEST_GAP: TimeDelta = TimeDelta::days(1);

/// Two days before the first year that can match: no time zone is further from UTC.
const EARLIEST: i64 = -2 * 86_400;

/// In which pass a time fires that comes twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pass {
    First,
    Second,
}

/// The whole second after an instant, in UTC. `None` at the end of chrono's calendar.
pub(super) fn second_after(after: DateTime<Utc>) -> Option<NaiveDateTime> {
    let next = after.timestamp().saturating_add(1).max(EARLIEST);
    Some(DateTime::from_timestamp(next, 0)?.naive_utc())
}

fn offset(utc: NaiveDateTime, tz: Tz) -> FixedOffset {
    tz.offset_from_utc_datetime(&utc).fix()
}

/// Where on the wall clock to look for times after this instant, which loses its fraction of a
/// second. `None` at the end of chrono's calendar.
pub(super) fn wall_after(after: DateTime<Utc>, tz: Tz, pass: Pass) -> Option<NaiveDateTime> {
    let utc = second_after(after)?;
    let now = offset(utc, tz);
    let wall = utc.checked_add_offset(now)?;
    let LocalResult::Ambiguous(first, second) = tz.offset_from_local_datetime(&wall) else {
        return Some(wall);
    };
    let (first, second) = (first.fix(), second.fix());
    match pass {
        // The first pass of a repeated stretch. Its times fire in the second pass, which is yet to
        // come as a whole: start where it starts.
        Pass::Second if first == now && second != now => {
            let end = wall.checked_sub_offset(second)?;
            change(utc, end, tz).checked_add_offset(second)
        }
        // The second pass. Its times have fired in the first pass: start where it ends.
        Pass::First if second == now && first != now => {
            let start = wall.checked_sub_offset(first)?;
            change(start, utc, tz).checked_add_offset(first)
        }
        _ => Some(wall),
    }
}

/// The instant at which the clocks change to what they show at `after`, somewhere after `before`, in UTC.
fn change(before: NaiveDateTime, after: NaiveDateTime, tz: Tz) -> NaiveDateTime {
    let new = offset(after, tz);
    let (mut before, mut after) = (before, after);
    while after - before > SECOND {
        let middle = before + TimeDelta::seconds((after - before).num_seconds() / 2);
        if offset(middle, tz) == new {
            after = middle;
        } else {
            before = middle;
        }
    }
    after
}

/// The instant of a wall-clock time, in this pass if there are two, `None` if it is skipped.
pub(super) fn instant(wall: NaiveDateTime, tz: Tz, pass: Pass) -> Option<DateTime<Utc>> {
    let offsets = tz.offset_from_local_datetime(&wall);
    let offset = match pass {
        Pass::First => offsets.earliest(),
        Pass::Second => offsets.latest(),
    };
    Some(wall.checked_sub_offset(offset?.fix())?.and_utc())
}

/// The first wall-clock time after the gap in which this one lies.
pub(super) fn end_of_gap(wall: NaiveDateTime, tz: Tz) -> NaiveDateTime {
    let end = GapInfo::new(&wall, &tz).and_then(|gap| gap.end);
    end.map_or(wall + SECOND, |end| end.naive_local())
}

/// The first instant after the gap in which this wall-clock time lies.
pub(super) fn instant_after_gap(wall: NaiveDateTime, tz: Tz) -> Option<DateTime<Utc>> {
    Some(GapInfo::new(&wall, &tz)?.end?.with_timezone(&Utc))
}

/// The instant that is as long after the start of the gap as this wall-clock time lies in it.
pub(super) fn shifted(wall: NaiveDateTime, tz: Tz) -> Option<DateTime<Utc>> {
    let (_, before) = GapInfo::new(&wall, &tz)?.begin?;
    Some(wall.checked_sub_offset(before.fix())?.and_utc())
}

/// A gap that is just over.
#[derive(Debug)]
pub(super) struct Gap {
    /// The first instant after it, in UTC.
    pub(super) change: NaiveDateTime,
    /// What the clocks showed before.
    pub(super) before: FixedOffset,
    /// The first wall-clock time after it.
    pub(super) end: NaiveDateTime,
}

/// The gap one of whose times is shifted to the instant `utc`, if there is one.
///
/// Zones change their clocks at most once in two days, so that one look back finds it.
pub(super) fn gap_behind(utc: NaiveDateTime, tz: Tz) -> Option<Gap> {
    let earlier = utc.checked_sub_signed(LONGEST_GAP)?;
    let (before, now) = (offset(earlier, tz), offset(utc, tz));
    if now.local_minus_utc() <= before.local_minus_utc() {
        return None;
    }
    let change = change(earlier, utc, tz);
    let end = change.checked_add_offset(now)?;
    (utc.checked_add_offset(before)? < end).then_some(Gap {
        change,
        before,
        end,
    })
}
