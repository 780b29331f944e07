//! What to do about a tick that is due: fire it, or account for those that were missed.

use std::collections::VecDeque;

use antares_protocol::schedule::Misfire;
use chrono::{DateTime, TimeDelta, Utc};

use super::schedule::Schedule;

/// Most ticks that one decision accounts for. A longer outage of a dense schedule takes several decisions,
/// so that none holds up the other jobs.
const MOST_MISSED: usize = 100_000;

/// What to do about a schedule whose next tick is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The tick to fire.
    pub fire_at: Option<DateTime<Utc>>,
    /// The ticks that do not fire, oldest first.
    pub unfired: Vec<Unfired>,
    /// The next tick, which may be due as well; `None` when the schedule has ended.
    pub next_fire_at: Option<DateTime<Utc>>,
}

/// Consecutive ticks that do not fire, all for the same reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfired {
    pub first: DateTime<Utc>,
    pub last: DateTime<Utc>,
    pub count: i64,
    pub outcome: UnfiredOutcome,
    pub reason: String,
}

/// What becomes of ticks that do not fire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnfiredOutcome {
    /// A calendar keeps them out, or nobody is there to run the job.
    Skipped,
    /// A later tick fires for them.
    Coalesced,
    /// The misfire policy lets them go.
    Missed,
}

impl UnfiredOutcome {
    /// Its name in the table `tick`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Skipped => "skipped",
            Self::Coalesced => "coalesced",
            Self::Missed => "missed",
        }
    }
}

const COALESCED: &str = "missed: the server fired the latest missed tick only";
const IGNORED: &str = "missed: the job's misfire policy lets missed ticks go";

/// Ticks in the order of time, each with why it does not fire; the rest fires or is yet to be decided.
#[derive(Default)]
struct Account(Vec<Unfired>);

impl Account {
    fn add(&mut self, tick: DateTime<Utc>, outcome: UnfiredOutcome, reason: String) {
        if let Some(last) = self.0.last_mut()
            && last.outcome == outcome
            && last.reason == reason
        {
            last.last = tick;
            last.count += 1;
            return;
        }
        self.0.push(Unfired {
            first: tick,
            last: tick,
            count: 1,
            outcome,
            reason,
        });
    }

    fn add_all(&mut self, ticks: &[Tick], outcome: UnfiredOutcome, reason: &str) {
        for (tick, out) in ticks {
            match out {
                Some(out) => self.add(*tick, UnfiredOutcome::Skipped, out.clone()),
                None => self.add(*tick, outcome, reason.to_owned()),
            }
        }
    }
}

/// A tick, and why a calendar keeps it out.
type Tick = (DateTime<Utc>, Option<String>);

/// Decides about the tick `due`, which is not after `now`. `lies_out` tells why a calendar keeps a tick out.
///
/// A tick at most `threshold` late fires, however many there are. What becomes of ticks that are later than that is the
/// job's policy: only the latest fires (Quartz calls this "fire once now"), none does, or each of the latest few, one
/// with each decision. Each tick is accounted for once, in this decision or in one that follows.
pub fn decide(
    schedule: &Schedule,
    lies_out: &dyn Fn(DateTime<Utc>) -> Option<String>,
    due: DateTime<Utc>,
    now: DateTime<Utc>,
    threshold: TimeDelta,
) -> Plan {
    let mut account = Account::default();
    if now - due <= threshold {
        let out = lies_out(due);
        let fire_at = out.is_none().then_some(due);
        if let Some(reason) = out {
            account.add(due, UnfiredOutcome::Skipped, reason);
        }
        return Plan {
            fire_at,
            unfired: account.0,
            next_fire_at: schedule.next_after(due),
        };
    }
    let policy = schedule.timing().misfire;
    // The latest of those that were missed is the latest that is due; others fire when they are decided by themselves.
    let until = match policy {
        Misfire::Latest => now,
        Misfire::Ignore | Misfire::All { .. } => now - threshold,
    };
    let mut ticks: Vec<Tick> = vec![(due, lies_out(due))];
    let mut next = schedule.next_after(due);
    while let Some(tick) = next
        && (tick <= now && (tick < until || policy == Misfire::Latest))
        && ticks.len() <= MOST_MISSED
    {
        ticks.push((tick, lies_out(tick)));
        next = schedule.next_after(tick);
    }
    let is_whole = ticks.len() <= MOST_MISSED;
    let free = ticks.iter().rposition(|(_, out)| out.is_none());
    match policy {
        Misfire::Ignore => {
            account.add_all(&ticks, UnfiredOutcome::Missed, IGNORED);
            Plan {
                fire_at: None,
                unfired: account.0,
                next_fire_at: next,
            }
        }
        // Those that follow may all be kept out: the latest that is not is left for the next decision.
        Misfire::Latest if !is_whole => match free.filter(|at| *at > 0) {
            Some(at) => {
                account.add_all(&ticks[..at], UnfiredOutcome::Coalesced, COALESCED);
                Plan {
                    fire_at: None,
                    unfired: account.0,
                    next_fire_at: Some(ticks[at].0),
                }
            }
            None => {
                account.add_all(&ticks, UnfiredOutcome::Coalesced, COALESCED);
                Plan {
                    fire_at: None,
                    unfired: account.0,
                    next_fire_at: next,
                }
            }
        },
        Misfire::Latest => {
            let (before, rest) = ticks.split_at(free.unwrap_or(0));
            account.add_all(before, UnfiredOutcome::Coalesced, COALESCED);
            let (fired, after) = match free {
                Some(_) => rest.split_at(1),
                None => rest.split_at(0),
            };
            account.add_all(after, UnfiredOutcome::Coalesced, COALESCED);
            Plan {
                fire_at: fired.first().map(|(tick, _)| *tick),
                unfired: account.0,
                next_fire_at: next,
            }
        }
        Misfire::All { max, window_ms } => {
            let oldest = if window_ms == 0 {
                DateTime::<Utc>::MIN_UTC
            } else {
                now - TimeDelta::milliseconds(window_ms as i64)
            };
            let mut kept: VecDeque<usize> = VecDeque::new();
            for (at, (tick, out)) in ticks.iter().enumerate() {
                if out.is_none() && *tick >= oldest {
                    kept.push_back(at);
                    if kept.len() > max as usize {
                        kept.pop_front();
                    }
                }
            }
            let first = kept.front().copied();
            for (at, (tick, out)) in ticks.iter().enumerate().take(first.unwrap_or(ticks.len())) {
                let reason = match out {
                    Some(_) => String::new(),
                    None if *tick < oldest => {
                        format!(
                            "missed: more than {window_ms} ms ago, the window of the job's misfire policy"
                        )
                    }
                    None => format!("missed: the job's misfire policy fires the latest {max} only"),
                };
                account.add_all(&ticks[at..=at], UnfiredOutcome::Missed, &reason);
            }
            let Some(first) = first else {
                return Plan {
                    fire_at: None,
                    unfired: account.0,
                    next_fire_at: next,
                };
            };
            let tick = ticks[first].0;
            if !is_whole {
                // More of them may be beyond the limit: the next decision sees.
                return Plan {
                    fire_at: None,
                    unfired: account.0,
                    next_fire_at: Some(tick),
                };
            }
            Plan {
                fire_at: Some(tick),
                unfired: account.0,
                next_fire_at: ticks.get(first + 1).map_or(next, |(tick, _)| Some(*tick)),
            }
        }
    }
}

#[cfg(test)]
mod tests;
