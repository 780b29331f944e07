//! All SQL. Functions take a connection, so that callers compose them in one transaction, and know no
//! rules; statements on the hot path have a file of their own in `store/sql/`.

pub mod app;
pub mod attempt;
pub mod bucket;
pub mod calendar;
pub mod checkpoint;
pub mod client;
pub mod dependency;
pub mod direct;
pub mod explain;
pub mod form;
pub mod history;
pub mod instance;
pub mod job;
pub mod limit;
pub mod overview;
pub mod partition;
pub mod pool;
pub mod queue;
pub mod read;
pub mod rerun;
pub mod schedule;
pub mod server;
pub mod session;
pub mod shard;
pub mod sweep;

/// The schema's history, compiled in.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!("../migrations");
