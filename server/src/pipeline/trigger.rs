//! A call of the API → an instance.

use antares_protocol::job::TriggerJob;
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use super::job::JobError;
use crate::domain::job::{FieldError, holds_nul, visible};
use crate::store::{instance, job};

/// Makes an instance of the job now.
///
/// With an idempotency key, a repeat returns the instance that the first call made, whatever has become
/// of it; the job's row lock makes two calls at the same time one after the other.
pub async fn trigger(
    conn: &mut PgConnection,
    server: Uuid,
    job_id: i64,
    request: &TriggerJob,
) -> Result<i64, JobError> {
    if let Some(key) = &request.idempotency_key {
        visible("idempotency_key", key, 200)?;
    }
    if let Some(param) = &request.param
        && (param.to_string().len() > 1 << 20 || holds_nul(param))
    {
        return Err(FieldError {
            field: "param",
            message: "is larger than 1 MiB, or holds the character U+0000".into(),
        }
        .into());
    }
    let mut tx = conn.begin().await?;
    let locked = job::lock(&mut tx, job_id)
        .await?
        .ok_or(JobError::NotFound(job_id))?;
    if let Some(key) = &request.idempotency_key
        && let Some(first) = instance::triggered_before(&mut tx, job_id, key).await?
    {
        return Ok(first);
    }
    if locked.state != "waiting" {
        return Err(JobError::State {
            action: "trigger",
            state: locked.state,
            remedy: "only a job that waits can be triggered: enable, schedule or resume it first",
        });
    }
    let made = instance::trigger(&mut tx, job_id, server, request.param.as_ref()).await?;
    let Some(id) = made else {
        return Err(JobError::State {
            action: "trigger",
            state: "running".into(),
            remedy: "one instance of a job runs at a time: wait for it to end, or terminate it",
        });
    };
    if let Some(key) = &request.idempotency_key {
        instance::remember_trigger(&mut tx, job_id, key, id).await?;
    }
    tx.commit().await?;
    Ok(id)
}
