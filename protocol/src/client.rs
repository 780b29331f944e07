//! The client protocol `/client/v1`: HTTP Basic (app name and secret), JSON, no inbound port on clients.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::job::{JobKind, Script};
use crate::shard::Trigger;

/// `POST /client/v1/clients`: a process of the app comes up.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RegisterClient {
    /// Host name.
    pub host: String,
    /// IP address, for people to recognise and assignments to choose; never used to connect. Empty where it is not known.
    #[serde(default)]
    pub ip: String,
    /// Process number.
    #[serde(default)]
    pub pid: u32,
    /// Which SDK, such as `rust`.
    #[serde(default)]
    pub sdk: String,
    /// Version of the SDK.
    #[serde(default)]
    pub version: String,
    /// Names of the handlers this process has. It is never given a shard of another handler.
    pub handlers: Vec<String>,
    /// Free labels, shown in the console.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// How many shards it runs at once, 1 to 10,000.
    pub slots: u32,
    /// What its clock shows, so that people see when it is wrong. Nothing is decided by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock: Option<DateTime<Utc>>,
}

/// Answer to [`RegisterClient`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Registered {
    /// Names this process in every later call.
    pub client_id: Uuid,
    /// The lease: without a renewal for so long, everything the client holds goes to others.
    pub lease_ms: u64,
    /// How often to renew while the client holds a shard. While it holds none, an answer to a renewal says when the
    /// next is due.
    pub renew_every_ms: u64,
}

/// Names one claim of a shard: the fencing token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ClaimToken {
    /// The shard.
    pub shard_id: i64,
    /// Which claim of it, from 1.
    pub attempt: i16,
}

/// Most shards a client may hold at once: those that run, and those whose results the server has not taken yet.
pub const MAX_HELD: usize = 20_000;

/// `POST /client/v1/clients/{id}/renew`: still alive, and running these.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Renew {
    /// Every shard the client holds, 20,000 at most ([`MAX_HELD`]). One it holds in the database for longer than a
    /// lease and does not list was lost on the way to it, and goes back.
    pub running: Vec<Running>,
}

/// Largest checkpoint of a shard, in bytes of JSON.
pub const MAX_CHECKPOINT: usize = 64 * 1024;

/// A shard that a client holds, and how far it has come if that is news.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Running {
    /// The shard.
    pub shard_id: i64,
    /// The attempt.
    pub attempt: i16,
    /// What the next attempt is to know if this one is lost or fails: any JSON but null, 64 KiB at most
    /// ([`MAX_CHECKPOINT`]). Replaces the one before; left out, that one stands. Without effect if the claim is no
    /// longer this client's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<Value>,
    /// How far the handler has come, in percent, 0 to 100. Left out, what was said before stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<u8>,
}

impl Running {
    /// The claim.
    pub fn token(&self) -> ClaimToken {
        ClaimToken {
            shard_id: self.shard_id,
            attempt: self.attempt,
        }
    }
}

impl From<ClaimToken> for Running {
    fn from(token: ClaimToken) -> Self {
        Self {
            shard_id: token.shard_id,
            attempt: token.attempt,
            ..Self::default()
        }
    }
}

/// Answer to [`Renew`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Renewed {
    /// The lease, counted from when the request was sent. It is a longer one while the client holds nothing, which ends
    /// when it is given a shard, see [`Claimed::lease_ms`], and when it hangs up while a claim waits: it is then that of
    /// [`Registered`] again.
    pub lease_ms: u64,
    /// When to renew next, unless a claim is answered with shards, or breaks off, before: then as often as
    /// [`Registered`] says.
    pub renew_every_ms: u64,
    /// Handlers to stop: their claim is no longer theirs, and a report would be refused.
    pub cancel: Vec<Cancel>,
}

/// A claim that is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Cancel {
    /// The shard.
    pub shard_id: i64,
    /// The attempt.
    pub attempt: i16,
    /// Why.
    pub reason: CancelReason,
}

/// Why a handler is told to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum CancelReason {
    /// The lease had ended, or the attempt had timed out: somebody else has the shard.
    Lost,
    /// The instance has ended: terminated, timed out, or its job was stopped, disabled or deleted.
    Ended,
    /// A reason this version does not know.
    #[serde(other)]
    Other,
}

/// `POST /client/v1/clients/{id}/claim`: ask for work.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Claim {
    /// How many shards at most, 1 to 1,000.
    pub max: u32,
    /// How long to wait when there is none, 0 to 60,000.
    #[serde(default)]
    pub wait_ms: u64,
    /// Results to report first, in the same call. With results the call never waits.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub results: Vec<ShardResult>,
}

/// Answer to [`Claim`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Claimed {
    /// The shards, now this client's. Empty when there was none.
    pub shards: Vec<ClaimedShard>,
    /// How long the claim had waited when the shards were claimed; 0 without shards.
    #[serde(default)]
    pub waited_ms: u64,
    /// The lease from then on, at least, which ends the long one of a client that held nothing: counted from when the
    /// claim was sent plus `waited_ms`. 0 without shards.
    #[serde(default)]
    pub lease_ms: u64,
    /// What became of `results`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub results: Vec<ReportedShard>,
}

/// A shard to run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ClaimedShard {
    /// The shard.
    pub shard_id: i64,
    /// Which claim of it, from 1; above 1 an earlier attempt was lost, returned or failed.
    pub attempt: i16,
    /// The instance it belongs to.
    pub instance_id: i64,
    /// Name of the job.
    pub job: String,
    /// Name of the handler to call.
    pub handler: String,
    /// What kind of job it is.
    pub kind: JobKind,
    /// Index of the shard, from 0.
    pub item: i32,
    /// Parameter of this item, any JSON; null if none is configured.
    #[serde(default)]
    pub param: Value,
    /// How many shards the instance has.
    pub total: i32,
    /// Parameter of the job, any JSON.
    #[serde(default)]
    pub job_param: Value,
    /// Why the instance exists.
    pub trigger: Trigger,
    /// When the instance was due.
    pub scheduled_at: DateTime<Utc>,
    /// When it was fired.
    pub fired_at: DateTime<Utc>,
    /// How long the handler may take; 0 for no limit.
    #[serde(default)]
    pub timeout_ms: u64,
    /// What to run, for `kind` = `script`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub script: Option<Script>,
    /// The last checkpoint of the attempts before, see [`Running::checkpoint`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<Value>,
}

impl ClaimedShard {
    /// The fencing token of this claim.
    pub fn token(&self) -> ClaimToken {
        ClaimToken {
            shard_id: self.shard_id,
            attempt: self.attempt,
        }
    }
}

/// `POST /client/v1/clients/{id}/report`: how shards ended.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Report {
    /// At most 1,000 results.
    pub results: Vec<ShardResult>,
}

/// How one attempt ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ShardResult {
    /// The shard.
    pub shard_id: i64,
    /// The attempt.
    pub attempt: i16,
    /// How it ended.
    pub outcome: Outcome,
    /// What went wrong; kept up to 8 KiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Value the handler produced, or the output of a script; kept up to 64 KiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// For `later`: how long to wait before somebody claims the shard again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay_ms: Option<u64>,
    /// For `later` and `failed`: a checkpoint for the next attempt, as in [`Running::checkpoint`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<Value>,
    /// When the handler started, by the client's clock. For information only.
    pub started_at: DateTime<Utc>,
    /// When the handler returned, by the client's clock. For information only.
    pub ended_at: DateTime<Utc>,
}

/// How a handler says its shard ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Done.
    Succeeded,
    /// Failed: for good, unless the job has a retry policy and an attempt is left.
    Failed,
    /// Not now: hand the shard out again after a delay. Counts as an attempt.
    Later,
    /// Cancelled because its time was up, [`ClaimedShard::timeout_ms`]; otherwise as `failed`.
    TimedOut,
}

/// Answer to [`Report`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Reported {
    /// One entry for each result, in the same order.
    pub results: Vec<ReportedShard>,
}

/// What became of one result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReportedShard {
    /// The shard.
    pub shard_id: i64,
    /// The attempt.
    pub attempt: i16,
    /// Whether it counted.
    pub status: ReportStatus,
}

/// Whether a result counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ReportStatus {
    /// Recorded, now or by an earlier copy of the same report.
    Accepted,
    /// The claim was no longer this client's, or an earlier report ended it otherwise. Nothing was changed.
    Stale,
}

/// `POST /client/v1/clients/{id}/logs`: lines that handlers logged.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ShardLogs {
    /// At most 1,000 lines.
    pub lines: Vec<LogLine>,
}

/// One line of a shard's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LogLine {
    /// The shard.
    pub shard_id: i64,
    /// The attempt.
    pub attempt: i16,
    /// When it was logged, by the client's clock.
    pub logged_at: DateTime<Utc>,
    /// How grave.
    pub level: LogLevel,
    /// The text; kept up to 8 KiB.
    pub message: String,
}

/// How grave a log line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    /// Something failed.
    Error,
    /// Something is odd.
    Warn,
    /// Something happened.
    Info,
    /// For the developer of the handler.
    Debug,
}
