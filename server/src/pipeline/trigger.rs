//! A call of the API → an instance.

use std::collections::HashSet;

use antares_protocol::job::TriggerJob;
use antares_protocol::shard::Trigger as Kind;
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use super::job::JobError;
use crate::domain::job::{
    FieldError, MAX_PARAM_BYTES, MAX_TIMEOUT_MS, PRIORITIES, holds_nul, json_bytes, visible,
};
use crate::store::instance::{Asked, Triggered};
use crate::store::pool::is_lock_timeout;
use crate::store::shard::Ready;
use crate::store::{instance, job};

/// What a trigger came to.
#[derive(Debug)]
pub enum Trigger {
    /// An instance.
    Made(Box<Ready>),
    /// An instance that waits to start.
    Queued(i64),
    /// Nothing: an earlier call with the same idempotency key had made this one.
    Repeated(i64),
}

impl Trigger {
    /// The instance.
    pub fn instance_id(&self) -> i64 {
        match self {
            Self::Made(ready) => ready.id,
            Self::Queued(id) | Self::Repeated(id) => *id,
        }
    }
}

/// Makes an instance of the job now, or queues one.
///
/// With an idempotency key, a repeat returns the instance that the first call made, whatever has become of it; of two calls
/// at the same time the second one waits for the first.
pub async fn trigger(
    conn: &mut PgConnection,
    server: Uuid,
    by: Kind,
    job_id: i64,
    request: &TriggerJob,
) -> Result<Trigger, JobError> {
    check(request)?;
    let asked = [asked(job_id, request)];
    let Some(key) = &request.idempotency_key else {
        let made = instance::trigger(conn, server, by, &asked).await?;
        return outcome(job_id, made.into_iter().next());
    };
    let mut tx = conn.begin().await?;
    if !job::is_there(&mut tx, job_id).await? {
        return Err(JobError::NotFound(job_id));
    }
    // The key before the job and its instance: whoever has it may take long, as a caller of the SQL function who has
    // not committed yet, and must not be waited for with locks that firing needs.
    let taken = instance::take_trigger_key(&mut tx, job_id, key).await;
    if !taken.map_err(|error| in_use(error, key))? {
        let first = instance::triggered_before(&mut tx, job_id, key).await?;
        return first
            .map(Trigger::Repeated)
            .ok_or_else(|| JobError::KeyInUse(key.clone()));
    }
    let made = instance::trigger(&mut tx, server, by, &asked).await?;
    let made = outcome(job_id, made.into_iter().next())?;
    instance::name_triggered(&mut tx, job_id, key, made.instance_id()).await?;
    tx.commit().await?;
    Ok(made)
}

fn in_use(error: sqlx::Error, key: &str) -> JobError {
    if is_lock_timeout(&error) {
        JobError::KeyInUse(key.to_owned())
    } else {
        error.into()
    }
}

/// Makes instances of many jobs, whose requests were checked, in their order: in one statement where there is no
/// idempotency key and no job is named twice. Answers for each alone: one that cannot be triggered does not keep the others
/// from it.
pub async fn trigger_many(
    conn: &mut PgConnection,
    server: Uuid,
    by: Kind,
    requests: &[(i64, TriggerJob)],
) -> sqlx::Result<Vec<Result<Trigger, JobError>>> {
    let mut answers = Vec::with_capacity(requests.len());
    let mut rest = requests;
    while let Some((id, request)) = rest.first() {
        if request.idempotency_key.is_some() {
            answers.push(trigger(conn, server, by, *id, request).await);
            rest = &rest[1..];
            continue;
        }
        let mut seen = HashSet::new();
        let together = |(id, request): &&(i64, TriggerJob)| {
            request.idempotency_key.is_none() && seen.insert(*id)
        };
        let asked: Vec<Asked<'_>> = rest
            .iter()
            .take_while(together)
            .map(|(id, request)| asked(*id, request))
            .collect();
        let made = instance::trigger(conn, server, by, &asked).await?;
        rest = &rest[asked.len()..];
        answers.extend(
            asked
                .iter()
                .zip(made)
                .map(|(asked, made)| outcome(asked.job_id, Some(made))),
        );
    }
    Ok(answers)
}

fn asked(job_id: i64, request: &TriggerJob) -> Asked<'_> {
    Asked {
        job_id,
        param: request.param.as_ref(),
        priority: request.priority,
        delay_ms: request.delay_ms.unwrap_or(0) as i64,
    }
}

/// Whether the fields of a request are allowed.
pub fn check(request: &TriggerJob) -> Result<(), FieldError> {
    if let Some(key) = &request.idempotency_key {
        visible("idempotency_key", key, 200)?;
    }
    if let Some(param) = &request.param {
        let field = "param";
        let length = json_bytes(param);
        if length > MAX_PARAM_BYTES {
            let message = format!("is {length} bytes; the limit is 1 MiB");
            return Err(FieldError::new(field, message));
        }
        if holds_nul(param) {
            let message = "holds the character U+0000; remove it".to_owned();
            return Err(FieldError::new(field, message));
        }
    }
    if request
        .priority
        .is_some_and(|priority| !PRIORITIES.contains(&priority))
    {
        return Err(FieldError::new(
            "priority",
            "is not allowed; give -1000 to 1000",
        ));
    }
    if request.delay_ms.is_some_and(|delay| delay > MAX_TIMEOUT_MS) {
        return Err(FieldError::new(
            "delay_ms",
            "is more than 366 days; give less",
        ));
    }
    Ok(())
}

fn outcome(job_id: i64, triggered: Option<Triggered>) -> Result<Trigger, JobError> {
    let Triggered {
        state,
        slots,
        queue,
        made,
        queued,
    } = triggered.unwrap_or_default();
    if let Some(id) = queued {
        return Ok(Trigger::Queued(id));
    }
    match (made, state.as_deref()) {
        (Some(ready), _) => Ok(Trigger::Made(Box::new(ready))),
        (None, None) => Err(JobError::NotFound(job_id)),
        (None, Some("waiting")) => Err(JobError::State {
            action: "trigger",
            state: "running".into(),
            remedy: format!("its overlap policy lets {slots} run and {queue} wait, and no place is free: wait for one to end, or terminate it").into(),
        }),
        (None, Some(state)) => Err(JobError::State {
            action: "trigger",
            state: state.to_owned(),
            remedy: "only a job that waits can be triggered: enable, schedule or resume it first".into(),
        }),
    }
}
