//! Waiting for conditions, never for time.

use std::fmt::Debug;
use std::time::Duration;

use tokio::time::Instant;

/// A bound for what should take a second or two, on a machine that is busy with other things.
pub const BOUND: Duration = Duration::from_secs(20);
/// How often to look.
const PERIOD: Duration = Duration::from_millis(15);

/// Looks until `look` says `Ok`, and returns what it found. Past `bound` it panics with `what` and the
/// last `Err`.
#[track_caller]
pub fn wait_until<T, S: Debug>(
    what: &str,
    bound: Duration,
    mut look: impl AsyncFnMut() -> Result<T, S>,
) -> impl Future<Output = T> {
    let caller = std::panic::Location::caller();
    async move {
        let begin = Instant::now();
        loop {
            let seen = match look().await {
                Ok(found) => return found,
                Err(seen) => seen,
            };
            assert!(
                begin.elapsed() < bound,
                "{caller}: waited {bound:?} in vain for: {what}; last seen: {seen:?}"
            );
            tokio::time::sleep(PERIOD).await;
        }
    }
}

/// Looks until `look` gives `expected`.
#[track_caller]
pub fn wait_for<T: Debug + PartialEq>(
    what: &str,
    bound: Duration,
    expected: T,
    mut look: impl AsyncFnMut() -> T,
) -> impl Future<Output = ()> {
    wait_until(what, bound, async move || {
        let seen = look().await;
        if seen == expected { Ok(()) } else { Err(seen) }
    })
}
