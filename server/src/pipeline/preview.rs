//! What schedules will do: of one definition, or of all jobs over a period.

use std::collections::BTreeMap;

use antares_protocol::job::JobSpec;
use antares_protocol::plan::{FireTimes, KeptOut, SimulatedFire, Simulation};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use tokio::sync::Semaphore;

use super::calendar::Calendars;
use crate::domain::job::{FieldError, resolved_cron, schedule};
use crate::domain::schedule::{describe, describe_in_chinese};
use crate::store::{app, job};

/// Most fires that a simulation lists.
const MOST_FIRES: usize = 10_000;
/// Most ticks in a row that calendars keep out before a preview gives up.
const MOST_KEPT_OUT: usize = 10_000;

/// When a definition fires, in English and in Chinese.
pub fn words(app: &str, spec: &JobSpec) -> Result<(String, String), FieldError> {
    let mut spec = spec.clone();
    spec.cron = resolved_cron(app, &spec)?.map(std::borrow::Cow::into_owned);
    Ok((describe(&spec), describe_in_chinese(&spec)))
}

/// The next `count` fires of a definition of `app` after `after`, and what calendars keep out on the way.
pub async fn preview(
    conn: &mut PgConnection,
    app: &str,
    spec: &JobSpec,
    after: DateTime<Utc>,
    count: usize,
) -> Result<FireTimes, super::job::JobError> {
    let (words, words_zh) = words(app, spec)?;
    let mut times = FireTimes {
        words,
        words_zh,
        ..FireTimes::default()
    };
    let calendars = Calendars::read(conn, named(spec)).await?;
    calendars.check(spec)?;
    let Some(schedule) = schedule(app, spec)? else {
        return Ok(times);
    };
    for at in schedule.upcoming(after) {
        if times.fires.len() == count || times.kept_out.len() == MOST_KEPT_OUT {
            break;
        }
        match calendars.lies_out(schedule.timing(), at) {
            None => times.fires.push(at),
            Some(out) => times.kept_out.push(KeptOut {
                at,
                reason: out.reason,
            }),
        }
    }
    Ok(times)
}

/// Names of the calendars of a definition.
fn named(spec: &JobSpec) -> impl Iterator<Item = &String> {
    (spec.include_calendars.iter()).chain(&spec.exclude_calendars)
}

/// Jobs with what decides when they fire.
#[derive(Debug)]
pub struct Scheduled {
    jobs: Vec<job::Scheduled>,
    calendars: Calendars,
}

impl Scheduled {
    /// All waiting jobs, or those of `of`. `None` if there is no such app.
    pub async fn read(conn: &mut PgConnection, of: Option<&str>) -> sqlx::Result<Option<Self>> {
        if let Some(name) = of
            && !app::is_there(conn, name).await?
        {
            return Ok(None);
        }
        let jobs = job::scheduled(conn, of).await?;
        let names = jobs.iter().flat_map(|job| named(&job.spec));
        let calendars = Calendars::read(conn, names).await?;
        Ok(Some(Self { jobs, calendars }))
    }

    /// Calls `each` with every fire from `from` to before `until`, in no order.
    pub fn fires(
        &self,
        (from, until): (DateTime<Utc>, DateTime<Utc>),
        mut each: impl FnMut(SimulatedFire),
    ) {
        for job in &self.jobs {
            let Ok(Some(schedule)) = schedule(&job.app, &job.spec) else {
                continue;
            };
            for at in schedule.within(from, until) {
                each(SimulatedFire {
                    at,
                    job_id: job.id,
                    app: job.app.clone(),
                    job: job.spec.name.clone(),
                    kept_out: (self.calendars.lies_out(schedule.timing(), at))
                        .map(|out| out.reason),
                });
            }
        }
    }
}

/// One simulation at a time, beside the threads that fire: a month of jobs that fire each second takes seconds.
static ONE: Semaphore = Semaphore::const_new(1);

/// What they will do from the first instant to before the second.
pub async fn simulate(
    scheduled: Scheduled,
    period: (DateTime<Utc>, DateTime<Utc>),
) -> Result<Simulation, tokio::task::JoinError> {
    // It is never closed.
    let _turn = ONE.acquire().await;
    tokio::task::spawn_blocking(move || tell(&scheduled, period)).await
}

fn tell(scheduled: &Scheduled, period: (DateTime<Utc>, DateTime<Utc>)) -> Simulation {
    let mut minutes: BTreeMap<i64, u64> = BTreeMap::new();
    let mut fires: Vec<SimulatedFire> = Vec::new();
    let mut total = 0;
    scheduled.fires(period, |fire| {
        if fire.kept_out.is_none() {
            total += 1;
            *minutes
                .entry(fire.at.timestamp().div_euclid(60))
                .or_default() += 1;
        }
        fires.push(fire);
        // Only the first are told: the rest need not be kept.
        if fires.len() > 20 * MOST_FIRES {
            fires.sort_unstable_by_key(|fire| (fire.at, fire.job_id));
            fires.truncate(MOST_FIRES);
        }
    });
    fires.sort_unstable_by_key(|fire| (fire.at, fire.job_id));
    fires.truncate(MOST_FIRES);
    let busiest = minutes.iter().max_by_key(|(minute, n)| (**n, -**minute));
    Simulation {
        fires,
        total,
        busiest_at: busiest.and_then(|(minute, _)| DateTime::from_timestamp(minute * 60, 0)),
        busiest: busiest.map_or(0, |(_, n)| *n),
    }
}
