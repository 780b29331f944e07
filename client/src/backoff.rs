//! How long to wait before trying again: doubling, capped, with jitter.

use std::time::Duration;

/// First delay once every server has been tried.
const FIRST: Duration = Duration::from_millis(100);
/// No delay is longer, except after a refusal.
const LONGEST: Duration = Duration::from_secs(4);
/// After a wrong secret or a request the server will not take: somebody has to change something first.
const REFUSED: Duration = Duration::from_secs(5);

/// Counts failures in a row and turns them into delays.
#[derive(Debug)]
pub(crate) struct Backoff {
    /// How many attempts go out quickly, because each goes to another server.
    quick: u32,
    failures: u32,
}

impl Backoff {
    /// For a list of `servers` addresses.
    pub(crate) fn new(servers: usize) -> Self {
        Self {
            quick: servers.saturating_sub(1) as u32,
            failures: 0,
        }
    }

    /// The call went through.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }

    /// The call failed: how long to wait. Between half and all of the full delay, so that clients which
    /// lost their server together do not return together.
    pub(crate) fn failed(&mut self) -> Duration {
        self.failures = self.failures.saturating_add(1);
        let full = match self.failures.checked_sub(self.quick + 1) {
            None => Duration::from_millis(20),
            Some(doublings) => LONGEST.min(FIRST.saturating_mul(1 << doublings.min(16))),
        };
        jitter(full)
    }

    /// Whether the last failure deserves a line in the log: the first few do, and then ever fewer.
    pub(crate) fn is_worth_logging(&self) -> bool {
        self.failures.is_power_of_two()
    }

    /// The server answered, but will not serve this client as it is.
    pub(crate) fn refused(&mut self) -> Duration {
        self.failures = self.failures.saturating_add(1);
        jitter(REFUSED)
    }
}

/// Between half and all of `full`.
pub(crate) fn jitter(full: Duration) -> Duration {
    full.mul_f64(0.5 + fastrand::f64() / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_other_server_is_tried_at_once_and_then_delays_double_up_to_the_cap() {
        let mut backoff = Backoff::new(3);
        for _ in 0..2 {
            assert!(backoff.failed() <= Duration::from_millis(20));
        }
        for full_ms in [100, 200, 400, 800, 1_600, 3_200, 4_000, 4_000] {
            let full = Duration::from_millis(full_ms);
            let delay = backoff.failed();
            assert!(
                delay >= full / 2 && delay <= full,
                "{delay:?} is not within {full:?}"
            );
        }
        backoff.reset();
        assert!(backoff.failed() <= Duration::from_millis(20));
    }

    #[test]
    fn a_thousand_failures_do_not_overflow() {
        let mut backoff = Backoff::new(1);
        for _ in 0..1_000 {
            assert!(backoff.failed() <= LONGEST);
        }
    }
}
