//! Ticks of the past → queued instances, on request.

use antares_protocol::plan::{Backfill, Backfilled};
use chrono::{DateTime, Utc};
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use super::calendar::Calendars;
use super::job::JobError;
use crate::domain::job::{FieldError, schedule as read_schedule};
use crate::store::{job, queue, schedule};

/// Most ticks that one backfill queues.
const MOST_TICKS: usize = 10_000;
/// Longest interval: a day.
const MAX_INTERVAL_MS: u64 = 86_400_000;

fn refuse(field: &'static str, message: impl Into<String>) -> JobError {
    JobError::Field(FieldError::new(field, message))
}

/// Queues an instance for each tick of a past period that no backfill has queued before; one that was ended before it began
/// does not count. It does not matter whether the tick fired when it was due.
pub async fn backfill(
    conn: &mut PgConnection,
    server: Uuid,
    id: i64,
    request: &Backfill,
) -> Result<Backfilled, JobError> {
    if request.until <= request.from {
        return Err(refuse("until", "is not after from; give a later instant"));
    }
    if request.interval_ms > MAX_INTERVAL_MS {
        return Err(refuse("interval_ms", "is more than a day; give less"));
    }
    let mut tx = conn.begin().await?;
    let locked = job::lock(&mut tx, id)
        .await?
        .ok_or(JobError::NotFound(id))?;
    if locked.state != "waiting" {
        return Err(JobError::State {
            action: "backfill",
            state: locked.state,
            remedy: "only a job that waits can be backfilled: enable, schedule or resume it first"
                .into(),
        });
    }
    let now = schedule::now(&mut tx).await?;
    if request.until > now {
        return Err(refuse(
            "until",
            "is in the future; the schedule fires those ticks",
        ));
    }
    let spec = job::version(&mut tx, id, locked.version)
        .await?
        .ok_or(JobError::NotFound(id))?;
    let Some(schedule) = read_schedule(&locked.app, &spec)? else {
        return Err(refuse(
            "from",
            "the job has no schedule with times of its own; trigger it instead",
        ));
    };
    let calendars = Calendars::read(&mut tx, schedule.timing().calendars()).await?;
    let mut answer = Backfilled {
        ticks: Vec::new(),
        instance_ids: Vec::new(),
        done_before: 0,
        kept_out: 0,
    };
    let mut wanted: Vec<DateTime<Utc>> = Vec::new();
    for at in schedule.within(request.from, request.until) {
        if calendars.lies_out(schedule.timing(), at).is_some() {
            answer.kept_out += 1;
        } else {
            wanted.push(at);
        }
        if wanted.len() > MOST_TICKS || answer.kept_out > 1_000_000 {
            return Err(refuse(
                "until",
                format!("the period has more than {MOST_TICKS} ticks; ask for a shorter one"),
            ));
        }
    }
    let done = queue::backfilled(&mut tx, id, &wanted).await?;
    answer.done_before = done.len() as u64;
    wanted.retain(|at| !done.contains(at));
    if !request.dry_run {
        let interval_ms = request.interval_ms as i64;
        answer.instance_ids = queue::backfill(&mut tx, server, id, &wanted, interval_ms).await?;
        tx.commit().await?;
    }
    answer.ticks = wanted;
    Ok(answer)
}
