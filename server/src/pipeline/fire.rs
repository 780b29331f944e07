//! Due ticks → instances and shards.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use antares_protocol::schedule::Misfire;
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join;
use sqlx::PgConnection;
use uuid::Uuid;

use super::cache::Jobs;
use super::calendar::Calendars;
use super::start::after_delay;
use crate::domain::misfire::{self, Unfired, Unfiring};
use crate::domain::schedule::{Schedule, Timing};
use crate::store::bucket::Owned;
use crate::store::client;
use crate::store::schedule::{self, Decision, Due};
use crate::store::shard::Ready;

/// Ticks that the first statement of a pass decides. Each further one decides twice as many, up to
/// [`MOST_BATCH`]: the first handlers start soon when many ticks are due at once, and a herd costs few
/// statements.
const FIRST_BATCH: usize = 64;
/// Most ticks that one statement decides.
const MOST_BATCH: usize = 512;
/// With more ticks than this, or more than one read of the buckets brings, the buckets are worked on in parts:
/// PostgreSQL has more than one core, and one part is read while another is fired.
const MANY: usize = 2 * FIRST_BATCH;
/// Ticks read of each bucket at a time, and when it is known that there are many.
const PER_BUCKET: i64 = 16;
const MANY_PER_BUCKET: i64 = 64;
/// Ticks of a fixed delay that are looked at for one that no calendar keeps out.
const MOST_LOOKED_AT: usize = 10_000;
/// How far ahead to look, so that a tick is fired on time without asking again before.
const AHEAD: Duration = Duration::from_millis(1100);

/// How long a clock is taken to run as the database's does.
const CLOCK_LASTS: Duration = Duration::from_secs(10);

/// What one pass did.
#[derive(Debug, Default)]
pub struct Pass {
    /// How many decisions were carried out.
    pub decided: usize,
    /// Ticks that are not due yet.
    pub ahead: Ahead,
    /// Whether more ticks were due than one pass takes.
    pub more: bool,
}

impl Pass {
    /// This, and what was done of other buckets.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.decided += other.decided;
        self.more |= other.more;
        self.ahead.ticks.extend(other.ahead.ticks);
        self.ahead.clock = self.ahead.clock.or(other.ahead.clock);
        self
    }
}

/// Ticks that were read before they are due, so that nothing need be read when they are.
#[derive(Debug, Default)]
pub struct Ahead {
    ticks: Vec<Due>,
    /// The database's time, and a moment here that was not before it.
    clock: Option<(DateTime<Utc>, Instant)>,
}

impl Ahead {
    /// The database's time as far as it is known to have come, which may be a little behind.
    fn now(&self) -> Option<DateTime<Utc>> {
        let (now, at) = self.clock?;
        Some(now + TimeDelta::from_std(at.elapsed()).ok()?)
    }

    /// With the better of two clocks, this one's and that of an earlier read. Each is behind by what its answer took, so
    /// the one that is further ahead is right, unless the database's clock has been set back.
    #[must_use]
    pub fn sharpened_by(mut self, earlier: &Self) -> Self {
        if let (Some((now, at)), Some((before, then))) = (self.clock, earlier.clock)
            && at - then < CLOCK_LASTS
            && TimeDelta::from_std(at - then).is_ok_and(|passed| before + passed > now)
        {
            self.clock = earlier.clock;
        }
        self
    }

    /// How long until the first of them is due, if there is one.
    pub fn next_in(&self) -> Option<Duration> {
        let first = self.ticks.iter().map(|due| due.next_fire_at).min()?;
        Some((first - self.now()?).to_std().unwrap_or_default())
    }

    /// Whether so many are due by now that they are better fired in parts.
    pub fn has_many_due(&self) -> bool {
        let now = self.now();
        let due = self
            .ticks
            .iter()
            .filter(|due| Some(due.next_fire_at) <= now);
        due.count() > MANY
    }

    /// Job and version of the ticks.
    pub fn jobs(&self) -> Vec<(i64, i32)> {
        self.ticks.iter().map(|t| (t.job_id, t.version)).collect()
    }
}

/// Schedules as they are read, by their text.
#[derive(Debug, Default)]
pub struct Schedules(HashMap<Text, Option<Arc<Schedule>>>);

/// The text of a schedule: cron, time zone and timing.
type Text = (Option<String>, String, Option<String>);

impl Schedules {
    /// The schedule of a tick; `None` if it has none, as a fixed delay, or none that can be read.
    fn get(&mut self, due: &Due) -> Option<Arc<Schedule>> {
        let key = (due.cron.clone(), due.time_zone.clone(), due.timing.clone());
        if self.0.len() > 50_000 {
            self.0.clear();
        }
        self.0
            .entry(key)
            .or_insert_with_key(|(cron, zone, timing)| {
                let timing = Timing::from_text(timing.as_deref()).ok()?;
                let schedule = Schedule::new(cron.as_deref(), zone, timing).ok()?;
                schedule.map(Arc::new)
            })
            .clone()
    }
}

/// As whom to fire.
#[derive(Debug)]
pub struct Owner<'a> {
    pub server: Uuid,
    pub owned: &'a [Owned],
    /// How late a tick may fire.
    pub threshold: TimeDelta,
    /// Definitions of jobs.
    pub jobs: &'a Jobs,
}

/// Fires what is due of the owner's buckets; `many` says that there is much. `fired` is told of the instances of each
/// statement as soon as they are there, and whether there are queued ones.
pub async fn fire_due(
    conn: &mut PgConnection,
    owner: &Owner<'_>,
    many: bool,
    schedules: &mut Schedules,
    fired: impl Fn(Vec<Ready>, bool),
) -> sqlx::Result<Pass> {
    let at_a_time = if many { MANY_PER_BUCKET } else { PER_BUCKET };
    let buckets: Vec<i16> = owner.owned.iter().map(|o| o.bucket).collect();
    let rows = schedule::due(conn, &buckets, AHEAD.as_millis() as i64, at_a_time).await?;
    let Some(now) = rows.iter().map(|due| due.now).max() else {
        return Ok(Pass::default());
    };
    let clock = Some((now, Instant::now()));
    let (due, ticks): (Vec<Due>, Vec<Due>) = rows.into_iter().partition(|d| d.next_fire_at <= now);
    let mut per_bucket: HashMap<i16, i64> = HashMap::new();
    for due in &due {
        *per_bucket.entry(due.bucket).or_default() += 1;
    }
    let done = decide_and_fire(conn, owner, &due, now, schedules, fired).await?;
    Ok(Pass {
        // A bucket that filled its share may hold more; so may a schedule whose next tick is due as well.
        more: per_bucket.values().any(|n| *n >= at_a_time) || done.some_due_again,
        decided: done.decided,
        ahead: Ahead { ticks, clock },
    })
}

/// What became of ticks that were read ahead.
#[derive(Debug, Clone, Copy, Default)]
pub struct Fired {
    /// How many decisions were carried out.
    pub decided: usize,
    /// Whether some were not: the schedules had changed, or the time had not come by the database's clock.
    pub some_refused: bool,
    /// Whether the next tick of some is due as well.
    some_due_again: bool,
}

/// Fires those of the ticks read `ahead` that are due by now. What has changed since they were read does not fire.
pub async fn fire_ahead(
    conn: &mut PgConnection,
    owner: &Owner<'_>,
    ahead: &Ahead,
    schedules: &mut Schedules,
    fired: impl Fn(Vec<Ready>, bool),
) -> sqlx::Result<Fired> {
    let Some(now) = ahead.now() else {
        return Ok(Fired::default());
    };
    let due = ahead.ticks.iter().filter(|due| due.next_fire_at <= now);
    let due: Vec<Due> = due.cloned().collect();
    decide_and_fire(conn, owner, &due, now, schedules, fired).await
}

/// Batch by batch, each decided while PostgreSQL carries out the one before: to decide thousands of ticks first would keep
/// the first from firing, and those who wait for this thread.
async fn decide_and_fire(
    conn: &mut PgConnection,
    owner: &Owner<'_>,
    due: &[Due],
    now: DateTime<Utc>,
    schedules: &mut Schedules,
    fired: impl Fn(Vec<Ready>, bool),
) -> sqlx::Result<Fired> {
    let facts = Facts::read(conn, owner, due, schedules).await?;
    let (mut rest, mut most) = (due, FIRST_BATCH);
    let mut decide_next = || {
        let (batch, later) = rest.split_at(most.min(rest.len()));
        rest = later;
        most = MOST_BATCH.min(2 * most);
        (!batch.is_empty()).then(|| decide_all(batch, now, owner, schedules, &facts))
    };
    let mut done = Fired::default();
    let mut next = decide_next();
    while let Some(decisions) = next {
        // `join` begins with the first, which sends the statement and then waits.
        let (advanced, following) = join(schedule::fire(conn, owner.server, &decisions), async {
            decide_next()
        })
        .await;
        let advanced = advanced?;
        next = following;
        done.decided += advanced.len();
        done.some_refused |= advanced.len() < decisions.len();
        done.some_due_again |=
            (decisions.iter()).any(|d| d.new_fire_at.is_some_and(|at| at <= now));
        let is_queued = advanced.iter().any(|a| a.is_queued);
        fired(
            advanced.into_iter().filter_map(|a| a.fired).collect(),
            is_queued,
        );
    }
    Ok(done)
}

/// What beside the schedule decides ticks: calendars, and who is there to run the jobs.
#[derive(Debug, Default)]
struct Facts {
    calendars: Calendars,
    /// Jobs that nobody is there to run.
    unattended: HashSet<i64>,
    /// When the last instance of those with a fixed delay ended.
    ended: HashMap<i64, DateTime<Utc>>,
}

impl Facts {
    /// Reads what is needed for `due`, which is nothing for most ticks.
    async fn read(
        conn: &mut PgConnection,
        owner: &Owner<'_>,
        due: &[Due],
        schedules: &mut Schedules,
    ) -> sqlx::Result<Self> {
        let mut names = Vec::new();
        for due in due.iter().filter(|due| due.timing.is_some()) {
            if let Some(schedule) = schedules.get(due) {
                names.extend(schedule.timing().calendars().cloned());
            } else if let Some(timing) = timing_of_delay(due) {
                names.extend(timing.calendars().cloned());
            }
        }
        let mut facts = Self {
            calendars: Calendars::read(conn, &names).await?,
            ..Self::default()
        };
        let delayed = due.iter().filter(|due| due.fixed_delay_ms.is_some());
        let delayed: Vec<i64> = delayed.map(|due| due.job_id).collect();
        if !delayed.is_empty() {
            let ended = schedule::last_ended(conn, &delayed).await?;
            facts.ended = (ended.into_iter())
                .map(|last| (last.job_id, last.ended_at))
                .collect();
        }
        let choosy: Vec<&Due> = due.iter().filter(|due| due.needs_client).collect();
        if !choosy.is_empty() {
            let keys: Vec<(i64, i32)> = choosy.iter().map(|d| (d.job_id, d.version)).collect();
            let apps: Vec<i64> = choosy.iter().map(|due| due.app_id).collect();
            let specs = owner.jobs.get_on(conn, &keys).await?;
            let clients = client::live_profiles(conn, &apps).await?;
            for due in choosy {
                let spec = specs.get(&(due.job_id, due.version));
                let is_attended = spec.is_some_and(|spec| {
                    clients
                        .iter()
                        .any(|client| client.app_id == due.app_id && client.can_run(spec))
                });
                if !is_attended {
                    facts.unattended.insert(due.job_id);
                }
            }
        }
        Ok(facts)
    }
}

/// What decides the ticks of a fixed delay; `None` for what is none, or cannot be read.
fn timing_of_delay(due: &Due) -> Option<Timing> {
    if due.cron.is_some() {
        return None;
    }
    Timing::from_text(due.timing.as_deref()).ok()
}

/// Why the tick of a fixed delay does not fire, if it does not.
fn why_not(
    timing: &Timing,
    at: DateTime<Utc>,
    is_missed: bool,
    facts: &Facts,
) -> Option<(Unfiring, String)> {
    if let Some(out) = facts.calendars.lies_out(timing, at) {
        return Some((Unfiring::Skipped, out.reason));
    }
    (is_missed && timing.misfire == Misfire::Ignore).then(|| {
        let reason = "missed: the job's misfire policy is to ignore missed ticks".to_owned();
        (Unfiring::Missed, reason)
    })
}

/// The first tick of a fixed delay from now on that no calendar keeps out, as far as one looks.
fn later(due: &Due, timing: &Timing, now: DateTime<Utc>, facts: &Facts) -> Option<DateTime<Utc>> {
    let delay_ms = due.fixed_delay_ms?;
    let mut next = after_delay(now, delay_ms, due.timing.as_deref())?;
    for _ in 0..MOST_LOOKED_AT {
        if facts.calendars.lies_out(timing, next).is_none() {
            break;
        }
        next = after_delay(next, delay_ms, due.timing.as_deref())?;
    }
    Some(next)
}

fn decide_all(
    due: &[Due],
    now: DateTime<Utc>,
    owner: &Owner<'_>,
    schedules: &mut Schedules,
    facts: &Facts,
) -> Vec<Decision> {
    let epochs: HashMap<i16, i64> = owner.owned.iter().map(|o| (o.bucket, o.epoch)).collect();
    due.iter()
        // Buckets may have gone to another server since their ticks were read.
        .filter_map(|due| Some((due, *epochs.get(&due.bucket)?)))
        .map(|(due, epoch)| decide(due, now, epoch, owner.threshold, schedules, facts))
        .collect()
}

fn decide(
    due: &Due,
    now: DateTime<Utc>,
    epoch: i64,
    threshold: TimeDelta,
    schedules: &mut Schedules,
    facts: &Facts,
) -> Decision {
    let mut decision = Decision {
        job_id: due.job_id,
        bucket: due.bucket,
        epoch,
        version: due.version,
        old_fire_at: due.next_fire_at,
        prev_fire_at: due.prev_fire_at,
        new_fire_at: None,
        fire_at: None,
        unfired: Vec::new(),
        is_plain: due.is_plain,
    };
    if let Some(schedule) = schedules.get(due) {
        let lies_out = |at| facts.calendars.lies_out(schedule.timing(), at);
        let at = due.next_fire_at;
        let plan = misfire::decide(&schedule, &lies_out, at, now, threshold);
        decision.new_fire_at = plan.next_fire_at;
        decision.fire_at = plan.fire_at;
        decision.unfired = plan.unfired;
    } else if let Some(timing) = timing_of_delay(due) {
        // The next tick of a fixed delay is set when the instance has ended, or now where none is made.
        let at = due.next_fire_at;
        // One that was triggered may have ended since then, and the delay counts from its end.
        let put_off = facts.ended.get(&due.job_id).and_then(|ended| {
            let next = after_delay(*ended, due.fixed_delay_ms?, due.timing.as_deref());
            next.is_none_or(|next| next > at).then_some(next)
        });
        if let Some(next) = put_off {
            decision.new_fire_at = next;
            return decision;
        }
        match why_not(&timing, at, now - at > threshold, facts) {
            None => decision.fire_at = Some(at),
            Some((outcome, reason)) => {
                decision.new_fire_at = later(due, &timing, now, facts);
                decision.unfired.push(Unfired {
                    first: at,
                    last: at,
                    count: 1,
                    outcome,
                    reason,
                });
            }
        }
    } else {
        // Definitions are checked before they are stored, so this is a newer server's or a hand's work.
        // The job stops firing rather than holding up its bucket.
        tracing::error!(
            job_id = due.job_id,
            cron = due.cron,
            timing = due.timing,
            "cannot read the schedule of a job; it will not fire until it is saved again"
        );
    }
    if facts.unattended.contains(&due.job_id)
        && let Some(at) = decision.fire_at.take()
    {
        decision.unfired.push(Unfired {
            first: at,
            last: at,
            count: 1,
            outcome: Unfiring::Skipped,
            reason: "no client: none is alive that may run the job".to_owned(),
        });
    }
    decision
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_clocks_the_one_further_ahead_is_right_for_a_while() {
        let (start, then) = (DateTime::UNIX_EPOCH, Instant::now());
        let read = |at_ms: u64, behind_ms: i64| Ahead {
            ticks: Vec::new(),
            clock: Some((
                start + TimeDelta::milliseconds(at_ms as i64 - behind_ms),
                then + Duration::from_millis(at_ms),
            )),
        };
        let behind = |ahead: &Ahead| {
            let (now, at) = ahead.clock.unwrap();
            TimeDelta::from_std(at - then).unwrap() - (now - start)
        };
        let quick = read(0, 1);
        let slow = read(1000, 8).sharpened_by(&quick);
        assert_eq!(behind(&slow), TimeDelta::milliseconds(1));
        let quicker = read(2000, 0).sharpened_by(&slow);
        assert_eq!(behind(&quicker), TimeDelta::zero());
        // The clocks may have drifted apart.
        let later = read(12_500, 8).sharpened_by(&quicker);
        assert_eq!(behind(&later), TimeDelta::milliseconds(8));
        assert_eq!(
            behind(&read(0, 3).sharpened_by(&Ahead::default())),
            TimeDelta::milliseconds(3)
        );
    }
}
