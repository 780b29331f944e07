//! Jitter: each time fires a little later, by a chance that is the same at every look.
//!
//! A time `n` fires at `n + j(n)`, where `j(n)` is a whole number of milliseconds below both the jitter and the time
//! from `n` to the next one. So the ticks keep the order of the times, and no two come together.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Schedule, Times};
use crate::domain::chance;

impl Schedule {
    /// The first tick after `after`. It is the tick of the latest time that is not after `after`, or of the next one:
    /// the ticks of all earlier times come before the latest.
    pub(super) fn jittered_after(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        if let Some(time) = self.time_until(after) {
            let tick = self.jittered(time);
            if tick > after {
                return Some(tick);
            }
        }
        self.time_after(after).map(|time| self.jittered(time))
    }

    fn jittered(&self, time: DateTime<Utc>) -> DateTime<Utc> {
        let jitter = self.timing.jitter_ms;
        let below = match self.time_after(time) {
            Some(next) => jitter.min((next - time).num_milliseconds() as u64),
            None => jitter,
        };
        // Nothing fires after the end.
        let below = self.timing.end_at.map_or(below, |end| {
            below.min((end - time).num_milliseconds().max(0) as u64 + 1)
        });
        let index = time.timestamp_micros() as u64;
        let late = chance::pick(self.timing.seed, index, below);
        time + TimeDelta::milliseconds(late as i64)
    }

    /// The latest time at or before `until`, if it lies so close that its tick may come after `until`.
    fn time_until(&self, until: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let window = TimeDelta::milliseconds(self.timing.jitter_ms as i64);
        let earliest = until.checked_sub_signed(window)?;
        let until = self.timing.end_at.map_or(until, |end| until.min(end));
        match &self.times {
            Times::Listed => {
                let at = &self.timing.at;
                let listed = at.partition_point(|at| *at <= until).checked_sub(1)?;
                let is_time = at[listed] > earliest && self.timing.start_at <= Some(at[listed]);
                is_time.then_some(at[listed])
            }
            Times::Rate(_, rate) => {
                // Of any stretch as long as the rate exactly one instant is a time.
                let from = until.checked_sub_signed(*rate)?.max(earliest);
                self.time_after(from).filter(|time| *time <= until)
            }
            Times::Cron(..) => self.search_back(until, earliest),
        }
    }

    /// The latest time in (`earliest`, `until`]: looks twice as far back until there is one, then halves what is
    /// between it and `until`, so that dense and sparse expressions both take few searches.
    fn search_back(&self, until: DateTime<Utc>, earliest: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let found_after = |after| self.time_after(after).filter(|time| *time <= until);
        // There is no time in (`none_after`, `until`].
        let mut none_after = until;
        let mut back = TimeDelta::seconds(1);
        let mut time = loop {
            if none_after <= earliest {
                return None;
            }
            let from = until.checked_sub_signed(back)?.max(earliest);
            if let Some(time) = found_after(from) {
                break time;
            }
            none_after = from;
            back = back * 2;
        };
        while let Some(next) = found_after(time) {
            let middle = next + (none_after - next) / 2;
            time = if let Some(later) = found_after(middle) {
                later
            } else {
                none_after = middle;
                next
            };
        }
        Some(time)
    }
}
