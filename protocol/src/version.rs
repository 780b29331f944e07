//! Versions of definitions, and copies of jobs.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::job::JobSpec;

/// A version of a job's definition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct JobVersion {
    /// The version, from 1.
    pub version: i32,
    /// Who made it.
    pub author: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// What differs from the version before; empty for the first one.
    pub changes: Vec<FieldChange>,
    /// The definition.
    pub spec: JobSpec,
}

/// A field that differs between two definitions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FieldChange {
    /// The field, as a dotted path.
    pub field: String,
    /// What it was; null if it was not there.
    pub from: Value,
    /// What it is; null if it is not there.
    pub to: Value,
}

/// How one version of a definition differs from another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct JobDiff {
    /// The fields that differ.
    pub changes: Vec<FieldChange>,
}

/// `POST /api/v1/jobs/{id}/rollback`: make an old version the newest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Rollback {
    /// The version whose definition is to hold again.
    pub version: i32,
    /// The version this change is based on; refused with 409 if there is a newer one. Left out, the change is made in any
    /// case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub based_on: Option<i32>,
}

/// `POST /api/v1/apps/{id}/copy`: copy definitions of jobs into another app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CopyJobs {
    /// Name of the app that gets them.
    pub to: String,
    /// Names of the jobs; all of the app if left out. 1,000 at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jobs: Option<Vec<String>>,
    /// Whether a job of the same name gets the definition as a new version; otherwise it stays as it is.
    #[serde(default)]
    pub replace: bool,
    /// Whether new jobs are scheduled at once; otherwise they start disabled.
    #[serde(default)]
    pub enabled: bool,
}

/// Answer to [`CopyJobs`]: names of jobs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct JobsCopied {
    /// Those that are new.
    pub created: Vec<String>,
    /// Those that have a new version.
    pub replaced: Vec<String>,
    /// Those that were there and stayed as they were.
    pub kept: Vec<String>,
}
