//! How jobs run: who gets their shards, what a failure means, and which job follows which.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How an instance is split into shards.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Sharding {
    /// Into `shard_count` shards.
    #[default]
    Fixed,
    /// Into one shard for each client that is alive when the instance starts and may run it.
    Broadcast,
    /// A handler of this name runs first, as the only shard of an instance of its own. Its output, a JSON array, holds
    /// the parameter of each shard; an empty array makes none.
    Planned(String),
}

/// When a failed or timed-out attempt is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Retry {
    /// How long to wait before the second attempt, 0 to 7 days.
    pub delay_ms: u64,
    /// How the wait grows with each further one.
    #[serde(default)]
    pub backoff: Backoff,
    /// Longest wait, for `exponential`, up to 7 days; an hour if left out.
    #[serde(default = "hour", skip_serializing_if = "is_hour")]
    pub max_delay_ms: u64,
    /// By how much of itself each wait may be shorter, by chance, 0 to 100: keeps shards that failed together from
    /// coming back together.
    #[serde(default)]
    pub jitter_percent: u8,
}

fn hour() -> u64 {
    3_600_000
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_hour(ms: &u64) -> bool {
    *ms == hour()
}

/// How the wait between attempts grows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Backoff {
    /// It does not.
    #[default]
    Fixed,
    /// It doubles.
    Exponential,
}

/// Which clients of the app may run a job's shards.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Assignment {
    /// Any that has the handler.
    #[default]
    Any,
    /// None: shards wait until somebody is assigned.
    Nobody,
    /// Those that match. They need not be online yet.
    Chosen(Chosen),
}

/// Clients, by what they said of themselves. One matches that is on one of the hosts or addresses, if any are given, and
/// has all of the labels.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Chosen {
    /// Names of hosts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<String>,
    /// Addresses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ips: Vec<String>,
    /// Labels, each with its value.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

impl Assignment {
    /// Whether a client with this host, address and labels may run the shards.
    pub fn allows(&self, host: &str, ip: &str, labels: &BTreeMap<String, String>) -> bool {
        match self {
            Self::Any => true,
            Self::Nobody => false,
            Self::Chosen(chosen) => {
                let is_anywhere = chosen.hosts.is_empty() && chosen.ips.is_empty();
                let is_there = chosen.hosts.iter().any(|name| name == host)
                    || chosen.ips.iter().any(|address| address == ip);
                (is_anywhere || is_there)
                    && chosen
                        .labels
                        .iter()
                        .all(|(key, value)| labels.get(key) == Some(value))
            }
        }
    }
}

/// What to do about a tick while no client is alive that may run the job.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum NoClient {
    /// It fires, and its shards wait for a client.
    #[default]
    Wait,
    /// It is skipped, with that reason.
    Skip,
}

/// A job that another one follows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Dependency {
    /// Name of the predecessor's app; the job's own if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<String>,
    /// Name of the predecessor.
    pub job: String,
    /// How an instance of it must end.
    #[serde(default)]
    pub on: DependencyOn,
    /// What the instance gets of it.
    #[serde(default)]
    pub pass: Pass,
}

/// How an instance of the predecessor must end for the successor to fire.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum DependencyOn {
    /// Succeeded.
    #[default]
    Success,
    /// Failed or timed out.
    Failure,
    /// By itself: succeeded, failed or timed out.
    Completion,
    /// In any way, also terminated.
    Always,
}

/// What an instance gets from the one that caused it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Pass {
    /// Nothing: it has the job's own parameter.
    #[default]
    Nothing,
    /// Its parameter is that of the other one.
    Param,
    /// Its parameter is the array of the outputs of the other one's shards, by item; null where there is none.
    Outputs,
}

/// When a job fires that follows several others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Join {
    /// Once all of them have ended as they must since it was last fired for that.
    #[default]
    All,
    /// Each time one of them has.
    Any,
}

/// A limit of running shards that jobs name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Limit {
    /// Its name.
    pub name: String,
    /// How many shards of all jobs that name it may run at once.
    pub max_running_shards: u32,
    /// What it is for.
    pub description: String,
    /// How many run now.
    pub running: i64,
    /// When it was last changed.
    pub updated_at: chrono::DateTime<chrono::Utc>,
}

/// Sets a limit, and makes it if there is none of the name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PutLimit {
    /// How many shards may run at once, 1 to 1,000,000.
    pub max_running_shards: u32,
    /// What it is for.
    #[serde(default)]
    pub description: String,
}
