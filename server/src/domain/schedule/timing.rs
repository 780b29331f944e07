//! What decides the ticks of a job beside its cron expression and time zone, as `job_schedule` keeps it.

use antares_protocol::job::JobSpec;
use antares_protocol::schedule::{DstFold, DstGap, Misfire};
use chrono::{DateTime, SubsecRound as _, Utc};
use serde::{Deserialize, Serialize};

/// See the fields of the same names in [`JobSpec`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Timing {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fixed_rate_ms: Option<u64>,
    /// Ascending, each once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub at: Vec<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "is_default")]
    pub jitter_ms: u64,
    #[serde(skip_serializing_if = "is_default")]
    pub dst_gap: DstGap,
    #[serde(skip_serializing_if = "is_default")]
    pub dst_fold: DstFold,
    #[serde(skip_serializing_if = "is_default")]
    pub misfire: Misfire,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub include_calendars: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exclude_calendars: Vec<String>,
    /// What chance is to the job; only there with a jitter.
    #[serde(skip_serializing_if = "is_default")]
    pub seed: u64,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Timing {
    /// That of a definition. Instants lose what is smaller than a millisecond.
    pub fn of(spec: &JobSpec, seed: u64) -> Self {
        let mut at: Vec<DateTime<Utc>> = spec.at.iter().map(|at| at.trunc_subsecs(3)).collect();
        at.sort_unstable();
        at.dedup();
        Self {
            fixed_rate_ms: spec.fixed_rate_ms,
            at,
            start_at: spec.start_at.map(|at| at.trunc_subsecs(3)),
            end_at: spec.end_at.map(|at| at.trunc_subsecs(3)),
            jitter_ms: spec.jitter_ms,
            dst_gap: spec.dst_gap,
            dst_fold: spec.dst_fold,
            misfire: spec.misfire,
            include_calendars: spec.include_calendars.clone(),
            exclude_calendars: spec.exclude_calendars.clone(),
            seed: if spec.jitter_ms > 0 { seed } else { 0 },
        }
    }

    /// As text, `None` if it says nothing.
    pub fn to_text(&self) -> Option<String> {
        (!is_default(self)).then(|| serde_json::json!(self).to_string())
    }

    /// What [`Timing::to_text`] made.
    pub fn from_text(text: Option<&str>) -> serde_json::Result<Self> {
        text.map_or_else(|| Ok(Self::default()), serde_json::from_str)
    }

    /// Names of the calendars.
    pub fn calendars(&self) -> impl Iterator<Item = &String> {
        self.include_calendars.iter().chain(&self.exclude_calendars)
    }
}
