//! Pure rules: no I/O and no clock; times are passed in.

pub mod buckets;
pub mod chance;
pub mod chunk;
pub mod cron;
pub mod job;
pub mod misfire;
#[cfg(test)]
pub(crate) mod random;
pub mod schedule;
pub mod secret;
pub mod words;
