//! The clocks that processes of one machine share.

use std::time::{SystemTime, UNIX_EPOCH};

use rustix::time::{ClockId, clock_gettime};

/// Nanoseconds of the monotonic clock. Unlike [`std::time::Instant`] it can be told to another process.
pub(crate) fn monotonic_ns() -> i64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec * 1_000_000_000 + now.tv_nsec
}

/// Microseconds of the wall clock, which is the database's when it runs on this machine.
pub(crate) fn wall_us() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_micros() as i64
}

/// The same in seconds, for a difference of two times.
pub(crate) fn seconds(us: i64) -> f64 {
    us as f64 / 1e6
}
