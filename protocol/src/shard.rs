//! Shards and attempts as the admin API shows them.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

/// Low bits of a shard's id that hold its item; the rest is the instance's id.
pub const ITEM_BITS: u32 = 17;

/// Most shards an instance may have.
pub const MAX_SHARDS: u32 = 100_000;

/// The id of `item` of `instance_id`.
pub fn shard_id(instance_id: i64, item: i32) -> i64 {
    (instance_id << ITEM_BITS) + i64::from(item)
}

/// The instance and item that `shard_id` names.
pub fn split_shard_id(shard_id: i64) -> (i64, i32) {
    (
        shard_id >> ITEM_BITS,
        (shard_id & ((1 << ITEM_BITS) - 1)) as i32,
    )
}

/// Why an instance exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// A tick of the job's schedule.
    Schedule,
    /// A call of the API.
    Api,
    /// A button of the console.
    Console,
    /// A call of the SQL function `antares_trigger`.
    Sql,
    /// The end of an instance of another job.
    Dependency,
    /// A tick of the past, on request.
    Backfill,
    /// The failed shards of an earlier instance, on request.
    Rerun,
    /// The planning of an instance whose shards are found out at run time.
    Plan,
    /// A reason this version does not know.
    #[serde(other)]
    Other,
}

impl Trigger {
    /// Its name, as in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Schedule => "schedule",
            Self::Api => "api",
            Self::Console => "console",
            Self::Sql => "sql",
            Self::Dependency => "dependency",
            Self::Backfill => "backfill",
            Self::Rerun => "rerun",
            Self::Plan => "plan",
            Self::Other => "other",
        }
    }
}

/// State of a shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ShardState {
    /// Waits for a client, at once or after a delay.
    New,
    /// A client has it.
    Running,
    /// Ended well.
    Succeeded,
    /// Ended badly.
    Failed,
    /// Its instance ended first.
    Cancelled,
}

/// One shard of an instance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Shard {
    /// The shard.
    pub shard_id: i64,
    /// Its instance.
    pub instance_id: i64,
    /// Its index, from 0.
    pub item: i32,
    /// Its parameter; null if none is configured.
    pub param: Value,
    /// Its state.
    pub state: ShardState,
    /// How often it was claimed.
    pub attempt: i16,
    /// Who has it, or had it last.
    pub client_id: Option<Uuid>,
    /// Its host; null once the client is forgotten.
    #[serde(default)]
    pub client_host: Option<String>,
    /// When it may be claimed, while it is delayed.
    pub due_at: Option<DateTime<Utc>>,
    /// When it was claimed last.
    pub claimed_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// What went wrong.
    pub error: Option<String>,
    /// What it produced.
    pub output: Option<String>,
    /// How far its handler says that it has come, in percent, while it runs.
    #[serde(default)]
    pub progress: Option<i16>,
}

/// How an attempt ended, as history keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum AttemptOutcome {
    /// The handler succeeded.
    Succeeded,
    /// The handler failed.
    Failed,
    /// The handler asked for another time.
    Later,
    /// The client's lease ended, or the claim never reached it.
    Lost,
    /// The client left and gave the shard back.
    Returned,
    /// It took longer than the job allows.
    TimedOut,
    /// The instance ended first.
    Cancelled,
}

/// One claim of a shard, ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Attempt {
    /// The shard.
    pub shard_id: i64,
    /// Its instance.
    pub instance_id: i64,
    /// Its index.
    pub item: i32,
    /// Which claim, from 1; 0 if the shard was cancelled before anyone claimed it.
    pub attempt: i16,
    /// Whether the shard ended with it.
    pub is_final: bool,
    /// How it ended.
    pub outcome: AttemptOutcome,
    /// Who ran it.
    pub client_id: Option<Uuid>,
    /// Its host; null once the client is forgotten.
    #[serde(default)]
    pub client_host: Option<String>,
    /// When it was claimed.
    pub claimed_at: Option<DateTime<Utc>>,
    /// When the handler started, by the client's clock, kept within claimed and ended.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub ended_at: DateTime<Utc>,
    /// What went wrong.
    pub error: Option<String>,
    /// What it produced.
    pub output: Option<String>,
}

/// One line of a shard's log, as kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ShardLog {
    /// Rises with each line of a shard.
    pub id: i64,
    /// Which attempt logged it.
    pub attempt: i16,
    /// When the server got it.
    pub received_at: DateTime<Utc>,
    /// When it was logged, by the client's clock.
    pub logged_at: DateTime<Utc>,
    /// How grave.
    pub level: crate::client::LogLevel,
    /// The text.
    pub message: String,
}
