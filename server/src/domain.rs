//! Pure rules: no I/O and no clock; times are passed in.

pub mod buckets;
pub mod calendar;
pub mod chunk;
pub mod cron;
pub mod job;
pub mod misfire;
mod outcome;
pub mod policy;
pub mod schedule;
pub mod secret;
mod when;
