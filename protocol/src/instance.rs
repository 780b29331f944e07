//! Instances and ticks as the admin API shows them.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::shard::Trigger;

/// State of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum InstanceState {
    /// Waits for its time, or for a slot of its job.
    Queued,
    /// Some shard has not ended.
    Running,
    /// Every shard succeeded, but for as many as may fail.
    Succeeded,
    /// More shards failed than may.
    Failed,
    /// An operator ended it, or its job was stopped, disabled or deleted.
    Terminated,
    /// It took longer than the job allows.
    TimedOut,
}

/// One firing of a job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Instance {
    /// The instance. Ids rise in the order of firing.
    pub id: i64,
    /// Its job.
    pub job_id: i64,
    /// Name of the job.
    pub job: String,
    /// Name of the app.
    pub app: String,
    /// Version of the job's definition it runs with.
    pub job_version: i32,
    /// Its state.
    pub state: InstanceState,
    /// Why it exists.
    pub trigger: Trigger,
    /// The instance that caused it; null if none did.
    #[serde(default)]
    pub cause_id: Option<i64>,
    /// When it was due.
    pub scheduled_at: DateTime<Utc>,
    /// When it was fired.
    pub fired_at: DateTime<Utc>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// Number of shards.
    pub total: i32,
    /// Shards that wait. Only counted for a single instance, null in lists.
    pub waiting: Option<i32>,
    /// Shards that run. Only counted for a single instance, null in lists.
    pub running: Option<i32>,
    /// Shards that succeeded.
    pub succeeded: i32,
    /// Shards that failed.
    pub failed: i32,
    /// Shards that were cancelled.
    pub cancelled: i32,
    /// Parameter of the job as this instance got it.
    pub param: Value,
    /// Why it ended as it did, when that is not plain from the shards.
    pub reason: Option<String>,
}

/// What became of a tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum TickOutcome {
    /// It made an instance.
    Fired,
    /// Nothing was fired, for the reason given.
    Skipped,
    /// It was missed, and a later tick was fired in its place.
    Coalesced,
    /// It was missed, and the job's misfire policy lets it go.
    Missed,
}

/// Times at which a schedule was due, and what became of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Tick {
    /// The job.
    pub job_id: i64,
    /// When it was due; the first one, if the row stands for several.
    pub scheduled_at: DateTime<Utc>,
    /// The last one the row stands for.
    pub last_scheduled_at: DateTime<Utc>,
    /// How many ticks the row stands for.
    pub count: i64,
    /// What became of it.
    pub outcome: TickOutcome,
    /// Why, unless fired.
    pub reason: Option<String>,
    /// The instance, if fired.
    pub instance_id: Option<i64>,
    /// When that was decided.
    pub decided_at: DateTime<Utc>,
}
