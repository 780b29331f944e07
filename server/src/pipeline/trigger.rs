//! A call of the API → an instance.

use antares_protocol::job::TriggerJob;
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use super::job::JobError;
use crate::domain::job::{FieldError, holds_nul, visible};
use crate::store::instance::Triggered;
use crate::store::shard::Ready;
use crate::store::{instance, job};

/// What a trigger came to.
#[derive(Debug)]
pub enum Trigger {
    /// An instance.
    Made(Box<Ready>),
    /// Nothing: an earlier call with the same idempotency key had made this one.
    Repeated(i64),
}

impl Trigger {
    /// The instance.
    pub fn instance_id(&self) -> i64 {
        match self {
            Self::Made(ready) => ready.id,
            Self::Repeated(id) => *id,
        }
    }
}

/// Makes an instance of the job now.
///
/// With an idempotency key, a repeat returns the instance that the first call made, whatever has become
/// of it; the job's row lock makes two calls at the same time one after the other.
pub async fn trigger(
    conn: &mut PgConnection,
    server: Uuid,
    job_id: i64,
    request: &TriggerJob,
) -> Result<Trigger, JobError> {
    check(request)?;
    let asked = [(job_id, request.param.as_ref())];
    let Some(key) = &request.idempotency_key else {
        let made = instance::trigger(conn, server, &asked).await?;
        return outcome(job_id, made.into_iter().next());
    };
    let mut tx = conn.begin().await?;
    job::lock(&mut tx, job_id)
        .await?
        .ok_or(JobError::NotFound(job_id))?;
    if let Some(first) = instance::triggered_before(&mut tx, job_id, key).await? {
        return Ok(Trigger::Repeated(first));
    }
    let made = instance::trigger(&mut tx, server, &asked).await?;
    let made = outcome(job_id, made.into_iter().next())?;
    instance::remember_trigger(&mut tx, job_id, key, made.instance_id()).await?;
    tx.commit().await?;
    Ok(made)
}

/// Makes instances of many jobs, whose requests were checked, in one statement where there is no idempotency key. Answers for each alone:
/// one that cannot be triggered does not keep the others from it.
pub async fn trigger_many(
    conn: &mut PgConnection,
    server: Uuid,
    requests: &[(i64, TriggerJob)],
) -> sqlx::Result<Vec<Result<Trigger, JobError>>> {
    let mut answers: Vec<Option<Result<Trigger, JobError>>> = Vec::with_capacity(requests.len());
    let mut plain = Vec::new();
    for (id, request) in requests {
        answers.push(if request.idempotency_key.is_some() {
            Some(trigger(conn, server, *id, request).await)
        } else {
            plain.push((*id, request.param.as_ref()));
            None
        });
    }
    let mut made = instance::trigger(conn, server, &plain).await?.into_iter();
    let answers = answers.into_iter().zip(requests);
    Ok(answers
        .map(|(answer, (id, _))| answer.unwrap_or_else(|| outcome(*id, made.next())))
        .collect())
}

/// Whether the fields of a request are allowed.
pub fn check(request: &TriggerJob) -> Result<(), FieldError> {
    if let Some(key) = &request.idempotency_key {
        visible("idempotency_key", key, 200)?;
    }
    if let Some(param) = &request.param
        && (param.to_string().len() > 1 << 20 || holds_nul(param))
    {
        return Err(FieldError {
            field: "param",
            message: "is larger than 1 MiB, or holds the character U+0000".into(),
        });
    }
    Ok(())
}

fn outcome(job_id: i64, triggered: Option<Triggered>) -> Result<Trigger, JobError> {
    let Triggered { state, made } = triggered.unwrap_or_default();
    match (made, state.as_deref()) {
        (Some(ready), _) => Ok(Trigger::Made(Box::new(ready))),
        (None, None) => Err(JobError::NotFound(job_id)),
        (None, Some("waiting")) => Err(JobError::State {
            action: "trigger",
            state: "running".into(),
            remedy: "one instance of a job runs at a time: wait for it to end, or terminate it",
        }),
        (None, Some(state)) => Err(JobError::State {
            action: "trigger",
            state: state.to_owned(),
            remedy: "only a job that waits can be triggered: enable, schedule or resume it first",
        }),
    }
}
