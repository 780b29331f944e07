//! The clocks that processes of one machine share.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chrono::{DateTime, Utc};
use rustix::time::{ClockId, clock_gettime};

/// The monotonic clock. Unlike [`std::time::Instant`] it can be told to another process.
pub(crate) fn monotonic() -> Duration {
    let now = clock_gettime(ClockId::Monotonic);
    Duration::new(now.tv_sec.unsigned_abs(), now.tv_nsec as u32)
}

/// The wall clock, which is the database's when it runs on this machine.
pub(crate) fn wall() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}

/// A time of the database as [`wall`] has it.
pub(crate) fn of_database(time: DateTime<Utc>) -> Duration {
    Duration::from_micros(time.timestamp_micros().unsigned_abs())
}
