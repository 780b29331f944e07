//! Login to the admin API.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Logs in.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// Name of the user; the first administrator is `admin`.
    pub user: String,
    /// The password.
    pub password: String,
}

// A password must not reach a log through `{:?}`.
impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Login")
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

/// Who is logged in. The session itself is a cookie that scripts cannot read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Session {
    /// Name of the user.
    pub user: String,
    /// When the session ends; null for HTTP Basic, which has none.
    pub expires_at: Option<DateTime<Utc>>,
}
