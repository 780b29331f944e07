//! The stages of work, one module each: they know the rules, own the transactions, and are the only ones
//! that change a state.

pub mod attempt;
pub mod backfill;
pub mod cache;
pub mod calendar;
pub mod dependency;
pub mod explain;
pub mod fire;
pub mod instance;
pub mod job;
pub mod next_hour;
pub mod preview;
pub mod rerun;
pub mod retry;
pub mod server;
pub mod shard;
pub mod start;
pub mod trigger;
