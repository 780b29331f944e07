//! Servers and clients as the admin API shows them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A replica.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Server {
    /// The replica; a new one at each start.
    pub id: Uuid,
    /// Host name.
    pub host: String,
    /// Process number.
    pub pid: i32,
    /// Where it listens.
    pub address: String,
    /// Version of the program.
    pub version: String,
    /// When it started.
    pub started_at: DateTime<Utc>,
    /// Until when its lease stands.
    pub expires_at: DateTime<Utc>,
    /// Whether it is drained: others fire its jobs, while there are others.
    pub draining: bool,
    /// How many of the 256 buckets it owns.
    pub buckets: i64,
    /// How many scheduled jobs are in them.
    pub jobs: i64,
    /// How much of one core it took lately, in percent; null until it is known.
    #[serde(default)]
    pub cpu_percent: Option<i32>,
    /// How much memory it has, in bytes; null where that cannot be told.
    #[serde(default)]
    pub memory_bytes: Option<i64>,
}

/// A process of an app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Client {
    /// The client; a new one at each registration.
    pub id: Uuid,
    /// Its app.
    pub app_id: i64,
    /// Name of the app.
    pub app: String,
    /// Host name.
    pub host: String,
    /// Address it gave.
    pub ip: String,
    /// Process number.
    pub pid: i64,
    /// Which SDK.
    pub sdk: String,
    /// Version of the SDK.
    pub version: String,
    /// Handlers it has.
    pub handlers: Vec<String>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// How many shards it runs at once.
    pub slots: i32,
    /// How many it runs now.
    pub running: i64,
    /// Of which instances these are: the oldest five.
    #[serde(default)]
    pub instances: Vec<ClientInstance>,
    /// How far its clock was ahead of the database's when it registered, in milliseconds; null if it did not tell.
    #[serde(default)]
    pub clock_skew_ms: Option<i64>,
    /// When it registered.
    pub registered_at: DateTime<Utc>,
    /// Until when its lease stands.
    pub expires_at: DateTime<Utc>,
}

/// What a client runs of an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ClientInstance {
    /// The instance.
    pub id: i64,
    /// Name of its job.
    pub job: String,
    /// How many shards of it.
    pub shards: i64,
}
