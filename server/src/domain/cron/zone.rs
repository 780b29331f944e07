//! Between instants and the wall clock of a time zone.
//!
//! The rule is that of `java.util.GregorianCalendar`, on which Quartz evaluates: a wall-clock time
//! that occurs twice is the later instant. One that is skipped is none (Quartz moves such a time
//! forward, finds that it no longer matches, and goes on).

use chrono::{DateTime, LocalResult, NaiveDateTime, Offset, TimeDelta, TimeZone, Utc};
use chrono_tz::{GapInfo, Tz};

const SECOND: TimeDelta = TimeDelta::seconds(1);

/// Two days before the first year that can match: no time zone is further from UTC.
const EARLIEST: i64 = -2 * 86_400;

/// Where on the wall clock to look for times after this instant, which loses its fraction of a
/// second. `None` at the end of chrono's calendar.
pub(super) fn wall_after(after: DateTime<Utc>, tz: Tz) -> Option<NaiveDateTime> {
    let next = after.timestamp().saturating_add(1).max(EARLIEST);
    let utc = DateTime::from_timestamp(next, 0)?.naive_utc();
    let offset = tz.offset_from_utc_datetime(&utc).fix();
    let wall = utc.checked_add_offset(offset)?;
    match tz.offset_from_local_datetime(&wall) {
        // The first pass of a repeated stretch. Its times fire in the second pass, which is yet to
        // come as a whole: start where it starts.
        LocalResult::Ambiguous(first, second)
            if first.fix() == offset && second.fix() != offset =>
        {
            let end = wall.checked_sub_offset(second.fix())?;
            Some(start_of_second_pass(utc, end, tz))
        }
        _ => Some(wall),
    }
}

/// The wall-clock time at which the clocks went back to, somewhere between two instants in UTC.
fn start_of_second_pass(
    first_pass: NaiveDateTime,
    second_pass: NaiveDateTime,
    tz: Tz,
) -> NaiveDateTime {
    let new = tz.offset_from_utc_datetime(&second_pass).fix();
    let (mut before, mut after) = (first_pass, second_pass);
    while after - before > SECOND {
        let middle = before + TimeDelta::seconds((after - before).num_seconds() / 2);
        if tz.offset_from_utc_datetime(&middle).fix() == new {
            after = middle;
        } else {
            before = middle;
        }
    }
    new.from_utc_datetime(&after).naive_local()
}

/// The instant of a wall-clock time, the later one if there are two, `None` if it is skipped.
pub(super) fn instant(wall: NaiveDateTime, tz: Tz) -> Option<DateTime<Utc>> {
    let offset = tz.offset_from_local_datetime(&wall).latest()?.fix();
    Some(wall.checked_sub_offset(offset)?.and_utc())
}

/// The first wall-clock time after the gap in which this one lies.
pub(super) fn end_of_gap(wall: NaiveDateTime, tz: Tz) -> NaiveDateTime {
    let end = GapInfo::new(&wall, &tz).and_then(|gap| gap.end);
    end.map_or(wall + SECOND, |end| end.naive_local())
}
