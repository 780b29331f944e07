//! What is stored of a schedule beside its expression and its zone.

use antares_protocol::job::JobSpec;
use antares_protocol::schedule::{DstFold, DstGap, Misfire};
use chrono::{DateTime, SubsecRound, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::cron::Dst;

/// All that decides the ticks of a job beside `cron` and `time_zone`; the fields are those of [`JobSpec`]. It is stored
/// as JSON, in which what is as usual is left out, so that a tick is decided without reading the job's definition.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Timing {
    #[serde(skip_serializing_if = "is_default")]
    pub fixed_rate_ms: Option<u64>,
    /// In order, each once.
    #[serde(skip_serializing_if = "is_default")]
    pub at: Vec<DateTime<Utc>>,
    #[serde(skip_serializing_if = "is_default")]
    pub start_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "is_default")]
    pub end_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "is_default")]
    pub jitter_ms: u64,
    #[serde(skip_serializing_if = "is_default")]
    pub dst_gap: DstGap,
    #[serde(skip_serializing_if = "is_default")]
    pub dst_fold: DstFold,
    #[serde(skip_serializing_if = "is_default")]
    pub misfire: Misfire,
    #[serde(skip_serializing_if = "is_default")]
    pub include_calendars: Vec<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub exclude_calendars: Vec<String>,
    /// Chooses the jitter of each tick, see [`super::seed`]; 0 without jitter.
    #[serde(skip_serializing_if = "is_default")]
    pub seed: u64,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// To the microsecond, as the database keeps it: a tick that is read back is the same tick.
fn stored(instant: DateTime<Utc>) -> DateTime<Utc> {
    instant.trunc_subsecs(6)
}

impl Timing {
    /// What is to be stored of a definition, for a job with this [`super::seed`].
    pub fn of(spec: &JobSpec, seed: u64) -> Self {
        let mut at: Vec<_> = spec.at.iter().copied().map(stored).collect();
        at.sort_unstable();
        at.dedup();
        Self {
            fixed_rate_ms: spec.fixed_rate_ms,
            at,
            start_at: spec.start_at.map(stored),
            end_at: spec.end_at.map(stored),
            jitter_ms: spec.jitter_ms,
            dst_gap: spec.dst_gap,
            dst_fold: spec.dst_fold,
            misfire: spec.misfire,
            include_calendars: spec.include_calendars.clone(),
            exclude_calendars: spec.exclude_calendars.clone(),
            seed: if spec.jitter_ms > 0 { seed } else { 0 },
        }
    }

    /// Whether it says nothing: all is as usual.
    pub fn is_default(&self) -> bool {
        let usual = Self {
            seed: if self.jitter_ms > 0 { 0 } else { self.seed },
            ..Self::default()
        };
        *self == usual
    }

    /// As JSON; `None` if it says nothing.
    pub fn to_text(&self) -> Option<String> {
        (!self.is_default())
            .then(|| serde_json::to_string(self).expect("numbers, texts and times are JSON"))
    }

    /// Reads what [`Timing::to_text`] wrote. Fields of a newer release are passed over.
    pub fn from_text(text: Option<&str>) -> Result<Self, serde_json::Error> {
        text.map_or_else(|| Ok(Self::default()), serde_json::from_str)
    }

    /// Names of all calendars.
    pub fn calendars(&self) -> impl Iterator<Item = &String> {
        self.include_calendars.iter().chain(&self.exclude_calendars)
    }

    /// What becomes of times at which the clocks change.
    pub fn dst(&self) -> Dst {
        Dst {
            gap: self.dst_gap,
            fold: self.dst_fold,
        }
    }
}
