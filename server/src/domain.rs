//! Pure rules: no I/O and no clock; times are passed in.

pub mod buckets;
pub mod calendar;
pub mod chance;
pub mod chunk;
pub mod cron;
pub mod diff;
pub mod job;
pub mod misfire;
mod outcome;
pub mod policy;
#[cfg(test)]
pub(crate) mod random;
pub mod schedule;
pub mod secret;
pub mod words;
