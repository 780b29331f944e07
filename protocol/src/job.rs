//! Jobs: what to run, when, and in how many shards.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::instance::InstanceState;
use crate::policy::{Assignment, Dependency, Join, NoClient, Retry, Sharding};
use crate::problem::Problem;
use crate::schedule::{DstFold, DstGap, Misfire, Overlap};

/// Handler name that clients which allow scripts register, and that script jobs ask for.
pub const SCRIPT_HANDLER: &str = "script";

/// What runs a job's shards.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum JobKind {
    /// A handler in the application's code.
    #[default]
    Handler,
    /// A command or script, on a client that allows scripts.
    Script,
}

/// What a script job runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Script {
    /// A command line, split into words by shell quoting rules and run without a shell.
    Command(String),
    /// The text of a script, handed to an interpreter.
    Body {
        /// Program that gets the path of the script as its last argument, such as `bash` or `python3`.
        interpreter: String,
        /// The text.
        body: String,
    },
}

/// State of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// Switched off.
    Disabled,
    /// Usable, but not scheduled.
    Stopped,
    /// Scheduled, waits for its next tick.
    Waiting,
    /// Scheduled, and an instance is running.
    Running,
    /// Scheduled, but ticks do not fire.
    Paused,
}

/// Definition of a job. Every change makes a new version.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct JobSpec {
    /// Name, unique in the app; 1 to 200 visible characters.
    pub name: String,
    /// What the job does.
    #[serde(default)]
    pub description: String,
    /// What runs its shards.
    #[serde(default)]
    pub kind: JobKind,
    /// Name of the handler; the job's name if left out. Not for scripts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handler: Option<String>,
    /// What to run, for scripts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub script: Option<Script>,
    /// When to fire: a Quartz cron expression of 6 or 7 fields, in which `H` stands for a value that is chosen by the
    /// job's name. At most one of `cron`, `fixed_rate_ms`, `fixed_delay_ms` and `at` is given; without any of them the
    /// job runs on demand only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cron: Option<String>,
    /// Fire each time so much has passed since `start_at`, or since 1970 began; 1 second to 366 days. The phase is kept
    /// whatever happens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fixed_rate_ms: Option<u64>,
    /// Fire so long after the last instance has ended, or after `start_at` or the moment it was scheduled if there was
    /// none since; 1 second to 366 days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fixed_delay_ms: Option<u64>,
    /// Fire once at each of these instants, 1,000 at most.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub at: Vec<DateTime<Utc>>,
    /// IANA zone in which `cron` is read.
    #[serde(default = "utc")]
    pub time_zone: String,
    /// What becomes of times of `cron` that the clocks go forward over.
    #[serde(default)]
    pub dst_gap: DstGap,
    /// What becomes of times of `cron` that come twice.
    #[serde(default)]
    pub dst_fold: DstFold,
    /// No tick before this instant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_at: Option<DateTime<Utc>>,
    /// No tick after this instant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_at: Option<DateTime<Utc>>,
    /// Fire up to so much later than the schedule says, by a chance that is the same whenever it is looked at, but
    /// before the next time; up to a day. Not for `fixed_delay_ms`.
    #[serde(default)]
    pub jitter_ms: u64,
    /// Names of calendars: only ticks that lie in one of them fire, if any are given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub include_calendars: Vec<String>,
    /// Names of calendars: ticks that lie in one of them do not fire.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude_calendars: Vec<String>,
    /// What becomes of ticks that were missed.
    #[serde(default)]
    pub misfire: Misfire,
    /// What becomes of a tick or trigger that finds an instance running.
    #[serde(default)]
    pub overlap: Overlap,
    /// Jobs that this one follows, 100 at most.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<Dependency>,
    /// When it fires if there are several of them.
    #[serde(default)]
    pub join: Join,
    /// Which clients may run it.
    #[serde(default)]
    pub assignment: Assignment,
    /// What becomes of a tick while there is no such client.
    #[serde(default)]
    pub no_client: NoClient,
    /// Shards of a higher priority are handed out first, of two that fired at any time; -1,000 to 1,000.
    #[serde(default)]
    pub priority: i16,
    /// How many shards of the job may run at once, over all its instances; 0 for no limit.
    #[serde(default)]
    pub max_running_shards: u32,
    /// Names of limits that count its shards too, 10 at most.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub limits: Vec<String>,
    /// Parameter of the job, any JSON.
    #[serde(default)]
    pub param: Value,
    /// How an instance is split.
    #[serde(default)]
    pub sharding: Sharding,
    /// Number of shards, 1 to 100,000, if that is fixed.
    #[serde(default = "one")]
    pub shard_count: u32,
    /// Parameter of each item, any JSON; items without one get null. A JSON array, or the text
    /// `0=A;1=B;2=C`.
    #[serde(default, deserialize_with = "shard_params")]
    pub shard_params: Vec<Value>,
    /// How many shards of one instance a client may hold at once; 0 for no limit.
    #[serde(default = "one")]
    pub max_shards_per_client: u32,
    /// How often a shard may be claimed, 1 to 1,000. Losing the last attempt fails the shard.
    #[serde(default = "three")]
    pub max_attempts: u16,
    /// When an attempt that failed is repeated, as long as one is left. Left out, a shard whose handler fails has failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<Retry>,
    /// How many shards may fail without the instance failing, 0 to 100,000; no more than `shard_count` where that is fixed.
    #[serde(default)]
    pub allowed_failures: u32,
    /// Whether the rest is cancelled as soon as more shards than that have failed.
    #[serde(default)]
    pub cancel_on_failure: bool,
    /// How long one attempt may take; 0 for no limit.
    #[serde(default)]
    pub shard_timeout_ms: u64,
    /// How long an instance may take; 0 for no limit.
    #[serde(default)]
    pub instance_timeout_ms: u64,
}

fn utc() -> String {
    "UTC".to_owned()
}

fn one() -> u32 {
    1
}

fn three() -> u16 {
    3
}

impl JobSpec {
    /// Whether it fires by itself, by time.
    pub fn has_schedule(&self) -> bool {
        self.cron.is_some()
            || self.fixed_rate_ms.is_some()
            || self.fixed_delay_ms.is_some()
            || !self.at.is_empty()
    }

    /// A job on demand with one shard.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            description: String::new(),
            kind: JobKind::Handler,
            handler: None,
            script: None,
            cron: None,
            fixed_rate_ms: None,
            fixed_delay_ms: None,
            at: Vec::new(),
            time_zone: utc(),
            dst_gap: DstGap::default(),
            dst_fold: DstFold::default(),
            start_at: None,
            end_at: None,
            jitter_ms: 0,
            include_calendars: Vec::new(),
            exclude_calendars: Vec::new(),
            misfire: Misfire::default(),
            overlap: Overlap::default(),
            depends_on: Vec::new(),
            join: Join::default(),
            assignment: Assignment::default(),
            no_client: NoClient::default(),
            priority: 0,
            max_running_shards: 0,
            limits: Vec::new(),
            sharding: Sharding::default(),
            param: Value::Null,
            shard_count: one(),
            shard_params: Vec::new(),
            max_shards_per_client: one(),
            max_attempts: three(),
            retry: None,
            allowed_failures: 0,
            cancel_on_failure: false,
            shard_timeout_ms: 0,
            instance_timeout_ms: 0,
        }
    }

    /// Name of the handler that a client must have.
    pub fn handler(&self) -> &str {
        match self.kind {
            JobKind::Script => SCRIPT_HANDLER,
            JobKind::Handler => self.handler.as_deref().unwrap_or(&self.name),
        }
    }
}

/// Accepts a JSON array, the original's `0=A;1=B;2=C`, or null.
fn shard_params<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Value>, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Null => Ok(Vec::new()),
        Value::Array(params) => Ok(params),
        Value::String(text) => parse_shard_params(&text).map_err(serde::de::Error::custom),
        _ => Err(serde::de::Error::custom(
            "shard_params: give a JSON array, or text like 0=A;1=B;2=C",
        )),
    }
}

/// Reads `0=A;1=B;2=C`. Items may come in any order; those left out are null. Only the first `=` of an
/// entry splits it; a parameter that holds `;` needs the JSON array.
///
/// # Errors
///
/// A message that names the entry and the remedy.
pub fn parse_shard_params(text: &str) -> Result<Vec<Value>, String> {
    let mut params = Vec::new();
    let mut given = Vec::new();
    for entry in text.split(';').filter(|entry| !entry.trim().is_empty()) {
        let (item, param) = entry.split_once('=').ok_or_else(|| {
            format!(
                "shard_params: `{entry}` has no `=`; write item=parameter, or give a JSON array"
            )
        })?;
        let index: usize = item.trim().parse().map_err(|_| {
            format!("shard_params: `{item}` is not an item number; items count from 0")
        })?;
        if index >= crate::shard::MAX_SHARDS as usize {
            return Err(format!(
                "shard_params: item {index} is above the limit of {} shards",
                crate::shard::MAX_SHARDS
            ));
        }
        if index >= params.len() {
            params.resize(index + 1, Value::Null);
            given.resize(index + 1, false);
        }
        if given[index] {
            return Err(format!("shard_params: item {index} is given twice"));
        }
        given[index] = true;
        params[index] = Value::String(param.to_owned());
    }
    Ok(params)
}

/// Creates a job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateJob {
    /// Name of the app.
    pub app: String,
    /// Whether to schedule it at once; otherwise it starts disabled.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// The definition.
    pub spec: JobSpec,
}

fn yes() -> bool {
    true
}

/// Replaces the definition of a job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct UpdateJob {
    /// The version this change is based on; refused with 409 if there is a newer one. Left out, the
    /// change is made in any case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<i32>,
    /// The whole new definition. The name cannot change.
    pub spec: JobSpec,
}

/// A job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Job {
    /// The job.
    pub id: i64,
    /// Its app.
    pub app_id: i64,
    /// Name of the app.
    pub app: String,
    /// Its state.
    pub state: JobState,
    /// How many instances are running.
    pub running_instances: i64,
    /// Instances that wait to start: for their time, or for their turn.
    #[serde(default)]
    pub queued_instances: i64,
    /// Its newest instance that has ended; absent if none has, or history keeps none any more.
    #[serde(default)]
    pub last_ended: Option<LastEnded>,
    /// Version of the definition, from 1.
    pub version: i32,
    /// When it was last due by its schedule, whether it fired then or not.
    pub prev_fire_at: Option<DateTime<Utc>>,
    /// When it fires next; absent if it does not.
    pub next_fire_at: Option<DateTime<Utc>>,
    /// The server that fires it now.
    pub server_id: Option<uuid::Uuid>,
    /// Host of that server.
    #[serde(default)]
    pub server_host: Option<String>,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
    /// The definition.
    pub spec: JobSpec,
}

/// How the newest instance of a job ended that has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LastEnded {
    /// The instance.
    pub instance_id: i64,
    /// How it ended.
    pub state: InstanceState,
    /// When it ended.
    pub ended_at: DateTime<Utc>,
}

/// `POST /api/v1/jobs/{id}/trigger`: run it now.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct TriggerJob {
    /// Parameter for this run, any JSON, instead of the job's own, which it has where this is null or left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub param: Option<Value>,
    /// Repeating a trigger with the same key returns the first instance, for as long as its history is
    /// kept. 1 to 200 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
    /// Priority of this run instead of the job's own; -1,000 to 1,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<i16>,
    /// Start it only after so long, up to 366 days; it then waits for its turn by the job's overlap policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay_ms: Option<u64>,
}

/// Answer to [`TriggerJob`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Triggered {
    /// The instance, which may have to wait for its turn.
    pub instance_id: i64,
}

/// `POST /api/v1/triggers`: run many jobs now.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct TriggerJobs {
    /// 1 to 1,000 triggers, made in this order.
    pub triggers: Vec<JobTrigger>,
}

/// One of [`TriggerJobs`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct JobTrigger {
    /// The job.
    pub job_id: i64,
    /// As in [`TriggerJob`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub param: Option<Value>,
    /// As in [`TriggerJob`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
    /// As in [`TriggerJob`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<i16>,
    /// As in [`TriggerJob`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay_ms: Option<u64>,
}

/// Answer to [`TriggerJobs`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct JobsTriggered {
    /// One for each trigger, in the same order.
    pub results: Vec<JobTriggered>,
}

/// What became of one trigger.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct JobTriggered {
    /// The job.
    pub job_id: i64,
    /// The instance; left out if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_id: Option<i64>,
    /// Why there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
}
