//! Apps: groups of clients that share a name and a secret.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// An app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct App {
    /// Stable number of the app.
    pub id: i64,
    /// Unique name; clients authenticate with it.
    pub name: String,
    /// What the app is for.
    pub description: String,
    /// How many shards of the app may run at once; 0 for no limit.
    #[serde(default)]
    pub max_running_shards: u32,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

/// Creates an app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateApp {
    /// Letters, digits, `_`, `-` and `.`, 1 to 100 characters.
    pub name: String,
    /// What the app is for.
    #[serde(default)]
    pub description: String,
    /// The secret, 6 to 200 characters. Left out, the server makes one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

/// Changes an app. Fields left out keep their value.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct UpdateApp {
    /// What the app is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// How many shards of the app may run at once; 0 for no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_running_shards: Option<u32>,
}

/// Sets a new secret.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RotateSecret {
    /// The new secret, 6 to 200 characters. Left out, the server makes one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

/// An app with its secret: the only time the secret is ever shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AppWithSecret {
    /// The app.
    #[serde(flatten)]
    pub app: App,
    /// The secret. Only a hash of it is stored.
    pub secret: String,
}
