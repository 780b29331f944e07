//! An ended instance → one that runs again what did not succeed.

use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use super::job::JobError;
use super::retry::Conflict;
use crate::store::shard::Ready;
use crate::store::{job, rerun};

/// Why an instance was not run again.
#[derive(Debug, thiserror::Error)]
pub enum RerunError {
    /// There is no such instance.
    #[error("there is no instance {0}")]
    NotFound(i64),
    /// The instance has nothing to run again.
    #[error("cannot rerun instance {id}, which is {state}: {remedy}")]
    State {
        id: i64,
        state: String,
        remedy: &'static str,
    },
    /// Its job does not allow it.
    #[error(transparent)]
    Job(#[from] JobError),
}

impl From<sqlx::Error> for RerunError {
    fn from(error: sqlx::Error) -> Self {
        Self::Job(error.into())
    }
}

impl Conflict for RerunError {
    fn is_conflict(&self) -> bool {
        matches!(self, Self::Job(error) if error.is_conflict())
    }
}

/// Makes an instance of the shards of instance `id` that failed or were cancelled. It has the definition and the
/// parameter of that one, counts what succeeded there, and names it as its cause.
///
/// # Errors
///
/// The instance has not ended or nothing of it is left, its job does not wait, or as many instances of it run as may.
pub async fn rerun(conn: &mut PgConnection, server: Uuid, id: i64) -> Result<Ready, RerunError> {
    let old = rerun::old(conn, id)
        .await?
        .ok_or(RerunError::NotFound(id))?;
    let refuse = |state: &str, remedy| {
        Err(RerunError::State {
            id,
            state: state.to_owned(),
            remedy,
        })
    };
    if matches!(old.state.as_str(), "queued" | "running") {
        return refuse(&old.state, "wait for it to end, or terminate it");
    }
    if old.left == 0 {
        return refuse(&old.state, "no shard of it failed or was cancelled");
    }
    let mut tx = conn.begin().await?;
    let locked = job::lock(&mut tx, old.job_id)
        .await?
        .ok_or(JobError::NotFound(old.job_id))?;
    let refuse_job = |state: String, remedy: &'static str| JobError::State {
        action: "rerun an instance of",
        state,
        remedy: remedy.into(),
    };
    if locked.state != "waiting" {
        let remedy = "only a job that waits can run: enable, schedule or resume it first";
        return Err(refuse_job(locked.state, remedy).into());
    }
    let Some(slot) = rerun::free_slot(&mut tx, old.job_id).await? else {
        let remedy = "as many instances of it run as may: wait for one to end, or terminate it";
        return Err(refuse_job("running".to_owned(), remedy).into());
    };
    let Some(made) = rerun::make(&mut tx, server, id, slot).await? else {
        return refuse(
            &old.state,
            "history no longer tells which of its shards did not succeed: trigger the job",
        );
    };
    job::note_newer(&mut tx, made.job_id, made.job_version).await?;
    tx.commit().await?;
    Ok(made)
}
