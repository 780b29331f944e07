//! The wall clock of this process: for information in reports and logs, never for a decision.

use chrono::{DateTime, Utc};

/// The time by this machine's clock.
#[expect(
    clippy::disallowed_methods,
    reason = "clock, started_at, ended_at and logged_at are the client's own view, marked so in the protocol"
)]
pub(crate) fn now() -> DateTime<Utc> {
    Utc::now()
}
