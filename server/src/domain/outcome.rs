//! What a failure may mean to a job.

use antares_protocol::job::JobSpec;
use antares_protocol::policy::Sharding;
use antares_protocol::shard::MAX_SHARDS;

use super::job::{FieldError, refuse};

/// Longest wait before another attempt: seven days.
const MAX_RETRY_MS: u64 = 7 * 24 * 3_600_000;

/// Checks the fields that say what becomes of failures.
pub(super) fn validate(spec: &JobSpec) -> Result<(), FieldError> {
    if let Some(retry) = spec.retry {
        for (field, ms) in [
            ("retry.delay_ms", retry.delay_ms),
            ("retry.max_delay_ms", retry.max_delay_ms),
        ] {
            if ms > MAX_RETRY_MS {
                return refuse(field, "is more than 7 days; give less");
            }
        }
        if retry.jitter_percent > 100 {
            let message = format!("{} is not allowed; give 0 to 100", retry.jitter_percent);
            return refuse("retry.jitter_percent", message);
        }
    }
    if spec.allowed_failures > MAX_SHARDS {
        let given = spec.allowed_failures;
        let message = format!("{given} is not allowed; give 0 to {MAX_SHARDS}");
        return refuse("allowed_failures", message);
    }
    if spec.sharding == Sharding::Fixed && spec.allowed_failures > spec.shard_count {
        return refuse(
            "allowed_failures",
            "is more than shard_count; give less, or raise that",
        );
    }
    Ok(())
}
