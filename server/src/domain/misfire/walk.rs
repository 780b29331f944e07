//! The walk over missed ticks.
//!
//! A policy keeps the latest so many of the missed ticks that a calendar lets through: none, one, or `max`. The oldest
//! of those that are kept fires, and all before it is recorded. With `latest` the one that is kept is the first that is
//! in time, if there is one: it fires anyhow, and two at once would be one too many. So a decision looks ahead until it
//! knows what the oldest kept tick is. Where that is too far, it records what can no longer be kept and leaves the rest
//! to the next decision, which begins with a tick that is missed as well and so comes to the same result.

use std::collections::VecDeque;

use antares_protocol::schedule::Misfire;
use chrono::{DateTime, TimeDelta, Utc};

use super::{LiesOut, Plan, Unfired, Unfiring};
use crate::domain::schedule::Schedule;

/// How much one decision may do.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Most missed ticks that it looks at.
    pub(super) ticks: usize,
    /// The same, while there is nothing to record.
    pub(super) ticks_ahead: usize,
    /// Most records that it makes.
    pub(super) records: usize,
}

/// How to decide about missed ticks.
pub(super) struct Missed<'a> {
    pub(super) schedule: &'a Schedule,
    pub(super) lies_out: &'a LiesOut<'a>,
    pub(super) now: DateTime<Utc>,
    pub(super) threshold: TimeDelta,
    pub(super) limits: Limits,
}

/// What was found ahead.
enum Ahead {
    /// This is to fire.
    Fire(DateTime<Utc>),
    /// All before this is to be recorded; it may fire or not.
    Hold(DateTime<Utc>),
    /// Nothing fires of what was seen.
    Nothing,
}

/// Why a tick does not fire.
struct Fate {
    outcome: Unfiring,
    reason: String,
    /// Until when later ticks have the same fate, if that is known.
    until: Option<DateTime<Utc>>,
}

impl Missed<'_> {
    /// Decides about `due`, which is missed, and the ticks after it.
    pub(super) fn decide(&self, due: DateTime<Utc>) -> Plan {
        let ahead = self.look_ahead(due);
        let (Ahead::Fire(end) | Ahead::Hold(end)) = ahead else {
            return self.record(due, None);
        };
        let mut plan = self.record(due, Some(end));
        if let Ahead::Fire(tick) = ahead
            && plan.next_fire_at == Some(tick)
        {
            plan.fire_at = Some(tick);
            plan.next_fire_at = self.schedule.next_after(tick);
        }
        plan
    }

    fn look_ahead(&self, due: DateTime<Utc>) -> Ahead {
        let most_kept = match self.schedule.misfire() {
            Misfire::Ignore => return Ahead::Nothing,
            Misfire::Latest => 1,
            Misfire::All { max, .. } => max.max(1) as usize,
        };
        let mut kept = VecDeque::new();
        let (mut tick, mut seen) = (due, 0);
        loop {
            let out = (self.lies_out)(tick);
            // Only `latest` walks so far.
            if out.is_none() && !self.is_late(tick) {
                return Ahead::Fire(tick);
            }
            if out.is_none() && !self.is_too_old(tick) {
                if kept.len() == most_kept {
                    kept.pop_front();
                }
                kept.push_back(tick);
            }
            seen += 1;
            let oldest = kept.front().copied();
            // Nothing before that is let through.
            let until = out.map(|out| out.until - TimeDelta::nanoseconds(1));
            let Some(next) = self.missed_after(until.map_or(tick, |until| until.max(tick))) else {
                return oldest.map_or(Ahead::Nothing, Ahead::Fire);
            };
            if seen >= self.limits.ticks && self.is_late(oldest.unwrap_or(next)) {
                match oldest {
                    None => return Ahead::Hold(next),
                    Some(oldest) if oldest > due => return Ahead::Hold(oldest),
                    // Were it left to the next decision, that would see the same again. To go on for ever is worse than
                    // to fire a tick that another one makes up for.
                    Some(oldest) if seen >= self.limits.ticks_ahead => return Ahead::Fire(oldest),
                    Some(_) => {}
                }
            }
            tick = next;
        }
    }

    /// Records the missed ticks from `due` to before `end`, or as many as one decision may.
    fn record(&self, due: DateTime<Utc>, end: Option<DateTime<Utc>>) -> Plan {
        let mut unfired: Vec<Unfired> = Vec::new();
        let (mut next, mut seen, mut records) = (Some(due), 0, 0);
        let mut fate = self.fate(due);
        while let Some(tick) = next.filter(|tick| Some(*tick) != end && self.is_missed(*tick)) {
            let is_same = fate.until.is_some_and(|until| tick < until) || {
                fate = self.fate(tick);
                (unfired.last())
                    .is_some_and(|last| last.outcome == fate.outcome && last.reason == fate.reason)
            };
            let is_full = seen >= self.limits.ticks || (!is_same && records >= self.limits.records);
            if is_full && self.is_late(tick) {
                break;
            }
            match unfired.last_mut() {
                Some(last) if is_same => {
                    last.last = tick;
                    last.count += 1;
                }
                _ => {
                    records += 1;
                    unfired.push(Unfired {
                        first: tick,
                        last: tick,
                        count: 1,
                        outcome: fate.outcome,
                        reason: fate.reason.clone(),
                    });
                }
            }
            seen += 1;
            next = self.schedule.next_after(tick);
        }
        Plan {
            fire_at: None,
            unfired,
            next_fire_at: next,
        }
    }

    /// What becomes of a tick that is not kept.
    fn fate(&self, tick: DateTime<Utc>) -> Fate {
        if let Some(out) = (self.lies_out)(tick) {
            return Fate {
                outcome: Unfiring::Skipped,
                reason: out.reason,
                until: Some(out.until),
            };
        }
        let (outcome, reason) = match self.schedule.misfire() {
            Misfire::Latest => (
                Unfiring::Coalesced,
                "missed: a later tick fired for it".to_owned(),
            ),
            Misfire::Ignore => (
                Unfiring::Missed,
                "missed: the job's misfire policy is to ignore missed ticks".to_owned(),
            ),
            Misfire::All { window_ms, .. } if self.is_too_old(tick) => (
                Unfiring::Missed,
                format!("missed: longer ago than the {window_ms} ms of the job's misfire policy"),
            ),
            Misfire::All { max, .. } => (
                Unfiring::Missed,
                format!(
                    "missed: the job's misfire policy fires the latest {max} missed ticks only"
                ),
            ),
        };
        Fate {
            outcome,
            reason,
            until: None,
        }
    }

    /// Whether the policy decides about a tick.
    fn is_missed(&self, tick: DateTime<Utc>) -> bool {
        match self.schedule.misfire() {
            Misfire::Latest => tick <= self.now,
            Misfire::Ignore | Misfire::All { .. } => self.is_late(tick),
        }
    }

    fn is_late(&self, tick: DateTime<Utc>) -> bool {
        self.now - tick > self.threshold
    }

    fn is_too_old(&self, tick: DateTime<Utc>) -> bool {
        match self.schedule.misfire() {
            Misfire::All { window_ms, .. } if window_ms > 0 => {
                (self.now - tick).num_milliseconds() > i64::try_from(window_ms).unwrap_or(i64::MAX)
            }
            _ => false,
        }
    }

    fn missed_after(&self, tick: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.schedule
            .next_after(tick)
            .filter(|next| self.is_missed(*next))
    }
}
