//! A schedule in words.

use antares_protocol::job::JobSpec;

/// When a job fires, in English.
pub fn describe(spec: &JobSpec) -> String {
    spec.cron.clone().unwrap_or_default()
}
