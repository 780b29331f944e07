//! What schedules will do, and what they did: previews, simulations, backfills and explanations.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::instance::{Instance, Tick};
use crate::job::JobSpec;

/// Fire times of a schedule.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FireTimes {
    /// The next fires, soonest first; fewer than asked when the schedule ends.
    pub fires: Vec<DateTime<Utc>>,
    /// When the job fires, in English.
    #[serde(default)]
    pub words: String,
    /// The same in Chinese.
    #[serde(default)]
    pub words_zh: String,
    /// Ticks among them that calendars keep out, soonest first.
    #[serde(default)]
    pub kept_out: Vec<KeptOut>,
}

/// A tick that calendars keep out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct KeptOut {
    /// When it is due.
    pub at: DateTime<Utc>,
    /// Which calendar, and what of it.
    pub reason: String,
}

/// `POST /api/v1/schedule/preview`: when a definition would fire.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PreviewSchedule {
    /// Name of the app, by which `H` and jitter are chosen.
    #[serde(default)]
    pub app: String,
    /// The definition.
    pub spec: JobSpec,
    /// After this instant; now if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<DateTime<Utc>>,
    /// How many fires, 1 to 1,000; 10 if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
}

/// One fire of a simulation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SimulatedFire {
    /// When it is due.
    pub at: DateTime<Utc>,
    /// The job.
    pub job_id: i64,
    /// Name of the app.
    pub app: String,
    /// Name of the job.
    pub job: String,
    /// Why a calendar keeps it out, if one does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept_out: Option<String>,
}

/// What the schedules of all waiting jobs will do over a period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Simulation {
    /// The fires, soonest first: the first 10,000.
    pub fires: Vec<SimulatedFire>,
    /// How many there are in all.
    pub total: u64,
    /// The minute with the most fires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub busiest_at: Option<DateTime<Utc>>,
    /// How many fires are in that minute.
    pub busiest: u64,
}

/// `POST /api/v1/jobs/{id}/backfill`: fire the ticks of a past period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Backfill {
    /// Ticks from this instant on.
    pub from: DateTime<Utc>,
    /// To before this instant, which is not in the future.
    pub until: DateTime<Utc>,
    /// Only answer what would be fired.
    #[serde(default)]
    pub dry_run: bool,
    /// From the start of one instance to that of the next at least so long, up to a day; 0 if left out. The job's overlap
    /// policy holds besides: those that find none of its slots free wait.
    #[serde(default)]
    pub interval_ms: u64,
}

/// Answer to [`Backfill`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Backfilled {
    /// The ticks that were queued, or would be, oldest first.
    pub ticks: Vec<DateTime<Utc>>,
    /// Their instances, in the same order; empty for a dry run.
    pub instance_ids: Vec<i64>,
    /// Ticks of the period that an earlier backfill had queued.
    pub done_before: u64,
    /// Ticks of the period that calendars keep out.
    pub kept_out: u64,
}

/// Why a job did or did not run around a time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Explanation {
    /// What keeps the job from firing now, or that nothing does, in English.
    pub now: String,
    /// The same in Chinese.
    #[serde(default)]
    pub now_zh: String,
    /// When it fires, in English.
    pub words: String,
    /// The same in Chinese.
    #[serde(default)]
    pub words_zh: String,
    /// What becomes of missed and overlapping ticks, in English.
    pub policy: String,
    /// The same in Chinese.
    #[serde(default)]
    pub policy_zh: String,
    /// What became of the ticks of the time asked for, newest first.
    pub ticks: Vec<ExplainedTick>,
    /// Why instances that have not ended wait.
    pub waits: Vec<ExplainedWait>,
    /// Instances that were ended in the time asked for before they began, with the reason, newest first.
    #[serde(default)]
    pub never_began: Vec<Instance>,
    /// What changed the state of the job in the time asked for, and last before it, newest first: while it is paused,
    /// stopped or disabled it has no ticks.
    #[serde(default)]
    pub actions: Vec<JobAction>,
}

/// A change of a job's state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct JobAction {
    /// When.
    pub at: DateTime<Utc>,
    /// `enable`, `disable`, `schedule`, `stop`, `pause` or `resume`.
    pub action: String,
    /// Who did it.
    pub author: String,
}

/// A tick, and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ExplainedTick {
    /// The tick.
    pub tick: Tick,
    /// The server that decided it.
    pub server_id: Option<uuid::Uuid>,
    /// Its instance, if it fired.
    pub instance: Option<Instance>,
}

/// An instance that has not ended, and what it waits for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ExplainedWait {
    /// The instance.
    pub instance: Instance,
    /// What it waits for, a sentence each, in English; empty when all its shards run.
    pub reasons: Vec<String>,
    /// The same in Chinese.
    #[serde(default)]
    pub reasons_zh: Vec<String>,
}
