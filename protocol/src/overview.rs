//! What goes on: the console's first page.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::policy::{DependencyOn, Join};

/// What goes on, what went on in the last 24 hours, and what comes in the next one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Overview {
    /// When this was so.
    pub at: DateTime<Utc>,
    /// Instances that run.
    pub running: i64,
    /// Instances that wait to start.
    pub queued: i64,
    /// Shards that clients have.
    pub running_shards: i64,
    /// Shards that wait for a client, as far as the oldest 10,000 instances go.
    pub waiting_shards: i64,
    /// When the oldest instance was fired of which a shard waits.
    pub waiting_since: Option<DateTime<Utc>>,
    /// Jobs by state.
    pub jobs: JobCounts,
    /// The last 24 hours, oldest first.
    pub hours: Vec<OverviewHour>,
    /// Which jobs did most, and which failed most, in that time.
    pub rankings: Rankings,
    /// Ticks in each of the next 60 minutes that no calendar keeps out. Of a fixed delay it is
    /// the next one only; beyond 5,000,000 ticks of different schedules some are left out.
    pub next_hour: Vec<i64>,
    /// Replicas that have a lease.
    pub servers: i64,
    /// Clients that have a lease.
    pub clients: i64,
    /// The database.
    pub database: DatabaseHealth,
}

/// Jobs by state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct JobCounts {
    /// Switched off.
    pub disabled: i64,
    /// Not scheduled.
    pub stopped: i64,
    /// Scheduled, whether or not an instance runs.
    pub scheduled: i64,
    /// Scheduled, but ticks do not fire.
    pub paused: i64,
}

/// An hour of the past.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OverviewHour {
    /// When it began.
    pub at: DateTime<Utc>,
    /// Instances that ended in it and succeeded.
    pub succeeded: i64,
    /// Those that failed.
    pub failed: i64,
    /// Those that took longer than their job allows.
    pub timed_out: i64,
    /// Those that were terminated.
    pub terminated: i64,
    /// How late scheduled ones were fired: half of them not later than this, in milliseconds.
    pub late_p50_ms: Option<i64>,
    /// 95 of 100 not later than this, in milliseconds.
    pub late_p95_ms: Option<i64>,
    /// The latest one, in milliseconds.
    pub late_max_ms: Option<i64>,
}

/// Which jobs did most, and which failed most, in the last 24 hours. Counted again every minute.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Rankings {
    /// When they were counted.
    pub at: Option<DateTime<Utc>>,
    /// When the oldest instance ended that was counted, if not all of the 24 hours were: the newest 100,000 are.
    pub counted_from: Option<DateTime<Utc>>,
    /// Jobs with the most shards, ten at most.
    pub busiest: Vec<BusyJob>,
    /// Jobs with the most instances that failed or timed out, ten at most.
    pub failing: Vec<FailingJob>,
}

/// A job that did much.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BusyJob {
    /// The job.
    pub job_id: i64,
    /// Name of its app.
    pub app: String,
    /// Its name.
    pub job: String,
    /// Instances that ended.
    pub instances: i64,
    /// Their shards.
    pub shards: i64,
    /// How long they took in all, in milliseconds.
    pub took_ms: i64,
}

/// A job that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FailingJob {
    /// The job.
    pub job_id: i64,
    /// Name of its app.
    pub app: String,
    /// Its name.
    pub job: String,
    /// Instances that failed or timed out.
    pub failures: i64,
    /// The last one of them.
    pub last_instance_id: i64,
    /// When that ended.
    pub last_ended_at: DateTime<Utc>,
    /// What the first shard of it that failed said, else why it ended so.
    pub last_error: Option<String>,
}

/// How the database is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DatabaseHealth {
    /// Its size in bytes.
    pub bytes: i64,
    /// Connections that are open, and how many may be.
    pub connections: i64,
    /// How many may be open.
    pub max_connections: i64,
    /// How long the oldest snapshot has been held that anybody reads with, in milliseconds.
    pub oldest_snapshot_ms: i64,
}

/// Which job follows which.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DependencyGraph {
    /// The jobs that follow others or are followed.
    pub jobs: Vec<GraphJob>,
    /// Who follows whom.
    pub edges: Vec<GraphEdge>,
    /// Whether there are more than the 5,000 edges that are told.
    pub is_cut: bool,
}

/// A job of the graph.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GraphJob {
    /// The job.
    pub id: i64,
    /// Name of its app.
    pub app: String,
    /// Its name.
    pub job: String,
    /// Its state.
    pub state: crate::job::JobState,
}

/// That one job follows another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GraphEdge {
    /// The job that is followed.
    pub from: i64,
    /// The job that follows.
    pub to: i64,
    /// How an instance of the first must end.
    pub on: DependencyOn,
    /// When the second fires if it follows several.
    pub join: Join,
}
